/* SPDX-License-Identifier: MIT
 *
 * A worker: an actor that owns its streams. It drains their sockets up to a bound a
 * round, runs long work in slices between them, answers requests, and sends frames and
 * answers to the main thread, which it never waits for. */
#ifndef WORKER_H
#define WORKER_H

#include <czmq.h>
#include <stdbool.h>
#include <stddef.h>

#include "fault.h"
#include "post.h"
#include "request.h"
#include "stream.h"

struct worker;

/* Starts the thread. The streams (the array as well) become the worker's. */
struct worker *worker_start(struct stream **streams, size_t n_streams,
                            struct fault *fault);
/* Ends the thread; unless it has stopped, what it has at hand is dropped. */
void worker_end(struct worker **worker);

/* The main thread's end: readable when there is a post. */
zsock_t *worker_sock(const struct worker *worker);
/* The next post, or NULL. Lets the next request go when the one before is through. */
struct post *worker_receive(struct worker *worker);

/* Queues a request and takes it over. */
void worker_ask(struct worker *worker, struct request *request);
/* Requests that are queued or with the thread. */
size_t worker_load(const struct worker *worker);

#endif
