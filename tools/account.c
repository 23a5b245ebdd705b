/* SPDX-License-Identifier: MIT
 *
 * Comparing two ledgers. */
#include "account.h"

#include <stdlib.h>
#include <string.h>

/* The daemon answers a drain after this time at the latest, so that progress can be
 * looked at. */
#define DRAIN_SLICE_S 1

static uint64_t count_of(const json_t *ledger, const char *entry)
{
    return (uint64_t)json_integer_value(json_object_get(ledger, entry));
}

/* The ledger of the stream; new reference. */
static json_t *ledger_ask(struct account *account, struct failure *failure)
{
    json_t *reply = client_command(account->client, "status", NULL, failure);
    if (reply == NULL) {
        return NULL;
    }
    const json_t *stream =
        json_object_get(json_object_get(reply, "streams"), account->stream);
    json_t *ledger = json_incref(json_object_get(stream, "ledger"));
    json_decref(reply);
    if (ledger == NULL) {
        failure_set(failure, EX_NOINPUT, "%s: the stream has gone", account->stream);
    }
    return ledger;
}

/* Takes over a ledger and notes whether it grew. */
static void look_at(struct account *account, json_t *ledger)
{
    if (count_of(ledger, "received") > count_of(account->now, "received")) {
        account->progress_s = tool_clock();
    }
    json_decref(account->now);
    account->now = ledger;
}

bool account_open(struct account *account, struct client *client, const char *stream,
                  double timeout_s, struct failure *failure)
{
    *account = (struct account){
        .client = client,
        .stream = stream,
        .timeout_s = timeout_s,
        .progress_s = tool_clock(),
    };
    account->before = ledger_ask(account, failure);
    account->now = json_incref(account->before);
    return account->before != NULL;
}

void account_close(struct account *account)
{
    json_decref(account->before);
    json_decref(account->now);
    account->before = NULL;
    account->now = NULL;
}

uint64_t account_received(const struct account *account)
{
    return count_of(account->now, "received") - count_of(account->before, "received");
}

char *account_rejected(const struct account *account)
{
    const json_t *before = json_object_get(account->before, "rejected");
    json_t *now = json_object_get(account->now, "rejected");
    char *reasons = tool_text("%s", "");
    uint64_t total = 0;
    const char *reason;
    json_t *count;
    json_object_foreach(now, reason, count)
    {
        const uint64_t grown = count_of(now, reason) - count_of(before, reason);
        if (grown > 0) {
            char *longer = tool_text("%s%s%s %llu", reasons, total > 0 ? ", " : "",
                                     reason, (unsigned long long)grown);
            free(reasons);
            reasons = longer;
            total += grown;
        }
    }
    char *text =
        total == 0 ? NULL : tool_text("%llu (%s)", (unsigned long long)total, reasons);
    free(reasons);
    return text;
}

/* The failure of a feed that does not get on. */
static void say_growth(const struct account *account, uint64_t sent,
                       struct failure *failure)
{
    static const char *const entries[] = {"received", "learned", "duplicate", "queued",
                                          "lost"};
    char *rejected = account_rejected(account);
    char *text = tool_text("sent %llu", (unsigned long long)sent);
    for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
        char *longer = tool_text("%s, %s %+lld", text, entries[i],
                                 (long long)(count_of(account->now, entries[i]) -
                                             count_of(account->before, entries[i])));
        free(text);
        text = longer;
    }
    failure_set(failure, EX_IOERR,
                "%s: no progress for %g s: %s, rejected %s: see mixctl rejects %s",
                account->stream, account->timeout_s, text,
                rejected != NULL ? rejected : "+0", account->stream);
    free(text);
    free(rejected);
}

static bool is_patient(const struct account *account, uint64_t sent,
                       struct failure *failure)
{
    if (tool_clock() - account->progress_s < account->timeout_s) {
        return true;
    }
    say_growth(account, sent, failure);
    return false;
}

bool account_check(struct account *account, uint64_t sent, struct failure *failure)
{
    json_t *ledger = ledger_ask(account, failure);
    if (ledger == NULL) {
        return false;
    }
    look_at(account, ledger);
    return is_patient(account, sent, failure);
}

/* One slice of waiting: the ledger once all is there, or NULL. */
static json_t *drain_ask(struct account *account, uint64_t sent, struct failure *failure)
{
    json_t *request = tool_need(json_pack(
        "{s:s, s:s, s:I, s:I, s:i}", "command", "drain", "stream", account->stream,
        "sent", (json_int_t)sent, "since",
        (json_int_t)count_of(account->before, "received"), "timeout", DRAIN_SLICE_S));
    json_t *reply = client_ask(account->client, request, CLIENT_TIMEOUT_S, failure);
    json_t *ledger = json_incref(json_object_get(reply, "ledger"));
    json_decref(request);
    json_decref(reply);
    return ledger;
}

bool account_drain(struct account *account, uint64_t sent, struct failure *failure)
{
    account->progress_s = tool_clock();
    for (;;) {
        json_t *ledger = drain_ask(account, sent, failure);
        if (failure->code == EX_OK) {
            look_at(account, ledger);
            return true;
        }
        json_decref(ledger);
        if (failure->code != EX_BUSY) {
            return false;
        }
        failure->code = EX_OK;
        if (!account_check(account, sent, failure)) {
            return false;
        }
    }
}
