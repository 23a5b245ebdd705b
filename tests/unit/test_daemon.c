/* SPDX-License-Identifier: MIT
 *
 * Stages: a start that fails names its cause, and leaves nothing behind; a daemon that
 * runs serves its clients, and stops when it is told to (loop, dispatch, here). */
#include "daemon.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>

#include "config_file.h"
#include "loop.h"
#include "unit.h"

#define STREAM "    fields: [x]\n    model: {components: 1}\n"

static struct config *config;

/* Runs a daemon from this file; its exit code, and the fault. */
static int run(const char *text, struct fault *fault)
{
    struct daemon daemon = {0};
    file_start();
    config = file_read_good(text);
    log_configure(LEVEL_ERROR, LOG_TEXT);
    zsys_handler_set(NULL);
    daemon.config = config;
    const int code = daemon_run(&daemon);
    *fault = daemon.fault;
    return code;
}

static void clean(void)
{
    char command[128];
    config_destroy(&config);
    zsys_shutdown();
    snprintf(command, sizeof(command), "rm -r '%s'", file_folder);
    ck_assert_int_eq(system(command), 0);
}

#define PUBLISH "publish: {bind: \"tcp://127.0.0.1:*\"}\n"
#define FEED "streams:\n  s:\n    feed: {bind: \"tcp://127.0.0.1:*\"}\n" STREAM

/* Files around an endpoint that somebody else has. */
static const struct {
    const char *before, *after;
} taken[] = {
    {"publish: {bind: \"", "\"}\n" FEED},
    {PUBLISH "control: {bind: \"", "\"}\n" FEED},
    {PUBLISH "streams:\n  s:\n    feed: {bind: \"", "\"}\n" STREAM},
};

START_TEST(an_endpoint_in_use_ends_the_start)
{
    struct fault fault;
    char text[1024];
    zsys_handler_set(NULL);
    zsock_t *other = zsock_new(ZMQ_PULL);
    zsock_bind(other, "tcp://127.0.0.1:*");
    snprintf(text, sizeof(text), "%s%s%s", taken[_i].before, zsock_endpoint(other),
             taken[_i].after);
    ck_assert_int_eq(run(text, &fault), EX_UNAVAILABLE);
    ck_assert_msg(strstr(fault.text, zsock_endpoint(other)) != NULL, "%s", fault.text);
    char path[128];
    snprintf(path, sizeof(path), "%s/mixd-state/endpoints.json", file_folder);
    ck_assert_int_eq(access(path, F_OK), -1);
    struct fault again = {0};
    struct state *state = state_open(config->state_path, &again); /* not locked */
    ck_assert_msg(state != NULL, "%s", again.text);
    state_close(&state);
    zsock_destroy(&other);
    clean();
}
END_TEST

START_TEST(a_state_in_use_ends_the_start)
{
    struct fault fault;
    char path[128];
    snprintf(path, sizeof(path), "/tmp/mixd-held-%d", (int)getpid());
    struct state *state = state_open(path, &fault);
    ck_assert_ptr_nonnull(state);
    char text[1024];
    snprintf(text, sizeof(text), "state: %s\n" PUBLISH FEED, path);
    ck_assert_int_eq(run(text, &fault), EX_TEMPFAIL);
    state_close(&state);
    clean();
    snprintf(text, sizeof(text), "rm -r '%s'", path);
    ck_assert_int_eq(system(text), 0);
}
END_TEST

static const int ends[] = {SIGTERM, SIGINT};

START_TEST(a_signal_before_the_loop_is_not_lost)
{
    struct fault fault;
    loop_block_signals();
    raise(ends[_i]);
    ck_assert_int_eq(run(PUBLISH FEED, &fault), 0);
    clean();
}
END_TEST

/* ---- A client, in a process of its own ------------------------------------- */

/* Requests, in order, and a part of the reply to each; the last one ends the daemon. */
static const struct {
    const char *request, *reply;
} talk[] = {
    {"{\"command\":\"version\"}", "\"version\":\""},
    {"{\"command\":\"status\"}", "\"durability\":"},
    {"{\"command\":\"status\"}", "\"streams\":{\"s\":{"},
    {"{\"command\":\"streams\"}", "\"endpoints\":[\"tcp://127.0.0.1:"},
    {"{\"command\":\"config\"}", "components: 1"},
    {"{\"command\":\"model\",\"stream\":\"s\"}", "\"not-ready\""},
    {"{\"command\":\"model\",\"stream\":\"t\"}", "\"unknown-stream\""},
    {"{\"command\":\"nothing\"}", "\"unknown-command\""},
    {"{\"command\":\"stop\"}", "\"stopping\":true"},
};

/* Returns 0 when all replies are as they should be. */
static int run_client(const char *endpoint)
{
    zsys_handler_set(NULL);
    zsock_t *sock = zsock_new(ZMQ_REQ);
    zsock_set_rcvtimeo(sock, 30000);
    zsock_connect(sock, "%s", endpoint);
    int code = 0;
    for (size_t i = 0; i < COUNT(talk); i++) { /* to the end, so that it stops */
        zstr_send(sock, talk[i].request);
        char *text = zstr_recv(sock);
        if (text == NULL || strstr(text, talk[i].reply) == NULL) {
            fprintf(stderr, "%s: %s\n", talk[i].request, text != NULL ? text : "silence");
            code = 1;
        }
        zstr_free(&text);
    }
    zsock_destroy(&sock);
    zsys_shutdown();
    return code;
}

START_TEST(a_client_is_served_until_it_says_stop)
{
    struct fault fault;
    char text[1024], endpoint[64];
    snprintf(endpoint, sizeof(endpoint), "ipc:///tmp/mixd-client-%d", (int)getpid());
    const pid_t client = fork();
    if (client == 0) {
        _exit(run_client(endpoint));
    }
    snprintf(text, sizeof(text), PUBLISH "control: {bind: \"%s\"}\n" FEED, endpoint);
    ck_assert_int_eq(run(text, &fault), 0);
    int status;
    ck_assert_int_eq(waitpid(client, &status, 0), client);
    ck_assert_int_eq(status, 0);
    unlink(endpoint + strlen("ipc://"));
    clean();
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT_LOOP(an_endpoint_in_use_ends_the_start, taken),
        UNIT(a_state_in_use_ends_the_start),
        UNIT(a_client_is_served_until_it_says_stop),
        UNIT_LOOP(a_signal_before_the_loop_is_not_lost, ends),
    };
    return unit_run("daemon", tests, COUNT(tests));
}
