/* SPDX-License-Identifier: MIT
 *
 * The control socket serves every kind of client, and no client can stop it. */
#include "control.h"

#include <string.h>
#include <sys/stat.h>

#include "commands.h"
#include "unit.h"

static char folder[64];
static char endpoint[96];
static const struct moment now = {.ms = 1000, .wall_s = 1e9};

static struct control *make(void)
{
    struct fault fault = {0};
    zsys_handler_set(NULL);
    log_configure(LEVEL_ERROR, LOG_TEXT);
    snprintf(folder, sizeof(folder), "/tmp/mixd-control-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(endpoint, sizeof(endpoint), "ipc://%s/sock", folder);
    umask(077);
    struct control *control = control_open(endpoint, &fault);
    ck_assert_msg(control != NULL, "%s", fault.text);
    return control;
}

static void unmake(struct control *control)
{
    control_close(&control);
    zsys_shutdown();
    unlink(endpoint + strlen("ipc://"));
    ck_assert_int_eq(rmdir(folder), 0);
}

static zsock_t *client(int type)
{
    zsock_t *sock = zsock_new(type);
    zsock_set_linger(sock, 0);
    ck_assert_int_eq(zsock_connect(sock, "%s", endpoint), 0);
    return sock;
}

/* Waits for the next request. */
static struct request *receive(struct control *control)
{
    zmq_pollitem_t item = {zsock_resolve(control->sock), 0, ZMQ_POLLIN, 0};
    struct request *request;
    while ((request = control_receive(control, now)) == NULL) {
        ck_assert_int_eq(zmq_poll(&item, 1, 30000), 1);
    }
    return request;
}

static const char *const ask = "{\"command\":\"version\"}";

/* Frames that a client sends, and how many come back before the reply. */
static const struct {
    int type;
    const char *part[4];
    size_t n_envelope;
} ways[] = {
    {ZMQ_REQ, {"{\"command\":\"version\"}"}, 0}, /* which takes its delimiter away */
    {ZMQ_DEALER, {"{\"command\":\"version\"}"}, 0},
    {ZMQ_DEALER, {"", "{\"command\":\"version\"}"}, 1},
    {ZMQ_DEALER, {"id", "", "{\"command\":\"version\"}"}, 2},
};

START_TEST(the_envelope_comes_back)
{
    struct control *control = make();
    zsock_t *sock = client(ways[_i].type);
    for (size_t i = 0; ways[_i].part[i] != NULL; i++) {
        if (ways[_i].part[i + 1] != NULL) {
            zstr_sendm(sock, ways[_i].part[i]);
        } else {
            zstr_send(sock, ways[_i].part[i]);
        }
    }
    struct request *request = receive(control);
    ck_assert_int_eq(request->code, CODE_OK);
    ck_assert_str_eq(request->command->name, "version");
    request->reply = json_pack("{s:s}", "version", "x");
    control_reply(control, &request);
    ck_assert_ptr_null(request);
    zmsg_t *reply = zmsg_recv(sock);
    ck_assert_uint_eq(zmsg_size(reply), ways[_i].n_envelope + 1);
    for (size_t i = 0; i < ways[_i].n_envelope; i++) {
        char *part = zmsg_popstr(reply);
        ck_assert_str_eq(part, ways[_i].part[i]);
        zstr_free(&part);
    }
    char *text = zmsg_popstr(reply);
    ck_assert_str_eq(text, "{\"ok\":true,\"version\":\"x\"}");
    zstr_free(&text);
    zmsg_destroy(&reply);
    zsock_destroy(&sock);
    unmake(control);
}
END_TEST

START_TEST(requests_of_many_clients_keep_apart)
{
    struct control *control = make();
    zsock_t *socks[100];
    for (size_t i = 0; i < COUNT(socks); i++) {
        socks[i] = client(ZMQ_REQ);
        char text[64];
        snprintf(text, sizeof(text), "{\"command\":\"model\",\"stream\":\"%zu\"}", i);
        zstr_send(socks[i], text);
    }
    struct request *requests[COUNT(socks)];
    for (size_t i = 0; i < COUNT(socks); i++) {
        requests[i] = receive(control);
    }
    for (size_t i = COUNT(socks); i > 0; i--) { /* answered in another order */
        struct request *request = requests[i - 1];
        request_fail(request, CODE_UNKNOWN_STREAM, "%s",
                     json_string_value(json_object_get(request->arguments, "stream")));
        control_reply(control, &request);
    }
    for (size_t i = 0; i < COUNT(socks); i++) {
        char *text = zstr_recv(socks[i]);
        char expected[64];
        snprintf(expected, sizeof(expected), "\"error\":\"%zu\"", i);
        ck_assert_ptr_nonnull(strstr(text, expected));
        zstr_free(&text);
        zsock_destroy(&socks[i]);
    }
    unmake(control);
}
END_TEST

START_TEST(a_client_that_left_is_no_error)
{
    struct control *control = make();
    zsock_t *gone = client(ZMQ_DEALER);
    zstr_send(gone, ask);
    struct request *request = receive(control);
    zsock_destroy(&gone);
    control_reply(control, &request);
    zsock_t *next = client(ZMQ_DEALER);
    zstr_send(next, ask);
    request = receive(control);
    control_reply(control, &request);
    char *text = zstr_recv(next);
    ck_assert_ptr_nonnull(text);
    zstr_free(&text);
    zsock_destroy(&next);
    unmake(control);
}
END_TEST

START_TEST(a_client_that_does_not_read_holds_nobody_up)
{
    struct control *control = make();
    zsock_t *deaf = client(ZMQ_DEALER);
    for (int i = 0; i < 5000; i++) { /* more replies than its queue holds */
        zstr_send(deaf, ask);
        struct request *request = receive(control);
        control_reply(control, &request);
    }
    zsock_destroy(&deaf);
    unmake(control);
}
END_TEST

START_TEST(a_message_of_many_frames_is_dropped)
{
    struct control *control = make();
    zsock_t *sock = client(ZMQ_DEALER);
    for (int i = 0; i < 1000; i++) {
        zstr_sendm(sock, "frame");
    }
    zstr_send(sock, ask);
    zstr_send(sock, "{\"command\":\"status\"}");
    struct request *request = receive(control);
    ck_assert_str_eq(request->command->name, "status");
    request_destroy(&request);
    zsock_destroy(&sock);
    unmake(control);
}
END_TEST

START_TEST(the_socket_file_is_for_its_own_user)
{
    struct control *control = make();
    struct stat status;
    ck_assert_int_eq(stat(endpoint + strlen("ipc://"), &status), 0);
    ck_assert_uint_eq(status.st_mode & 077, 0);
    unmake(control);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT_LOOP(the_envelope_comes_back, ways),
        UNIT(requests_of_many_clients_keep_apart),
        UNIT(a_client_that_left_is_no_error),
        UNIT(a_client_that_does_not_read_holds_nobody_up),
        UNIT(a_message_of_many_frames_is_dropped),
        UNIT(the_socket_file_is_for_its_own_user),
    };
    return unit_run("control", tests, COUNT(tests));
}
