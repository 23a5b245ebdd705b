/* SPDX-License-Identifier: MIT
 *
 * What a stream keeps across a restart, as values of the durable state:
 *
 *     kind      name         value
 *     imprint   STREAM       what of the configuration the rest depends on (imprint.h)
 *     stream    STREAM       accounts of what belongs to no key, numbers of sources
 *     rejects   STREAM       dead letters
 *     slot      STREAM[/KEY] a learner with its open block, accounts, number of frames
 *
 * The worker copies what has changed between two rounds; the state actor writes it. */
#ifndef CAPTURE_H
#define CAPTURE_H

#include <stdbool.h>
#include <stddef.h>

#include "config.h"
#include "items.h"
#include "schema.h"
#include "stream.h"

/* Version of these values, see struct store_schema. */
#define CAPTURE_VERSION 1

struct captured {
    const char *kind; /* static */
    char *name;
    void *value;
    size_t size;
};

/* Values of one or more streams, all of the same moment of each stream. */
struct capture {
    size_t n, room;
    struct captured *item;
    size_t n_unbalanced; /* ledgers that do not hold: an error of ours */
    struct capture *next;
};

struct capture *capture_new(void);
void capture_destroy(struct capture **capture);

/* Adds what has changed since the last call for this stream. */
void capture_stream(struct capture *capture, struct stream *stream);

/* Puts the stream where its values say. items were accepted by capture_accept(). */
void capture_restore(struct stream *stream, const struct items *items);

/* Judges the values of a state: context is the struct config. A schema's `accept`. */
enum store_verdict capture_accept(const void *context, const struct items *items,
                                  char *why);

#endif
