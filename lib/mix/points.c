/* SPDX-License-Identifier: MIT
 *
 * Points in blocks: one allocation for the block heads, one for all their arrays. */
#include "points.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernel.h"

struct points {
    size_t n, capacity, dimensions;
    size_t n_blocks;      /* allocated */
    struct block *blocks; /* n_blocks */
    double *values;       /* n_blocks x (D + 2) x BLOCK_POINTS: x, weight, time */
    struct mix_mark mark; /* never set back */
    uint64_t *added;      /* a page: mark.added after its last addition */
    uint32_t *log;        /* n_log: the points overwritten last, by number mod n_log */
    size_t n_log;         /* a multiple of PAGE_POINTS */
};

/* One page of the log is being written while the others cover a whole cycle. */
size_t points_log_room(size_t capacity)
{
    const size_t cycle = LOG_PER_PAGE * ((capacity + PAGE_POINTS - 1) / PAGE_POINTS);
    return ((cycle + PAGE_POINTS - 1) / PAGE_POINTS + 1) * PAGE_POINTS;
}

bool points_reserve(struct points *points)
{
    const size_t size = (points->dimensions + 2) * BLOCK_POINTS;
    if (points->values != NULL) {
        return true;
    }
    if (points->log == NULL) {
        points->log = calloc(points->n_log, sizeof(*points->log));
    }
    if (points->log == NULL) {
        return false;
    }
    points->values = calloc(points->n_blocks * size + 1, sizeof(double));
    for (size_t j = 0; points->values != NULL && j < points->n_blocks; j++) {
        struct block *block = &points->blocks[j];
        block->dimensions = points->dimensions;
        block->x = points->values + j * size;
        block->weight = block->x + points->dimensions * BLOCK_POINTS;
        block->time = block->weight + BLOCK_POINTS;
    }
    return points->values != NULL;
}

void points_release(struct points *points)
{
    if (points->n == 0) {
        free(points->values);
        points->values = NULL;
    }
    if (points->n == 0 && points->mark.replaced == 0) { /* nothing is in it yet */
        free(points->log);
        points->log = NULL;
    }
}

struct points *points_new(size_t dimensions, size_t capacity)
{
    struct points *points = calloc(1, sizeof(*points));
    if (points == NULL) {
        return NULL;
    }
    points->capacity = capacity;
    points->dimensions = dimensions;
    points->n_blocks = (capacity + BLOCK_POINTS - 1) / BLOCK_POINTS;
    points->blocks = calloc(points->n_blocks + 1, sizeof(*points->blocks));
    const size_t n_pages = points_pages_max(points);
    points->n_log = points_log_room(capacity);
    points->added = calloc(n_pages + 1, sizeof(*points->added));
    if (points->blocks == NULL || points->added == NULL || !points_reserve(points)) {
        points_destroy(&points);
        return NULL;
    }
    return points;
}

void points_destroy(struct points **points)
{
    if (*points != NULL) {
        free((*points)->blocks);
        free((*points)->values);
        free((*points)->added);
        free((*points)->log);
        free(*points);
        *points = NULL;
    }
}

void points_clear(struct points *points)
{
    const size_t size = (points->dimensions + 2) * BLOCK_POINTS;
    const size_t used = points_blocks(points);
    if (used > 0) {
        memset(points->values, 0, used * size * sizeof(double));
    }
    for (size_t j = 0; j < used; j++) {
        points->blocks[j].n = 0;
        points->blocks[j].has_missing = false;
        points->blocks[j].is_weighted = false;
    }
    points->mark.added++;
    for (size_t p = 0; p < points_pages(points); p++) {
        points->added[p] = points->mark.added;
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

/* Field d of rows [first, first + n) to the lanes from `lane` on. True: one is missing.
 */
static bool write_field(struct block *block, size_t d, size_t lane,
                        const struct mix_rows *rows, size_t first, size_t n)
{
    double *out = block->x + d * BLOCK_POINTS + lane;
    const double *x = rows->x + first * rows->stride + d;
    const bool has_missing = kernel_current()->collect(x, rows->stride, n, out);
    for (size_t i = 0; has_missing && i < n; i++) {
        out[i] = out[i] != out[i] ? (double)NAN : out[i];
    }
    return has_missing;
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

/* Rows that fit in the block, field by field: each is written to one stretch of memory.
 */
static void append_rows(struct block *block, const struct mix_rows *rows, size_t first,
                        size_t n)
{
    const size_t lane = block->n;
    if (n == 1) { /* a point a message: not worth a kernel */
        block_write(block, lane, rows->x + first * rows->stride,
                    rows->weight == NULL ? 1 : rows->weight[first],
                    rows->time == NULL ? 0 : rows->time[first]);
        block->n++;
        return;
    }
    for (size_t d = 0; d < block->dimensions; d++) {
        block->has_missing |= write_field(block, d, lane, rows, first, n);
    }
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
    return points->added[p];
}

size_t points_pages_max(const struct points *points)
{
    return (points->capacity + PAGE_POINTS - 1) / PAGE_POINTS;
}

size_t points_log_size(const struct points *points)
{
    return points->n_log;
}

size_t points_logged(const struct points *points, uint64_t number)
{
    return points->log[(number - 1) % points->n_log];
}

void points_resume(struct points *points, uint64_t replaced)
{
    points->mark.replaced = replaced;
}

void points_log(struct points *points, size_t i)
{
    points->log[points->mark.replaced++ % points->n_log] = (uint32_t)i;
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
