/* SPDX-License-Identifier: MIT
 *
 * Random mixtures and points for the numeric tests, and what the library computes once
 * more by brute force: in long double, point by point, from the textbook's formulas. */
#ifndef BRUTE_H
#define BRUTE_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "estep.h"
#include "mix.h"
#include "rng.h"
#include "stats.h"
#include "unit.h"

/* The seed of this run, part of every message of a failure. */
#define BRUTE_SEED 20091

static inline unsigned long long brute_seed(void)
{
    return (unsigned long long)unit_seed(BRUTE_SEED);
}

struct brute {
    size_t dims, components;
    enum mix_covariance covariance;
    double *weights, *means, *covariances; /* as in mix.h */
};

/* A random symmetric positive definite matrix with eigenvalues of the order of 1. */
static inline void brute_covariance(size_t dims, struct rng *rng, double *cov)
{
    double *const b = calloc(dims * dims, sizeof(*b));
    for (size_t at = 0; at < dims * dims; at++) {
        b[at] = rng_normal(rng) / sqrt((double)dims);
    }
    for (size_t i = 0; i < dims; i++) {
        for (size_t j = 0; j < dims; j++) {
            cov[i * dims + j] = i == j ? 0.3 : 0;
            for (size_t m = 0; m < dims; m++) {
                cov[i * dims + j] += b[i * dims + m] * b[j * dims + m];
            }
        }
    }
    free(b);
}

static inline size_t brute_cov_size(const struct brute *brute)
{
    const size_t d = brute->dims, k = brute->components;
    const size_t size[MIX_COVARIANCES] = {[MIX_FULL] = k * d * d,
                                          [MIX_DIAG] = k * d,
                                          [MIX_SPHERICAL] = k,
                                          [MIX_TIED] = d * d};
    return size[brute->covariance];
}

/* Means about `spread` apart, standard deviations about 1. */
static inline struct brute brute_new(size_t dims, size_t components,
                                         enum mix_covariance covariance, double spread,
                                         struct rng *rng)
{
    struct brute brute = {dims, components, covariance, NULL, NULL, NULL};
    const size_t size = brute_cov_size(&brute);
    double total = 0;
    brute.weights = calloc(components, sizeof(double));
    brute.means = calloc(components * dims, sizeof(double));
    brute.covariances = calloc(size, sizeof(double));
    for (size_t k = 0; k < components; k++) {
        brute.weights[k] = 0.2 + rng_uniform(rng);
        total += brute.weights[k];
    }
    for (size_t k = 0; k < components; k++) {
        brute.weights[k] /= total;
    }
    for (size_t at = 0; at < components * dims; at++) {
        brute.means[at] = spread * rng_normal(rng);
    }
    for (size_t at = 0; at < size; at++) {
        brute.covariances[at] = 0.3 + rng_uniform(rng);
    }
    const size_t dense = covariance == MIX_FULL ? components : covariance == MIX_TIED;
    for (size_t k = 0; k < dense; k++) {
        brute_covariance(dims, rng, brute.covariances + k * dims * dims);
    }
    return brute;
}

static inline void brute_free(struct brute *brute)
{
    free(brute->weights);
    free(brute->means);
    free(brute->covariances);
}

static inline struct mix_model *brute_model(const struct brute *brute)
{
    enum mix_err err;
    struct mix_model *const model =
        mix_model_new(brute->dims, brute->components, brute->covariance,
                      brute->weights, brute->means, brute->covariances, &err);
    ck_assert_msg(model != NULL, "%s", mix_strerror(err));
    return model;
}

/* S_ij of component k. */
static inline double brute_s(const struct brute *brute, size_t k, size_t i, size_t j)
{
    const size_t d = brute->dims;
    const double *const cov = brute->covariances;
    switch (brute->covariance) {
    case MIX_FULL:
        return cov[(k * d + i) * d + j];
    case MIX_TIED:
        return cov[i * d + j];
    case MIX_DIAG:
        return i == j ? cov[k * d + i] : 0;
    default:
        return i == j ? cov[k] : 0;
    }
}

/* The lower factor of the covariance of the n fields in `seen`. */
static inline void brute_factor(const struct brute *brute, size_t k,
                                  const size_t *seen, size_t n, long double *factor)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j <= i; j++) {
            long double sum = brute_s(brute, k, seen[i], seen[j]);
            for (size_t m = 0; m < j; m++) {
                sum -= factor[i * n + m] * factor[j * n + m];
            }
            factor[i * n + j] = i == j ? sqrtl(sum) : sum / factor[j * n + j];
        }
    }
}

/* log f(x_o | k) of the observed entries, nats. */
static inline long double brute_log_density(const struct brute *brute, size_t k,
                                              const double *x)
{
    const size_t d = brute->dims;
    long double *const factor = calloc(d * d + d, sizeof(*factor)), *const z = factor + d * d;
    size_t *const seen = calloc(d, sizeof(*seen)), n = 0;
    for (size_t i = 0; i < d; i++) {
        if (!isnan(x[i])) {
            seen[n++] = i;
        }
    }
    brute_factor(brute, k, seen, n, factor);
    long double l = -0.5L * (long double)n * logl(2 * acosl(-1));
    for (size_t i = 0; i < n; i++) {
        z[i] = (long double)x[seen[i]] - brute->means[k * d + seen[i]];
        for (size_t j = 0; j < i; j++) {
            z[i] -= factor[i * n + j] * z[j];
        }
        z[i] /= factor[i * n + i];
        l -= logl(factor[i * n + i]) + 0.5L * z[i] * z[i];
    }
    free(factor);
    free(seen);
    return l;
}

/* log p(x); posterior (may be NULL) gets K entries. */
static inline long double brute_posterior(const struct brute *brute, const double *x,
                                            long double *posterior)
{
    const size_t n = brute->components;
    long double *const l = calloc(n, sizeof(*l)), high = -HUGE_VALL, sum = 0;
    for (size_t k = 0; k < n; k++) {
        l[k] = logl(brute->weights[k]) + brute_log_density(brute, k, x);
        high = l[k] > high ? l[k] : high;
    }
    for (size_t k = 0; k < n; k++) {
        sum += expl(l[k] - high);
    }
    for (size_t k = 0; posterior != NULL && k < n; k++) {
        posterior[k] = expl(l[k] - high) / sum;
    }
    free(l);
    return high + logl(sum);
}

/* n points of the mixture, row-major. */
static inline double *brute_sample(const struct brute *brute, uint64_t seed, size_t n)
{
    struct mix_model *model = brute_model(brute);
    double *const x = calloc(n * brute->dims + 1, sizeof(*x));
    ck_assert_int_eq(mix_model_sample(model, seed, n, x), MIX_OK);
    mix_model_destroy(&model);
    return x;
}

static inline struct points *brute_points(const double *x, size_t n, size_t dims,
                                            const double *weight)
{
    struct points *const points = points_new(dims, n);
    const struct mix_rows rows = {.x = x, .n = n, .stride = dims, .weight = weight};
    points_append(points, &rows, 0, n);
    return points;
}

/* One E-step over all points into fresh sums. */
static inline struct sums *brute_sums(const struct mix_model *model,
                                        const struct points *points)
{
    struct sums *const sums = sums_new(&model->shape);
    struct estep *estep = estep_new(&model->shape);
    sums_clear(sums);
    for (size_t j = 0; j < points_blocks(points); j++) {
        estep_run(estep, model, points_block(points, j));
        sums_add(sums, estep, model, points_block(points, j));
    }
    estep_destroy(&estep);
    return sums;
}

/* No prior, and a floor that no test reaches. */
static inline struct prior brute_no_prior(void)
{
    static double zeros[MIX_DIMENSIONS_MAX];
    return (struct prior){.nu0 = 0, .s0 = zeros, .vf = zeros};
}

#endif
