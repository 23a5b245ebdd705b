/* SPDX-License-Identifier: MIT */
#include "dormant.h"

#include <math.h>
#include <stdlib.h>

struct dormancy *dormancy_new(size_t dimensions)
{
    struct dormancy *dormancy = calloc(1, sizeof(*dormancy));
    if (dormancy == NULL) {
        return NULL;
    }
    dormancy->dimensions = dimensions;
    dormancy->value = calloc(dimensions, sizeof(*dormancy->value));
    dormancy->differing = calloc(dimensions, sizeof(*dormancy->differing));
    dormancy->witnesses = points_new_empty(dimensions, DORMANT_ROWS);
    dormancy->view = points_new_empty(dimensions, BLOCK_POINTS);
    if (dormancy->value == NULL || dormancy->differing == NULL ||
        dormancy->witnesses == NULL || dormancy->view == NULL) {
        dormancy_destroy(&dormancy);
        return NULL;
    }
    dormancy_clear(dormancy);
    return dormancy;
}

void dormancy_destroy(struct dormancy **dormancy)
{
    if (*dormancy != NULL) {
        free((*dormancy)->value);
        free((*dormancy)->differing);
        points_destroy(&(*dormancy)->witnesses);
        points_destroy(&(*dormancy)->view);
        free(*dormancy);
        *dormancy = NULL;
    }
}

void dormancy_clear(struct dormancy *dormancy)
{
    for (size_t d = 0; d < dormancy->dimensions; d++) {
        dormancy->value[d] = (double)NAN;
        dormancy->differing[d] = 0;
    }
    dormancy->n_dormant = 0;
    dormancy->n_witnesses = 0;
    points_clear(dormancy->witnesses);
    dormancy_release(dormancy);
}

bool dormancy_reserve(struct dormancy *dormancy)
{
    return points_reserve(dormancy->witnesses, DORMANT_ROWS) &&
           points_reserve(dormancy->view, BLOCK_POINTS);
}

void dormancy_release(struct dormancy *dormancy)
{
    if (dormancy->n_dormant == 0) {
        points_clear(dormancy->view);
        points_release(dormancy->view);
        points_release(dormancy->witnesses); /* stays while there are some */
    }
}

/* ---- Which fields -------------------------------------------------------- */

/* The first value of a field, NaN where there is none. */
static double first_value(const struct points *rows, size_t d)
{
    for (size_t j = 0; j < points_blocks(rows); j++) {
        const struct block *block = points_block(rows, j);
        const double *x = block->x + d * BLOCK_POINTS;
        for (size_t i = 0; i < block->n; i++) {
            if (!isnan(x[i])) {
                return x[i];
            }
        }
    }
    return (double)NAN;
}

/* Points of a block with another value than `value` in field d; missing is none. */
static uint64_t count_differing(const struct block *block, size_t d, double value)
{
    const double *x = block->x + d * BLOCK_POINTS;
    uint64_t n = 0;
    for (size_t i = 0; i < block->n; i++) {
        n += x[i] < value || x[i] > value;
    }
    return n;
}

/* Few rows in all, at the end of a short stream, are not asked for many that differ. */
static uint64_t rows_wanted(size_t n_rows)
{
    return n_rows < 2 * DORMANT_ROWS ? (n_rows + 1) / 2 : DORMANT_ROWS;
}

static void decide_field(struct dormancy *dormancy, const struct points *rows, size_t d)
{
    const double value = first_value(rows, d);
    uint64_t differing = 0;
    for (size_t j = 0; j < points_blocks(rows); j++) {
        differing += count_differing(points_block(rows, j), d, value);
    }
    if (!isnan(value) && differing < rows_wanted(points_count(rows))) {
        dormancy->value[d] = value;
        dormancy->differing[d] = differing;
        dormancy->n_dormant++;
    }
}

static bool can_be_dormant(const struct factor *factor)
{
    return factor->family == family_find("gaussian") &&
           factor->covariance != MIX_SPHERICAL;
}

bool dormancy_decide(struct dormancy *dormancy, const struct shape *shape,
                     const struct points *rows)
{
    dormancy_clear(dormancy);
    for (size_t i = 0; i < shape->n_factors; i++) {
        const struct factor *f = &shape->factors[i];
        for (size_t d = f->first; d < f->first + f->dimensions; d++) {
            if (can_be_dormant(f) && dormancy_reserve(dormancy)) {
                decide_field(dormancy, rows, d);
            }
        }
    }
    dormancy_release(dormancy);
    return dormancy->n_dormant == dormancy->dimensions;
}

static void keep_witness(struct dormancy *dormancy, const struct block *block, size_t i)
{
    double x[MIX_DIMENSIONS_MAX];
    const uint64_t place = dormancy->n_witnesses++ % DORMANT_ROWS;
    const struct mix_rows row = {.x = x,
                                 .n = 1,
                                 .stride = block->dimensions,
                                 .weight = &block->weight[i],
                                 .time = &block->time[i]};
    for (size_t d = 0; d < block->dimensions; d++) {
        x[d] = block->x[d * BLOCK_POINTS + i];
    }
    if (place < points_count(dormancy->witnesses)) {
        points_set(dormancy->witnesses, place, x, block->weight[i], block->time[i]);
    } else {
        points_append(dormancy->witnesses, &row, 0, 1);
    }
}

static bool differs(const struct dormancy *dormancy, const struct block *block, size_t i)
{
    for (size_t d = 0; d < block->dimensions; d++) {
        const double x = block->x[d * BLOCK_POINTS + i], value = dormancy->value[d];
        if (x < value || x > value) {
            return true;
        }
    }
    return false;
}

void dormancy_watch(struct dormancy *dormancy, const struct block *block)
{
    uint64_t differing = 0;
    for (size_t d = 0; dormancy->n_dormant > 0 && d < dormancy->dimensions; d++) {
        if (!isnan(dormancy->value[d])) {
            const uint64_t n = count_differing(block, d, dormancy->value[d]);
            dormancy->differing[d] += n;
            differing += n;
        }
    }
    for (size_t i = 0; differing > 0 && i < block->n; i++) {
        if (differs(dormancy, block, i)) {
            keep_witness(dormancy, block, i);
        }
    }
}

size_t dormancy_next_to_wake(const struct dormancy *dormancy)
{
    size_t d = 0;
    while (d < dormancy->dimensions && dormancy->differing[d] < DORMANT_ROWS) {
        d++;
    }
    return d;
}

void dormancy_wake(struct dormancy *dormancy, size_t d)
{
    dormancy->value[d] = (double)NAN;
    dormancy->differing[d] = 0;
    dormancy->n_dormant--;
    dormancy_release(dormancy);
}

/* ---- What EM sees -------------------------------------------------------- */

const struct block *dormancy_view(struct dormancy *dormancy, const struct block *block)
{
    if (dormancy->n_dormant == 0) {
        return block;
    }
    points_clear(dormancy->view);
    points_append_block(dormancy->view, block, dormancy->value);
    return points_block(dormancy->view, 0);
}

struct points *dormancy_copy(const struct dormancy *dormancy, const struct points *rows)
{
    struct points *copy = points_new(dormancy->dimensions, points_count(rows));
    for (size_t j = 0; copy != NULL && j < points_blocks(rows); j++) {
        points_append_block(copy, points_block(rows, j), dormancy->value);
    }
    return copy;
}

void dormancy_fill(const struct dormancy *dormancy, double *x)
{
    size_t seen = 0;
    for (size_t d = 0; d < dormancy->dimensions; d++) {
        seen += isnan(dormancy->value[d]) && !isnan(x[d]);
    }
    for (size_t d = 0; d < dormancy->dimensions; d++) {
        if (!isnan(dormancy->value[d])) {
            x[d] = seen > 0 ? dormancy->value[d] : (double)NAN;
        }
    }
}
