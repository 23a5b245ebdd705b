/* SPDX-License-Identifier: MIT */
#include "kmeans.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernel.h"
#include "rng.h"

/* Lloyd iterations after the seeding; EM does the rest. */
#define LLOYD_PASSES 10
/* 2 + log K: K has fewer than 64 bits. */
#define TRIALS_MAX 48

struct kmeans {
    const struct kernel *kernel;
    size_t dimensions, components, capacity;
    size_t trials; /* candidates for a centre */
    const struct points *points;
    const struct scales *scales;
    struct rng rng;
    double *inverse;   /* D: 1 / scale of a field */
    double *centres;   /* K x D, units of the fields */
    double *tried;     /* trials x D: candidates for the next centre */
    double *offset;    /* (K or trials) x D: of centres from the median, scaled */
    double *base;      /* (K or trials): 0 */
    double *a;         /* BLOCK_POINTS x (D + 1): a block about the median (kernel.h) */
    double *closeness; /* (K or trials) x BLOCK_POINTS: minus squared distances */
    double *nearest;   /* per point: squared distance to its centre, scaled fields */
    double potential;  /* sum of weight times nearest */
    double *sums;      /* K x D about the old centre, then K x D weights */
    double *mass;      /* K: weight of the points of a centre */
    int64_t *label;    /* per point: its centre */
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
    const size_t trials = 2 + (size_t)log((double)components);
    const size_t most = components > trials ? components : trials;
    km->kernel = kernel_current();
    km->dimensions = dimensions;
    km->components = components;
    km->capacity = capacity;
    km->trials = trials;
    km->inverse = calloc(dimensions, sizeof(double));
    km->centres = calloc(components * dimensions, sizeof(double));
    km->tried = calloc(trials * dimensions, sizeof(double));
    km->offset = calloc(most * dimensions, sizeof(double));
    km->base = calloc(most, sizeof(double));
    km->a = calloc((dimensions + 1) * BLOCK_POINTS, sizeof(double));
    km->closeness = calloc(most * BLOCK_POINTS, sizeof(double));
    km->nearest = calloc(lanes, sizeof(double));
    km->sums = calloc(2 * components * dimensions, sizeof(double));
    km->mass = calloc(components, sizeof(double));
    km->label = calloc(lanes, sizeof(*km->label));
    km->owner = calloc(components, sizeof(uint32_t));
    km->sharers = calloc(components, sizeof(uint32_t));
    if (km->inverse == NULL || km->centres == NULL || km->tried == NULL ||
        km->offset == NULL || km->base == NULL || km->a == NULL ||
        km->closeness == NULL || km->nearest == NULL || km->sums == NULL ||
        km->mass == NULL || km->label == NULL || km->owner == NULL ||
        km->sharers == NULL) {
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
    free(km->tried);
    free(km->offset);
    free(km->base);
    free(km->a);
    free(km->closeness);
    free(km->nearest);
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

/* Prepares for the distances to n centres. */
static void aim(struct kmeans *km, const double *centres, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        for (size_t d = 0; d < km->dimensions; d++) {
            const size_t at = k * km->dimensions + d;
            km->offset[at] = km->inverse[d] * (km->scales->median[d] - centres[at]);
        }
    }
}

/* The same with fields missing: centres at these places. */
static void measure_some(struct kmeans *km, const struct block *block,
                         const double *centre, double *closeness)
{
    const size_t n = block->n;
    double seen[BLOCK_POINTS] = {0};
    memset(closeness, 0, n * sizeof(*closeness));
    for (size_t d = 0; d < km->dimensions; d++) {
        const double *x = block->x + d * BLOCK_POINTS;
        for (size_t i = 0; i < n; i++) {
            const bool is_missing = isnan(x[i]);
            const double z = is_missing ? 0 : (x[i] - centre[d]) * km->inverse[d];
            closeness[i] -= z * z;
            seen[i] += is_missing ? 0 : 1;
        }
    }
    for (size_t i = 0; i < n; i++) {
        closeness[i] *= (double)km->dimensions / fmax(seen[i], 1);
    }
}

/* closeness <- minus the squared distances of the points of a block to the n centres that
 * aim() has seen. */
static void measure(struct kmeans *km, const struct block *block, const double *centres,
                    size_t n)
{
    const size_t groups = (block->n + KERNEL_GROUP - 1) / KERNEL_GROUP;
    const struct kernel_density job = {.dims = km->dimensions,
                                       .components = n,
                                       .groups = groups,
                                       .a = km->a,
                                       .w = km->inverse,
                                       .c = km->offset,
                                       .base = km->base,
                                       .out = km->closeness};
    if (!block->has_missing) {
        km->kernel->centre(block->x, km->dimensions, groups, km->scales->median, km->a);
        km->kernel->density_diag(&job);
        return;
    }
    for (size_t k = 0; k < n; k++) {
        measure_some(km, block, centres + k * km->dimensions,
                     km->closeness + k * BLOCK_POINTS);
    }
}

/* Copies point i as a centre; where it is missing, the median of the field. */
static void centre_at(const struct kmeans *km, size_t i, double *centre)
{
    points_get(km->points, i, centre, NULL, NULL);
    for (size_t d = 0; d < km->dimensions; d++) {
        if (isnan(centre[d])) {
            centre[d] = km->scales->median[d];
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

/* The distance of point i of block j to the nearest centre if candidate t were added. */
static double with_candidate(const struct kmeans *km, size_t j, size_t i, size_t t)
{
    const double distance = -km->closeness[t * BLOCK_POINTS + i];
    const double nearest = km->nearest[j * BLOCK_POINTS + i];
    return km->chosen > 0 && nearest < distance ? nearest : distance;
}

/* potential[t] <- sum of weight times distance to the nearest centre with candidate t. */
static void try_candidates(struct kmeans *km, size_t n, double *potential)
{
    memset(potential, 0, n * sizeof(*potential));
    aim(km, km->tried, n);
    for (size_t j = 0; j < points_blocks(km->points); j++) {
        const struct block *block = points_block(km->points, j);
        measure(km, block, km->tried, n);
        for (size_t t = 0; t < n; t++) {
            for (size_t i = 0; i < block->n; i++) {
                potential[t] += block->weight[i] * with_candidate(km, j, i, t);
            }
        }
    }
}

static bool is_at(const struct kmeans *km, const struct block *block, size_t i,
                  const double *centre)
{
    size_t d = 0;
    while (d < km->dimensions && block->x[d * BLOCK_POINTS + i] == centre[d]) {
        d++;
    }
    return d == km->dimensions;
}

/* The next centre is known: the distances of all points to their nearest, and their
 * potential. That of a centre to itself is rounded relative to its place: of one at 1e38
 * it would be far larger than all others, and the same point chosen again and again. */
static void take_centre(struct kmeans *km, const double *centre)
{
    double potential = 0;
    aim(km, centre, 1);
    for (size_t j = 0; j < points_blocks(km->points); j++) {
        const struct block *block = points_block(km->points, j);
        double *nearest = km->nearest + j * BLOCK_POINTS;
        measure(km, block, centre, 1);
        for (size_t i = 0; i < block->n; i++) {
            nearest[i] = is_at(km, block, i, centre) ? 0 : with_candidate(km, j, i, 0);
            potential += block->weight[i] * nearest[i];
        }
    }
    km->potential = potential;
    km->chosen++;
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

/* Chooses the next centre among several candidates drawn in proportion to the squared
 * distance: the one that leaves the smallest potential. Returns the passes it took. */
static size_t choose_centre(struct kmeans *km)
{
    const bool is_first = km->chosen == 0;
    const size_t dims = km->dimensions, n = is_first ? 1 : km->trials;
    const double total = is_first ? total_weight(km->points) : km->potential;
    double *centre = km->centres + km->chosen * dims;
    double potential[TRIALS_MAX];
    size_t winner = 0;
    for (size_t t = 0; t < n; t++) {
        const size_t i =
            draw_point(km, is_first ? NULL : km->nearest, total, rng_uniform(&km->rng));
        centre_at(km, i, km->tried + t * dims);
    }
    try_candidates(km, n, potential);
    for (size_t t = 1; t < n; t++) {
        winner = potential[t] < potential[winner] ? t : winner;
    }
    memcpy(centre, km->tried + winner * dims, dims * sizeof(*centre));
    take_centre(km, centre);
    return n + 1;
}

/* Labels the points of a block with their nearest centre, the first among equals. */
static void label_block(struct kmeans *km, size_t j)
{
    const struct block *block = points_block(km->points, j);
    const size_t groups = (block->n + KERNEL_GROUP - 1) / KERNEL_GROUP;
    double unused[BLOCK_POINTS];
    measure(km, block, km->centres, km->components);
    km->kernel->highest(km->closeness, km->components, groups, unused,
                        km->label + j * BLOCK_POINTS);
}

/* Adds the points of a block to the sums of their centres, about the old centres. */
static void sum_block(struct kmeans *km, size_t j)
{
    const struct block *block = points_block(km->points, j);
    const int64_t *label = km->label + j * BLOCK_POINTS;
    double *weights = km->sums + km->components * km->dimensions;
    for (size_t i = 0; i < block->n; i++) {
        km->mass[label[i]] += block->weight[i];
    }
    for (size_t d = 0; d < km->dimensions; d++) {
        const double *x = block->x + d * BLOCK_POINTS;
        for (size_t i = 0; i < block->n; i++) {
            const size_t at = (size_t)label[i] * km->dimensions + d;
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
    aim(km, km->centres, km->components);
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
    const int64_t *label = km->label + j * BLOCK_POINTS;
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
