/* SPDX-License-Identifier: MIT */
#include "thread.h"

#include <stdlib.h>

#include "bulletin.h"
#include "capture.h"
#include "commands.h"
#include "intake.h"
#include "listing.h"
#include "moment.h"
#include "reception.h"
#include "renewal.h"
#include "waiting.h"
#include "xalloc.h"

enum {
    CAPTURE_SLICE_US =
        250,              /* of a round; a point waits for some rounds until it counts */
    RETRY_MS = 10,        /* until posts are tried again when the pipe was full */
    LAST_DRAIN_MS = 2000, /* at the end: what has arrived is still learned, */
    LAST_WORK_MS = 5000,  /* work that is due is finished, */
    LAST_POST_MS = 7000,  /* and the last frames find their way, for so long */
};

/* ---- Posts ----------------------------------------------------------------- */

static bool post_now(struct thread *thread, struct post *post)
{
    return zmq_send(thread->pipe, &post, sizeof(post), ZMQ_DONTWAIT) != -1;
}

/* An outlet, see post.h. */
static bool send_post(void *context, struct post *post)
{
    struct thread *thread = context;
    if (!thread->is_closed && thread->outbox == NULL && post_now(thread, post)) {
        return true;
    }
    if (post->may_be_skipped) {
        return false;
    }
    *thread->outbox_end = post;
    thread->outbox_end = &post->next;
    return true;
}

static void flush_outbox(struct thread *thread)
{
    while (thread->outbox != NULL) {
        struct post *post = thread->outbox;
        struct post *next = post->next; /* sent, it is no longer ours */
        if (!post_now(thread, post)) {
            return;
        }
        thread->outbox = next;
    }
    thread->outbox_end = &thread->outbox;
}

/* ---- Requests -------------------------------------------------------------- */

static void answer_command(struct thread *thread, struct request *request,
                           struct moment now)
{
    if (request->stream == NULL) {
        for (size_t i = 0; i < thread->n_streams; i++) {
            request->command->ask(thread->streams[i], request, now);
        }
        send_post(thread, post_new(POST_ANSWER, request));
    } else if (waiting_answer(request->stream, request, now)) {
        send_post(thread, post_new(POST_ANSWER, request));
    } else {
        send_post(thread, post_new(POST_PARKED, NULL));
    }
}

/* The streams as bound go into the reply. */
static void renew(struct thread *thread, struct request *request)
{
    json_t *streams = json_object();
    for (size_t i = 0; i < thread->n_streams; i++) {
        struct stream *stream = thread->streams[i];
        const char *name = stream->config->name;
        struct fault fault = {0};
        if (!renewal_take(stream, request->step,
                          config_find_stream(request->renewal, name), &fault)) {
            request_fail(request, CODE_REFUSED, "%s", fault.text);
        }
        json_object_set_new(streams, name,
                            listing_strings(&stream->feed->attachment.now.bound));
    }
    request->reply = streams;
    send_post(thread, post_new(POST_ANSWER, request));
}

/* Between two rounds, so every stream is between two rows. Some milliseconds at a time:
 * many streams together would keep their feeds waiting. */
static void capture_some(struct thread *thread)
{
    const int64_t begin_us = zclock_usecs();
    struct request *request = thread->capture;
    while (thread->n_captured < thread->n_streams &&
           zclock_usecs() - begin_us < CAPTURE_SLICE_US) {
        capture_stream(request->capture, thread->streams[thread->n_captured++],
                       moment_now().ms);
    }
    if (thread->n_captured == thread->n_streams) {
        thread->capture = NULL;
        send_post(thread, post_new(POST_ANSWER, request));
    }
}

static void begin_capture(struct thread *thread, struct request *request)
{
    request->capture = capture_new();
    thread->capture = request;
    thread->n_captured = 0;
}

/* The one that is under way, and another for what changed since. */
static void capture_last(struct thread *thread)
{
    while (thread->capture != NULL) {
        capture_some(thread);
    }
    struct request *last = request_new(REQUEST_CAPTURE);
    last->is_last = true;
    begin_capture(thread, last);
    while (thread->capture != NULL) {
        capture_some(thread);
    }
}

/* A post that nobody received would be lost with the pipe, so the last one says that it
 * is the last. */
static void close_posts(struct thread *thread)
{
    struct post *post = post_new(POST_STOPPED, NULL);
    zmq_send(thread->pipe, &post, sizeof(post), 0);
    thread->is_closed = true;
}

static void stop(struct thread *thread);

static void take_request(struct thread *thread, struct request *request,
                         struct moment now)
{
    switch (request->kind) {
    case REQUEST_COMMAND:
        answer_command(thread, request, now);
        break;
    case REQUEST_PING:
        send_post(thread, post_new(POST_ANSWER, request));
        break;
    case REQUEST_RENEW:
        renew(thread, request);
        break;
    case REQUEST_CAPTURE:
        begin_capture(thread, request);
        send_post(thread, post_new(POST_PARKED, NULL));
        break;
    case REQUEST_SETTLE:
        for (size_t i = 0; i < thread->n_streams; i++) {
            reception_settle(thread->streams[i], &request->settlement);
        }
        thread->has_wanted = false;
        send_post(thread, post_new(POST_ANSWER, request));
        break;
    case REQUEST_STOP:
        request_destroy(&request);
        stop(thread);
        break;
    case REQUEST_CLOSE:
        request_destroy(&request);
        close_posts(thread);
        break;
    }
}

static void receive_requests(struct thread *thread, struct moment now)
{
    struct request *request;
    int size;
    while ((size = zmq_recv(thread->pipe, &request, sizeof(request), ZMQ_DONTWAIT)) !=
           -1) {
        if (size != sizeof(request)) { /* "$TERM" of zactor_destroy() */
            thread->is_done = true;
            return;
        }
        if (thread->is_closed) { /* goes where the rest went */
            send_post(thread, post_new(POST_ANSWER, request));
        } else {
            take_request(thread, request, now);
        }
    }
}

/* ---- Rounds ---------------------------------------------------------------- */

/* What the stream can do without a new message. */
static bool has_work(const struct stream *stream)
{
    return stream_is_busy(stream) || stream->has_message || stream->has_next;
}

static int64_t earliest(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t stream_due(const struct stream *stream, int64_t now_ms)
{
    int64_t due_ms = earliest(bulletin_due(stream), waiting_due(stream));
    if (stream->reject_log.suppressed > 0) {
        due_ms =
            earliest(due_ms, stream->reject_log.start_ms + stream->reject_log.period_ms);
    }
    return has_work(stream) ? now_ms : due_ms;
}

/* Waits for a message, a request, or something that is due. */
static void wait_for_events(struct thread *thread)
{
    const int64_t now_ms = moment_now().ms;
    int64_t due_ms = thread->capture != NULL  ? now_ms
                     : thread->outbox != NULL ? now_ms + RETRY_MS
                                              : MOMENT_NEVER;
    int n = 1;
    for (size_t i = 0; i < thread->n_streams; i++) {
        const struct stream *stream = thread->streams[i];
        due_ms = earliest(due_ms, stream_due(stream, now_ms));
        if (!has_work(stream)) {
            thread->items[n++] = (zmq_pollitem_t){stream->feed->handle, 0, ZMQ_POLLIN, 0};
        }
    }
    const int64_t wait_ms = due_ms > now_ms ? due_ms - now_ms : 0;
    zmq_poll(thread->items, n, due_ms == MOMENT_NEVER ? -1 : (long)wait_ms);
}

/* True if the stream moved on. */
static bool run_stream(struct stream *stream, struct moment now)
{
    bool moved = stream_is_busy(stream);
    stream_work(stream, now);
    moved |= stream_drain(stream, now);
    return moved;
}

/* A sender whose window fills up need not wait for the next tick. */
static void want_checkpoint(struct thread *thread)
{
    bool is_wanted = false;
    for (size_t i = 0; i < thread->n_streams; i++) {
        const struct intake *intake = thread->streams[i]->intake;
        is_wanted |= intake != NULL && intake_wants_checkpoint(intake);
    }
    if (is_wanted && !thread->has_wanted) {
        thread->has_wanted = true;
        send_post(thread, post_new(POST_WANTED, NULL));
    }
}

static void finish_round(struct stream *stream, bool has_moved, struct moment now)
{
    if (stream->waiting.n > 0 && (has_moved || now.ms >= waiting_due(stream))) {
        waiting_check(stream, now);
    }
    bulletin_tick(stream, now);
    log_limit_tick(&stream->reject_log, now.ms, LEVEL_WARN);
}

static void run_round(struct thread *thread)
{
    wait_for_events(thread);
    const struct moment now = moment_now();
    flush_outbox(thread);
    receive_requests(thread, now);
    if (thread->capture != NULL && !thread->is_done) {
        capture_some(thread);
    }
    for (size_t i = 0; i < thread->n_streams && !thread->is_done; i++) {
        finish_round(thread->streams[i], run_stream(thread->streams[i], now), now);
    }
    want_checkpoint(thread);
}

/* ---- The end --------------------------------------------------------------- */

/* Learns what has arrived, within bounds of time: a sender may never pause. */
static void drain_last(struct stream *stream, int64_t begin_ms)
{
    bool moved = true;
    while (moved) {
        const struct moment now = moment_now();
        stream_work(stream, now);
        const bool may_drain = now.ms - begin_ms < LAST_DRAIN_MS;
        moved = may_drain && stream_drain(stream, now);
        moved |= stream_is_busy(stream) && now.ms - begin_ms < LAST_WORK_MS;
    }
}

static void send_last_frames(struct stream *stream, int64_t begin_ms)
{
    struct moment now = moment_now();
    waiting_check(stream, now);
    waiting_refuse(stream);
    bulletin_want_all(stream, now);
    while (!bulletin_is_done(stream) && now.ms - begin_ms < LAST_POST_MS) {
        stream->publish_ms = now.ms;
        bulletin_tick(stream, now);
        if (!bulletin_is_done(stream)) {
            zmq_poll(NULL, 0, RETRY_MS);
        }
        now = moment_now();
    }
    log_limit_tick(&stream->reject_log, INT64_MAX, LEVEL_WARN);
}

/* Stops in order; afterwards the thread only waits to be ended, and the streams stay as
 * they are. */
static void stop(struct thread *thread)
{
    const int64_t begin_ms = moment_now().ms;
    for (size_t i = 0; i < thread->n_streams; i++) {
        reception_close(thread->streams[i]);
        drain_last(thread->streams[i], begin_ms);
        send_last_frames(thread->streams[i], begin_ms);
    }
    capture_last(thread);
    while (thread->outbox != NULL && moment_now().ms - begin_ms < LAST_POST_MS) {
        flush_outbox(thread);
        zmq_poll(NULL, 0, thread->outbox != NULL ? RETRY_MS : 0);
    }
    close_posts(thread);
    while (!thread->is_done) {
        zmq_poll(thread->items, 1, -1);
        receive_requests(thread, moment_now());
    }
}

/* ---- The thread ------------------------------------------------------------ */

void thread_run(zsock_t *pipe, void *argument)
{
    struct thread *thread = argument;
    thread->pipe = zsock_resolve(pipe);
    thread->items[0] = (zmq_pollitem_t){thread->pipe, 0, ZMQ_POLLIN, 0};
    const struct moment now = moment_now();
    for (size_t i = 0; i < thread->n_streams; i++) {
        thread->streams[i]->outlet = (struct outlet){send_post, thread};
        bulletin_want_all(thread->streams[i], now);
    }
    zsock_signal(pipe, 0);
    while (!thread->is_done) {
        run_round(thread);
    }
    request_destroy(&thread->capture);
    for (size_t i = 0; i < thread->n_streams; i++) {
        waiting_refuse(thread->streams[i]);
        stream_close(&thread->streams[i]);
    }
}

/* ---- Life ------------------------------------------------------------------ */

void thread_init(struct thread *thread, struct stream **streams, size_t n_streams)
{
    *thread = (struct thread){
        .streams = streams,
        .n_streams = n_streams,
        .items = xalloc(1 + n_streams, sizeof(thread->items[0])),
    };
    thread->outbox_end = &thread->outbox;
}

void thread_drop_post(struct post *post)
{
    request_drop(&post->request);
    post_destroy(&post);
}

void thread_clear(struct thread *thread)
{
    while (thread->outbox != NULL) {
        struct post *post = thread->outbox;
        thread->outbox = post->next;
        thread_drop_post(post);
    }
    free(thread->items);
    free(thread->streams);
}
