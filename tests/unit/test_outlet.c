/* SPDX-License-Identifier: MIT */
#include "outlet.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#include "unit.h"

/* A message of two points in that format. */
static struct parts *message_in(const struct format *format)
{
    static const double values[] = {1.5, -2, 3, 4};
    static const char *const columns[] = {"x", "y"};
    const struct rows rows = {.values = values, .n = 2};
    struct layout *layout = layout_new(columns, 2, columns, 2, NULL, NULL, NULL, NULL);
    struct parts *parts = parts_new();
    ck_assert(format->encode(layout, &rows, parts));
    layout_destroy(&layout);
    return parts;
}

static void *receiver_new(void *context, int type, char endpoint[64])
{
    size_t size = 64;
    const int timeout_ms = 10000;
    void *socket = zmq_socket(context, type);
    zmq_setsockopt(socket, ZMQ_RCVTIMEO, &timeout_ms, sizeof(timeout_ms));
    ck_assert_int_eq(zmq_bind(socket, "tcp://127.0.0.1:*"), 0);
    ck_assert_int_eq(zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, endpoint, &size), 0);
    return socket;
}

/* Receives a part, ended by a zero, and whether another one follows. */
static bool receive(void *socket, char text[256])
{
    int more = 0;
    size_t size = sizeof(more);
    const int n = zmq_recv(socket, text, 255, 0);
    ck_assert_int_ge(n, 0);
    text[n] = '\0';
    zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &size);
    return more != 0;
}

/* A socket that was bound greets a new peer, and sends its subscriptions, when its own
 * thread looks at it. */
static enum outlet_result send_patiently(struct outlet *outlet, void *socket,
                                         const struct parts *parts)
{
    enum outlet_result result = OUTLET_BLOCKED;
    zmq_pollitem_t item = {.socket = socket, .events = ZMQ_POLLIN};
    for (int i = 0; i < 100 && result == OUTLET_BLOCKED; i++) {
        zmq_poll(&item, 1, 0);
        result = outlet_send(outlet, NULL, parts);
    }
    return result;
}

/* Where the topic of a feed stands, and the parts that arrive. */
static const struct {
    const char *format;
    bool is_sub;
    enum target_topic topic;
    const char *subscription;
    const char *parts[3]; /* NULL: whatever the format says */
    int n_parts;
} ways[] = {
    {"csv", false, TARGET_NO_TOPIC, NULL, {"1.5,-2\n3,4\n"}, 1},
    {"array", false, TARGET_NO_TOPIC, NULL, {NULL, NULL}, 2},
    {"csv", true, TARGET_TOPIC_FRAME, "pump/", {"pump/", "1.5,-2\n3,4\n"}, 2},
    {"array", true, TARGET_TOPIC_FRAME, "", {"", NULL, NULL}, 3},
    {"csv", true, TARGET_TOPIC_SPACE, "pump", {"pump 1.5,-2\n3,4\n"}, 1},
    {"csv", true, TARGET_NO_TOPIC, "", {"1.5,-2\n3,4\n"}, 1},
};

START_TEST(a_message_arrives_as_its_feed_takes_it)
{
    char endpoint[64];
    char text[256];
    struct failure failure = {0};
    void *context = zmq_ctx_new();
    void *socket = receiver_new(context, ways[_i].is_sub ? ZMQ_SUB : ZMQ_PULL, endpoint);
    if (ways[_i].is_sub) {
        zmq_setsockopt(socket, ZMQ_SUBSCRIBE, ways[_i].subscription,
                       strlen(ways[_i].subscription));
    }
    const struct target target = {
        .endpoint = endpoint, .is_sub = ways[_i].is_sub, .topic = ways[_i].topic};
    struct parts *parts = message_in(format_find(ways[_i].format));
    struct outlet *outlet = outlet_new(context, &target, &failure);
    ck_assert_msg(outlet != NULL, "%s", failure.text);
    ck_assert_int_eq(send_patiently(outlet, socket, parts), OUTLET_SENT);
    for (int i = 0; i < ways[_i].n_parts; i++) {
        ck_assert_int_eq(receive(socket, text), i + 1 < ways[_i].n_parts);
        if (ways[_i].parts[i] != NULL) {
            ck_assert_str_eq(text, ways[_i].parts[i]);
        }
    }
    outlet_destroy(&outlet, 0);
    ck_assert_ptr_null(outlet);
    parts_destroy(&parts);
    zmq_close(socket);
    zmq_ctx_term(context);
}
END_TEST

START_TEST(without_a_peer_sending_waits_and_drops_nothing)
{
    struct failure failure = {0};
    void *context = zmq_ctx_new();
    for (int is_sub = 0; is_sub < 2; is_sub++) {
        struct target target = {
            .endpoint = (char[]){"tcp://127.0.0.1:*"}, .binds = true, .is_sub = is_sub == 1};
        struct parts *parts = message_in(format_find("csv"));
        struct outlet *outlet = outlet_new(context, &target, &failure);
        ck_assert_msg(outlet != NULL, "%s", failure.text);
        ck_assert_int_eq(outlet_send(outlet, NULL, parts), OUTLET_BLOCKED);
        outlet_destroy(&outlet, 0);
        parts_destroy(&parts);
    }
    zmq_ctx_term(context);
}
END_TEST

/* What fits into both queues and the connection between them is sent, then it blocks;
 * nothing of it is lost. */
START_TEST(a_subscriber_that_does_not_read_is_waited_for)
{
    char endpoint[64];
    char text[256];
    struct failure failure = {0};
    void *context = zmq_ctx_new();
    void *socket = receiver_new(context, ZMQ_SUB, endpoint);
    zmq_setsockopt(socket, ZMQ_SUBSCRIBE, "", 0);
    const struct target target = {
        .endpoint = endpoint, .is_sub = true, .topic = TARGET_NO_TOPIC};
    struct parts *parts = message_in(format_find("csv"));
    struct outlet *outlet = outlet_new(context, &target, &failure);
    size_t sent = send_patiently(outlet, socket, parts) == OUTLET_SENT;
    while (sent < 10000000 && outlet_send(outlet, NULL, parts) == OUTLET_SENT) {
        sent++;
    }
    ck_assert_uint_lt(sent, 10000000);
    for (size_t i = 0; i < sent; i++) {
        ck_assert(!receive(socket, text));
    }
    ck_assert_int_eq(send_patiently(outlet, socket, parts), OUTLET_SENT);
    ck_assert(!receive(socket, text));
    outlet_destroy(&outlet, 0);
    parts_destroy(&parts);
    zmq_close(socket);
    zmq_ctx_term(context);
}
END_TEST

static const char *const bad[] = {"nonsense", "tcp://nowhere", "ipc:///nowhere/at/all"};

START_TEST(a_place_that_cannot_be_bound_is_refused)
{
    struct failure failure = {0};
    void *context = zmq_ctx_new();
    char endpoint[64];
    snprintf(endpoint, sizeof(endpoint), "%s", bad[_i]);
    const struct target target = {.endpoint = endpoint, .binds = true};
    ck_assert_ptr_null(outlet_new(context, &target, &failure));
    ck_assert_msg(failure.code == EX_USAGE || failure.code == EX_UNAVAILABLE, "%d",
                  failure.code);
    ck_assert_ptr_nonnull(strstr(failure.text, bad[_i]));
    zmq_ctx_term(context);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT_LOOP(a_message_arrives_as_its_feed_takes_it, ways),
        UNIT(without_a_peer_sending_waits_and_drops_nothing),
        UNIT(a_subscriber_that_does_not_read_is_waited_for),
        UNIT_LOOP(a_place_that_cannot_be_bound_is_refused, bad),
    };
    return unit_run("outlet", tests, COUNT(tests));
}
