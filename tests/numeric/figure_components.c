/* SPDX-License-Identifier: MIT
 *
 * Whether the number of components that is published in the end is the true one: of 1 to
 * 8, after 30,000 points, four mixtures with four seeds each; and of 1 to 5 after two
 * components became three, with the identities of the two as they were. Prints the table
 * and fails with less than 14 of 16 of either.
 *
 *     figure_components [SEEDS]
 */
#include <math.h>
#include <stdio.h>

#include "streams.h"

enum { N = 30000, K_MAX = 8, KEPT_OF_16 = 14 };

static const struct mixture_case {
    size_t d, k;
    double separation;
} cases[] = {{2, 3, 4}, {2, 5, 2.5}, {2, 5, 6}, {5, 5, 4}};

/* Learns a stream; what is published in the end, and how often it changed. */
static size_t run_seed(const struct mixture_case *c, uint64_t seed, size_t *switches)
{
    struct mix_model *truth = mixture_random(c->d, c->k, c->separation, seed);
    struct sample s = sample_draw(truth, seed, N);
    struct mix_options options;
    struct mix_event event;
    mix_options_init(&options, c->d, 1);
    options.components_max = K_MAX;
    struct mix_learner *learner = mix_learner_new(&options, NULL);
    learn_all(learner, &s);
    const size_t found = mix_model_components(mix_learner_model(learner));
    *switches = 0;
    while (mix_learner_event(learner, &event)) {
        *switches += event.kind == MIX_EVENT_COMPONENTS;
    }
    mix_learner_destroy(&learner);
    mix_model_destroy(&truth);
    free(s.x);
    return found;
}

/* Where the component nearest to a mean is. */
static size_t nearest(const struct mix_model *model, const double *mean)
{
    const double *means = mix_model_means(model);
    size_t best = 0;
    for (size_t k = 1; k < mix_model_components(model); k++) {
        best = hypot(means[2 * k] - mean[0], means[2 * k + 1] - mean[1]) <
                       hypot(means[2 * best] - mean[0], means[2 * best + 1] - mean[1])
                   ? k
                   : best;
    }
    return best;
}

/* Two components get a third between and above them: whether there are three in the end,
 * and whether the two have their identities of before. */
static bool survives_change(uint64_t seed)
{
    static const double weights[] = {0.4, 0.4, 0.2}, halves[] = {0.5, 0.5};
    static const double means[] = {0, 0, 12, 0, 6, 6}, unit[] = {1, 1, 1};
    struct mix_model *truth[] = {
        mix_model_new(2, 2, MIX_SPHERICAL, halves, means, unit, NULL),
        mix_model_new(2, 3, MIX_SPHERICAL, weights, means, unit, NULL)};
    struct mix_options options;
    struct mix_info info;
    uint64_t ids[2][2];
    mix_options_init(&options, 2, 1);
    options.components_max = 5;
    options.warmup = 2000;
    struct mix_learner *learner = mix_learner_new(&options, NULL);
    for (size_t i = 0; i < 2; i++) {
        struct sample s = sample_draw(truth[i], seed + 1000 * i, i == 0 ? 6000 : N);
        learn_all(learner, &s);
        mix_learner_info(learner, &info);
        for (size_t j = 0; j < 2; j++) {
            ids[i][j] = info.ids[nearest(mix_learner_model(learner), means + 2 * j)];
        }
        free(s.x);
        mix_model_destroy(&truth[i]);
    }
    const bool is_three = mix_model_components(mix_learner_model(learner)) == 3;
    mix_learner_destroy(&learner);
    return is_three && ids[0][0] == ids[1][0] && ids[0][1] == ids[1][1];
}

static bool report(const char *what, size_t right, size_t all)
{
    const bool is_kept = right * 16 >= KEPT_OF_16 * all;
    printf("%s in %zu of %zu  %s\n", what, right, all, is_kept ? "ok" : "MISSED");
    return is_kept;
}

int main(int argc, char **argv)
{
    const size_t seeds = argc > 1 ? strtoul(argv[1], NULL, 10) : 4;
    size_t right = 0, all = 0;
    for (size_t i = 0; i < COUNT(cases); i++) {
        printf("D=%zu, K=%zu, %.1f sd apart: found", cases[i].d, cases[i].k,
               cases[i].separation);
        for (size_t j = 0; j < seeds; j++) {
            size_t switches;
            const size_t found = run_seed(&cases[i], 5000 + j, &switches);
            printf(" %zu (%zu switches)", found, switches);
            fflush(stdout);
            right += found == cases[i].k;
            all++;
        }
        printf("\n");
    }
    size_t survived = 0;
    for (size_t j = 0; j < all; j++) {
        survived += survives_change(6000 + j);
    }
    const bool is_kept[] = {
        report("number of components right", right, all),
        report("number and identities right after a change", survived, all)};
    return is_kept[0] && is_kept[1] ? 0 : 1;
}
