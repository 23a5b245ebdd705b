/* SPDX-License-Identifier: MIT
 *
 * One loop: fill a message with rows, wait until it is due, send it. Whoever does not
 * take it is waited for as long as the ledger grows. */
#include "autoconf.h"

#include "feeding.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "account.h"
#include "client.h"
#include "delivery.h"
#include "format.h"
#include "outlet.h"
#include "progress.h"
#include "stop.h"
#include "supply.h"
#include "target.h"

struct feeding {
    const struct feed_options *options;
    struct client *client; /* NULL: the daemon is not asked */
    void *context;         /* ZeroMQ's, when there is no client */
    struct target target;
    struct supply supply;
    struct parts *parts;
    struct outlet *outlet;
    struct account account;
    struct progress progress;
    uint64_t sent;
};

/* ---- The way ------------------------------------------------------------- */

static bool asks_daemon(const struct feed_options *options)
{
    return options->endpoint == NULL || !options->no_drain || options->stream != NULL;
}

/* Connects to the daemon and reads what it says of the stream. */
static bool open_target(struct feeding *feeding, struct failure *failure)
{
    const struct feed_options *options = feeding->options;
    feeding->client = client_new(&options->place, failure);
    if (feeding->client == NULL) {
        return false;
    }
    json_t *reply = client_command(feeding->client, "streams", NULL, failure);
    const bool is_read =
        reply != NULL && target_read(&feeding->target, reply, options->stream, failure);
    json_decref(reply);
    return is_read && (options->no_drain ||
                       account_open(&feeding->account, feeding->client,
                                    feeding->target.stream, options->timeout_s, failure));
}

/* What the command line says comes before what the daemon says. */
static void override_target(struct feeding *feeding)
{
    const struct feed_options *options = feeding->options;
    struct target *target = &feeding->target;
    if (options->endpoint != NULL) {
        free(target->endpoint);
        target->endpoint = tool_text("%s", options->endpoint);
        target->binds = options->binds;
    }
    if (options->format != NULL || target->format == NULL) {
        target->format = format_find(options->format != NULL ? options->format : "array");
    }
}

/* What the stream would reject, or leave unread, is not sent. */
static bool check_options(const struct feeding *feeding, struct failure *failure)
{
    const struct feed_options *options = feeding->options;
    const struct target *target = &feeding->target;
    const struct format *format =
        options->format != NULL ? format_find(options->format) : target->format;
    if (format != target->format &&
        !(target->takes_lines && format == format_find("json"))) {
        failure_set(failure, EX_USAGE, "--format: %s: stream %s takes %s%s",
                    options->format, target->stream, target->format->name,
                    target->takes_lines ? " or json (feed.format: auto)" : "");
    } else if (options->columns.input.weight != NULL && !target->layout->has_weight) {
        failure_set(failure, EX_USAGE,
                    "--weight: stream %s has no column for it: leave it out",
                    target->stream);
    }
    return failure->code == EX_OK;
}

/* A reliable feed takes points in one way only, and is not fed by accident. */
static bool check_type(const struct feeding *feeding, struct failure *failure)
{
    const struct target *target = &feeding->target;
    if (target->is_reliable != feeding->options->is_reliable) {
        failure_set(failure, EX_USAGE, "%s: its feed.type is %sreliable: %s",
                    target->stream, target->is_reliable ? "" : "not ",
                    target->is_reliable ? "give --reliable --source NAME"
                                        : "leave out --reliable");
        return false;
    }
    return true;
}

/* Finds out where the points go. */
static bool find_target(struct feeding *feeding, struct failure *failure)
{
    if (asks_daemon(feeding->options) &&
        !(open_target(feeding, failure) && check_type(feeding, failure) &&
          check_options(feeding, failure))) {
        return false;
    }
    override_target(feeding);
    return true;
}

static bool open_way(struct feeding *feeding, struct failure *failure)
{
    const struct feed_options *options = feeding->options;
    if (!supply_open(&feeding->supply, options, &feeding->target, failure)) {
        return false;
    }
    if (feeding->target.key_is_topic && feeding->supply.source->has_key) {
        gather_by_key(feeding->supply.gather);
    }
    if (feeding->client == NULL) {
        feeding->context = tool_need(zmq_ctx_new());
    }
    feeding->parts = tool_need(parts_new());
    feeding->outlet = outlet_new(feeding->client != NULL ? client_context(feeding->client)
                                                         : feeding->context,
                                 &feeding->target, failure);
    return feeding->outlet != NULL;
}

static void close_way(struct feeding *feeding)
{
    account_close(&feeding->account);
    outlet_destroy(&feeding->outlet, feeding->options->timeout_s);
    parts_destroy(&feeding->parts);
    supply_close(&feeding->supply);
    target_clear(&feeding->target);
    client_destroy(&feeding->client);
    if (feeding->context != NULL) {
        zmq_ctx_term(feeding->context);
    }
}

/* ---- Sending ------------------------------------------------------------- */

static void show(struct feeding *feeding, const char *note, bool is_last)
{
    double share = source_share(feeding->supply.source);
    if (feeding->options->count > 0) {
        share = fmax((double)feeding->sent / feeding->options->count,
                     isnan(share) ? 0 : share);
    }
    const struct progress_state state = {share, feeding->sent, note};
    progress_show(&feeding->progress, &state, is_last);
}

/* Nobody takes the message. False when it is time to give up. */
static bool is_worth_waiting(struct feeding *feeding, double blocked_s,
                             struct failure *failure)
{
    const double timeout_s = feeding->options->timeout_s;
    show(feeding, "waiting for the daemon", false);
    if (blocked_s < fmin(1, timeout_s)) {
        return true;
    }
    if (feeding->account.client != NULL) {
        return account_check(&feeding->account, feeding->sent, failure);
    }
    if (blocked_s >= timeout_s) {
        failure_set(failure, EX_IOERR, "%s: nobody takes the points for %g s",
                    feeding->target.endpoint, timeout_s);
    }
    return blocked_s < timeout_s;
}

/* Sends the message, waiting for room. False on a failure, or when asked to end. */
static bool send_message(struct feeding *feeding, struct failure *failure)
{
    double blocked_since = tool_clock();
    feeding->account.progress_s = blocked_since;
    for (;;) {
        const enum outlet_result result = outlet_send(
            feeding->outlet, gather_key(feeding->supply.gather), feeding->parts);
        if (result == OUTLET_SENT) {
            feeding->sent += gather_rows(feeding->supply.gather).n;
            return true;
        }
        if (result == OUTLET_FAILED) {
            failure_set(failure, EX_IOERR, "%s: %s", feeding->target.endpoint,
                        zmq_strerror(zmq_errno()));
            return false;
        }
        const double blocked_s = tool_clock() - blocked_since;
        if (stop_is_asked() || !is_worth_waiting(feeding, blocked_s, failure)) {
            return false;
        }
    }
}

static bool encode_message(struct feeding *feeding, struct failure *failure)
{
    const struct rows rows = gather_rows(feeding->supply.gather);
    if (!feeding->target.format->encode(feeding->target.layout, &rows, feeding->parts)) {
        failure_set(failure, EX_OSERR, "out of memory for a message of %zu points",
                    rows.n);
        return false;
    }
    return true;
}

static void send_all(struct feeding *feeding, struct failure *failure)
{
    feeding->supply.started_s = tool_clock();
    while (!stop_is_asked() && supply_next(&feeding->supply, failure)) {
        if (stop_wait(supply_due_s(&feeding->supply)) ||
            !encode_message(feeding, failure) || !send_message(feeding, failure)) {
            return;
        }
        show(feeding, NULL, false);
    }
    supply_check(&feeding->supply, failure);
}

/* ---- Account ------------------------------------------------------------- */

/* What was rejected meanwhile, by the ledger last seen. */
static void warn(struct feeding *feeding)
{
    char *rejected =
        feeding->account.client != NULL ? account_rejected(&feeding->account) : NULL;
    if (rejected != NULL) {
        fprintf(stderr, "mixfeed: %s: rejected %s: see mixctl rejects %s\n",
                feeding->target.stream, rejected, feeding->target.stream);
    }
    free(rejected);
}

/* Waits for the ledger and prints the result. */
static void finish(struct feeding *feeding, struct failure *failure)
{
    const bool is_asked = feeding->account.client != NULL;
    if (is_asked && failure->code == EX_OK) {
        show(feeding, "waiting for the ledger", true);
        account_drain(&feeding->account, feeding->sent, failure);
    } else {
        show(feeding, NULL, true);
    }
    progress_clear(&feeding->progress);
    if (is_asked) {
        printf("sent %" PRIu64 " accounted %" PRIu64 "\n", feeding->sent,
               account_received(&feeding->account));
    } else {
        printf("sent %" PRIu64 "\n", feeding->sent);
    }
    fflush(stdout);
    warn(feeding);
    supply_warn(&feeding->supply);
}

/* The same through a reliable feed. The daemon may be another one by its end. */
static void deliver(struct feeding *feeding, struct failure *failure)
{
    struct failure unheard = {0};
    delivery_run(feeding->options, &feeding->target, failure);
    client_destroy(&feeding->client);
    if (feeding->account.before != NULL) {
        feeding->client = client_new(&feeding->options->place, &unheard);
        feeding->account.client = feeding->client;
    }
    if (feeding->client != NULL) {
        account_check(&feeding->account, 0, &unheard);
        warn(feeding);
    }
}

void feeding_run(const struct feed_options *options, struct failure *failure)
{
    struct feeding feeding = {
        .options = options,
        .progress = progress_start(),
    };
    if (!find_target(&feeding, failure)) {
        close_way(&feeding);
        return;
    }
    if (options->is_reliable) {
        deliver(&feeding, failure);
    } else if (open_way(&feeding, failure)) {
        send_all(&feeding, failure);
        finish(&feeding, failure);
    }
    close_way(&feeding);
}
