/* SPDX-License-Identifier: MIT
 *
 * Counts. With the rate r
 *
 *     log f(x) = x log r - r - log x!
 *              = -x D(r / x) - log(2 pi x) / 2 - b(x),    D(y) = y - 1 - log y
 *
 * where b is the rest of Stirling's series. The first form loses as many digits as x has
 * and is taken for small counts, where that is nothing; the second is that of C. Loader,
 * Fast and accurate computation of binomial probabilities (2000). */
#include <math.h>

#include "field.h"
#include "special.h"

#define HALF_LOG_2_PI 0.91893853320467274178

/* A component that saw only zeros of a field that had nothing else: a rate so small that
 * it does not matter, and a logarithm that a point of 1 can live with. */
#define RATE_MIN 1e-9

static bool accepts(size_t categories, double x)
{
    (void)categories;
    return x >= 0 && x == floor(x) && x < (double)INFINITY;
}

/* Below, x log r is right to 1e-11 nats. */
#define COUNT_SMALL 4096
/* Factorials below are exact. */
#define FACTORIAL_MAX 20

static double log_factorial(double x)
{
    double product = 1;
    if (x >= FACTORIAL_MAX) {
        return (x + 0.5) * special_log(x) - x + HALF_LOG_2_PI + special_binet(x);
    }
    for (double i = 2; i <= x; i++) {
        product *= i;
    }
    return special_log(product);
}

static struct field_value look(double x)
{
    const double common = x < COUNT_SMALL
                              ? -log_factorial(x)
                              : -0.5 * special_log(x) - HALF_LOG_2_PI - special_binet(x);
    return (struct field_value){{x}, common * SPECIAL_LOG2_E};
}

/* cache: rate, log of it. */
static double density(const double *cache, const double *feature)
{
    const double rate = cache[0], x = feature[0];
    const double nats =
        x < COUNT_SMALL ? x * cache[1] - rate : -x * special_deviance(rate / x);
    return nats * SPECIAL_LOG2_E;
}

static bool mstep(const struct factor *f, const double *stats, double n,
                  const struct field_prior *prior, double *param)
{
    const double rate = field_pulled(stats[0], n, prior);
    (void)f;
    param[0] = rate >= RATE_MIN ? rate : RATE_MIN;
    return !(rate >= RATE_MIN);
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
    cache[1] = special_log(param[0]);
    return param[0] > 0 && param[0] < (double)INFINITY;
}

/* Apart by about a deviation each, and neither below 0. */
static void cut(const struct factor *f, double side, bool is_nested, double *stats)
{
    (void)f;
    (void)is_nested;
    stats[0] *= 1 + side * 0.8 / sqrt(1 + stats[0]);
}

static void moments(const struct factor *f, const double *param, double *mean,
                    double *variance)
{
    (void)f;
    *mean = *variance = param[0];
}

/* Products of uniforms below this rate, else the rejection of L. Devroye, Non-uniform
 * random variate generation (1986), section X.3.4 in the form of W. Hormann, The
 * transformed rejection method for generating Poisson random variables (1993), PTRS. */
#define RATE_SMALL 10

static double sample_small(double rate, struct rng *rng)
{
    const double least = special_exp(-rate);
    double x = 0;
    for (double p = rng_uniform(rng); p > least; p *= rng_uniform(rng)) {
        x++;
    }
    return x;
}

static double sample(const struct factor *f, const double *param, struct rng *rng)
{
    const double rate = param[0], root = sqrt(rate), cache[] = {rate, special_log(rate)};
    const double b = 0.931 + 2.53 * root, a = -0.059 + 0.02483 * b;
    const double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4),
                 v_r = 0.9277 - 3.6224 / (b - 2);
    (void)f;
    if (rate < RATE_SMALL) {
        return sample_small(rate, rng);
    }
    for (;;) {
        const double u = rng_uniform(rng) - 0.5, v = rng_uniform(rng);
        const double us = 0.5 - fabs(u);
        const double x = floor((2 * a / us + b) * u + rate + 0.43);
        if (us >= 0.07 && v <= v_r) {
            return x;
        }
        if (x < 0 || (us < 0.013 && v > us)) {
            continue;
        }
        const struct field_value value = look(x);
        const double log_f =
            (value.common + density(cache, value.feature)) / SPECIAL_LOG2_E;
        if (special_log(v * inverse_alpha / (a / (us * us) + b)) <= log_f) {
            return x;
        }
    }
}

/* The root makes all counts spread alike. */
static void place(const struct factor *f, double x, double *columns)
{
    (void)f;
    columns[0] = sqrt(x);
}

static const char *const names[] = {"rate", NULL};
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
                                       .sample = sample,
                                       .place = place};

extern const struct family family_poisson;
const struct family family_poisson = FIELD_FAMILY("poisson", MIX_POISSON, &form);

/* ---- Geometric ----------------------------------------------------------- */

/* Counts of noise: f(x) = (1 - q) q^x with mean m = q / (1 - q), the broadest that has
 * it, where a poisson of that mean would be one more peak. Its parameter is called a rate
 * all the same, and its family poisson: that of the field. Not in the table. */

/* As look(), with what the density has in common with the poisson taken off again. */
static struct field_value look_broadly(double x)
{
    const double common = look(x).common;
    return (struct field_value){{x, -common}, common};
}

/* cache: log2 q, log2(1 - q). */
static double broad_density(const double *cache, const double *feature)
{
    return feature[0] * cache[0] + cache[1] + feature[1];
}

static void broad_gather(const struct factor *f, const double *cache,
                         const struct field_points *points, double *stats)
{
    double sum = 0;
    (void)f;
    (void)cache;
    for (size_t i = 0; i < points->n; i++) {
        sum += points->resp[i] * points->feature[0][i];
    }
    stats[0] = sum / points->mass;
}

/* log(1 + 1/m), also of large means: W. Kahan's correction of the rounding. */
static double minus_log_q(double mean)
{
    const double y = 1 / mean, u = 1 + y;
    return u > 1 ? special_log(u) * (y / (u - 1)) : y;
}

static bool broad_prepare(const struct factor *f, const double *param, double *cache)
{
    (void)f;
    cache[0] = -minus_log_q(param[0]) * SPECIAL_LOG2_E;
    cache[1] = -special_log2(1 + param[0]);
    return param[0] > 0 && param[0] < (double)INFINITY;
}

static void broad_moments(const struct factor *f, const double *param, double *mean,
                          double *variance)
{
    (void)f;
    *mean = param[0];
    *variance = param[0] * (1 + param[0]);
}

static double broad_sample(const struct factor *f, const double *param, struct rng *rng)
{
    (void)f;
    return floor(-special_log(rng_uniform(rng)) / minus_log_q(param[0]));
}

static const struct field_form broad_form = {.names = names,
                                             .is_discrete = true,
                                             .n_stats = 1,
                                             .n_cache = 2,
                                             .n_features = 2,
                                             .accepts = accepts,
                                             .look = look_broadly,
                                             .density = broad_density,
                                             .gather = broad_gather,
                                             .mstep = mstep,
                                             .invert = invert,
                                             .prepare = broad_prepare,
                                             .cut = cut,
                                             .moments = broad_moments,
                                             .sample = broad_sample,
                                             .place = place};

extern const struct family family_broad_poisson;
const struct family family_broad_poisson =
    FIELD_FAMILY("poisson", MIX_POISSON, &broad_form);
