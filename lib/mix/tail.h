/* SPDX-License-Identifier: MIT
 *
 * A decaying histogram of scores, for the share of recent points that scored lower.
 * It is a rank among recent points, never a probability that follows from the model.
 * Bins are 1/8 nat wide at the median score of the first model and widen with the
 * distance from it, 16 for every doubling of
 *
 *     1 + |score - reference| / 2
 *
 * so that 352 bins on either side reach 8e6 nats, more than a bounded score can differ.
 * The bin is in the bits of that number: exponent and four digits of the mantissa. The
 * bins of one stretch are kept, the others are empty: a settled model has some 80.
 * Histograms about the same reference merge by adding.
 *
 * Within a bin scores lie along a straight line between its neighbours, as far as it
 * has no more than these together. What it has beyond counts as one value, of which half
 * is below: fields of a few categories have few scores.
 */
#ifndef TAIL_H
#define TAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TAIL_SIDE 352
#define TAIL_BINS (2 * TAIL_SIDE)
/* Bins of a doubling: 16, by so many digits of the mantissa. */
#define TAIL_DIGITS 4
/* The largest number that has a bin of its own; all beyond share the last. */
#define TAIL_FOLDED_MAX 0x1.fffffffffffffp21

/* All 0: empty, about 0, to be begun. */
struct tail {
    double reference; /* nats */
    double unit;      /* what a point added now counts, grows as old ones fade */
    double total;     /* sum of the bins */
    double *bins;     /* bins [first, first + n), owned */
    size_t first, n;
};

/* Empties it. */
void tail_begin(struct tail *tail, double reference);
/* Gives its memory back. */
void tail_clear(struct tail *tail);
/* Takes room for bins [first, end). False without memory. */
bool tail_reserve(struct tail *tail, size_t first, size_t end);

/* The bin of a score, 0..TAIL_BINS - 1. */
size_t tail_bin(double reference, double score);
/* Adds n scores by their bins; those with bin -1 are left out, as are those of a bin that
 * no room was taken for. mass: sum of the weights of those whose bin is not -1. */
void tail_add_bins(struct tail *tail, const int64_t *bin, const double *weight, size_t n,
                   double mass);
void tail_add(struct tail *tail, double score, double weight);
/* Adds what another holds: exactly about the same reference, else to half a bin. What
 * there is no memory for is left out. */
void tail_merge(struct tail *tail, const struct tail *other);
/* All that is in counts `factor` in (0, 1] times what it did. */
void tail_fade(struct tail *tail, double factor);
/* (those below + 1/2) / (total + 1), in (0, 1). */
double tail_share(const struct tail *tail, double score);
/* The stretch [*first, *first + *n) outside of which all bins are 0. */
void tail_stretch(const struct tail *tail, size_t *first, size_t *n);

#endif
