/* SPDX-License-Identifier: MIT
 *
 * Synthetic mixtures and points for the tests of lib/mix. All of it is a function of a
 * seed, drawn with the library's own counter-based numbers. */
#ifndef MIXTURE_H
#define MIXTURE_H

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mix.h"
#include "points.h"
#include "rng.h"
#include "unit.h"

/* For what cannot fail; the drawing of data is used outside of Check, too. */
static inline void require(bool is_true)
{
    if (!is_true) {
        abort();
    }
}

/* Rows of a test, owned. */
struct sample {
    double *x;
    size_t n, dimensions;
};

static inline struct mix_rows sample_rows(const struct sample *s)
{
    return (struct mix_rows){.x = s->x, .n = s->n, .stride = s->dimensions};
}

static inline struct sample sample_new(size_t n, size_t dimensions)
{
    double *x = calloc(n * dimensions, sizeof(*x));
    require(x != NULL);
    return (struct sample){x, n, dimensions};
}

static inline struct sample sample_draw(const struct mix_model *model, uint64_t seed,
                                        size_t n)
{
    const struct sample s = sample_new(n, mix_model_dimensions(model));
    require(mix_model_sample(model, seed, n, s.x) == MIX_OK);
    return s;
}

static inline struct points *sample_points(const struct sample *s)
{
    const struct mix_rows rows = sample_rows(s);
    struct points *points = points_new(s->dimensions, s->n);
    require(points != NULL);
    points_append(points, &rows, 0, s->n);
    return points;
}

/* Makes the columns of a random rotation: Gram-Schmidt of normal vectors. */
static inline void random_rotation(struct rng *rng, size_t d, double *q)
{
    for (size_t i = 0; i < d; i++) {
        double norm = 0;
        for (size_t j = 0; j < d; j++) {
            q[i * d + j] = rng_normal(rng);
        }
        for (size_t p = 0; p < i; p++) {
            double dot = 0;
            for (size_t j = 0; j < d; j++) {
                dot += q[i * d + j] * q[p * d + j];
            }
            for (size_t j = 0; j < d; j++) {
                q[i * d + j] -= dot * q[p * d + j];
            }
        }
        for (size_t j = 0; j < d; j++) {
            norm += q[i * d + j] * q[i * d + j];
        }
        for (size_t j = 0; j < d; j++) {
            q[i * d + j] /= sqrt(norm);
        }
    }
}

/* Eigenvalues log-uniform in [0.3, 3], random axes. */
static inline void random_covariance(struct rng *rng, size_t d, double *c)
{
    double q[32 * 32];
    memset(c, 0, d * d * sizeof(*c));
    random_rotation(rng, d, q);
    for (size_t p = 0; p < d; p++) {
        const double value = 0.3 * pow(10, rng_uniform(rng));
        for (size_t i = 0; i < d; i++) {
            for (size_t j = 0; j < d; j++) {
                c[i * d + j] += value * q[p * d + i] * q[p * d + j];
            }
        }
    }
    for (size_t i = 0; i < d; i++) {
        for (size_t j = 0; j < i; j++) {
            c[i * d + j] = c[j * d + i];
        }
    }
}

static inline bool is_apart(const double *means, size_t k, size_t d, double separation)
{
    for (size_t l = 0; l < k; l++) {
        double sum = 0;
        for (size_t i = 0; i < d; i++) {
            const double z = means[k * d + i] - means[l * d + i];
            sum += z * z;
        }
        if (sum < separation * separation) {
            return false;
        }
    }
    return true;
}

/* Full covariances, means at least `separation` apart in a box as small as they fit in,
 * weights from a Dirichlet(5). d <= 32. */
static inline struct mix_model *mixture_random(size_t d, size_t components,
                                               double separation, uint64_t seed)
{
    struct rng rng = rng_at(seed, RNG_TEST, 0);
    double *weights = calloc(components, sizeof(double));
    double *means = calloc(components * d, sizeof(double));
    double *covariances = calloc(components * d * d, sizeof(double));
    double total = 0, side = separation;
    for (size_t k = 0; k < components; k++) {
        do {
            side *= 1.01;
            for (size_t i = 0; i < d; i++) {
                means[k * d + i] = side * (rng_uniform(&rng) - 0.5);
            }
        } while (!is_apart(means, k, d, separation));
        random_covariance(&rng, d, covariances + k * d * d);
        for (int i = 0; i < 5; i++) {
            weights[k] -= log(rng_uniform(&rng));
        }
        total += weights[k];
    }
    for (size_t k = 0; k < components; k++) {
        weights[k] /= total;
    }
    struct mix_model *model =
        mix_model_new(d, components, MIX_FULL, weights, means, covariances, NULL);
    require(model != NULL);
    free(weights);
    free(means);
    free(covariances);
    return model;
}

/* Gives all rows to the learner. */
static inline void feed_rows(struct mix_learner *learner, struct mix_rows rows)
{
    while (rows.n > 0) {
        size_t taken;
        ck_assert_int_eq(mix_learner_add(learner, &rows, &taken), MIX_OK);
        mix_learner_work(learner);
        rows.x += taken * rows.stride;
        rows.n -= taken;
        rows.weight = rows.weight == NULL ? NULL : rows.weight + taken;
        rows.time = rows.time == NULL ? NULL : rows.time + taken;
    }
}

static inline void feed(struct mix_learner *learner, const struct sample *s)
{
    feed_rows(learner, sample_rows(s));
}

/* Mean log density of the rows under a model, nats. */
static inline double mean_log_density(const struct mix_model *model,
                                      const struct sample *s)
{
    const struct mix_rows rows = sample_rows(s);
    double *out = calloc(s->n, sizeof(*out)), sum = 0;
    require(out != NULL && mix_model_log_density(model, &rows, out) == MIX_OK);
    for (size_t i = 0; i < s->n; i++) {
        sum += out[i] / (double)s->n;
    }
    free(out);
    return sum;
}

/* The encoded state, owned by the caller. */
static inline unsigned char *state_bytes(const struct mix_learner *learner, size_t *size)
{
    *size = mix_learner_encoded_size(learner);
    unsigned char *bytes = malloc(*size);
    ck_assert_ptr_nonnull(bytes);
    mix_learner_encode(learner, bytes);
    return bytes;
}

/* Fails unless both learners have the same state to the last bit. */
static inline void assert_same_state(const struct mix_learner *a,
                                     const struct mix_learner *b)
{
    size_t n_a, n_b;
    unsigned char *bytes_a = state_bytes(a, &n_a), *bytes_b = state_bytes(b, &n_b);
    ck_assert_uint_eq(n_a, n_b);
    ck_assert(memcmp(bytes_a, bytes_b, n_a) == 0);
    free(bytes_a);
    free(bytes_b);
}

/* Every number of model and info is finite, the weights sum to 1, and the rows add up. */
static inline void assert_sound(const struct mix_learner *learner)
{
    const struct mix_model *model = mix_learner_model(learner);
    struct mix_info info;
    mix_learner_info(learner, &info);
    ck_assert_uint_eq(info.added,
                      info.learned + info.unscorable + info.frozen + info.queued);
    if (model == NULL) {
        return;
    }
    const size_t k = mix_model_components(model), d = mix_model_dimensions(model);
    const struct mix_model *noise = mix_model_noise(model);
    double sum = noise != NULL ? mix_model_weights(noise)[0] : 0;
    for (size_t i = 0; i < k; i++) {
        ck_assert(mix_model_weights(model)[i] >= 0);
        sum += mix_model_weights(model)[i];
    }
    ck_assert_double_eq_tol(sum, 1, 1e-12 * (double)k);
    for (size_t i = 0; i < k * d; i++) {
        ck_assert(isfinite(mix_model_means(model)[i]));
    }
    for (size_t i = 0; i < mix_model_covariance_size(model); i++) {
        ck_assert(isfinite(mix_model_covariances(model)[i]));
    }
}

#endif
