/* SPDX-License-Identifier: MIT
 *
 * The main thread's side of a worker; the other is in thread.c. */
#include "worker.h"

#include <stdlib.h>
#include <sysexits.h>

#include "thread.h"
#include "xalloc.h"

struct worker {
    zactor_t *actor;
    struct thread thread;
    struct request_queue queue;
    const struct request *in_flight; /* with the thread: only compared */
    bool has_stopped;                /* its last post was received */
};

struct worker *worker_start(struct stream **streams, size_t n_streams,
                            struct fault *fault)
{
    struct worker *worker = xalloc(1, sizeof(*worker));
    thread_init(&worker->thread, streams, n_streams);
    worker->actor = zactor_new(thread_run, &worker->thread);
    if (worker->actor == NULL) {
        fault_set(fault, EX_OSERR, "workers: cannot start a thread");
        worker_end(&worker);
    }
    return worker;
}

/* Has the thread say no more, and drops what it said. */
static void close_worker(struct worker *worker)
{
    void *pipe = zsock_resolve(worker_sock(worker));
    struct request *close = request_new(REQUEST_CLOSE);
    struct post *post;
    zmq_send(pipe, &close, sizeof(close), 0);
    while (!worker->has_stopped && zmq_recv(pipe, &post, sizeof(post), 0) != -1) {
        worker->has_stopped = post->kind == POST_STOPPED;
        thread_drop_post(post);
    }
}

void worker_end(struct worker **worker_)
{
    struct worker *worker = *worker_;
    if (worker == NULL) {
        return;
    }
    if (worker->actor != NULL && !worker->has_stopped) {
        close_worker(worker);
    }
    zactor_destroy(&worker->actor);
    thread_clear(&worker->thread);
    struct request *request;
    while ((request = request_pop(&worker->queue)) != NULL) {
        request_drop(&request);
    }
    free(worker);
    *worker_ = NULL;
}

zsock_t *worker_sock(const struct worker *worker)
{
    return zactor_sock(worker->actor);
}

static void send_next(struct worker *worker)
{
    if (worker->in_flight != NULL || worker->has_stopped) {
        return;
    }
    struct request *request = request_pop(&worker->queue);
    if (request != NULL) {
        /* One at a time, so the pipe has room. */
        zmq_send(zsock_resolve(worker_sock(worker)), &request, sizeof(request),
                 ZMQ_DONTWAIT);
        worker->in_flight = request;
    }
}

void worker_ask(struct worker *worker, struct request *request)
{
    request_push(&worker->queue, request);
    send_next(worker);
}

struct post *worker_receive(struct worker *worker)
{
    struct post *post;
    if (zmq_recv(zsock_resolve(worker_sock(worker)), &post, sizeof(post), ZMQ_DONTWAIT) ==
        -1) {
        return NULL;
    }
    worker->has_stopped = post->kind == POST_STOPPED;
    if (post->kind != POST_FRAME && post->kind != POST_WANTED &&
        (post->request == worker->in_flight || post->request == NULL)) {
        worker->in_flight = NULL;
        send_next(worker);
    }
    return post;
}

size_t worker_load(const struct worker *worker)
{
    return worker->queue.n + (worker->in_flight != NULL ? 1 : 0);
}
