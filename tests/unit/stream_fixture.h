/* SPDX-License-Identifier: MIT
 *
 * For the tests of the daemon's parts: a folder of their own, one stream from a few
 * lines of configuration, somebody who sends to it, and the posts it makes. */
#ifndef STREAM_FIXTURE_H
#define STREAM_FIXTURE_H

#include <czmq.h>
#include <jansson.h>
#include <string.h>

#include "bulletin.h"
#include "config_file.h"
#include "stream.h"
#include "unit.h"
#include "waiting.h"

/* Posts that a stream made, as a worker would send them. */
struct mailbox {
    struct post *first, **end;
    bool is_full; /* refuses what may be skipped */
};

static inline bool mailbox_send(void *context, struct post *post)
{
    struct mailbox *box = context;
    if (box->is_full && post->may_be_skipped) {
        return false;
    }
    *box->end = post;
    box->end = &post->next;
    return true;
}

static inline struct post *mailbox_take(struct mailbox *box)
{
    struct post *post = box->first;
    if (post != NULL) {
        box->first = post->next;
        if (box->first == NULL) {
            box->end = &box->first;
        }
    }
    return post;
}

/* One stream, the sender of its feed, and its clock. */
struct fixture {
    struct config *config;
    struct stream *stream;
    struct mailbox box;
    zsock_t *sender;
    struct moment now;
};

/* Waits for the subscriptions, which leave when the subscriber looks at its socket. */
static inline void fixture_subscribed(struct fixture *f)
{
    zmq_pollitem_t items[] = {{zsock_resolve(f->sender), 0, ZMQ_POLLIN, 0},
                              {f->stream->feed->handle, 0, ZMQ_POLLIN, 0}};
    for (size_t n = f->config->streams[0].feed.subscribe.n; n > 0; n--) {
        while (zmq_poll(items, 2, 10) <= 0) {
        }
        zframe_t *subscription = zframe_recv(f->sender);
        zframe_destroy(&subscription);
    }
}

/* `body` are the lines of the stream, indented by four; the feed binds to a port of the
 * system's choice with type and format as given. */
static inline struct fixture *fixture_new(const char *feed, const char *body)
{
    struct fixture *f = calloc(1, sizeof(*f));
    char text[4096];
    snprintf(text, sizeof(text),
             "streams:\n  s:\n    feed: {bind: \"tcp://127.0.0.1:*\"%s%s}\n%s",
             feed[0] != '\0' ? ", " : "", feed, body);
    zsys_handler_set(NULL);
    file_start();
    f->config = file_read_good(text);
    log_configure(LEVEL_ERROR, LOG_TEXT);
    struct fault fault = {0};
    f->stream = stream_open(&f->config->streams[0], "instance", &fault);
    ck_assert_msg(f->stream != NULL, "%s", fault.text);
    f->box.end = &f->box.first;
    f->stream->outlet = (struct outlet){mailbox_send, &f->box};
    f->sender = f->config->streams[0].feed.type == FEED_SUB ? zsock_new(ZMQ_XPUB)
                                                            : zsock_new(ZMQ_PUSH);
    zsock_set_linger(f->sender, 1000);
    ck_assert_int_eq(
        zsock_connect(f->sender, "%s", f->stream->feed->attachment.now.bound.item[0]), 0);
    if (f->config->streams[0].feed.type == FEED_SUB) {
        fixture_subscribed(f);
    }
    f->now = (struct moment){.ms = 1000000, .wall_s = 1e9};
    f->stream->newest_ms = f->now.ms;
    f->stream->rate.since_ms = f->now.ms;
    return f;
}

static inline void fixture_forget_posts(struct fixture *f)
{
    struct post *post;
    while ((post = mailbox_take(&f->box)) != NULL) {
        request_destroy(&post->request);
        post_destroy(&post);
    }
}

static inline void fixture_destroy(struct fixture *f)
{
    waiting_refuse(f->stream);
    fixture_forget_posts(f);
    zsock_destroy(&f->sender);
    stream_close(&f->stream);
    config_destroy(&f->config);
    file_stop();
    free(f);
    zsys_shutdown();
}

/* Waits until a message lies in the feed's socket. */
static inline void fixture_await(struct fixture *f)
{
    zmq_pollitem_t item = {f->stream->feed->handle, 0, ZMQ_POLLIN, 0};
    ck_assert_int_eq(zmq_poll(&item, 1, 30000), 1);
}

/* Sends a message of one part and lets the stream take it. */
static inline void fixture_text(struct fixture *f, const char *text)
{
    zstr_send(f->sender, text);
    fixture_await(f);
    stream_drain(f->stream, f->now);
}

/* n rows of standard normal-like points about `centre`, as f64. Works off what is due. */
static inline void fixture_points_at(struct fixture *f, size_t n, double centre)
{
    static uint64_t seed = 7;
    const size_t columns = f->config->streams[0].layout->n_columns;
    double *x = malloc(n * columns * sizeof(x[0]));
    for (size_t i = 0; i < n * columns; i++) {
        x[i] = centre;
        for (int k = 0; k < 12; k++) {
            x[i] += 0x1p-64 * (double)unit_random(&seed) - 0.5;
        }
    }
    zframe_t *frame = zframe_new(x, n * columns * sizeof(x[0]));
    zframe_send(&frame, f->sender, 0);
    free(x);
    fixture_await(f);
    do {
        stream_drain(f->stream, f->now);
        stream_work(f->stream, f->now);
    } while (stream_is_busy(f->stream) || f->stream->has_message || f->stream->has_next);
}

static inline void fixture_points(struct fixture *f, size_t n)
{
    fixture_points_at(f, n, 0);
}

/* The object of the next post, which must be a frame of that topic. Owned. */
static inline json_t *fixture_frame(struct fixture *f, const char *topic)
{
    struct post *post = mailbox_take(&f->box);
    ck_assert_ptr_nonnull(post);
    ck_assert_int_eq(post->kind, POST_FRAME);
    ck_assert_uint_eq(post->topic_size, strlen(topic));
    ck_assert_mem_eq(post->text, topic, strlen(topic));
    ck_assert_int_eq(post->text[post->topic_size], ' ');
    json_t *object = json_loadb(post->text + post->topic_size + 1,
                                post->size - post->topic_size - 1, 0, NULL);
    ck_assert_ptr_nonnull(object);
    post_destroy(&post);
    return object;
}

#endif
