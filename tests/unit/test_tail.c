/* SPDX-License-Identifier: MIT */
#include "tail.h"

#include "mixture.h"

START_TEST(a_rank_is_the_share_below)
{
    struct tail tail;
    tail_init(&tail, 0);
    for (int i = 0; i < 1000; i++) {
        tail_add(&tail, i < 200 ? -5 : 5, 1);
    }
    ck_assert_double_eq_tol(tail_share(&tail, -50), 0.5 / 1001, 1e-12);
    ck_assert_double_eq_tol(tail_share(&tail, -5), 100.5 / 1001, 1e-12);
    ck_assert_double_eq_tol(tail_share(&tail, 0), 200.5 / 1001, 1e-12);
    ck_assert_double_eq_tol(tail_share(&tail, 50), 1000.5 / 1001, 1e-12);
}
END_TEST

START_TEST(shares_are_never_zero_or_one)
{
    struct tail tail;
    tail_init(&tail, -3);
    ck_assert(tail_share(&tail, 1e300) == 0.5);
    for (int i = 0; i < 100; i++) {
        tail_add(&tail, 1e9 * (i - 50), 1);
    }
    ck_assert(tail_share(&tail, -1e300) > 0);
    ck_assert(tail_share(&tail, 1e300) < 1);
}
END_TEST

/* The share that scores lower is uniform for points like those before: 20,000 shares
 * fall below p as often as a binomial with the wide band of 4.5 sd lets them. */
START_TEST(shares_of_like_points_are_uniform)
{
    const uint64_t seed = unit_seed(7);
    const double levels[] = {0.05, 0.01};
    size_t below[2] = {0, 0}, n = 20000;
    struct rng rng = rng_at(seed, RNG_TEST, 0);
    struct tail tail;
    tail_init(&tail, -2);
    for (size_t i = 0; i < n + 4096; i++) {
        const double score = -2 - 3 * log(rng_uniform(&rng));
        for (size_t j = 0; i >= 4096 && j < 2; j++) {
            below[j] += tail_share(&tail, -score) < levels[j];
        }
        tail_add(&tail, -score, 1);
        tail_fade(&tail, exp2(-1.0 / 4096));
    }
    for (size_t j = 0; j < 2; j++) {
        const double p = levels[j], sd = sqrt(p * (1 - p) / (double)n);
        const double share = (double)below[j] / (double)n;
        /* The histogram itself holds some 5900 points: its own error comes on top. */
        ck_assert_msg(fabs(share - p) < 4.5 * sd + 3 * sqrt(p / 5900),
                      "seed %llu: %g at %g", (unsigned long long)seed, share, p);
    }
}
END_TEST

START_TEST(fading_halves_what_was_there)
{
    struct tail tail;
    tail_init(&tail, 0);
    tail_add(&tail, -5, 1000);
    tail_fade(&tail, 0.5);
    tail_add(&tail, 5, 500);
    ck_assert_double_eq_tol(tail_share(&tail, 0), 500.5 / 1001, 1e-12);
}
END_TEST

START_TEST(a_long_stream_does_not_overflow)
{
    struct tail tail;
    tail_init(&tail, 0);
    for (int i = 0; i < 10000; i++) { /* fades by 2^-10000 in all */
        tail_add(&tail, i % 2 == 0 ? -1 : 1, 256);
        tail_fade(&tail, 0.5);
    }
    const double share = tail_share(&tail, 0);
    ck_assert_double_eq_tol(share, (256.0 / 6 + 0.5) / (256 / 2.0 + 1), 0.35);
    ck_assert(isfinite(tail.total) && isfinite(tail.unit));
    tail_fade(&tail, 0);
    ck_assert(isfinite(tail.total) && isfinite(tail_share(&tail, 0)));
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(a_rank_is_the_share_below),         UNIT(shares_are_never_zero_or_one),
        UNIT(shares_of_like_points_are_uniform), UNIT(fading_halves_what_was_there),
        UNIT(a_long_stream_does_not_overflow),
    };
    return unit_run("tail", tests, COUNT(tests));
}
