/* SPDX-License-Identifier: MIT
 *
 * Waiting times: f(x) = e^(-x / mean) / mean. */
#include <math.h>

#include "field.h"
#include "special.h"

/* The smallest mean, where all values are 0 and no floor is known. */
#define MEAN_MIN 1e-280

static bool accepts(size_t categories, double x)
{
    (void)categories;
    return x >= 0 && x < (double)INFINITY;
}

static struct field_value look(double x)
{
    return (struct field_value){{x}, 0};
}

/* cache: mean, log2 of it. */
static double density(const double *cache, const double *feature)
{
    return -(feature[0] / cache[0]) * SPECIAL_LOG2_E - cache[1];
}

/* The deviation is the mean, so the mean has the floor of the deviation. */
static bool mstep(const struct factor *f, const double *stats, double n,
                  const struct field_prior *prior, double *param)
{
    const double mean = field_pulled(stats[0], n, prior);
    const double least = fmax(sqrt(prior->vf), MEAN_MIN);
    (void)f;
    param[0] = mean >= least ? mean : least;
    return !(mean >= least);
}

static void invert(const struct factor *f, const double *param, double *stats)
{
    (void)f;
    stats[0] = param[0];
}

static bool prepare(const struct factor *f, const double *param, double *cache)
{
    (void)f;
    cache[0] = param[0];
    cache[1] = special_log2(param[0]);
    return param[0] >= MEAN_MIN && param[0] < (double)INFINITY;
}

static void cut(const struct factor *f, double side, bool is_nested, double *stats)
{
    (void)f;
    stats[0] *= 1 + side * (is_nested ? 0.8 : 0.5);
}

static void moments(const struct factor *f, const double *param, double *mean,
                    double *variance)
{
    (void)f;
    *mean = param[0];
    *variance = param[0] * param[0];
}

static double sample(const struct factor *f, const double *param, struct rng *rng)
{
    (void)f;
    return -param[0] * special_log(rng_uniform(rng));
}

/* Half-way to the logarithm, which has no bound near 0. */
static void place(const struct factor *f, double x, double *columns)
{
    (void)f;
    columns[0] = sqrt(sqrt(x));
}

static const char *const names[] = {"mean", NULL};
static const struct field_form form = {.names = names,
                                       .n_stats = 1,
                                       .n_cache = 2,
                                       .n_features = 1,
                                       .accepts = accepts,
                                       .look = look,
                                       .density = density,
                                       .mstep = mstep,
                                       .invert = invert,
                                       .prepare = prepare,
                                       .cut = cut,
                                       .moments = moments,
                                       .sample = sample,
                                       .place = place};

extern const struct family family_exponential;
const struct family family_exponential =
    FIELD_FAMILY("exponential", MIX_EXPONENTIAL, &form);
