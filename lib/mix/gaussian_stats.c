/* SPDX-License-Identifier: MIT
 *
 * Running statistics of a gaussian factor (BLEND, BLEND_STATE: stats.c has the
 * formulas and the proof) and the parameters that they give. */
#include <math.h>
#include <string.h>

#include "gaussian.h"

/* Statistics with which others are blended, up to GAUSSIAN_LANES components: share a,
 * means m + delta. Arrays lie with the component last, `stride` apart. Never initialised
 * as a whole: to clear delta would cost more than all the rest for few fields. */
struct change {
    size_t first, n;
    double share[GAUSSIAN_LANES];  /* a */
    double weight[GAUSSIAN_LANES]; /* of the scatter: a, or a / N where it is a sum */
    double delta[MIX_DIMENSIONS_MAX][GAUSSIAN_LANES];
};

/* m' = m + a delta, C' = (1-a) C + weight scatter + a (1-a) delta delta'. */
static void apply(const struct factor *f, const struct change *change,
                  const double *scatter, double *stats)
{
    double *m = stats + change->first;
    const struct kernel_blend job = {.dims = f->dimensions,
                                     .n = change->n,
                                     .stride = f->components,
                                     .is_diagonal = !gaussian_is_dense(f),
                                     .share = change->share,
                                     .weight = change->weight,
                                     .delta = change->delta[0],
                                     .other = scatter + change->first,
                                     .mean = m,
                                     .scatter = m + f->dimensions * f->components};
    kernel_current()->blend(&job);
}

static size_t lanes_from(const struct factor *f, size_t k)
{
    const size_t left = f->components - k;
    return left < GAUSSIAN_LANES ? left : GAUSSIAN_LANES;
}

void gaussian_blend(const struct factor *f, double *stats, const double *param,
                    const double *share, const double *mass, const double *sums)
{
    const size_t dims = f->dimensions, stride = f->components;
    const double *n = sums, *shift = n + stride, *scatter = shift + dims * stride;
    (void)mass;
    for (size_t first = 0; first < stride; first += GAUSSIAN_LANES) {
        struct change change;
        change.first = first;
        change.n = lanes_from(f, first);
        for (size_t k = 0; k < change.n; k++) {
            const bool has_points = n[first + k] > 0;
            change.share[k] = has_points ? share[first + k] : 0;
            change.weight[k] = has_points ? share[first + k] / n[first + k] : 0;
        }
        for (size_t d = 0; d < dims; d++) {
            for (size_t k = 0; k < change.n; k++) {
                const size_t at = d * stride + first + k;
                const double to_model = param[(first + k) * dims + d] - stats[at];
                change.delta[d][k] =
                    n[first + k] > 0 ? shift[at] / n[first + k] + to_model : 0;
            }
        }
        apply(f, &change, scatter, stats);
    }
}

void gaussian_merge(const struct factor *f, double *stats, const double *share,
                    const double *other)
{
    const size_t dims = f->dimensions, stride = f->components;
    for (size_t first = 0; first < stride; first += GAUSSIAN_LANES) {
        struct change change;
        change.first = first;
        change.n = lanes_from(f, first);
        for (size_t k = 0; k < change.n; k++) {
            change.share[k] = change.weight[k] = share[first + k];
            for (size_t d = 0; d < dims; d++) {
                const size_t at = d * stride + first + k;
                change.delta[d][k] = other[at] - stats[at];
            }
        }
        apply(f, &change, other + dims * stride, stats);
    }
}

/* ---- M-step: S = (n C + nu0 S0) / (n + nu0), then floored ---------------------- */

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

/* cov <- the MAP covariance of scatter C [S], `stride` apart, that stands for n points.
 */
static size_t mstep_dense(const struct factor *f, const double *c, size_t stride,
                          double n, const struct prior *prior, double *cov)
{
    const size_t dims = f->dimensions;
    const double shrink = n + prior->nu0 > 0 ? n / (n + prior->nu0) : 1;
    size_t floored = 0;
    for (size_t i = 0; i < dims; i++) {
        for (size_t j = 0; j < i; j++, c += stride) {
            cov[i * dims + j] = cov[j * dims + i] = shrink * *c;
        }
        cov[i * dims + i] = regular(n, *c, prior, i, &floored);
        c += stride;
    }
    return floored;
}

static size_t mstep_diag(const struct factor *f, const double *c, size_t stride, double n,
                         const struct prior *prior, double *cov)
{
    size_t floored = 0;
    for (size_t d = 0; d < f->dimensions; d++) {
        cov[d] = regular(n, c[d * stride], prior, d, &floored);
    }
    return floored;
}

/* One variance for all fields: the mean of theirs is the maximiser. */
static size_t mstep_spherical(const struct factor *f, const double *c, size_t stride,
                              double n, const struct prior *prior, double *cov)
{
    double variance[MIX_DIMENSIONS_MAX], sum = 0;
    const size_t floored = mstep_diag(f, c, stride, n, prior, variance);
    for (size_t d = 0; d < f->dimensions; d++) {
        sum += variance[d];
    }
    *cov = sum / (double)f->dimensions;
    return floored;
}

/* The covariance within the components, weighted by their points. */
static size_t mstep_tied(const struct factor *f, const double *c, const double *points,
                         const struct prior *prior, double *cov)
{
    double pooled[MIX_DIMENSIONS_MAX * (MIX_DIMENSIONS_MAX + 1) / 2], total = 0;
    for (size_t k = 0; k < f->components; k++) {
        total += points[k];
    }
    for (size_t at = 0; at < gaussian_packed(f); at++, c += f->components) {
        pooled[at] = 0;
        for (size_t k = 0; total > 0 && k < f->components; k++) {
            pooled[at] += points[k] / total * c[k];
        }
    }
    return mstep_dense(f, pooled, 1, total, prior, cov);
}

size_t gaussian_mstep(const struct factor *f, const double *stats, const double *points,
                      const struct prior *prior, double *param)
{
    typedef size_t mstep_fn(const struct factor *, const double *, size_t, double,
                            const struct prior *, double *);
    static mstep_fn *const by_type[MIX_COVARIANCES] = {[MIX_FULL] = mstep_dense,
                                                       [MIX_DIAG] = mstep_diag,
                                                       [MIX_SPHERICAL] = mstep_spherical};
    const size_t dims = f->dimensions, stride = f->components;
    const double *c = stats + stride * dims;
    double *cov = param + stride * dims;
    size_t floored = 0;
    for (size_t at = 0; at < stride * dims; at++) {
        param[at] = stats[at % dims * stride + at / dims];
    }
    if (f->covariance == MIX_TIED) {
        return mstep_tied(f, c, points, prior, cov);
    }
    for (size_t k = 0; k < stride; k++) {
        floored += by_type[f->covariance](f, c + k, stride, points[k], prior,
                                          cov + k * gaussian_cov_size(f));
    }
    return floored;
}

void gaussian_invert(const struct factor *f, const double *param, double *stats)
{
    const size_t dims = f->dimensions, stride = f->components;
    for (size_t k = 0; k < stride; k++) {
        const double *cov = gaussian_cov(f, param, k);
        double *to = stats + dims * stride + k;
        for (size_t i = 0; i < dims; i++) {
            stats[i * stride + k] = param[k * dims + i];
            for (size_t j = gaussian_is_dense(f) ? 0 : i; j <= i; j++, to += stride) {
                *to = gaussian_covariance(f, cov, i, j);
            }
        }
    }
}
