/* SPDX-License-Identifier: MIT
 *
 * Whether the tail is the share that it says: of a stationary stream, the share p of the
 * points must have a tail below p, within the 99 % band of a binomial number and half a
 * bin of the histogram, whether the model is right or wrong. Each point is asked about
 * before it is learned. Prints the table and fails where a share is outside of the band.
 *
 *     figure_tail [SEED]
 */
#include <stdio.h>

#include "streams.h"

enum { D = 2, K = 3, SETTLED = 30000, N = 130000 };

/* Deviations of a normal distribution that 99 % lie within. */
#define BAND 2.576
/* The histogram has bins of 1/8 nat, and shares fall about e-fold in a nat: half a bin is
 * so much of a share. */
#define HALF_BIN (1.0 / 16)

static const double shares[] = {0.05, 0.01, 0.001};

static bool run(const struct mix_model *truth, size_t components, uint64_t seed)
{
    struct sample s = sample_draw(truth, seed, N);
    struct mix_options options;
    size_t below[COUNT(shares)] = {0};
    bool is_kept = true;
    mix_options_init(&options, D, components);
    struct mix_learner *learner = mix_learner_new(&options, NULL);
    for (size_t i = 0; i < N; i++) {
        const struct sample one = {s.x + i * D, 1, D};
        double score, tail;
        if (i >= SETTLED) {
            require(mix_learner_score(learner, one.x, &score, &tail) == MIX_OK);
            for (size_t j = 0; j < COUNT(shares); j++) {
                below[j] += tail < shares[j];
            }
        }
        learn_all(learner, &one);
    }
    printf("K=%d of %d:", (int)components, K);
    for (size_t j = 0; j < COUNT(shares); j++) {
        const double p = shares[j], n = N - SETTLED, found = (double)below[j] / n;
        const double band = BAND * sqrt(p * (1 - p) / n) + HALF_BIN * p;
        const bool is_inside = fabs(found - p) <= band;
        printf("  %.3f +- %.5f: %.5f%s", p, band, found, is_inside ? "" : " MISSED");
        is_kept = is_kept && is_inside;
    }
    printf("\n");
    mix_learner_destroy(&learner);
    free(s.x);
    return is_kept;
}

int main(int argc, char **argv)
{
    const uint64_t seed = argc > 1 ? strtoul(argv[1], NULL, 10) : 6001;
    struct mix_model *truth = mixture_random(D, K, 4, seed);
    const bool is_right = run(truth, K, seed), is_wrong = run(truth, 1, seed);
    mix_model_destroy(&truth);
    return is_right && is_wrong ? 0 : 1;
}
