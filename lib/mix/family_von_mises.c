/* SPDX-License-Identifier: MIT
 *
 * Angles in radians, whole turns left out: with direction mu and concentration kappa
 *
 *     log f(x) = -kappa (1 - cos(x - mu)) - log(2 pi e^-kappa I0(kappa)),
 *     1 - cos(x - mu) = |(cos x, sin x) - (cos mu, sin mu)|^2 / 2
 *
 * (K. V. Mardia and P. E. Jupp, Directional Statistics, 2000, section 3.5.4). What counts
 * as the variance of an angle is v = 2 (1 - R) with R the length of the mean of (cos x,
 * sin x); it is 1 / kappa where that is large. */
#include <math.h>

#include "field.h"
#include "special.h"

/* R is a mean of numbers near 1: a smaller v would be its rounding. */
#define VARIANCE_MIN 1e-12

static bool accepts(size_t categories, double x)
{
    (void)categories;
    return isfinite(x);
}

static struct field_value look(double x)
{
    struct field_value value = {{0}, 0};
    special_sincos(x, &value.feature[1], &value.feature[0]);
    return value;
}

/* cache: cos mu, sin mu, kappa / 2 and the rest in bits. */
static double density(const double *cache, const double *feature)
{
    const double c = feature[0] - cache[0], s = feature[1] - cache[1];
    return cache[3] - cache[2] * (c * c + s * s);
}

/* The kappa of v = 2 (1 - I1 / I0). */
static double concentration(double v)
{
    return special_inverse_bessel(1 - v / 2);
}

/* statistics: means of cos x and sin x. */
static bool mstep(const struct factor *f, const double *stats, double n,
                  const struct field_prior *prior, double *param)
{
    const double length = fmin(sqrt(stats[0] * stats[0] + stats[1] * stats[1]), 1);
    const double total = n + prior->nu0, s0 = fmin(prior->s0, 2), own = 2 * (1 - length);
    const double v = total > 0 ? n / total * own + prior->nu0 / total * s0 : own;
    const double least = fmax(prior->vf, VARIANCE_MIN);
    (void)f;
    param[0] = n > 0 ? special_atan2(stats[1], stats[0]) : prior->mean;
    param[1] = concentration(fmin(fmax(v, least), 2));
    return v < least;
}

static void invert(const struct factor *f, const double *param, double *stats)
{
    const double length = special_bessel_ratio(param[1]);
    (void)f;
    special_sincos(param[0], &stats[1], &stats[0]);
    stats[0] *= length;
    stats[1] *= length;
}

static bool prepare(const struct factor *f, const double *param, double *cache)
{
    (void)f;
    special_sincos(param[0], &cache[1], &cache[0]);
    cache[2] = param[1] / 2 * SPECIAL_LOG2_E;
    cache[3] = -special_log2(2 * SPECIAL_PI) - special_log_i0(param[1]) * SPECIAL_LOG2_E;
    return isfinite(param[0]) && param[1] >= 0 && param[1] < (double)INFINITY;
}

/* Turned to either side, longer so that the mean of both is what it was. */
static void cut(const struct factor *f, double side, bool is_nested, double *stats)
{
    const double c = stats[0], s = stats[1], length = fmin(sqrt(c * c + s * s), 1);
    double sine, cosine;
    (void)f;
    special_sincos((is_nested ? 0.4 : 0.8) * sqrt(2 * (1 - length)), &sine, &cosine);
    const double tangent = side * sine / cosine;
    stats[0] = c - s * tangent;
    stats[1] = s + c * tangent;
}

static void moments(const struct factor *f, const double *param, double *mean,
                    double *variance)
{
    (void)f;
    *mean = param[0];
    *variance = fmax(2 * (1 - special_bessel_ratio(param[1])), VARIANCE_MIN);
}

/* D. J. Best and N. I. Fisher, Efficient simulation of the von Mises distribution,
 * Applied Statistics 28 (1979) 152-157. */
static double sample(const struct factor *f, const double *param, struct rng *rng)
{
    const double kappa = param[1], tau = 1 + sqrt(1 + 4 * kappa * kappa);
    const double rho = (tau - sqrt(2 * tau)) / (2 * kappa);
    const double r = (1 + rho * rho) / (2 * rho);
    (void)f;
    if (kappa < 1e-6) { /* uniform to the digits that a draw can show */
        return (2 * rng_uniform(rng) - 1) * SPECIAL_PI;
    }
    for (;;) {
        double sine, z;
        special_sincos(SPECIAL_PI * rng_uniform(rng), &sine, &z);
        const double cosine = (1 + r * z) / (r + z), c = kappa * (r - cosine);
        const double u = rng_uniform(rng);
        if (c * (2 - c) > u || special_log(c / u) + 1 - c >= 0) {
            const double side = rng_uniform(rng) < 0.5 ? -1 : 1;
            const double angle =
                special_atan2(side * sqrt(fmax(1 - cosine * cosine, 0)), cosine);
            special_sincos(param[0] + angle, &sine, &z);
            return special_atan2(sine, z);
        }
    }
}

static size_t columns(const struct factor *f)
{
    (void)f;
    return 2;
}

static void place(const struct factor *f, double x, double *out)
{
    (void)f;
    special_sincos(x, &out[1], &out[0]);
}

static const char *const names[] = {"mean", "concentration", NULL};
static const struct field_form form = {.names = names,
                                       .n_stats = 2,
                                       .n_cache = 4,
                                       .n_features = 2,
                                       .accepts = accepts,
                                       .look = look,
                                       .density = density,
                                       .mstep = mstep,
                                       .invert = invert,
                                       .prepare = prepare,
                                       .cut = cut,
                                       .moments = moments,
                                       .sample = sample,
                                       .columns = columns,
                                       .place = place,
                                       .keeps_scale = true};

extern const struct family family_von_mises;
const struct family family_von_mises = FIELD_FAMILY("von-mises", MIX_VON_MISES, &form);
