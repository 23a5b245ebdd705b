/* SPDX-License-Identifier: MIT */
#include "tail.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Fading raises the unit instead of lowering the bins; past this all are rescaled. */
#define UNIT_LARGE 1e60
/* Room is taken in steps of so many bins: it grows seldom. */
#define STEP 8

/* Also where a total of huge weights dwarfs the unit. */
#define BELOW_ONE (1 - DBL_EPSILON / 2)

/* Digits of a mantissa behind those of the bin. */
#define REST_DIGITS (52 - TAIL_DIGITS)

void tail_begin(struct tail *tail, double reference)
{
    if (tail->n > 0) {
        memset(tail->bins, 0, tail->n * sizeof(*tail->bins));
    }
    tail->reference = reference;
    tail->unit = 1;
    tail->total = 0;
}

void tail_clear(struct tail *tail)
{
    free(tail->bins);
    *tail = (struct tail){0};
}

bool tail_reserve(struct tail *tail, size_t first, size_t end)
{
    const size_t old_end = tail->first + tail->n;
    if (end <= first || (first >= tail->first && end <= old_end)) {
        return true;
    }
    if (tail->n > 0) {
        first = first < tail->first ? first : tail->first;
        end = end > old_end ? end : old_end;
    }
    first = first / STEP * STEP;
    end = (end + STEP - 1) / STEP * STEP;
    double *bins = calloc(end - first, sizeof(*bins));
    if (bins == NULL) {
        return false;
    }
    if (tail->n > 0) {
        memcpy(bins + (tail->first - first), tail->bins, tail->n * sizeof(*bins));
    }
    free(tail->bins);
    tail->bins = bins;
    tail->first = first;
    tail->n = end - first;
    return true;
}

/* ---- Bins ---------------------------------------------------------------- */

/* The bits of 1 + |score - reference| / 2. */
static uint64_t fold(double distance)
{
    const double folded = fmin(1 + fabs(distance) / 2, TAIL_FOLDED_MAX);
    uint64_t bits;
    memcpy(&bits, &folded, sizeof(bits));
    return bits;
}

static size_t bin_of(double distance, uint64_t bits)
{
    const size_t side = (size_t)((bits >> REST_DIGITS) - ((uint64_t)1023 << TAIL_DIGITS));
    return distance < 0 ? TAIL_SIDE - 1 - side : TAIL_SIDE + side;
}

size_t tail_bin(double reference, double score)
{
    const double distance = score - reference;
    return bin_of(distance, fold(distance));
}

/* What is in a bin, wherever it is. */
static double bin_mass(const struct tail *tail, size_t bin)
{
    return bin - tail->first < tail->n ? tail->bins[bin - tail->first] : 0;
}

void tail_stretch(const struct tail *tail, size_t *first, size_t *n)
{
    size_t begin = 0, end = tail->n;
    while (end > 0 && !(tail->bins[end - 1] > 0)) {
        end--;
    }
    while (begin < end && !(tail->bins[begin] > 0)) {
        begin++;
    }
    *first = begin == end ? 0 : tail->first + begin;
    *n = end - begin;
}

/* ---- Points -------------------------------------------------------------- */

void tail_add_bins(struct tail *tail, const int64_t *bin, const double *weight, size_t n,
                   double mass)
{
    const size_t first = tail->first, n_bins = tail->n;
    const double unit = tail->unit;
    double *const bins = tail->bins;
    for (size_t i = 0; i < n; i++) {
        const size_t at = (size_t)bin[i] - first;
        if (at < n_bins) {
            bins[at] += weight[i] * unit;
        } else if (bin[i] >= 0) {
            mass -= weight[i];
        }
    }
    tail->total += mass * unit;
}

void tail_add(struct tail *tail, double score, double weight)
{
    const int64_t bin = (int64_t)tail_bin(tail->reference, score);
    (void)tail_reserve(tail, (size_t)bin, (size_t)bin + 1);
    tail_add_bins(tail, &bin, &weight, 1, weight);
}

void tail_fade(struct tail *tail, double factor)
{
    tail->unit /= fmax(factor, 1 / UNIT_LARGE);
    if (tail->unit < UNIT_LARGE) {
        return;
    }
    tail->total = 0;
    for (size_t i = 0; i < tail->n; i++) {
        tail->bins[i] /= tail->unit;
        tail->total += tail->bins[i];
    }
    tail->unit = 1;
}

/* ---- Merging ------------------------------------------------------------- */

/* The score in the middle of a bin. */
static double bin_score(double reference, size_t bin)
{
    const bool is_below = bin < TAIL_SIDE;
    const uint64_t side = is_below ? TAIL_SIDE - 1 - bin : bin - TAIL_SIDE;
    const uint64_t bits = ((side + ((uint64_t)1023 << TAIL_DIGITS)) << REST_DIGITS) +
                          ((uint64_t)1 << (REST_DIGITS - 1));
    double folded;
    memcpy(&folded, &bits, sizeof(folded));
    return reference + (is_below ? -2 : 2) * (folded - 1);
}

void tail_merge(struct tail *tail, const struct tail *other)
{
    const bool is_same = tail->reference == other->reference;
    if (!tail_reserve(tail, other->first, other->first + other->n)) {
        return;
    }
    for (size_t i = 0; i < other->n; i++) {
        const double weight = other->bins[i] / other->unit;
        const size_t bin = other->first + i;
        if (weight > 0 && is_same) {
            tail->bins[bin - tail->first] += weight * tail->unit;
            tail->total += weight * tail->unit;
        } else if (weight > 0) {
            tail_add(tail, bin_score(other->reference, bin), weight);
        }
    }
}

/* ---- Shares -------------------------------------------------------------- */

/* Doublings that the width of a bin has behind it. */
static int doublings(size_t bin)
{
    const size_t side = bin < TAIL_SIDE ? TAIL_SIDE - 1 - bin : bin - TAIL_SIDE;
    return (int)(side >> TAIL_DIGITS);
}

/* What a neighbour would hold if it were as wide. Past the ends there is nothing. */
static double mass_beside(const struct tail *tail, size_t bin, size_t neighbour)
{
    return neighbour >= TAIL_BINS
               ? 0
               : ldexp(bin_mass(tail, neighbour), doublings(bin) - doublings(neighbour));
}

/* How much of a bin is below a score in it: with the density 1 + slope (t - 1/2) for t in
 * [0, 1] of the bin that its neighbours suggest, t + slope (t^2 - t) / 2 of it. */
static double below_in_bin(const struct tail *tail, size_t bin, double distance,
                           uint64_t bits)
{
    const double width = (double)((uint64_t)1 << REST_DIGITS);
    const double place = (double)(bits & (((uint64_t)1 << REST_DIGITS) - 1)) / width;
    const double part = distance < 0 ? 1 - place : place;
    const double mass = bin_mass(tail, bin);
    const double lower = mass_beside(tail, bin, bin - 1);
    const double upper = mass_beside(tail, bin, bin + 1);
    const double spread = fmin(mass, lower + upper);
    if (!(spread > 0)) {
        return mass / 2;
    }
    const double slope = fmax(-2, fmin((upper - lower) / (2 * spread), 2));
    return spread * (part + slope * part * (part - 1) / 2) + (mass - spread) / 2;
}

double tail_share(const struct tail *tail, double score)
{
    const double distance = score - tail->reference;
    const uint64_t bits = fold(distance);
    const size_t bin = bin_of(distance, bits);
    double below = 0;
    for (size_t i = tail->first; i < bin && i - tail->first < tail->n; i++) {
        below += tail->bins[i - tail->first];
    }
    below += below_in_bin(tail, bin, distance, bits);
    return fmin((below + tail->unit / 2) / (tail->total + tail->unit), BELOW_ONE);
}
