/* SPDX-License-Identifier: MIT
 *
 * Which points lie where there are few. */
#include "clutter.h"

#include "mixture.h"

#define D 2

/* The first `dense` points from two tight clusters, the rest uniform over a box. */
static struct sample make_points(size_t n, size_t dense, double missing)
{
    struct sample s = sample_new(n, D);
    for (size_t i = 0; i < n; i++) {
        struct rng rng = rng_at(5, RNG_TEST, i);
        for (size_t d = 0; d < D; d++) {
            const double centre = i % 2 == 0 ? -5 : 5;
            s.x[i * D + d] = i < dense ? centre + 0.5 * rng_normal(&rng)
                                       : 40 * (rng_uniform(&rng) - 0.5);
            s.x[i * D + d] = d > 0 && rng_uniform(&rng) < missing ? (double)NAN : s.x[i * D + d];
        }
    }
    return s;
}

static struct scales *measure(const struct points *points)
{
    struct scales *scales = scales_new(D);
    struct weighted *scratch = calloc(SCALES_SCRATCH * points_count(points) + 1, sizeof(*scratch));
    for (size_t d = 0; d < D; d++) {
        scales_measure(scales, points, d, (double)NAN, scratch);
    }
    free(scratch);
    return scales;
}

/* Share of points [from, end) that are taken for clutter. */
static double share(const struct clutter *clutter, size_t from, size_t end)
{
    double n = 0;
    for (size_t i = from; i < end; i++) {
        n += clutter_has(clutter, i);
    }
    return n / (double)(end - from);
}

/* The clusters cover a part of the box of about pi 1.5^2 / 800 each: there clutter is
 * none by its looks. A sixth of each cluster lies beyond 1.9 deviations. */
START_TEST(clusters_are_told_from_clutter)
{
    enum { N = 3000 };
    const size_t dense = _i == 0 ? 2700 : 2000;
    struct sample s = make_points(N, dense, _i == 2 ? 0.2 : 0);
    struct points *points = sample_points(&s);
    struct scales *scales = measure(points);
    struct clutter *clutter = clutter_new(D, N);
    clutter_find(clutter, points, scales);
    ck_assert_double_lt(share(clutter, 0, dense), 0.17);
    ck_assert_double_gt(share(clutter, dense, N), _i == 2 ? 0.75 : 0.9);
    clutter_destroy(&clutter);
    scales_destroy(&scales);
    points_destroy(&points);
    free(s.x);
}
END_TEST

/* Few points, equal points, one value only: something is left in every case. */
START_TEST(most_points_are_never_clutter)
{
    static const size_t sizes[] = {0, 1, 2, 7, 300};
    struct clutter *clutter = clutter_new(D, 300);
    for (size_t c = 0; c < COUNT(sizes); c++) {
        for (int is_equal = 0; is_equal < 2; is_equal++) {
            struct sample s = make_points(sizes[c] + 1, sizes[c] / 2, 0);
            s.n = sizes[c];
            for (size_t i = 0; is_equal && i < s.n * D; i++) {
                s.x[i] = 3;
            }
            struct points *points = points_new(D, 301);
            const struct mix_rows rows = sample_rows(&s);
            points_append(points, &rows, 0, s.n);
            struct scales *scales = measure(points);
            clutter_find(clutter, points, scales);
            ck_assert(s.n == 0 || share(clutter, 0, s.n) <= 0.7);
            scales_destroy(&scales);
            points_destroy(&points);
            free(s.x);
        }
    }
    clutter_destroy(&clutter);
}
END_TEST

START_TEST(what_no_cluster_reaches_is_far)
{
    enum { N = 300 };
    struct sample s = make_points(N, N, 0);
    s.x[7 * D] = 1e6;
    s.x[9 * D + 1] = (double)NAN;
    struct points *points = sample_points(&s);
    struct scales *scales = measure(points);
    for (size_t i = 0; i < N; i++) {
        const struct block *block = points_block(points, i / BLOCK_POINTS);
        ck_assert(clutter_is_far(scales, block, i % BLOCK_POINTS) == (i == 7));
    }
    scales_destroy(&scales);
    points_destroy(&points);
    free(s.x);
}
END_TEST

int main(void)
{
    static const int cases[3] = {0};
    const struct unit_test tests[] = {
        UNIT_LOOP(clusters_are_told_from_clutter, cases),
        UNIT(most_points_are_never_clutter),
        UNIT(what_no_cluster_reaches_is_far),
    };
    return unit_run("clutter", tests, COUNT(tests));
}
