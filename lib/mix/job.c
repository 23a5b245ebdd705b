/* SPDX-License-Identifier: MIT
 *
 * Long work of a learner: the fits of the warm-up. The stream waits while a fit is due,
 * so the memory and the old model do not change under it, and a job that is thrown away
 * and begun anew gives the same result. */
#include "learner.h"

#include <math.h>
#include <stdlib.h>

/* Until the last fit of the warm-up few points support the model: two starts beside the
 * old model are enough, and a tolerance well below the noise of the fit. */
#define EARLY_STARTS 2
#define LAST_STARTS 5
#define COARSE_PASSES 100
#define COARSE_TOLERANCE 1e-4
#define SPLIT_ROUNDS 6
#define FINE_PASSES 300
#define FINE_TOLERANCE 1e-6

struct mix_job {
    struct mix_learner *learner;
    struct search *search;
    bool is_finished; /* while the learner was frozen; waits for the thaw */
};

bool job_is_due(const struct mix_learner *learner)
{
    return !learner->is_frozen && !learner->is_warm &&
           points_count(learner->memory) >= learner->next_fit;
}

static bool is_last(const struct mix_learner *learner)
{
    return learner->next_fit >= learner_warmup(&learner->options);
}

enum mix_err job_prepare(struct mix_learner *learner)
{
    if (learner->job != NULL) {
        return MIX_OK;
    }
    struct mix_job *job = calloc(1, sizeof(*job));
    if (job == NULL) {
        return MIX_ENOMEM;
    }
    const struct search_plan plan = {
        .starts = is_last(learner) ? LAST_STARTS : EARLY_STARTS,
        .old = learner->has_model ? learner->fast_model : NULL,
        .index = points_count(learner->memory),
        .coarse_passes = COARSE_PASSES,
        .coarse_tolerance = COARSE_TOLERANCE,
        .split_rounds = is_last(learner) ? SPLIT_ROUNDS : 0,
        .fine_passes = is_last(learner) ? FINE_PASSES : 0,
        .fine_tolerance = FINE_TOLERANCE,
    };
    job->learner = learner;
    job->search =
        search_new(&learner->options, &learner->shape, learner->memory, &plan);
    if (job->search == NULL) {
        free(job);
        return MIX_ENOMEM;
    }
    learner->job = job;
    return MIX_OK;
}

void job_destroy(struct mix_job **job)
{
    if (*job != NULL) {
        search_destroy(&(*job)->search);
        free(*job);
        *job = NULL;
    }
}

/* Decides about the rows that had no density under the model of their time. */
static void count_fit(struct mix_learner *learner, const struct em *em, bool is_first)
{
    struct counts *counts = &learner->counts;
    const uint64_t waiting =
        is_first ? points_count(learner->memory) : counts->deferred;
    const uint64_t lost =
        em->sums->unscorable < waiting ? em->sums->unscorable : waiting;
    counts->learned += waiting - lost;
    counts->points += waiting - lost;
    counts->unscorable += lost;
    counts->deferred = 0;
}

static int compare_scores(const void *a, const void *b)
{
    const double x = ((const struct weighted *)a)->value;
    const double y = ((const struct weighted *)b)->value;
    return (x > y) - (x < y);
}

/* The median log density of the memory under the first model: where bins are narrow. */
static double median_score(struct mix_learner *learner, struct weighted *scratch)
{
    size_t n = 0;
    for (size_t j = 0; j < points_blocks(learner->memory); j++) {
        const struct block *block = points_block(learner->memory, j);
        estep_score(learner->estep, learner->model, block);
        for (size_t i = 0; i < block->n; i++) {
            if (isfinite(learner->estep->log_density[i])) {
                scratch[n++].value = learner->estep->log_density[i];
            }
        }
    }
    qsort(scratch, n, sizeof(*scratch), compare_scores);
    return n == 0 ? 0 : scratch[n / 2].value;
}

static void schedule_next(struct mix_learner *learner)
{
    const size_t warmup = learner_warmup(&learner->options);
    if (is_last(learner)) {
        learner->is_warm = true;
        points_clear(learner->memory);
        return;
    }
    learner->next_fit =
        2 * learner->next_fit < warmup ? 2 * learner->next_fit : warmup;
}

/* The result becomes the state: both averages are the statistics of the memory. */
static void install(struct mix_learner *learner, struct search *search)
{
    const bool is_first = !learner->has_model;
    const double points = search->em->weight;
    scales_assign(learner->scales, search->scales);
    stats_assign(learner->fast, search->em->stats, &learner->shape);
    stats_assign(learner->slow, search->em->stats, &learner->shape);
    model_assign(learner->fast_model, search->best);
    model_assign(learner->model, search->best);
    pace_install(&learner->pace, points);
    learner_step(learner, points, points);
    count_fit(learner, search->em, is_first);
    if (is_first) {
        tail_init(&learner->tail, median_score(learner, search->values));
        learner_name_components(learner);
        learner->has_model = true;
    }
    schedule_next(learner);
}

/* Installs the result and ends the job. */
static void finish(struct mix_learner *learner)
{
    install(learner, learner->job->search);
    job_destroy(&learner->job);
}

void job_settle(struct mix_learner *learner)
{
    if (learner->job != NULL && learner->job->is_finished) {
        finish(learner);
    }
}

struct mix_job *mix_learner_job(struct mix_learner *learner)
{
    if (!job_is_due(learner) || job_prepare(learner) != MIX_OK) {
        return NULL;
    }
    return learner->job;
}

bool mix_job_run(struct mix_job *job, uint64_t budget)
{
    struct mix_learner *learner = job->learner;
    if (!job->is_finished && !search_run(job->search, budget > 0 ? budget : 1)) {
        return false;
    }
    job->is_finished = true;
    if (!learner->is_frozen) {
        finish(learner);
    }
    return true;
}

void mix_learner_work(struct mix_learner *learner)
{
    struct mix_job *job = mix_learner_job(learner);
    while (job != NULL && !mix_job_run(job, UINT64_MAX)) {
    }
}
