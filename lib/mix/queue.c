/* SPDX-License-Identifier: MIT
 *
 * The rows of the open block of a compact learner: a queue that grows and goes, until
 * the block is full and its rows are put where the kernels want them. */
#include <math.h>
#include <stdlib.h>

#include "learner.h"
#include "rows.h"

/* Rows of room are taken by so many: twice as much each time would leave a quarter of the
 * room of many learners empty. */
#define ROOM_STEP 32

size_t learner_open_count(const struct mix_learner *learner)
{
    return points_count(learner->open) + learner->queue.n;
}

size_t learner_open_room(const struct mix_learner *learner)
{
    size_t size = learner->is_idle ? WARMUP_BLOCK : learner->options.block;
    if (!learner->is_warm && !learner->is_idle) {
        const size_t until_fit = learner->next_fit - points_count(learner->memory);
        size = size < WARMUP_BLOCK ? size : WARMUP_BLOCK;
        size = size < until_fit ? size : until_fit;
    }
    return size - learner_open_count(learner);
}

bool queue_takes(const struct mix_learner *learner, const struct mix_rows *rows)
{
    return learner->options.compact && (learner->has_model || learner->is_idle) &&
           rows->weight == NULL && rows->time == NULL &&
           points_count(learner->open) == 0 && learner_open_room(learner) > 1;
}

static bool grow(struct mix_learner *learner)
{
    struct queue *queue = &learner->queue;
    const size_t room = queue->room + ROOM_STEP;
    const size_t dims = learner->options.dimensions;
    double *x = realloc(queue->x, room * dims * sizeof(*x));
    if (x == NULL) {
        return false;
    }
    queue->x = x;
    queue->room = (uint32_t)room;
    queue->dimensions = (uint32_t)dims;
    return true;
}

/* The last row of a block is not the queue's. */
static void make_ready(struct mix_learner *learner)
{
    struct queue *queue = &learner->queue;
    const size_t end = queue->n + learner_open_room(learner) - 1;
    const size_t ready = end < queue->room ? end : queue->room;
    queue->ready = rows_are_plain(&learner->options) ? (uint32_t)ready : 0;
}

bool queue_push(struct mix_learner *learner, const struct mix_rows *rows)
{
    struct queue *queue = &learner->queue;
    const size_t dims = queue->dimensions;
    if (queue->n == 0 || queue->n >= queue->ready || rows->n != 1 ||
        rows->stride < dims || rows->weight != NULL || rows->time != NULL ||
        learner->is_frozen || job_is_due(learner) || !rows_in_range(rows->x, dims)) {
        return false;
    }
    double *to = queue->x + queue->n * dims;
    for (size_t d = 0; d < dims; d++) {
        to[d] = rows->x[d] + 0.0;
    }
    queue->n++;
    learner->counts.added++;
    return true;
}

/* For the next of n rows, and for what is queued, wherever they go. */
static bool reserve_points(struct mix_learner *learner, size_t n)
{
    const size_t room = learner_room(learner), next = n < room ? n : room;
    const size_t open = learner_open_count(learner) + next;
    const size_t held = points_count(learner->memory);
    if (learner->is_frozen) { /* they are only counted */
        return true;
    }
    if (!learner->has_model && !learner->is_idle) {
        return points_reserve(learner->memory, held + next);
    }
    return points_reserve(learner->open, open) &&
           (!learner_samples(learner) || points_reserve(learner->memory, held + open));
}

bool learner_reserve(struct mix_learner *learner, const struct mix_rows *rows)
{
    if (learner->selection != NULL) {
        return rows != NULL || selection_reserve(learner->selection);
    }
    if (rows != NULL && queue_takes(learner, rows)) {
        return learner->queue.n < learner->queue.room || grow(learner);
    }
    return rows == NULL ? points_reserve(learner->open, SIZE_MAX) &&
                              points_reserve(learner->memory, SIZE_MAX)
                        : reserve_points(learner, rows->n);
}

void learner_release(struct mix_learner *learner)
{
    if (learner->selection != NULL) {
        selection_release(learner->selection);
        return;
    }
    if (!learner->options.compact) {
        return;
    }
    points_release(learner->open);
    points_release(learner->memory);
    if (learner->queue.n == 0) {
        free(learner->queue.x);
        learner->queue = (struct queue){0};
    }
}

size_t queue_add(struct mix_learner *learner, const struct mix_rows *rows, size_t first,
                 size_t n)
{
    struct queue *queue = &learner->queue;
    const size_t dims = learner->model->shape.dimensions;
    const size_t left = queue->room - queue->n, run = n < left ? n : left;
    double *to = queue->x + queue->n * dims;
    for (size_t i = first; i < first + run; i++) {
        const double *x = rows->x + i * rows->stride;
        for (size_t d = 0; d < dims; d++) { /* in the form that points have */
            *to++ = isnan(x[d]) ? (double)NAN : x[d] + 0.0;
        }
    }
    queue->n += (uint32_t)run;
    make_ready(learner);
    return run;
}

void queue_empty(struct mix_learner *learner)
{
    const struct mix_rows rows = {.x = learner->queue.x,
                                  .n = learner->queue.n,
                                  .stride = learner->model->shape.dimensions};
    points_append(learner->open, &rows, 0, rows.n);
    learner->queue.n = 0;
}
