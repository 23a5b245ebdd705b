/* SPDX-License-Identifier: MIT
 *
 * Positive numbers with shape a and mean m, a times the scale. With D(y) = y - 1 - log y
 *
 *     log f(x) = -log x + log(a / 2 pi) / 2 - b(a) - a D(x / m)
 *
 * (b: the rest of Stirling's series), which keeps its digits however narrow the
 * component. Statistics are m and the gap g = log m - mean log x, the mean of D(x / m);
 * the shape that fits is the a with log a - digamma(a) = g. They do not depend on units.
 */
#include <float.h>
#include <math.h>

#include "field.h"
#include "special.h"

/* The smallest mean, where nothing is known. */
#define MEAN_MIN 1e-280
/* Shapes beyond this are points, below it one value in a hundred is above 1e-9 m. */
#define SHAPE_MAX 1e30
#define SHAPE_MIN 1e-3
#define VARIANCE_MIN 1e-300

static bool accepts(size_t categories, double x)
{
    (void)categories;
    return x > 0 && x < (double)INFINITY;
}

static struct field_value look(double x)
{
    const double y = special_log(x);
    return (struct field_value){{x, y}, -y * SPECIAL_LOG2_E};
}

/* D(x / m). */
static double deviance(double x, double log_x, double m, double log_m)
{
    const double y = x / m;
    return y > 0.75 && y < 1.375 ? special_deviance(y) : y - 1 - (log_x - log_m);
}

/* cache: m, log m, a, the rest in nats. */
static double density(const double *cache, const double *feature)
{
    const double d = deviance(feature[0], feature[1], cache[0], cache[1]);
    return (cache[3] - cache[2] * d) * SPECIAL_LOG2_E;
}

static void gather(const struct factor *f, const double *cache,
                   const struct field_points *points, double *stats)
{
    const double *x = points->feature[0], *y = points->feature[1];
    double sum = 0, gap = 0;
    (void)f;
    (void)cache;
    for (size_t i = 0; i < points->n; i++) {
        sum += points->resp[i] * x[i];
    }
    stats[0] = fmax(sum / points->mass, MEAN_MIN);
    const double log_m = special_log(stats[0]);
    for (size_t i = 0; i < points->n; i++) {
        if (points->resp[i] > 0) {
            gap += points->resp[i] * deviance(x[i], y[i], stats[0], log_m);
        }
    }
    stats[1] = gap / points->mass;
}

/* What the points of a part add to the gap of the whole, whose mean is m. Without a share
 * nothing, however far its mean is. */
static double gap_of(double share, const double *part, double m)
{
    const double apart =
        deviance(part[0], special_log(part[0]), m, special_log(m));
    return share > 0 ? share * (part[1] + apart) : 0;
}

static void combine(double *stats, double share, const double *other)
{
    const double m = (1 - share) * stats[0] + share * other[0];
    stats[1] = gap_of(1 - share, stats, m) + gap_of(share, other, m);
    stats[0] = m;
}

static bool mstep(const struct factor *f, const double *stats, double n,
                  const struct field_prior *prior, double *param)
{
    const double m = fmax(field_pulled(stats[0], n, prior), MEAN_MIN);
    const double total = n + prior->nu0;
    const double relative = prior->mean > 0 ? prior->s0 / prior->mean / prior->mean : 1;
    const double g0 = special_digamma_gap(fmax(1 / relative, SHAPE_MIN));
    const double g =
        total > 0 ? n / total * stats[1] + prior->nu0 / total * g0 : stats[1];
    /* The variance m^2 / a has its floor; a component below the step of the sensor has no
     * use for it. */
    const double most = fmin(prior->vf > 0 ? m / prior->vf * m : SHAPE_MAX, SHAPE_MAX);
    const double found = special_inverse_gap(g);
    const double a = fmax(fmin(found, fmax(most, 1)), SHAPE_MIN);
    (void)f;
    param[0] = a;
    param[1] = m / a;
    return a != found;
}

static void invert(const struct factor *f, const double *param, double *stats)
{
    (void)f;
    stats[0] = param[0] * param[1];
    stats[1] = special_digamma_gap(param[0]);
}

static bool prepare(const struct factor *f, const double *param, double *cache)
{
    const double a = param[0], m = param[0] * param[1];
    (void)f;
    cache[0] = m;
    cache[1] = special_log(m);
    cache[2] = a;
    cache[3] = 0.5 * special_log(a / (2 * SPECIAL_PI)) - special_binet(a);
    return a >= SHAPE_MIN / 2 && a < (double)INFINITY && param[1] > 0 && m > 0 &&
           m < (double)INFINITY;
}

/* Apart by most of a deviation each, and neither below 0. */
static void cut(const struct factor *f, double side, bool is_nested, double *stats)
{
    (void)f;
    if (is_nested) {
        stats[1] *= 1 - side * 0.7;
        return;
    }
    stats[0] *= 1 + side * 0.8 * fmin(sqrt(2 * stats[1]), 1);
    stats[1] *= 0.4;
}

static void moments(const struct factor *f, const double *param, double *mean,
                    double *variance)
{
    (void)f;
    *mean = param[0] * param[1];
    *variance = fmin(fmax(*mean * param[1], VARIANCE_MIN), FIELD_SPREAD_MAX);
}

static double spread(const double *param, double mean)
{
    return fmin(mean / param[0] * mean, FIELD_SPREAD_MAX);
}

/* G. Marsaglia and W. W. Tsang, A simple method for generating gamma variables, ACM
 * Transactions on Mathematical Software 26 (2000) 363-372. */
double field_draw_gamma(double a, struct rng *rng)
{
    const double d = (a < 1 ? a + 1 : a) - 1.0 / 3, c = 1 / sqrt(9 * d);
    double v, x, scale = 1;
    if (a < 1) {
        scale = special_exp(special_log(rng_uniform(rng)) / a);
    }
    do {
        x = rng_normal(rng);
        v = (1 + c * x) * (1 + c * x) * (1 + c * x);
    } while (!(v > 0) || special_log(rng_uniform(rng)) >=
                             0.5 * x * x + d - d * v + d * special_log(v));
    return d * v * scale;
}

static double sample(const struct factor *f, const double *param, struct rng *rng)
{
    (void)f;
    const double x = field_draw_gamma(param[0], rng) * param[1];
    return x > 0 ? x : DBL_MIN; /* with a tiny shape it underflows */
}

static void place(const struct factor *f, double x, double *columns)
{
    (void)f;
    columns[0] = special_log(x);
}

static const char *const names[] = {"shape", "scale", NULL};
static const struct field_form form = {.names = names,
                                       .n_stats = 2,
                                       .n_cache = 4,
                                       .n_features = 2,
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

extern const struct family family_gamma;
const struct family family_gamma = FIELD_FAMILY("gamma", MIX_GAMMA, &form);
