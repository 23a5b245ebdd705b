/* SPDX-License-Identifier: MIT
 *
 * The driver of the E-step: weights and logsumexp; densities come from the families. */
#include "estep.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernel.h"

#define LN_2 0.69314718055994530942
#define ALIGNMENT 64 /* of a cache line and of the widest vectors */

/* Blocks of doubles that the scratch of an E-step consists of. */
static size_t estep_size(const struct shape *shape)
{
    return (shape->components + 5) * BLOCK_POINTS + shape->scratch_size +
           shape->components;
}

struct estep *estep_new(const struct shape *shape)
{
    struct estep *estep = calloc(1, sizeof(*estep));
    const size_t bytes = estep_size(shape) * sizeof(double);
    if (estep == NULL) {
        return NULL;
    }
    estep->resp =
        aligned_alloc(ALIGNMENT, (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
    if (estep->resp == NULL) {
        free(estep);
        return NULL;
    }
    memset(estep->resp, 0, bytes);
    estep->log_density = estep->resp + shape->components * BLOCK_POINTS;
    estep->high = estep->log_density + BLOCK_POINTS;
    estep->sum = estep->high + BLOCK_POINTS;
    estep->point_weight = estep->sum + BLOCK_POINTS;
    estep->work.kernel = kernel_current();
    estep->work.offset = estep->point_weight + BLOCK_POINTS;
    estep->work.scratch = estep->work.offset + BLOCK_POINTS;
    estep->mass = estep->work.scratch + shape->scratch_size;
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

static size_t groups_of(const struct block *block)
{
    return (block->n + KERNEL_GROUP - 1) / KERNEL_GROUP;
}

/* Whether the densities of points differ by more than what is in their logarithms. */
static bool has_offset(const struct mix_model *model, const struct block *block)
{
    return block->has_missing || model->shape.has_offset;
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

/* l_ik in bits, without what is common to the components of a block; returns that. */
static double densities(struct estep *estep, const struct mix_model *model,
                        const struct block *block)
{
    const double *param = model->param, *cache = model->cache;
    double common = 0;
    if (has_offset(model, block)) {
        memset(estep->work.offset, 0, BLOCK_POINTS * sizeof(double));
    }
    for (size_t j = 0; j < model->shape.n_factors; j++) {
        const struct factor *f = &model->shape.factors[j];
        const double *base = j == 0 ? model->log2_weights : NULL;
        common += f->family->log_density(f, param, cache, &estep->work, block, base,
                                         estep->resp);
        param += f->family->param_size(f);
        cache += f->family->cache_size(f);
    }
    return common;
}

static struct kernel_normalise normalise(struct estep *estep, size_t components,
                                         const struct block *block)
{
    const size_t groups = groups_of(block);
    struct kernel_normalise job = {.components = components,
                                   .groups = groups,
                                   .resp = estep->resp,
                                   .weight = block->weight,
                                   .high = estep->high,
                                   .sum = estep->sum};
    if (block->has_missing) {
        memcpy(estep->point_weight, block->weight, BLOCK_POINTS * sizeof(double));
        for (size_t i = 0; i < block->n; i++) {
            estep->point_weight[i] = is_empty(block, i) ? 0 : estep->point_weight[i];
        }
        job.weight = estep->point_weight;
    }
    estep->work.kernel->normalise(&job);
    /* The kernels ran over whole groups; past them nothing was written. */
    for (size_t k = 0; groups * KERNEL_GROUP < BLOCK_POINTS && k < components; k++) {
        memset(estep->resp + k * BLOCK_POINTS + groups * KERNEL_GROUP, 0,
               (BLOCK_POINTS - groups * KERNEL_GROUP) * sizeof(double));
    }
    return job;
}

/* log_density in nats, from high and sum. */
static void score(struct estep *estep, const struct mix_model *model,
                  const struct block *block, double common)
{
    const bool is_offset = has_offset(model, block);
    const struct kernel_logs job = {.groups = groups_of(block),
                                    .high = estep->high,
                                    .sum = estep->sum,
                                    .common = common,
                                    .offset = is_offset ? estep->work.offset : NULL,
                                    .out = estep->log_density};
    estep->work.kernel->log_density(&job);
    for (size_t i = 0; block->has_missing && i < block->n; i++) {
        if (is_empty(block, i)) {
            estep->log_density[i] = (double)NAN;
        }
    }
}

/* Log-likelihood and counts from log_density, where points differ in weight. */
static void total(struct estep *estep, const struct block *block)
{
    estep->log_likelihood = estep->weight = 0;
    estep->unscorable = 0;
    for (size_t i = 0; i < block->n; i++) {
        const double l = estep->log_density[i];
        if (!(l > -(double)INFINITY)) {
            estep->unscorable++;
            continue;
        }
        estep->log_likelihood += block->weight[i] * l;
        estep->weight += block->weight[i];
    }
}

static void run(struct estep *estep, const struct mix_model *model,
                const struct block *block, bool is_scored)
{
    const double common = densities(estep, model, block);
    const struct kernel_normalise job = normalise(estep, model->shape.components, block);
    const bool is_plain = !block->is_weighted && !has_offset(model, block);
    if (is_scored || !is_plain) {
        score(estep, model, block, common);
    }
    if (!is_plain) {
        total(estep, block);
        return;
    }
    estep->log_likelihood = (job.bits + common * job.count) * LN_2;
    estep->weight = job.count;
    estep->unscorable = block->n - (size_t)job.count;
}

void estep_run(struct estep *estep, const struct mix_model *model,
               const struct block *block)
{
    run(estep, model, block, false);
}

void estep_score(struct estep *estep, const struct mix_model *model,
                 const struct block *block)
{
    run(estep, model, block, true);
}

void estep_density(struct estep *estep, const struct mix_model *model,
                   const struct block *block)
{
    const double common = densities(estep, model, block);
    const struct kernel_normalise job = {.components = model->shape.components,
                                         .groups = groups_of(block),
                                         .resp = estep->resp,
                                         .high = estep->high,
                                         .sum = estep->sum};
    estep->work.kernel->log_sum(&job);
    score(estep, model, block, common);
}

void estep_joint(struct estep *estep, const struct mix_model *model,
                 const struct block *block)
{
    const double common = densities(estep, model, block);
    const bool is_offset = has_offset(model, block);
    for (size_t k = 0; k < model->shape.components; k++) {
        double *l = estep->resp + k * BLOCK_POINTS;
        for (size_t i = 0; i < block->n; i++) {
            l[i] = (l[i] + (common + (is_offset ? estep->work.offset[i] : 0))) * LN_2;
        }
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

void sums_add(struct sums *sums, const struct estep *estep, const struct mix_model *model,
              const struct block *block)
{
    const double *param = model->param, *cache = model->cache;
    double *values = sums->values;
    const size_t components = model->shape.components;
    const size_t groups = groups_of(block);
    estep->work.kernel->mass(estep->resp, components, groups, estep->mass);
    for (size_t k = 0; k < components; k++) {
        sums->mass[k] += estep->mass[k];
    }
    for (size_t j = 0; j < model->shape.n_factors; j++) {
        const struct factor *f = &model->shape.factors[j];
        f->family->accumulate(f, param, cache, &estep->work, block, estep->resp, values);
        param += f->family->param_size(f);
        cache += f->family->cache_size(f);
        values += f->family->sums_size(f);
    }
    sums->weight += estep->weight;
    sums->log_likelihood += estep->log_likelihood;
    sums->points += block->n - estep->unscorable;
    sums->unscorable += estep->unscorable;
}
