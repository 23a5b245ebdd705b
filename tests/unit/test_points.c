/* SPDX-License-Identifier: MIT */
#include "points.h"

#include <math.h>
#include <string.h>

#include "unit.h"

#define D 3

static struct mix_rows rows_of(const double *x, size_t n)
{
    return (struct mix_rows){.x = x, .n = n, .stride = D};
}

START_TEST(points_come_back_as_they_went_in)
{
    enum { N = 2 * BLOCK_POINTS + 5, STRIDE = D + 2 };
    static double x[N * STRIDE], weight[N], time[N];
    for (size_t i = 0; i < N * STRIDE; i++) {
        x[i] = (double)i;
    }
    for (size_t i = 0; i < N; i++) {
        weight[i] = 1 + (double)i;
        time[i] = 1e9 + (double)i;
    }
    const struct mix_rows rows = {
        .x = x, .n = N, .stride = STRIDE, .weight = weight, .time = time};
    struct points *points = points_new(D, N);
    points_append(points, &rows, 0, 100);
    points_append(points, &rows, 100, N - 100);
    ck_assert_uint_eq(points_count(points), N);
    ck_assert_uint_eq(points_capacity(points), N);
    ck_assert_uint_eq(points_dimensions(points), D);
    ck_assert_uint_eq(points_blocks(points), 3);
    for (size_t i = 0; i < N; i++) {
        double out[D], w, t;
        points_get(points, i, out, &w, &t);
        ck_assert(memcmp(out, x + i * STRIDE, sizeof(out)) == 0);
        ck_assert(w == weight[i] && t == time[i]);
        points_get(points, i, out, NULL, NULL);
    }
    points_destroy(&points);
    ck_assert_ptr_null(points);
    points_destroy(&points);
}
END_TEST

START_TEST(blocks_are_full_but_for_the_last)
{
    enum { N = BLOCK_POINTS + 40 };
    static double x[N * D];
    struct points *points = points_new(D, N);
    const struct mix_rows rows = rows_of(x, N);
    for (size_t i = 0; i < N * D; i++) {
        x[i] = 1 + (double)i;
    }
    points_append(points, &rows, 0, N);
    const struct block *last = points_block(points, 1);
    ck_assert_uint_eq(points_block(points, 0)->n, BLOCK_POINTS);
    ck_assert_uint_eq(last->n, 40);
    ck_assert_uint_eq(last->dimensions, D);
    for (size_t i = 0; i < BLOCK_POINTS; i++) {
        for (size_t d = 0; d < D; d++) {
            const double should = i < 40 ? x[(BLOCK_POINTS + i) * D + d] : 0;
            ck_assert(last->x[d * BLOCK_POINTS + i] == should);
        }
        ck_assert(last->weight[i] == (i < 40));
        ck_assert(last->time[i] == 0);
    }
    points_destroy(&points);
}
END_TEST

/* Filled and cleared again and again, in runs of any length, with times and without: what
 * was there before is nowhere to be seen. */
START_TEST(a_cleared_block_holds_only_what_comes_after)
{
    enum { N = 2 * BLOCK_POINTS, ROUNDS = 300 };
    static double x[N * D], weight[N], time[N];
    const uint64_t seed = unit_seed(11);
    uint64_t random = seed;
    struct points *points = points_new(D, N);
    for (double round = 1; round < ROUNDS; round++) {
        const bool has_time = unit_random(&random) % 2 == 0;
        const size_t n = 1 + unit_random(&random) % N;
        for (size_t i = 0; i < N * D; i++) {
            x[i] = weight[i / D] = time[i / D] = round;
        }
        const struct mix_rows rows = {
            .x = x, .n = N, .stride = D, .weight = weight, .time = has_time ? time : NULL};
        for (size_t i = 0, run; i < n; i += run) {
            run = 1 + unit_random(&random) % (unit_random(&random) % 2 == 0 ? 3 : N);
            run = run < n - i ? run : n - i;
            points_append(points, &rows, i, run);
        }
        for (size_t i = 0; i < points_blocks(points) * BLOCK_POINTS; i++) {
            const struct block *block = points_block(points, i / BLOCK_POINTS);
            const size_t lane = i % BLOCK_POINTS;
            const double should = i < n ? round : 0;
            for (size_t d = 0; d < D; d++) {
                ck_assert_msg(block->x[d * BLOCK_POINTS + lane] == should,
                              "field %zu of %zu in %zu, seed %llu", d, i, n,
                              (unsigned long long)seed);
            }
            ck_assert(block->weight[lane] == should);
            ck_assert(block->time[lane] == (has_time ? should : 0));
        }
        points_clear(points);
    }
    points_destroy(&points);
}
END_TEST

START_TEST(flags_say_what_is_in_a_block)
{
    const double x[] = {1, 2, 3, 4, (double)NAN, 6}, weight[] = {1, 0.5};
    struct mix_rows rows = rows_of(x, 2);
    struct points *points = points_new(D, 4);
    points_append(points, &rows, 0, 1);
    ck_assert(!points_block(points, 0)->has_missing);
    ck_assert(!points_block(points, 0)->is_weighted);
    points_append(points, &rows, 1, 1);
    ck_assert(points_block(points, 0)->has_missing);
    rows.weight = weight;
    points_append(points, &rows, 0, 1);
    ck_assert(!points_block(points, 0)->is_weighted);
    points_append(points, &rows, 1, 1);
    ck_assert(points_block(points, 0)->is_weighted);
    points_clear(points);
    ck_assert_uint_eq(points_count(points), 0);
    ck_assert_uint_eq(points_blocks(points), 0);
    rows.weight = NULL;
    points_append(points, &rows, 0, 1);
    const struct block *block = points_block(points, 0);
    ck_assert(!block->has_missing && !block->is_weighted && block->n == 1);
    ck_assert(block->weight[1] == 0 && block->x[3] == 0);
    points_destroy(&points);
}
END_TEST

START_TEST(zeros_and_missing_entries_have_one_form)
{
    double odd_nan;
    memset(&odd_nan, 0xff, sizeof(odd_nan));
    const double x[] = {-0.0, odd_nan, (double)NAN};
    const struct mix_rows rows = rows_of(x, 1);
    struct points *points = points_new(D, 1);
    points_append(points, &rows, 0, 1);
    const double *is = points_block(points, 0)->x;
    ck_assert(!signbit(is[0]));
    ck_assert(memcmp(&is[BLOCK_POINTS], &is[2 * BLOCK_POINTS], sizeof(double)) == 0);
    points_destroy(&points);
}
END_TEST

START_TEST(a_point_can_be_overwritten)
{
    const double x[] = {1, 2, 3, 4, 5, 6}, other[] = {7, 8, 9};
    const struct mix_rows rows = rows_of(x, 2);
    struct points *points = points_new(D, 2);
    double out[D], weight, time;
    points_append(points, &rows, 0, 2);
    points_set(points, 1, other, 2, 5);
    points_get(points, 1, out, &weight, &time);
    ck_assert(memcmp(out, other, sizeof(out)) == 0 && weight == 2 && time == 5);
    points_get(points, 0, out, NULL, NULL);
    ck_assert(memcmp(out, x, sizeof(out)) == 0);
    ck_assert(points_block(points, 0)->is_weighted);
    ck_assert_uint_eq(points_count(points), 2);
    points_destroy(&points);
}
END_TEST

START_TEST(room_is_given_back_and_taken_again)
{
    const double x[] = {1, 2, 3, 4, 5, 6};
    const struct mix_rows rows = rows_of(x, 2);
    struct points *points = points_new(D, 600);
    double out[D];
    points_append(points, &rows, 0, 2);
    points_release(points); /* not while there are points */
    points_get(points, 1, out, NULL, NULL);
    ck_assert(memcmp(out, x + D, sizeof(out)) == 0);
    points_clear(points);
    points_release(points);
    points_clear(points);
    ck_assert(points_reserve(points, 2) && points_reserve(points, 2));
    points_append(points, &rows, 0, 2);
    points_get(points, 1, out, NULL, NULL);
    ck_assert(memcmp(out, x + D, sizeof(out)) == 0);
    for (size_t i = 2; i < BLOCK_POINTS; i++) { /* lanes behind the last hold zeros */
        ck_assert(points_block(points, 0)->weight[i] == 0);
    }
    points_destroy(&points);
}
END_TEST

/* Taken block by block, it is as if it had been there from the start. */
START_TEST(room_grows_with_the_points)
{
    const double x[] = {1, 2, 3, 4, 5, 6};
    const struct mix_rows rows = rows_of(x, 2);
    struct points *all = points_new(D, 600), *some = points_new_empty(D, 600);
    double a[D], b[D];
    for (size_t n = 0; n < 600; n += 2) {
        points_append(all, &rows, 0, 2);
        ck_assert(points_reserve(some, n + 2));
        points_append(some, &rows, 0, 2);
        points_release(some);
    }
    points_set(all, 7, x + D, 2, 3);
    points_set(some, 7, x + D, 2, 3);
    for (size_t i = 0; i < 600; i++) {
        points_get(all, i, a, NULL, NULL);
        points_get(some, i, b, NULL, NULL);
        ck_assert(memcmp(a, b, sizeof(a)) == 0);
    }
    for (size_t p = 0; p < points_pages_max(all); p++) {
        ck_assert_uint_eq(points_page_added(some, p), points_page_added(all, p));
    }
    points_clear(some);
    points_release(some);
    for (size_t p = 0; p < points_pages_max(all); p++) { /* all have changed */
        ck_assert_uint_gt(points_page_added(some, p), points_page_added(all, p));
    }
    ck_assert_uint_eq(points_logged(some, 1), 7);
    points_destroy(&all);
    points_destroy(&some);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(points_come_back_as_they_went_in),
        UNIT(blocks_are_full_but_for_the_last),
        UNIT(a_cleared_block_holds_only_what_comes_after),
        UNIT(flags_say_what_is_in_a_block),
        UNIT(zeros_and_missing_entries_have_one_form),
        UNIT(a_point_can_be_overwritten),
        UNIT(room_is_given_back_and_taken_again),
        UNIT(room_grows_with_the_points),
    };
    return unit_run("points", tests, COUNT(tests));
}
