/* SPDX-License-Identifier: MIT */
#include "splitmerge.h"

#include <math.h>
#include <stdlib.h>

#include "compare.h"
#include "proposals.h"

/* EM passes of the model and of every candidate on the sample, and of the best one on
 * all points. */
#define LEVEL_TOLERANCE 1e-6
#define TRY_PASSES 15
#define RACE_PASSES 6
#define CLIMB_PASSES 80
#define CLIMB_TOLERANCE 1e-5
/* A move must gain so much, in nats a point and in standard errors. */
#define GAIN_MIN 1e-4
#define GAIN_ERRORS 2

enum step { SM_PROPOSE, SM_LEVEL, SM_TRY, SM_CLIMB, SM_JUDGE, SM_DONE };

struct splitmerge {
    struct shape shape;
    struct proposals *proposals;
    struct em *em;
    struct mix_model *trial, *best;

    const struct points *points;
    const struct prior *prior;
    struct mix_model *model; /* the caller's */
    enum step step;
    size_t at; /* next piece of the step */
    size_t rounds, accepted;
    double level;                 /* what a candidate must reach on the sample */
    double best_log_likelihood;   /* of the candidates, on the sample */
    struct comparison comparison; /* of the judgement, on all points */
};

struct splitmerge *splitmerge_new(const struct mix_options *options,
                                  const struct shape *shape, size_t n)
{
    struct splitmerge *sm = calloc(1, sizeof(*sm));
    if (sm == NULL) {
        return NULL;
    }
    shape_assign(&sm->shape, shape);
    sm->proposals = proposals_new(options, shape, n);
    sm->em = em_new(shape);
    sm->trial = model_new(shape);
    sm->best = model_new(shape);
    if (sm->proposals == NULL || sm->em == NULL ||
        !em_share(sm->em, shape, options->executor) || sm->trial == NULL ||
        sm->best == NULL) {
        splitmerge_destroy(&sm);
    }
    return sm;
}

void splitmerge_destroy(struct splitmerge **splitmerge)
{
    struct splitmerge *sm = *splitmerge;
    if (sm == NULL) {
        return;
    }
    proposals_destroy(&sm->proposals);
    em_destroy(&sm->em);
    mix_model_destroy(&sm->trial);
    mix_model_destroy(&sm->best);
    free(sm);
    *splitmerge = NULL;
}

static void enter(struct splitmerge *sm, enum step step)
{
    sm->step = step;
    sm->at = 0;
}

static void begin_round(struct splitmerge *sm)
{
    if (sm->rounds == 0) {
        enter(sm, SM_DONE);
        return;
    }
    sm->rounds--;
    proposals_begin(sm->proposals, sm->model, sm->prior, sm->em->estep);
    enter(sm, SM_PROPOSE);
}

void splitmerge_start(struct splitmerge *sm, const struct points *points,
                      const struct prior *prior, struct mix_model *model, size_t rounds)
{
    sm->points = points;
    sm->prior = prior;
    sm->model = model;
    model_assign(sm->trial, model); /* for its noise */
    sm->rounds = rounds;
    sm->accepted = 0;
    proposals_sample(sm->proposals, points);
    if (sm->shape.components < 2) { /* nothing to merge */
        sm->rounds = 0;
    }
    begin_round(sm);
}

size_t splitmerge_accepted(const struct splitmerge *sm)
{
    return sm->accepted;
}

/* ---- PROPOSE, LEVEL, TRY, CLIMB, JUDGE ------------------------------------ */

/* The model itself goes on with EM on the sample, and gains there by fitting its chance:
 * what candidates that do as well have gained, too. */
static void begin_level(struct splitmerge *sm)
{
    model_assign(sm->best, sm->model);
    em_start(sm->em, proposals_points(sm->proposals), sm->prior, sm->best, TRY_PASSES,
             LEVEL_TOLERANCE);
    enter(sm, SM_LEVEL);
}

static void propose(struct splitmerge *sm, uint64_t *budget)
{
    if (!proposals_run(sm->proposals, budget)) {
        return;
    }
    if (proposals_count(sm->proposals) > 0) {
        begin_level(sm);
    } else {
        enter(sm, SM_DONE);
    }
}

static void level(struct splitmerge *sm, uint64_t *budget)
{
    em_run(sm->em, budget);
    if (sm->em->is_done) {
        sm->level = sm->em->log_likelihood + GAIN_MIN / 2;
        sm->best_log_likelihood = -HUGE_VAL;
        sm->em->model = NULL;
        enter(sm, SM_TRY);
    }
}

/* Runs EM of a candidate on the sample, one after the other. */
static void try_candidate(struct splitmerge *sm, uint64_t *budget)
{
    struct em *em = sm->em;
    if (em->is_done || em->model != sm->trial) { /* begin */
        if (!proposals_make(sm->proposals, sm->at, sm->trial)) {
            sm->at++;
        } else {
            em_start(em, proposals_points(sm->proposals), sm->prior, sm->trial,
                     TRY_PASSES, 0);
            em_race(em, fmax(sm->level, sm->best_log_likelihood), RACE_PASSES);
        }
    } else {
        em_run(em, budget);
    }
    if (em->model == sm->trial && em->is_done) {
        if (!em->is_beaten && em->log_likelihood > sm->best_log_likelihood) {
            sm->best_log_likelihood = em->log_likelihood;
            model_assign(sm->best, sm->trial);
        }
        sm->at++;
        em->model = NULL;
    }
    if (sm->at == proposals_count(sm->proposals)) {
        em_start(em, sm->points, sm->prior, sm->best, CLIMB_PASSES, CLIMB_TOLERANCE);
        enter(sm, sm->best_log_likelihood > -HUGE_VAL ? SM_CLIMB : SM_DONE);
    }
}

static void climb(struct splitmerge *sm, uint64_t *budget)
{
    em_run(sm->em, budget);
    if (sm->em->is_done) {
        sm->comparison = (struct comparison){0};
        enter(sm, SM_JUDGE);
    }
}

/* The move is kept if it gains enough beyond its noise. */
static bool is_better(const struct comparison *comparison)
{
    const double mean = comparison_mean(comparison);
    return mean > GAIN_MIN && mean > GAIN_ERRORS * comparison_error(comparison);
}

static uint64_t judge(struct splitmerge *sm)
{
    const struct block *block = points_block(sm->points, sm->at);
    comparison_add(&sm->comparison, sm->em->estep, sm->model, sm->best, block);
    if (++sm->at == points_blocks(sm->points)) {
        if (is_better(&sm->comparison)) {
            model_assign(sm->model, sm->best);
            sm->accepted++;
            begin_round(sm);
        } else {
            enter(sm, SM_DONE);
        }
    }
    return 2 * block->n * sm->shape.components;
}

static void spend(uint64_t *budget, uint64_t cost)
{
    *budget = *budget > cost ? *budget - cost : 0;
}

bool splitmerge_run(struct splitmerge *sm, uint64_t *budget)
{
    while (sm->step != SM_DONE && *budget > 0) {
        switch (sm->step) {
        case SM_PROPOSE:
            propose(sm, budget);
            break;
        case SM_LEVEL:
            level(sm, budget);
            break;
        case SM_TRY:
            try_candidate(sm, budget);
            break;
        case SM_CLIMB:
            climb(sm, budget);
            break;
        case SM_JUDGE:
            spend(budget, judge(sm));
            break;
        case SM_DONE:
            break;
        }
    }
    return sm->step == SM_DONE;
}
