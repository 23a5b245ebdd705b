/* SPDX-License-Identifier: MIT
 *
 * Expected sufficient statistics as an object: a running average of what the E-step
 * gives, kept centred (weight, mean, covariance), never as raw moments. BLEND and its
 * proof: the head of stats.c. Cappe and Moulines 2009, equation 8.
 */
#ifndef STATS_H
#define STATS_H

#include "estep.h"
#include "family.h"
#include "model.h"

struct stats {
    double *rho;    /* K mean responsibilities; sum 1 with that of the noise */
    double noise;   /* mean responsibility of the noise; 0 without */
    double *values; /* stats_size: factor after factor */
    double *share;  /* K, scratch of one call, not part of the statistics */
};
struct stats *stats_new(const struct shape *shape);
void stats_destroy(struct stats **stats);
void stats_clear(struct stats *stats, const struct shape *shape);
void stats_assign(struct stats *dst, const struct stats *src, const struct shape *shape);

/* The statistics of which the model is the M-step without a prior. */
void stats_of_model(struct stats *stats, const struct mix_model *model);

/* Component k of dst, share and all, <- component from_k of src; the shapes agree but
 * for their numbers of components. */
void stats_place(struct stats *dst, const struct shape *dst_shape, size_t k,
                 const struct stats *src, const struct shape *src_shape, size_t from_k);

/* Component k cut in two of equal share; pair is of two components. s0: D. */
void stats_split(const struct stats *stats, const struct shape *shape, size_t k,
                 enum family_cut cut, const double *s0, struct stats *pair);

/* stats <- (1 - gamma) stats + gamma (sums / sums->weight), 0 < gamma <= 1; sums were
 * taken about the means of `model`. gamma = 1 replaces: one step of batch EM. Does
 * nothing when sums hold no weight. */
void stats_blend(struct stats *stats, const struct mix_model *model,
                 const struct sums *sums, double gamma);

/* dst <- (1 - gamma) dst + gamma src (BLEND_STATE). */
void stats_merge(struct stats *dst, const struct stats *src, const struct shape *shape,
                 double gamma);

/* The maximiser of Q plus the prior, for statistics that stand for `points` points. Noise
 * has one point more than its statistics, so that it can come back after there was none.
 * Writes weights and parameters of model, which is stale then. Returns the number of
 * variances raised to their floor. */
size_t stats_maximise(const struct stats *stats, double points, const struct prior *prior,
                      struct mix_model *model);
/* M-step: the same, and settles the model. *floored (may be NULL) is what the other
 * returns. */
enum mix_err stats_mstep(const struct stats *stats, double points,
                         const struct prior *prior, struct mix_model *model,
                         size_t *floored);

#endif
