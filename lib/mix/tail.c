/* SPDX-License-Identifier: MIT */
#include "tail.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* Fading raises the unit instead of lowering the bins; past this all are rescaled. */
#define UNIT_LARGE 1e60

void tail_init(struct tail *tail, double reference)
{
    memset(tail, 0, sizeof(*tail));
    tail->reference = reference;
    tail->unit = 1;
}

size_t tail_bin(double reference, double score)
{
    const double distance = score - reference;
    const double folded = fmin(1 + fabs(distance) / 2, TAIL_FOLDED_MAX);
    uint64_t bits;
    memcpy(&bits, &folded, sizeof(bits));
    const size_t side =
        (size_t)((bits >> (52 - TAIL_DIGITS)) - ((uint64_t)1023 << TAIL_DIGITS));
    return distance < 0 ? TAIL_SIDE - 1 - side : TAIL_SIDE + side;
}

void tail_add(struct tail *tail, double score, double weight)
{
    tail->bins[tail_bin(tail->reference, score)] += weight * tail->unit;
    tail->total += weight * tail->unit;
}

void tail_add_bins(struct tail *tail, const int64_t *bin, const double *weight, size_t n)
{
    const double unit = tail->unit;
    double total = 0;
    for (size_t i = 0; i < n; i++) {
        if (bin[i] >= 0) {
            tail->bins[bin[i]] += weight[i] * unit;
            total += weight[i];
        }
    }
    tail->total += total * unit;
}

void tail_fade(struct tail *tail, double factor)
{
    tail->unit /= fmax(factor, 1 / UNIT_LARGE);
    if (tail->unit < UNIT_LARGE) {
        return;
    }
    tail->total = 0;
    for (size_t i = 0; i < TAIL_BINS; i++) {
        tail->bins[i] /= tail->unit;
        tail->total += tail->bins[i];
    }
    tail->unit = 1;
}

double tail_share(const struct tail *tail, double score)
{
    const size_t bin = tail_bin(tail->reference, score);
    double below = 0;
    for (size_t i = 0; i < bin; i++) {
        below += tail->bins[i];
    }
    return (below + (tail->bins[bin] + tail->unit) / 2) / (tail->total + tail->unit);
}
