/* SPDX-License-Identifier: MIT */
#include "match.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "estep.h"

/* Blocks of points looked at, spread over all. */
#define BLOCKS_MAX 16

static void add_squares(const struct estep *estep, size_t n, double *squares)
{
    for (size_t k = 0; k < n; k++) {
        for (size_t p = 0; p < BLOCK_POINTS; p++) {
            const double r = estep->resp[k * BLOCK_POINTS + p];
            squares[k] += r * r;
        }
    }
}

/* Adds r_old r_new of a block to G, and the squares of both to their sums. */
static void add_block(struct match *match, const struct estep *old, size_t n_old,
                      const struct estep *new, size_t n_new, double *old_square,
                      double *new_square)
{
    const size_t k = match->components;
    for (size_t i = 0; i < n_old; i++) {
        const double *a = old->resp + i * BLOCK_POINTS;
        for (size_t j = 0; j < n_new; j++) {
            const double *b = new->resp + j * BLOCK_POINTS;
            double sum = 0;
            for (size_t p = 0; p < BLOCK_POINTS; p++) {
                sum += a[p] * b[p];
            }
            match->overlap[i * k + j] += sum;
        }
    }
    add_squares(old, n_old, old_square);
    add_squares(new, n_new, new_square);
}

/* G becomes J. */
static void normalise(struct match *match, const double *old_square,
                      const double *new_square)
{
    const size_t k = match->components;
    for (size_t i = 0; i < k; i++) {
        for (size_t j = 0; j < k; j++) {
            double *g = &match->overlap[i * k + j];
            const double either = old_square[i] + new_square[j] - *g;
            *g = either > 0 ? *g / either : 0;
        }
    }
}

/* Points of one weight: a heavy point is no more of a component than a light one. */
static void take_overlaps(struct match *match, const struct mix_model *old,
                          const struct mix_model *new, const struct points *points,
                          struct estep *const estep[2], double *squares)
{
    const size_t blocks = points_blocks(points);
    const size_t wanted = blocks < BLOCKS_MAX ? blocks : BLOCKS_MAX;
    double ones[BLOCK_POINTS];
    for (size_t i = 0; i < wanted; i++) {
        struct block block = *points_block(points, i * blocks / wanted);
        for (size_t p = 0; p < BLOCK_POINTS; p++) {
            ones[p] = p < block.n ? 1 : 0;
        }
        block.weight = ones;
        block.is_weighted = false;
        estep_run(estep[0], old, &block);
        estep_run(estep[1], new, &block);
        add_block(match, estep[0], old->shape.components, estep[1],
                  new->shape.components, squares, squares + match->components);
    }
    normalise(match, squares, squares + match->components);
}

struct match *match_new(const struct mix_model *old, const struct mix_model *new,
                        const struct points *points)
{
    const size_t n_old = old->shape.components, n_new = new->shape.components;
    const size_t k = n_old > n_new ? n_old : n_new;
    struct match *match = k <= MATCH_MAX ? calloc(1, sizeof(*match)) : NULL;
    if (match == NULL) {
        return NULL;
    }
    match->components = k;
    match->overlap = calloc(k * k, sizeof(*match->overlap));
    match->partner = calloc(k, sizeof(*match->partner));
    double *scratch = calloc(5 * (k + 1), sizeof(*scratch));
    struct estep *estep[2] = {estep_new(&old->shape), estep_new(&new->shape)};
    if (match->overlap == NULL || match->partner == NULL || scratch == NULL ||
        estep[0] == NULL || estep[1] == NULL) {
        match_destroy(&match);
    } else {
        take_overlaps(match, old, new, points, estep, scratch);
        match_assign(match->overlap, k, scratch, match->partner);
    }
    estep_destroy(&estep[0]);
    estep_destroy(&estep[1]);
    free(scratch);
    return match;
}

void match_destroy(struct match **match)
{
    if (*match != NULL) {
        free((*match)->overlap);
        free((*match)->partner);
        free(*match);
        *match = NULL;
    }
}

/* State of the assignment by shortest augmenting paths (R. Jonker and A. Volgenant,
 * Computing 38 (1987) 325-340); columns 1..n are new, rows 1..n old, 0 is none. */
struct assignment {
    const double *gain;
    size_t n;
    double *row_price, *column_price, *least, *row_of, *previous;
};

/* Lengthens the tree of tight columns by one; returns the column that came in. */
static size_t grow_tree(struct assignment *a, size_t column, bool *used)
{
    const size_t row = (size_t)a->row_of[column];
    double delta = HUGE_VAL;
    size_t next = 0;
    used[column] = true;
    for (size_t j = 1; j <= a->n; j++) {
        if (used[j]) {
            continue;
        }
        const double cost = -a->gain[(row - 1) * a->n + j - 1];
        const double reduced = cost - a->row_price[row] - a->column_price[j];
        if (reduced < a->least[j]) {
            a->least[j] = reduced;
            a->previous[j] = (double)column;
        }
        if (a->least[j] < delta) {
            delta = a->least[j];
            next = j;
        }
    }
    for (size_t j = 0; j <= a->n; j++) {
        if (used[j]) {
            a->row_price[(size_t)a->row_of[j]] += delta;
            a->column_price[j] -= delta;
        } else {
            a->least[j] -= delta;
        }
    }
    return next;
}

static void assign_row(struct assignment *a, size_t row)
{
    bool used[MATCH_MAX + 1] = {false};
    size_t column = 0;
    a->row_of[0] = (double)row;
    for (size_t j = 0; j <= a->n; j++) {
        a->least[j] = HUGE_VAL;
    }
    do {
        column = grow_tree(a, column, used);
    } while (a->row_of[column] > 0);
    while (column != 0) {
        const size_t before = (size_t)a->previous[column];
        a->row_of[column] = a->row_of[before];
        column = before;
    }
}

void match_assign(const double *gain, size_t n, double *scratch, size_t *partner)
{
    const size_t m = n + 1;
    struct assignment a = {.gain = gain,
                           .n = n,
                           .row_price = scratch,
                           .column_price = scratch + m,
                           .least = scratch + 2 * m,
                           .row_of = scratch + 3 * m,
                           .previous = scratch + 4 * m};
    memset(scratch, 0, 5 * m * sizeof(*scratch));
    for (size_t row = 1; row <= n; row++) {
        assign_row(&a, row);
    }
    for (size_t j = 1; j <= n; j++) {
        partner[(size_t)a.row_of[j] - 1] = j - 1;
    }
}
