/* SPDX-License-Identifier: MIT */
#include "tail.h"

#include "mixture.h"

START_TEST(a_rank_is_the_share_below)
{
    struct tail tail = {0};
    tail_begin(&tail, 0);
    for (int i = 0; i < 1000; i++) {
        tail_add(&tail, i < 200 ? -5 : 5, 1);
    }
    ck_assert_double_eq_tol(tail_share(&tail, -50), 0.5 / 1001, 1e-12);
    ck_assert_double_eq_tol(tail_share(&tail, -5), 100.5 / 1001, 1e-12);
    ck_assert_double_eq_tol(tail_share(&tail, 0), 200.5 / 1001, 1e-12);
    ck_assert_double_eq_tol(tail_share(&tail, 50), 1000.5 / 1001, 1e-12);
    tail_clear(&tail);
}
END_TEST

/* What is in a bin is spread along the line that its neighbours suggest: shares of e^s,
 * s < 0, are right to 1/500 of them, with bins of 1/8 to 1/4 nat. */
START_TEST(a_share_is_right_within_a_bin)
{
    enum { N = 400000 };
    struct tail tail = {0};
    tail_begin(&tail, -1);
    for (int i = 0; i < N; i++) {
        tail_add(&tail, log((i + 0.5) / N), 1);
    }
    for (double score = -4; score < -0.2; score += 0.01) {
        const double share = tail_share(&tail, score), right = exp(score);
        ck_assert_double_eq_tol(share / right, 1, 2e-3);
    }
    tail_clear(&tail);
}
END_TEST

/* Histograms of the same reference add up exactly, faded ones by what they count; about
 * another one scores are known to half a bin, an eighth to a quarter of a nat here. */
START_TEST(merged_shares_are_those_of_all)
{
    enum { N = 2000 };
    struct tail all = {0}, a = {0}, b = {0}, c = {0};
    tail_begin(&all, -1);
    tail_begin(&a, -1);
    tail_begin(&b, -1);
    tail_begin(&c, -1.7);
    for (int i = 0; i < N; i++) {
        const double score = log((i + 0.5) / N);
        tail_add(&all, score, 0.5);
        tail_add(i % 2 == 0 ? &a : &b, score, 1);
        tail_add(&c, score, 0.5);
    }
    tail_fade(&all, 0.5);
    tail_fade(&a, 0.25);
    tail_fade(&b, 0.25);
    tail_fade(&c, 0.5);
    tail_merge(&a, &b);
    tail_merge(&b, &c); /* about another: b is half of them */
    for (double score = -4; score < -0.2; score += 0.1) {
        ck_assert_double_eq_tol(tail_share(&a, score), tail_share(&all, score), 1e-12);
        ck_assert_double_eq_tol(tail_share(&b, score), exp(score), 0.25 * exp(score));
    }
    tail_clear(&all);
    tail_clear(&a);
    tail_clear(&b);
    tail_clear(&c);
}
END_TEST

/* It has room for the bins between those that came, and what was in them stays. */
START_TEST(room_grows_with_the_scores)
{
    struct tail tail = {0};
    size_t first, n;
    tail_begin(&tail, 0);
    tail_stretch(&tail, &first, &n);
    ck_assert_uint_eq(n, 0);
    tail_add(&tail, 1, 2);
    ck_assert_uint_lt(tail.n, 16);
    tail_add(&tail, -1, 3);
    tail_add(&tail, 2, 5);
    ck_assert_uint_lt(tail.n, 64);
    tail_stretch(&tail, &first, &n);
    ck_assert_uint_eq(first, tail_bin(0, -1));
    ck_assert_uint_eq(first + n - 1, tail_bin(0, 2));
    ck_assert_double_eq_tol(tail_share(&tail, -1), (3 / 2.0 + 0.5) / 11, 1e-12);
    ck_assert_double_eq_tol(tail_share(&tail, 1), (3 + 2 / 2.0 + 0.5) / 11, 1e-12);
    ck_assert_double_eq_tol(tail_share(&tail, 2), (5 + 5 / 2.0 + 0.5) / 11, 1e-12);
    tail_begin(&tail, 7);
    tail_stretch(&tail, &first, &n);
    ck_assert_uint_eq(n, 0);
    ck_assert(tail_share(&tail, 7) == 0.5);
    tail_clear(&tail);
}
END_TEST

START_TEST(shares_are_never_zero_or_one)
{
    struct tail tail = {0};
    tail_begin(&tail, -3);
    ck_assert(tail_share(&tail, 1e300) == 0.5);
    for (int i = 0; i < 100; i++) {
        tail_add(&tail, 1e9 * (i - 50), 1);
    }
    ck_assert(tail_share(&tail, -1e300) > 0);
    ck_assert(tail_share(&tail, 1e300) < 1);
    tail_clear(&tail);
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
    struct tail tail = {0};
    tail_begin(&tail, -2);
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
    tail_clear(&tail);
}
END_TEST

START_TEST(fading_halves_what_was_there)
{
    struct tail tail = {0};
    tail_begin(&tail, 0);
    tail_add(&tail, -5, 1000);
    tail_fade(&tail, 0.5);
    tail_add(&tail, 5, 500);
    ck_assert_double_eq_tol(tail_share(&tail, 0), 500.5 / 1001, 1e-12);
    tail_clear(&tail);
}
END_TEST

START_TEST(a_long_stream_does_not_overflow)
{
    struct tail tail = {0};
    tail_begin(&tail, 0);
    for (int i = 0; i < 10000; i++) { /* fades by 2^-10000 in all */
        tail_add(&tail, i % 2 == 0 ? -1 : 1, 256);
        tail_fade(&tail, 0.5);
    }
    const double share = tail_share(&tail, 0);
    ck_assert_double_eq_tol(share, (256.0 / 6 + 0.5) / (256 / 2.0 + 1), 0.35);
    ck_assert(isfinite(tail.total) && isfinite(tail.unit));
    tail_fade(&tail, 0);
    ck_assert(isfinite(tail.total) && isfinite(tail_share(&tail, 0)));
    tail_clear(&tail);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(a_rank_is_the_share_below),         UNIT(shares_are_never_zero_or_one),
        UNIT(shares_of_like_points_are_uniform), UNIT(fading_halves_what_was_there),
        UNIT(a_long_stream_does_not_overflow),   UNIT(a_share_is_right_within_a_bin),
        UNIT(room_grows_with_the_scores),       UNIT(merged_shares_are_those_of_all),
    };
    return unit_run("tail", tests, COUNT(tests));
}
