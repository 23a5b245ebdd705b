/* SPDX-License-Identifier: MIT
 *
 * Binds do not take over what somebody else uses. */
#include "socket.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sysexits.h>

#include "unit.h"

static char folder[64];
static char path[96];
static char endpoint[128];

static zsock_t *make(void)
{
    struct fault fault = {0};
    zsys_handler_set(NULL);
    snprintf(folder, sizeof(folder), "/tmp/mixd-socket-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/sock", folder);
    snprintf(endpoint, sizeof(endpoint), "ipc://%s", path);
    zsock_t *sock = socket_new(
        &(struct socket_options){.type = ZMQ_PULL, .max_message = 100, .queue = 10},
        &fault);
    ck_assert_msg(sock != NULL, "%s", fault.text);
    return sock;
}

static void unmake(zsock_t *sock)
{
    zsock_destroy(&sock);
    zsys_shutdown();
    unlink(path);
    ck_assert_int_eq(rmdir(folder), 0);
}

/* A unix socket at the path; listening, or left behind by somebody who has gone. */
static int listen_at_path(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, strlen(path));
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    ck_assert_int_eq(listen(fd, 1), 0);
    return fd;
}

static void expect_refusal(zsock_t *sock, const char *text, const char *why)
{
    struct fault fault = {0};
    ck_assert_ptr_null(socket_attach(sock, true, text, "place", &fault));
    ck_assert_int_eq(fault.code, EX_UNAVAILABLE);
    ck_assert_int_eq(strncmp(fault.text, "place: ", 7), 0);
    ck_assert_msg(strstr(fault.text, text) != NULL && strstr(fault.text, why) != NULL,
                  "%s", fault.text);
}

START_TEST(a_path_on_which_somebody_answers_is_left_to_him)
{
    zsock_t *sock = make();
    const int fd = listen_at_path();
    expect_refusal(sock, endpoint, "somebody answers");
    struct stat status;
    ck_assert_int_eq(lstat(path, &status), 0); /* his file is still there */
    close(fd);
    unmake(sock);
}
END_TEST

START_TEST(a_path_that_was_left_behind_is_taken)
{
    struct fault fault = {0};
    zsock_t *sock = make();
    close(listen_at_path());
    char *bound = socket_attach(sock, true, endpoint, "place", &fault);
    ck_assert_msg(bound != NULL, "%s", fault.text);
    ck_assert_str_eq(bound, endpoint);
    free(bound);
    unmake(sock);
}
END_TEST

START_TEST(a_file_that_is_no_socket_is_not_removed)
{
    zsock_t *sock = make();
    close(open(path, O_CREAT | O_WRONLY, 0600));
    expect_refusal(sock, endpoint, "no socket");
    ck_assert_int_eq(access(path, F_OK), 0);
    unmake(sock);
}
END_TEST

START_TEST(a_port_in_use_is_refused)
{
    struct fault fault = {0};
    zsock_t *sock = make();
    char *bound = socket_attach(sock, true, "tcp://127.0.0.1:*", "place", &fault);
    ck_assert_ptr_nonnull(bound);
    zsock_t *second = zsock_new(ZMQ_PULL);
    expect_refusal(second, bound, "in use");
    zsock_destroy(&second);
    free(bound);
    unmake(sock);
}
END_TEST

START_TEST(a_message_too_large_costs_the_connection)
{
    struct fault fault = {0};
    zsock_t *sock = make();
    char *bound = socket_attach(sock, true, "tcp://127.0.0.1:*", "place", &fault);
    zsock_t *bad = zsock_new(ZMQ_PUSH), *good = zsock_new(ZMQ_PUSH);
    char large[102] = {0};
    memset(large, 'x', 101);
    zsock_connect(bad, "%s", bound);
    zsock_connect(good, "%s", bound);
    zstr_send(bad, large);
    zstr_send(good, "small");
    char *text = zstr_recv(sock);
    ck_assert_str_eq(text, "small");
    zstr_free(&text);
    zsock_destroy(&bad);
    zsock_destroy(&good);
    free(bound);
    unmake(sock);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(a_path_on_which_somebody_answers_is_left_to_him),
        UNIT(a_path_that_was_left_behind_is_taken),
        UNIT(a_file_that_is_no_socket_is_not_removed),
        UNIT(a_port_in_use_is_refused),
        UNIT(a_message_too_large_costs_the_connection),
    };
    return unit_run("socket", tests, COUNT(tests));
}
