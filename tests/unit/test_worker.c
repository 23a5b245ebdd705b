/* SPDX-License-Identifier: MIT
 *
 * The actor: requests one at a time in order, frames and answers back, an end in order.
 */
#include "worker.h"

#include <string.h>

#include "capture.h"
#include "commands.h"
#include "config_file.h"
#include "frame.h"
#include "unit.h"

#define CONFIG                                                                           \
    "streams:\n"                                                                         \
    "  a:\n    fields: [x]\n    feed: {bind: \"tcp://127.0.0.1:*\", format: csv}\n"      \
    "    model: {components: 1}\n    publish: {every: 10ms}\n"                           \
    "  b:\n    fields: [x]\n    feed: {bind: \"tcp://127.0.0.1:*\", format: csv}\n"      \
    "    model: {components: 1}\n    publish: {every: 10ms}\n"

static struct config *config;
static struct stream *first; /* only to name it in requests */
static char endpoint[128];   /* of its feed */

static struct worker *make(void)
{
    struct fault fault = {0};
    zsys_handler_set(NULL);
    file_start();
    config = file_read_good(CONFIG);
    log_configure(LEVEL_ERROR, LOG_TEXT);
    struct stream **streams = calloc(2, sizeof(streams[0]));
    for (size_t i = 0; i < 2; i++) {
        streams[i] = stream_open(&config->streams[i], "instance", &fault);
        ck_assert_msg(streams[i] != NULL, "%s", fault.text);
    }
    first = streams[0];
    snprintf(endpoint, sizeof(endpoint), "%s", first->feed->attachment.now.bound.item[0]);
    struct worker *worker = worker_start(streams, 2, &fault);
    ck_assert_msg(worker != NULL, "%s", fault.text);
    return worker;
}

static void unmake(struct worker *worker)
{
    worker_end(&worker);
    config_destroy(&config);
    file_stop();
    zsys_shutdown();
}

static struct post *receive(struct worker *worker)
{
    zmq_pollitem_t item = {zsock_resolve(worker_sock(worker)), 0, ZMQ_POLLIN, 0};
    struct post *post;
    while ((post = worker_receive(worker)) == NULL) {
        ck_assert_int_eq(zmq_poll(&item, 1, 30000), 1);
    }
    return post;
}

/* The next post of that kind; others are dropped. */
static struct post *receive_kind(struct worker *worker, enum post_kind kind)
{
    struct post *post = receive(worker);
    while (post->kind != kind) {
        ck_assert_ptr_null(post->request);
        post_destroy(&post);
        post = receive(worker);
    }
    return post;
}

static struct request *command(const char *text, struct stream *stream)
{
    struct request *request = request_new(REQUEST_COMMAND);
    command_read(request, text, strlen(text));
    ck_assert_msg(request->code == CODE_OK, "%s", request->error);
    request->stream = stream;
    return request;
}

START_TEST(every_stream_begins_with_a_frame)
{
    struct worker *worker = make();
    const char *const topics[] = {"model/a ", "model/b "};
    for (size_t i = 0; i < COUNT(topics); i++) {
        struct post *post = receive(worker);
        ck_assert_int_eq(post->kind, POST_FRAME);
        ck_assert_int_eq(strncmp(post->text, topics[i], strlen(topics[i])), 0);
        post_destroy(&post);
    }
    unmake(worker);
}
END_TEST

START_TEST(requests_are_answered_in_their_order)
{
    struct worker *worker = make();
    struct request *requests[100];
    for (size_t i = 0; i < COUNT(requests); i++) {
        requests[i] = i % 2 == 0 ? request_new(REQUEST_PING)
                                 : command("{\"command\":\"status\"}", NULL);
        worker_ask(worker, requests[i]);
    }
    ck_assert_uint_eq(worker_load(worker), COUNT(requests));
    for (size_t i = 0; i < COUNT(requests); i++) {
        struct post *post = receive_kind(worker, POST_ANSWER);
        ck_assert_ptr_eq(post->request, requests[i]);
        if (i % 2 == 1) {
            const json_t *streams = json_object_get(post->request->reply, "streams");
            ck_assert_uint_eq(json_object_size(streams), 2);
        }
        request_destroy(&post->request);
        post_destroy(&post);
    }
    ck_assert_uint_eq(worker_load(worker), 0);
    unmake(worker);
}
END_TEST

START_TEST(a_request_that_waits_lets_others_pass)
{
    struct worker *worker = make();
    struct request *wait =
        command("{\"command\":\"drain\",\"stream\":\"a\",\"sent\":2}", first);
    worker_ask(worker, wait);
    struct post *post = receive_kind(worker, POST_PARKED);
    post_destroy(&post);
    struct request *ping = request_new(REQUEST_PING);
    worker_ask(worker, ping);
    post = receive_kind(worker, POST_ANSWER);
    ck_assert_ptr_eq(post->request, ping);
    request_destroy(&post->request);
    post_destroy(&post);
    zsock_t *sender = zsock_new(ZMQ_PUSH);
    zsock_connect(sender, "%s", endpoint);
    zstr_send(sender, "1\n2\n");
    post = receive_kind(worker, POST_ANSWER);
    ck_assert_ptr_eq(post->request, wait);
    ck_assert_int_eq(wait->code, CODE_OK);
    request_destroy(&post->request);
    post_destroy(&post);
    zsock_destroy(&sender);
    unmake(worker);
}
END_TEST

START_TEST(a_worker_stops_with_a_last_frame_of_every_stream)
{
    struct worker *worker = make();
    zsock_t *sender = zsock_new(ZMQ_PUSH);
    zsock_connect(sender, "%s", endpoint);
    zstr_send(sender, "1\n2\n3\n");
    struct request *drain =
        command("{\"command\":\"drain\",\"stream\":\"a\",\"sent\":3}", first);
    worker_ask(worker, drain);
    struct post *post = receive_kind(worker, POST_ANSWER);
    request_destroy(&post->request);
    post_destroy(&post);
    struct request *wait =
        command("{\"command\":\"wait\",\"stream\":\"a\",\"points\":1000000}", first);
    worker_ask(worker, wait);
    worker_ask(worker, request_new(REQUEST_STOP));
    bool is_refused = false;
    bool is_captured = false;
    char *last[2] = {NULL, NULL};
    for (post = receive(worker); post->kind != POST_STOPPED; post = receive(worker)) {
        if (post->kind == POST_ANSWER && post->request->kind == REQUEST_CAPTURE) {
            is_captured = post->request->is_last && post->request->capture->n > 0;
            request_destroy(&post->request);
        } else if (post->kind == POST_ANSWER) {
            ck_assert_ptr_eq(post->request, wait);
            is_refused = wait->code == CODE_REFUSED;
            request_destroy(&post->request);
        } else if (post->kind == POST_FRAME && strncmp(post->text, "model/", 6) == 0) {
            char **text = &last[post->text[6] - 'a'];
            free(*text);
            *text = strndup(post->text, post->size);
        }
        post_destroy(&post);
    }
    post_destroy(&post);
    ck_assert(is_refused);
    ck_assert(is_captured);
    ck_assert_ptr_nonnull(strstr(last[0], "\"received\":3"));
    ck_assert_ptr_nonnull(strstr(last[1], "\"received\":0"));
    free(last[0]);
    free(last[1]);
    zsock_destroy(&sender);
    unmake(worker);
}
END_TEST

START_TEST(a_worker_that_nobody_reads_ends_all_the_same)
{
    struct worker *worker = make();
    zsock_t *sender = zsock_new(ZMQ_PUSH);
    zsock_connect(sender, "%s", endpoint);
    for (int i = 0; i < 5000; i++) {
        zstr_send(sender, "1\n");
    }
    for (int i = 0; i < 10; i++) {
        worker_ask(worker, request_new(REQUEST_PING));
    }
    zsock_set_linger(sender, 0);
    zsock_destroy(&sender);
    unmake(worker); /* and the sanitizers find nothing left */
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(every_stream_begins_with_a_frame),
        UNIT(requests_are_answered_in_their_order),
        UNIT(a_request_that_waits_lets_others_pass),
        UNIT(a_worker_stops_with_a_last_frame_of_every_stream),
        UNIT(a_worker_that_nobody_reads_ends_all_the_same),
    };
    return unit_run("worker", tests, COUNT(tests));
}
