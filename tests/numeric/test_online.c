/* SPDX-License-Identifier: MIT
 *
 * Claims about the whole learner: the same bits under any framing, no dependence on
 * units and offsets, one pass as good as batch EM. */
#include "mixture.h"

static struct mix_learner *learn(const struct mix_options *options,
                                 const struct sample *s)
{
    struct mix_learner *learner = mix_learner_new(options, NULL);
    ck_assert_ptr_nonnull(learner);
    feed(learner, s);
    assert_sound(learner);
    return learner;
}

/* Batch EM with the default effort. */
static struct mix_model *fit(const struct mix_options *options, const struct sample *s)
{
    const struct mix_rows rows = sample_rows(s);
    struct mix_fit_options effort;
    mix_fit_options_init(&effort);
    struct mix_model *model = mix_fit(options, &effort, &rows, NULL, NULL, NULL);
    ck_assert_ptr_nonnull(model);
    return model;
}

/* Rows in frames of 1, of a random size, and all at once end in the same state. */
START_TEST(framing_changes_no_bit)
{
    enum { D = 2, K = 3, N = 12000 };
    const uint64_t seed = unit_seed(81);
    struct mix_model *truth = mixture_random(D, K, 3, seed);
    struct sample s = sample_draw(truth, seed, N);
    struct mix_options options;
    mix_options_init(&options, D, K);
    struct mix_learner *whole = learn(&options, &s);
    for (size_t largest = 1; largest <= 3000; largest += 2999) {
        struct rng rng = rng_at(seed, RNG_TEST, largest);
        struct mix_learner *framed = mix_learner_new(&options, NULL);
        for (size_t done = 0; done < N;) {
            const size_t wanted = 1 + rng_below(&rng, largest);
            const size_t n = wanted < N - done ? wanted : N - done;
            const struct sample frame = {s.x + done * D, n, D};
            feed(framed, &frame);
            done += n;
        }
        assert_same_state(whole, framed);
        mix_learner_destroy(&framed);
    }
    mix_learner_destroy(&whole);
    mix_model_destroy(&truth);
    free(s.x);
}
END_TEST

/* Multiplying a field by a power of two changes nothing but its scale. Spherical
 * covariances know only one unit. */
START_TEST(units_change_no_bit)
{
    enum { D = 2, K = 3, N = 10000 };
    const enum mix_covariance type = (enum mix_covariance)_i;
    const double units[D] = {0x1p-20, type == MIX_SPHERICAL ? 0x1p-20 : 0x1p30};
    struct mix_model *truth = mixture_random(D, K, 3, 82);
    struct sample s = sample_draw(truth, 82, N), t = sample_draw(truth, 82, N);
    for (size_t i = 0; i < N * D; i++) {
        t.x[i] *= units[i % D];
    }
    struct mix_options options;
    mix_options_init(&options, D, K);
    options.covariance = type;
    struct mix_learner *plain = learn(&options, &s), *scaled = learn(&options, &t);
    const struct mix_model *a = mix_learner_model(plain), *b = mix_learner_model(scaled);
    for (size_t k = 0; k < K; k++) {
        ck_assert(mix_model_weights(a)[k] == mix_model_weights(b)[k]);
        for (size_t d = 0; d < D; d++) {
            const size_t at = k * D + d;
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

/* The component of b whose mean, less an offset, is the nearest to that of k in a: starts
 * that end alike are told apart by the last bits, so labels may change places. */
static size_t nearest(const struct mix_model *a, const struct mix_model *b, size_t k,
                      double offset)
{
    const size_t dims = mix_model_dimensions(a);
    size_t best = 0;
    double shortest = HUGE_VAL;
    for (size_t j = 0; j < mix_model_components(b); j++) {
        double distance = 0;
        for (size_t d = 0; d < dims; d++) {
            const double x = mix_model_means(b)[j * dims + d] - offset;
            distance += fabs(x - mix_model_means(a)[k * dims + d]);
        }
        if (distance < shortest) {
            shortest = distance;
            best = j;
        }
    }
    return best;
}

/* An offset of 1e9 standard deviations moves means by less than 5e-6 sd and covariances
 * by less than 1e-5: the inputs themselves are rounded to 1.2e-7. */
START_TEST(an_offset_of_a_billion_is_only_an_offset)
{
    enum { D = 2, K = 3, N = 20000 };
    struct mix_model *truth = mixture_random(D, K, 4, 83);
    struct sample s = sample_draw(truth, 83, N), t = sample_draw(truth, 83, N);
    for (size_t i = 0; i < N * D; i++) {
        t.x[i] += 1e9;
    }
    struct mix_options options;
    mix_options_init(&options, D, K);
    struct mix_learner *plain = learn(&options, &s), *far = learn(&options, &t);
    const struct mix_model *a = mix_learner_model(plain), *b = mix_learner_model(far);
    for (size_t k = 0; k < K; k++) {
        const size_t own = nearest(a, b, k, 1e9);
        for (size_t i = 0; i < D; i++) {
            ck_assert_double_eq_tol(mix_model_means(b)[own * D + i] - 1e9,
                                    mix_model_means(a)[k * D + i], 5e-6);
        }
        for (size_t i = 0; i < D * D; i++) {
            ck_assert_double_eq_tol(mix_model_covariances(b)[own * D * D + i],
                                    mix_model_covariances(a)[k * D * D + i], 1e-5);
        }
    }
    mix_learner_destroy(&plain);
    mix_learner_destroy(&far);
    mix_model_destroy(&truth);
    free(s.x);
    free(t.x);
}
END_TEST

/* One pass over n points against batch EM on the same points, held out. */
START_TEST(one_pass_is_as_good_as_batch)
{
    const struct {
        size_t d, k, n;
        double separation, gap;
    } cases[] = {
        {1, 2, 30000, 3, 5e-4}, {2, 5, 40000, 6, 5e-4}, {2, 3, 40000, 2.5, 1e-3}};
    const uint64_t seed = unit_seed(84) + (uint64_t)_i;
    struct mix_model *truth =
        mixture_random(cases[_i].d, cases[_i].k, cases[_i].separation, seed);
    struct sample s = sample_draw(truth, seed, cases[_i].n);
    struct sample held_out = sample_draw(truth, seed + 1000, 50000);
    struct mix_options options;
    mix_options_init(&options, cases[_i].d, cases[_i].k);
    struct mix_learner *online = learn(&options, &s);
    struct mix_model *batch = fit(&options, &s);
    const double gap = mean_log_density(batch, &held_out) -
                       mean_log_density(mix_learner_model(online), &held_out);
    ck_assert_msg(gap < cases[_i].gap, "seed %llu: %g nats", (unsigned long long)seed,
                  gap);
    mix_learner_destroy(&online);
    mix_model_destroy(&batch);
    mix_model_destroy(&truth);
    free(s.x);
    free(held_out.x);
}
END_TEST

/* How far a model learned from n points of the truth is below it, in nats. */
static double loss(const struct mix_options *options, const struct mix_model *truth,
                   const struct sample *s, uint64_t seed)
{
    struct sample held_out = sample_draw(truth, seed, 50000);
    struct mix_learner *learner = learn(options, s);
    const double loss = mean_log_density(truth, &held_out) -
                        mean_log_density(mix_learner_model(learner), &held_out);
    mix_learner_destroy(&learner);
    free(held_out.x);
    return loss;
}

START_TEST(tight_clusters_stay_tight)
{
    enum { D = 2, K = 3, N = 20000 };
    struct mix_model *truth = mixture_random(D, K, 1e4, 85);
    struct sample s = sample_draw(truth, 85, N);
    struct mix_options options;
    mix_options_init(&options, D, K);
    const double nats = loss(&options, truth, &s, 86);
    ck_assert_msg(nats < 1e-3, "%g nats below the truth", nats);
    mix_model_destroy(&truth);
    free(s.x);
}
END_TEST

START_TEST(missing_entries_cost_little)
{
    enum { D = 3, K = 3, N = 20000 };
    struct mix_model *truth = mixture_random(D, K, 4, 89);
    struct sample s = sample_draw(truth, 89, N);
    struct rng rng = rng_at(91, RNG_TEST, 0);
    for (size_t i = 0; i < N * D; i++) {
        s.x[i] = rng_uniform(&rng) < 0.1 ? (double)NAN : s.x[i];
    }
    struct mix_options options;
    mix_options_init(&options, D, K);
    options.marginalize = true;
    const double nats = loss(&options, truth, &s, 90);
    ck_assert_msg(nats < 3e-3, "%g nats below the truth", nats);
    mix_model_destroy(&truth);
    free(s.x);
}
END_TEST

START_TEST(the_textbook_step_learns)
{
    enum { D = 2, K = 3, N = 60000 };
    struct mix_model *truth = mixture_random(D, K, 4, 92);
    struct sample s = sample_draw(truth, 92, N);
    struct mix_options options;
    mix_options_init(&options, D, K);
    options.step_exponent = 0.8;
    options.step_offset = 10;
    const double nats = loss(&options, truth, &s, 93);
    ck_assert_msg(nats < 5e-3, "%g nats below the truth", nats);
    mix_model_destroy(&truth);
    free(s.x);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(framing_changes_no_bit),
        {units_change_no_bit, MIX_COVARIANCES},
        UNIT(an_offset_of_a_billion_is_only_an_offset),
        {one_pass_is_as_good_as_batch, 3},
        UNIT(tight_clusters_stay_tight),
        UNIT(missing_entries_cost_little),
        UNIT(the_textbook_step_learns),
    };
    return unit_run("online", tests, COUNT(tests));
}
