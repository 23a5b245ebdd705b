/* SPDX-License-Identifier: MIT
 *
 * The state actor: a thread that owns the store and is the only one that waits for the
 * disk. The main thread hands it orders; each comes back with what became of it. */
#ifndef KEEPER_H
#define KEEPER_H

#include <czmq.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture.h"
#include "request.h"
#include "store.h"

/* Values to be made durable. Changes hands with the message that carries its address. */
struct order {
    struct capture *capture;       /* what has changed, oldest first; NULL: nothing */
    struct request_queue requests; /* of clients: `checkpoint` and `backup` */
    bool may_write;                /* else values are only taken */
    struct fault refusal;          /* why nothing may be written */
    bool is_urgent;                /* even if nothing changed, or a retry is not due */

    /* What became of it. */
    enum store_outcome outcome;
    struct settlement settlement;    /* what the store holds now */
    double seconds;                  /* that the disk took */
    char problem[DATABASE_WHY_SIZE]; /* why the last try failed; "": it did not */
    int64_t retry_ms;                /* when to try again after a failure */
};

struct order *order_new(void);
void order_destroy(struct order **order);

struct keeper;

/* Starts the thread, which takes the store over. */
struct keeper *keeper_start(struct store *store, struct fault *fault);
/* Ends it; orders that it has are carried out. */
void keeper_end(struct keeper **keeper);

/* Readable when an order has come back. */
zsock_t *keeper_sock(const struct keeper *keeper);
void keeper_give(struct keeper *keeper, struct order *order);
/* One that came back, now the caller's, or NULL. wait_ms: how long to wait for it. */
struct order *keeper_take(struct keeper *keeper, int wait_ms);

#endif
