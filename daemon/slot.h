/* SPDX-License-Identifier: MIT
 *
 * One learner and its accounts: a stream has one slot, or one for each key. The slot,
 * not the stream, owns the open block. */
#ifndef SLOT_H
#define SLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "ledger.h"
#include "mix.h"
#include "reader.h" /* struct bytes */

/* Bytes of a key that needs no memory of its own, with the zero behind it. */
#define SLOT_KEY_SIZE 20

struct slot {
    /* What every row asks for: of many slots each is far away. */
    struct mix_learner *learner;
    char *key;                     /* NULL: the stream has no keys */
    size_t key_size;               /* bytes of the key */
    double last_time_s;            /* newest point, event or arrival time; NaN: none */
    bool lacks_memory;             /* for the work that is due, when it was last tried */
    bool has_news;                 /* points came since the last frame */
    bool has_started;              /* there was a model */
    bool is_changed;               /* since it was last captured for the durable state */
    char short_key[SLOT_KEY_SIZE]; /* where `key` is if it fits */
    struct ledger counts;          /* received, rejected before the learner or by a reset,
                                      duplicate, lost; the learner counts the rest, see
                                      slot_ledger() */

    size_t index;               /* of its router, in the order in which they were made */
    uint64_t slice;             /* point-E-steps that slot_work() runs at once */
    uint64_t seq;               /* of the last model frame; 0: none */
    uint64_t published_updates; /* updates that the last frame showed */
    uint64_t noted_unscorable;  /* points of these kinds that have a dead letter */
    uint64_t noted_frozen;
    bool is_captured;         /* the durable state has all its parts, */
    struct mix_mark captured; /* as they were then */
};

/* key: data is NULL for a stream without keys. start: the model to start from, or
 * NULL. NULL and *err when the learner cannot be made. */
struct slot *slot_new(const struct stream_config *config, const struct mix_model *start,
                      struct bytes key, enum mix_err *err);
void slot_destroy(struct slot **slot);

/* Hands accepted rows to the learner until one of these: all are taken, work is due
 * (slot_is_busy()), or `until_updates` updates were made (0: no such limit). Returns
 * how many were taken. */
size_t slot_learn(struct slot *slot, const struct mix_rows *rows, uint64_t until_updates);

/* Long work is due: no row is taken before slot_work() has done it. */
bool slot_is_busy(const struct slot *slot);
/* Runs a slice of it, a few milliseconds. True: no more work is due. */
bool slot_work(struct slot *slot);

/* Forgets the model; points that waited to be learned are rejected for that. */
void slot_reset(struct slot *slot);

/* What it takes is scored, not learned. */
bool slot_is_frozen(const struct slot *slot);

/* Everything that became of the points of this slot; the identity holds. */
struct ledger slot_ledger(const struct slot *slot);

#endif
