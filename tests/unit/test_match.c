/* SPDX-License-Identifier: MIT */
#include "match.h"

#include "mixture.h"

/* The best sum of all permutations, by trying them. */
static double best_sum(const double *gain, size_t n, size_t row, unsigned used)
{
    double best = row == n ? 0 : -HUGE_VAL;
    for (size_t j = 0; row < n && j < n; j++) {
        if ((used & 1u << j) == 0) {
            const double sum =
                gain[row * n + j] + best_sum(gain, n, row + 1, used | 1u << j);
            best = fmax(best, sum);
        }
    }
    return best;
}

START_TEST(the_assignment_is_the_best_of_all)
{
    const uint64_t seed = unit_seed(301);
    for (size_t round = 0; round < 200; round++) {
        struct rng rng = rng_at(seed, RNG_TEST, round);
        const size_t n = 1 + rng_below(&rng, 7);
        double gain[49], scratch[5 * 8], sum = 0;
        size_t partner[7];
        unsigned used = 0;
        for (size_t i = 0; i < n * n; i++) { /* every other round has many ties */
            gain[i] = round % 2 == 0 ? rng_uniform(&rng) : (double)rng_below(&rng, 3) / 2;
        }
        match_assign(gain, n, scratch, partner);
        for (size_t i = 0; i < n; i++) {
            sum += gain[i * n + partner[i]];
            used |= 1u << partner[i];
        }
        ck_assert_uint_eq(used, (1u << n) - 1);
        ck_assert_msg(fabs(sum - best_sum(gain, n, 0, 0)) < 1e-12, "seed %llu round %zu",
                      (unsigned long long)seed, round);
    }
}
END_TEST

START_TEST(a_permuted_model_is_recognised)
{
    enum { D = 2, K = 4 };
    const size_t order[K] = {2, 0, 3, 1};
    struct mix_model *old = mixture_random(D, K, 1.5, 302);
    struct sample s = sample_draw(old, 303, 2000);
    struct points *points = sample_points(&s);
    double weights[K], means[K * D], c[K * D * D];
    for (size_t k = 0; k < K; k++) {
        weights[order[k]] = mix_model_weights(old)[k];
        memcpy(means + order[k] * D, mix_model_means(old) + k * D, D * sizeof(double));
        memcpy(c + order[k] * D * D, mix_model_covariances(old) + k * D * D,
               D * D * sizeof(double));
    }
    struct mix_model *new = mix_model_new(D, K, MIX_FULL, weights, means, c, NULL);
    struct match *match = match_new(old, new, points);
    for (size_t k = 0; k < K; k++) {
        ck_assert_uint_eq(match->partner[k], order[k]);
        ck_assert_double_eq_tol(match->overlap[k * K + order[k]], 1, 1e-12);
    }
    match_destroy(&match);
    points_destroy(&points);
    mix_model_destroy(&old);
    mix_model_destroy(&new);
    free(s.x);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(the_assignment_is_the_best_of_all),
        UNIT(a_permuted_model_is_recognised),
    };
    return unit_run("match", tests, COUNT(tests));
}
