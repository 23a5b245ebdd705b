/* SPDX-License-Identifier: MIT
 *
 * A mixture for each family of one number, and what is refused by it. */
#ifndef FAMILIES_TABLE_H
#define FAMILIES_TABLE_H

#include <math.h>
#include <string.h>

#include "field.h"
#include "mixture.h"

#define K 3
#define VALUES_MAX 1024

struct row {
    enum mix_family family;
    double parameters[3][K * 4]; /* K numbers each, or K x 4 categories */
    double from, to, step;       /* of the integral or the sum */
    double bad[3];               /* not values of the family */
    double constant;             /* a value that is */
    const char *first_name;
};

static const double weights[K] = {0.5, 0.3, 0.2};

static const struct row rows[] = {
    {MIX_POISSON, {{1, 5, 12}}, 0, 80, 1, {-1, 0.5, 1e200}, 0, "rate"},
    {MIX_EXPONENTIAL, {{0.1, 1, 20}}, 0, 800, 0.001, {-1, -1e-300, 1e200}, 3, "mean"},
    {MIX_BERNOULLI, {{0.1, 0.5, 0.95}}, 0, 1, 1, {-1, 0.5, 2}, 1, "probability"},
    {MIX_LOG_NORMAL,
     {{-1, 1, 4}, {0.3, 0.1, 0.2}},
     0,
     2000,
     0.001,
     {-1, 0, 1e200},
     3,
     "log_mean"},
    {MIX_GAMMA, {{2, 9, 30}, {0.3, 0.7, 1}}, 0, 400, 0.001, {-1, 0, 1e200}, 3, "shape"},
    {MIX_CATEGORICAL,
     {{0.7, 0.1, 0.1, 0.1, 0.05, 0.05, 0.3, 0.6, 0.1, 0.8, 0.05, 0.05}},
     0,
     3,
     1,
     {-1, 0.5, 4},
     2,
     "probabilities"},
    {MIX_VON_MISES,
     {{-2, 0.5, 2.5}, {4, 30, 8}},
     -3.14159265358979,
     3.1415926535897,
     0.0001,
     {1e151, 1e200, (double)INFINITY},
     3,
     "mean"},
    {MIX_STUDENT_T,
     {{-4, 3, 20}, {1, 0.7, 2}, {8, 12, 20}},
     -3000,
     3000,
     0.02,
     {1e151, 1e200, (double)INFINITY},
     3,
     "location"},
};

static inline void set_options(struct mix_options *options, const struct row *row,
                               size_t dims)
{
    mix_options_init(options, dims, K);
    options->family = row->family;
    options->categories = 4;
}

/* The model of the row, with dims fields alike. */
static inline struct mix_model *row_model(const struct row *row, size_t dims)
{
    struct mix_options options;
    double all[VALUES_MAX];
    size_t n = 0;
    set_options(&options, row, dims);
    const size_t width = family_of(row->family)->form->has_categories ? 4 : 1;
    for (size_t d = 0; d < dims; d++) {
        for (size_t i = 0; mix_family_parameter(row->family, i) != NULL; i++) {
            memcpy(all + n, row->parameters[i], K * width * sizeof(*all));
            n += K * width;
        }
    }
    struct mix_model *model = mix_model_make(&options, weights, all, NULL);
    require(model != NULL);
    return model;
}

static inline double *draw(const struct mix_model *model, size_t n, uint64_t seed)
{
    double *x = calloc(n * mix_model_dimensions(model), sizeof(*x));
    require(mix_model_sample(model, seed, n, x) == MIX_OK);
    return x;
}

static inline double mean_density(const struct mix_model *model, const double *x,
                                  size_t n)
{
    const size_t dims = mix_model_dimensions(model);
    double *out = calloc(n, sizeof(*out)), sum = 0;
    const struct mix_rows all = {.x = x, .n = n, .stride = dims};
    require(mix_model_log_density(model, &all, out) == MIX_OK);
    for (size_t i = 0; i < n; i++) {
        sum += out[i] / (double)n;
    }
    free(out);
    return sum;
}

#endif
