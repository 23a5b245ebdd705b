/* SPDX-License-Identifier: MIT
 *
 * Learners whose encoded states are kept for ever, and what is compared of them. The rows
 * of this table stay as they are, since files were made with them; new ones come at the
 * end. */
#ifndef GOLDEN_H
#define GOLDEN_H

#include <math.h>
#include <stdio.h>

#include "mix.h"

struct golden_case {
    const char *name;
    size_t dimensions, components, components_max;
    enum mix_covariance covariance;
    size_t rows;                 /* learned before it was encoded */
    bool marginalize, is_frozen; /* some entries missing; frozen before the end */
    bool noise, compact;
    bool is_constant;                /* field 0 has one value */
    const enum mix_family *families; /* NULL: joint gaussian */
    size_t window;
    double half_life;
};

enum { GOLDEN_WARMUP = 150, GOLDEN_BLOCK = 60 };

static const enum mix_family golden_mixed[] = {
    MIX_GAUSSIAN, MIX_POISSON,     MIX_EXPONENTIAL, MIX_BERNOULLI, MIX_LOG_NORMAL,
    MIX_GAMMA,    MIX_CATEGORICAL, MIX_VON_MISES,   MIX_STUDENT_T};

static const struct golden_case golden_cases[] = {
    {.name = "new", .dimensions = 2, .components = 2},
    {.name = "warmup", .dimensions = 2, .components = 2, .rows = 100},
    {.name = "full", .dimensions = 3, .components = 2, .rows = 700},
    {.name = "missing",
     .dimensions = 3,
     .components = 2,
     .rows = 700,
     .marginalize = true},
    {.name = "diag",
     .dimensions = 3,
     .components = 3,
     .covariance = MIX_DIAG,
     .rows = 500,
     .window = 400},
    {.name = "tied",
     .dimensions = 3,
     .components = 2,
     .covariance = MIX_TIED,
     .rows = 500,
     .half_life = 200},
    {.name = "frozen",
     .dimensions = 2,
     .components = 1,
     .covariance = MIX_SPHERICAL,
     .rows = 400,
     .is_frozen = true},
    {.name = "mixed",
     .dimensions = 9,
     .components = 2,
     .rows = 500,
     .families = golden_mixed},
    {.name = "noise", .dimensions = 2, .components = 2, .rows = 500, .noise = true},
    {.name = "range", .dimensions = 2, .components = 1, .components_max = 3, .rows = 500},
    {.name = "compact", .dimensions = 2, .components = 2, .rows = 350, .compact = true},
    {.name = "dormant",
     .dimensions = 2,
     .components = 2,
     .rows = 400,
     .is_constant = true},
};

static inline struct mix_options golden_options(const struct golden_case *row)
{
    struct mix_options options;
    mix_options_init(&options, row->dimensions, row->components);
    options.components_max = row->components_max;
    options.covariance = row->covariance;
    options.warmup = GOLDEN_WARMUP;
    options.block = GOLDEN_BLOCK;
    options.marginalize = row->marginalize;
    options.noise = row->noise;
    options.compact = row->compact;
    options.families = row->families;
    options.categories = 4;
    options.window = row->window;
    options.half_life = row->half_life;
    return options;
}

static inline void golden_print_numbers(FILE *out, const char *name, const double *values,
                                        size_t n)
{
    fprintf(out, "%s", name);
    for (size_t i = 0; i < n; i++) {
        fprintf(out, " %a", values[i]);
    }
    fprintf(out, "\n");
}

static inline void golden_print_parameters(FILE *out, const struct mix_model *model)
{
    const size_t k = mix_model_components(model);
    for (size_t d = 0; d < mix_model_dimensions(model); d++) {
        for (size_t i = 0; mix_model_parameter_size(model, d, i) > 0; i++) {
            double values[9 * 8];
            mix_model_parameter(model, d, i, values);
            golden_print_numbers(out, mix_family_name(mix_model_family(model, d)), values,
                                 k * mix_model_parameter_size(model, d, i));
        }
    }
}

static inline void golden_print_model(FILE *out, const struct mix_model *model)
{
    const size_t k = mix_model_components(model), d = mix_model_dimensions(model);
    golden_print_numbers(out, "weights", mix_model_weights(model), k);
    if (mix_model_is_gaussian(model)) {
        golden_print_numbers(out, "means", mix_model_means(model), k * d);
        golden_print_numbers(out, "covariances", mix_model_covariances(model),
                             mix_model_covariance_size(model));
    } else {
        golden_print_parameters(out, model);
    }
    if (mix_model_noise(model) != NULL) {
        golden_print_model(out, mix_model_noise(model)); /* which has none itself */
    }
}

/* Counts, and the model in hexadecimal: every bit of it. */
static inline void golden_print(FILE *out, const struct mix_learner *learner)
{
    struct mix_info info;
    mix_learner_info(learner, &info);
    fprintf(out, "state %d\n", (int)info.state);
    fprintf(out, "counts %ju %ju %ju %ju %ju\n", (uintmax_t)info.added,
            (uintmax_t)info.learned, (uintmax_t)info.unscorable, (uintmax_t)info.frozen,
            (uintmax_t)info.queued);
    fprintf(out, "points %ju updates %ju floored %ju\n", (uintmax_t)info.points,
            (uintmax_t)info.updates, (uintmax_t)info.floored);
    golden_print_numbers(out, "log_likelihood", &info.log_likelihood, 1);
    for (size_t k = 0; info.ids != NULL && mix_learner_model(learner) != NULL &&
                       k < mix_model_components(mix_learner_model(learner));
         k++) {
        fprintf(out, "id %ju\n", (uintmax_t)info.ids[k]);
    }
    if (mix_learner_model(learner) != NULL) {
        golden_print_model(out, mix_learner_model(learner));
    }
}

#endif
