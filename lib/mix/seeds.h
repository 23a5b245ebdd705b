/* SPDX-License-Identifier: MIT
 *
 * Points as k-means sees them. Its distances suit gaussian fields; counts are taken by
 * their root, angles as points of the circle and so on (the columns of field.h), so that
 * clusters of any family come out about as round. Beside noise, points that are noise by
 * their looks weigh nothing: those far from all others, and in every other start those
 * that lie where there are few (clutter.h); a start without these finds clusters, one
 * with them those of few points. */
#ifndef SEEDS_H
#define SEEDS_H

#include "clutter.h"
#include "model.h"
#include "points.h"
#include "resolution.h"

struct seeds {
    size_t dimensions;           /* columns */
    const struct points *points; /* as they are, or `placed` */
    const struct scales *scales; /* theirs, or `measured` */
    struct points *placed;       /* owned; NULL: no family has columns of its own */
    struct scales *measured;     /* owned, or NULL */
    double *row;                 /* owned: one row of columns, or NULL */
    struct clutter *clutter;     /* owned; NULL: without noise */
};

/* Points and scales must stay until it is destroyed. NULL without memory. */
struct seeds *seeds_new(const struct shape *shape, const struct points *points,
                        const struct scales *scales);
void seeds_destroy(struct seeds **seeds);

/* Fills them for a start, after the scales were measured; most of it is done once.
 * scratch: as scales_measure(). */
void seeds_fill(struct seeds *seeds, const struct shape *shape,
                const struct points *points, size_t start, struct weighted *scratch);

#endif
