/* SPDX-License-Identifier: MIT
 *
 * Gaussian components with full, diagonal, spherical and tied covariance: parameters,
 * statistics and M-step. The
 * E-step is in gaussian_density.c and gaussian_sums.c. */
#include "gaussian.h"

#include <math.h>
#include <string.h>

#include "matrix.h"
#include "special.h"

static size_t param_size(const struct factor *f)
{
    return f->components * f->dimensions + gaussian_n_cov(f) * gaussian_cov_size(f);
}

size_t gaussian_cov_size(const struct factor *f)
{
    switch (f->covariance) {
    case MIX_DIAG:
        return f->dimensions;
    case MIX_SPHERICAL:
        return 1;
    default:
        return f->dimensions * f->dimensions;
    }
}

size_t gaussian_block_size(const struct factor *f)
{
    return gaussian_is_dense(f) ? f->dimensions * f->dimensions : f->dimensions;
}

size_t gaussian_sum_size(const struct factor *f)
{
    return gaussian_is_dense(f) ? packed_size(f->dimensions) : f->dimensions;
}

size_t gaussian_unit_size(const struct factor *f)
{
    return f->dimensions + (gaussian_is_dense(f) ? packed_size(f->dimensions) : 0);
}

static size_t cache_size(const struct factor *f)
{
    return f->dimensions + gaussian_n_cov(f) * gaussian_unit_size(f) + f->components;
}

const double *gaussian_unit(const struct factor *f, const double *cache, size_t k)
{
    const size_t of = f->covariance == MIX_TIED ? 0 : k;
    return cache + f->dimensions + of * gaussian_unit_size(f);
}

const double *gaussian_log_norm(const struct factor *f, const double *cache)
{
    return cache + f->dimensions + gaussian_n_cov(f) * gaussian_unit_size(f);
}

const double *gaussian_cov(const struct factor *f, const double *param, size_t k)
{
    const size_t of = f->covariance == MIX_TIED ? 0 : k;
    return param + f->components * f->dimensions + of * gaussian_cov_size(f);
}

static size_t stats_size(const struct factor *f)
{
    return f->components * (f->dimensions + gaussian_block_size(f));
}

static size_t sums_size(const struct factor *f)
{
    return f->components * (f->dimensions + gaussian_sum_size(f));
}

static size_t parameters(const struct factor *f)
{
    const size_t dims = f->dimensions;
    const size_t per_cov[MIX_COVARIANCES] = {[MIX_FULL] = packed_size(dims),
                                             [MIX_DIAG] = dims,
                                             [MIX_SPHERICAL] = 1,
                                             [MIX_TIED] = packed_size(dims)};
    return f->components * dims + gaussian_n_cov(f) * per_cov[f->covariance];
}

/* sd and W of one covariance. */
static bool prepare_unit(const struct factor *f, const double *cov, double *unit)
{
    const size_t dims = f->dimensions;
    if (!gaussian_is_dense(f)) {
        for (size_t d = 0; d < dims; d++) {
            const double variance = cov[f->covariance == MIX_DIAG ? d : 0];
            if (!(variance > 0) || variance == (double)INFINITY) {
                return false;
            }
            unit[d] = sqrt(variance);
        }
        return true;
    }
    double factor[MIX_DIMENSIONS_MAX * (MIX_DIMENSIONS_MAX + 1) / 2];
    if (!matrix_factor(cov, dims, unit, factor)) {
        return false;
    }
    matrix_invert_lower(factor, dims, unit + dims);
    return true;
}

static enum mix_err prepare(const struct factor *f, const double *param, double *cache)
{
    const size_t dims = f->dimensions, size = gaussian_unit_size(f);
    double *exponent = cache, *units = cache + dims;
    double *log_norm = units + gaussian_n_cov(f) * size;
    for (size_t k = 0; k < gaussian_n_cov(f); k++) {
        if (!prepare_unit(f, gaussian_cov(f, param, k), units + k * size)) {
            return MIX_ECOVARIANCE;
        }
    }
    for (size_t d = 0; d < dims; d++) {
        exponent[d] = ilogb(units[d]);
    }
    for (size_t k = 0; k < f->components; k++) {
        const double *unit = gaussian_unit(f, cache, k);
        log_norm[k] = 0;
        for (size_t d = 0; d < dims; d++) {
            const double w = gaussian_is_dense(f) ? unit[dims + packed_size(d) + d] : 1;
            const double sd = ldexp(unit[d], -(int)exponent[d]);
            log_norm[k] -= special_log(sd) - special_log(w);
        }
    }
    return MIX_OK;
}

/* m and C of one component blended with a part `a` of points of mean m + delta and
 * scatter Q = n V in the form of sums. */
static void blend_one(const struct factor *f, double a, double n, const double *delta,
                      const double *q, double *m, double *c)
{
    const size_t dims = f->dimensions;
    for (size_t i = 0; i < dims; i++) {
        for (size_t j = gaussian_is_dense(f) ? 0 : i; j <= i; j++) {
            const size_t at = gaussian_is_dense(f) ? i * dims + j : i;
            const double v = q[gaussian_is_dense(f) ? packed_size(i) + j : i] / n;
            c[at] = (1 - a) * c[at] + a * v + a * (1 - a) * delta[i] * delta[j];
            if (gaussian_is_dense(f)) {
                c[j * dims + i] = c[at];
            }
        }
        m[i] += a * delta[i];
    }
}

static void blend(const struct factor *f, double *stats, const double *param,
                  const double *share, const double *mass, const double *sums)
{
    const size_t dims = f->dimensions, first_c = f->components * dims;
    double delta[MIX_DIMENSIONS_MAX];
    for (size_t k = 0; k < f->components; k++) {
        double *m = stats + k * dims;
        if (!(mass[k] > 0)) {
            continue;
        }
        for (size_t d = 0; d < dims; d++) {
            delta[d] = sums[k * dims + d] / mass[k] + (param[k * dims + d] - m[d]);
        }
        blend_one(f, share[k], mass[k], delta, sums + first_c + k * gaussian_sum_size(f),
                  m, stats + first_c + k * gaussian_block_size(f));
    }
}

static void merge(const struct factor *f, double *stats, const double *share,
                  const double *other)
{
    const size_t dims = f->dimensions, c_size = gaussian_block_size(f);
    const size_t first_c = f->components * dims;
    double delta[MIX_DIMENSIONS_MAX];
    for (size_t k = 0; k < f->components; k++) {
        const double a = share[k];
        double *m = stats + k * dims, *c = stats + first_c + k * c_size;
        const double *other_c = other + first_c + k * c_size;
        for (size_t d = 0; d < dims; d++) {
            delta[d] = other[k * dims + d] - m[d];
            m[d] += a * delta[d];
        }
        for (size_t at = 0; at < c_size; at++) {
            const size_t i = gaussian_is_dense(f) ? at / dims : at;
            const size_t j = gaussian_is_dense(f) ? at % dims : at;
            c[at] = (1 - a) * c[at] + a * other_c[at] + a * (1 - a) * delta[i] * delta[j];
        }
    }
}

/* One variance with its prior and floor. */
static double regular(double n, double variance, const struct prior *prior, size_t d,
                      size_t *floored)
{
    /* As shares: n times a variance may overflow. */
    const double total = n + prior->nu0;
    const double value =
        total > 0 ? n / total * variance + prior->nu0 / total * prior->s0[d] : variance;
    if (value < prior->vf[d]) {
        (*floored)++;
        return prior->vf[d];
    }
    return value;
}

/* cov <- the MAP covariance of scatter C that stands for n points. */
static size_t mstep_dense(const struct factor *f, const double *c, double n,
                          const struct prior *prior, double *cov)
{
    const size_t dims = f->dimensions;
    const double shrink = n + prior->nu0 > 0 ? n / (n + prior->nu0) : 1;
    size_t floored = 0;
    for (size_t i = 0; i < dims; i++) {
        for (size_t j = 0; j < i; j++) {
            cov[i * dims + j] = cov[j * dims + i] = shrink * c[i * dims + j];
        }
        cov[i * dims + i] = regular(n, c[i * dims + i], prior, i, &floored);
    }
    return floored;
}

static size_t mstep_tied(const struct factor *f, const double *stats,
                         const double *points, const struct prior *prior, double *cov)
{
    const size_t dims = f->dimensions, size = dims * dims;
    const double *c = stats + f->components * dims;
    double total = 0;
    memset(cov, 0, size * sizeof(*cov));
    for (size_t k = 0; k < f->components; k++) {
        total += points[k];
    }
    for (size_t k = 0; k < f->components && total > 0; k++) {
        for (size_t at = 0; at < size; at++) {
            cov[at] += points[k] / total * c[k * size + at];
        }
    }
    return mstep_dense(f, cov, total, prior, cov);
}

static size_t mstep(const struct factor *f, const double *stats, const double *points,
                    const struct prior *prior, double *param)
{
    const size_t dims = f->dimensions;
    const double *c = stats + f->components * dims;
    double *cov = param + f->components * dims;
    size_t floored = 0;
    memcpy(param, stats, f->components * dims * sizeof(*param));
    if (f->covariance == MIX_TIED) {
        return mstep_tied(f, stats, points, prior, cov);
    }
    for (size_t k = 0; k < f->components; k++, c += gaussian_block_size(f)) {
        if (f->covariance == MIX_FULL) {
            floored += mstep_dense(f, c, points[k], prior, cov + k * dims * dims);
            continue;
        }
        double mean = 0;
        for (size_t d = 0; d < dims; d++) {
            const double variance = regular(points[k], c[d], prior, d, &floored);
            mean += variance / (double)dims;
            if (f->covariance == MIX_DIAG) {
                cov[k * dims + d] = variance;
            }
        }
        if (f->covariance == MIX_SPHERICAL) {
            cov[k] = mean;
        }
    }
    return floored;
}

static void invert(const struct factor *f, const double *param, double *stats)
{
    const size_t dims = f->dimensions, size = gaussian_block_size(f);
    double *c = stats + f->components * dims;
    memcpy(stats, param, f->components * dims * sizeof(*stats));
    for (size_t k = 0; k < f->components; k++, c += size) {
        const double *cov = gaussian_cov(f, param, k);
        for (size_t i = 0; i < size; i++) {
            c[i] = cov[f->covariance == MIX_SPHERICAL ? 0 : i];
        }
    }
}

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
    .param_size = param_size,
    .cache_size = cache_size,
    .stats_size = stats_size,
    .sums_size = sums_size,
    .parameters = parameters,
    .prepare = prepare,
    .log_density = gaussian_log_density,
    .log_common = gaussian_log_common,
    .accumulate = gaussian_accumulate,
    .blend = blend,
    .merge = merge,
    .mstep = mstep,
    .invert = invert,
    .moments = moments,
    .sample = sample,
};
