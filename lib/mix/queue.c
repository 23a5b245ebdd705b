/* SPDX-License-Identifier: MIT
 *
 * The rows of the open block of a compact learner: a queue that grows and goes, until
 * the block is full and its rows are put where the kernels want them. */
#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>

#include "learner.h"
#include "rows.h"

static_assert(offsetof(struct mix_learner, counts.learned) <= CACHE_LINE,
              "a row that is queued touches one line of its learner");

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

/* Adds a part to a queue that is full. False without memory. */
static bool grow(struct mix_learner *learner, size_t dims)
{
    struct queue *queue = &learner->queue;
    struct queue_part *part =
        malloc(sizeof(*part) + QUEUE_PART * dims * sizeof(part->x[0]));
    if (part == NULL) {
        return false;
    }
    part->next = NULL;
    if (queue->room == 0) {
        learner->first_part = part;
    } else {
        learner->last_part->next = part;
    }
    learner->last_part = part;
    queue->next = part->x;
    queue->room += QUEUE_PART;
    queue->dimensions = (uint32_t)dims;
    return true;
}

bool queue_push(struct mix_learner *learner, const struct mix_rows *rows)
{
    struct queue *queue = &learner->queue;
    const size_t dims = queue->dimensions;
    size_t bad = 0;
    if (queue->n >= queue->end || rows->n != 1 || rows->stride < dims ||
        rows->weight != NULL || rows->time != NULL ||
        (queue->n == queue->room && !grow(learner, dims))) {
        return false;
    }
    double *to = queue->next;
    for (size_t d = 0; d < dims; d++) {
        bad += !(fabs(rows->x[d]) <= ROW_VALUE_MAX);
        to[d] = rows->x[d] + 0.0;
    }
    if (bad > 0) {
        return false;
    }
    queue->next = to + dims;
    queue->n++;
    learner->counts.added++;
    return true;
}

void queue_prefetch(const struct queue *queue)
{
    if (queue->n < queue->room) {
        __builtin_prefetch(queue->next, 1);
        __builtin_prefetch(queue->next + queue->dimensions - 1, 1);
    }
}

void queue_close(struct mix_learner *learner)
{
    learner->queue.end = 0;
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
        return learner->queue.n < learner->queue.room ||
               grow(learner, learner->options.dimensions);
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
}

size_t queue_add(struct mix_learner *learner, const struct mix_rows *rows, size_t first,
                 size_t n)
{
    struct queue *queue = &learner->queue;
    const size_t dims = queue->dimensions;
    const size_t left = queue->room - queue->n, run = n < left ? n : left;
    for (size_t i = first; i < first + run; i++) {
        const double *x = rows->x + i * rows->stride;
        for (size_t d = 0; d < dims; d++) { /* in the form that points have */
            *queue->next++ = isnan(x[d]) ? (double)NAN : x[d] + 0.0;
        }
    }
    queue->n += (uint32_t)run;
    /* The last row of a block is not the queue's. */
    const size_t end = queue->n + learner_open_room(learner) - 1;
    queue->end = rows_are_plain(&learner->options) ? (uint32_t)end : 0;
    return run;
}

void queue_empty(struct mix_learner *learner)
{
    struct queue *queue = &learner->queue;
    struct queue_part *part = learner->first_part;
    for (size_t j = 0; j * QUEUE_PART < queue->n; j++, part = part->next) {
        const size_t left = queue->n - j * QUEUE_PART;
        const struct mix_rows rows = {.x = part->x,
                                      .n = left < QUEUE_PART ? left : QUEUE_PART,
                                      .stride = queue->dimensions};
        points_append(learner->open, &rows, 0, rows.n);
    }
    queue_clear(learner);
}

void queue_clear(struct mix_learner *learner)
{
    struct queue_part *part = learner->first_part;
    while (part != NULL) {
        struct queue_part *next = part->next;
        free(part);
        part = next;
    }
    learner->first_part = learner->last_part = NULL;
    learner->queue = (struct queue){0};
}

void queue_refill(struct mix_learner *learner)
{
    struct queue *queue = &learner->queue;
    const size_t n = points_count(learner->open), dims = learner->options.dimensions;
    if (!learner->options.compact || !(learner->has_model || learner->is_idle)) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        double weight = 0, time = 0;
        const bool has_room = queue->n < queue->room || grow(learner, dims);
        if (has_room) {
            points_get(learner->open, i, queue->next, &weight, &time);
        }
        if (weight != 1 || time != 0) { /* not all of them can be there, or no memory */
            queue_clear(learner);
            return;
        }
        queue->next += dims;
        queue->n++;
    }
    points_clear(learner->open);
}
