/* SPDX-License-Identifier: MIT
 *
 * The bounded score of a point: the log density of a mixture of the model and a broad
 * background, the product of Cauchy densities at the mean of each field with three
 * times its standard deviation,
 *
 *     score(x) = log((1 - eps) p(x) + eps bg(x)),    eps = 1 / (na + 1)
 *
 * with na the points behind the model. It costs 1/na nats where the model is right and
 * turns the -1e29 of a narrow gaussian into a number that means something. It is used
 * for the prequential score, the tail and the choice of K; a log density that a user
 * asks for stays the mixture's own, and the E-step does not use it.
 */
#ifndef SCORE_H
#define SCORE_H

#include "points.h"
#include "resolution.h"

struct background {
    const struct scales *scales; /* mean and sd of each field */
    double log_model;            /* log(1 - eps) */
    double log_eps;
    double log_peak; /* log eps + the largest log bg(x) of a complete point */
    const double *dormant; /* D: not NaN where a field is left out; NULL: none is */
    double shared_sd;      /* of every field, 0: each has its own */
    double log_dormant;    /* what these fields add to a log density, taken off again */
};

struct background background_of(const struct scales *scales, double points);

/* Gives all fields one width, the root of the mean of their variances, for a model that
 * has one variance for all: beside its density that of a background which is as narrow as
 * the narrowest field would be the larger one everywhere. Not with fields left out. */
void background_share_width(struct background *background);

/* Leaves out the fields whose value[d] is not NaN: each adds to a log density that of its
 * own value under a gaussian with the floor for its variance (dormant.h). */
void background_leave_out(struct background *background, const double *value);

/* x: D, NaN where missing; log_density: log p(x) of the observed fields, -inf where it
 * underflows. Finite for every point that has a value, NaN for one that has none. */
double score_point(const struct background *background, const double *x,
                   double log_density);

/* Scores of the points of a block, nats, NaN for one that has no value; their bins in the
 * tail about `reference`, -1 there; and of the others the sums and the range of bins. */
struct block_score {
    double score[BLOCK_POINTS];
    int64_t bin[BLOCK_POINTS];
    double sum;        /* of weight score */
    double mass;       /* of weight */
    size_t first, end; /* bins are in [first, end) */
};
void score_block(const struct background *background, const struct block *block,
                 const double *log_density, double reference, struct block_score *out);

#endif
