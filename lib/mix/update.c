/* SPDX-License-Identifier: MIT
 *
 * One block of stepwise EM: score the points with the fast model before they are learned,
 * take their statistics with it, blend them into the averages, and make the next models.
 * Cappe and Moulines 2009, equations 8 and 9, in the centred form of stats.c.
 */
#include <float.h>
#include <math.h>

#include "kernel.h"
#include "learner.h"
#include "special.h"

/* Points after which a score counts half in the tail. */
#define TAIL_HALF_LIFE 4096
#define LN_2 0.69314718055994530942
/* An M-step of as much, a component counting (D + 2)^2, is worth a thread: about a
 * microsecond. */
#define MSTEP_UNITS 512
/* Blocks of BLOCK_POINTS in the largest open block. */
#define PARTS_MAX 256

/* What the scores of the past count beside those of this block: half after 4096 points,
 * or as the model forgets where that is asked for. */
static double faded(const struct mix_options *options, double n, double kept)
{
    if (options->half_life > 0) {
        return kept;
    }
    const double memory =
        options->window > 0 ? LN_2 * (double)options->window : TAIL_HALF_LIFE;
    return special_exp(-LN_2 * n / memory);
}

static bool all_finite(const double *values, size_t n)
{
    return kernel_current()->within(values, n, DBL_MAX);
}

/* Sums that overflowed (values near 1e150 with large weights) must not reach the
 * statistics: the block is then learned by nobody, and counted. */
static void drop_overflow(const struct mix_learner *learner)
{
    struct sums *sums = learner->sums;
    if (!all_finite(sums->mass, learner->slow_model->shape.components) ||
        !all_finite(sums->values, learner->slow_model->shape.sums_size)) {
        const uint64_t lost = sums->points + sums->unscorable;
        sums_clear(sums);
        sums->unscorable = lost;
    }
}

/* Variances at their floor, those of dormant fields not counted: they are there by
 * definition. */
static size_t count_floored(const struct mix_learner *learner, size_t floored)
{
    const bool is_shared = learner->options.covariance == MIX_TIED;
    const size_t dormant =
        learner->dormancy->n_dormant * (is_shared ? 1 : learner->slow_model->shape.components);
    return floored > dormant ? floored - dormant : 0;
}

/* Models that follow from their averages. They have nothing in common, so each can be
 * made by a thread of its own. */
enum { MSTEP_FAST, MSTEP_SLOW, MSTEP_WATCH, MSTEPS };
struct msteps {
    struct prior prior;
    struct mstep {
        const struct stats *stats;
        double points;
        struct mix_model *model;
        bool is_read; /* by the next block, so it is settled */
        size_t floored;
        enum mix_err err;
    } of[MSTEPS];
};

static void make_model(void *argument, size_t part, size_t thread)
{
    struct msteps *msteps = argument;
    struct mstep *mstep = &msteps->of[part];
    (void)thread;
    mstep->floored =
        stats_maximise(mstep->stats, mstep->points, &msteps->prior, mstep->model);
    mstep->err = mstep->is_read ? model_settle(mstep->model) : MIX_OK;
}

static void make_models(const struct mix_learner *learner, struct msteps *msteps,
                        size_t n)
{
    const struct mix_executor *executor = learner->options.executor;
    const struct shape *shape = &learner->slow_model->shape;
    const size_t side = shape->dimensions + 2;
    if (executor != NULL && shape->components * side * side >= MSTEP_UNITS) {
        executor->run(executor, n, make_model, msteps);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        make_model(msteps, i, 0);
    }
}

static void step(struct mix_learner *learner, double fast_points, double slow_points,
                 bool is_watched)
{
    struct watch *watch = learner->watch;
    struct msteps msteps = {.prior = prior_of(learner->scales),
                            .of = {[MSTEP_FAST] = {.stats = learner->fast,
                                                   .points = fast_points,
                                                   .model = learner->fast_model,
                                                   .is_read = true},
                                   [MSTEP_SLOW] = {.stats = learner->slow,
                                                   .points = slow_points,
                                                   .model = learner->slow_model}}};
    if (is_watched) {
        msteps.of[MSTEP_WATCH] = (struct mstep){.stats = watch->stats,
                                                .points = watch->points,
                                                .model = watch->model,
                                                .is_read = true};
    }
    make_models(learner, &msteps, is_watched ? MSTEPS : MSTEP_WATCH);
    if (is_watched && msteps.of[MSTEP_WATCH].err != MIX_OK) {
        model_assign(watch->model, learner_model(learner));
    }
    if (msteps.of[MSTEP_FAST].err != MIX_OK) {
        return;
    }
    const size_t floored = count_floored(learner, msteps.of[MSTEP_SLOW].floored);
    if (floored > 0 && learner->floored == 0) {
        events_add(&learner->events, (struct mix_event){.kind = MIX_EVENT_FLOORED,
                                                        .added = learner->counts.added,
                                                        .value = (double)floored});
    }
    learner->floored = floored;
    learner->counts.updates++;
}

void learner_step(struct mix_learner *learner, double fast_points, double slow_points)
{
    step(learner, fast_points, slow_points, false);
}

static void count(struct mix_learner *learner)
{
    struct counts *counts = &learner->counts;
    const struct sums *sums = learner->sums;
    counts->learned += sums->points;
    counts->points += sums->points;
    if (learner->is_warm) {
        counts->unscorable += sums->unscorable;
    } else { /* they are in the memory: the next fit decides */
        counts->deferred += sums->unscorable;
    }
}

/* The M-steps: the averages, each with its memory. The watch has the responsibilities of
 * the fast model, so that it costs no E-step of its own: only what it remembers differs.
 */
static void maximise(struct mix_learner *learner, double kept)
{
    const struct sums *sums = learner->sums;
    const struct steps steps = pace_step(&learner->pace, &learner->options,
                                         learner->is_warm, sums->weight, kept);
    const bool is_watched = learner->is_warm && learner->watch != NULL;
    stats_blend(learner->fast, learner->fast_model, sums, steps.fast);
    stats_blend(learner->slow, learner->fast_model, sums, steps.slow);
    if (is_watched) {
        stats_blend(learner->watch->stats, learner->fast_model, sums,
                    fmin(1, sums->weight / learner->watch->points));
    }
    if (learner->is_warm) {
        const struct prior prior = prior_of(learner->scales);
        batches_add(learner->batches, learner->fast_model, sums, &prior);
    }
    step(learner, steps.fast_points, steps.slow_points, is_watched);
    learner->score_weight = fmin(learner->score_weight, learner->pace.na);
}

/* Looks at the differences of the parts in order; the first change is enough. */
static void look_for_change(struct mix_learner *learner, const double *differences,
                            size_t n)
{
    double evidence;
    for (size_t j = 0; j < n; j++) {
        if (detector_add(&learner->watch->detector, differences[j], &evidence)) {
            learner_change(learner, evidence);
            return;
        }
    }
}

/* Discounts the open block by its times. Returns what the past counts beside it. Rows of
 * the warm-up are kept as they are for its fits. */
static double discount(struct mix_learner *learner)
{
    const double half_life = learner->options.half_life;
    if (half_life == 0 || !learner->is_warm) {
        return 1;
    }
    return clock_discount(&learner->clock, learner->open, half_life, learner->times);
}

void learner_update(struct mix_learner *learner)
{
    const size_t parts = points_blocks(learner->open);
    const bool is_watched = learner->is_warm && learner->watch != NULL;
    const size_t n = points_count(learner->open);
    const double kept = discount(learner);
    double differences[PARTS_MAX];
    learner_expect(learner, differences);
    points_clear(learner->open);
    tail_fade(&learner->tail, faded(&learner->options, (double)n, kept));
    drop_overflow(learner);
    count(learner);
    if (learner->sums->weight > 0) {
        maximise(learner, kept);
    }
    if (is_watched) {
        look_for_change(learner, differences, parts);
    }
    learner_watch_noise(learner);
    if (learner->is_warm) {
        learner_schedule(learner);
    }
    learner_wake(learner);
}
