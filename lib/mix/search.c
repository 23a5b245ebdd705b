/* SPDX-License-Identifier: MIT */
#include "search.h"

#include <math.h>
#include <stdlib.h>

#include "noise.h"
#include "seeds.h"

/* The old model is kept unless a start is better by more than this, in nats a point: its
 * labels and its basin are worth more than noise. It is climbed first, so that most
 * starts end early. */
#define OLD_ADVANTAGE 1e-3
/* The prior is refitted until no S0 changes by more than this part, or so often. */
#define PRIOR_CHANGE 0.1
#define PRIOR_ROUNDS 8
#define PRIOR_PASSES 50
/* Keeps the random numbers of plans apart. */
#define STARTS_MAX 65536
/* Cost of measuring a field in point-E-steps a point. */
#define MEASURE_COST 4

struct prior prior_of(const struct scales *scales)
{
    return (struct prior){.nu0 = (double)scales->dimensions + 2,
                          .s0 = scales->s0,
                          .vf = scales->floor,
                          .mean = scales->mean};
}

/* The points that starts are made and compared on. */
static const struct points *start_points(const struct search *search)
{
    return search->sample != NULL ? search->sample : search->points;
}

static bool make_noise(struct search *search)
{
    const struct shape *shape = &search->best->shape;
    if (!shape->has_noise) {
        return true;
    }
    const struct shape own = shape_of_noise(shape);
    search->noise = model_new(&own);
    search->noise_em = em_new(&own);
    return search->noise != NULL && search->noise_em != NULL;
}

static bool make_seeds(struct search *search)
{
    const struct shape *shape = &search->best->shape;
    const struct points *points = start_points(search);
    search->seeds = seeds_new(shape, points, search->scales);
    if (search->seeds == NULL) {
        return false;
    }
    search->kmeans =
        kmeans_new(search->seeds->dimensions, shape->components, points_count(points));
    return search->kmeans != NULL;
}

struct search *search_new(const struct mix_options *options, const struct shape *shape,
                          const struct points *points, const struct search_plan *plan)
{
    struct search *search = calloc(1, sizeof(*search));
    if (search == NULL) {
        return NULL;
    }
    const size_t n = points_count(points);
    const bool is_sampled = plan->sample > 0 && n > plan->sample;
    const size_t n_starts = is_sampled ? plan->sample : n;
    search->options = options;
    search->points = points;
    search->plan = *plan;
    search->to_beat = -HUGE_VAL;
    search->scales = scales_new(shape->dimensions);
    search->best = model_new(shape);
    search->trial = model_new(shape);
    search->em = em_new(shape);
    search->sample = is_sampled ? points_new(shape->dimensions, n_starts) : NULL;
    search->values = calloc(SCALES_SCRATCH * n + 1, sizeof(*search->values));
    if (plan->split_rounds > 0) {
        search->splitmerge = splitmerge_new(options, shape, n);
    }
    if ((is_sampled && search->sample == NULL) ||
        (plan->split_rounds > 0 && search->splitmerge == NULL) ||
        search->scales == NULL || search->best == NULL || search->trial == NULL ||
        search->em == NULL || !em_share(search->em, shape, options->executor) ||
        search->values == NULL) {
        search_destroy(&search);
        return NULL;
    }
    search->prior = prior_of(search->scales);
    if (is_sampled) {
        points_stride(search->sample, points);
    }
    if (!make_noise(search) || !make_seeds(search)) {
        search_destroy(&search);
    }
    return search;
}

void search_destroy(struct search **search)
{
    if (*search != NULL) {
        points_destroy(&(*search)->sample);
        mix_model_destroy(&(*search)->noise);
        em_destroy(&(*search)->noise_em);
        scales_destroy(&(*search)->scales);
        mix_model_destroy(&(*search)->best);
        mix_model_destroy(&(*search)->trial);
        em_destroy(&(*search)->em);
        seeds_destroy(&(*search)->seeds);
        kmeans_destroy(&(*search)->kmeans);
        splitmerge_destroy(&(*search)->splitmerge);
        free((*search)->values);
        free(*search);
        *search = NULL;
    }
}

static void spend(uint64_t *budget, uint64_t cost)
{
    *budget = *budget > cost ? *budget - cost : 0;
}

/* Another model with the noise of these points. */
static void place_noise(const struct search *search, struct mix_model *model)
{
    if (search->noise != NULL) {
        search->noise->weights[0] = model_noise_weight(model);
        search->noise->log2_weights[0] = model->noise->log2_weights[0];
        model_assign(model->noise, search->noise);
    }
}

static void begin_start(struct search *search)
{
    /* Starts of one plan and plans of one learner draw different numbers. */
    const uint64_t index = search->plan.index * STARTS_MAX + search->start;
    scales_first_prior(search->scales, search->options->components);
    seeds_fill(search->seeds, &search->best->shape, start_points(search), search->start,
               search->values);
    kmeans_start(search->kmeans, search->seeds->points, search->seeds->scales,
                 search->options->seed, index);
    search->step = SEARCH_SEED;
}

static void climb(struct search *search, size_t passes, double tolerance,
                  enum search_step step)
{
    const bool is_start = step == SEARCH_CLIMB || step == SEARCH_REVISE;
    em_start(search->em, is_start ? start_points(search) : search->points, &search->prior,
             search->trial, passes, tolerance);
    search->step = step;
}

static void revise_old(struct search *search)
{
    scales_first_prior(search->scales, search->options->components);
    model_assign(search->trial, search->plan.old);
    place_noise(search, search->trial);
    scales_update_prior(search->scales, search->trial);
    climb(search, search->plan.coarse_passes, search->plan.coarse_tolerance,
          SEARCH_REVISE);
}

/* All scales are known. */
static void measure_noise(struct search *search)
{
    noise_measure(search->noise, search->noise_em, search->points, search->scales);
    place_noise(search, search->trial);
    place_noise(search, search->best);
}

static void measure(struct search *search, uint64_t *budget)
{
    const size_t d = search->field++;
    scales_measure(search->scales, search->points, d,
                   scales_known_step(search->options, d), search->values);
    spend(budget, MEASURE_COST * points_count(search->points));
    if (search->field == search->scales->dimensions) {
        if (search->noise != NULL) {
            measure_noise(search);
        }
        if (search->plan.old != NULL) {
            revise_old(search);
        } else {
            begin_start(search);
        }
    }
}

static void seed(struct search *search, uint64_t *budget)
{
    spend(budget, kmeans_step(search->kmeans));
    if (kmeans_is_done(search->kmeans)) {
        em_from_kmeans(search->em, search->kmeans, start_points(search), &search->prior,
                       search->trial);
        scales_update_prior(search->scales, search->trial);
        climb(search, search->plan.coarse_passes, search->plan.coarse_tolerance,
              SEARCH_CLIMB);
        if (search->plan.race_passes > 0) {
            em_race(search->em, search->to_beat, search->plan.race_passes);
        }
    }
}

/* Runs EM on and reports the passes. True: the run is done. */
static bool run_em(struct search *search, uint64_t *budget)
{
    const struct search_plan *plan = &search->plan;
    const size_t before = search->em->pass;
    em_run(search->em, budget);
    if (search->em->pass > before && plan->progress != NULL) {
        plan->progress(plan->context, search->start, search->em->pass,
                       search->em->log_likelihood);
    }
    return search->em->is_done;
}

/* The trial becomes the best if it beats the best so far, or there is none; the next one
 * has to gain `advantage` on it. */
static void consider(struct search *search, double advantage)
{
    if (search->em->log_likelihood > search->to_beat || search->to_beat == -HUGE_VAL) {
        model_assign(search->best, search->trial);
        search->to_beat = search->em->log_likelihood + advantage;
    }
}

/* All candidates are known: the prior comes next. */
static void refine(struct search *search)
{
    if (search->plan.is_final) {
        search->step = SEARCH_DONE;
        return;
    }
    model_assign(search->trial, search->best);
    scales_update_prior(search->scales, search->trial);
    climb(search, PRIOR_PASSES, search->plan.coarse_tolerance, SEARCH_PRIOR);
}

static void end_climb(struct search *search)
{
    consider(search, 0);
    search->start++;
    if (search->start < search->plan.starts) {
        begin_start(search);
    } else {
        refine(search);
    }
}

static void finish(struct search *search)
{
    climb(search, search->plan.fine_passes, search->plan.fine_tolerance, SEARCH_FINISH);
}

static void end_prior(struct search *search)
{
    const double change = scales_update_prior(search->scales, search->trial);
    search->rounds++;
    if (change > PRIOR_CHANGE && search->rounds < PRIOR_ROUNDS) {
        climb(search, PRIOR_PASSES, search->plan.coarse_tolerance, SEARCH_PRIOR);
    } else if (search->plan.split_rounds > 0) {
        splitmerge_start(search->splitmerge, search->points, &search->prior,
                         search->trial, search->plan.split_rounds);
        search->step = SEARCH_SPLIT;
    } else {
        finish(search);
    }
}

static void end_finish(struct search *search)
{
    model_assign(search->best, search->trial);
    search->step = SEARCH_DONE;
}

static void run_step(struct search *search, uint64_t *budget)
{
    switch (search->step) {
    case SEARCH_MEASURE:
        measure(search, budget);
        break;
    case SEARCH_SEED:
        seed(search, budget);
        break;
    case SEARCH_CLIMB:
        if (run_em(search, budget)) {
            end_climb(search);
        }
        break;
    case SEARCH_REVISE:
        if (run_em(search, budget)) {
            consider(search, OLD_ADVANTAGE);
            begin_start(search);
        }
        break;
    case SEARCH_PRIOR:
        if (run_em(search, budget)) {
            end_prior(search);
        }
        break;
    case SEARCH_SPLIT:
        if (splitmerge_run(search->splitmerge, budget)) {
            finish(search);
        }
        break;
    case SEARCH_FINISH:
        if (run_em(search, budget)) {
            end_finish(search);
        }
        break;
    case SEARCH_DONE:
        break;
    }
}

bool search_run(struct search *search, uint64_t budget)
{
    while (search->step != SEARCH_DONE && budget > 0) {
        run_step(search, &budget);
    }
    return search->step == SEARCH_DONE;
}
