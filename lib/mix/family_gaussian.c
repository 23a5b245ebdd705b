/* SPDX-License-Identifier: MIT
 *
 * Gaussian components with full, diagonal, spherical and tied covariance: sizes, what
 * the E-step needs derived from the parameters, and draws. gaussian.h has the layout,
 * gaussian_*.c the rest. */
#include <math.h>
#include <string.h>

#include "gaussian.h"
#include "special.h"

static size_t param_size(const struct factor *f)
{
    return f->components * f->dimensions + gaussian_n_cov(f) * gaussian_cov_size(f);
}

static size_t cache_size(const struct factor *f)
{
    return 2 * f->dimensions + gaussian_n_cov(f) * gaussian_packed(f) +
           f->components * (f->dimensions + 2);
}

static size_t stats_size(const struct factor *f)
{
    return f->components * (f->dimensions + gaussian_packed(f));
}

static size_t sums_size(const struct factor *f)
{
    return f->components * (1 + f->dimensions + gaussian_packed(f));
}

static size_t parameters(const struct factor *f)
{
    const size_t per_cov = f->covariance == MIX_SPHERICAL ? 1 : gaussian_packed(f);
    return f->components * f->dimensions + gaussian_n_cov(f) * per_cov;
}

struct gaussian_cache gaussian_cache(const struct factor *f, const double *cache)
{
    struct gaussian_cache at;
    at.ref = cache;
    at.exponent = at.ref + f->dimensions;
    at.w = at.exponent + f->dimensions;
    at.c = at.w + gaussian_n_cov(f) * gaussian_packed(f);
    at.base = at.c + f->components * f->dimensions;
    at.is_far = at.base + f->components;
    at.w_stride = f->covariance == MIX_TIED ? 0 : gaussian_packed(f);
    return at;
}

/* Doubles of a block laid out for the kernels. */
static size_t layout_size(const struct factor *f)
{
    return (f->dimensions + 1) * BLOCK_POINTS;
}

static size_t moments_size(const struct factor *f)
{
    return (f->components + 1) * packed_size(f->dimensions + 1);
}

/* Patterns of missing entries and rows of points are never needed at the same time. */
static size_t last_size(const struct factor *f)
{
    const size_t patterns = 4 * f->dimensions * f->dimensions;
    const size_t rows = BLOCK_POINTS * ((f->dimensions + 7) / 8 * 8);
    const bool has_rows = gaussian_is_dense(f) && f->dimensions >= GAUSSIAN_SPARSE_DIMS;
    return has_rows && rows > patterns ? rows : patterns;
}

static size_t scratch_size(const struct factor *f)
{
    return 2 * layout_size(f) + moments_size(f) +
           f->components * (BLOCK_POINTS + 3 * f->dimensions + 1) +
           last_size(f);
}

struct gaussian_scratch gaussian_scratch(const struct factor *f, double *scratch)
{
    struct gaussian_scratch at;
    at.a = scratch;
    at.b = at.a + layout_size(f);
    at.resp = at.b + layout_size(f);
    at.moments = at.resp + f->components * BLOCK_POINTS;
    at.again = at.moments + f->components * packed_size(f->dimensions + 1);
    at.mean = at.moments + moments_size(f);
    at.shift = at.mean + f->components * f->dimensions;
    at.delta = at.shift + f->components * f->dimensions;
    at.base = at.delta + f->components * f->dimensions;
    at.patterns = at.rows = at.base + f->components;
    return at;
}

/* ---- What users and the search ask --------------------------------------------- */

static void moments(const struct factor *f, const double *param, size_t k, double *mean,
                    double *variance)
{
    const size_t dims = f->dimensions;
    const double *cov = gaussian_cov(f, param, k);
    const size_t step[MIX_COVARIANCES] = {
        [MIX_FULL] = dims + 1, [MIX_DIAG] = 1, [MIX_SPHERICAL] = 0, [MIX_TIED] = dims + 1};
    for (size_t d = 0; d < dims; d++) {
        mean[d] = param[k * dims + d];
        variance[d] = cov[d * step[f->covariance]];
    }
}

static double covariance(const struct factor *f, const double *param, size_t k, size_t i,
                         size_t j)
{
    return gaussian_covariance(f, gaussian_cov(f, param, k), i, j);
}

static void sample(const struct factor *f, const double *param, size_t k,
                   struct rng *rng, double *x)
{
    const size_t dims = f->dimensions;
    const double *cov = gaussian_cov(f, param, k);
    double normal[MIX_DIMENSIONS_MAX], sd[MIX_DIMENSIONS_MAX];
    double factor[MIX_DIMENSIONS_MAX * (MIX_DIMENSIONS_MAX + 1) / 2];
    for (size_t d = 0; d < dims; d++) {
        normal[d] = rng_normal(rng);
    }
    if (!gaussian_is_dense(f)) {
        for (size_t d = 0; d < dims; d++) {
            const double variance = cov[f->covariance == MIX_DIAG ? d : 0];
            x[d] = param[k * dims + d] + sqrt(variance) * normal[d];
        }
        return;
    }
    if (!matrix_factor(cov, dims, sd, factor)) {
        memset(factor, 0, sizeof(factor)); /* cannot be: the model was prepared */
    }
    for (size_t i = 0; i < dims; i++) {
        double z = 0;
        for (size_t j = 0; j <= i; j++) {
            z += factor[packed_size(i) + j] * normal[j];
        }
        x[i] = param[k * dims + i] + sd[i] * z;
    }
}

extern const struct family family_gaussian;
const struct family family_gaussian = {
    .name = "gaussian",
    .id = MIX_GAUSSIAN,
    .param_size = param_size,
    .cache_size = cache_size,
    .stats_size = stats_size,
    .sums_size = sums_size,
    .scratch_size = scratch_size,
    .parameters = parameters,
    .prepare = gaussian_prepare,
    .log_density = gaussian_log_density,
    .accumulate = gaussian_accumulate,
    .join = gaussian_join,
    .blend = gaussian_blend,
    .merge = gaussian_merge,
    .mstep = gaussian_mstep,
    .invert = gaussian_invert,
    .place = gaussian_place,
    .split = gaussian_split,
    .moments = moments,
    .sample = sample,
    .covariance = covariance,
    .derive = gaussian_derive,
};
