/* SPDX-License-Identifier: MIT
 *
 * What a worker sends to the main thread: frames to be published, answers to requests,
 * and the news that it has stopped. A post changes hands with the message that carries
 * its address; whoever holds it last destroys it. */
#ifndef POST_H
#define POST_H

#include <stdbool.h>
#include <stddef.h>

struct request;

enum post_kind { POST_FRAME, POST_ANSWER, POST_PARKED, POST_WANTED, POST_STOPPED };

struct post {
    enum post_kind kind;
    struct request *request; /* POST_ANSWER: complete, now the main thread's. POST_PARKED:
                                NULL, the worker keeps the request and takes the next.
                                POST_WANTED: NULL, a checkpoint would help a sender */
    char *text;              /* POST_FRAME: "TOPIC BODY" without a final zero, owned */
    size_t size;
    size_t topic_size;   /* of it, the topic */
    double spacing_s;    /* of this topic's frames in the history; 0: it is not for it */
    double time_s;       /* of the frame, since 1970; read with spacing_s */
    bool may_be_skipped; /* where the way is full: the sender knows what to do then */
    struct post *next;   /* in the outbox of a worker */
};

/* Sends or queues a post and takes it over, except that one that may be skipped is
 * refused when the way is full: false, and it stays the caller's. */
struct outlet {
    bool (*send)(void *context, struct post *post);
    void *context;
};

/* A frame from "TOPIC" and its body. */
struct post *post_frame(const char *topic, const char *body, bool may_be_skipped);
struct post *post_new(enum post_kind kind, struct request *request);
/* Destroys an unsent post, but not its request. */
void post_destroy(struct post **post);

#endif
