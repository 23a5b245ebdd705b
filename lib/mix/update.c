/* SPDX-License-Identifier: MIT
 *
 * One block of stepwise EM: score the points with the published model before they are
 * learned, take their statistics with the fast model, blend them into both averages,
 * and make the next models. Cappe and Moulines 2009, equations 8 and 9, in the centred
 * form of stats.c.
 */
#include <math.h>

#include "learner.h"
#include "score.h"

/* Points after which a score counts half in the tail. */
#define TAIL_HALF_LIFE 4096

/* Scores the points of a block with the model that has not seen them. */
static void score_points(struct mix_learner *learner, const struct block *block)
{
    double score[BLOCK_POINTS];
    const struct background background = background_of(learner->scales, learner->pace.na);
    estep_score(learner->estep, learner->model, block);
    score_block(&background, block, learner->estep->log_density, score);
    for (size_t i = 0; i < block->n; i++) {
        if (isnan(score[i])) {
            continue;
        }
        const double weight = block->weight[i];
        learner->score_weight += weight;
        learner->mean_score +=
            weight / learner->score_weight * (score[i] - learner->mean_score);
        tail_add(&learner->tail, score[i], weight);
    }
    tail_fade(&learner->tail, exp2(-(double)block->n / TAIL_HALF_LIFE));
}

/* Keeps a block of the warm-up for the next fit; points without a density wait for it. */
static void remember(struct mix_learner *learner, const struct block *block)
{
    const size_t dims = learner->shape.dimensions;
    for (size_t i = 0; i < block->n; i++) {
        double x[MIX_DIMENSIONS_MAX];
        for (size_t d = 0; d < dims; d++) {
            x[d] = block->x[d * BLOCK_POINTS + i];
        }
        const struct mix_rows row = {.x = x,
                                     .n = 1,
                                     .stride = dims,
                                     .weight = &block->weight[i],
                                     .time = &block->time[i]};
        points_append(learner->memory, &row, 0, 1);
    }
}

static bool all_finite(const double *values, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += fabs(values[i]);
    }
    return isfinite(sum);
}

/* Sums that overflowed (values near 1e150 with large weights) must not reach the
 * statistics: the block is then learned by nobody, and counted. */
static void drop_overflow(struct mix_learner *learner)
{
    struct sums *sums = learner->sums;
    if (!all_finite(sums->mass, learner->shape.components) ||
        !all_finite(sums->values, learner->shape.sums_size)) {
        const uint64_t lost = sums->points + sums->unscorable;
        sums_clear(sums);
        sums->unscorable = lost;
    }
}

void learner_step(struct mix_learner *learner, double fast_points, double slow_points)
{
    const struct prior prior = prior_of(learner->scales);
    size_t floored = 0;
    /* A model that cannot be made leaves the one that is there. */
    if (stats_mstep(learner->fast, fast_points, &prior, learner->fast_model, NULL) !=
            MIX_OK ||
        stats_mstep(learner->slow, slow_points, &prior, learner->model, &floored) !=
            MIX_OK) {
        return;
    }
    learner->floored = floored;
    learner->counts.updates++;
}

static void count(struct mix_learner *learner)
{
    struct counts *counts = &learner->counts;
    const struct sums *sums = learner->sums;
    counts->learned += sums->points;
    counts->points += sums->points;
    if (learner->is_warm) {
        counts->unscorable += sums->unscorable;
    } else {
        counts->deferred += sums->unscorable;
    }
}

void learner_update(struct mix_learner *learner)
{
    struct sums *sums = learner->sums;
    sums_clear(sums);
    for (size_t j = 0; j < points_blocks(learner->open); j++) {
        const struct block *block = points_block(learner->open, j);
        score_points(learner, block);
        estep_run(learner->estep, learner->fast_model, block);
        sums_add(sums, learner->estep, learner->fast_model, block);
        if (!learner->is_warm) {
            remember(learner, block);
        }
    }
    points_clear(learner->open);
    drop_overflow(learner);
    count(learner);
    if (!(sums->weight > 0)) {
        return;
    }
    const struct steps steps =
        pace_step(&learner->pace, &learner->options, learner->is_warm, sums->weight);
    stats_blend(learner->fast, learner->fast_model, sums, steps.fast);
    stats_blend(learner->slow, learner->fast_model, sums, steps.slow);
    learner_step(learner, steps.fast_points, steps.slow_points);
}
