/* SPDX-License-Identifier: MIT */
#include "expect.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "learner.h"

/* Parts under way at most, and doubles of the sums of all. */
#define OUTCOMES_MAX 16
#define OUTCOMES_VALUES ((size_t)1 << 19)

static size_t count_outcomes(const struct shape *shape, size_t block,
                             const struct mix_executor *executor)
{
    const size_t parts = (block + BLOCK_POINTS - 1) / BLOCK_POINTS;
    const size_t room = OUTCOMES_VALUES / (shape->components + shape->sums_size);
    size_t n = parts < OUTCOMES_MAX ? parts : OUTCOMES_MAX;
    n = n < room ? n : room;
    return executor == NULL || executor->threads < 2 || n < 1 ? 1 : n;
}

static bool outcome_init(struct outcome *outcome, const struct shape *shape)
{
    outcome->sums = sums_new(shape);
    outcome->look = calloc(2 * shape->components, sizeof(*outcome->look));
    return outcome->sums != NULL && outcome->look != NULL;
}

static bool make_esteps(struct expectations *e, const struct shape *shape)
{
    const size_t threads = e->executor->threads;
    e->estep = calloc(threads, sizeof(struct estep *));
    bool is_good = e->estep != NULL;
    for (size_t t = 0; is_good && t < threads; t++) {
        e->estep[t] = estep_new(shape);
        is_good = e->estep[t] != NULL;
    }
    return is_good;
}

struct expectations *expectations_new(const struct shape *shape, size_t block,
                                      const struct mix_executor *executor)
{
    struct expectations *e = calloc(1, sizeof(*e));
    if (e == NULL) {
        return NULL;
    }
    const size_t n = count_outcomes(shape, block, executor);
    e->executor = n > 1 ? executor : NULL;
    e->outcome = calloc(n, sizeof(*e->outcome));
    bool is_good = e->outcome != NULL && (n == 1 || make_esteps(e, shape));
    while (is_good && e->n < n) {
        is_good = outcome_init(&e->outcome[e->n++], shape);
    }
    if (!is_good) {
        expectations_destroy(&e);
    }
    return e;
}

void expectations_destroy(struct expectations **expectations)
{
    struct expectations *e = *expectations;
    if (e == NULL) {
        return;
    }
    for (size_t i = 0; i < e->n; i++) {
        sums_destroy(&e->outcome[i].sums);
        free(e->outcome[i].look);
    }
    for (size_t t = 0; e->estep != NULL && t < e->executor->threads; t++) {
        estep_destroy(&e->estep[t]);
    }
    free(e->outcome);
    free(e->estep);
    free(e);
    *expectations = NULL;
}

/* ---- One part -------------------------------------------------------------------- */

static bool is_watched(const struct mix_learner *learner)
{
    return learner->is_warm && learner->watch != NULL;
}

struct background learner_background(const struct mix_learner *learner)
{
    struct background bg = background_of(learner->scales, learner->pace.na);
    if (learner->dormancy->n_dormant > 0) {
        background_leave_out(&bg, learner->dormancy->value);
    } else if (learner->options.covariance == MIX_SPHERICAL) {
        background_share_width(&bg);
    }
    return bg;
}

/* Scores the points with the fast model before they are learned and adds their sums with
 * it; writes nothing else of the learner. */
static void expect(const struct mix_learner *learner, struct estep *estep,
                   const struct background *background, const struct block *block,
                   struct sums *sums, struct outcome *outcome)
{
    double recent[BLOCK_POINTS];
    if (is_watched(learner)) {
        estep_density(estep, learner->watch->model, block);
        memcpy(recent, estep->log_density, sizeof(recent));
    }
    /* The published model would say the same: it differs by some 1e-4 nats at most. */
    estep_score(estep, learner->fast_model, block);
    score_block(background, block, estep->log_density, learner->tail.reference,
                &outcome->scores);
    outcome->difference =
        is_watched(learner)
            ? detect_difference(recent, estep->log_density, block->weight, block->n)
            : 0;
    sums_add(sums, estep, learner->fast_model, block);
    if (learner->is_warm) {
        batches_look(estep, &learner->fast_model->shape, block, outcome->look);
    }
}

static void take_scores(struct mix_learner *learner, const struct block *block,
                        const struct block_score *scores)
{
    if (scores->mass > 0) {
        learner->score_weight += scores->mass;
        learner->mean_score +=
            (scores->sum - scores->mass * learner->mean_score) / learner->score_weight;
    }
    learner->recent_score += scores->sum;
    learner->recent_weight += scores->mass;
    (void)tail_reserve(&learner->tail, scores->first, scores->end);
    tail_add_bins(&learner->tail, scores->bin, block->weight, block->n, scores->mass);
}

/* The learner takes what came of part j. */
static void take(struct mix_learner *learner, size_t j, const struct outcome *outcome)
{
    const struct block *block = points_block(learner->open, j);
    take_scores(learner, block, &outcome->scores);
    if (learner->is_warm) {
        batches_take(learner->batches, outcome->look);
    }
    if (learner_samples(learner)) {
        learner_sample(learner, block);
        dormancy_watch(learner->dormancy, block);
    }
}

static void join(struct mix_learner *learner, const struct sums *sums)
{
    sums_join(learner->sums, learner->estep, &learner->fast_model->shape, sums);
}

/* ---- All parts ------------------------------------------------------------------- */

static void expect_in_turn(struct mix_learner *learner,
                           const struct background *background, size_t parts,
                           double *differences)
{
    struct outcome *outcome = &learner->expectations->outcome[0];
    for (size_t j = 0; j < parts; j++) {
        const struct block *block =
            dormancy_view(learner->dormancy, points_block(learner->open, j));
        if (parts == 1) {
            expect(learner, learner->estep, background, block, learner->sums, outcome);
        } else {
            sums_clear(outcome->sums);
            expect(learner, learner->estep, background, block, outcome->sums, outcome);
            join(learner, outcome->sums);
        }
        take(learner, j, outcome);
        differences[j] = outcome->difference;
    }
}

/* n parts that are under way, from `first` on. Who finishes one takes those that come
 * next, unless somebody is at it: then that one does. */
struct wave {
    struct mix_learner *learner;
    const struct background *background;
    size_t first, n;
    double *differences;
    atomic_bool is_done[OUTCOMES_MAX];
    atomic_size_t n_taken;
    atomic_flag is_taking;
};

static bool has_next(const struct wave *wave)
{
    const size_t next = atomic_load(&wave->n_taken);
    return next < wave->n && atomic_load(&wave->is_done[next]);
}

static void take_next(struct wave *wave)
{
    while (has_next(wave) && !atomic_flag_test_and_set(&wave->is_taking)) {
        for (; has_next(wave); atomic_fetch_add(&wave->n_taken, 1)) {
            const size_t next = atomic_load(&wave->n_taken);
            const struct outcome *outcome = &wave->learner->expectations->outcome[next];
            join(wave->learner, outcome->sums);
            take(wave->learner, wave->first + next, outcome);
            wave->differences[wave->first + next] = outcome->difference;
        }
        atomic_flag_clear(&wave->is_taking);
    }
}

static void expect_part(void *argument, size_t part, size_t thread)
{
    struct wave *wave = argument;
    const struct expectations *e = wave->learner->expectations;
    struct outcome *outcome = &e->outcome[part];
    sums_clear(outcome->sums);
    expect(wave->learner, e->estep[thread], wave->background,
           points_block(wave->learner->open, wave->first + part), outcome->sums, outcome);
    atomic_store(&wave->is_done[part], true);
    take_next(wave);
}

static void expect_in_waves(struct mix_learner *learner,
                            const struct background *background, size_t parts,
                            double *differences)
{
    const struct expectations *e = learner->expectations;
    for (size_t first = 0; first < parts; first += e->n) {
        const size_t left = parts - first;
        struct wave wave = {.learner = learner,
                            .background = background,
                            .first = first,
                            .n = left < e->n ? left : e->n,
                            .differences = differences,
                            .is_taking = ATOMIC_FLAG_INIT};
        e->executor->run(e->executor, wave.n, expect_part, &wave);
    }
}

void learner_expect(struct mix_learner *learner, double *differences)
{
    const struct background background = learner_background(learner);
    const size_t parts = points_blocks(learner->open);
    const bool is_shared = learner->expectations->executor != NULL && parts > 1 &&
                           learner->dormancy->n_dormant == 0;
    sums_clear(learner->sums);
    (is_shared ? expect_in_waves : expect_in_turn)(learner, &background, parts,
                                                   differences);
}
