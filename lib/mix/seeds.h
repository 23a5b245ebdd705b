/* SPDX-License-Identifier: MIT
 *
 * Points as k-means sees them. Its distances suit gaussian fields; counts are taken by
 * their root, angles as points of the circle and so on (the columns of field.h), so that
 * clusters of any family come out about as round. */
#ifndef SEEDS_H
#define SEEDS_H

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
};

/* Points and scales must stay until it is destroyed. NULL without memory. */
struct seeds *seeds_new(const struct shape *shape, const struct points *points,
                        const struct scales *scales);
void seeds_destroy(struct seeds **seeds);

/* Fills them: once, after the scales were measured. scratch: as scales_measure(). */
void seeds_fill(struct seeds *seeds, const struct shape *shape,
                const struct points *points, struct weighted *scratch);

#endif
