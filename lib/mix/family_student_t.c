/* SPDX-License-Identifier: MIT
 *
 * Numbers with heavy tails: Student's t with location, scale s and nu degrees of freedom,
 * a gaussian whose precision differs by point. EM has the expected precision u of each
 * point and of its logarithm l beside the responsibilities:
 *
 *     u = (nu + 1) / (nu + z^2),   l = digamma((nu + 1) / 2) - log((nu + z^2) / 2),
 *     location = sum r u x / sum r u,   s^2 = sum r u (x - location)^2 / sum r,
 *     log(nu / 2) - digamma(nu / 2) = -1 - sum r (l - u) / sum r
 *
 * C. Liu and D. B. Rubin, ML estimation of the t distribution using EM and its
 * extensions, ECM and ECME, Statistica Sinica 5 (1995) 19-39. */
#include <math.h>

#include "field.h"
#include "special.h"

/* Below, the middle is nearly a point; above, it is a gaussian to four digits. */
#define NU_MIN 0.5
#define NU_MAX 1000
/* What the prior of nu0 points knows of the degrees of freedom. */
#define NU_PRIOR 10
/* A t of 2 degrees of freedom or fewer has no variance: that of this many is told. */
#define NU_MOMENTS 2.1
#define LOG_SQRT_PI 0.57236494292470008707
/* Beyond this z^2 overflows and 1 + z^2 is z^2. */
#define Z_LARGE 1e100

/* The last: digamma((nu + 1) / 2) - log(nu / 2). */
enum { LOCATION, INVERSE, NU, BASE, EXPECTED, N_CACHE };
/* statistics: u, location, scatter, l - u. */
enum { WEIGHT, MEAN, SCATTER, LOG, N_STATS };

static bool accepts(size_t categories, double x)
{
    (void)categories;
    return isfinite(x);
}

static struct field_value look(double x)
{
    return (struct field_value){{x}, 0};
}

/* log(1 + z^2 / nu). */
static double log_tail(double z, double nu)
{
    const double size = fabs(z);
    return size < Z_LARGE ? special_log(1 + z * z / nu)
                          : 2 * special_log(size) - special_log(nu);
}

static double density(const double *cache, const double *feature)
{
    const double z = (feature[0] - cache[LOCATION]) * cache[INVERSE], nu = cache[NU];
    return (cache[BASE] - (nu + 1) / 2 * log_tail(z, nu)) * SPECIAL_LOG2_E;
}

/* Expected precision, and of its logarithm less itself. */
static double precision(const double *cache, double x, double *log_less)
{
    const double z = (x - cache[LOCATION]) * cache[INVERSE], nu = cache[NU];
    const double u = fabs(z) < Z_LARGE ? (nu + 1) / (nu + z * z) : 0;
    *log_less = cache[EXPECTED] - log_tail(z, nu) - u;
    return u;
}

static void gather(const struct factor *f, const double *cache,
                   const struct field_points *points, double *stats)
{
    const double *x = points->feature[0];
    double weight[BLOCK_POINTS], shift = 0, scatter = 0, log_less;
    (void)f;
    stats[WEIGHT] = stats[LOG] = 0;
    for (size_t i = 0; i < points->n; i++) {
        weight[i] = points->resp[i] * precision(cache, x[i], &log_less);
        stats[WEIGHT] += weight[i];
        stats[LOG] += points->resp[i] * log_less;
        shift += weight[i] * (x[i] - cache[LOCATION]);
    }
    stats[MEAN] = cache[LOCATION] + (stats[WEIGHT] > 0 ? shift / stats[WEIGHT] : 0);
    for (size_t i = 0; i < points->n; i++) {
        const double d = weight[i] > 0 ? x[i] - stats[MEAN] : 0;
        scatter += weight[i] * d * d;
    }
    stats[SCATTER] = scatter / points->mass;
    stats[WEIGHT] /= points->mass;
    stats[LOG] /= points->mass;
}

static void combine(double *stats, double share, const double *other)
{
    const double kept = (1 - share) * stats[WEIGHT], come = share * other[WEIGHT];
    const double part = kept + come > 0 ? come / (kept + come) : share;
    const double delta = other[MEAN] - stats[MEAN];
    stats[WEIGHT] = kept + come;
    stats[MEAN] += part * delta;
    stats[SCATTER] = (1 - share) * stats[SCATTER] + share * other[SCATTER] +
                     kept * part * delta * delta;
    stats[LOG] += share * (other[LOG] - stats[LOG]);
}

static double find_nu(const double *stats, double n, const struct field_prior *prior)
{
    const double total = n + prior->nu0;
    if (!(total > 0)) {
        return NU_MAX;
    }
    const double g = n / total * (-1 - stats[LOG]) +
                     prior->nu0 / total * special_digamma_gap(NU_PRIOR / 2.0);
    return fmax(fmin(2 * special_inverse_gap(g), NU_MAX), NU_MIN);
}

static bool mstep(const struct factor *f, const double *stats, double n,
                  const struct field_prior *prior, double *param)
{
    const double total = n + prior->nu0;
    const double v = total > 0
                         ? n / total * stats[SCATTER] + prior->nu0 / total * prior->s0
                         : prior->s0;
    const double least = fmax(prior->vf, 1e-280);
    (void)f;
    param[0] = n > 0 ? stats[MEAN] : prior->mean;
    param[1] = sqrt(v >= least ? v : least);
    param[2] = find_nu(stats, n, prior);
    return !(v >= least);
}

static void invert(const struct factor *f, const double *param, double *stats)
{
    (void)f;
    stats[WEIGHT] = 1;
    stats[MEAN] = param[0];
    stats[SCATTER] = param[1] * param[1];
    stats[LOG] = -1 - special_digamma_gap(param[2] / 2);
}

/* log Gamma((nu + 1) / 2) - log Gamma(nu / 2) by the rests of Stirling's series, which
 * cancel better than the gammas. */
static double log_gamma_ratio(double nu)
{
    const double a = nu / 2, b = a + 0.5;
    return (b - 0.5) * special_log(b) - (a - 0.5) * special_log(a) - 0.5 +
           special_binet(b) - special_binet(a);
}

static bool prepare(const struct factor *f, const double *param, double *cache)
{
    const double scale = param[1], nu = param[2];
    const bool is_good = isfinite(param[0]) && scale > 0 && scale < (double)INFINITY &&
                         nu > 0 && nu <= 1e6;
    (void)f;
    if (!is_good) {
        return false;
    }
    cache[LOCATION] = param[0];
    cache[INVERSE] = 1 / scale;
    cache[NU] = nu;
    cache[BASE] =
        log_gamma_ratio(nu) - 0.5 * special_log(nu) - LOG_SQRT_PI - special_log(scale);
    cache[EXPECTED] = special_log((nu + 1) / nu) - special_digamma_gap((nu + 1) / 2);
    return true;
}

static void cut(const struct factor *f, double side, bool is_nested, double *stats)
{
    (void)f;
    if (is_nested) {
        stats[SCATTER] *= 1 - side * 0.7;
        return;
    }
    stats[MEAN] += side * 0.8 * sqrt(stats[SCATTER]);
    stats[SCATTER] *= 0.4;
}

static void moments(const struct factor *f, const double *param, double *mean,
                    double *variance)
{
    const double nu = fmax(param[2], NU_MOMENTS);
    (void)f;
    *mean = param[0];
    *variance = fmin(param[1] * param[1] * (nu / (nu - 2)), FIELD_SPREAD_MAX);
}

static double spread(const double *param, double mean)
{
    (void)mean;
    return param[1] * param[1];
}

static double sample(const struct factor *f, const double *param, struct rng *rng)
{
    const double z = rng_normal(rng), nu = param[2];
    (void)f;
    return param[0] + param[1] * z * sqrt(nu / (2 * field_draw_gamma(nu / 2, rng)));
}

static const char *const names[] = {"location", "scale", "degrees_of_freedom", NULL};
static const struct field_form form = {.names = names,
                                       .n_stats = N_STATS,
                                       .n_cache = N_CACHE,
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
                                       .sample = sample};

extern const struct family family_student_t;
const struct family family_student_t = FIELD_FAMILY("student-t", MIX_STUDENT_T, &form);
