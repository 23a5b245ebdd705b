/* SPDX-License-Identifier: MIT */
#include "account.h"

#include "fake_daemon.h"
#include "unit.h"

#define STATUS(received, learned, rejected)                                              \
    "{\"ok\": true, \"streams\": {\"s\": {\"ledger\": {\"received\": " #received           \
    ", \"learned\": " #learned ", \"rejected\": {" rejected                              \
    "}, \"duplicate\": 0, \"queued\": 0, \"lost\": 0}}}}"
#define DRAINED                                                                          \
    "{\"ok\": true, \"ledger\": {\"received\": 110, \"learned\": 95, \"rejected\": "         \
    "{\"value\": 13, \"parse\": 2}}}"
#define LATE "{\"ok\": false, \"code\": \"timeout\", \"error\": \"not yet\"}"

/* A daemon that gives these replies, an account of its stream s, and what its drain of
 * 10 points leads to. */
static bool drain(const char *const *replies, size_t n, double timeout_s,
                  struct account *account, struct failure *failure)
{
    struct fake_daemon daemon;
    fake_start(&daemon, replies, n);
    const struct place place = {.control = daemon.endpoint};
    *failure = (struct failure){0};
    struct client *client = client_new(&place, failure);
    ck_assert_msg(client != NULL, "%s", failure->text);
    ck_assert(account_open(account, client, "s", timeout_s, failure));
    ck_assert_uint_eq(account_received(account), 0);
    const bool is_drained = account_drain(account, 10, failure);
    client_destroy(&client);
    fake_stop(&daemon);
    return is_drained;
}

START_TEST(a_drain_goes_on_while_the_ledger_grows)
{
    static const char *const replies[] = {
        STATUS(100, 90, "\"value\": 10"),
        LATE,
        STATUS(105, 95, "\"value\": 10"),
        LATE,
        STATUS(108, 95, "\"value\": 13"),
        DRAINED,
    };
    struct account account;
    struct failure failure;
    ck_assert_msg(drain(replies, COUNT(replies), 5, &account, &failure), "%s",
                  failure.text);
    ck_assert_uint_eq(account_received(&account), 10);
    char *rejected = account_rejected(&account);
    ck_assert_str_eq(rejected, "5 (value 3, parse 2)");
    free(rejected);
    account_close(&account);
}
END_TEST

START_TEST(without_progress_it_ends_and_says_what_grew)
{
    static const char *const replies[] = {
        STATUS(100, 100, ""),
        LATE,
        STATUS(107, 104, "\"parse\": 3"),
        LATE,
        STATUS(107, 104, "\"parse\": 3"),
    };
    struct account account;
    struct failure failure;
    ck_assert(!drain(replies, COUNT(replies), 0, &account, &failure));
    ck_assert_int_eq(failure.code, EX_IOERR);
    ck_assert_ptr_nonnull(strstr(failure.text, "sent 10, received +7, learned +4"));
    ck_assert_ptr_nonnull(strstr(failure.text, "rejected 3 (parse 3)"));
    account_close(&account);
}
END_TEST

START_TEST(a_stream_that_goes_is_an_error)
{
    static const char *const replies[] = {
        STATUS(0, 0, ""),
        "{\"ok\": false, \"code\": \"unknown-stream\", \"error\": \"gone\"}",
    };
    struct account account;
    struct failure failure;
    ck_assert(!drain(replies, COUNT(replies), 5, &account, &failure));
    ck_assert_int_eq(failure.code, EX_NOINPUT);
    account_close(&account);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(a_drain_goes_on_while_the_ledger_grows),
        UNIT(without_progress_it_ends_and_says_what_grew),
        UNIT(a_stream_that_goes_is_an_error),
    };
    return unit_run("account", tests, COUNT(tests));
}
