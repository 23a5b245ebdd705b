/* SPDX-License-Identifier: MIT
 *
 * Running statistics of a gaussian factor (BLEND, BLEND_STATE: stats.c has the
 * formulas and the proof) and the parameters that they give. */
#include <math.h>
#include <string.h>

#include "gaussian.h"

/* C' = (1-a) C + a V + a (1-a) delta delta' for a dense C; V is scale times a packed
 * triangle. */
static void blend_dense(size_t dims, double a, const double *delta, double scale,
                        const double *scatter, double *c)
{
    for (size_t i = 0; i < dims; i++) {
        const double between = a * (1 - a) * delta[i];
        const double *row = scatter + packed_size(i);
        for (size_t j = 0; j <= i; j++) {
            const double value = (1 - a) * c[i * dims + j] + scale * row[j] +
                                 between * delta[j];
            c[i * dims + j] = value;
            c[j * dims + i] = value;
        }
    }
}

void gaussian_blend(const struct factor *f, double *stats, const double *param,
                    const double *share, const double *mass, const double *sums)
{
    const size_t dims = f->dimensions, size = gaussian_packed(f);
    const size_t c_size = gaussian_scatter_size(f);
    const double *n = sums, *shift = n + f->components;
    const double *scatter = shift + f->components * dims;
    double *m = stats, *c = stats + f->components * dims;
    double delta[MIX_DIMENSIONS_MAX];
    (void)mass;
    for (size_t k = 0; k < f->components; k++) {
        if (!(n[k] > 0)) {
            continue;
        }
        const double a = share[k], scale = a / n[k];
        for (size_t d = 0; d < dims; d++) {
            double *own = m + k * dims + d;
            delta[d] = shift[k * dims + d] / n[k] + (param[k * dims + d] - *own);
            *own += a * delta[d];
        }
        if (gaussian_is_dense(f)) {
            blend_dense(dims, a, delta, scale, scatter + k * size, c + k * c_size);
            continue;
        }
        for (size_t d = 0; d < dims; d++) {
            c[k * dims + d] = (1 - a) * c[k * dims + d] + scale * scatter[k * dims + d] +
                              a * (1 - a) * delta[d] * delta[d];
        }
    }
}

void gaussian_merge(const struct factor *f, double *stats, const double *share,
                    const double *other)
{
    const size_t dims = f->dimensions, c_size = gaussian_scatter_size(f);
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

/* ---- M-step: ALGORITHM.md section 1, S = (n C + nu0 S0) / (n + nu0), then floored -- */

static double regular(double n, double variance, const struct prior *prior, size_t d,
                      size_t *floored)
{
    /* As shares: n times a variance may overflow. */
    const double total = n + prior->nu0;
    const double value =
        total > 0 ? n / total * variance + prior->nu0 / total * prior->s0[d] : variance;
    if (value < prior->vf[d]) {
        ++*floored;
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

/* The covariance within the components, weighted by their points. */
static size_t mstep_tied(const struct factor *f, const double *c, const double *points,
                         const struct prior *prior, double *cov)
{
    const size_t size = f->dimensions * f->dimensions;
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

static size_t mstep_diag(const struct factor *f, const double *c, double n,
                         const struct prior *prior, double *cov)
{
    size_t floored = 0;
    for (size_t d = 0; d < f->dimensions; d++) {
        cov[d] = regular(n, c[d], prior, d, &floored);
    }
    return floored;
}

/* One variance for all fields: the mean of theirs is the maximiser. */
static size_t mstep_spherical(const struct factor *f, const double *c, double n,
                              const struct prior *prior, double *cov)
{
    double variance[MIX_DIMENSIONS_MAX], sum = 0;
    const size_t floored = mstep_diag(f, c, n, prior, variance);
    for (size_t d = 0; d < f->dimensions; d++) {
        sum += variance[d];
    }
    *cov = sum / (double)f->dimensions;
    return floored;
}

size_t gaussian_mstep(const struct factor *f, const double *stats, const double *points,
                      const struct prior *prior, double *param)
{
    typedef size_t mstep_fn(const struct factor *, const double *, double,
                            const struct prior *, double *);
    static mstep_fn *const by_type[MIX_COVARIANCES] = {
        [MIX_FULL] = mstep_dense, [MIX_DIAG] = mstep_diag, [MIX_SPHERICAL] = mstep_spherical};
    const double *c = stats + f->components * f->dimensions;
    double *cov = param + f->components * f->dimensions;
    size_t floored = 0;
    memcpy(param, stats, f->components * f->dimensions * sizeof(*param));
    if (f->covariance == MIX_TIED) {
        return mstep_tied(f, c, points, prior, cov);
    }
    for (size_t k = 0; k < f->components; k++) {
        floored += by_type[f->covariance](f, c + k * gaussian_scatter_size(f), points[k],
                                          prior, cov + k * gaussian_cov_size(f));
    }
    return floored;
}

void gaussian_invert(const struct factor *f, const double *param, double *stats)
{
    const size_t dims = f->dimensions, size = gaussian_scatter_size(f);
    double *c = stats + f->components * dims;
    memcpy(stats, param, f->components * dims * sizeof(*stats));
    for (size_t k = 0; k < f->components; k++, c += size) {
        const double *cov = gaussian_cov(f, param, k);
        for (size_t i = 0; i < size; i++) {
            c[i] = cov[f->covariance == MIX_SPHERICAL ? 0 : i];
        }
    }
}
