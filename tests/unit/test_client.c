/* SPDX-License-Identifier: MIT */
#include "client.h"

#include "fake_daemon.h"
#include "unit.h"

static struct client *connect_to(const struct fake_daemon *daemon)
{
    const struct place place = {.control = daemon->endpoint};
    struct failure failure = {0};
    struct client *client = client_new(&place, &failure);
    ck_assert_msg(client != NULL, "%s", failure.text);
    return client;
}

START_TEST(a_request_goes_out_and_its_reply_comes_back)
{
    static const char *const replies[] = {"{\"ok\": true, \"state\": \"frozen\"}"};
    struct fake_daemon daemon;
    struct failure failure = {0};
    fake_start(&daemon, replies, COUNT(replies));
    struct client *client = connect_to(&daemon);
    json_t *reply = client_command(client, "freeze", "boiler", &failure);
    ck_assert_int_eq(failure.code, EX_OK);
    ck_assert_str_eq(json_string_value(json_object_get(reply, "state")), "frozen");
    json_decref(reply);
    client_destroy(&client);
    ck_assert_ptr_null(client);
    fake_stop(&daemon);
    json_t *request = json_loads(daemon.requests[0], 0, NULL);
    json_t *wanted = json_pack("{s:s, s:s}", "command", "freeze", "stream", "boiler");
    ck_assert_msg(json_equal(request, wanted), "%s", daemon.requests[0]);
    json_decref(request);
    json_decref(wanted);
}
END_TEST

static const struct {
    const char *reply;
    int code;
} refusals[] = {
    {"{\"ok\": false, \"code\": \"unknown-command\", \"error\": \"e\"}", EX_USAGE},
    {"{\"ok\": false, \"code\": \"argument\", \"error\": \"e\"}", EX_USAGE},
    {"{\"ok\": false, \"code\": \"unknown-stream\", \"error\": \"e\"}", EX_NOINPUT},
    {"{\"ok\": false, \"code\": \"unknown-key\", \"error\": \"e\"}", EX_NOINPUT},
    {"{\"ok\": false, \"code\": \"unknown-source\", \"error\": \"e\"}", EX_NOINPUT},
    {"{\"ok\": false, \"code\": \"not-ready\", \"error\": \"e\"}", EX_BUSY},
    {"{\"ok\": false, \"code\": \"timeout\", \"error\": \"e\"}", EX_BUSY},
    {"{\"ok\": false, \"code\": \"refused\", \"error\": \"e\"}", EX_DATAERR},
    {"{\"ok\": false, \"code\": \"internal\", \"error\": \"e\"}", EX_SOFTWARE},
    {"{\"ok\": false}", EX_SOFTWARE},
    {"[1]", EX_SOFTWARE},
    {"{", EX_SOFTWARE},
    {"", EX_SOFTWARE},
};

START_TEST(a_refusal_becomes_an_exit_code)
{
    struct fake_daemon daemon;
    struct failure failure = {0};
    fake_start(&daemon, &refusals[_i].reply, 1);
    struct client *client = connect_to(&daemon);
    ck_assert_ptr_null(client_command(client, "status", NULL, &failure));
    ck_assert_msg(failure.code == refusals[_i].code, "%s: %d %s", refusals[_i].reply,
                  failure.code, failure.text);
    client_destroy(&client);
    fake_stop(&daemon);
}
END_TEST

/* The second reply is to the request that was given up: it must not be taken for that
 * of the third. The thread answers them late, one after the other. */
START_TEST(a_late_reply_is_not_taken_for_the_next)
{
    static const char *const replies[] = {NULL, "{\"ok\": true, \"n\": 2}"};
    struct fake_daemon daemon;
    struct failure failure = {0};
    fake_start(&daemon, replies, COUNT(replies));
    struct client *client = connect_to(&daemon);
    json_t *request = json_pack("{s:s}", "command", "status");
    ck_assert_ptr_null(client_ask(client, request, 0.05, &failure));
    ck_assert_int_eq(failure.code, EX_BUSY);
    json_t *reply = client_ask(client, request, CLIENT_TIMEOUT_S, &failure);
    ck_assert_int_eq(failure.code, EX_OK);
    ck_assert_int_eq(json_integer_value(json_object_get(reply, "n")), 2);
    json_decref(reply);
    json_decref(request);
    client_destroy(&client);
    fake_stop(&daemon);
}
END_TEST

START_TEST(a_daemon_that_goes_is_noticed_without_a_timeout)
{
    static const char *const replies[] = {NULL};
    struct fake_daemon daemon;
    struct failure failure = {0};
    fake_start(&daemon, replies, COUNT(replies));
    struct client *client = connect_to(&daemon);
    fake_stop(&daemon);
    json_t *request = json_pack("{s:s}", "command", "wait");
    ck_assert_ptr_null(client_ask(client, request, CLIENT_NO_TIMEOUT, &failure));
    ck_assert_int_eq(failure.code, EX_UNAVAILABLE);
    json_decref(request);
    client_destroy(&client);
}
END_TEST

START_TEST(a_daemon_that_is_back_at_once_has_forgotten_the_request)
{
    static const char *const replies[] = {FAKE_FALL, "{\"ok\": true}"};
    struct fake_daemon daemon;
    struct failure failure = {0};
    fake_start(&daemon, replies, COUNT(replies));
    struct client *client = connect_to(&daemon);
    json_t *request = json_pack("{s:s}", "command", "wait");
    ck_assert_ptr_null(client_ask(client, request, CLIENT_NO_TIMEOUT, &failure));
    ck_assert_int_eq(failure.code, EX_UNAVAILABLE);
    json_decref(request);
    client_destroy(&client);
    fake_stop(&daemon);
}
END_TEST

static const struct {
    const char *endpoint;
    int code;
} nobody[] = {
    {"ipc:///nowhere/control.sock", EX_UNAVAILABLE},
    {"tcp://127.0.0.1:1", EX_UNAVAILABLE}, /* tcpmux: nobody has it */
    {"http://127.0.0.1", EX_USAGE},
    {"nonsense", EX_USAGE},
};

START_TEST(nobody_there_is_an_error_that_names_the_place)
{
    const struct place place = {.control = nobody[_i].endpoint};
    struct failure failure = {0};
    ck_assert_ptr_null(client_new(&place, &failure));
    ck_assert_msg(failure.code == nobody[_i].code, "%s: %d", failure.text, failure.code);
    ck_assert_int_eq(
        strncmp(failure.text, nobody[_i].endpoint, strlen(nobody[_i].endpoint)), 0);
}
END_TEST

START_TEST(the_publisher_is_asked_for_unless_it_is_known)
{
    static const char *const replies[] = {
        "{\"ok\": true, \"endpoints\": {\"publish\": [\"tcp://127.0.0.1:9\"]}}",
        "{\"ok\": true}",
    };
    struct fake_daemon daemon;
    struct failure failure = {0};
    fake_start(&daemon, replies, COUNT(replies));
    struct client *client = connect_to(&daemon);
    unsetenv("MIXD_PUBLISH");
    char *endpoint = client_publisher(client, &failure);
    ck_assert_str_eq(endpoint, "tcp://127.0.0.1:9");
    free(endpoint);
    ck_assert_ptr_null(client_publisher(client, &failure));
    ck_assert_int_eq(failure.code, EX_SOFTWARE);
    setenv("MIXD_PUBLISH", "tcp://127.0.0.1:8", 1);
    endpoint = client_publisher(client, &failure);
    ck_assert_str_eq(endpoint, "tcp://127.0.0.1:8");
    free(endpoint);
    client_destroy(&client);
    fake_stop(&daemon);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(a_request_goes_out_and_its_reply_comes_back),
        UNIT_LOOP(a_refusal_becomes_an_exit_code, refusals),
        UNIT(a_late_reply_is_not_taken_for_the_next),
        UNIT(a_daemon_that_goes_is_noticed_without_a_timeout),
        UNIT(a_daemon_that_is_back_at_once_has_forgotten_the_request),
        UNIT_LOOP(nobody_there_is_an_error_that_names_the_place, nobody),
        UNIT(the_publisher_is_asked_for_unless_it_is_known),
    };
    return unit_run("client", tests, COUNT(tests));
}
