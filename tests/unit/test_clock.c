/* SPDX-License-Identifier: MIT */
#include "clock.h"

#include "mixture.h"

enum { N = 10 };

static const double half_life = 60;

static struct points *rows_at(const double *times, size_t n)
{
    double x[N] = {0};
    const struct mix_rows rows = {.x = x, .n = n, .stride = 1, .time = times};
    struct points *points = points_new(1, N);
    points_append(points, &rows, 0, n);
    return points;
}

static double weight_of(const struct points *points, size_t i)
{
    double x, weight;
    points_get(points, i, &x, &weight, NULL);
    return weight;
}

START_TEST(blocks_add_up_to_the_explicit_sum)
{
    struct rng rng = rng_at(1, RNG_TEST, 0);
    struct clock clock = {0};
    double scratch[N], all[20 * N], total = 0, explicit = 0, now = 1e9;
    for (size_t b = 0; b < 20; b++) {
        double times[N];
        for (size_t i = 0; i < N; i++) { /* some rows are late by up to a minute */
            now += 20 * rng_uniform(&rng);
            all[b * N + i] = times[i] = now - (i % 3 == 0 ? 60 * rng_uniform(&rng) : 0);
        }
        struct points *points = rows_at(times, N);
        total *= clock_discount(&clock, points, half_life, scratch);
        for (size_t i = 0; i < N; i++) {
            total += weight_of(points, i);
        }
        points_destroy(&points);
    }
    for (size_t i = 0; i < COUNT(all); i++) {
        explicit += exp2(-(clock.now - all[i]) / half_life);
    }
    ck_assert_double_eq_tol(total, explicit, 1e-11 * explicit);
}
END_TEST

START_TEST(a_clock_that_stands_still_forgets_nothing)
{
    struct clock clock = {0};
    const double times[N] = {5, 5, 5, 5, 5, 5, 5, 5, 5, 5};
    double scratch[N];
    for (size_t b = 0; b < 5; b++) {
        struct points *points = rows_at(times, N);
        ck_assert(clock_discount(&clock, points, half_life, scratch) == 1);
        ck_assert(weight_of(points, 3) == 1);
        points_destroy(&points);
    }
}
END_TEST

START_TEST(a_row_from_the_next_century_does_no_harm)
{
    struct clock clock = {0};
    const double century = 3.2e9, now = 1.7e9;
    double times[N], scratch[N];
    for (size_t i = 0; i < N; i++) {
        times[i] = now + (double)i + (i == 4 ? century : 0);
    }
    struct points *points = rows_at(times, N);
    clock_discount(&clock, points, half_life, scratch);
    ck_assert(clock.now == now + N - 1);
    for (size_t i = 0; i < N; i++) {
        const double age = i == 4 ? 0 : (double)(N - 1 - i);
        ck_assert_double_eq_tol(weight_of(points, i), exp2(-age / half_life), 1e-14);
    }
    points_destroy(&points);
}
END_TEST

START_TEST(a_clock_that_was_wrong_is_set_back)
{
    struct clock clock = {.now = 5e9, .is_set = true};
    const double times[3] = {1e9, 1e9 + 1, 1e9 + 2};
    double scratch[N];
    struct points *points = rows_at(times, 3);
    ck_assert(clock_discount(&clock, points, half_life, scratch) == 1);
    ck_assert(clock.now == 1e9 + 2);
    ck_assert(weight_of(points, 2) == 1);
    points_destroy(&points);
}
END_TEST

START_TEST(a_long_silence_forgets_all)
{
    struct clock clock = {.now = 0, .is_set = true};
    const double times[2] = {1e9, 1e9};
    double scratch[N];
    struct points *points = rows_at(times, 2);
    ck_assert(clock_discount(&clock, points, half_life, scratch) == 0);
    ck_assert(weight_of(points, 0) == 1);
    points_destroy(&points);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(blocks_add_up_to_the_explicit_sum),
        UNIT(a_clock_that_stands_still_forgets_nothing),
        UNIT(a_row_from_the_next_century_does_no_harm),
        UNIT(a_clock_that_was_wrong_is_set_back),
        UNIT(a_long_silence_forgets_all),
    };
    return unit_run("clock", tests, COUNT(tests));
}
