/* SPDX-License-Identifier: MIT
 *
 * The driver of the E-step: weights and logsumexp; densities come from the families. */
#include "estep.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "special.h"

struct estep *estep_new(const struct shape *shape)
{
    struct estep *estep = calloc(1, sizeof(*estep));
    if (estep == NULL) {
        return NULL;
    }
    const size_t k = shape->components;
    estep->resp = calloc((k + 1) * BLOCK_POINTS + k, sizeof(double));
    if (estep->resp == NULL) {
        free(estep);
        return NULL;
    }
    estep->log_density = estep->resp + k * BLOCK_POINTS;
    estep->mass = estep->log_density + BLOCK_POINTS;
    return estep;
}

void estep_destroy(struct estep **estep)
{
    if (*estep != NULL) {
        free((*estep)->resp);
        free(*estep);
        *estep = NULL;
    }
}

static bool is_empty(const struct block *block, size_t i)
{
    for (size_t d = 0; d < block->dimensions; d++) {
        if (block->x[d * BLOCK_POINTS + i] == block->x[d * BLOCK_POINTS + i]) {
            return false;
        }
    }
    return true;
}

/* resp of point i from its l_ik; returns l_i. */
static double normalise(struct estep *estep, size_t components, size_t i, double weight)
{
    double *l = estep->resp + i;
    double high = -(double)INFINITY, sum = 0;
    for (size_t k = 0; k < components; k++) {
        high = fmax(high, l[k * BLOCK_POINTS]);
    }
    if (!(high > -(double)INFINITY)) {
        for (size_t k = 0; k < components; k++) {
            l[k * BLOCK_POINTS] = 0;
        }
        return -(double)INFINITY;
    }
    for (size_t k = 0; k < components; k++) {
        l[k * BLOCK_POINTS] = special_exp(l[k * BLOCK_POINTS] - high);
        sum += l[k * BLOCK_POINTS];
    }
    const double scale = weight / sum;
    for (size_t k = 0; k < components; k++) {
        l[k * BLOCK_POINTS] *= scale;
    }
    return high + special_log(sum);
}

void estep_run(struct estep *estep, const struct mix_model *model,
               const struct block *block)
{
    const size_t components = model->shape.components;
    const double *param = model->param, *cache = model->cache;
    for (size_t k = 0; k < components; k++) {
        for (size_t i = 0; i < BLOCK_POINTS; i++) {
            estep->resp[k * BLOCK_POINTS + i] = model->log_weights[k];
        }
    }
    for (size_t j = 0; j < model->shape.n_factors; j++) {
        const struct factor *f = &model->shape.factors[j];
        f->family->log_density(f, param, cache, block, estep->resp);
        param += f->family->param_size(f);
        cache += f->family->cache_size(f);
    }
    for (size_t i = 0; i < block->n; i++) {
        const bool no_value = block->has_missing && is_empty(block, i);
        const double l = normalise(estep, components, i, no_value ? 0 : block->weight[i]);
        estep->log_density[i] = no_value ? (double)NAN : l;
    }
    cache = model->cache;
    for (size_t j = 0; j < model->shape.n_factors; j++) {
        const struct factor *f = &model->shape.factors[j];
        f->family->log_common(f, cache, block, estep->log_density);
        cache += f->family->cache_size(f);
    }
    estep->log_likelihood = estep->weight = 0;
    estep->unscorable = 0;
    for (size_t i = 0; i < block->n; i++) {
        const double l = estep->log_density[i], weight = block->weight[i];
        if (!(l > -(double)INFINITY)) {
            estep->unscorable++;
            continue;
        }
        estep->log_likelihood += weight * l;
        estep->weight += weight;
    }
    for (size_t k = 0; k < components; k++) {
        memset(estep->resp + k * BLOCK_POINTS + block->n, 0,
               (BLOCK_POINTS - block->n) * sizeof(double));
    }
}

struct sums *sums_new(const struct shape *shape)
{
    struct sums *sums = calloc(1, sizeof(*sums));
    if (sums == NULL) {
        return NULL;
    }
    sums->mass = calloc(shape->components + shape->sums_size, sizeof(double));
    if (sums->mass == NULL) {
        free(sums);
        return NULL;
    }
    sums->values = sums->mass + shape->components;
    sums->n_values = shape->components + shape->sums_size;
    return sums;
}

void sums_destroy(struct sums **sums)
{
    if (*sums != NULL) {
        free((*sums)->mass);
        free(*sums);
        *sums = NULL;
    }
}

void sums_clear(struct sums *sums)
{
    memset(sums->mass, 0, sums->n_values * sizeof(double));
    sums->weight = sums->log_likelihood = 0;
    sums->points = sums->unscorable = 0;
}

/* Sum of one component's responsibilities, in the fixed order of all block sums. */
static double sum_block(const double *r)
{
    double sum[8] = {0};
    for (size_t i = 0; i < BLOCK_POINTS; i += 8) {
        for (size_t lane = 0; lane < 8; lane++) {
            sum[lane] += r[i + lane];
        }
    }
    return ((sum[0] + sum[4]) + (sum[2] + sum[6])) +
           ((sum[1] + sum[5]) + (sum[3] + sum[7]));
}

void sums_add(struct sums *sums, const struct estep *estep, const struct mix_model *model,
              const struct block *block)
{
    const size_t components = model->shape.components;
    const double *param = model->param;
    double *values = sums->values;
    for (size_t k = 0; k < components; k++) {
        estep->mass[k] = sum_block(estep->resp + k * BLOCK_POINTS);
    }
    for (size_t j = 0; j < model->shape.n_factors; j++) {
        const struct factor *f = &model->shape.factors[j];
        f->family->accumulate(f, param, block, estep->resp, sums->mass, estep->mass,
                              values);
        param += f->family->param_size(f);
        values += f->family->sums_size(f);
    }
    for (size_t k = 0; k < components; k++) {
        sums->mass[k] += estep->mass[k];
    }
    sums->weight += estep->weight;
    sums->log_likelihood += estep->log_likelihood;
    sums->points += block->n - estep->unscorable;
    sums->unscorable += estep->unscorable;
}
