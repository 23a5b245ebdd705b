/* SPDX-License-Identifier: MIT */
#include "kmeans.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "rng.h"

/* Lloyd iterations after the seeding; EM does the rest. */
#define LLOYD_PASSES 10

struct kmeans {
    size_t dimensions, components, capacity;
    const struct points *points;
    const struct scales *scales;
    struct rng rng;
    double *inverse; /* D: 1 / scale of a field */
    double *centres; /* K x D, units of the fields */
    double *nearest; /* per point: squared distance to its centre, scaled fields */
    double *trial;   /* per point: the same with the candidate added */
    double *best;    /* per point: the same with the best candidate so far */
    double *sums;    /* K x D about the old centre, then K x D weights */
    double *mass;    /* K: weight of the points of a centre */
    uint32_t *label; /* per point: its centre */
    uint32_t
        *owner; /* K: the centre whose points this one shares, itself if it has any */
    uint32_t *sharers; /* K: how many centres share the points of this one */
    size_t chosen;     /* centres chosen so far */
    size_t passes;     /* Lloyd iterations made */
    bool is_done;
};

struct kmeans *kmeans_new(size_t dimensions, size_t components, size_t capacity)
{
    struct kmeans *km = calloc(1, sizeof(*km));
    if (km == NULL) {
        return NULL;
    }
    const size_t lanes = (capacity + BLOCK_POINTS - 1) / BLOCK_POINTS * BLOCK_POINTS;
    km->dimensions = dimensions;
    km->components = components;
    km->capacity = capacity;
    km->inverse = calloc(dimensions, sizeof(double));
    km->centres = calloc(components * dimensions, sizeof(double));
    km->nearest = calloc(lanes, sizeof(double));
    km->trial = calloc(lanes, sizeof(double));
    km->best = calloc(lanes, sizeof(double));
    km->sums = calloc(2 * components * dimensions, sizeof(double));
    km->mass = calloc(components, sizeof(double));
    km->label = calloc(lanes, sizeof(uint32_t));
    km->owner = calloc(components, sizeof(uint32_t));
    km->sharers = calloc(components, sizeof(uint32_t));
    if (km->inverse == NULL || km->centres == NULL || km->nearest == NULL ||
        km->trial == NULL || km->best == NULL || km->sums == NULL || km->mass == NULL ||
        km->label == NULL || km->owner == NULL || km->sharers == NULL) {
        kmeans_destroy(&km);
    }
    return km;
}

void kmeans_destroy(struct kmeans **kmeans)
{
    struct kmeans *km = *kmeans;
    if (km == NULL) {
        return;
    }
    free(km->inverse);
    free(km->centres);
    free(km->nearest);
    free(km->trial);
    free(km->best);
    free(km->sums);
    free(km->mass);
    free(km->label);
    free(km->owner);
    free(km->sharers);
    free(km);
    *kmeans = NULL;
}

void kmeans_start(struct kmeans *km, const struct points *points,
                  const struct scales *scales, uint64_t seed, uint64_t index)
{
    km->points = points;
    km->scales = scales;
    km->rng = rng_at(seed, RNG_KMEANS, index);
    for (size_t d = 0; d < km->dimensions; d++) {
        km->inverse[d] = 1 / sqrt(scales->variance[d]);
    }
    km->chosen = 0;
    km->passes = 0;
    km->is_done = false;
}

bool kmeans_is_done(const struct kmeans *km)
{
    return km->is_done;
}

/* Squared distance of the lanes of a block to a centre, in scaled fields. */
static void distances(const struct kmeans *km, const struct block *block,
                      const double *centre, double *out)
{
    const size_t n = block->n;
    double seen[BLOCK_POINTS];
    memset(out, 0, n * sizeof(*out));
    if (!block->has_missing) {
        for (size_t d = 0; d < km->dimensions; d++) {
            const double *x = block->x + d * BLOCK_POINTS;
            for (size_t i = 0; i < n; i++) {
                const double z = (x[i] - centre[d]) * km->inverse[d];
                out[i] += z * z;
            }
        }
        return;
    }
    memset(seen, 0, n * sizeof(*seen));
    for (size_t d = 0; d < km->dimensions; d++) {
        const double *x = block->x + d * BLOCK_POINTS;
        for (size_t i = 0; i < n; i++) {
            const bool is_missing = isnan(x[i]);
            const double z = is_missing ? 0 : (x[i] - centre[d]) * km->inverse[d];
            out[i] += z * z;
            seen[i] += is_missing ? 0 : 1;
        }
    }
    for (size_t i = 0; i < n; i++) {
        out[i] *= (double)km->dimensions / fmax(seen[i], 1);
    }
}

/* Copies point i as a centre; where it is missing, the mean of the field. */
static void centre_at(const struct kmeans *km, size_t i, double *centre)
{
    points_get(km->points, i, centre, NULL, NULL);
    for (size_t d = 0; d < km->dimensions; d++) {
        if (isnan(centre[d])) {
            centre[d] = km->scales->mean[d];
        }
    }
}

/* The point at which the running sum of weight times distance passes u times its
 * total; distance NULL: weights only. */
static size_t draw_point(const struct kmeans *km, const double *distance, double total,
                         double u)
{
    double sum = 0;
    size_t last = 0;
    for (size_t j = 0; j < points_blocks(km->points); j++) {
        const struct block *block = points_block(km->points, j);
        for (size_t i = 0; i < block->n; i++) {
            const size_t at = j * BLOCK_POINTS + i;
            const double p = block->weight[i] * (distance == NULL ? 1 : distance[at]);
            sum += p;
            last = p > 0 ? at : last;
            if (sum > u * total) {
                return at;
            }
        }
    }
    return last;
}

/* trial <- distance to the nearest centre if `centre` were added to those chosen.
 * Returns its weighted sum, the potential. */
static double try_centre(struct kmeans *km, const double *centre)
{
    double potential = 0;
    for (size_t j = 0; j < points_blocks(km->points); j++) {
        const struct block *block = points_block(km->points, j);
        double *trial = km->trial + j * BLOCK_POINTS;
        const double *nearest = km->nearest + j * BLOCK_POINTS;
        distances(km, block, centre, trial);
        for (size_t i = 0; i < block->n; i++) {
            if (km->chosen > 0 && nearest[i] < trial[i]) {
                trial[i] = nearest[i];
            }
            potential += block->weight[i] * trial[i];
        }
    }
    return potential;
}

static void swap(double **a, double **b)
{
    double *t = *a;
    *a = *b;
    *b = t;
}

static double total_weight(const struct points *points)
{
    double sum = 0;
    for (size_t j = 0; j < points_blocks(points); j++) {
        const struct block *block = points_block(points, j);
        for (size_t i = 0; i < block->n; i++) {
            sum += block->weight[i];
        }
    }
    return sum;
}

static double potential_of(const struct kmeans *km)
{
    double sum = 0;
    for (size_t j = 0; j < points_blocks(km->points); j++) {
        const struct block *block = points_block(km->points, j);
        for (size_t i = 0; i < block->n; i++) {
            sum += block->weight[i] * km->nearest[j * BLOCK_POINTS + i];
        }
    }
    return sum;
}

/* Chooses the next centre among several candidates drawn in proportion to the squared
 * distance: the one that leaves the smallest potential. Returns the candidates tried. */
static size_t choose_centre(struct kmeans *km)
{
    const bool is_first = km->chosen == 0;
    const size_t trials = is_first ? 1 : 2 + (size_t)log((double)km->components);
    const double total = is_first ? total_weight(km->points) : potential_of(km);
    double *centre = km->centres + km->chosen * km->dimensions;
    double least = HUGE_VAL;
    size_t winner = 0;
    for (size_t t = 0; t < trials; t++) {
        const size_t i =
            draw_point(km, is_first ? NULL : km->nearest, total, rng_uniform(&km->rng));
        centre_at(km, i, centre);
        const double potential = try_centre(km, centre);
        if (t == 0 || potential < least) {
            least = potential;
            winner = i;
            swap(&km->trial, &km->best);
        }
    }
    centre_at(km, winner, centre);
    swap(&km->nearest, &km->best);
    km->chosen++;
    return trials;
}

/* Labels the points of a block with their nearest centre, the first among equals. */
static void label_block(struct kmeans *km, size_t j)
{
    const struct block *block = points_block(km->points, j);
    double *nearest = km->nearest + j * BLOCK_POINTS;
    double *trial = km->trial + j * BLOCK_POINTS;
    uint32_t *label = km->label + j * BLOCK_POINTS;
    for (size_t k = 0; k < km->components; k++) {
        distances(km, block, km->centres + k * km->dimensions, trial);
        for (size_t i = 0; i < block->n; i++) {
            if (k == 0 || trial[i] < nearest[i]) {
                nearest[i] = trial[i];
                label[i] = (uint32_t)k;
            }
        }
    }
}

/* Adds the points of a block to the sums of their centres, about the old centres. */
static void sum_block(struct kmeans *km, size_t j)
{
    const struct block *block = points_block(km->points, j);
    const uint32_t *label = km->label + j * BLOCK_POINTS;
    double *weights = km->sums + km->components * km->dimensions;
    for (size_t i = 0; i < block->n; i++) {
        km->mass[label[i]] += block->weight[i];
    }
    for (size_t d = 0; d < km->dimensions; d++) {
        const double *x = block->x + d * BLOCK_POINTS;
        for (size_t i = 0; i < block->n; i++) {
            const size_t at = label[i] * km->dimensions + d;
            if (!isnan(x[i])) {
                km->sums[at] += block->weight[i] * (x[i] - km->centres[at]);
                weights[at] += block->weight[i];
            }
        }
    }
}

/* Labels all points; moves the centres to the means of their points if asked to. */
static void lloyd_pass(struct kmeans *km, bool moves)
{
    const size_t size = km->components * km->dimensions;
    memset(km->sums, 0, 2 * size * sizeof(double));
    memset(km->mass, 0, km->components * sizeof(double));
    for (size_t j = 0; j < points_blocks(km->points); j++) {
        label_block(km, j);
        sum_block(km, j);
    }
    for (size_t i = 0; moves && i < size; i++) {
        if (km->sums[size + i] > 0) {
            km->centres[i] += km->sums[i] / km->sums[size + i];
        }
    }
}

/* The centre with points that is nearest to centre k, which has none. */
static uint32_t nearest_owner(const struct kmeans *km, size_t k)
{
    double least = HUGE_VAL;
    size_t owner = k;
    for (size_t l = 0; l < km->components; l++) {
        double distance = 0;
        for (size_t d = 0; d < km->dimensions; d++) {
            const double z = (km->centres[l * km->dimensions + d] -
                              km->centres[k * km->dimensions + d]) *
                             km->inverse[d];
            distance += z * z;
        }
        if (km->mass[l] > 0 && distance < least) {
            least = distance;
            owner = l;
        }
    }
    return (uint32_t)owner;
}

static void share_points(struct kmeans *km)
{
    memset(km->sharers, 0, km->components * sizeof(*km->sharers));
    for (size_t k = 0; k < km->components; k++) {
        km->owner[k] = km->mass[k] > 0 ? (uint32_t)k : nearest_owner(km, k);
        km->sharers[km->owner[k]]++;
    }
}

uint64_t kmeans_step(struct kmeans *km)
{
    const uint64_t n = points_count(km->points);
    if (km->is_done) {
        return 0;
    }
    if (km->chosen < km->components) {
        return n * choose_centre(km);
    }
    if (km->passes < LLOYD_PASSES) {
        lloyd_pass(km, true);
        km->passes++;
    } else {
        lloyd_pass(km, false);
        share_points(km);
        km->is_done = true;
    }
    return n * km->components;
}

void kmeans_responsibilities(const struct kmeans *km, size_t j, double *resp)
{
    const struct block *block = points_block(km->points, j);
    const uint32_t *label = km->label + j * BLOCK_POINTS;
    memset(resp, 0, km->components * BLOCK_POINTS * sizeof(*resp));
    for (size_t k = 0; k < km->components; k++) {
        for (size_t i = 0; i < block->n; i++) {
            if (label[i] == km->owner[k]) {
                resp[k * BLOCK_POINTS + i] = block->weight[i] / km->sharers[label[i]];
            }
        }
    }
}

void kmeans_centres(const struct kmeans *km, double *centres)
{
    memcpy(centres, km->centres, km->components * km->dimensions * sizeof(double));
}
