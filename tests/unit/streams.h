/* SPDX-License-Identifier: MIT
 *
 * Streams whose points depend on each other. */
#ifndef STREAMS_H
#define STREAMS_H

#include "mixture.h"

/* A stream whose component stays the same for a while, `dwell` points on average; then
 * each comes with the same probability. The weights of truth are not read. */
static inline struct sample draw_switching(const struct mix_model *truth, size_t n,
                                           size_t dwell, uint64_t seed)
{
    const size_t d = mix_model_dimensions(truth), k_all = mix_model_components(truth);
    struct rng rng = rng_at(seed, RNG_TEST, 2);
    struct sample s = sample_new(n, d);
    struct mix_model *parts[16];
    size_t k = 0;
    require(k_all <= COUNT(parts));
    for (size_t i = 0; i < k_all; i++) {
        const double one = 1;
        parts[i] = mix_model_new(d, 1, MIX_FULL, &one, mix_model_means(truth) + i * d,
                                 mix_model_covariances(truth) + i * d * d, NULL);
    }
    for (size_t i = 0; i < n; i++) {
        if (rng_below(&rng, dwell) == 0) {
            k = rng_below(&rng, k_all);
        }
        require(mix_model_sample(parts[k], seed * n + i, 1, s.x + i * d) == MIX_OK);
    }
    for (size_t i = 0; i < k_all; i++) {
        mix_model_destroy(&parts[i]);
    }
    return s;
}

/* An autoregression of order one about the origin with variance 1, all fields alike. */
static inline struct sample draw_autoregression(size_t d, size_t n, double phi,
                                                uint64_t seed)
{
    struct rng rng = rng_at(seed, RNG_TEST, 3);
    struct sample s = sample_new(n, d);
    double x[16] = {0};
    require(d <= COUNT(x));
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < d; j++) {
            x[j] = phi * x[j] + sqrt(1 - phi * phi) * rng_normal(&rng);
            s.x[i * d + j] = x[j];
        }
    }
    return s;
}

/* Gives all points to the learner, outside of a test of Check. */
static inline void learn_all(struct mix_learner *learner, const struct sample *s)
{
    struct mix_rows rows = sample_rows(s);
    while (rows.n > 0) {
        size_t taken;
        require(mix_learner_add(learner, &rows, &taken) == MIX_OK);
        mix_learner_work(learner);
        rows.x += taken * rows.stride;
        rows.n -= taken;
    }
}

#endif
