/* SPDX-License-Identifier: MIT
 *
 * The receiving end of a stream: a PULL, SUB or ROUTER socket that gives out one message
 * at a time, taken apart into topic or route and body. */
#ifndef FEED_H
#define FEED_H

#include <czmq.h>
#include <stdbool.h>
#include <stddef.h>

#include "attachment.h"
#include "config.h"
#include "fault.h"
#include "reader.h" /* struct bytes */
#include "reason.h"

/* A topic or route, two parts of a body, and one that is already too many. */
#define FEED_PARTS 4

struct feed {
    const struct feed_config *config;
    zsock_t *sock;
    void *handle; /* the raw socket: points do not pass through czmq */
    struct attachment attachment;
    struct strings subscribed;  /* prefixes of a SUB feed, owned */
    zmq_msg_t held[FEED_PARTS]; /* parts of the message given out */
    size_t n_held;
    struct bytes topic;            /* data is NULL: none */
    struct bytes route;            /* of the peer, ROUTER; data is NULL: none */
    struct bytes part[FEED_PARTS]; /* the body */
    size_t n_parts;                /* at most FEED_PARTS, however many there were */
    enum reason reason;            /* not REASON_NONE: to be rejected unread */
    const char *detail;            /* what is wrong then; NULL: what the reason says */
};

/* `name` is the stream's, for faults. NULL and a fault on an error. */
struct feed *feed_open(const struct feed_config *config, const char *name,
                       struct fault *fault);
void feed_close(struct feed **feed);

/* Begins to change over to other endpoints and subscriptions: attaches the new ones.
 * False and a fault when one cannot be had; feed_settle() follows in any case, and lets
 * go of the old ones (is_done) or of the new ones. */
bool feed_move(struct feed *feed, const struct feed_config *next, struct fault *fault);
void feed_settle(struct feed *feed, const struct feed_config *next, bool is_done);

/* Takes the next message, if there is one; the views in `feed` are of it and stay
 * valid until feed_release(). */
bool feed_receive(struct feed *feed);
void feed_release(struct feed *feed);

/* Whom the sender of the message at hand proved to be, NULL: not known. */
const char *feed_user(struct feed *feed);
/* Sends one frame to a peer of a ROUTER socket, without waiting: a peer that has gone, or
 * does not read, gets nothing. */
void feed_reply(struct feed *feed, struct bytes route, const void *frame, size_t size);

#endif
