/* SPDX-License-Identifier: MIT */
#include "score.h"

#include <math.h>

#include "kernel.h"
#include "special.h"
#include "tail.h"

#define PI 3.14159265358979323846
#define LN_2 0.69314718055994530942
/* Width of the background in standard deviations of the field. */
#define BACKGROUND_WIDTH 3
/* log(e^a + e^b) equals a to the last bit when b is this far below. */
#define NEGLIGIBLE 40
/* Below this, log(1 + t) is t - t^2/2 + t^3/3 to the last bit. */
#define SMALL 1e-4
/* Beyond this the square overflows and 1 + z^2 is z^2. */
#define Z_LARGE 1e100

struct background background_of(const struct scales *scales, double points)
{
    const double eps = 1 / (points + 1);
    struct background bg = {
        .scales = scales, .log_model = special_log(1 - eps), .log_eps = special_log(eps)};
    /* One logarithm for all fields: mantissas are multiplied, exponents added. */
    double mantissa = 1;
    int exponents = 0;
    for (size_t d = 0; d < scales->dimensions; d++) {
        int exponent;
        mantissa *= special_split(PI * BACKGROUND_WIDTH * scales->sd[d], &exponent);
        exponents += exponent;
    }
    bg.log_peak = bg.log_eps - special_log(mantissa) - exponents * LN_2;
    return bg;
}

void background_share_width(struct background *bg)
{
    const struct scales *scales = bg->scales;
    double largest = 0, squares = 0;
    for (size_t d = 0; d < scales->dimensions; d++) {
        largest = fmax(largest, scales->sd[d]);
    }
    for (size_t d = 0; d < scales->dimensions; d++) {
        const double ratio = scales->sd[d] / largest; /* its square cannot overflow */
        squares += ratio * ratio;
    }
    const double n = (double)scales->dimensions;
    bg->shared_sd = largest * sqrt(squares / n);
    bg->log_peak = bg->log_eps - n * special_log(PI * BACKGROUND_WIDTH * bg->shared_sd);
}

static double width_of(const struct background *bg, size_t d)
{
    return BACKGROUND_WIDTH * (bg->shared_sd > 0 ? bg->shared_sd : bg->scales->sd[d]);
}

void background_leave_out(struct background *bg, const double *value)
{
    const struct scales *scales = bg->scales;
    bg->dormant = value;
    for (size_t d = 0; d < scales->dimensions; d++) {
        if (!isnan(value[d])) {
            bg->log_peak += special_log(PI * BACKGROUND_WIDTH * scales->sd[d]);
            bg->log_dormant -=
                special_log(2 * PI) / 2 + special_log(scales->floor[d]) / 2;
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
            log_bg += log_cauchy(value, scales->mean[d], width_of(bg, d));
            observed++;
        }
    }
    return observed == 0 ? (double)NAN : log_bg;
}

static double score_one(const struct background *bg, const double *x, size_t stride,
                        double log_density)
{
    const double log_bg = log_background(bg, x, stride);
    const double own = bg->log_model + (log_density - bg->log_dormant);
    return isnan(log_bg) ? log_bg : log_add(own, log_bg);
}

double score_point(const struct background *bg, const double *x, double log_density)
{
    return score_one(bg, x, 1, log_density);
}

static void include(struct block_score *scores, size_t bin)
{
    scores->first = bin < scores->first ? bin : scores->first;
    scores->end = bin >= scores->end ? bin + 1 : scores->end;
}

/* What the kernel left: points with missing values or very far out. */
static void score_rest(const struct background *bg, const struct block *block,
                       const double *log_density, double reference,
                       struct block_score *out)
{
    for (size_t i = 0; i < block->n; i++) {
        if (out->bin[i] >= 0) {
            continue;
        }
        const double score = score_one(bg, block->x + i, BLOCK_POINTS, log_density[i]);
        if (!isnan(score)) {
            out->score[i] = score;
            out->bin[i] = (int64_t)tail_bin(reference, score);
            out->sum += block->weight[i] * score;
            out->mass += block->weight[i];
            include(out, (size_t)out->bin[i]);
        }
    }
}

void score_block(const struct background *bg, const struct block *block,
                 const double *log_density, double reference, struct block_score *out)
{
    const struct scales *scales = bg->scales;
    double inverse[MIX_DIMENSIONS_MAX];
    struct kernel_score job = {.dims = scales->dimensions,
                               .groups = (block->n + KERNEL_GROUP - 1) / KERNEL_GROUP,
                               .x = block->x,
                               .weight = block->weight,
                               .mean = scales->mean,
                               .inverse = inverse,
                               .log_model = (bg->log_model - bg->log_dormant) / LN_2,
                               .log_peak = bg->log_peak / LN_2,
                               .reference = reference,
                               .log_density = log_density,
                               .score = out->score,
                               .bin = out->bin};
    for (size_t d = 0; d < scales->dimensions; d++) {
        /* A field that is left out has z = 0. */
        inverse[d] = is_left_out(bg, d) ? 0 : 1 / width_of(bg, d);
    }
    kernel_current()->score(&job);
    out->sum = job.sum;
    out->mass = job.mass;
    out->first = TAIL_BINS;
    out->end = 0;
    if (job.lowest <= job.highest) {
        include(out, tail_bin(reference, job.lowest));
        include(out, tail_bin(reference, job.highest));
    }
    if (job.has_rest) {
        score_rest(bg, block, log_density, reference, out);
    }
}
