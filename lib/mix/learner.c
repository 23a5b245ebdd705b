/* SPDX-License-Identifier: MIT
 *
 * A learner takes rows into the memory or the open block, keeps the counts, and answers
 * questions about itself. The drawing is in learner.h. */
#include "learner.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "rows.h"
#include "score.h"

const struct mix_model *learner_model(const struct mix_learner *learner)
{
    (void)model_settle(learner->slow_model);
    return learner->slow_model;
}

/* Whose model is the learner's. */
static const struct mix_learner *shown(const struct mix_learner *learner)
{
    const struct selection *selection = learner->selection;
    return selection == NULL ? learner : selection->candidate[selection->published];
}

/* ---- Rows ---------------------------------------------------------------- */

/* Where rows go now, and how many until it is full. */
static struct points *destination(struct mix_learner *learner, size_t *room)
{
    if (!learner->has_model && !learner->is_idle) {
        *room = learner->next_fit - points_count(learner->memory);
        return learner->memory;
    }
    *room = learner_open_room(learner);
    return learner->open;
}

size_t learner_room(struct mix_learner *learner)
{
    size_t room;
    if (learner->is_frozen) {
        return SIZE_MAX;
    }
    destination(learner, &room);
    return room;
}

void learner_take_open(struct mix_learner *learner)
{
    if (learner->is_idle) {
        learner_idle(learner);
    } else {
        learner_update(learner);
    }
    learner_release(learner);
}

/* Takes the good rows from row i on, up to the end of the block. Returns how many. */
static size_t take_run(struct mix_learner *learner, const struct mix_rows *rows, size_t i)
{
    const struct mix_options *options = &learner->options;
    const size_t left = rows->n - i;
    size_t room;
    if (queue_takes(learner, rows)) { /* the last row of the block is not the queue's */
        room = learner_open_room(learner) - 1;
        const size_t n = rows_good(options, rows, i, left < room ? left : room);
        const size_t added = queue_add(learner, rows, i, n);
        learner->counts.added += added;
        return added;
    }
    queue_empty(learner);
    struct points *points = destination(learner, &room);
    const size_t run = rows_good(options, rows, i, left < room ? left : room);
    if (run > 0) {
        points_append(points, rows, i, run);
        learner->counts.added += run;
    }
    if (run == room && points == learner->open) {
        learner_take_open(learner);
    } else if (run == room) {
        learner_fall_asleep(learner);
    }
    return run;
}

/* Counts a row that changes nothing. */
static void take_idle(struct mix_learner *learner, enum row_verdict verdict)
{
    struct counts *counts = &learner->counts;
    counts->added++;
    if (verdict == ROW_BAD) {
        counts->unscorable++;
    } else if (learner->is_frozen) {
        counts->frozen++;
    } else {
        counts->learned++;
    }
}

static size_t take(struct mix_learner *learner, const struct mix_rows *rows, size_t i)
{
    const size_t run = learner->is_frozen ? 0 : take_run(learner, rows, i);
    if (run > 0) {
        return run;
    }
    take_idle(learner, row_judge(&learner->options, rows, i));
    return 1;
}

enum mix_err mix_learner_add(struct mix_learner *learner, const struct mix_rows *rows,
                             size_t *taken)
{
    *taken = queue_push(learner, rows) ? 1 : 0;
    if (*taken == 1) {
        return MIX_OK;
    }
    if (learner->selection != NULL) {
        return selection_add(learner->selection, rows, taken);
    }
    if (rows->n > 0 && rows->stride < learner->slow_model->shape.dimensions) {
        return MIX_ESIZE;
    }
    while (*taken < rows->n && !job_is_due(learner)) {
        if (!learner_reserve(learner, rows)) {
            return MIX_ENOMEM;
        }
        *taken += take(learner, rows, *taken);
    }
    return *taken < rows->n ? job_prepare(learner) : MIX_OK;
}

void mix_learner_prefetch(const struct mix_learner *learner)
{
    __builtin_prefetch(learner, 1);
}

void mix_learner_prefetch_row(const struct mix_learner *learner)
{
    queue_prefetch(&learner->queue);
}

/* ---- Control ------------------------------------------------------------- */

void mix_learner_freeze(struct mix_learner *learner)
{
    struct selection *selection = learner->selection;
    for (size_t c = 0; selection != NULL && c < selection->n; c++) {
        mix_learner_freeze(selection->candidate[c]);
    }
    learner->is_frozen = true;
    queue_close(learner);
}

void mix_learner_thaw(struct mix_learner *learner)
{
    struct selection *selection = learner->selection;
    for (size_t c = 0; selection != NULL && c < selection->n; c++) {
        mix_learner_thaw(selection->candidate[c]);
    }
    learner->is_frozen = false;
    job_settle(learner);
}

uint64_t learner_held(const struct mix_learner *learner)
{
    const uint64_t held = points_count(learner->memory);
    return learner->reservoir.age > held ? learner->reservoir.age : held;
}

/* Rows that are held, or sampled, and not yet in a model. */
static uint64_t queued(const struct mix_learner *learner)
{
    const uint64_t waiting =
        learner->has_model ? learner->counts.deferred : learner_held(learner);
    return waiting + learner_open_count(learner);
}

void mix_learner_reset(struct mix_learner *learner)
{
    if (learner->selection != NULL) {
        selection_reset(learner->selection);
        return;
    }
    struct counts *counts = &learner->counts;
    job_destroy(&learner->job);
    counts->learned += queued(learner);
    counts->deferred = counts->points = counts->updates = 0;
    reservoir_clear(&learner->reservoir);
    points_clear(learner->open);
    queue_clear(learner);
    learner->next_challenge = learner->last_challenge = 0;
    learner->is_challenged = learner->has_changed = learner->is_ending = false;
    if (learner->watch != NULL) {
        learner->watch->detector = (struct detector){0};
    }
    learner->next_fit = learner_first_fit(&learner->options);
    learner->has_model = learner->is_warm = false;
    learner->is_idle = learner->has_woken = false;
    dormancy_clear(learner->dormancy);
    batches_clear(learner->batches);
    learner->mean_score = learner->score_weight = 0;
    learner->high_score = -DBL_MAX;
    learner->clock = (struct clock){0};
    learner->floored = 0;
    pace_install(&learner->pace, 0, 0);
    learner_release(learner);
}

bool mix_learner_event(struct mix_learner *learner, struct mix_event *event)
{
    if (learner->selection != NULL) {
        return selection_event(learner->selection, event);
    }
    return events_take(&learner->events, event);
}

/* ---- Questions ----------------------------------------------------------- */

const struct mix_model *mix_learner_model(const struct mix_learner *learner)
{
    learner = shown(learner);
    return learner->has_model ? learner_model(learner) : NULL;
}

static enum mix_state state_of(const struct mix_learner *learner)
{
    if (learner->is_frozen) {
        return MIX_FROZEN;
    }
    return learner->is_warm ? MIX_LEARNING : MIX_WARMUP;
}

void mix_learner_info(const struct mix_learner *learner, struct mix_info *info)
{
    learner = shown(learner);
    const struct counts *counts = &learner->counts;
    *info = (struct mix_info){
        .state = state_of(learner),
        .added = counts->added,
        .learned = counts->learned,
        .unscorable = counts->unscorable,
        .frozen = counts->frozen,
        .queued = queued(learner),
        .points = counts->points,
        .updates = counts->updates,
        .effective_points = learner->has_model ? learner->pace.na : 0,
        .log_likelihood = learner->score_weight > 0 ? learner->mean_score : (double)NAN,
        .floored = learner->floored,
        .resolution = learner->has_model ? learner->scales->step : NULL,
        .ids = learner->has_model ? learner->ids : NULL,
        .dormant = learner->dormancy->n_dormant > 0 ? learner->dormancy->value : NULL,
    };
}

bool mix_learner_errors(const struct mix_learner *learner, double *means, double *weights)
{
    learner = shown(learner);
    if (!learner->has_model) {
        return false;
    }
    return batches_errors(learner->batches, learner_model(learner),
                          pace_error_points(&learner->pace, &learner->options), means,
                          weights);
}

double mix_learner_error(const struct mix_learner *learner)
{
    learner = shown(learner);
    const struct shape *shape = &learner->slow_model->shape;
    const size_t k_all = shape->components, dims = shape->dimensions;
    double mean[MIX_DIMENSIONS_MAX], variance[MIX_DIMENSIONS_MAX], largest = 0;
    double *errors = malloc((dims + 1) * k_all * sizeof(*errors));
    const bool are_known =
        errors != NULL && mix_learner_errors(learner, errors, errors + k_all * dims);
    for (size_t k = 0; are_known && k < k_all; k++) {
        mix_model_component(learner_model(learner), k, mean, variance);
        for (size_t d = 0; d < dims; d++) {
            largest = fmax(largest, errors[k * dims + d] / sqrt(variance[d]));
        }
    }
    free(errors);
    return are_known ? largest : (double)NAN;
}

/* seen: n rows as EM sees them; score: their log densities, and then their scores. */
static void score_rows(const struct mix_learner *learner, const double *seen, size_t n,
                       double *score, double *tail)
{
    const struct background background = learner_background(learner);
    const size_t dims = learner->slow_model->shape.dimensions;
    for (size_t i = 0; i < n; i++) {
        score[i] = score_point(&background, seen + i * dims, score[i]);
        tail[i] = isfinite(score[i]) ? tail_share(&learner->tail, score[i]) : (double)NAN;
    }
}

enum mix_err mix_learner_scores(const struct mix_learner *learner,
                                const struct mix_rows *rows, double *score, double *tail)
{
    learner = shown(learner);
    if (!learner->has_model) {
        return MIX_ENOTREADY;
    }
    const size_t dims = learner->slow_model->shape.dimensions;
    if (rows->stride < dims) {
        return MIX_ESIZE;
    }
    double *seen = malloc((rows->n > 0 ? rows->n : 1) * dims * sizeof(*seen));
    if (seen == NULL) {
        return MIX_ENOMEM;
    }
    for (size_t i = 0; i < rows->n; i++) {
        memcpy(seen + i * dims, rows->x + i * rows->stride, dims * sizeof(*seen));
        dormancy_fill(learner->dormancy, seen + i * dims);
    }
    const struct mix_rows filled = {.x = seen, .n = rows->n, .stride = dims};
    const enum mix_err err =
        mix_model_log_density(learner_model(learner), &filled, score);
    if (err == MIX_OK) {
        score_rows(learner, seen, rows->n, score, tail);
    }
    free(seen);
    return err;
}

enum mix_err mix_learner_score(const struct mix_learner *learner, const double *x,
                               double *score, double *tail)
{
    const struct mix_rows row = {
        .x = x, .n = 1, .stride = shown(learner)->options.dimensions};
    const enum mix_err err = mix_learner_scores(learner, &row, score, tail);
    return err == MIX_OK && !isfinite(*score) ? MIX_EVALUE : err;
}
