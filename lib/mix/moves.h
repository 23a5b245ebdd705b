/* SPDX-License-Identifier: MIT
 *
 * What merging two components would lose, and what cutting one would gain, in nats a
 * point of a sample (the formulas are in splitmerge.h). */
#ifndef MOVES_H
#define MOVES_H

#include <stdbool.h>
#include <stddef.h>

#include "joint.h"
#include "stats.h"

struct merge {
    size_t i, j; /* components */
    double loss; /* nats a point, small when they cover the same points */
};

/* A component or a merged pair, cut in two. */
struct cut {
    size_t i, j;   /* what is cut; j = i: the one component */
    double change; /* nats a point by the cut alone, merge included */
    double share;  /* of the first half */
};

struct moves {
    struct shape shape, slots_shape, pair_shape;
    struct joint *joint;
    struct stats *stats;        /* of the model that is to be improved */
    struct stats *left, *right; /* slots: components to be merged */
    struct mix_model *slots_model;
    struct estep *slots_estep;
    struct stats *pair;
    struct mix_model *pair_model;
    struct estep *pair_estep;
    struct sums *pair_sums;
    struct points *parts; /* of the sample: what the components that are cut have */
};

struct moves *moves_new(const struct shape *shape, size_t capacity, size_t slots);
void moves_destroy(struct moves **moves);

/* Component `to` of stats <- components i and j merged by moments, shares added. */
void moves_merge(struct moves *moves, size_t i, size_t j, struct stats *stats,
                 const struct shape *shape, size_t to);

/* Sets the loss of n <= slots merges. Costs a pass of slots components. */
void moves_losses(struct moves *moves, const struct prior *prior, struct merge *merges,
                  size_t n);

/* Cuts components i and j, merged (i = j: one), and lets a few steps of EM on the two
 * halves follow. The halves are left in moves->pair. */
struct cut moves_cut(struct moves *moves, const struct prior *prior, size_t i, size_t j,
                     enum family_cut way);

#endif
