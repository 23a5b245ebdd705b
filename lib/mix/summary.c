/* SPDX-License-Identifier: MIT
 *
 * Moments of a whole mixture, and how far two mixtures are from each other. */
#include "summary.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Moments: the laws of total expectation and total variance ----------- */

void summary_moments(const struct mix_model *model, double *mean, double *variance)
{
    const size_t dims = model->shape.dimensions, columns = shape_columns(&model->shape);
    double own_mean[MIX_DIMENSIONS_MAX], own_variance[MIX_DIMENSIONS_MAX];
    memset(mean, 0, dims * sizeof(*mean));
    memset(variance, 0, dims * sizeof(*variance));
    for (size_t k = 0; k < columns; k++) {
        mix_model_component(model, k, own_mean, own_variance);
        for (size_t d = 0; d < dims; d++) {
            mean[d] += model_weight(model, k) * own_mean[d];
        }
    }
    for (size_t k = 0; k < columns; k++) {
        mix_model_component(model, k, own_mean, own_variance);
        for (size_t d = 0; d < dims; d++) {
            const double off = own_mean[d] - mean[d];
            variance[d] += model_weight(model, k) * (own_variance[d] + off * off);
        }
    }
}

/* Adds weight times the covariance of every factor under component k, off the diagonal.
 */
static void add_within(const struct mix_model *model, size_t k, double *covariance)
{
    const size_t dims = model->shape.dimensions;
    const double *param = model->param;
    for (size_t at = 0; at < model->shape.n_factors; at++) {
        const struct factor *f = &model->shape.factors[at];
        for (size_t i = 0; f->family->covariance != NULL && i < f->dimensions; i++) {
            for (size_t j = 0; j < i; j++) {
                covariance[(f->first + i) * dims + f->first + j] +=
                    model->weights[k] * f->family->covariance(f, param, k, i, j);
            }
        }
        param += f->family->param_size(f);
    }
}

/* Adds weight times what the mean of component k is off the mean of all. */
static void add_between(const struct mix_model *model, size_t k, const double *mean,
                        double *covariance)
{
    const size_t dims = model->shape.dimensions;
    double own_mean[MIX_DIMENSIONS_MAX], own_variance[MIX_DIMENSIONS_MAX];
    mix_model_component(model, k, own_mean, own_variance);
    for (size_t i = 0; i < dims; i++) {
        for (size_t j = 0; j < i; j++) {
            covariance[i * dims + j] +=
                model_weight(model, k) * (own_mean[i] - mean[i]) * (own_mean[j] - mean[j]);
        }
    }
}

void mix_model_moments(const struct mix_model *model, double *mean, double *covariance)
{
    const size_t dims = model->shape.dimensions;
    double variance[MIX_DIMENSIONS_MAX];
    summary_moments(model, mean, variance);
    if (covariance == NULL) {
        return;
    }
    memset(covariance, 0, dims * dims * sizeof(*covariance));
    for (size_t k = 0; k < model->shape.components; k++) {
        add_within(model, k, covariance);
        add_between(model, k, mean, covariance);
    }
    if (model->noise != NULL) { /* its fields are independent */
        add_between(model, model->shape.components, mean, covariance);
    }
    for (size_t i = 0; i < dims; i++) {
        covariance[i * dims + i] = variance[i];
        for (size_t j = 0; j < i; j++) {
            covariance[j * dims + i] = covariance[i * dims + j];
        }
    }
}

/* ---- Divergence ---------------------------------------------------------- */

/* Points drawn at a time. */
#define BATCH 1024

/* Running mean and variance. B. P. Welford, Technometrics 4 (1962). */
struct welford {
    double n, mean, squares;
};

static void welford_add(struct welford *w, double x)
{
    const double d = x - w->mean;
    w->n++;
    w->mean += d / w->n;
    w->squares += d * (x - w->mean);
}

static enum mix_err add_batch(const struct mix_model *from, const struct mix_model *to,
                              uint64_t seed, size_t n, double *x, struct welford *w)
{
    double *l_from = x + BATCH * from->shape.dimensions, *l_to = l_from + BATCH;
    const struct mix_rows rows = {.x = x, .n = n, .stride = from->shape.dimensions};
    enum mix_err err = mix_model_sample(from, seed, n, x);
    if (err == MIX_OK) {
        err = mix_model_log_density(from, &rows, l_from);
    }
    if (err == MIX_OK) {
        err = mix_model_log_density(to, &rows, l_to);
    }
    for (size_t i = 0; err == MIX_OK && i < n; i++) {
        welford_add(w, l_from[i] - l_to[i]);
    }
    return err;
}

enum mix_err mix_model_divergence(const struct mix_model *from,
                                  const struct mix_model *to, uint64_t seed, size_t n,
                                  double *nats, double *error)
{
    const size_t dims = from->shape.dimensions;
    struct welford w = {0};
    if (dims != to->shape.dimensions || n < 2) {
        return MIX_ESIZE;
    }
    double *x = calloc(BATCH * (dims + 2), sizeof(*x));
    enum mix_err err = x == NULL ? MIX_ENOMEM : MIX_OK;
    for (size_t done = 0; err == MIX_OK && done < n; done += BATCH) {
        struct rng rng = rng_at(seed, RNG_SAMPLE, done);
        err = add_batch(from, to, rng_next(&rng), n - done < BATCH ? n - done : BATCH, x,
                        &w);
    }
    free(x);
    /* One point without a density makes the mean infinite, and its variance no number. */
    *nats = isfinite(w.mean) ? w.mean : (double)INFINITY;
    if (error != NULL) {
        *error = isfinite(w.mean) ? sqrt(w.squares / (w.n - 1) / w.n) : (double)INFINITY;
    }
    return err;
}
