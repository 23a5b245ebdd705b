/* SPDX-License-Identifier: MIT */
#include "challenge.h"

#include <math.h>
#include <stdlib.h>

#include "search.h"

#define CLIMB_PASSES 30
#define CLIMB_TOLERANCE 1e-5
#define CONVERGE_PASSES 300
#define CONVERGE_TOLERANCE 1e-6
#define SPLIT_ROUNDS 4
/* EM on the sample gains p / 2|R| by fitting its noise; six times that and two standard
 * errors are more than chance. */
#define RESYNC_NOISE 3
#define ERRORS 2
/* What a better model must gain at least, nats a point. */
#define GAIN_MIN 1e-4

static void climb(struct challenge *c, size_t passes, double tolerance,
                  enum challenge_step step)
{
    em_start(c->em, c->points, &c->prior, c->model, passes, tolerance);
    c->step = step;
}

struct challenge *challenge_new(const struct mix_options *options,
                                const struct points *points,
                                const struct mix_model *published, double memory,
                                const struct scales *scales)
{
    struct challenge *c = calloc(1, sizeof(*c));
    if (c == NULL) {
        return NULL;
    }
    c->options = options;
    c->points = points;
    c->published = published;
    c->memory = memory;
    c->scales = scales_new(scales->dimensions);
    c->model = mix_model_copy(published);
    c->climbed = mix_model_copy(published);
    c->em = em_new(&published->shape);
    c->splitmerge = splitmerge_new(options, &published->shape, points_count(points));
    if (c->scales == NULL || c->model == NULL || c->climbed == NULL || c->em == NULL ||
        !em_share(c->em, &published->shape, options->executor) || c->splitmerge == NULL) {
        challenge_destroy(&c);
        return NULL;
    }
    scales_assign(c->scales, scales);
    c->prior = prior_of(c->scales);
    scales_update_prior(c->scales, c->model); /* keeps it above the floors */
    climb(c, CLIMB_PASSES, CLIMB_TOLERANCE, CHALLENGE_CLIMB);
    return c;
}

void challenge_destroy(struct challenge **challenge)
{
    struct challenge *c = *challenge;
    if (c != NULL) {
        scales_destroy(&c->scales);
        mix_model_destroy(&c->model);
        mix_model_destroy(&c->climbed);
        em_destroy(&c->em);
        splitmerge_destroy(&c->splitmerge);
        free(c);
        *challenge = NULL;
    }
}

static void spend(uint64_t *budget, uint64_t cost)
{
    *budget = *budget > cost ? *budget - cost : 0;
}

static void begin_comparison(struct challenge *c, enum challenge_step step)
{
    c->comparison = (struct comparison){0};
    c->at = 0;
    c->step = step;
}

static double free_parameters(const struct challenge *c)
{
    return (double)mix_model_parameters(c->model);
}

static void begin_split(struct challenge *c)
{
    model_assign(c->climbed, c->model);
    splitmerge_start(c->splitmerge, c->points, &c->prior, c->model, SPLIT_ROUNDS);
    c->step = CHALLENGE_SPLIT;
}

/* The stream was not exchangeable: what the model forgot, the sample remembers. */
static void decide_resync(struct challenge *c)
{
    const double n = (double)points_count(c->points);
    const double noise = RESYNC_NOISE * free_parameters(c) / n;
    c->is_resynced = comparison_mean(&c->comparison) >
                     noise + ERRORS * comparison_error(&c->comparison);
    if (c->is_resynced) {
        scales_update_prior(c->scales, c->model);
        climb(c, CONVERGE_PASSES, CONVERGE_TOLERANCE, CHALLENGE_CONVERGE);
    } else {
        begin_split(c);
    }
}

/* Refitting on the sample buys noise where the model had more points behind it. */
static bool split_is_better(const struct challenge *c)
{
    const double n = (double)points_count(c->points);
    const double noise = free_parameters(c) / 2 * fmax(0, 1 / n - 1 / c->memory);
    return comparison_mean(&c->comparison) >
           ERRORS * comparison_error(&c->comparison) + fmax(GAIN_MIN, noise);
}

static void decide_split(struct challenge *c)
{
    const bool is_better = split_is_better(c);
    if (!is_better) {
        model_assign(c->model, c->climbed);
    }
    c->has_won = is_better || c->is_resynced;
    if (c->has_won) {
        climb(c, 0, 0, CHALLENGE_FINISH); /* its statistics */
    } else {
        c->step = CHALLENGE_DONE;
    }
}

/* A block of a comparison; true: it was the last. */
static bool compare(struct challenge *c, const struct mix_model *before, uint64_t *budget)
{
    const struct block *block = points_block(c->points, c->at);
    comparison_add(&c->comparison, c->em->estep, before, c->model, block);
    spend(budget, 2 * block->n * c->model->shape.components);
    return ++c->at == points_blocks(c->points);
}

static bool run_em(struct challenge *c, uint64_t *budget)
{
    em_run(c->em, budget);
    return c->em->is_done;
}

static void run_step(struct challenge *c, uint64_t *budget)
{
    switch (c->step) {
    case CHALLENGE_CLIMB:
        if (run_em(c, budget)) {
            begin_comparison(c, CHALLENGE_COMPARE);
        }
        break;
    case CHALLENGE_COMPARE:
        if (compare(c, c->published, budget)) {
            decide_resync(c);
        }
        break;
    case CHALLENGE_CONVERGE:
        if (run_em(c, budget)) {
            begin_split(c);
        }
        break;
    case CHALLENGE_SPLIT:
        if (splitmerge_run(c->splitmerge, budget)) {
            begin_comparison(c, CHALLENGE_JUDGE);
        }
        break;
    case CHALLENGE_JUDGE:
        if (compare(c, c->climbed, budget)) {
            decide_split(c);
        }
        break;
    case CHALLENGE_FINISH:
        c->step = run_em(c, budget) ? CHALLENGE_DONE : CHALLENGE_FINISH;
        break;
    case CHALLENGE_DONE:
        break;
    }
}

bool challenge_run(struct challenge *c, uint64_t budget)
{
    while (c->step != CHALLENGE_DONE && budget > 0) {
        run_step(c, &budget);
    }
    return c->step == CHALLENGE_DONE;
}
