/* SPDX-License-Identifier: MIT */
#include "em.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "noise.h"

/* Parts at most: threads beyond that find nothing to do. */
#define PARTS_MAX 16
/* Blocks of a part, at the least: what blending it costs is then little beside them. */
#define PART_BLOCKS 4
/* Doubles of the sums of all parts together, at the most. */
#define PARTS_VALUES ((size_t)1 << 19)

/* A run is compared with its rival if a pass gains less than so much of what the one
 * before it did. */
#define RACE_RATIO 0.8

/* What threads need: an E-step each, and the sums of every part. */
struct crewed {
    struct estep **esteps;
    struct sums *sums[PARTS_MAX];
};

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

/* Parts that sums of the shape may have. */
static size_t parts_max(const struct em *em)
{
    const size_t most = PARTS_VALUES / em->sums->n_values;
    return most < 1 ? 1 : most < PARTS_MAX ? most : PARTS_MAX;
}

static void crewed_destroy(struct crewed **crewed, size_t threads)
{
    if (*crewed == NULL) {
        return;
    }
    for (size_t t = 0; (*crewed)->esteps != NULL && t < threads; t++) {
        estep_destroy(&(*crewed)->esteps[t]);
    }
    for (size_t p = 0; p < PARTS_MAX; p++) {
        sums_destroy(&(*crewed)->sums[p]);
    }
    free((*crewed)->esteps);
    free(*crewed);
    *crewed = NULL;
}

bool em_share(struct em *em, const struct shape *shape,
              const struct mix_executor *executor)
{
    if (executor == NULL || executor->threads < 2) {
        return true;
    }
    em->executor = executor;
    em->crewed = calloc(1, sizeof(*em->crewed));
    if (em->crewed == NULL) {
        return false;
    }
    em->crewed->esteps = calloc(executor->threads, sizeof(struct estep *));
    bool is_good = em->crewed->esteps != NULL;
    for (size_t t = 0; is_good && t < executor->threads; t++) {
        em->crewed->esteps[t] = estep_new(shape);
        is_good = em->crewed->esteps[t] != NULL;
    }
    for (size_t p = 0; is_good && p < parts_max(em); p++) {
        em->crewed->sums[p] = sums_new(shape);
        is_good = em->crewed->sums[p] != NULL;
    }
    return is_good;
}

void em_destroy(struct em **em)
{
    if (*em != NULL) {
        crewed_destroy(&(*em)->crewed,
                       (*em)->executor == NULL ? 0 : (*em)->executor->threads);
        estep_destroy(&(*em)->estep);
        sums_destroy(&(*em)->sums);
        stats_destroy(&(*em)->stats);
        free(*em);
        *em = NULL;
    }
}

/* ---- A pass -------------------------------------------------------------------- */

static void begin_pass(struct em *em)
{
    em->block = em->part = 0;
    em->seen.weight = em->seen.log_likelihood = 0;
    em->seen.unscorable = 0;
    sums_clear(em->sums);
    for (size_t p = 0; em->crewed != NULL && p < em->parts; p++) {
        sums_clear(em->crewed->sums[p]);
    }
}

void em_start(struct em *em, const struct points *points, const struct prior *prior,
              struct mix_model *model, size_t max_passes, double tolerance)
{
    const size_t parts = points_blocks(points) / PART_BLOCKS;
    em->points = points;
    em->prior = prior;
    em->model = model;
    em->max_passes = max_passes;
    em->tolerance = tolerance;
    em->pass = 0;
    em->parts = parts < 1 ? 1 : parts < parts_max(em) ? parts : parts_max(em);
    em->rival = -HUGE_VAL;
    em->is_beaten = false;
    em->gain = 0;
    em->log_likelihood = (double)NAN;
    em->weight = 0;
    em->is_done = false;
    begin_pass(em);
}

void em_race(struct em *em, double rival, size_t passes)
{
    em->rival = rival;
    em->race_passes = passes;
}

static size_t part_begin(const struct em *em, size_t part)
{
    return part * points_blocks(em->points) / em->parts;
}

/* The next part goes into the statistics. */
static void take_part(struct em *em, const struct sums *sums)
{
    em->seen.weight += sums->weight;
    em->seen.log_likelihood += sums->log_likelihood;
    em->seen.unscorable += sums->unscorable;
    if (sums->weight > 0) {
        stats_blend(em->stats, em->model, sums, sums->weight / em->seen.weight);
    }
    em->part++;
}

/* The M-step. A model that it cannot make stays as it is. */
static bool step(struct em *em)
{
    return stats_mstep(em->stats, em->seen.weight, em->prior, em->model, NULL) == MIX_OK;
}

/* Whether the run, which has just gained so much after `before`, stays behind its rival.
 * Early passes, and gains that hardly fall, say nothing. */
static bool is_beaten(const struct em *em, double before)
{
    const double ratio = em->gain / before;
    if (em->pass < em->race_passes || !(ratio >= 0 && ratio < RACE_RATIO)) {
        return false;
    }
    return em->log_likelihood + em->gain * ratio / (1 - ratio) < em->rival;
}

/* Ends an E-step: stops here, with model and statistics belonging together, or goes on
 * with the M-step. */
static void end_pass(struct em *em)
{
    const double before = em->log_likelihood, gain = em->gain;
    em->weight = em->seen.weight;
    em->unscorable = em->seen.unscorable;
    em->log_likelihood =
        em->weight > 0 ? em->seen.log_likelihood / em->weight : -HUGE_VAL;
    em->gain = em->pass > 0 ? em->log_likelihood - before : 0;
    const bool has_converged =
        em->tolerance > 0 && em->pass > 0 && em->gain < em->tolerance;
    em->is_beaten = is_beaten(em, gain);
    if (has_converged || em->pass >= em->max_passes || em->weight == 0 || em->is_beaten) {
        em->is_done = true;
        return;
    }
    em->is_done = !step(em);
    em->pass++;
    begin_pass(em);
}

static void add_block(const struct em *em, struct estep *estep, struct sums *sums,
                      size_t j)
{
    const struct block *block = points_block(em->points, j);
    estep_run(estep, em->model, block);
    sums_add(sums, estep, em->model, block);
}

static void spend(uint64_t *budget, uint64_t cost)
{
    *budget = *budget > cost ? *budget - cost : 0;
}

/* One block. */
static void advance(struct em *em, uint64_t *budget)
{
    add_block(em, em->estep, em->sums, em->block);
    spend(budget, points_block(em->points, em->block)->n * em->model->shape.components);
    em->block++;
    if (em->block == part_begin(em, em->part + 1)) {
        take_part(em, em->sums);
        sums_clear(em->sums);
    }
}

/* ---- With threads -------------------------------------------------------------- */

/* Blocks [first, end) of every part that has so many. */
struct stretch {
    const struct em *em;
    size_t first, end;
};

static void run_stretch(void *argument, size_t part, size_t thread)
{
    const struct stretch *stretch = argument;
    const struct em *em = stretch->em;
    const size_t begin = part_begin(em, part), limit = part_begin(em, part + 1) - begin;
    for (size_t j = stretch->first; j < stretch->end && j < limit; j++) {
        add_block(em, em->crewed->esteps[thread], em->crewed->sums[part], begin + j);
    }
}

/* As many blocks of every part as the budget allows. */
static void advance_all(struct em *em, uint64_t *budget)
{
    const size_t blocks = points_blocks(em->points);
    const size_t longest = (blocks + em->parts - 1) / em->parts;
    const uint64_t cost = em->parts * BLOCK_POINTS * em->model->shape.components;
    const uint64_t wanted = *budget / cost + 1;
    const size_t left = longest - em->block;
    const size_t n = wanted < left ? (size_t)wanted : left;
    struct stretch stretch = {em, em->block, em->block + n};
    em->executor->run(em->executor, em->parts, run_stretch, &stretch);
    em->block += n;
    spend(budget, n * cost);
    while (em->block == longest && em->part < em->parts) {
        take_part(em, em->crewed->sums[em->part]);
    }
}

void em_run(struct em *em, uint64_t *budget)
{
    const bool is_shared = em->crewed != NULL && em->parts > 1;
    while (!em->is_done && *budget > 0) {
        if (em->part == em->parts || points_blocks(em->points) == 0) {
            end_pass(em);
            return;
        }
        if (is_shared) {
            advance_all(em, budget);
        } else {
            advance(em, budget);
        }
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
    begin_pass(em);
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
    take_part(em, em->sums);
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
