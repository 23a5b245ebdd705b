/* SPDX-License-Identifier: MIT
 *
 * Which points lie where there are few: seeds among them would make components of noise.
 * S. Byers and A. E. Raftery, Nearest-neighbor clutter removal for estimating features in
 * spatial point processes, JASA 93 (1998) 577-584: where points have intensity lambda,
 * lambda times the volume v up to the k-th nearest neighbour is Gamma(k), so a mixture of
 * two intensities, fitted to the v of all points by EM, tells sparse from dense. Here
 * neighbours are sought among a sample, so the cost is linear in the points.
 */
#ifndef CLUTTER_H
#define CLUTTER_H

#include <stdbool.h>

#include "points.h"
#include "resolution.h"

/* For points of the same dimensions, up to `capacity`. NULL without memory. */
struct clutter;
struct clutter *clutter_new(size_t dimensions, size_t capacity);
void clutter_destroy(struct clutter **clutter);

/* Finds it; distances are in units of the robust scale of each field. */
void clutter_find(struct clutter *clutter, const struct points *points,
                  const struct scales *scales);
/* Whether point i is where there are few. */
bool clutter_has(const struct clutter *clutter, size_t i);
/* Whether the point is so far from the middle of a field that no cluster reaches it. */
bool clutter_is_far(const struct scales *scales, const struct block *block, size_t i);

#endif
