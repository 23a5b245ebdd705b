/* SPDX-License-Identifier: MIT
 *
 * How much each block counts. Two timescales: the fast iterate drives the
 * responsibilities and has a window W that grows slowly, so that EM makes many
 * iterations; the slow average of the same block statistics is published. With n points
 * in the state, and 25 a free parameter as the base,
 *
 *     fast:  gamma = b / W,   W = min(n, base (n / base)^0.3)
 *     slow:  gamma = b (1 + eta) / (na + eta b),   eta = 0.5: weights that grow like
 * n^0.5
 *
 * A memory that was asked for caps both: na stays at `window` points, or is the sum of
 * what all points still count after their half-lives; both averages are then plain
 * exponential means over it.
 *
 * Before the last start of the warm-up both are the plain mean, gamma = b / n. The
 * textbook step gamma_t = (t + offset)^-exponent has one timescale; t counts blocks
 * since the start of the stream, those of the warm-up included, so that the first step
 * does not wipe it out.
 */
#ifndef PACE_H
#define PACE_H

#include <stdbool.h>

#include "mix.h"

struct pace {
    double base; /* the window where it began to grow */
    double n;    /* points in the state */
    double na;   /* memory of the slow average, in points */
};

/* What a block of weight b does to the two averages. */
struct steps {
    double fast, slow;               /* gamma in (0, 1] */
    double fast_points, slow_points; /* n_eff of their M-steps */
};

/* Both averages were set from `points` points. window: what the fast iterate remembers
 * at least; the smaller, the more iterations EM makes in the rest of the stream. */
void pace_install(struct pace *pace, double points, double window);

/* Before the warm-up's end, is_warm is false. b > 0: the weight of the block; kept: what
 * the past counts beside it, 1 but for a half-life. */
struct steps pace_step(struct pace *pace, const struct mix_options *options, bool is_warm,
                       double b, double kept);

/* Points whose plain mean has the variance of the slow average. */
double pace_error_points(const struct pace *pace, const struct mix_options *options);

#endif
