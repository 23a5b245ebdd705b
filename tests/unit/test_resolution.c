/* SPDX-License-Identifier: MIT */
#include "resolution.h"

#include <float.h>

#include "mixture.h"

/* Measures a sample of one field; a weight of 0 in weights means: all are 1. */
static struct scales *measure(const double *x, const double *weight, size_t n,
                              double given)
{
    const struct mix_rows rows = {.x = x, .n = n, .stride = 1, .weight = weight};
    struct points *points = points_new(1, n);
    struct scales *scales = scales_new(1);
    struct weighted *scratch = calloc(SCALES_SCRATCH * n, sizeof(*scratch));
    points_append(points, &rows, 0, n);
    scales_measure(scales, points, 0, given, scratch);
    scales_first_prior(scales, 1);
    free(scratch);
    points_destroy(&points);
    return scales;
}

enum { N = 4000 };

START_TEST(the_step_of_a_quantised_sensor_is_found)
{
    const double steps[] = {0.25, 1e-6, 3, 1e7};
    struct rng rng = rng_at(1, RNG_TEST, (uint64_t)_i);
    double x[N];
    for (size_t i = 0; i < N; i++) {
        x[i] = steps[_i] * round(1000 + 30 * rng_normal(&rng));
    }
    struct scales *scales = measure(x, NULL, N, (double)NAN);
    ck_assert_double_eq_tol(scales->step[0], steps[_i], 1e-9 * steps[_i]);
    ck_assert_double_eq_tol(scales->floor[0], steps[_i] * steps[_i] / 12,
                            1e-8 * steps[_i] * steps[_i]);
    scales_destroy(&scales);
}
END_TEST

/* A counter divided by a jittered interval has values of any closeness; the median of
 * the gaps stays near the step of the counter, the minimum does not. */
START_TEST(jitter_of_a_rate_does_not_hide_its_step)
{
    struct rng rng = rng_at(2, RNG_TEST, 0);
    double x[N];
    for (size_t i = 0; i < N; i++) {
        const double jitter = i % 200 == 0 ? 1e-7 * rng_uniform(&rng) : 0;
        x[i] = round(100 + 10 * rng_normal(&rng)) * (1 + jitter);
    }
    struct scales *scales = measure(x, NULL, N, (double)NAN);
    ck_assert(scales->step[0] > 0.5 && scales->step[0] <= 1.01);
    scales_destroy(&scales);
}
END_TEST

START_TEST(a_given_step_wins)
{
    const double x[] = {1, 2, 3, 4, 5};
    struct scales *scales = measure(x, NULL, 5, 0.5);
    ck_assert(scales->step[0] == 0.5);
    ck_assert(scales->floor[0] == 0.25 / 12);
    scales_destroy(&scales);
}
END_TEST

START_TEST(a_constant_field_has_the_floor_of_its_rounding)
{
    const double values[] = {0, 1, -1e9, 1e150, 1e-300};
    double x[100];
    for (size_t i = 0; i < 100; i++) {
        x[i] = values[_i];
    }
    struct scales *scales = measure(x, NULL, 100, (double)NAN);
    const double rounding = 4 * DBL_EPSILON * values[_i];
    ck_assert(scales->step[0] == 0);
    ck_assert(scales->mean[0] == values[_i] && scales->median[0] == values[_i]);
    ck_assert(scales->floor[0] == fmax(rounding * rounding, 1e-280));
    ck_assert(scales->variance[0] == scales->floor[0]);
    ck_assert(scales->sd[0] > 0 && scales->s0[0] > 0);
    scales_destroy(&scales);
}
END_TEST

START_TEST(outliers_do_not_move_the_robust_scale)
{
    struct rng rng = rng_at(3, RNG_TEST, 0);
    double x[N];
    for (size_t i = 0; i < N; i++) {
        x[i] = i % 100 == 0 ? 1e6 : rng_normal(&rng);
    }
    struct scales *scales = measure(x, NULL, N, (double)NAN);
    /* Interquartile range of N normals: standard error 1.5 / sqrt(N) of the root. */
    ck_assert_double_eq_tol(scales->variance[0], 1, 0.15);
    ck_assert(scales->sd[0] > 1e4);
    scales_destroy(&scales);
}
END_TEST

START_TEST(weight_two_is_the_point_twice)
{
    const double once[] = {1, 5, 2, 9, 4}, weights[] = {2, 1, 2, 1, 1};
    const double twice[] = {1, 1, 5, 2, 2, 9, 4};
    struct scales *a = measure(once, weights, 5, (double)NAN);
    struct scales *b = measure(twice, NULL, 7, (double)NAN);
    ck_assert(a->median[0] == b->median[0] && a->step[0] == b->step[0]);
    ck_assert_double_eq_tol(a->mean[0], b->mean[0], 1e-14);
    ck_assert_double_eq_tol(a->variance[0], b->variance[0], 1e-13);
    scales_destroy(&a);
    scales_destroy(&b);
}
END_TEST

START_TEST(units_that_are_powers_of_two_change_no_bit)
{
    struct rng rng = rng_at(4, RNG_TEST, 0);
    double x[N], y[N];
    for (size_t i = 0; i < N; i++) {
        x[i] = 3 + rng_normal(&rng);
        y[i] = x[i] * 0x1p33;
    }
    struct scales *a = measure(x, NULL, N, (double)NAN);
    struct scales *b = measure(y, NULL, N, (double)NAN);
    ck_assert(a->sd[0] * 0x1p33 == b->sd[0]);
    ck_assert(a->step[0] * 0x1p33 == b->step[0]);
    ck_assert(a->variance[0] * 0x1p66 == b->variance[0]);
    ck_assert(a->floor[0] * 0x1p66 == b->floor[0]);
    scales_destroy(&a);
    scales_destroy(&b);
}
END_TEST

START_TEST(an_offset_of_a_billion_does_not_change_the_step)
{
    struct rng rng = rng_at(5, RNG_TEST, 0);
    double x[N], y[N];
    for (size_t i = 0; i < N; i++) {
        x[i] = 0x1p-20 * round(0x1p20 * (rng_normal(&rng) + (i % 2 == 0 ? 20 : 0)));
        y[i] = x[i] + 0x1p30;
    }
    struct scales *a = measure(x, NULL, N, (double)NAN);
    struct scales *b = measure(y, NULL, N, (double)NAN);
    /* Gaps of up to 16 units in the last place of 2^30 are taken for rounding. */
    ck_assert_double_eq_tol(a->step[0], b->step[0], 0.02 * a->step[0]);
    ck_assert_double_eq_tol(a->variance[0], b->variance[0], 1e-6);
    scales_destroy(&a);
    scales_destroy(&b);
}
END_TEST

START_TEST(the_prior_is_the_geometric_mean_of_the_components)
{
    const double weights[] = {0.25, 0.75}, means[] = {0, 10}, variances[] = {16, 1};
    struct mix_model *model =
        mix_model_new(1, 2, MIX_DIAG, weights, means, variances, NULL);
    struct scales *scales = scales_new(1);
    scales_of_model(scales, model, NULL);
    ck_assert_double_eq_tol(scales->s0[0], 2, 1e-12); /* 16^(1/4) */
    ck_assert_double_eq_tol(scales->mean[0], 7.5, 1e-12);
    /* Within 0.25 * 16 + 0.75, between 0.25 * 0.75 * 100. */
    ck_assert_double_eq_tol(scales->sd[0], sqrt(23.5), 1e-12);
    ck_assert_double_eq_tol(scales_update_prior(scales, model), 0, 1e-12);
    scales_destroy(&scales);
    mix_model_destroy(&model);
}
END_TEST

START_TEST(a_freak_does_not_become_the_step)
{
    const double freaks[] = {1e6, 3.4e38, -1e150};
    struct rng rng = rng_at(5, RNG_TEST, 0);
    double x[N];
    for (size_t i = 0; i < N; i++) {
        x[i] = rng_normal(&rng);
    }
    struct scales *without = measure(x, NULL, N, (double)NAN);
    x[N / 3] = freaks[_i];
    struct scales *with = measure(x, NULL, N, (double)NAN);
    /* Two of N gaps have changed. */
    ck_assert_double_eq_tol(with->step[0], without->step[0], 0.01 * without->step[0]);
    ck_assert(fabs(with->mean[0] - without->mean[0]) < (_i == 0 ? 1e6 / N + 1 : 11));
    scales_destroy(&without);
    scales_destroy(&with);
}
END_TEST

START_TEST(a_component_that_holds_a_freak_does_not_widen_the_prior)
{
    const double weights[] = {0.5, 0.5}, means[] = {0, 0}, variances[] = {1, 1e70};
    struct mix_model *model =
        mix_model_new(1, 2, MIX_DIAG, weights, means, variances, NULL);
    struct scales *scales = scales_new(1);
    scales_of_model(scales, model, NULL);
    scales->variance[0] = 1; /* robust, as that of a field is measured */
    scales->floor[0] = 1e-12;
    scales_update_prior(scales, model);
    ck_assert(scales->s0[0] >= 1 && scales->s0[0] <= 4);
    scales_destroy(&scales);
    mix_model_destroy(&model);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        {the_step_of_a_quantised_sensor_is_found, 4},
        UNIT(jitter_of_a_rate_does_not_hide_its_step),
        UNIT(a_given_step_wins),
        {a_constant_field_has_the_floor_of_its_rounding, 5},
        UNIT(outliers_do_not_move_the_robust_scale),
        UNIT(weight_two_is_the_point_twice),
        UNIT(units_that_are_powers_of_two_change_no_bit),
        UNIT(an_offset_of_a_billion_does_not_change_the_step),
        UNIT(the_prior_is_the_geometric_mean_of_the_components),
        {a_freak_does_not_become_the_step, 3},
        UNIT(a_component_that_holds_a_freak_does_not_widen_the_prior),
    };
    return unit_run("resolution", tests, COUNT(tests));
}
