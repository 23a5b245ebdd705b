/* SPDX-License-Identifier: MIT
 *
 * What a socket is bound or connected to, and how a reload changes it in two steps:
 * what is new is attached first; then either what is no longer wanted is let go, or
 * what is new is. So a socket is never without its endpoints, and a reload that fails
 * elsewhere leaves it as it was. */
#ifndef ATTACHMENT_H
#define ATTACHMENT_H

#include <czmq.h>
#include <stdbool.h>

#include "config.h" /* struct strings */
#include "fault.h"

/* A list of endpoints of one direction. */
struct attached {
    bool binds;            /* else connects */
    struct strings wanted; /* as configured, owned */
    struct strings bound;  /* the same as the system has them, owned */
    bool *is_shared;       /* during a move: the other list has it too; NULL otherwise */
};

struct attachment {
    zsock_t *sock; /* borrowed */
    char *place;   /* names it in faults, owned */
    struct attached now;
    struct attached next; /* during a move */
};

/* Binds to all endpoints, or connects to them. False and a fault (EX_UNAVAILABLE) when
 * one cannot be had; then it is clear. */
bool attachment_open(struct attachment *attachment, zsock_t *sock, const char *place,
                     bool binds, const struct strings *endpoints, struct fault *fault);
/* The socket is not touched: closing it lets go of everything. */
void attachment_clear(struct attachment *attachment);

/* Begins a move. False and a fault when an endpoint cannot be had; then there is none. */
bool attachment_move(struct attachment *attachment, bool binds,
                     const struct strings *endpoints, struct fault *fault);
/* Ends a move: is_done lets go of the old endpoints, otherwise of the new ones. Without
 * a move nothing happens. */
void attachment_settle(struct attachment *attachment, bool is_done);

#endif
