/* SPDX-License-Identifier: MIT
 *
 * Memory by event time: a point that lies dt seconds back counts 2^(-dt / H). A block
 * is discounted to the newest of its times, the past to the same moment, so that
 *
 *     T <- T 2^(-dt / H) + sum_i w_i u_i,   u_i = 2^(-(now - t_i) / H)
 *
 * equals the explicit sum of 2^(-(now - t_i) / H) over all points. Late rows count
 * less; a clock that stands still forgets nothing. A row whose time lies far beyond the
 * others of its block (a century ahead) does not move the clock and counts as new; where
 * a whole block lies far behind the clock, the clock is set back.
 */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdbool.h>

#include "points.h"

struct clock {
    double now; /* newest time that was believed, seconds */
    bool is_set;
};

/* Multiplies the weights of the rows by u_i and moves the clock. Returns what the past
 * counts, in [0, 1]. scratch: points_count(rows) doubles. */
double clock_discount(struct clock *clock, struct points *rows, double half_life,
                      double *scratch);

/* sum_i w_i 2^(-(now - t_i) / H) of rows that were not discounted. */
double clock_weight(const struct clock *clock, const struct points *rows,
                    double half_life);

#endif
