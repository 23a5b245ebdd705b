/* SPDX-License-Identifier: MIT
 *
 * Whether the tail is the share that it says: of a stationary stream, the share p of the
 * points must have a tail below p, within the 99 % band of a binomial number, whether the
 * model is right or wrong. Each point is asked about before it is learned. Prints the
 * table and fails where a share is outside of the band.
 *
 *     figure_tail [SEED]
 */
#include <stdio.h>

#include "streams.h"

enum { K = 3, SETTLED = 30000, N = 130000 };

/* Deviations of a normal distribution that 99 % lie within. */
#define BAND 2.576
static const double shares[] = {0.05, 0.01, 0.001};

static bool run(const struct mix_model *truth, size_t components, uint64_t seed)
{
    const size_t dims = mix_model_dimensions(truth);
    struct sample s = sample_draw(truth, seed, N);
    struct mix_options options;
    size_t below[COUNT(shares)] = {0};
    bool is_kept = true;
    mix_options_init(&options, dims, components);
    struct mix_learner *learner = mix_learner_new(&options, NULL);
    for (size_t i = 0; i < N; i++) {
        const struct sample one = {s.x + i * dims, 1, dims};
        double score, tail;
        if (i >= SETTLED) {
            require(mix_learner_score(learner, one.x, &score, &tail) == MIX_OK);
            for (size_t j = 0; j < COUNT(shares); j++) {
                below[j] += tail < shares[j];
            }
        }
        learn_all(learner, &one);
    }
    printf("D=%-2d K=%d of %d:", (int)dims, (int)components, K);
    for (size_t j = 0; j < COUNT(shares); j++) {
        const double p = shares[j], n = N - SETTLED, found = (double)below[j] / n;
        const double band = BAND * sqrt(p * (1 - p) / n);
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
    static const size_t dims[] = {2, 16};
    const uint64_t seed = argc > 1 ? strtoul(argv[1], NULL, 10) : 6001;
    bool is_kept = true;
    for (size_t i = 0; i < COUNT(dims); i++) {
        struct mix_model *truth = mixture_random(dims[i], K, 4, seed);
        is_kept &= run(truth, K, seed); /* the right model, */
        is_kept &= run(truth, 1, seed); /* and a wrong one */
        mix_model_destroy(&truth);
    }
    return is_kept ? 0 : 1;
}
