/* SPDX-License-Identifier: MIT
 *
 * Positive numbers whose logarithm is gaussian. The prior knows the spread relative to
 * the mean, so that components of any size have the same. */
#include <float.h>
#include <math.h>

#include "field.h"
#include "special.h"

/* log2 of sqrt(2 pi); sqrt(log2(e) / 2). */
#define NORMALISER 1.32574806473616144240
#define ROOT_BITS 0.84932180028801904272
/* Rounding of x itself, 4 units in the last place, as a variance of log x. */
#define VARIANCE_MIN (16 * DBL_EPSILON * DBL_EPSILON)
/* Moments are kept within what states and frames take: their logarithms. */
#define LOG_MEAN_MAX 345
#define LOG_VARIANCE_MAX 690
/* A larger variance of log x is no longer told from this one by the prior; its square
 * relative to the mean's. */
#define SPREAD_MAX 50
#define RELATIVE_MAX 5.184705528587072e21
/* Halves are apart by this many deviations each, and that much narrower. */
#define CUT_DISTANCE 0.8
#define CUT_VARIANCE 0.4

static bool accepts(size_t categories, double x)
{
    (void)categories;
    return x > 0 && x < (double)INFINITY;
}

static struct field_value look(double x)
{
    const double y = special_log(x);
    return (struct field_value){{y}, -y * SPECIAL_LOG2_E - NORMALISER};
}

/* cache: mean, ROOT_BITS over the deviation, log2 of the deviation. */
static double density(const double *cache, const double *feature)
{
    const double z = (feature[0] - cache[0]) * cache[1];
    return -z * z - cache[2];
}

/* statistics: mean and variance of log x. */
static void gather(const struct factor *f, const double *cache,
                   const struct field_points *points, double *stats)
{
    const double *y = points->feature[0];
    double sum = 0, squares = 0;
    (void)f;
    (void)cache;
    for (size_t i = 0; i < points->n; i++) {
        sum += points->resp[i] * y[i];
    }
    stats[0] = sum / points->mass;
    for (size_t i = 0; i < points->n; i++) {
        squares += points->resp[i] * ((y[i] - stats[0]) * (y[i] - stats[0]));
    }
    stats[1] = squares / points->mass;
}

static void combine(double *stats, double share, const double *other)
{
    const double delta = other[0] - stats[0];
    stats[0] += share * delta;
    stats[1] =
        (1 - share) * stats[1] + share * other[1] + share * (1 - share) * delta * delta;
}

static double log_1_plus(double t)
{
    return t < 1e-8 ? t : special_log(1 + t);
}

static double exp_less_1(double t)
{
    return t < 1e-5 ? t * (1 + t / 2) : special_exp(t) - 1;
}

/* The floor of x as one of log x, at the median of the component; a component below the
 * step of the sensor has no use for it. */
static double floor_of(double vf, double log_median)
{
    const double relative = special_log(vf) - 2 * log_median;
    return vf > 0 ? log_1_plus(special_exp(fmin(relative, 0))) : 0;
}

static bool mstep(const struct factor *f, const double *stats, double n,
                  const struct field_prior *prior, double *param)
{
    const double total = n + prior->nu0, mean = prior->mean;
    const double relative = fmin(prior->s0 / mean / mean, RELATIVE_MAX);
    const double s0 = mean > 0 ? log_1_plus(relative) : 0;
    const double v =
        total > 0 ? n / total * stats[1] + prior->nu0 / total * s0 : stats[1];
    const double vf = floor_of(prior->vf, stats[0]);
    const double least = fmax(vf, VARIANCE_MIN * fmax(1, stats[0] * stats[0]));
    (void)f;
    param[0] = stats[0];
    param[1] = v >= least ? v : least;
    return !(v >= least);
}

static void invert(const struct factor *f, const double *param, double *stats)
{
    (void)f;
    stats[0] = param[0];
    stats[1] = param[1];
}

static bool prepare(const struct factor *f, const double *param, double *cache)
{
    const double sd = sqrt(param[1]);
    (void)f;
    cache[0] = param[0];
    cache[1] = ROOT_BITS / sd;
    cache[2] = special_log2(sd);
    return isfinite(param[0]) && param[1] > 0 && param[1] < (double)INFINITY;
}

static void cut(const struct factor *f, double side, bool is_nested, double *stats)
{
    (void)f;
    if (is_nested) {
        stats[1] *= 1 - side * 0.7;
        return;
    }
    stats[0] += side * CUT_DISTANCE * sqrt(stats[1]);
    stats[1] *= CUT_VARIANCE;
}

static void moments(const struct factor *f, const double *param, double *mean,
                    double *variance)
{
    const double v = param[1], log_mean = fmin(param[0] + v / 2, LOG_MEAN_MAX);
    const double log_relative = v > 1 ? v : special_log(exp_less_1(v));
    (void)f;
    *mean = special_exp(log_mean);
    *variance = special_exp(
        fmax(fmin(2 * log_mean + log_relative, LOG_VARIANCE_MAX), -LOG_VARIANCE_MAX));
}

static double spread(const double *param, double mean)
{
    return fmin(exp_less_1(fmin(param[1], SPREAD_MAX)) * mean * mean, FIELD_SPREAD_MAX);
}

static double sample(const struct factor *f, const double *param, struct rng *rng)
{
    (void)f;
    return special_exp(param[0] + sqrt(param[1]) * rng_normal(rng));
}

static void place(const struct factor *f, double x, double *columns)
{
    (void)f;
    columns[0] = special_log(x);
}

static const char *const names[] = {"log_mean", "log_variance", NULL};
static const struct field_form form = {.names = names,
                                       .n_stats = 2,
                                       .n_cache = 3,
                                       .n_features = 1,
                                       .accepts = accepts,
                                       .look = look,
                                       .density = density,
                                       .gather = gather,
                                       .combine = combine,
                                       .mstep = mstep,
                                       .invert = invert,
                                       .prepare = prepare,
                                       .cut = cut,
                                       .moments = moments,
                                       .spread = spread,
                                       .sample = sample,
                                       .place = place};

extern const struct family family_log_normal;
const struct family family_log_normal = FIELD_FAMILY("log-normal", MIX_LOG_NORMAL, &form);
