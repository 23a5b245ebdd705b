/* SPDX-License-Identifier: MIT */
#include "score.h"

#include <math.h>

#define PI 3.14159265358979323846
/* Width of the background in standard deviations of the field. */
#define BACKGROUND_WIDTH 3
/* log(e^a + e^b) equals a to the last bit when b is this far below. */
#define NEGLIGIBLE 40
/* Beyond this the square overflows and 1 + z^2 is z^2. */
#define Z_LARGE 1e100

struct background background_of(const struct scales *scales, double points)
{
    const double eps = 1 / (points + 1);
    struct background bg = {.scales = scales, .log_model = log1p(-eps), .log_eps = log(eps)};
    bg.log_peak = bg.log_eps;
    for (size_t d = 0; d < scales->dimensions; d++) {
        bg.log_peak -= log(PI * BACKGROUND_WIDTH * scales->sd[d]);
    }
    return bg;
}

/* log of the Cauchy density at x, nats. */
static double log_cauchy(double x, double location, double scale)
{
    const double z = fabs(x - location) / scale;
    const double tail = z < Z_LARGE ? log1p(z * z) : 2 * log(z);
    return -log(PI * scale) - tail;
}

static double log_add(double a, double b)
{
    const double high = fmax(a, b), low = fmin(a, b);
    return low == -HUGE_VAL ? high : high + log1p(exp(low - high));
}

/* stride: from one field of the point to the next. */
static double add_background(const struct background *bg, const double *x, size_t stride,
                             double log_density)
{
    const struct scales *scales = bg->scales;
    double log_bg = bg->log_eps;
    size_t observed = 0;
    for (size_t d = 0; d < scales->dimensions; d++) {
        const double value = x[d * stride];
        if (!isnan(value)) {
            log_bg += log_cauchy(value, scales->mean[d], BACKGROUND_WIDTH * scales->sd[d]);
            observed++;
        }
    }
    return observed == 0 ? (double)NAN : log_add(bg->log_model + log_density, log_bg);
}

double score_point(const struct background *bg, const double *x, double log_density)
{
    bool is_complete = true;
    for (size_t d = 0; d < bg->scales->dimensions; d++) {
        is_complete = is_complete && !isnan(x[d]);
    }
    /* Almost every point lies where the background is negligible even at its peak. */
    if (is_complete && bg->log_model + log_density - bg->log_peak > NEGLIGIBLE) {
        return bg->log_model + log_density;
    }
    return add_background(bg, x, 1, log_density);
}

void score_block(const struct background *bg, const struct block *block,
                 const double *log_density, double *score)
{
    for (size_t i = 0; i < block->n; i++) {
        const double own = bg->log_model + log_density[i];
        score[i] = !block->has_missing && own - bg->log_peak > NEGLIGIBLE
                       ? own
                       : add_background(bg, block->x + i, BLOCK_POINTS, log_density[i]);
    }
}
