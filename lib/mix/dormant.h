/* SPDX-License-Identifier: MIT
 *
 * Dormant fields: those that have shown a single value so far. A gaussian has no density
 * for a field that does not vary, so the learner does without the field until enough
 * rows differ; then it wakes and the model is fitted anew to rows as they came.
 *
 * A dormant field is missing, exactly: in what EM is given it holds its value in every
 * row, and a component has that value for its mean, the floor for its variance and no
 * covariance with others. The factor of the field is then the same for every component
 * and cancels in the responsibilities, at the speed of complete rows; scores leave it
 * out. With `spherical` one variance is that of all fields, which bounds the density of
 * each: there no field is dormant.
 */
#ifndef DORMANT_H
#define DORMANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model.h"
#include "points.h"

/* Rows that differ before a field wakes. */
#define DORMANT_ROWS 32

struct dormancy {
    size_t dimensions;
    size_t n_dormant;
    double *value;            /* D: of the dormant fields, NaN: awake */
    uint64_t *differing;      /* D: rows that had another value, of dormant fields */
    struct points *witnesses; /* the newest rows that differed in a dormant field */
    uint64_t n_witnesses;     /* ever; the oldest is overwritten first */
    struct points *view;      /* scratch: a block as EM is to see it */
};

struct dormancy *dormancy_new(size_t dimensions);
void dormancy_destroy(struct dormancy **dormancy);
/* Takes the room that is needed with dormant fields only, and gives it back without.
 * False without memory. */
bool dormancy_reserve(struct dormancy *dormancy);
void dormancy_release(struct dormancy *dormancy);
/* Every field is awake. */
void dormancy_clear(struct dormancy *dormancy);

/* Decides anew from all rows of the stream so far which fields are dormant. True: all.
 * Without memory for what comes with it none is. */
bool dormancy_decide(struct dormancy *dormancy, const struct shape *shape,
                     const struct points *rows);

/* Counts the points of a block, as they came, that differ in dormant fields. */
void dormancy_watch(struct dormancy *dormancy, const struct block *block);
/* The first dormant field of which enough rows differed, or `dimensions`. */
size_t dormancy_next_to_wake(const struct dormancy *dormancy);
void dormancy_wake(struct dormancy *dormancy, size_t d);

/* The block as EM is to see it: itself while nothing is dormant, else a scratch that is
 * valid until the next call. */
const struct block *dormancy_view(struct dormancy *dormancy, const struct block *block);
/* A copy of rows as EM is to see them, owned by the caller; NULL without memory. */
struct points *dormancy_copy(const struct dormancy *dormancy, const struct points *rows);
/* The same for one row of D, in place. */
void dormancy_fill(const struct dormancy *dormancy, double *x);

#endif
