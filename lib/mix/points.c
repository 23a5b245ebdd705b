/* SPDX-License-Identifier: MIT
 *
 * Points in blocks: one allocation for their arrays and heads, which moves as it grows.
 */
#include "points.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernel.h"

struct points {
    size_t n, capacity, dimensions;
    size_t n_blocks;      /* that there is room for */
    double *values;       /* n_blocks x (D + 2) x BLOCK_POINTS: x, weight, time; owned */
    struct block *blocks; /* n_blocks, behind the values */
    uint64_t *added; /* a page, behind the blocks: mark.added after its last addition */
    struct mix_mark mark; /* never set back */
    uint64_t cleared;     /* mark.added when the points were last taken away */
    size_t n_paged;       /* pages that ever held points, up to then */
    uint32_t *log; /* the points overwritten last, by number mod points_log_size() */
};

/* One page of the log is being written while the others cover a whole cycle. */
size_t points_log_room(size_t capacity)
{
    const size_t cycle = LOG_PER_PAGE * ((capacity + PAGE_POINTS - 1) / PAGE_POINTS);
    return ((cycle + PAGE_POINTS - 1) / PAGE_POINTS + 1) * PAGE_POINTS;
}

static size_t blocks_of(size_t n)
{
    return (n + BLOCK_POINTS - 1) / BLOCK_POINTS;
}

static size_t block_values(const struct points *points)
{
    return (points->dimensions + 2) * BLOCK_POINTS;
}

/* Pages of a block. */
enum { BLOCK_PAGES = BLOCK_POINTS / PAGE_POINTS };

/* Sets the views of room for n blocks. */
static void lay_out(struct points *points, double *values, size_t n)
{
    points->values = values;
    points->blocks = (struct block *)(values + n * block_values(points));
    points->added = (uint64_t *)(points->blocks + n);
    points->n_blocks = n;
    for (size_t j = 0; j < n; j++) {
        struct block *block = &points->blocks[j];
        block->dimensions = points->dimensions;
        block->x = values + j * block_values(points);
        block->weight = block->x + points->dimensions * BLOCK_POINTS;
        block->time = block->weight + BLOCK_POINTS;
    }
}

/* Moves the points to room for n blocks, which is enough. */
static bool resize(struct points *points, size_t n)
{
    const struct points old = *points;
    const size_t used = points_blocks(points);
    const size_t bytes = block_values(points) * sizeof(double) + sizeof(struct block) +
                         BLOCK_PAGES * sizeof(uint64_t);
    double *values = calloc(n, bytes);
    if (values == NULL) {
        return false;
    }
    if (used > 0) {
        memcpy(values, old.values, used * block_values(points) * sizeof(double));
        memcpy(values + n * block_values(points), old.blocks,
               used * sizeof(struct block));
    }
    lay_out(points, values, n);
    if (used > 0) {
        memcpy(points->added, old.added, points_pages(points) * sizeof(uint64_t));
    }
    free(old.values);
    return true;
}

bool points_reserve(struct points *points, size_t n)
{
    const size_t wanted = n < points->capacity ? n : points->capacity;
    const size_t n_log = points_log_size(points);
    if (wanted == points->capacity && points->log == NULL) {
        points->log = calloc(n_log, sizeof(*points->log));
        if (points->log == NULL) {
            return false;
        }
    }
    return blocks_of(wanted) <= points->n_blocks || resize(points, blocks_of(wanted));
}

void points_release(struct points *points)
{
    const size_t used = points_blocks(points);
    if (used == 0) {
        free(points->values);
        points->values = NULL;
        points->blocks = NULL;
        points->added = NULL;
        points->n_blocks = 0;
    } else if (used < points->n_blocks) {
        (void)resize(points, used); /* without memory it stays as it is */
    }
    if (points->n < points->capacity && points->mark.replaced == 0) {
        free(points->log); /* nothing is in it yet */
        points->log = NULL;
    }
}

struct points *points_new_empty(size_t dimensions, size_t capacity)
{
    struct points *points = calloc(1, sizeof(*points));
    if (points != NULL) {
        points->capacity = capacity;
        points->dimensions = dimensions;
    }
    return points;
}

struct points *points_new(size_t dimensions, size_t capacity)
{
    struct points *points = points_new_empty(dimensions, capacity);
    if (points != NULL && !points_reserve(points, capacity)) {
        points_destroy(&points);
    }
    return points;
}

void points_destroy(struct points **points)
{
    if (*points != NULL) {
        free((*points)->values);
        free((*points)->log);
        free(*points);
        *points = NULL;
    }
}

void points_clear(struct points *points)
{
    const size_t used = points_blocks(points), pages = points_pages(points);
    for (size_t j = 0; j < used; j++) {
        points->blocks[j].stale = points->blocks[j].n;
        points->blocks[j].n = 0;
        points->blocks[j].has_missing = false;
        points->blocks[j].is_weighted = false;
    }
    points->mark.added++;
    if (pages > 0) {
        points->cleared = points->mark.added;
        points->n_paged = pages > points->n_paged ? pages : points->n_paged;
    }
    points->n = 0;
}

size_t points_count(const struct points *points)
{
    return points->n;
}

size_t points_capacity(const struct points *points)
{
    return points->capacity;
}

size_t points_dimensions(const struct points *points)
{
    return points->dimensions;
}

static void block_write(struct block *block, size_t i, const double *x, double weight,
                        double time)
{
    for (size_t d = 0; d < block->dimensions; d++) {
        const bool is_missing = x[d] != x[d];
        block->x[d * BLOCK_POINTS + i] = is_missing ? (double)NAN : x[d] + 0.0;
        block->has_missing |= is_missing;
    }
    block->weight[i] = weight;
    block->time[i] = time;
    block->is_weighted |= weight != 1;
}

/* Rows [first, first + n) to the lanes from `lane` on. */
static void write_fields(struct block *block, size_t lane, const struct mix_rows *rows,
                         size_t first, size_t n)
{
    const struct kernel_spread job = {.dims = block->dimensions,
                                      .n = n,
                                      .stride = rows->stride,
                                      .x = rows->x + first * rows->stride,
                                      .out = block->x + lane};
    const bool has_missing = kernel_current()->spread(&job);
    block->has_missing |= has_missing;
    for (size_t d = 0; has_missing && d < block->dimensions; d++) {
        double *x = job.out + d * BLOCK_POINTS;
        for (size_t i = 0; i < n; i++) {
            x[i] = x[i] != x[i] ? (double)NAN : x[i];
        }
    }
}

/* Weights and times from `lane` on; those past the end of a block are 0 already. */
static void write_extras(struct block *block, size_t lane, const struct mix_rows *rows,
                         size_t first, size_t n)
{
    for (size_t i = 0; rows->weight == NULL && i < n; i++) {
        block->weight[lane + i] = 1;
    }
    for (size_t i = 0; rows->weight != NULL && i < n; i++) {
        block->weight[lane + i] = rows->weight[first + i];
        block->is_weighted |= rows->weight[first + i] != 1;
    }
    if (rows->time != NULL) {
        memcpy(block->time + lane, rows->time + first, n * sizeof(*rows->time));
    }
}

/* The first n points of the block are to be written, their times if there are some: zeros
 * go where old values would stay. */
static void begin_block(struct block *block, size_t n, bool has_time)
{
    for (size_t d = 0; block->stale > 0 && d < block->dimensions + 2; d++) {
        const size_t first = d <= block->dimensions || has_time ? n : 0;
        const size_t left = block->stale > first ? block->stale - first : 0;
        memset(block->x + d * BLOCK_POINTS + first, 0, left * sizeof(double));
    }
    block->stale = 0;
}

/* Rows that fit in the block. */
static void append_rows(struct block *block, const struct mix_rows *rows, size_t first,
                        size_t n)
{
    const size_t lane = block->n;
    if (lane == 0) {
        begin_block(block, n, rows->time != NULL || n == 1);
    }
    if (n == 1) { /* a point a message: not worth a kernel */
        block_write(block, lane, rows->x + first * rows->stride,
                    rows->weight == NULL ? 1 : rows->weight[first],
                    rows->time == NULL ? 0 : rows->time[first]);
        block->n++;
        return;
    }
    write_fields(block, lane, rows, first, n);
    write_extras(block, lane, rows, first, n);
    block->n += n;
}

/* The last addition was of points [first, first + n), n > 0. */
static void note_addition(struct points *points, size_t first, size_t n)
{
    for (size_t p = first / PAGE_POINTS; p <= (first + n - 1) / PAGE_POINTS; p++) {
        points->added[p] = points->mark.added;
    }
}

void points_append(struct points *points, const struct mix_rows *rows, size_t first,
                   size_t n)
{
    points->mark.added++;
    while (n > 0) {
        struct block *block = &points->blocks[points->n / BLOCK_POINTS];
        const size_t room = BLOCK_POINTS - block->n;
        const size_t part = n < room ? n : room;
        append_rows(block, rows, first, part);
        note_addition(points, points->n, part);
        points->n += part;
        first += part;
        n -= part;
    }
}

/* Points without an entry in the fields that keep their own lose all the others. */
static void clear_empty(struct block *block, const double *value)
{
    for (size_t i = 0; i < block->n; i++) {
        size_t seen = 0;
        for (size_t d = 0; d < block->dimensions; d++) {
            const double x = block->x[d * BLOCK_POINTS + i];
            seen += value[d] != value[d] && x == x;
        }
        for (size_t d = 0; seen == 0 && d < block->dimensions; d++) {
            block->x[d * BLOCK_POINTS + i] = (double)NAN;
        }
    }
}

void points_append_block(struct points *points, const struct block *block,
                         const double *value)
{
    struct block *to = &points->blocks[points->n / BLOCK_POINTS];
    const size_t size = BLOCK_POINTS * sizeof(double);
    memcpy(to->weight, block->weight, size);
    memcpy(to->time, block->time, size);
    for (size_t d = 0; d < block->dimensions; d++) {
        memcpy(to->x + d * BLOCK_POINTS, block->x + d * BLOCK_POINTS, size);
        for (size_t i = 0; value[d] == value[d] && i < block->n; i++) {
            to->x[d * BLOCK_POINTS + i] = value[d];
        }
    }
    to->n = block->n;
    to->stale = 0;
    to->has_missing = block->has_missing;
    to->is_weighted = block->is_weighted;
    points->mark.added++;
    note_addition(points, points->n, block->n);
    points->n += block->n;
    if (block->has_missing) {
        clear_empty(to, value);
    }
}

void points_get(const struct points *points, size_t i, double *x, double *weight,
                double *time)
{
    const struct block *block = &points->blocks[i / BLOCK_POINTS];
    const size_t lane = i % BLOCK_POINTS;
    for (size_t d = 0; d < block->dimensions; d++) {
        x[d] = block->x[d * BLOCK_POINTS + lane];
    }
    if (weight != NULL) {
        *weight = block->weight[lane];
    }
    if (time != NULL) {
        *time = block->time[lane];
    }
}

void points_stride(struct points *sample, const struct points *points)
{
    const size_t n = points_count(points), room = points_capacity(sample);
    const size_t wanted = n < room ? n : room;
    double x[MIX_DIMENSIONS_MAX], weight, time;
    const struct mix_rows row = {.x = x,
                                 .n = 1,
                                 .stride = points_dimensions(points),
                                 .weight = &weight,
                                 .time = &time};
    points_clear(sample);
    for (size_t i = 0; i < wanted; i++) {
        points_get(points, i * n / wanted, x, &weight, &time);
        points_append(sample, &row, 0, 1);
    }
}

void points_set(struct points *points, size_t i, const double *x, double weight,
                double time)
{
    block_write(&points->blocks[i / BLOCK_POINTS], i % BLOCK_POINTS, x, weight, time);
    points_log(points, i);
}

struct mix_mark points_mark(const struct points *points)
{
    return points->mark;
}

uint64_t points_page_added(const struct points *points, size_t p)
{
    if (p < points_pages(points)) {
        return points->added[p];
    }
    return p < points->n_paged ? points->cleared : 0;
}

size_t points_pages_max(const struct points *points)
{
    return (points->capacity + PAGE_POINTS - 1) / PAGE_POINTS;
}

size_t points_log_size(const struct points *points)
{
    return points_log_room(points->capacity);
}

size_t points_logged(const struct points *points, uint64_t number)
{
    return points->log[(number - 1) % points_log_size(points)];
}

void points_resume(struct points *points, uint64_t replaced)
{
    points->mark.replaced = replaced;
}

void points_log(struct points *points, size_t i)
{
    points->log[points->mark.replaced++ % points_log_size(points)] = (uint32_t)i;
}

size_t points_pages(const struct points *points)
{
    return (points->n + PAGE_POINTS - 1) / PAGE_POINTS;
}

size_t points_blocks(const struct points *points)
{
    return (points->n + BLOCK_POINTS - 1) / BLOCK_POINTS;
}

const struct block *points_block(const struct points *points, size_t j)
{
    return &points->blocks[j];
}
