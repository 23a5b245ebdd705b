/* SPDX-License-Identifier: MIT
 *
 * Where the numbers of a gaussian factor lie; shared by family_gaussian.c and the files
 * gaussian_*.c. S below is all of it for full and tied covariance (a packed lower
 * triangle, D(D+1)/2) and the diagonal (D) for diag and spherical.
 *
 *     param    means [K][D] | covariances: full [K][D][D], diag [K][D], spherical [K],
 *                             tied [D][D]
 *     cache    ref [D] | exponent [D] | W [n_cov][S] | c [K][D] | base [K] | is_far [K]
 *     stats    m [D][K] | C [S][K]
 *     sums     N [K] | F [D][K] | T [S][K]
 *     scratch  a [8][D+1][32] | b, the same | r [K][256] | moments [..][K] and of one
 *              component once more | mean, shift, delta [D][K] | base [K] | patterns of
 *              missing entries [4][D][D] or rows of points [256][D rounded up to 8]
 *
 * W is the inverse factor in units in which log2 f(x) = common + base - |W (x-mu)|^2,
 * and c = W (ref - mu), so that W (x - mu) = W (x - ref) + c: x - ref is taken once for
 * all components. That loses log2(rho) bits for a component rho standard deviations
 * from ref; where rho exceeds GAUSSIAN_FAR the component is far and x - mu is taken.
 * common is the same for all components and holds the units: base is the determinant
 * where field d is measured in 2^exponent_d, a power of two near the sd of component 0,
 * and common the logarithm of these. So responsibilities do not depend on units.
 *
 * F is the sum of r (x - mu_k), mu_k of the model, and T the scatter about the mean of
 * the points that are in the sums so far, mu_k + F/N; parts are joined by the formula
 * of Chan, Golub and LeVeque (1979). So nothing cancels, wherever mu_k lies.
 */
#ifndef GAUSSIAN_H
#define GAUSSIAN_H

#include "family.h"
#include "kernel.h"
#include "matrix.h"

/* log2 of sqrt(2 pi) and of ROOT_BITS, which W has in excess: of sqrt(pi log2 e). */
#define NORMALISER 1.09013125120860820615
/* sqrt(log2(e) / 2): |W d|^2 is then in bits. */
#define ROOT_BITS 0.84932180028801904272

/* Beyond this many standard deviations between ref and a mean, densities are taken about
 * the mean itself (relative error 64 eps = 1e-14 in W x at the most); beyond this many
 * between ref and the mean of the points, moments are (64^2 eps = 1e-12 of the variance
 * in T). */
#define GAUSSIAN_FAR 64

/* From so many fields on, blocks in which less than this share of the responsibilities is
 * more than nothing take the sparse kernel. It needs (EPYC 9005, AVX-512, ns per point
 * and component, by the share that is active):
 *
 *               6 %    22 %   40 %   dense
 *     (16,16)   1.2    2.4    3.9     3.1
 *     (64,16)   8.9   19     30      44      */
#define GAUSSIAN_SPARSE_DIMS 16
#define GAUSSIAN_SPARSE_SHARE 0.3

/* Components worked on at a time outside the kernels: what a vector holds at most. */
#define GAUSSIAN_LANES KERNEL_LANES

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
/* S: doubles of one W, and of one T. */
static inline size_t gaussian_packed(const struct factor *f)
{
    return gaussian_is_dense(f) ? packed_size(f->dimensions) : f->dimensions;
}
/* Doubles of one covariance in param. */
static inline size_t gaussian_cov_size(const struct factor *f)
{
    const size_t dims = f->dimensions;
    return f->covariance == MIX_SPHERICAL ? 1 : f->covariance == MIX_DIAG ? dims : dims * dims;
}
/* Doubles of one covariance by index of the component. */
static inline const double *gaussian_cov(const struct factor *f, const double *param,
                                         size_t k)
{
    return param + f->components * f->dimensions +
           (f->covariance == MIX_TIED ? 0 : k) * gaussian_cov_size(f);
}

/* S_ij of the covariance that lies at cov, whatever its type. */
static inline double gaussian_covariance(const struct factor *f, const double *cov,
                                         size_t i, size_t j)
{
    if (gaussian_is_dense(f)) {
        return cov[i * f->dimensions + j];
    }
    return i != j ? 0 : cov[f->covariance == MIX_DIAG ? i : 0];
}

/* Where the parts of a cache begin. */
struct gaussian_cache {
    const double *ref, *exponent, *w, *c, *base, *is_far;
    size_t w_stride; /* 0 where tied */
};
struct gaussian_cache gaussian_cache(const struct factor *f, const double *cache);
/* And of the scratch. */
struct gaussian_scratch {
    double *a, *b, *resp, *moments, *again, *mean, *shift, *delta, *base, *patterns, *rows;
};
struct gaussian_scratch gaussian_scratch(const struct factor *f, double *scratch);

/* gaussian_prepare.c */
enum mix_err gaussian_prepare(const struct factor *f, const double *param, double *cache);
/* Takes the covariances off the matrices that cannot be factored: values that are gone
 * were so large that what is left of them is rounding, and larger than the variances. */
void gaussian_mend(const struct factor *f, double *param);

/* gaussian_density.c */
double gaussian_log_density(const struct factor *f, const double *param,
                            const double *cache, const struct workspace *work,
                            const struct block *block, const double *base, double *out);

/* gaussian_sums.c */
void gaussian_accumulate(const struct factor *f, const double *param, const double *cache,
                         const struct workspace *work, const struct block *block,
                         const double *resp, struct span ks, double *sums);
void gaussian_join(const struct factor *f, const struct workspace *work, double *sums,
                   const double *other);
/* Joins points of mass n > 0, mean mu_k + shift / n and scatter T [S] to the sums of
 * component k. */
void gaussian_join_points(const struct factor *f, double *sums, size_t k, double n,
                          const double *shift, const double *scatter);

/* gaussian_stats.c */
void gaussian_blend(const struct factor *f, double *stats, const double *param,
                    const double *share, const double *mass, const double *sums);
void gaussian_merge(const struct factor *f, double *stats, const double *share,
                    const double *other);
void gaussian_invert(const struct factor *f, const double *param, double *stats);
size_t gaussian_mstep(const struct factor *f, const double *stats, const double *points,
                      const struct prior *prior, double *param);

/* gaussian_condition.c: what the fields seen say of those wanted, for one covariance. */
struct gaussian_conditional {
    double inverse_sd[MIX_DIMENSIONS_MAX]; /* n_seen */
    double *w; /* inverse factor of the correlation of the seen, packed */
    double *u; /* n_wanted x n_seen: W (S_os / sd) of each wanted field */
};
/* Matrices lie in scratch, 4 D^2. False where the covariance has no factor. */
bool gaussian_condition(const struct factor *f, const double *cov,
                        const struct family_fields *fields, double *scratch,
                        struct gaussian_conditional *out);
/* What is left of the covariance of the wanted fields m and l: S_ml - u_m u_l. */
double gaussian_left(const struct factor *f, const double *cov,
                     const struct family_fields *fields,
                     const struct gaussian_conditional *by, size_t m, size_t l);
enum mix_err gaussian_derive(const struct factor *f, const double *param,
                             const struct family_fields *fields, const double *x,
                             const struct factor *out_f, double *out);

/* gaussian_missing.c: whether point i of the block lacks a field of this factor, and
 * all such points of a block, exactly. */
bool gaussian_is_partial(const struct factor *f, const struct block *block, size_t i);
void gaussian_missing_density(const struct factor *f, const double *param,
                              const double *exponent, const struct workspace *work,
                              const struct block *block, const double *base, double *out);
void gaussian_missing_sums(const struct factor *f, const double *param,
                           const struct workspace *work, const struct block *block,
                           const double *resp, struct span ks, double *sums);

/* gaussian_split.c */
void gaussian_place(const struct factor *f, double *stats, size_t k,
                    const struct factor *from_f, const double *from, size_t from_k);
void gaussian_split(const struct factor *f, const double *stats, size_t k,
                    enum family_cut cut, const double *s0, double *pair);

#endif
