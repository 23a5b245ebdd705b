/* SPDX-License-Identifier: MIT
 *
 * Whether standard errors are honest: how far the parameters are from the truth over
 * what they are said to be, root mean square over many seeds, in units of the error of
 * independent points. Streams of 131,072 points. Prints the table and fails where a ratio
 * is outside of .8 to 1.6; a stream for which there are none keeps the figure.
 *
 *     figure_errors [SEEDS]
 */
#include <stdio.h>

#include "streams.h"

enum { D = 2, N = 131072 };

enum kind { INDEPENDENT, SWITCHING, AUTOREGRESSION };

static const struct stream_case {
    const char *name;
    enum kind kind;
    size_t k;
    double of; /* dwell, or the coefficient */
} cases[] = {
    {"independent, 4 sd", INDEPENDENT, 3, 0},
    {"independent, 3 sd", INDEPENDENT, 4, 0},
    {"dwell 50", SWITCHING, 3, 50},
    {"dwell 500", SWITCHING, 3, 500},
    {"AR .99, K = 1", AUTOREGRESSION, 1, 0.99},
    {"AR .99, K = 3", AUTOREGRESSION, 3, 0.99},
};

/* Sums over seeds of squares, in units of the error of independent points. */
struct tally {
    double error, reported;
    double entries;
};

static double ratio(const struct tally *tally)
{
    return sqrt(tally->error / tally->reported);
}

static void add(struct tally *tally, double error, double reported, double unit)
{
    if (unit > 0) {
        tally->error += error * error / unit;
        tally->reported += reported * reported / unit;
        tally->entries++;
    }
}

/* The component of the model that is nearest to component k of the truth. */
static size_t nearest(const struct mix_model *model, const struct mix_model *truth,
                      size_t k)
{
    size_t best = 0;
    double least = HUGE_VAL;
    for (size_t l = 0; l < mix_model_components(model); l++) {
        double sum = 0;
        for (size_t d = 0; d < D; d++) {
            const double c =
                mix_model_means(model)[l * D + d] - mix_model_means(truth)[k * D + d];
            sum += c * c;
        }
        if (sum < least) {
            least = sum;
            best = l;
        }
    }
    return best;
}

/* Learns a stream. False: there are no errors. */
static bool run_seed(const struct stream_case *c, uint64_t seed, struct tally *means,
                     struct tally *weights)
{
    static const double one[1] = {1}, origin[D] = {0}, unit[D * D] = {1, 0, 0, 1};
    struct mix_model *truth = c->kind == AUTOREGRESSION
                                  ? mix_model_new(D, 1, MIX_FULL, one, origin, unit, NULL)
                                  : mixture_random(D, c->k, c->k == 3 ? 4 : 3, seed);
    struct sample s = c->kind == INDEPENDENT ? sample_draw(truth, seed, N)
                      : c->kind == SWITCHING
                          ? draw_switching(truth, N, (size_t)c->of, seed)
                          : draw_autoregression(D, N, c->of, seed);
    struct mix_options options;
    double mean_errors[16 * D], weight_errors[16];
    mix_options_init(&options, D, c->k);
    struct mix_learner *learner = mix_learner_new(&options, NULL);
    learn_all(learner, &s);
    const struct mix_model *model = mix_learner_model(learner);
    const bool are_known = mix_learner_errors(learner, mean_errors, weight_errors);
    for (size_t k = 0; are_known && k < mix_model_components(truth); k++) {
        const size_t l = nearest(model, truth, k);
        const double w =
            c->kind == SWITCHING ? 1.0 / (double)c->k : mix_model_weights(truth)[k];
        add(weights, mix_model_weights(model)[l] - w, weight_errors[l], w * (1 - w) / N);
        for (size_t d = 0; d < D; d++) {
            const double variance = mix_model_covariances(truth)[(k * D + d) * D + d];
            add(means,
                mix_model_means(model)[l * D + d] - mix_model_means(truth)[k * D + d],
                mean_errors[l * D + d], variance / (w * N));
        }
    }
    mix_learner_destroy(&learner);
    mix_model_destroy(&truth);
    free(s.x);
    return are_known;
}

static bool is_honest(const struct tally *tally)
{
    return tally->entries == 0 || (ratio(tally) >= 0.8 && ratio(tally) <= 1.6);
}

static bool run_case(const struct stream_case *c, size_t seeds)
{
    struct tally means = {0}, weights = {0};
    size_t known = 0;
    for (size_t i = 0; i < seeds; i++) {
        known += run_seed(c, 4000 + i, &means, &weights);
    }
    const bool is_kept = is_honest(&means) && is_honest(&weights);
    printf("%-20s reported for %2zu of %zu", c->name, known, seeds);
    if (means.entries > 0) {
        printf("; true over reported: means %.2f", ratio(&means));
        printf(" (%.1f times the independent)", sqrt(means.reported / means.entries));
    }
    if (weights.entries > 0) {
        printf(", weights %.2f (%.1f)", ratio(&weights),
               sqrt(weights.reported / weights.entries));
    }
    printf("  %s\n", is_kept ? "ok" : "MISSED");
    fflush(stdout);
    return is_kept;
}

int main(int argc, char **argv)
{
    const size_t seeds = argc > 1 ? strtoul(argv[1], NULL, 10) : 20;
    bool is_kept = true;
    for (size_t i = 0; i < COUNT(cases) && seeds > 0; i++) {
        is_kept = run_case(&cases[i], seeds) && is_kept;
    }
    return is_kept ? 0 : 1;
}
