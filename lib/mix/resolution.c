/* SPDX-License-Identifier: MIT */
#include "resolution.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "field.h"
#include "special.h"

/* The floor relative to the spread of the field: a safety net only, far below what any
 * sensor resolves. */
#define FLOOR_RELATIVE 1e-12
/* Rounding of the inputs themselves, in units in the last place of the median. */
#define FLOOR_ROUNDING (4 * DBL_EPSILON)
/* Keeps 1 / variance and its square root in range. */
#define FLOOR_ABSOLUTE 1e-280
/* Gaps below this part of the values on both sides are rounding, not steps of a sensor. A
 * larger part would hide the steps of data far from the origin: at an offset of 1e9
 * standard deviations, 1e-9 leaves only the gaps between clusters. And were it a part of
 * the largest value of all, a single freak of 1e38 would leave only its own gap. */
#define GAP_RELATIVE (16 * DBL_EPSILON)
/* Interquartile range of a normal distribution in standard deviations. */
#define NORMAL_IQR 1.349
#define LOG_2 0.69314718055994530942
#define ARRAYS 9
/* The prior of a variance relative to the robust one of the field. A component that holds
 * a freak may be 1e20 times as wide; the prior made of that would smear all others. One
 * that is too narrow does nothing. */
#define PRIOR_RATIO_MAX 4
/* How far the mean, which is that of the prior, may be from the median, in robust standard
 * deviations. One is usual; a single freak takes it any distance along. */
#define MEAN_DISTANCE_MAX 10
/* Share of the points beyond each end of what noise covers: a freak value is no end. */
#define BEYOND 0.001

struct scales *scales_new(size_t dimensions)
{
    struct scales *scales = malloc(sizeof(*scales));
    double *all = calloc(ARRAYS * dimensions, sizeof(*all));
    if (scales == NULL || all == NULL) {
        free(scales);
        free(all);
        return NULL;
    }
    scales->dimensions = dimensions;
    scales->median = all;
    scales->mean = all + dimensions;
    scales->sd = all + 2 * dimensions;
    scales->variance = all + 3 * dimensions;
    scales->step = all + 4 * dimensions;
    scales->floor = all + 5 * dimensions;
    scales->s0 = all + 6 * dimensions;
    scales->low = all + 7 * dimensions;
    scales->high = all + 8 * dimensions;
    return scales;
}

void scales_destroy(struct scales **scales)
{
    if (*scales != NULL) {
        free((*scales)->median);
        free(*scales);
        *scales = NULL;
    }
}

void scales_assign(struct scales *dst, const struct scales *src)
{
    memcpy(dst->median, src->median, ARRAYS * src->dimensions * sizeof(double));
}

/* Copies the values of field d that are not missing; returns how many. */
static size_t collect(const struct points *points, size_t d, struct weighted *out)
{
    size_t n = 0;
    for (size_t j = 0; j < points_blocks(points); j++) {
        const struct block *block = points_block(points, j);
        const double *x = block->x + d * BLOCK_POINTS;
        for (size_t i = 0; i < block->n; i++) {
            if (!isnan(x[i])) {
                out[n].value = x[i];
                out[n].weight = block->weight[i];
                n++;
            }
        }
    }
    return n;
}

/* The smallest value with at least the share p of the weight at or below it. */
static double quantile(const struct weighted *sorted, size_t n, double total, double p)
{
    double below = 0;
    for (size_t i = 0; i < n; i++) {
        below += sorted[i].weight;
        if (below >= p * total) {
            return sorted[i].value;
        }
    }
    return sorted[n - 1].value;
}

/* Median of the gaps between neighbouring distinct values. The minimum would fail on
 * rates divided by a jittered interval. Overwrites the scratch. */
static double median_gap(struct weighted *sorted, size_t n, struct weighted *scratch)
{
    size_t gaps = 0;
    double below = sorted[0].value;
    for (size_t i = 1; i < n; i++) {
        const double above = sorted[i].value, gap = above - below;
        if (gap > GAP_RELATIVE * fmax(fabs(below), fabs(above))) {
            sorted[gaps++].value = gap;
        }
        below = above;
    }
    if (gaps == 0) {
        return 0;
    }
    sort_values(sorted, gaps, scratch);
    return sorted[gaps / 2].value;
}

/* vf_d of the head of resolution.h. */
static double floor_of(double variance, double median, double step)
{
    const double rounding = FLOOR_ROUNDING * median;
    double vf = fmax(FLOOR_RELATIVE * variance, rounding * rounding);
    vf = fmax(vf, step * step / 12);
    return fmax(vf, FLOOR_ABSOLUTE);
}

static void set_field(struct scales *scales, size_t d, double variance, double robust)
{
    const double vf = floor_of(robust, scales->median[d], scales->step[d]);
    scales->floor[d] = vf;
    scales->variance[d] = fmax(robust, vf);
    scales->sd[d] = sqrt(fmax(variance, vf));
}

void scales_measure(struct scales *scales, const struct points *points, size_t d,
                    double given, struct weighted *scratch)
{
    const size_t n = collect(points, d, scratch);
    double total = 0, sum = 0, squares = 0;
    scales->median[d] = scales->mean[d] = scales->step[d] = 0;
    scales->low[d] = scales->high[d] = 0;
    if (n == 0) { /* a field without a value yet: any scale will do */
        scales->step[d] = isnan(given) ? 0 : given;
        set_field(scales, d, 1, 1);
        return;
    }
    sort_values(scratch, n, scratch + n);
    for (size_t i = 0; i < n; i++) {
        total += scratch[i].weight;
    }
    const double median = quantile(scratch, n, total, 0.5);
    const double iqr =
        quantile(scratch, n, total, 0.75) - quantile(scratch, n, total, 0.25);
    for (size_t i = 0; i < n; i++) {
        sum += scratch[i].weight / total * (scratch[i].value - median);
    }
    for (size_t i = 0; i < n; i++) {
        const double c = scratch[i].value - median - sum;
        squares += scratch[i].weight / total * (c * c);
    }
    const double from_iqr = (iqr / NORMAL_IQR) * (iqr / NORMAL_IQR);
    scales->low[d] = quantile(scratch, n, total, BEYOND);
    scales->high[d] = quantile(scratch, n, total, 1 - BEYOND);
    const double robust = iqr > 0 ? fmin(squares, from_iqr) : squares;
    const double farthest = MEAN_DISTANCE_MAX * sqrt(robust);
    scales->median[d] = median;
    scales->mean[d] = median + fmin(fmax(sum, -farthest), farthest);
    scales->step[d] = isnan(given) ? median_gap(scratch, n, scratch + n) : given;
    set_field(scales, d, squares, robust);
}

void scales_first_prior(struct scales *scales, size_t components)
{
    const double shrink =
        special_exp(special_log((double)components) * 2 / (double)scales->dimensions);
    for (size_t d = 0; d < scales->dimensions; d++) {
        scales->s0[d] = fmax(scales->variance[d] / shrink, scales->floor[d]);
    }
}

double scales_known_step(const struct mix_options *options, size_t d)
{
    const struct field_form *form = family_of(mix_options_family(options, d))->form;
    if (options->resolution != NULL) {
        return options->resolution[d];
    }
    return form != NULL && form->is_discrete ? 1 : (double)NAN;
}

void scales_of_model(struct scales *scales, const struct mix_model *model,
                     const struct mix_options *options)
{
    const size_t dims = model->shape.dimensions, components = model->shape.components;
    const double share = 1 - model_noise_weight(model); /* of the components */
    double mean[MIX_DIMENSIONS_MAX], variance[MIX_DIMENSIONS_MAX];
    double total[MIX_DIMENSIONS_MAX] = {0};
    memset(scales->mean, 0, dims * sizeof(double));
    for (size_t k = 0; k < components; k++) {
        mix_model_component(model, k, mean, variance);
        for (size_t d = 0; d < dims; d++) {
            scales->mean[d] += model->weights[k] / share * mean[d];
        }
    }
    for (size_t k = 0; k < components; k++) {
        mix_model_component(model, k, mean, variance);
        for (size_t d = 0; d < dims; d++) {
            const double c = mean[d] - scales->mean[d];
            total[d] += model->weights[k] / share * (variance[d] + c * c);
        }
    }
    for (size_t d = 0; d < dims; d++) {
        scales->median[d] = scales->mean[d];
        const double step = options == NULL ? (double)NAN : scales_known_step(options, d);
        scales->step[d] = isnan(step) ? 0 : step;
        set_field(scales, d, total[d], total[d]);
        scales->s0[d] = scales->variance[d];
    }
    scales_update_prior(scales, model);
}

/* log(a / b) for positive numbers whose quotient may overflow; the same bits when both
 * are multiplied by a power of two. */
static double log_ratio(double a, double b)
{
    int exponent_a, exponent_b;
    const double fraction = frexp(a, &exponent_a) / frexp(b, &exponent_b);
    return log(fraction) + LOG_2 * (exponent_a - exponent_b);
}

double scales_update_prior(struct scales *scales, const struct mix_model *model)
{
    const double share = 1 - model_noise_weight(model);
    double variance[MIX_DIMENSIONS_MAX];
    double mean_log[MIX_DIMENSIONS_MAX] = {0}, change = 0;
    for (size_t k = 0; k < model->shape.components; k++) {
        model_spread(model, k, scales->mean, variance);
        for (size_t d = 0; d < scales->dimensions && model->weights[k] > 0; d++) {
            /* About v_d, so that a change of units by a power of two changes no bit. */
            mean_log[d] +=
                model->weights[k] * log_ratio(variance[d], scales->variance[d]);
        }
    }
    for (size_t d = 0; d < scales->dimensions; d++) {
        const double root = exp(mean_log[d] / share / 2); /* its square may overflow */
        const double ratio = fmin(root * root, PRIOR_RATIO_MAX);
        const double s0 = fmax(scales->variance[d] * ratio, scales->floor[d]);
        change = fmax(change, fabs(log_ratio(s0, scales->s0[d])));
        scales->s0[d] = s0;
    }
    return change;
}
