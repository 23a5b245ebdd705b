/* SPDX-License-Identifier: MIT
 *
 * Claims about noise in clutter that lies among the components, not only far from them;
 * no dependence on units; and what jumps to where only noise reaches. */
#include "mixture.h"

#define K 3
#define N 16000

/* Points of the model, of which a share is uniform in a box `wide` times as large as the
 * one they fill. */
static struct sample draw(const struct mix_model *truth, uint64_t seed, size_t n,
                          double share, double wide)
{
    const size_t dims = mix_model_dimensions(truth);
    struct sample s = sample_draw(truth, seed, n);
    for (size_t d = 0; d < dims; d++) {
        double low = s.x[d], high = s.x[d];
        for (size_t i = 0; i < n; i++) {
            low = fmin(low, s.x[i * dims + d]);
            high = fmax(high, s.x[i * dims + d]);
        }
        const double middle = (low + high) / 2, half = (high - low) / 2 * wide;
        for (size_t i = 0; i < n; i++) {
            struct rng rng = rng_at(seed, RNG_TEST, i);
            const bool is_clutter = rng_uniform(&rng) < share;
            for (size_t skip = 0; skip < d; skip++) {
                (void)rng_uniform(&rng);
            }
            const double u = 2 * rng_uniform(&rng) - 1;
            s.x[i * dims + d] = is_clutter ? middle + u * half : s.x[i * dims + d];
        }
    }
    return s;
}

static double noise_of(const struct mix_model *model)
{
    const struct mix_model *noise = mix_model_noise(model);
    return noise != NULL ? mix_model_weights(noise)[0] : 0;
}

/* The components alone. */
static struct mix_model *core_of(const struct mix_model *model)
{
    double weights[K + 1] = {0};
    for (size_t k = 0; k < K; k++) {
        weights[k] = mix_model_weights(model)[k] / (1 - noise_of(model));
    }
    return mix_model_noise(model) != NULL
               ? mix_model_with_noise(model, mix_model_noise(model), weights, NULL)
               : mix_model_copy(model);
}

/* What the components lose against those of the truth, on points of these, nats. */
static double core_gap(const struct mix_model *truth, const struct mix_model *model)
{
    struct sample held = sample_draw(truth, 1000, 20000);
    struct mix_model *core = core_of(model);
    ck_assert_ptr_nonnull(core);
    const double gap = mean_log_density(truth, &held) - mean_log_density(core, &held);
    mix_model_destroy(&core);
    free(held.x);
    return gap;
}

/* The farthest that a component of the truth is from the nearest, standard deviations. */
static double farthest(const struct mix_model *truth, const struct mix_model *model)
{
    const size_t dims = mix_model_dimensions(truth);
    double most = 0;
    for (size_t k = 0; k < mix_model_components(truth); k++) {
        double mean[8], variance[8], own[8], unused[8], nearest = HUGE_VAL;
        mix_model_component(truth, k, mean, variance);
        for (size_t j = 0; j < mix_model_components(model); j++) {
            double off = 0;
            mix_model_component(model, j, own, unused);
            for (size_t d = 0; d < dims; d++) {
                off = fmax(off, fabs(own[d] - mean[d]) / sqrt(variance[d]));
            }
            nearest = fmin(nearest, off);
        }
        most = fmax(most, nearest);
    }
    return most;
}

static struct mix_learner *learn(const struct mix_options *options, const struct sample *s)
{
    struct mix_learner *learner = mix_learner_new(options, NULL);
    ck_assert_ptr_nonnull(learner);
    feed(learner, s);
    assert_sound(learner);
    return learner;
}

static struct mix_model *fit(const struct mix_options *options, const struct sample *s)
{
    const struct mix_rows rows = sample_rows(s);
    struct mix_fit_options effort;
    mix_fit_options_init(&effort);
    struct mix_model *model = mix_fit(options, &effort, &rows, NULL, NULL, NULL);
    ck_assert_ptr_nonnull(model);
    return model;
}

/* share of clutter, how wide, and what may be lost: without noise it is 30 to 500 times
 * as much. The clutter is uniform and the noise gaussian, of the same moments: within the
 * clusters it is up to 1.4^2 times as dense, which the weight shows. */
static const struct {
    double share, wide, gap, off, weight;
} clutters[] = {{0.01, 40, 0.002, 0.1, 0.003}, {0.1, 1.5, 0.004, 0.1, 0.03},
                {0.3, 1.5, 0.008, 0.12, 0.06}};

START_TEST(components_stay_where_they_are)
{
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct mix_model *truth = mixture_random(2, K, 5, seed);
        struct sample s = draw(truth, seed, N, clutters[_i].share, clutters[_i].wide);
        struct mix_options options;
        mix_options_init(&options, 2, K);
        struct mix_learner *plain = learn(&options, &s);
        options.noise = true;
        struct mix_learner *learner = learn(&options, &s);
        struct mix_model *batch = fit(&options, &s);
        const struct mix_model *models[2] = {mix_learner_model(learner), batch};
        const double without = core_gap(truth, mix_learner_model(plain));
        for (size_t i = 0; i < 2; i++) {
            const double gap = core_gap(truth, models[i]);
            ck_assert_msg(gap < clutters[_i].gap && 5 * gap < without,
                          "seed %d: gap %g, without noise %g", (int)seed, gap, without);
            ck_assert_double_lt(farthest(truth, models[i]), clutters[_i].off);
            ck_assert_double_eq_tol(noise_of(models[i]),
                                    clutters[_i].share, clutters[_i].weight);
        }
        mix_model_destroy(&batch);
        mix_learner_destroy(&plain);
        mix_learner_destroy(&learner);
        mix_model_destroy(&truth);
        free(s.x);
    }
}
END_TEST

/* Round clusters, right for every type, with a tenth of clutter and a tenth missing. */
START_TEST(every_covariance_and_missing_entries)
{
    enum { D = 3 };
    const double weights[K] = {0.2, 0.3, 0.5};
    const double means[K * D] = {0, 0, 0, 6, 0, -6, 0, 6, 6}, variance[K] = {1, 1, 1};
    struct mix_model *truth =
        mix_model_new(D, K, MIX_SPHERICAL, weights, means, variance, NULL);
    struct sample s = draw(truth, 21, N, 0.1, 1.5);
    for (size_t i = 0; i < N * D; i++) {
        struct rng rng = rng_at(22, RNG_TEST, i);
        s.x[i] = rng_uniform(&rng) < 0.1 ? (double)NAN : s.x[i];
    }
    struct mix_options options;
    mix_options_init(&options, D, K);
    options.covariance = (enum mix_covariance)_i;
    options.marginalize = true;
    options.noise = true;
    struct mix_learner *learner = learn(&options, &s);
    const struct mix_model *model = mix_learner_model(learner);
    ck_assert_double_lt(farthest(truth, model), 0.1);
    ck_assert_double_lt(core_gap(truth, model), 0.006);
    ck_assert_double_eq_tol(noise_of(model), 0.1, 0.02);
    mix_learner_destroy(&learner);
    mix_model_destroy(&truth);
    free(s.x);
}
END_TEST

/* Multiplying a field by a power of two changes nothing but its scale. */
START_TEST(units_change_no_bit)
{
    enum { D = 2 };
    const enum mix_covariance type = (enum mix_covariance)_i;
    const double units[D] = {0x1p-20, type == MIX_SPHERICAL ? 0x1p-20 : 0x1p30};
    struct mix_model *truth = mixture_random(D, K, 3, 82);
    struct sample s = draw(truth, 82, N, 0.05, 3), t = draw(truth, 82, N, 0.05, 3);
    for (size_t i = 0; i < N * D; i++) {
        t.x[i] *= units[i % D];
    }
    struct mix_options options;
    mix_options_init(&options, D, K);
    options.covariance = type;
    options.noise = true;
    struct mix_learner *plain = learn(&options, &s), *scaled = learn(&options, &t);
    const struct mix_model *a = mix_learner_model(plain), *b = mix_learner_model(scaled);
    double mean_a[D], mean_b[D], variance_a[D], variance_b[D];
    mix_model_component(a, K, mean_a, variance_a);
    mix_model_component(b, K, mean_b, variance_b);
    ck_assert(noise_of(a) == noise_of(b));
    for (size_t d = 0; d < D; d++) {
        ck_assert(mean_a[d] * units[d] == mean_b[d]);
        ck_assert(variance_a[d] * units[d] * units[d] == variance_b[d]);
        for (size_t k = 0; k < K; k++) {
            const size_t at = k * D + d;
            ck_assert(mix_model_weights(a)[k] == mix_model_weights(b)[k]);
            ck_assert(mix_model_means(a)[at] * units[d] == mix_model_means(b)[at]);
        }
    }
    mix_learner_destroy(&plain);
    mix_learner_destroy(&scaled);
    mix_model_destroy(&truth);
    free(s.x);
    free(t.x);
}
END_TEST

/* Where the stream jumps to where only noise reaches, new components are found: with
 * adapt, and in a window, which is not challenged. */
START_TEST(a_jump_is_no_noise)
{
    enum { D = 2, FIRST = 20000, AFTER = 6000 };
    struct mix_model *truth = mixture_random(D, K, 4, 51);
    struct sample s = draw(truth, 51, FIRST + AFTER, 0.1, 2);
    for (size_t i = FIRST * D; i < s.n * D; i++) {
        s.x[i] += 200;
    }
    struct mix_options options;
    mix_options_init(&options, D, K);
    options.noise = true;
    options.window = _i == 1 ? 3000 : 0;
    options.compact = _i == 2;
    options.adapt = _i != 1;
    struct mix_learner *learner = learn(&options, &s);
    const struct mix_model *model = mix_learner_model(learner);
    ck_assert_double_lt(noise_of(model), 0.2);
    for (size_t k = 0; k < K; k++) {
        ck_assert_double_gt(mix_model_means(model)[k * D], 150);
    }
    mix_learner_destroy(&learner);
    mix_model_destroy(&truth);
    free(s.x);
}
END_TEST

int main(void)
{
    static const int types[MIX_COVARIANCES] = {0}, three[3] = {0};
    const struct unit_test tests[] = {
        UNIT_LOOP(components_stay_where_they_are, clutters),
        UNIT_LOOP(every_covariance_and_missing_entries, types),
        UNIT_LOOP(units_change_no_bit, types),
        UNIT_LOOP(a_jump_is_no_noise, three),
    };
    return unit_run("outliers", tests, COUNT(tests));
}
