/* SPDX-License-Identifier: MIT
 *
 * Which moves may take a model out of a local maximum (splitmerge.h), with what each
 * would change by itself, on a sample: merge two components and cut a third, or merge a
 * pair and cut it another way.
 *
 *     WEIGH -> LOSS -> GAIN -> RECUT -> known, best first
 */
#ifndef PROPOSALS_H
#define PROPOSALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "estep.h"
#include "family.h"
#include "mix.h"
#include "model.h"
#include "points.h"

struct proposals;

/* Workspace for samples of n points; NULL without memory. */
struct proposals *proposals_new(const struct mix_options *options,
                                const struct shape *shape, size_t n);
void proposals_destroy(struct proposals **proposals);

/* Takes a sample of the points, at most 4096; and gives it. */
void proposals_sample(struct proposals *proposals, const struct points *points);
const struct points *proposals_points(const struct proposals *proposals);

/* Begins with a model that EM has converged to on the points. What is passed stays, and
 * the model as it is, until the proposals are no longer asked for. */
void proposals_begin(struct proposals *proposals, const struct mix_model *model,
                     const struct prior *prior, struct estep *estep);

/* Runs about *budget point-E-steps, as em_run(). True: all are known. */
bool proposals_run(struct proposals *proposals, uint64_t *budget);

/* How many there are; trial <- the model that proposal i makes. False if there is none.
 */
size_t proposals_count(const struct proposals *proposals);
bool proposals_make(struct proposals *proposals, size_t i, struct mix_model *trial);

#endif
