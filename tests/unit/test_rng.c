/* SPDX-License-Identifier: MIT */
#include "rng.h"

#include <math.h>

#include "unit.h"

#define N 100000

/* The stream is part of the format of a state: a learner goes on with the same numbers. */
START_TEST(numbers_never_change_between_versions)
{
    struct rng rng = rng_at(1, RNG_SAMPLE, 0);
    const uint64_t first = rng_next(&rng), second = rng_next(&rng);
    ck_assert_msg(first == UINT64_C(0xe13318763c307616) && second == UINT64_C(0x9d132e287c190d34),
                  "0x%016llx 0x%016llx", (unsigned long long)first,
                  (unsigned long long)second);
}
END_TEST

START_TEST(a_number_depends_on_seed_purpose_index_and_draw_only)
{
    struct rng a = rng_at(5, RNG_KMEANS, 17), b = rng_at(5, RNG_KMEANS, 17);
    struct rng late = {.key = a.key, .draw = 2};
    for (int i = 0; i < 3; i++) {
        const uint64_t value = rng_next(&a);
        ck_assert(value == rng_next(&b));
        ck_assert(i < 2 || value == rng_next(&late));
    }
    ck_assert(rng_at(5, RNG_KMEANS, 17).key != rng_at(6, RNG_KMEANS, 17).key);
    ck_assert(rng_at(5, RNG_KMEANS, 17).key != rng_at(5, RNG_SPLIT, 17).key);
    ck_assert(rng_at(5, RNG_KMEANS, 17).key != rng_at(5, RNG_KMEANS, 18).key);
}
END_TEST

/* Pairs of neighbours in seed, index and draw must not be alike: each of 64 bits differs
 * in half of the pairs, 6 standard deviations of a binomial allowed. */
START_TEST(neighbours_have_nothing_in_common)
{
    int differ[3][64] = {{0}};
    const int pairs = 20000;
    for (int i = 0; i < pairs; i++) {
        struct rng rng = rng_at((uint64_t)i, RNG_TEST, 3);
        struct rng seed = rng_at((uint64_t)i + 1, RNG_TEST, 3);
        struct rng index = rng_at((uint64_t)i, RNG_TEST, 4);
        const uint64_t value = rng_next(&rng);
        const uint64_t other[3] = {rng_next(&seed), rng_next(&index), rng_next(&rng)};
        for (int j = 0; j < 3; j++) {
            for (int bit = 0; bit < 64; bit++) {
                differ[j][bit] += (int)((value ^ other[j]) >> bit & 1);
            }
        }
    }
    for (int j = 0; j < 3; j++) {
        for (int bit = 0; bit < 64; bit++) {
            ck_assert_int_le(abs(differ[j][bit] - pairs / 2), 6 * 71);
        }
    }
}
END_TEST

START_TEST(uniform_numbers_fill_the_open_interval)
{
    struct rng rng = rng_at(unit_seed(3), RNG_TEST, 0);
    double sum = 0, squares = 0;
    for (int i = 0; i < N; i++) {
        const double u = rng_uniform(&rng);
        ck_assert(u > 0 && u < 1);
        sum += u;
        squares += u * u;
    }
    /* Five standard errors. */
    ck_assert_double_eq_tol(sum / N, 0.5, 5 * sqrt(1.0 / 12 / N));
    ck_assert_double_eq_tol(squares / N, 1.0 / 3, 5 * sqrt(4.0 / 45 / N));
}
END_TEST

START_TEST(numbers_below_a_bound_are_uniform)
{
    struct rng rng = rng_at(unit_seed(4), RNG_TEST, 0);
    int count[7] = {0};
    for (int i = 0; i < N; i++) {
        const uint64_t value = rng_below(&rng, 7);
        ck_assert(value < 7);
        count[value]++;
        ck_assert(rng_below(&rng, 1) == 0);
        ck_assert(rng_below(&rng, UINT64_MAX) < UINT64_MAX);
    }
    for (int j = 0; j < 7; j++) {
        ck_assert_double_eq_tol(count[j], N / 7.0, 5 * sqrt(N * 6.0 / 49));
    }
}
END_TEST

START_TEST(normal_numbers_have_their_moments)
{
    struct rng rng = rng_at(unit_seed(5), RNG_TEST, 0);
    double moment[5] = {0};
    for (int i = 0; i < N; i++) {
        const double z = rng_normal(&rng);
        double power = 1;
        for (int p = 1; p < 5; p++) {
            power *= z;
            moment[p] += power / N;
        }
    }
    /* Five standard errors: the variance of z^p is 1, 2, 15, 96. */
    ck_assert_double_eq_tol(moment[1], 0, 5 * sqrt(1.0 / N));
    ck_assert_double_eq_tol(moment[2], 1, 5 * sqrt(2.0 / N));
    ck_assert_double_eq_tol(moment[3], 0, 5 * sqrt(15.0 / N));
    ck_assert_double_eq_tol(moment[4], 3, 5 * sqrt(96.0 / N));
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(numbers_never_change_between_versions),
        UNIT(a_number_depends_on_seed_purpose_index_and_draw_only),
        UNIT(neighbours_have_nothing_in_common),
        UNIT(uniform_numbers_fill_the_open_interval),
        UNIT(numbers_below_a_bound_are_uniform),
        UNIT(normal_numbers_have_their_moments),
    };
    return unit_run("rng", tests, COUNT(tests));
}
