/* SPDX-License-Identifier: MIT
 *
 * A request of a client on its way: parsed by the main thread, answered there or by the
 * worker that owns its stream, and sent back. It changes hands with the message that
 * carries its address. Requests to a worker wait in a queue of the main thread; one at
 * a time is with the worker, until it answers, or parks the request to answer later. */
#ifndef REQUEST_H
#define REQUEST_H

#include <czmq.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "moment.h"
#include "roster.h" /* struct settlement */

struct capture;
struct command;
struct config;
struct stream;

#define REQUEST_ERROR_SIZE 512

/* Why a request fails: X(NAME, "code" of the reply). */
#define REQUEST_CODES(X)                                                                 \
    X(OK, "")                                                                            \
    X(UNKNOWN_COMMAND, "unknown-command")                                                \
    X(ARGUMENT, "argument")                                                              \
    X(UNKNOWN_STREAM, "unknown-stream")                                                  \
    X(UNKNOWN_KEY, "unknown-key")                                                        \
    X(UNKNOWN_SOURCE, "unknown-source")                                                  \
    X(NOT_READY, "not-ready")                                                            \
    X(TIMEOUT, "timeout")                                                                \
    X(REFUSED, "refused")                                                                \
    X(INTERNAL, "internal")

enum request_code {
#define X(name, code) CODE_##name,
    REQUEST_CODES(X)
#undef X
};

enum request_kind {
    REQUEST_COMMAND, /* of a client */
    REQUEST_PING,    /* from the watchdog: is the worker getting on? */
    REQUEST_RENEW,   /* a step of a reload, renewal.h */
    REQUEST_CAPTURE, /* copy what has changed, capture.h */
    REQUEST_SETTLE,  /* that has been committed: acknowledge it, reception.h */
    REQUEST_STOP,    /* send the last frames and stop */
    REQUEST_CLOSE,   /* say no more: the worker ends at once */
};

struct request {
    enum request_kind kind;
    zmsg_t *envelope; /* frames before the body of the reply; NULL: none */
    const struct command *command;
    struct stream *stream; /* whom it is for, the worker's; NULL: all of them */
    json_t *arguments;     /* the object as it came, checked; NULL: none */
    json_t *reply;         /* members beside `ok`; NULL: none */
    enum request_code code;
    char error[REQUEST_ERROR_SIZE]; /* code other than CODE_OK */
    const struct config *renewal;   /* REQUEST_RENEW: what it changes to, borrowed */
    int step;                       /* enum renewal_step */
    struct capture *capture;        /* REQUEST_CAPTURE: the answer, owned */
    bool is_last;                   /* of it: the worker has stopped */
    struct settlement settlement;   /* REQUEST_SETTLE */
    int64_t deadline_ms;            /* when it stops waiting */
    struct request *gather;         /* part of this one, which waits in the main thread */
    size_t n_parts;                 /* parts that it still waits for */
    struct request *next;           /* in the queue or list that holds it */
};

struct request *request_new(enum request_kind kind);
void request_destroy(struct request **request);
/* Destroys one that will not be answered; the last part takes the whole with it. */
void request_drop(struct request **request);

/* Makes it fail; a later failure does not replace the first. */
void request_fail(struct request *request, enum request_code code, const char *format,
                  ...) __attribute__((format(printf, 3, 4)));
const char *request_code_name(enum request_code code);

/* The reply object: {"ok": true, …} or {"ok": false, "code", "error"}. New reference. */
json_t *request_reply(const struct request *request);

/* First in, first out. */
struct request_queue {
    struct request *first, *last;
    size_t n;
};
void request_push(struct request_queue *queue, struct request *request);
struct request *request_pop(struct request_queue *queue); /* NULL: empty */

#endif
