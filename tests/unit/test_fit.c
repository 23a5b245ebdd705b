/* SPDX-License-Identifier: MIT */
#include "mixture.h"

enum { D = 2, K = 3, N = 3000 };

/* What a progress function saw. */
struct trace {
    size_t start, pass, passes;
    double before;
    bool is_monotone;
};

static void note(void *context, size_t start, size_t pass, double log_likelihood)
{
    struct trace *trace = context;
    trace->passes++;
    if (start == trace->start && pass == trace->pass + 1) {
        trace->is_monotone = trace->is_monotone && log_likelihood >= trace->before - 1e-9;
    }
    trace->start = start;
    trace->pass = pass;
    trace->before = log_likelihood;
}

static struct sample draw(size_t n)
{
    struct mix_model *truth = mixture_random(D, K, 3, 71);
    struct sample s = sample_draw(truth, 72, n);
    mix_model_destroy(&truth);
    return s;
}

START_TEST(a_fit_is_as_good_as_the_truth)
{
    struct mix_model *truth = mixture_random(D, K, 3, 71);
    struct sample s = draw(N);
    const struct mix_rows rows = sample_rows(&s);
    struct mix_options options;
    struct mix_fit_options fit;
    mix_options_init(&options, D, K);
    mix_fit_options_init(&fit);
    enum mix_err err;
    struct mix_model *model = mix_fit(&options, &fit, &rows, NULL, NULL, &err);
    ck_assert_int_eq(err, MIX_OK);
    /* A maximum of the likelihood is above the truth on its own points, by about p / 2n
     * = 0.003 nats; the prior takes less than a third of it back. */
    const double gain = mean_log_density(model, &s) - mean_log_density(truth, &s);
    ck_assert_msg(gain > 0.001 && gain < 0.01, "%g", gain);
    mix_model_destroy(&model);
    mix_model_destroy(&truth);
    free(s.x);
}
END_TEST

START_TEST(passes_are_reported_and_never_fall)
{
    struct sample s = draw(N);
    const struct mix_rows rows = sample_rows(&s);
    struct mix_options options;
    struct mix_fit_options fit;
    struct trace trace = {.is_monotone = true, .before = -HUGE_VAL};
    mix_options_init(&options, D, K);
    mix_fit_options_init(&fit);
    struct mix_model *model = mix_fit(&options, &fit, &rows, note, &trace, NULL);
    ck_assert(trace.is_monotone);
    ck_assert(trace.passes > fit.starts);
    mix_model_destroy(&model);
    free(s.x);
}
END_TEST

START_TEST(without_a_tolerance_the_passes_are_exactly_as_many)
{
    const size_t counts[] = {1, 7, 30};
    struct sample s = draw(N);
    const struct mix_rows rows = sample_rows(&s);
    struct mix_options options;
    struct mix_fit_options fit;
    struct trace trace = {.is_monotone = true};
    mix_options_init(&options, D, K);
    mix_fit_options_init(&fit);
    fit.starts = 1;
    fit.tolerance = 0;
    fit.max_iterations = counts[_i];
    struct mix_model *model = mix_fit(&options, &fit, &rows, note, &trace, NULL);
    ck_assert_uint_eq(trace.passes, counts[_i]);
    ck_assert_uint_eq(trace.pass, counts[_i]);
    mix_model_destroy(&model);
    free(s.x);
}
END_TEST

START_TEST(weight_two_is_the_point_twice)
{
    struct sample s = draw(1000), pairs = sample_new(2000, D);
    double weight[1000];
    for (size_t i = 0; i < s.n; i++) {
        weight[i] = 2;
        memcpy(pairs.x + 2 * i * D, s.x + i * D, D * sizeof(double));
        memcpy(pairs.x + (2 * i + 1) * D, s.x + i * D, D * sizeof(double));
    }
    struct mix_rows once = sample_rows(&s), twice = sample_rows(&pairs);
    once.weight = weight;
    struct mix_options options;
    struct mix_fit_options fit;
    mix_options_init(&options, D, K);
    mix_fit_options_init(&fit);
    fit.tolerance = 1e-9;
    struct mix_model *a = mix_fit(&options, &fit, &once, NULL, NULL, NULL);
    struct mix_model *b = mix_fit(&options, &fit, &twice, NULL, NULL, NULL);
    ck_assert_double_eq_tol(mean_log_density(a, &s), mean_log_density(b, &s), 1e-4);
    mix_model_destroy(&a);
    mix_model_destroy(&b);
    free(s.x);
    free(pairs.x);
}
END_TEST

START_TEST(bad_rows_are_left_out)
{
    struct sample s = draw(1000), mixed = sample_new(1500, D);
    for (size_t i = 0; i < mixed.n; i++) {
        const double bad[] = {(double)NAN, HUGE_VAL, 1e200};
        if (i % 3 == 2) {
            mixed.x[i * D] = bad[i % 9 / 3];
        } else {
            memcpy(mixed.x + i * D, s.x + (i - i / 3) * D, D * sizeof(double));
        }
    }
    const struct mix_rows clean = sample_rows(&s), all = sample_rows(&mixed);
    struct mix_options options;
    struct mix_fit_options fit;
    mix_options_init(&options, D, K);
    mix_fit_options_init(&fit);
    struct mix_model *a = mix_fit(&options, &fit, &clean, NULL, NULL, NULL);
    struct mix_model *b = mix_fit(&options, &fit, &all, NULL, NULL, NULL);
    ck_assert(memcmp(mix_model_means(a), mix_model_means(b), K * D * sizeof(double)) ==
              0);
    mix_model_destroy(&a);
    mix_model_destroy(&b);
    free(s.x);
    free(mixed.x);
}
END_TEST

static struct mix_model *fit_with(struct sample *s, enum mix_family family, double freak)
{
    struct mix_options options;
    struct mix_fit_options fit;
    mix_options_init(&options, D, K + 1);
    options.family = family;
    mix_fit_options_init(&fit);
    fit.starts = 2;
    s->x[0] = s->x[1] = freak;
    const struct mix_rows rows = sample_rows(s);
    enum mix_err err;
    struct mix_model *model = mix_fit(&options, &fit, &rows, NULL, NULL, &err);
    ck_assert_int_eq(err, MIX_OK);
    return model;
}

/* A component of its own for a freak costs the others nothing, wherever it is. */
START_TEST(how_far_out_a_freak_is_makes_no_difference)
{
    static const enum mix_family families[] = {MIX_GAUSSIAN, MIX_POISSON, MIX_EXPONENTIAL,
                                               MIX_GAMMA, MIX_STUDENT_T};
    const double freaks[] = {1e12, 3.4e38, 1e149};
    struct sample s = draw(N);
    const struct sample rest = {s.x + D, N - 1, D};
    for (size_t i = 0; i < N * D; i++) { /* whole numbers above 0 suit all families */
        s.x[i] = 1 + round(10 * fabs(s.x[i]));
    }
    struct mix_model *near = fit_with(&s, families[_i], 1e4);
    const double expected = mean_log_density(near, &rest);
    for (size_t i = 0; i < COUNT(freaks); i++) {
        struct mix_model *far = fit_with(&s, families[_i], freaks[i]);
        const double gap = expected - mean_log_density(far, &rest);
        ck_assert_msg(gap < 0.005, "%s: %g: %g nats", mix_family_name(families[_i]),
                      freaks[i], gap);
        mix_model_destroy(&far);
    }
    mix_model_destroy(&near);
    free(s.x);
}
END_TEST

START_TEST(what_cannot_be_fitted_is_refused)
{
    const double none[D] = {(double)NAN, 1};
    struct mix_rows rows = {.x = none, .n = 1, .stride = D};
    struct mix_options options;
    struct mix_fit_options fit;
    enum mix_err err;
    mix_options_init(&options, D, K);
    mix_fit_options_init(&fit);
    ck_assert_ptr_null(mix_fit(&options, &fit, &rows, NULL, NULL, &err));
    ck_assert_int_eq(err, MIX_ESIZE);
    rows.n = 0;
    ck_assert_ptr_null(mix_fit(&options, &fit, &rows, NULL, NULL, &err));
    ck_assert_int_eq(err, MIX_ESIZE);
    rows = (struct mix_rows){.x = none, .n = 1, .stride = D - 1};
    ck_assert_ptr_null(mix_fit(&options, &fit, &rows, NULL, NULL, &err));
    ck_assert_int_eq(err, MIX_ESIZE);
    fit.starts = 0;
    ck_assert_ptr_null(mix_fit(&options, &fit, &rows, NULL, NULL, &err));
    ck_assert_int_eq(err, MIX_EOPTION);
}
END_TEST

/* One point, fewer points than components, and one point a thousand times. */
START_TEST(few_distinct_points_give_a_finite_model)
{
    const double values[] = {3, -1e150, 1e-300, 1e9};
    const size_t sizes[] = {1, 2, 1000};
    struct mix_options options;
    struct mix_fit_options fit;
    mix_options_init(&options, D, K);
    mix_fit_options_init(&fit);
    for (size_t j = 0; j < COUNT(sizes); j++) {
        struct sample s = sample_new(sizes[j], D);
        for (size_t i = 0; i < s.n * D; i++) {
            s.x[i] = values[_i];
        }
        const struct mix_rows rows = sample_rows(&s);
        struct mix_model *model = mix_fit(&options, &fit, &rows, NULL, NULL, NULL);
        ck_assert_ptr_nonnull(model);
        for (size_t i = 0; i < K * D; i++) {
            ck_assert_double_eq_tol(mix_model_means(model)[i], values[_i],
                                    1e-12 * fabs(values[_i]));
        }
        for (size_t i = 0; i < K * D * D; i++) {
            ck_assert(isfinite(mix_model_covariances(model)[i]));
        }
        mix_model_destroy(&model);
        free(s.x);
    }
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(a_fit_is_as_good_as_the_truth),
        UNIT(passes_are_reported_and_never_fall),
        {without_a_tolerance_the_passes_are_exactly_as_many, 3},
        UNIT(weight_two_is_the_point_twice),
        UNIT(bad_rows_are_left_out),
        {how_far_out_a_freak_is_makes_no_difference, 5},
        UNIT(what_cannot_be_fitted_is_refused),
        {few_distinct_points_give_a_finite_model, 4},
    };
    return unit_run("fit", tests, COUNT(tests));
}
