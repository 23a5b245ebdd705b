/* SPDX-License-Identifier: MIT */
#include "clutter.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "special.h"

/* Points among which neighbours are sought, and which of the neighbours is taken: one
 * that is not there by chance, and within a cluster that has a hundredth of all points. */
#define SAMPLE 512
#define NEIGHBOUR 5
#define PASSES 30
/* Not so much is clutter: then two intensities do not tell clusters from it. */
#define CLUTTER_MAX 0.7
/* Beyond this many robust standard deviations from the median lies no cluster. */
#define FAR 10
/* log v about its mean stays within this: its exponential does not overflow. */
#define LOG_MAX 300

struct clutter {
    size_t dimensions, n;
    double *inverse;   /* D: 1 / scale of a field */
    double *reference; /* SAMPLE x D */
    size_t *place;     /* SAMPLE: which point it is */
    size_t n_reference;
    double *log_volume; /* per point: log v about their mean, any unit of v */
    bool *is_clutter;   /* per point */
};

struct clutter *clutter_new(size_t dimensions, size_t capacity)
{
    struct clutter *clutter = calloc(1, sizeof(*clutter));
    if (clutter == NULL) {
        return NULL;
    }
    clutter->dimensions = dimensions;
    clutter->inverse = calloc(dimensions, sizeof(double));
    clutter->reference = calloc(SAMPLE * dimensions, sizeof(double));
    clutter->place = calloc(SAMPLE, sizeof(*clutter->place));
    clutter->log_volume = calloc(capacity + 1, sizeof(double));
    clutter->is_clutter = calloc(capacity + 1, sizeof(bool));
    if (clutter->inverse == NULL || clutter->reference == NULL ||
        clutter->place == NULL || clutter->log_volume == NULL ||
        clutter->is_clutter == NULL) {
        clutter_destroy(&clutter);
    }
    return clutter;
}

void clutter_destroy(struct clutter **clutter)
{
    if (*clutter != NULL) {
        free((*clutter)->inverse);
        free((*clutter)->reference);
        free((*clutter)->place);
        free((*clutter)->log_volume);
        free((*clutter)->is_clutter);
        free(*clutter);
        *clutter = NULL;
    }
}

/* ---- Volumes ------------------------------------------------------------- */

static void take_references(struct clutter *clutter, const struct points *points)
{
    const size_t n = points_count(points);
    clutter->n_reference = n < SAMPLE ? n : SAMPLE;
    for (size_t r = 0; r < clutter->n_reference; r++) {
        clutter->place[r] = r * n / clutter->n_reference;
        points_get(points, clutter->place[r],
                   clutter->reference + r * clutter->dimensions, NULL, NULL);
    }
}

/* Squared distances of a block from reference r: of what both have, as much a field. */
static void distances(const struct clutter *clutter, const struct block *block, size_t r,
                      double *out)
{
    const double *reference = clutter->reference + r * clutter->dimensions;
    double seen[BLOCK_POINTS] = {0};
    memset(out, 0, BLOCK_POINTS * sizeof(*out));
    for (size_t d = 0; d < clutter->dimensions; d++) {
        const double *x = block->x + d * BLOCK_POINTS;
        for (size_t i = 0; i < BLOCK_POINTS; i++) {
            const double z = (x[i] - reference[d]) * clutter->inverse[d];
            const bool is_seen = z == z;
            out[i] += is_seen ? z * z : 0;
            seen[i] += is_seen ? 1 : 0;
        }
    }
    for (size_t i = 0; i < BLOCK_POINTS; i++) {
        out[i] = seen[i] > 0 ? out[i] * ((double)clutter->dimensions / seen[i]) : HUGE_VAL;
    }
}

/* Keeps the nearest of each lane in rising order. */
static void keep_nearest(const double *distance, double nearest[][BLOCK_POINTS])
{
    for (size_t i = 0; i < BLOCK_POINTS; i++) {
        double next = distance[i];
        for (size_t k = 0; k < NEIGHBOUR; k++) {
            const double low = next < nearest[k][i] ? next : nearest[k][i];
            next = next < nearest[k][i] ? nearest[k][i] : next;
            nearest[k][i] = low;
        }
    }
}

/* v = distance^D, of which the logarithm is kept. */
static void measure_block(struct clutter *clutter, const struct points *points, size_t j)
{
    const struct block *block = points_block(points, j);
    double nearest[NEIGHBOUR][BLOCK_POINTS], distance[BLOCK_POINTS];
    for (size_t k = 0; k < NEIGHBOUR; k++) {
        for (size_t i = 0; i < BLOCK_POINTS; i++) {
            nearest[k][i] = HUGE_VAL;
        }
    }
    for (size_t r = 0; r < clutter->n_reference; r++) {
        const size_t place = clutter->place[r] - j * BLOCK_POINTS;
        distances(clutter, block, r, distance);
        if (place < block->n) {
            distance[place] = HUGE_VAL; /* the point itself */
        }
        keep_nearest(distance, nearest);
    }
    for (size_t i = 0; i < block->n; i++) {
        clutter->log_volume[j * BLOCK_POINTS + i] =
            special_log(nearest[NEIGHBOUR - 1][i]) / 2 * (double)clutter->dimensions;
    }
}

/* ---- Two intensities ----------------------------------------------------- */

static double clamp(double x)
{
    return x > LOG_MAX ? LOG_MAX : x > -LOG_MAX ? x : -LOG_MAX;
}

/* About their mean, so that no v is too large or too small. */
static void centre(double *log_volume, size_t n)
{
    double mean = 0, counted = 0;
    for (size_t i = 0; i < n; i++) {
        if (isfinite(log_volume[i])) {
            mean += log_volume[i];
            counted++;
        }
    }
    for (size_t i = 0; i < n; i++) {
        log_volume[i] = clamp(log_volume[i] - (counted > 0 ? mean / counted : 0));
    }
}

struct intensities {
    double share;         /* of the dense points */
    double dense, sparse; /* points a volume */
};

/* log of the odds that a point of that volume is of the dense ones. */
static double log_odds(const struct intensities *at, double log_volume)
{
    return special_log(at->share / (1 - at->share)) +
           NEIGHBOUR * special_log(at->dense / at->sparse) -
           (at->dense - at->sparse) * special_exp(log_volume);
}

/* One pass of EM. False where one of the two has no points any more. */
static bool improve(struct intensities *at, const double *log_volume, size_t n)
{
    double points[2] = {0}, volume[2] = {0};
    for (size_t i = 0; i < n; i++) {
        const double odds = log_odds(at, log_volume[i]);
        const double dense = 1 / (1 + special_exp(-odds)), v = special_exp(log_volume[i]);
        points[0] += dense;
        points[1] += 1 - dense;
        volume[0] += dense * v;
        volume[1] += (1 - dense) * v;
    }
    if (!(points[0] >= 1 && points[1] >= 1)) {
        return false;
    }
    *at = (struct intensities){.share = points[0] / (double)n,
                               .dense = NEIGHBOUR * points[0] / volume[0],
                               .sparse = NEIGHBOUR * points[1] / volume[1]};
    return true;
}

static void classify(struct clutter *clutter, size_t n)
{
    /* Volumes are about 1: a guess on each side of it. */
    struct intensities at = {.share = 0.5, .dense = 2 * NEIGHBOUR, .sparse = NEIGHBOUR / 8.0};
    size_t found = 0;
    bool is_split = true;
    for (size_t pass = 0; is_split && pass < PASSES; pass++) {
        is_split = improve(&at, clutter->log_volume, n);
    }
    for (size_t i = 0; i < n; i++) {
        clutter->is_clutter[i] = is_split && log_odds(&at, clutter->log_volume[i]) < 0;
        found += clutter->is_clutter[i];
    }
    if ((double)found > CLUTTER_MAX * (double)n) {
        memset(clutter->is_clutter, 0, n * sizeof(bool));
    }
}

void clutter_find(struct clutter *clutter, const struct points *points,
                  const struct scales *scales)
{
    const size_t n = points_count(points);
    for (size_t d = 0; d < clutter->dimensions; d++) {
        clutter->inverse[d] = 1 / sqrt(scales->variance[d]);
    }
    take_references(clutter, points);
    for (size_t j = 0; j < points_blocks(points); j++) {
        measure_block(clutter, points, j);
    }
    centre(clutter->log_volume, n);
    classify(clutter, n);
}

bool clutter_has(const struct clutter *clutter, size_t i)
{
    return clutter->is_clutter[i];
}

bool clutter_is_far(const struct scales *scales, const struct block *block, size_t i)
{
    for (size_t d = 0; d < block->dimensions; d++) {
        const double off = block->x[d * BLOCK_POINTS + i] - scales->median[d];
        if (fabs(off) > FAR * sqrt(scales->variance[d])) {
            return true;
        }
    }
    return false;
}
