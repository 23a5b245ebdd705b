/* SPDX-License-Identifier: MIT */
#include "em.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "noise.h"

struct em *em_new(const struct shape *shape)
{
    struct em *em = calloc(1, sizeof(*em));
    if (em == NULL) {
        return NULL;
    }
    em->estep = estep_new(shape);
    em->sums = sums_new(shape);
    em->stats = stats_new(shape);
    if (em->estep == NULL || em->sums == NULL || em->stats == NULL) {
        em_destroy(&em);
    }
    return em;
}

void em_destroy(struct em **em)
{
    if (*em != NULL) {
        estep_destroy(&(*em)->estep);
        sums_destroy(&(*em)->sums);
        stats_destroy(&(*em)->stats);
        free(*em);
        *em = NULL;
    }
}

void em_start(struct em *em, const struct points *points, const struct prior *prior,
              struct mix_model *model, size_t max_passes, double tolerance)
{
    em->points = points;
    em->prior = prior;
    em->model = model;
    em->max_passes = max_passes;
    em->tolerance = tolerance;
    em->pass = 0;
    em->block = 0;
    em->log_likelihood = (double)NAN;
    em->weight = 0;
    em->is_done = false;
    sums_clear(em->sums);
}

/* Statistics replaced by those of the sums, and the M-step from them. A model that the
 * M-step cannot make stays as it is. */
static bool step(struct em *em)
{
    stats_blend(em->stats, em->model, em->sums, 1);
    return stats_mstep(em->stats, em->sums->weight, em->prior, em->model, NULL) == MIX_OK;
}

/* Ends an E-step: stops here, with model and statistics belonging together, or goes on
 * with the M-step. */
static void end_pass(struct em *em)
{
    const double before = em->log_likelihood;
    em->weight = em->sums->weight;
    em->log_likelihood =
        em->weight > 0 ? em->sums->log_likelihood / em->weight : -HUGE_VAL;
    const bool has_converged =
        em->tolerance > 0 && em->pass > 0 && em->log_likelihood - before < em->tolerance;
    if (has_converged || em->pass >= em->max_passes || em->weight == 0) {
        stats_blend(em->stats, em->model, em->sums, 1);
        em->is_done = true;
        return;
    }
    em->is_done = !step(em);
    em->pass++;
    em->block = 0;
    sums_clear(em->sums);
}

void em_run(struct em *em, uint64_t *budget)
{
    const uint64_t k = em->model->shape.components;
    while (!em->is_done && *budget > 0) {
        if (em->block == points_blocks(em->points)) {
            end_pass(em);
            return;
        }
        const struct block *block = points_block(em->points, em->block);
        estep_run(em->estep, em->model, block);
        sums_add(em->sums, em->estep, em->model, block);
        em->block++;
        const uint64_t cost = block->n * k;
        *budget = *budget > cost ? *budget - cost : 0;
    }
}

/* Every component has every point. */
static void share_block(const struct block *block, size_t components, double *resp)
{
    for (size_t k = 0; k < components; k++) {
        memcpy(resp + k * BLOCK_POINTS, block->weight, BLOCK_POINTS * sizeof(*resp));
    }
}

/* Noise has the points that k-means left out. */
static void leave_to_noise(struct estep *estep, const struct shape *shape,
                           const struct block *block)
{
    double *noise = estep->resp + shape->components * BLOCK_POINTS;
    memcpy(noise, block->weight, BLOCK_POINTS * sizeof(*noise));
    for (size_t k = 0; k < shape->components; k++) {
        for (size_t i = 0; i < BLOCK_POINTS; i++) {
            noise[i] = fmax(0, noise[i] - estep->resp[k * BLOCK_POINTS + i]);
        }
    }
}

/* One M-step with the hard responsibilities, sums about the means of the model. */
static void step_from_labels(struct em *em, const struct kmeans *kmeans)
{
    const struct shape *shape = &em->model->shape;
    struct estep *estep = em->estep;
    sums_clear(em->sums);
    for (size_t j = 0; j < points_blocks(em->points); j++) {
        const struct block *block = points_block(em->points, j);
        if (kmeans != NULL) {
            kmeans_responsibilities(kmeans, j, estep->resp);
        } else {
            share_block(block, shape->components, estep->resp);
        }
        if (shape->has_noise) {
            leave_to_noise(estep, shape, block);
        }
        memset(estep->log_density, 0, BLOCK_POINTS * sizeof(double));
        estep->log_likelihood = 0;
        estep->weight = 0;
        estep->unscorable = 0;
        for (size_t i = 0; i < block->n; i++) {
            estep->weight += block->weight[i];
        }
        sums_add(em->sums, estep, em->model, block);
    }
    step(em);
}

/* Noise has some weight to begin with: what is left out may be little or nothing. */
static void begin_noise(struct mix_model *model)
{
    const double found = model->noise->weights[0];
    if (found >= NOISE_START) {
        return;
    }
    for (size_t k = 0; k < model->shape.components; k++) {
        model->weights[k] *= (1 - NOISE_START) / (1 - found);
    }
    model->noise->weights[0] = NOISE_START;
    (void)model_prepare(model); /* it was one with other weights */
}

void em_from_kmeans(struct em *em, const struct kmeans *kmeans,
                    const struct points *points, const struct prior *prior,
                    struct mix_model *model)
{
    const struct shape *shape = &model->shape;
    em_start(em, points, prior, model, 0, 0);
    /* The M-step from no points at all gives components at the origin with the prior's
     * scale, for every family. Sums for such a model put missing entries at the origin;
     * a second round, for the model that the first one made, puts them where they
     * belong. */
    stats_clear(em->stats, shape);
    for (size_t k = 0; k < shape->components; k++) {
        em->stats->rho[k] = 1 / (double)shape->components;
    }
    if (stats_mstep(em->stats, 0, prior, model, NULL) != MIX_OK) {
        return;
    }
    step_from_labels(em, kmeans);
    step_from_labels(em, kmeans);
    if (shape->has_noise) {
        begin_noise(model);
    }
}
