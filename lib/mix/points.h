/* SPDX-License-Identifier: MIT
 *
 * Points held in memory, in blocks: the open block of a learner, the warm-up buffer,
 * the rows of a batch fit. A block is a structure of arrays, so that vectors run
 * across points:
 *
 *     block.x:  d = 0 | x_0 x_1 ... x_255 | d = 1 | x_0 x_1 ... x_255 | ...
 *
 * Lanes at and past n of a block with points hold zeros with weight 0, so a kernel may
 * always run over whole groups of 32 lanes. A missing entry is NaN in `x`.
 */
#ifndef POINTS_H
#define POINTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mix.h"

/* Points in a block: near the best everywhere between 128 and 512, and 256 points of
 * 16 dimensions fit in the first-level cache. */
#define BLOCK_POINTS 256

/* Points of a page, the unit in which changes are noted: 4 KiB at 8 dimensions, as much
 * as a file system and a database write at least. Divides BLOCK_POINTS. */
#define PAGE_POINTS 64

/* A page is captured anew at least after so many overwritten points per page there is;
 * see part.c. */
#define LOG_PER_PAGE 32

struct block {
    size_t n;                /* points, 0..BLOCK_POINTS */
    size_t dimensions;       /* D */
    double *x;               /* D x BLOCK_POINTS */
    double *weight;          /* BLOCK_POINTS; 0 at and past n */
    double *time;            /* BLOCK_POINTS, seconds; 0 where the stream has none */
    bool has_missing;        /* some x of the first n points is NaN */
    bool is_weighted;        /* some weight of the first n points is not 1 */
    size_t stale;            /* empty: lanes that hold what was cleared */
};

/* A growing list of points up to a fixed capacity; allocates in points_new(),
 * points_reserve() and points_release() only. */
struct points;

struct points *points_new(size_t dimensions, size_t capacity);
/* The same without room for any point. */
struct points *points_new_empty(size_t dimensions, size_t capacity);
void points_destroy(struct points **points);
/* Takes room for n points in all, at most the capacity; only with all of it may points be
 * overwritten. False without memory. */
bool points_reserve(struct points *points, size_t n);
/* Gives back room that the points do not need. */
void points_release(struct points *points);
void points_clear(struct points *points);

size_t points_count(const struct points *points);
size_t points_capacity(const struct points *points);
size_t points_dimensions(const struct points *points);

/* Appends row i of rows for i in [first, first + n); the caller keeps within the
 * capacity. Missing entries are written as one fixed NaN, -0.0 as 0.0. */
void points_append(struct points *points, const struct mix_rows *rows, size_t first,
                   size_t n);

/* Appends a block to points that end at the end of a block. Fields with a value[d] that
 * is not NaN get it in place of their own, but in points without any other entry, where
 * they get NaN. */
void points_append_block(struct points *points, const struct block *block,
                         const double *value);

/* Point i as a row: x has D doubles, weight and time may be NULL. */
void points_get(const struct points *points, size_t i, double *x, double *weight,
                double *time);
/* sample <- every so-manieth point, to its capacity; all of them where they fit. */
void points_stride(struct points *sample, const struct points *points);
/* Where the points stand: additions (of some points, or taking all away) and points that
 * were overwritten, so far. */
struct mix_mark points_mark(const struct points *points);
/* The addition that was the last in page p. */
uint64_t points_page_added(const struct points *points, size_t p);
/* Pages that the capacity is good for. */
size_t points_pages_max(const struct points *points);
/* For a capacity: points_log_size(), a multiple of PAGE_POINTS. */
size_t points_log_room(size_t capacity);

/* Of the points that were overwritten last, points_log_size() of them, which: number
 * counts from 1. */
size_t points_log_size(const struct points *points);
size_t points_logged(const struct points *points, uint64_t number);
/* Restoring: the number of the last point that was overwritten; then one more that was,
 * the point itself being as it is. */
void points_resume(struct points *points, uint64_t replaced);
void points_log(struct points *points, size_t i);
/* Pages that hold points: ceil(count / PAGE_POINTS). */
size_t points_pages(const struct points *points);

/* Overwrites point i < count. */
void points_set(struct points *points, size_t i, const double *x, double weight,
                double time);

/* The blocks that hold the points: ceil(count / BLOCK_POINTS) of them, all full but
 * the last. Views, valid until the points change. */
size_t points_blocks(const struct points *points);
const struct block *points_block(const struct points *points, size_t j);

#endif
