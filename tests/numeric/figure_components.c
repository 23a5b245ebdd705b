/* SPDX-License-Identifier: MIT
 *
 * Whether the number of components that is published in the end is the true one: of 1 to
 * 8, after 30,000 points, four mixtures with four seeds each. Prints the table and fails
 * with less than 14 of 16.
 *
 *     figure_components [SEEDS]
 */
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
    const bool is_kept = right * 16 >= KEPT_OF_16 * all;
    printf("number of components right in %zu of %zu  %s\n", right, all,
           is_kept ? "ok" : "MISSED");
    return is_kept ? 0 : 1;
}
