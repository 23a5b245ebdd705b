/* SPDX-License-Identifier: MIT */
#include "batches.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernel.h"

/* Below this a variance of batches is mostly chance. */
#define BATCHES_MIN 8
/* Independent points that the stream must be worth at least. */
#define POINTS_MIN 30
/* Neighbouring batches that agree more than this depend on each other: they are shorter
 * than what they are to measure. The mean over p numbers of m batches each has a
 * deviation of about 1 / sqrt(m p) by chance, of which three are allowed where p is
 * small. */
#define CORRELATION_MAX 0.35
#define CORRELATION_ERRORS 3
/* Information about a component that must be there. With less the rest of J matters: four
 * components 3 sd apart are 2.4 times as far off as reported without this limit, 1.2
 * times with it. */
#define CERTAINTY_MIN 0.8
/* Points of a block whose responsibilities are looked at: enough for a mean. */
#define LOOK_POINTS 64

struct batches *batches_new(struct mix_model *scratch)
{
    const struct shape *shape = &scratch->shape;
    struct batches *batches = calloc(1, sizeof(*batches));
    if (batches == NULL) {
        return NULL;
    }
    const size_t k = shape->components, d = shape->dimensions;
    batches->weight = calloc(BATCHES_MAX * (1 + k + k * d) + 2 * k, sizeof(double));
    batches->open = stats_new(shape);
    batches->scratch = scratch;
    if (batches->weight == NULL || batches->open == NULL) {
        batches_destroy(&batches);
        return NULL;
    }
    batches->share = batches->weight + BATCHES_MAX;
    batches->mean = batches->share + BATCHES_MAX * k;
    batches->mass = batches->mean + BATCHES_MAX * k * d;
    batches->squares = batches->mass + k;
    batches_clear(batches);
    return batches;
}

void batches_destroy(struct batches **batches)
{
    if (*batches != NULL) {
        free((*batches)->weight);
        stats_destroy(&(*batches)->open);
        free(*batches);
        *batches = NULL;
    }
}

void batches_clear(struct batches *batches)
{
    batches->n = 0;
    batches->length = 1;
    batches->blocks = 0;
    batches->open_weight = 0;
    stats_clear(batches->open, &batches->scratch->shape);
    memset(batches->mass, 0, 2 * batches->scratch->shape.components * sizeof(double));
}

/* Sum of w (r / w)^2 over n points, r being responsibility times weight w. */
static double weighted_squares(const double *resp, const double *weight, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += weight[i] > 0 ? resp[i] * (resp[i] / weight[i]) : 0;
    }
    return sum;
}

void batches_look(const struct estep *estep, const struct shape *shape,
                  const struct block *block, double *look)
{
    const struct kernel *kernel = kernel_current();
    const size_t n = block->n < LOOK_POINTS ? block->n : LOOK_POINTS;
    const size_t groups = (n + KERNEL_GROUP - 1) / KERNEL_GROUP;
    const size_t k_all = shape->components;
    kernel->mass(estep->resp, k_all, groups, look);
    if (!block->is_weighted) {
        kernel->squares(estep->resp, k_all, groups, look + k_all);
        return;
    }
    for (size_t k = 0; k < k_all; k++) {
        look[k_all + k] =
            weighted_squares(estep->resp + k * BLOCK_POINTS, block->weight, n);
    }
}

void batches_take(struct batches *batches, const double *look)
{
    const size_t k_all = batches->scratch->shape.components;
    for (size_t k = 0; k < k_all; k++) {
        batches->mass[k] += look[k];
        batches->squares[k] += look[k_all + k];
    }
}

/* Weighted mean of a and b, exact where they are equal. */
static double between(double a, double b, double share_of_b)
{
    return a + share_of_b * (b - a);
}

/* Batch `to` <- batches a and b together. */
static void join(struct batches *batches, size_t to, size_t a, size_t b)
{
    const size_t k_all = batches->scratch->shape.components;
    const size_t dims = batches->scratch->shape.dimensions;
    const double weight_a = batches->weight[a], weight_b = batches->weight[b];
    const double weight = weight_a + weight_b;
    for (size_t k = 0; k < k_all; k++) {
        const double mass_a = weight_a * batches->share[a * k_all + k];
        const double mass_b = weight_b * batches->share[b * k_all + k];
        const double part = mass_a + mass_b > 0 ? mass_b / (mass_a + mass_b) : 0.5;
        const double *mean_a = batches->mean + (a * k_all + k) * dims;
        const double *mean_b = batches->mean + (b * k_all + k) * dims;
        double *mean = batches->mean + (to * k_all + k) * dims;
        for (size_t d = 0; d < dims; d++) {
            mean[d] = between(mean_a[d], mean_b[d], part);
        }
        batches->share[to * k_all + k] = (mass_a + mass_b) / weight;
    }
    batches->weight[to] = weight;
}

/* The open batch is complete. */
static void complete(struct batches *batches, const struct prior *prior)
{
    const size_t k_all = batches->scratch->shape.components;
    const size_t dims = batches->scratch->shape.dimensions;
    const size_t at = batches->n++;
    double variance[MIX_DIMENSIONS_MAX];
    /* Only its means are asked for, so it does not matter if it is no density. */
    (void)stats_mstep(batches->open, batches->open_weight, prior, batches->scratch, NULL);
    memcpy(batches->share + at * k_all, batches->scratch->weights,
           k_all * sizeof(double));
    for (size_t k = 0; k < k_all; k++) {
        mix_model_component(batches->scratch, k, batches->mean + (at * k_all + k) * dims,
                            variance);
    }
    batches->weight[at] = batches->open_weight;
    stats_clear(batches->open, &batches->scratch->shape);
    batches->blocks = 0;
    batches->open_weight = 0;
    if (batches->n == BATCHES_MAX) {
        for (size_t j = 0; j < BATCHES_MAX / 2; j++) {
            join(batches, j, 2 * j, 2 * j + 1);
        }
        batches->n = BATCHES_MAX / 2;
        batches->length *= 2;
    }
}

void batches_add(struct batches *batches, const struct mix_model *model,
                 const struct sums *sums, const struct prior *prior)
{
    if (!(sums->weight > 0)) {
        return;
    }
    batches->open_weight += sums->weight;
    stats_blend(batches->open, model, sums, sums->weight / batches->open_weight);
    if (++batches->blocks == batches->length) {
        complete(batches, prior);
    }
}

/* ---- Errors -------------------------------------------------------------- */

/* One number of the model as the batches have it: value j with the part u_j of all. */
struct series {
    size_t n;
    double value[BATCHES_MAX], part[BATCHES_MAX];
};

/* Sums over all numbers of the model. */
struct dependence {
    double lagged; /* of correlations of neighbouring batches */
    double ratio;  /* of variances to those of independent points */
    size_t n;      /* numbers */
};

/* Variance of the mean of a series; adds what its residues tell. independent: the
 * variance if the points were. */
static double judge(const struct series *series, double independent,
                    struct dependence *sum)
{
    const double m = (double)series->n;
    double residue[BATCHES_MAX], mean = 0, own = 0, lagged = 0;
    for (size_t j = 0; j < series->n; j++) {
        mean += series->part[j] * (series->value[j] - series->value[0]);
    }
    for (size_t j = 0; j < series->n; j++) {
        residue[j] = series->part[j] * (series->value[j] - series->value[0] - mean);
        own += residue[j] * residue[j];
        lagged += j > 0 ? residue[j] * residue[j - 1] : 0;
    }
    const double variance = own * m / (m - 1);
    if (own > 0 && independent > 0) {
        sum->lagged += lagged / own;
        sum->ratio += variance / independent;
        sum->n++;
    }
    return variance;
}

static double total_weight(const struct batches *batches)
{
    double sum = 0;
    for (size_t j = 0; j < batches->n; j++) {
        sum += batches->weight[j];
    }
    return sum;
}

/* Parts of the batches in all of component k, by its mass or, for its weight, by theirs.
 */
static void set_parts(const struct batches *batches, size_t k, bool by_mass,
                      struct series *series)
{
    const size_t k_all = batches->scratch->shape.components;
    double sum = 0;
    for (size_t j = 0; j < batches->n; j++) {
        series->part[j] =
            batches->weight[j] * (by_mass ? batches->share[j * k_all + k] : 1);
        sum += series->part[j];
    }
    for (size_t j = 0; j < batches->n; j++) {
        series->part[j] = sum > 0 ? series->part[j] / sum : 0;
    }
}

/* Variances of the share and the means of component k; scale: what the model's are of
 * those of the mean of the batches. */
static void judge_component(const struct batches *batches, const struct mix_model *model,
                            size_t k, double scale, double *errors, double *share_error,
                            struct dependence *sum)
{
    const size_t k_all = model->shape.components, dims = model->shape.dimensions;
    const double total = total_weight(batches), w = model->weights[k];
    double mean[MIX_DIMENSIONS_MAX], variance[MIX_DIMENSIONS_MAX];
    struct series series = {.n = batches->n};
    mix_model_component(model, k, mean, variance);
    set_parts(batches, k, false, &series);
    for (size_t j = 0; j < batches->n; j++) {
        series.value[j] = batches->share[j * k_all + k];
    }
    *share_error = sqrt(scale * judge(&series, w * (1 - w) / total, sum));
    set_parts(batches, k, true, &series);
    for (size_t d = 0; d < dims; d++) {
        for (size_t j = 0; j < batches->n; j++) {
            series.value[j] = batches->mean[(j * k_all + k) * dims + d];
        }
        errors[d] = sqrt(scale * judge(&series, variance[d] / (w * total), sum));
    }
}

bool batches_errors(const struct batches *batches, const struct mix_model *model,
                    double points, double *means, double *weights)
{
    const double scale = total_weight(batches) / points;
    struct dependence sum = {0};
    if (batches->n < BATCHES_MIN || !(points > 0)) {
        return false;
    }
    for (size_t k = 0; k < model->shape.components; k++) {
        const double c =
            batches->mass[k] > 0 ? batches->squares[k] / batches->mass[k] : 0;
        if (!(c >= CERTAINTY_MIN)) {
            return false;
        }
        judge_component(batches, model, k, scale / (c * c),
                        means + k * model->shape.dimensions, &weights[k], &sum);
    }
    if (sum.n == 0) { /* nothing varies */
        return true;
    }
    const double chance = CORRELATION_ERRORS / sqrt((double)(batches->n * sum.n));
    return sum.lagged <= fmax(CORRELATION_MAX, chance) * (double)sum.n &&
           points * (double)sum.n >= POINTS_MIN * sum.ratio;
}
