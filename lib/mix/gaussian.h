/* SPDX-License-Identifier: MIT
 *
 * Where the numbers of a gaussian factor lie; shared by the files family_gaussian*.c.
 *
 *     param  means [K][D] | covariances: full [K][D][D], diag [K][D], spherical [K],
 *                           tied [D][D]
 *     cache  exponent e [D]: 2^e_d is the unit of field d, near the sd of component 0
 *            | n_cov times: sd [D], inverse factor W [D(D+1)/2] (full, tied;
 *              z = W (x - mu)/sd) | log normaliser [K] in those units
 *     stats  m [K][D] | C: full, tied [K][D][D], diag, spherical [K][D]
 *     sums   F [K][D] = sum r (x - mu) | Q about mu + F/N: full, tied
 *            [K][D(D+1)/2] packed, diag, spherical [K][D]
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

/* Where cache holds the covariance of component k and the log normalisers. */
const double *gaussian_unit(const struct factor *f, const double *cache, size_t k);
const double *gaussian_log_norm(const struct factor *f, const double *cache);
/* Where param holds the covariance of component k. */
const double *gaussian_cov(const struct factor *f, const double *param, size_t k);

/* True if point i of the block misses an entry of this factor. */
bool gaussian_has_hole(const struct factor *f, const struct block *block, size_t i);

/* gaussian_density.c */
void gaussian_log_density(const struct factor *f, const double *param,
                          const double *cache, const struct block *block,
                          double *log_density);
void gaussian_log_common(const struct factor *f, const double *cache,
                         const struct block *block, double *log_density);

/* gaussian_sums.c */
void gaussian_accumulate(const struct factor *f, const double *param,
                         const struct block *block, const double *resp,
                         const double *before, const double *mass, double *sums);

/* gaussian_missing.c: point i of a block, with missing entries, against one component
 * with mean [D] and dense covariance cov [D][D]. */
struct observed {
    double log_density;           /* of the entries that are there, in units of 2^e,
                                     without the constant of 2 pi */
    double d[MIX_DIMENSIONS_MAX]; /* x - mean; its conditional mean where missing */
};
/* The covariance of component k as a dense matrix. */
void gaussian_dense(const struct factor *f, const double *param, size_t k, double *cov);
/* exponent: D, or NULL when the density is not wanted. conditional: D x D, the
 * conditional covariance, zero where observed, or NULL. False if the covariance of the
 * observed entries cannot be factored. */
bool gaussian_observe(const struct factor *f, const double *mean, const double *cov,
                      const double *exponent, const struct block *block, size_t i,
                      struct observed *out, double *conditional);

#endif
