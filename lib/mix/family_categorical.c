/* SPDX-License-Identifier: MIT
 *
 * One of so many values, 0 to categories - 1, in no order. */
#include <math.h>
#include <string.h>

#include "field.h"
#include "special.h"

/* What the probabilities of a model may be off a sum of 1. */
#define SUM_ERROR 1e-9
#define VARIANCE_MIN 1e-300

static bool accepts(size_t categories, double x)
{
    return x >= 0 && x < (double)categories && x == floor(x);
}

static struct field_value look(double x)
{
    return (struct field_value){{x}, 0};
}

/* cache: log2 of the probabilities. */
static double density(const double *cache, const double *feature)
{
    return cache[(size_t)feature[0]];
}

/* statistics: the share of each value. */
static void gather(const struct factor *f, const double *cache,
                   const struct field_points *points, double *stats)
{
    (void)cache;
    memset(stats, 0, f->categories * sizeof(*stats));
    for (size_t i = 0; i < points->n; i++) {
        stats[(size_t)points->feature[0][i]] += points->resp[i] / points->mass;
    }
}

/* Dirichlet: FIELD_PULL points of every value, so that each keeps some density. */
static bool mstep(const struct factor *f, const double *stats, double n,
                  const struct field_prior *prior, double *param)
{
    const double pull = prior->nu0 > 0 ? FIELD_PULL : 0;
    double sum = 0;
    for (size_t c = 0; c < f->categories; c++) {
        param[c] = n * fmax(stats[c], 0) + pull;
        sum += param[c];
    }
    for (size_t c = 0; c < f->categories; c++) {
        param[c] = sum > 0 ? param[c] / sum : 1 / (double)f->categories;
    }
    return false;
}

static void invert(const struct factor *f, const double *param, double *stats)
{
    memcpy(stats, param, f->categories * sizeof(*stats));
}

static bool prepare(const struct factor *f, const double *param, double *cache)
{
    double sum = 0;
    bool is_good = true;
    for (size_t c = 0; c < f->categories; c++) {
        is_good = is_good && param[c] >= 0;
        cache[c] = special_log2(param[c]);
        sum += param[c];
    }
    return is_good && fabs(sum - 1) <= SUM_ERROR;
}

/* Every other value, or every other pair of values, to one side. */
static void cut(const struct factor *f, double side, bool is_nested, double *stats)
{
    double before = 0, after = 0;
    for (size_t c = 0; c < f->categories; c++) {
        const bool is_odd = (is_nested ? c / 2 : c) % 2 == 1;
        before += stats[c];
        stats[c] *= 1 + (is_odd ? -0.5 : 0.5) * side;
        after += stats[c];
    }
    for (size_t c = 0; c < f->categories && after > 0; c++) {
        stats[c] *= before / after;
    }
}

static void moments(const struct factor *f, const double *param, double *mean,
                    double *variance)
{
    *mean = *variance = 0;
    for (size_t c = 0; c < f->categories; c++) {
        *mean += param[c] * (double)c;
    }
    for (size_t c = 0; c < f->categories; c++) {
        *variance += param[c] * ((double)c - *mean) * ((double)c - *mean);
    }
    *variance = fmax(*variance, VARIANCE_MIN);
}

static double sample(const struct factor *f, const double *param, struct rng *rng)
{
    double left = rng_uniform(rng);
    size_t c = 0;
    while (c + 1 < f->categories && left >= param[c]) {
        left -= param[c++];
    }
    return (double)c;
}

/* A column for each value: all are equally far from each other. */
static size_t columns(const struct factor *f)
{
    return f->categories;
}

static void place(const struct factor *f, double x, double *out)
{
    for (size_t c = 0; c < f->categories; c++) {
        out[c] = x == (double)c;
    }
}

static const char *const names[] = {"probabilities", NULL};
static const struct field_form form = {.names = names,
                                       .is_discrete = true,
                                       .has_categories = true,
                                       .n_stats = 1,
                                       .n_cache = 1,
                                       .n_features = 1,
                                       .accepts = accepts,
                                       .look = look,
                                       .density = density,
                                       .gather = gather,
                                       .mstep = mstep,
                                       .invert = invert,
                                       .prepare = prepare,
                                       .cut = cut,
                                       .moments = moments,
                                       .sample = sample,
                                       .columns = columns,
                                       .place = place,
                                       .keeps_scale = true};

extern const struct family family_categorical;
const struct family family_categorical =
    FIELD_FAMILY("categorical", MIX_CATEGORICAL, &form);
