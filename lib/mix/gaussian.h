/* SPDX-License-Identifier: MIT
 *
 * Where the numbers of a gaussian factor lie; shared by the files family_gaussian*.c.
 *
 *     param  means [K][D] | covariances: full [K][D][D], diag [K][D], spherical [K],
 *                           tied [D][D]
 *     cache  n_cov times: sd [D] | inverse factor W [D(D+1)/2] (full, tied; z = W d/sd)
 *            then log normaliser [K]
 *     stats  m [K][D] | C: full, tied [K][D][D], diag, spherical [K][D]
 *     sums   F [K][D] | Q: full, tied [K][D(D+1)/2] packed, diag, spherical [K][D]
 */
#ifndef GAUSSIAN_H
#define GAUSSIAN_H

#include "family.h"

#define LOG_2PI 1.83787706640934548356

/* Full and tied have a matrix to factor, diag and spherical only variances. */
static inline bool gaussian_is_dense(const struct factor *f)
{
    return f->covariance == MIX_FULL || f->covariance == MIX_TIED;
}
/* Covariances in param and cache: one for all where tied. */
static inline size_t gaussian_n_cov(const struct factor *f)
{
    return f->covariance == MIX_TIED ? 1 : f->components;
}
size_t gaussian_cov_size(const struct factor *f);   /* doubles of one covariance in param */
size_t gaussian_block_size(const struct factor *f); /* doubles of one C in stats */
size_t gaussian_sum_size(const struct factor *f);   /* doubles of one Q in sums */
size_t gaussian_unit_size(const struct factor *f);  /* doubles of sd and W in cache */

/* family_gaussian_estep.c */
void gaussian_log_density(const struct factor *f, const double *param,
                          const double *cache, const struct block *block,
                          double *log_density);
void gaussian_accumulate(const struct factor *f, const double *param, const double *cache,
                         const struct block *block, const double *resp, double *sums);

/* gaussian_missing.c: the points of a block that have missing entries, one component.
 * cov is dense D x D. Adds to F [D] and, unless NULL, to Q in the form of sums. */
struct observed {
    double log_density;                /* of the observed entries, without w_k */
    double d[MIX_DIMENSIONS_MAX];      /* x - mean, the conditional mean where missing */
};
bool gaussian_observe(const struct factor *f, const double *mean, const double *cov,
                      const struct block *block, size_t i, struct observed *out,
                      double *conditional);

#endif
