/* SPDX-License-Identifier: MIT
 *
 * For the tests of the tools: a thread that answers requests by a table. */
#ifndef FAKE_DAEMON_H
#define FAKE_DAEMON_H

#include <check.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

/* What is answered to the n-th request, whatever it is; the last row answers for ever.
 * NULL: nothing. FAKE_FALL: nothing, but the connection is cut, and the daemon back. */
#define FAKE_FALL "fall"

struct fake_daemon {
    const char *const *replies;
    size_t n_replies;
    char folder[64];
    char endpoint[96];      /* "ipc://FOLDER/control.sock" */
    char requests[16][256]; /* the first ones, as they came */
    size_t n_requests;
    void *context;
    void *socket;
    pthread_t thread;
};

static inline void fake_bind(struct fake_daemon *daemon)
{
    daemon->socket = zmq_socket(daemon->context, ZMQ_ROUTER);
    ck_assert_int_eq(zmq_bind(daemon->socket, daemon->endpoint), 0);
}

/* Another socket takes the endpoint, then the first cuts its connections. The path of the
 * first is gone only when its listener is, which happens in a thread of ZeroMQ. */
static inline void fake_fall(struct fake_daemon *daemon)
{
    void *old = daemon->socket;
    void *closed = zmq_socket(daemon->context, ZMQ_PAIR);
    ck_assert_int_eq(zmq_socket_monitor(old, "inproc://closed", ZMQ_EVENT_CLOSED), 0);
    ck_assert_int_eq(zmq_connect(closed, "inproc://closed"), 0);
    ck_assert_int_eq(zmq_unbind(old, daemon->endpoint), 0);
    char event[6];
    ck_assert_int_eq(zmq_recv(closed, event, sizeof(event), 0), sizeof(event));
    zmq_socket_monitor(old, NULL, 0);
    zmq_close(closed);
    fake_bind(daemon);
    zmq_close(old);
}

/* The body of the reply to the envelope of the request; false at the end. */
static inline bool fake_answer(struct fake_daemon *daemon)
{
    char identity[64];
    char body[256] = "";
    const int n_identity = zmq_recv(daemon->socket, identity, sizeof(identity), 0);
    if (n_identity == -1) {
        return false;
    }
    ck_assert_int_eq(zmq_recv(daemon->socket, body, sizeof(body), 0), 0); /* delimiter */
    zmq_recv(daemon->socket, body, sizeof(body) - 1, 0);
    size_t n = daemon->n_requests++;
    if (n < 16) {
        memcpy(daemon->requests[n], body, sizeof(body));
    }
    n = n < daemon->n_replies ? n : daemon->n_replies - 1;
    if (daemon->replies[n] != NULL && strcmp(daemon->replies[n], FAKE_FALL) == 0) {
        fake_fall(daemon);
    } else if (daemon->replies[n] != NULL) {
        zmq_send(daemon->socket, identity, (size_t)n_identity, ZMQ_SNDMORE);
        zmq_send(daemon->socket, "", 0, ZMQ_SNDMORE);
        zmq_send(daemon->socket, daemon->replies[n], strlen(daemon->replies[n]), 0);
    }
    return true;
}

static inline void *fake_run(void *argument)
{
    struct fake_daemon *daemon = argument;
    while (fake_answer(daemon)) {
    }
    zmq_close(daemon->socket);
    return NULL;
}

static inline void fake_start(struct fake_daemon *daemon, const char *const *replies,
                              size_t n_replies)
{
    *daemon = (struct fake_daemon){.replies = replies, .n_replies = n_replies};
    snprintf(daemon->folder, sizeof(daemon->folder), "/tmp/mixd-fake-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(daemon->folder));
    snprintf(daemon->endpoint, sizeof(daemon->endpoint), "ipc://%s/control.sock",
             daemon->folder);
    daemon->context = zmq_ctx_new();
    fake_bind(daemon);
    ck_assert_int_eq(pthread_create(&daemon->thread, NULL, fake_run, daemon), 0);
}

/* Ends the thread: its socket fails once the context is shut down. */
static inline void fake_stop(struct fake_daemon *daemon)
{
    zmq_ctx_shutdown(daemon->context);
    pthread_join(daemon->thread, NULL);
    zmq_ctx_term(daemon->context);
    unlink(daemon->endpoint + strlen("ipc://"));
    rmdir(daemon->folder);
}

#endif
