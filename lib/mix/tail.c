/* SPDX-License-Identifier: MIT */
#include "tail.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* Bins of a doubling: 16, by so many digits of the mantissa. */
#define BIN_DIGITS 4
/* Fading raises the unit instead of lowering the bins; past this all are rescaled. */
#define UNIT_LARGE 1e60

void tail_init(struct tail *tail, double reference)
{
    memset(tail, 0, sizeof(*tail));
    tail->reference = reference;
    tail->unit = 1;
}

static size_t bin_of(const struct tail *tail, double score)
{
    const double distance = score - tail->reference;
    const double folded = 1 + fmin(fabs(distance) / 2, 0x1p40);
    uint64_t bits;
    memcpy(&bits, &folded, sizeof(bits));
    const uint64_t wanted = (bits >> (52 - BIN_DIGITS)) - ((uint64_t)1023 << BIN_DIGITS);
    const size_t bin = wanted < TAIL_SIDE ? (size_t)wanted : TAIL_SIDE - 1;
    return distance < 0 ? TAIL_SIDE - 1 - bin : TAIL_SIDE + bin;
}

void tail_add(struct tail *tail, double score, double weight)
{
    tail->bins[bin_of(tail, score)] += weight * tail->unit;
    tail->total += weight * tail->unit;
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
    const size_t bin = bin_of(tail, score);
    double below = 0;
    for (size_t i = 0; i < bin; i++) {
        below += tail->bins[i];
    }
    return (below + (tail->bins[bin] + tail->unit) / 2) / (tail->total + tail->unit);
}
