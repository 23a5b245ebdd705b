/* SPDX-License-Identifier: MIT
 *
 * Yes or no: f(1) = p, f(0) = 1 - p. */
#include <math.h>

#include "field.h"
#include "special.h"

/* Off 0 and 1, where one value would have no density at all. */
#define P_MIN 1e-9

static bool accepts(size_t categories, double x)
{
    (void)categories;
    return x == 0 || x == 1;
}

static struct field_value look(double x)
{
    return (struct field_value){{x}, 0};
}

/* cache: log2(1 - p), log2 p. */
static double density(const double *cache, const double *feature)
{
    return feature[0] > 0 ? cache[1] : cache[0];
}

static bool mstep(const struct factor *f, const double *stats, double n,
                  const struct field_prior *prior, double *param)
{
    const double p = field_pulled(stats[0], n, prior);
    (void)f;
    param[0] = fmin(fmax(p, P_MIN), 1 - P_MIN);
    return param[0] != p;
}

static void invert(const struct factor *f, const double *param, double *stats)
{
    (void)f;
    stats[0] = param[0];
}

static bool prepare(const struct factor *f, const double *param, double *cache)
{
    (void)f;
    cache[0] = special_log2(1 - param[0]);
    cache[1] = special_log2(param[0]);
    return param[0] > 0 && param[0] < 1;
}

static void cut(const struct factor *f, double side, bool is_nested, double *stats)
{
    (void)f;
    stats[0] += side * (is_nested ? 0.8 : 0.5) * fmin(stats[0], 1 - stats[0]);
}

static void moments(const struct factor *f, const double *param, double *mean,
                    double *variance)
{
    (void)f;
    *mean = param[0];
    *variance = param[0] * (1 - param[0]);
}

static double sample(const struct factor *f, const double *param, struct rng *rng)
{
    (void)f;
    return rng_uniform(rng) < param[0] ? 1 : 0;
}

static const char *const names[] = {"probability", NULL};
static const struct field_form form = {.names = names,
                                       .is_discrete = true,
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
                                       .sample = sample};

extern const struct family family_bernoulli;
const struct family family_bernoulli = FIELD_FAMILY("bernoulli", MIX_BERNOULLI, &form);
