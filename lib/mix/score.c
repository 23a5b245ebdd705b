/* SPDX-License-Identifier: MIT */
#include "score.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "special.h"

#define PI 3.14159265358979323846
#define LOG2_E 1.44269504088896338700
/* Width of the background in standard deviations of the field. */
#define BACKGROUND_WIDTH 3
/* log(e^a + e^b) equals a to the last bit when b is this far below. */
#define NEGLIGIBLE 40
/* Below this, log(1 + t) is t - t^2/2 + t^3/3 to the last bit. */
#define SMALL 1e-4
/* Where the density is e^7 times the background at its peak, the background adds less
 * than e^-7 nats; an error of 1.1e-4 of that, 1e-7 nats, is small enough. */
#define CLEAR 7
/* A product of 1 + z^2 above this may be about to overflow. */
#define PRODUCT_LARGE 1e250
/* Beyond this the square overflows and 1 + z^2 is z^2. */
#define Z_LARGE 1e100

struct background background_of(const struct scales *scales, double points)
{
    const double eps = 1 / (points + 1);
    struct background bg = {
        .scales = scales, .log_model = special_log(1 - eps), .log_eps = special_log(eps)};
    bg.log_peak = bg.log_eps;
    for (size_t d = 0; d < scales->dimensions; d++) {
        bg.log_peak -= special_log(PI * BACKGROUND_WIDTH * scales->sd[d]);
    }
    return bg;
}

void background_leave_out(struct background *bg, const double *value)
{
    const struct scales *scales = bg->scales;
    bg->dormant = value;
    for (size_t d = 0; d < scales->dimensions; d++) {
        if (!isnan(value[d])) {
            bg->log_peak += special_log(PI * BACKGROUND_WIDTH * scales->sd[d]);
            bg->log_dormant -= special_log(2 * PI) / 2 + special_log(scales->floor[d]) / 2;
        }
    }
}

static bool is_left_out(const struct background *bg, size_t d)
{
    return bg->dormant != NULL && !isnan(bg->dormant[d]);
}

/* log of the Cauchy density at x, nats. */
static double log_cauchy(double x, double location, double scale)
{
    const double z = fabs(x - location) / scale;
    const double tail = z < Z_LARGE ? special_log(1 + z * z) : 2 * special_log(z);
    return -special_log(PI * scale) - tail;
}

/* log(e^a + e^b) */
static double log_add(double a, double b)
{
    const double high = a > b ? a : b, low = a > b ? b : a;
    if (!(high - low < NEGLIGIBLE)) {
        return high;
    }
    const double t = special_exp(low - high);
    return high + (t < SMALL ? t * (1 - t * (0.5 - t / 3)) : special_log(1 + t));
}

/* e^x for -700 < x <= 0 by 2^n times a cubic on (0, 1] that is exact at its ends; the
 * coefficients are those of the least largest relative error, 1.1e-4. */
static double rough_exp(double x)
{
    const double bits = x * LOG2_E;
    const int n = (int)bits - 1;
    const double f = bits - n;
    const double cubic = 1 + f * (0.6954 + f * (0.2264 + f * 0.0782));
    const uint64_t scale = (uint64_t)(n + 1023) << 52;
    double power;
    memcpy(&power, &scale, sizeof(power));
    return power * cubic;
}

/* log eps bg(x) field by field; NaN without any value. stride: from one field of the
 * point to the next. */
static double log_background(const struct background *bg, const double *x, size_t stride)
{
    const struct scales *scales = bg->scales;
    double log_bg = bg->log_eps;
    size_t observed = 0;
    for (size_t d = 0; d < scales->dimensions; d++) {
        const double value = x[d * stride];
        if (!isnan(value) && !is_left_out(bg, d)) {
            log_bg +=
                log_cauchy(value, scales->mean[d], BACKGROUND_WIDTH * scales->sd[d]);
            observed++;
        }
    }
    return observed == 0 ? (double)NAN : log_bg;
}

/* products[i] <- product over the fields of 1 + z^2, for all points of a block; NaN
 * where a value is missing, infinite where it overflows. */
static void multiply(const struct background *bg, const struct block *block,
                     double *products)
{
    const struct scales *scales = bg->scales;
    for (size_t i = 0; i < block->n; i++) {
        products[i] = 1;
    }
    for (size_t d = 0; d < scales->dimensions; d++) {
        if (is_left_out(bg, d)) {
            continue;
        }
        const double *x = block->x + d * BLOCK_POINTS;
        const double mean = scales->mean[d];
        const double inverse = 1 / (BACKGROUND_WIDTH * scales->sd[d]);
        for (size_t i = 0; i < block->n; i++) {
            const double z = (x[i] - mean) * inverse;
            products[i] *= 1 + z * z;
        }
    }
}

/* The score from the product of 1 + z^2, or field by field where there is none. */
static double score_one(const struct background *bg, const double *x, size_t stride,
                        double product, double log_density)
{
    const double own = bg->log_model + (log_density - bg->log_dormant);
    if (!(product < PRODUCT_LARGE)) {
        const double log_bg = log_background(bg, x, stride);
        return isnan(log_bg) ? log_bg : log_add(own, log_bg);
    }
    const double margin = own - bg->log_peak;
    if (margin > CLEAR) {
        const double t = margin < NEGLIGIBLE ? rough_exp(-margin) / product : 0;
        return own + t * (1 - t / 2);
    }
    return log_add(own, bg->log_peak - special_log(product));
}

double score_point(const struct background *bg, const double *x, double log_density)
{
    const struct scales *scales = bg->scales;
    double product = 1;
    for (size_t d = 0; d < scales->dimensions; d++) {
        if (!is_left_out(bg, d)) {
            const double z =
                (x[d] - scales->mean[d]) * (1 / (BACKGROUND_WIDTH * scales->sd[d]));
            product *= 1 + z * z;
        }
    }
    return score_one(bg, x, 1, product, log_density);
}

void score_block(const struct background *bg, const struct block *block,
                 const double *log_density, double *score)
{
    double products[BLOCK_POINTS];
    multiply(bg, block, products);
    for (size_t i = 0; i < block->n; i++) {
        score[i] = score_one(bg, block->x + i, BLOCK_POINTS, products[i], log_density[i]);
    }
}
