/* SPDX-License-Identifier: MIT
 *
 * Stages: a start that fails names its cause, and leaves nothing behind; a daemon that
 * runs stops when it is told to. */
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

int main(void)
{
    const struct unit_test tests[] = {
        UNIT_LOOP(an_endpoint_in_use_ends_the_start, taken),
        UNIT(a_state_in_use_ends_the_start),
        UNIT_LOOP(a_signal_before_the_loop_is_not_lost, ends),
    };
    return unit_run("daemon", tests, COUNT(tests));
}
