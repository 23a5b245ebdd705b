/* SPDX-License-Identifier: MIT */
#include "reservoir.h"

#include "mixture.h"

enum { ROOM = 100, ROWS = 1000, RUNS = 400 };

/* Rows first, first + 1, ... of one field. */
static struct points *counted(size_t first, size_t n)
{
    struct sample s = sample_new(n, 1);
    for (size_t i = 0; i < n; i++) {
        s.x[i] = (double)(first + i);
    }
    struct points *points = sample_points(&s);
    free(s.x);
    return points;
}

static void offer(struct reservoir *reservoir, uint64_t seed, size_t first, size_t n)
{
    struct points *points = counted(first, n);
    for (size_t j = 0; j < points_blocks(points); j++) {
        reservoir_offer(reservoir, points_block(points, j), seed);
    }
    points_destroy(&points);
}

/* Every row is in the sample with the same probability: chi squared over tenths of the
 * stream, 9 degrees of freedom, below its 1 - 1e-6 quantile. */
START_TEST(the_sample_is_uniform)
{
    const uint64_t seed = unit_seed(321);
    double counts[10] = {0}, chi = 0;
    for (uint64_t run = 0; run < RUNS; run++) {
        struct reservoir reservoir = {.rows = points_new(1, ROOM)};
        offer(&reservoir, seed + run, 0, ROWS);
        const size_t held = points_count(reservoir.rows);
        for (size_t i = 0; i < held; i++) {
            double x;
            points_get(reservoir.rows, i, &x, NULL, NULL);
            counts[(size_t)x / (ROWS / 10)] += 1;
        }
        points_destroy(&reservoir.rows);
    }
    double expected = 0;
    for (size_t i = 0; i < 10; i++) {
        expected += counts[i] / 10;
    }
    for (size_t i = 0; i < 10; i++) {
        chi += (counts[i] - expected) * (counts[i] - expected) / expected;
    }
    ck_assert_msg(chi < 45, "seed %llu: chi squared %g", (unsigned long long)seed, chi);
}
END_TEST

/* Samples of two streams of 300 and 700 rows, merged and offered another 1000, chi
 * squared as above; the numbers drawn for both are the same, which must not matter. */
START_TEST(a_merged_sample_is_uniform)
{
    const uint64_t seed = unit_seed(322);
    double counts[10] = {0}, chi = 0, of_first = 0, squares = 0;
    for (uint64_t run = 0; run < RUNS; run++) {
        struct reservoir a = {.rows = points_new(1, ROOM)};
        struct reservoir b = {.rows = points_new(1, ROOM)};
        double first = 0;
        offer(&a, seed + run, 0, 300);
        offer(&b, seed + run, 300, 700);
        ck_assert(reservoir_merge(&a, &b, seed + run));
        ck_assert_uint_eq(a.age, 1000);
        for (size_t i = 0; i < ROOM; i++) {
            double x;
            points_get(a.rows, i, &x, NULL, NULL);
            first += x < 300;
        }
        of_first += first / RUNS;
        squares += first * first / RUNS;
        offer(&a, seed + run, 1000, 1000);
        ck_assert_uint_eq(points_count(a.rows), ROOM);
        for (size_t i = 0; i < ROOM; i++) {
            double x;
            points_get(a.rows, i, &x, NULL, NULL);
            counts[(size_t)x / 200] += 1;
        }
        points_destroy(&a.rows);
        points_destroy(&b.rows);
    }
    for (size_t i = 0; i < 10; i++) {
        const double expected = RUNS * ROOM / 10.0;
        chi += (counts[i] - expected) * (counts[i] - expected) / expected;
    }
    ck_assert_msg(chi < 45, "seed %llu: chi squared %g", (unsigned long long)seed, chi);
    /* Hypergeometric: mean 30, variance 100 .3 .7 900/999 = 18.9; of 400 runs five
     * standard errors are 1.1 and 6.7. */
    ck_assert_double_eq_tol(of_first, 30, 1.1);
    ck_assert_double_eq_tol(squares - of_first * of_first, 18.9, 6.7);
}
END_TEST

/* What has room is all kept, of both. */
START_TEST(few_rows_are_merged_whole)
{
    struct reservoir a = {.rows = points_new(1, ROOM)}, b = {.rows = points_new(1, ROOM)};
    double sum = 0;
    offer(&a, 1, 0, 30);
    offer(&b, 1, 30, 70);
    ck_assert(reservoir_merge(&a, &b, 1));
    ck_assert_uint_eq(points_count(a.rows), 100);
    for (size_t i = 0; i < 100; i++) {
        double x;
        points_get(a.rows, i, &x, NULL, NULL);
        sum += x;
    }
    ck_assert(sum == 99 * 50);
    ck_assert(a.age == 100 && a.next == 0);
    points_destroy(&a.rows);
    points_destroy(&b.rows);
}
END_TEST

START_TEST(framing_changes_no_row)
{
    struct reservoir a = {.rows = points_new(1, ROOM)}, b = {.rows = points_new(1, ROOM)};
    offer(&a, 1, 0, ROWS);
    for (size_t i = 0; i < ROWS; i += 10) {
        offer(&b, 1, i, 10);
    }
    for (size_t i = 0; i < points_count(a.rows); i++) {
        double x, y;
        points_get(a.rows, i, &x, NULL, NULL);
        points_get(b.rows, i, &y, NULL, NULL);
        ck_assert(x == y);
    }
    points_destroy(&a.rows);
    points_destroy(&b.rows);
}
END_TEST

START_TEST(an_emptied_reservoir_holds_only_what_follows)
{
    struct reservoir r = {.rows = points_new(1, ROOM)};
    offer(&r, 1, 0, ROWS);
    reservoir_clear(&r);
    ck_assert(r.age == 0 && points_count(r.rows) == 0);
    offer(&r, 1, ROWS, ROWS);
    const size_t held = points_count(r.rows);
    ck_assert(r.age == ROWS);
    for (size_t i = 0; i < held; i++) {
        double x;
        points_get(r.rows, i, &x, NULL, NULL);
        ck_assert(x >= ROWS);
    }
    points_destroy(&r.rows);
}
END_TEST

/* Rows of a sample that follows the stream count half after memory ln 2 points, as in a
 * mean with that memory, whatever the blocks; the mean age is within 4 errors. */
START_TEST(a_sample_that_follows_remembers_so_many_points)
{
    enum { SIZE = 200, MEMORY = 1000, POINTS = 20000 };
    const uint64_t seed = unit_seed(323);
    double age = 0, recent = 0;
    for (uint64_t run = 0; run < RUNS; run++) {
        struct reservoir reservoir = {.rows = points_new(1, 2 * SIZE)};
        struct points *points = counted(0, POINTS);
        for (size_t j = 0; j < points_blocks(points); j++) {
            reservoir_follow(&reservoir, points_block(points, j), seed + run, SIZE,
                             MEMORY);
        }
        ck_assert_uint_eq(points_count(reservoir.rows), SIZE);
        ck_assert_uint_eq(reservoir.age, POINTS);
        for (size_t i = 0; i < SIZE; i++) {
            double x;
            points_get(reservoir.rows, i, &x, NULL, NULL);
            age += (POINTS - 1 - x) / (SIZE * RUNS);
            recent += (POINTS - 1 - x < MEMORY * 0.693147) / (double)(SIZE * RUNS);
        }
        points_destroy(&points);
        points_destroy(&reservoir.rows);
    }
    /* Sixteen neighbours count as one. */
    const double error = MEMORY / sqrt(SIZE * RUNS / 16.0);
    ck_assert_msg(fabs(age - MEMORY) < 4 * error && fabs(recent - 0.5) < 0.03,
                  "seed %llu: mean age %g, share of the last half %g",
                  (unsigned long long)seed, age, recent);
}
END_TEST

START_TEST(the_last_rows_are_kept)
{
    struct reservoir reservoir = {.rows = points_new(1, ROOM)};
    offer(&reservoir, 1, 0, ROOM);
    reservoir_shorten(&reservoir, ROOM);
    ck_assert_uint_eq(points_count(reservoir.rows), ROOM);
    reservoir_shorten(&reservoir, 30);
    ck_assert_uint_eq(points_count(reservoir.rows), 30);
    ck_assert_uint_eq(reservoir.age, ROOM);
    for (size_t i = 0; i < 30; i++) {
        double x;
        points_get(reservoir.rows, i, &x, NULL, NULL);
        ck_assert(x == (double)(ROOM - 30 + i));
    }
    points_destroy(&reservoir.rows);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(the_sample_is_uniform),
        UNIT(a_sample_that_follows_remembers_so_many_points),
        UNIT(the_last_rows_are_kept),
        UNIT(a_merged_sample_is_uniform),
        UNIT(few_rows_are_merged_whole),
        UNIT(framing_changes_no_row),
        UNIT(an_emptied_reservoir_holds_only_what_follows),
    };
    return unit_run("reservoir", tests, COUNT(tests));
}
