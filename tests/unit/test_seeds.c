/* SPDX-License-Identifier: MIT
 *
 * Points as k-means sees them. */
#include "seeds.h"

#include <math.h>

#include "field.h"
#include "unit.h"

#define N 300
#define NAMED 4

static const enum mix_family families[NAMED] = {MIX_GAUSSIAN, MIX_POISSON, MIX_CATEGORICAL,
                                                MIX_VON_MISES};

static struct points *make_points(void)
{
    struct points *points = points_new(NAMED, N);
    for (size_t i = 0; i < N; i++) {
        const double x[NAMED] = {(double)i, (double)(i % 10), (double)(i % 3), 0.1 * (double)i};
        const double holed[NAMED] = {1, 4, (double)NAN, (double)NAN};
        const double weight = 1 + (double)(i % 2);
        const struct mix_rows row = {
            .x = i == 7 ? holed : x, .n = 1, .stride = NAMED, .weight = &weight};
        points_append(points, &row, 0, 1);
    }
    return points;
}

START_TEST(gaussian_points_are_taken_as_they_are)
{
    struct mix_options options;
    mix_options_init(&options, NAMED, 2);
    const struct shape shape = shape_of(&options);
    struct points *points = make_points();
    struct scales *scales = scales_new(NAMED);
    struct seeds *seeds = seeds_new(&shape, points, scales);
    ck_assert_ptr_eq(seeds->points, points);
    ck_assert_ptr_eq(seeds->scales, scales);
    ck_assert_uint_eq(seeds->dimensions, NAMED);
    seeds_destroy(&seeds);
    scales_destroy(&scales);
    points_destroy(&points);
}
END_TEST

/* x | root of the count | one of three | cosine, sine */
START_TEST(families_have_columns_of_their_own)
{
    struct mix_options options;
    struct weighted scratch[SCALES_SCRATCH * N];
    double row[7], weight;
    mix_options_init(&options, NAMED, 2);
    options.families = families;
    options.categories = 3;
    const struct shape shape = shape_of(&options);
    struct points *points = make_points();
    struct scales *scales = scales_new(NAMED);
    struct seeds *seeds = seeds_new(&shape, points, scales);
    seeds_fill(seeds, &shape, points, 0, scratch);
    seeds_fill(seeds, &shape, points, 0, scratch); /* only once */
    ck_assert_uint_eq(seeds->dimensions, 7);
    ck_assert_uint_eq(points_count(seeds->points), N);
    points_get(seeds->points, 19, row, &weight, NULL);
    const double expected[7] = {19, 3, 0, 1, 0, cos(1.9), sin(1.9)};
    for (size_t c = 0; c < 7; c++) {
        ck_assert_double_eq_tol(row[c], expected[c], 1e-15);
        const bool is_scaled = c < 2;
        ck_assert(field_is_scaled(&shape, c) == is_scaled);
        ck_assert((seeds->scales->variance[c] == 1) == !is_scaled);
    }
    ck_assert(weight == 2);
    points_get(seeds->points, 7, row, NULL, NULL);
    ck_assert(row[1] == 2 && isnan(row[2]) && isnan(row[4]) && isnan(row[5]));
    seeds_destroy(&seeds);
    scales_destroy(&scales);
    points_destroy(&points);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(gaussian_points_are_taken_as_they_are),
        UNIT(families_have_columns_of_their_own),
    };
    return unit_run("seeds", tests, COUNT(tests));
}
