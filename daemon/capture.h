/* SPDX-License-Identifier: MIT
 *
 * What a stream keeps across a restart, as values of the durable state:
 *
 *     kind      name         value
 *     imprint   STREAM       what of the configuration the rest depends on (imprint.h)
 *     stream    STREAM       accounts of what belongs to no key, numbers of sources
 *     roster    STREAM       sources of a reliable feed with their marks
 *     rejects   STREAM       dead letters
 *     slot      STREAM[/KEY] accounts, number of frames, and part 0 of a learner
 *     recording STREAM       rows of its recording, and which it is
 *     rows      STREAM[/KEY]/PAGE  its part PAGE + 1: of the rows that it holds
 *
 * The worker copies what has changed between two rounds; the state actor writes it, and
 * recovery.h brings it back. */
#ifndef CAPTURE_H
#define CAPTURE_H

#include <stdbool.h>
#include <stddef.h>

#include "arena.h"
#include "config.h"
#include "pack.h"
#include "stream.h"

/* Version of these values, see struct store_schema:
 *     1  a slot has the whole learner, in one part
 *     2  the rows of the learner are values of their own; a reliable feed has its sources
 *        (an older program would go on without them, and learn points twice) */
#define CAPTURE_VERSION 2

struct captured {
    const char *kind; /* static */
    const char *name;
    const void *value; /* NULL: there is none any more */
    size_t size;
};

/* Values of one or more streams, all of the same moment of each stream. */
struct capture {
    size_t n, room;
    struct captured *item;
    struct arena arena;  /* of names and values */
    struct pack scratch; /* the value that is being made */
    size_t n_synced;     /* files that have to be on the disk before these values, */
    const char **synced; /* paths, the arena's */
    size_t n_unbalanced; /* ledgers that do not hold: an error of ours */
    struct capture *next;
};

struct capture *capture_new(void);
void capture_destroy(struct capture **capture);

/* Adds what has changed since the last call for this stream. */
void capture_stream(struct capture *capture, struct stream *stream, int64_t now_ms);

#endif
