/* SPDX-License-Identifier: MIT
 *
 * k-means++ with greedy trials and a few Lloyd iterations: the start of a batch fit.
 *
 * D. Arthur and S. Vassilvitskii, k-means++: the advantages of careful seeding, SODA
 * 2007; the greedy form (several candidates for a centre, the best is kept) as in
 * scikit-learn. Coordinates are divided by the robust scale of their field, so units
 * do not matter. A missing coordinate is left out of the distance, which is scaled up
 * to D fields.
 */
#ifndef KMEANS_H
#define KMEANS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "points.h"
#include "resolution.h"

struct kmeans;

/* Workspace for up to `capacity` points. NULL without memory. */
struct kmeans *kmeans_new(size_t dimensions, size_t components, size_t capacity);
void kmeans_destroy(struct kmeans **kmeans);

/* Begins run `index` of this seed. Points and scales are read until it is done. */
void kmeans_start(struct kmeans *kmeans, const struct points *points,
                  const struct scales *scales, uint64_t seed, uint64_t index);

/* Does one piece: a new centre or a Lloyd iteration. Returns what it cost in
 * point-E-steps, 0 when there was nothing left to do. */
uint64_t kmeans_step(struct kmeans *kmeans);
bool kmeans_is_done(const struct kmeans *kmeans);

/* Hard responsibilities times weight of the points of block j, resp[k * BLOCK_POINTS
 * + i] as in estep.h. Centres that got no point (more components than distinct points)
 * share the points of their nearest centre, so that no component begins dead. */
void kmeans_responsibilities(const struct kmeans *kmeans, size_t j, double *resp);

/* K x D centres in units of the fields. */
void kmeans_centres(const struct kmeans *kmeans, double *centres);

#endif
