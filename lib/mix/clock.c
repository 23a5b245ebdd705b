/* SPDX-License-Identifier: MIT */
#include "clock.h"

#include <math.h>
#include <stdlib.h>

#include "special.h"

#define LN_2 0.69314718055994530942
/* A time so many half-lives beyond the middle of its block is not believed: all else in
 * the block would count less than 2^-32 beside it. */
#define AHEAD_MAX 32
/* A block so far behind the clock would count nothing: the clock is wrong. */
#define BEHIND_MAX 64

/* 2^(-dt / H); times after the clock count as now. */
static double share_at(double dt, double half_life)
{
    return dt > 0 ? special_exp(-LN_2 * (dt / half_life)) : 1;
}

static int compare_times(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The newest time of the rows that is believed. */
static double newest(const struct points *rows, double half_life, double *scratch)
{
    const size_t n = points_count(rows);
    for (size_t i = 0; i < n; i++) {
        scratch[i] = points_block(rows, i / BLOCK_POINTS)->time[i % BLOCK_POINTS];
    }
    qsort(scratch, n, sizeof(*scratch), compare_times);
    const double limit = scratch[n / 2] + AHEAD_MAX * half_life;
    size_t last = n - 1;
    while (scratch[last] > limit) {
        last--;
    }
    return scratch[last];
}

double clock_discount(struct clock *clock, struct points *rows, double half_life,
                      double *scratch)
{
    const size_t n = points_count(rows);
    if (n == 0) {
        return 1;
    }
    const double last = newest(rows, half_life, scratch);
    const double before = clock->now;
    const bool is_wrong = clock->is_set && before - last > BEHIND_MAX * half_life;
    const double kept =
        clock->is_set && !is_wrong ? share_at(last - before, half_life) : 1;
    if (!clock->is_set || is_wrong || last > before) {
        clock->now = last;
    }
    clock->is_set = true;
    for (size_t i = 0; i < n; i++) {
        double x[MIX_DIMENSIONS_MAX], weight, time;
        points_get(rows, i, x, &weight, &time);
        points_set(rows, i, x, weight * share_at(clock->now - time, half_life), time);
    }
    return kept;
}

double clock_weight(const struct clock *clock, const struct points *rows,
                    double half_life)
{
    double sum = 0;
    for (size_t j = 0; j < points_blocks(rows); j++) {
        const struct block *block = points_block(rows, j);
        for (size_t i = 0; i < block->n; i++) {
            sum += block->weight[i] * share_at(clock->now - block->time[i], half_life);
        }
    }
    return sum;
}
