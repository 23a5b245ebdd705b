/* SPDX-License-Identifier: MIT
 *
 * The thread of a worker: drains its streams up to a bound a round, runs long work in
 * slices between them, and answers requests. Requests and posts travel as addresses in
 * messages of the actor's pipe: ownership goes with the message, so nothing is shared and
 * nothing is locked. */
#ifndef THREAD_H
#define THREAD_H

#include <czmq.h>
#include <stdbool.h>
#include <stddef.h>

#include "post.h"
#include "request.h"
#include "stream.h"

struct thread {
    void *pipe; /* raw socket of the actor's pipe */
    struct stream **streams;
    size_t n_streams;
    zmq_pollitem_t *items; /* pipe, then the streams that are read */
    struct post *outbox;   /* answers and events that found the pipe full, in order;
                              once closed, what nobody will receive */
    struct post **outbox_end;
    struct request *capture; /* under way; NULL: none */
    size_t n_captured;       /* streams that it has */
    bool has_wanted;         /* a checkpoint was asked for, and none has come since */
    bool is_closed;          /* POST_STOPPED was sent: nothing may follow it */
    bool is_done;            /* the thread ends */
};

/* For these streams; they and the array become the thread's. */
void thread_init(struct thread *thread, struct stream **streams, size_t n_streams);
/* What zactor_new() runs: until the actor is destroyed. Closes the streams. */
void thread_run(zsock_t *pipe, void *thread);
/* After its end: gives back the array and drops what nobody received. */
void thread_clear(struct thread *thread);

/* Ends a post and, with an answer to it, its request. */
void thread_drop_post(struct post *post);

#endif
