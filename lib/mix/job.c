/* SPDX-License-Identifier: MIT
 *
 * Long work of a learner: the fits of the warm-up and challenges. The stream waits while
 * one is due, so the memory and the old model do not change under it, and a job that is
 * thrown away and begun anew gives the same result. */
#include "learner.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "challenge.h"

/* Until the last fit of the warm-up few points support the model: two starts beside the
 * old model are enough, and a tolerance well below the noise of the fit. */
#define EARLY_STARTS 2
#define LAST_STARTS 5
/* Points that starts are made on, a free parameter, within these; the best goes on with
 * all. */
#define SAMPLE_PER_PARAMETER 80
#define SAMPLE_MIN 2048
#define EARLY_SAMPLE 4096
#define LAST_SAMPLE 8192
/* Passes of EM before a start can be beaten. Gains fall fast at first: judged early, one
 * in a few good starts is lost. */
#define EARLY_RACE 3
#define LAST_RACE 6
#define COARSE_PASSES 100
#define COARSE_TOLERANCE 1e-4
#define SPLIT_ROUNDS 6
#define FINE_PASSES 300
#define FINE_TOLERANCE 1e-6
/* At the end of a stream one more is worth it if it grew by so much since the last. */
#define CHALLENGE_LAST 1.25

struct mix_job {
    struct mix_learner *learner;
    struct search *search;       /* a fit of the warm-up, or NULL */
    struct challenge *challenge; /* or a challenge */
    struct points *copy;         /* the memory as EM sees it; NULL: as it is */
    bool is_finished;            /* while the learner was frozen; waits for the thaw */
};

static bool fit_is_due(const struct mix_learner *learner)
{
    return !learner->is_warm && !learner->is_idle &&
           points_count(learner->memory) >= learner->next_fit;
}

bool job_is_due(const struct mix_learner *learner)
{
    return !learner->is_frozen &&
           (fit_is_due(learner) || learner->has_woken || learner->is_challenged);
}

static bool is_last(const struct mix_learner *learner)
{
    return learner->is_ending || learner->next_fit >= learner_warmup(&learner->options);
}

/* Fits before the last of a warm-up, and before as many points came after a change, need
 * not be the best: the next one is near. */
static bool is_thorough(const struct mix_learner *learner)
{
    return learner->is_warm ? learner->has_woken || !learner_is_recovering(learner)
                            : is_last(learner);
}

static size_t start_sample(const struct mix_learner *learner, bool is_best)
{
    const size_t most = is_best ? LAST_SAMPLE : EARLY_SAMPLE;
    const size_t wanted = SAMPLE_PER_PARAMETER * shape_parameters(&learner->slow_model->shape);
    return wanted < SAMPLE_MIN ? SAMPLE_MIN : wanted < most ? wanted : most;
}

/* A model that did without a field is no start for one with it: its variance there is
 * the floor. */
static struct search *prepare_fit(struct mix_learner *learner, const struct points *rows)
{
    const bool is_best = is_thorough(learner);
    const struct search_plan plan = {
        .starts = is_best ? LAST_STARTS : EARLY_STARTS,
        .old = learner->has_model && !learner->has_woken ? learner->fast_model : NULL,
        .index = points_count(rows),
        .sample = start_sample(learner, is_best),
        .race_passes = is_best ? LAST_RACE : EARLY_RACE,
        .coarse_passes = COARSE_PASSES,
        .coarse_tolerance = COARSE_TOLERANCE,
        .split_rounds = is_best ? SPLIT_ROUNDS : 0,
        .fine_passes = is_best ? FINE_PASSES : 0,
        .fine_tolerance = FINE_TOLERANCE,
    };
    return search_new(&learner->options, &learner->slow_model->shape, rows, &plan);
}

/* The memory as EM is to see it. */
static const struct points *job_rows(const struct mix_job *job)
{
    return job->copy != NULL ? job->copy : job->learner->memory;
}

static bool prepare_rows(struct mix_job *job)
{
    const struct mix_learner *learner = job->learner;
    if (learner->dormancy->n_dormant == 0) {
        return true;
    }
    job->copy = dormancy_copy(learner->dormancy, learner->memory);
    return job->copy != NULL;
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
    job->learner = learner;
    if (!prepare_rows(job)) {
        job_destroy(&job);
        return MIX_ENOMEM;
    }
    if (learner->is_challenged && !learner->has_woken && !learner->has_changed) {
        job->challenge = challenge_new(&learner->options, job_rows(job), learner_model(learner),
                                       learner->pace.na, learner->scales);
    } else {
        job->search = prepare_fit(learner, job_rows(job));
    }
    if (job->challenge == NULL && job->search == NULL) {
        job_destroy(&job);
        return MIX_ENOMEM;
    }
    learner->job = job;
    return MIX_OK;
}

void job_destroy(struct mix_job **job)
{
    if (*job != NULL) {
        search_destroy(&(*job)->search);
        challenge_destroy(&(*job)->challenge);
        points_destroy(&(*job)->copy);
        free(*job);
        *job = NULL;
    }
}

/* Decides about the rows that had no density under the model of their time. */
static void count_fit(struct mix_learner *learner, const struct em *em, bool is_first)
{
    struct counts *counts = &learner->counts;
    const uint64_t waiting = is_first ? learner_held(learner) : counts->deferred;
    const uint64_t lost = em->unscorable < waiting ? em->unscorable : waiting;
    counts->learned += waiting - lost;
    counts->points += waiting - lost;
    counts->unscorable += lost;
    counts->deferred = 0;
}

/* The median log density of the rows under the model: where bins are narrow. */
static double median_score(struct mix_learner *learner, const struct points *rows,
                           struct weighted *scratch)
{
    const struct background background = learner_background(learner);
    size_t n = 0;
    for (size_t j = 0; j < points_blocks(rows); j++) {
        const struct block *block = points_block(rows, j);
        estep_density(learner->estep, learner_model(learner), block);
        for (size_t i = 0; i < block->n; i++) {
            if (isfinite(learner->estep->log_density[i])) {
                scratch[n++].value =
                    learner->estep->log_density[i] - background.log_dormant;
            }
        }
    }
    sort_values(scratch, n, scratch + n);
    return n == 0 ? 0 : scratch[n / 2].value;
}

static void schedule_next(struct mix_learner *learner)
{
    const size_t warmup = learner_warmup(&learner->options);
    if (is_last(learner)) {
        learner->is_warm = true;
        learner->is_ending = false;
        reservoir_adopt(&learner->reservoir);
        learner->last_challenge = learner->reservoir.age;
        learner->next_challenge = 2 * learner->reservoir.age;
        if (!learner_samples(learner)) {
            reservoir_clear(&learner->reservoir);
        } else if (learner_forgets(&learner->options)) {
            reservoir_shorten(&learner->reservoir, learner_sample_rows(learner));
        }
        return;
    }
    learner->next_fit = 2 * learner->next_fit < warmup ? 2 * learner->next_fit : warmup;
}

/* The points that a fit stands for: with a half-life, what its rows still count. */
static double fit_points(struct mix_learner *learner, const struct em *em)
{
    const double half_life = learner->options.half_life;
    if (half_life == 0 || !is_last(learner)) {
        return em->weight;
    }
    const struct points *memory = learner->memory;
    const size_t last = points_count(memory) - 1;
    const struct block *block = points_block(memory, last / BLOCK_POINTS);
    learner->clock = (struct clock){block->time[last % BLOCK_POINTS], true};
    return fmin(em->weight, clock_weight(&learner->clock, memory, half_life));
}

/* Scores are of other fields than before and are not compared with those. */
static void restart_scores(struct mix_learner *learner, struct search *search)
{
    tail_begin(&learner->tail, median_score(learner, search->points, search->values));
    learner->mean_score = learner->score_weight = 0;
    learner->high_score = -DBL_MAX;
}

static void finish_fit(struct mix_learner *learner, struct search *search)
{
    const bool is_first = !learner->has_model;
    learner_install(learner, search->scales, search->em->stats, search->best,
                    fit_points(learner, search->em), search->points);
    count_fit(learner, search->em, is_first);
    if (is_first || learner->has_woken) {
        restart_scores(learner, search);
    }
    learner->has_model = true;
    learner->has_woken = false;
    schedule_next(learner);
}

static void tell_refit(struct mix_learner *learner)
{
    events_add(&learner->events, (struct mix_event){.kind = MIX_EVENT_REFIT,
                                                    .added = learner->counts.added});
}

/* A field woke after the warm-up, or much has changed: the fit is to the sample of what
 * was learned, or came since. EM from the old model would not find what is new where it
 * lies far away, or leave it to the noise. */
static void finish_refit(struct mix_learner *learner, struct search *search)
{
    if (!learner->has_woken) {
        tell_refit(learner);
    }
    learner_install(learner, search->scales, search->em->stats, search->best,
                    search->em->weight, search->points);
    if (learner->has_woken) {
        restart_scores(learner, search);
    }
    learner->has_woken = false;
    if (learner->is_challenged) {
        learner_challenged(learner, true);
    }
    if (!learner_samples(learner)) {
        reservoir_clear(&learner->reservoir);
    }
}

static void finish_challenge(struct mix_learner *learner, struct challenge *challenge)
{
    if (challenge->has_won) {
        if (challenge->is_resynced) {
            tell_refit(learner);
        }
        const bool forgets = learner_forgets(&learner->options);
        const double points = challenge->em->weight;
        learner_install(
            learner, challenge->scales, challenge->em->stats, challenge->model,
            forgets ? fmin(points, learner->pace.na) : points, challenge->points);
    }
    learner_challenged(learner, challenge->has_won);
}

/* Installs the result and ends the job. */
static void finish(struct mix_learner *learner)
{
    struct mix_job *job = learner->job;
    if (job->challenge != NULL) {
        finish_challenge(learner, job->challenge);
    } else if (learner->is_warm) {
        finish_refit(learner, job->search);
    } else {
        finish_fit(learner, job->search);
    }
    job_destroy(&learner->job);
    learner_release(learner);
}

void job_settle(struct mix_learner *learner)
{
    if (learner->job != NULL && learner->job->is_finished) {
        finish(learner);
    }
}

bool mix_learner_is_due(const struct mix_learner *learner)
{
    if (learner->queue.n < learner->queue.end) { /* asked after every row */
        return false;
    }
    if (learner->selection != NULL) {
        return selection_due(learner->selection) != NULL;
    }
    return job_is_due(learner);
}

struct mix_job *mix_learner_job(struct mix_learner *learner)
{
    if (learner->selection != NULL) {
        struct mix_learner *due = selection_due(learner->selection);
        return due == NULL ? NULL : mix_learner_job(due);
    }
    if (!job_is_due(learner) || job_prepare(learner) != MIX_OK) {
        return NULL;
    }
    return learner->job;
}

bool mix_job_run(struct mix_job *job, uint64_t budget)
{
    struct mix_learner *learner = job->learner;
    const uint64_t slice = budget > 0 ? budget : 1;
    job->is_finished =
        job->is_finished || (job->challenge != NULL ? challenge_run(job->challenge, slice)
                                                    : search_run(job->search, slice));
    if (!job->is_finished) {
        return false;
    }
    if (!learner->is_frozen) {
        finish(learner);
    }
    return true;
}

void mix_learner_work(struct mix_learner *learner)
{
    struct mix_job *job = mix_learner_job(learner);
    while (job != NULL) {
        job = mix_job_run(job, UINT64_MAX) ? mix_learner_job(learner) : job;
    }
}

/* A last fit of what there is, or a last challenge. */
static void make_last_due(struct mix_learner *learner)
{
    const uint64_t age = learner->reservoir.age;
    if (!learner->is_warm && points_count(learner->memory) > 0) {
        if (!learner->has_model) {
            learner_fall_asleep(learner);
        }
        learner->next_fit = points_count(learner->memory);
        learner->is_ending = !learner->is_idle;
    } else if (learner->is_warm && learner_is_challenged(&learner->options) &&
               points_count(learner->memory) >=
                   learner_challenge_rows(&learner->options) &&
               (double)age > CHALLENGE_LAST * (double)learner->last_challenge) {
        learner->is_challenged = true;
    }
}

void mix_learner_finish(struct mix_learner *learner)
{
    if (learner->selection != NULL) {
        selection_finish(learner->selection);
        return;
    }
    if (learner->is_frozen || !learner_reserve(learner, NULL)) {
        return;
    }
    mix_learner_work(learner);
    queue_empty(learner);
    if (points_count(learner->open) > 0) {
        learner_take_open(learner);
        mix_learner_work(learner);
    }
    make_last_due(learner);
    mix_learner_work(learner);
}
