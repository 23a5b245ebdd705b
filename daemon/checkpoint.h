/* SPDX-License-Identifier: MIT
 *
 * Checkpoints as the main thread sees them. On a tick every worker copies what has
 * changed in its streams between two rounds; when all have answered, the values go to
 * the state actor, which writes one generation. One at a time: ticks that come meanwhile
 * are dropped, commands wait for the next. No feed waits for a disk. */
#ifndef CHECKPOINT_H
#define CHECKPOINT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fault.h"
#include "keeper.h"
#include "request.h"
#include "store.h"

struct daemon;

struct checkpoint {
    struct store_schema schema;
    struct store *store; /* until the keeper has it */
    struct keeper *keeper;
    size_t n_asked;           /* workers that have not answered this time */
    bool is_running;          /* from asking the workers until the order is back */
    bool is_first;            /* the one of the start, which is always written */
    bool is_wanted;           /* another one, as soon as this one is through */
    struct capture *gathered; /* what workers answered and no order has yet */
    struct capture **gathered_end;
    struct request_queue asked;  /* commands for the next one */
    struct request_queue served; /* commands of this one */

    /* For `status`. */
    uint64_t generation, safe;
    double last_s, seconds; /* when the last one succeeded, and how long it took */
    char problem[DATABASE_WHY_SIZE]; /* "": there is none */
    bool is_hidden; /* other programs cannot find the daemon, and that was said */
};

/* Loads the state; afterwards checkpoint_restore() puts the streams where it says. */
bool checkpoint_open(struct daemon *daemon);
void checkpoint_restore(const struct daemon *daemon, struct stream *stream);
/* Hands the store to its thread and begins with the first checkpoint. */
bool checkpoint_start(struct daemon *daemon);
/* Writes what the workers left and ends the thread. */
void checkpoint_end(struct daemon *daemon);
void checkpoint_clear(struct daemon *daemon);

/* A command waits for a checkpoint that begins now or later; takes it over. */
void checkpoint_ask(struct daemon *daemon, struct request *request);
/* A sender waits for one that begins from now on. */
void checkpoint_want(struct daemon *daemon);
/* What a worker captured; takes the request over. */
void checkpoint_answer(struct daemon *daemon, struct request *request);

/* The member `durability` of status. New reference. */
json_t *checkpoint_json(const struct checkpoint *checkpoint);

#endif
