/* SPDX-License-Identifier: MIT
 *
 * Whatever values and weights come, every number of the model stays finite and every
 * row is accounted for. */
#include "mixture.h"

/* Value of row i, field d. */
typedef double stream_fn(struct rng *rng, size_t i, size_t d);

static double constant_field(struct rng *rng, size_t i, size_t d)
{
    (void)i;
    return d == 0 ? 7 : rng_normal(rng);
}

static double one_point(struct rng *rng, size_t i, size_t d)
{
    (void)rng;
    (void)i;
    return 3 - (double)d;
}

static double two_points(struct rng *rng, size_t i, size_t d)
{
    (void)rng;
    return (double)(i % 2) + (double)d;
}

static double tiny(struct rng *rng, size_t i, size_t d)
{
    (void)i;
    return d == 0 ? 1e-300 * rng_normal(rng) : rng_normal(rng);
}

static double largest(struct rng *rng, size_t i, size_t d)
{
    (void)i;
    return d == 0 ? 1e150 * (2 * rng_uniform(rng) - 1) : rng_normal(rng);
}

static double outliers(struct rng *rng, size_t i, size_t d)
{
    (void)d;
    return i % 100 == 99 ? 1e150 : rng_normal(rng);
}

static double constant_then_wild(struct rng *rng, size_t i, size_t d)
{
    (void)d;
    return i < 5000 ? 0 : 1e100 * rng_normal(rng);
}

static double growing(struct rng *rng, size_t i, size_t d)
{
    (void)d;
    return exp((double)i / 50) * rng_normal(rng);
}

static double denormal(struct rng *rng, size_t i, size_t d)
{
    (void)d;
    return (double)(i % 7) * 5e-324 * (1 + floor(3 * rng_uniform(rng)));
}

static double mixed_scales(struct rng *rng, size_t i, size_t d)
{
    (void)i;
    return (d == 0 ? 1e140 : 1e-140) * rng_normal(rng);
}

static stream_fn *const streams[] = {
    constant_field, one_point,          two_points, tiny,     largest,
    outliers,       constant_then_wild, growing,    denormal, mixed_scales,
};

START_TEST(every_number_stays_finite)
{
    enum { D = 2, K = 4, N = 12000, PART = 500 };
    const size_t which = (size_t)_i % COUNT(streams);
    struct rng rng = rng_at(1, RNG_TEST, which);
    struct sample s = sample_new(N, D);
    for (size_t i = 0; i < N * D; i++) {
        s.x[i] = streams[which](&rng, i / D, i % D);
    }
    struct mix_options options;
    mix_options_init(&options, D, K);
    options.covariance = (enum mix_covariance)((size_t)_i / COUNT(streams));
    struct mix_learner *learner = mix_learner_new(&options, NULL);
    for (size_t done = 0; done < N; done += PART) {
        const struct sample part = {s.x + done * D, PART, D};
        feed(learner, &part);
        assert_sound(learner);
    }
    struct mix_info info;
    mix_learner_info(learner, &info);
    ck_assert(isfinite(info.log_likelihood) || mix_learner_model(learner) == NULL);
    ck_assert_uint_eq(info.added, N);
    mix_learner_destroy(&learner);
    free(s.x);
}
END_TEST

START_TEST(one_point_a_million_times)
{
    enum { D = 3, K = 3, N = 1000000 };
    struct sample s = sample_new(1000, D);
    for (size_t i = 0; i < s.n * D; i++) {
        s.x[i] = (double)(i % D) * 1e6 + 0.1;
    }
    struct mix_options options;
    mix_options_init(&options, D, K);
    struct mix_learner *learner = mix_learner_new(&options, NULL);
    for (size_t done = 0; done < N; done += s.n) {
        feed(learner, &s);
    }
    assert_sound(learner);
    struct mix_info info;
    mix_learner_info(learner, &info);
    ck_assert_uint_eq(info.learned + info.queued, N);
    ck_assert_ptr_null(mix_learner_model(learner));
    for (size_t d = 0; d < D; d++) {
        ck_assert(info.dormant[d] == s.x[d]);
    }
    mix_learner_destroy(&learner);
    free(s.x);
}
END_TEST

START_TEST(any_weights_are_survived)
{
    enum { D = 2, K = 2, N = 12000 };
    const double scales[] = {1e-150, 1e-12, 1e12, 1e150, 0};
    struct mix_model *truth = mixture_random(D, K, 4, 87);
    struct sample s = sample_draw(truth, 87, N);
    struct rng rng = rng_at(88, RNG_TEST, 0);
    double *weight = calloc(N, sizeof(*weight));
    for (size_t i = 0; i < N; i++) {
        const double u = rng_uniform(&rng);
        weight[i] = scales[_i] > 0 ? scales[_i] * u : pow(10, 300 * u - 150);
    }
    struct mix_rows rows = sample_rows(&s);
    rows.weight = weight;
    struct mix_options options;
    mix_options_init(&options, D, K);
    struct mix_learner *learner = mix_learner_new(&options, NULL);
    feed_rows(learner, rows);
    assert_sound(learner);
    ck_assert_ptr_nonnull(mix_learner_model(learner));
    mix_learner_destroy(&learner);
    mix_model_destroy(&truth);
    free(weight);
    free(s.x);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        {every_number_stays_finite, MIX_COVARIANCES * COUNT(streams)},
        UNIT(one_point_a_million_times),
        {any_weights_are_survived, 5},
    };
    return unit_run("extremes", tests, COUNT(tests));
}
