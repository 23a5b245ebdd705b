/* SPDX-License-Identifier: MIT */
#include "seeds.h"

#include <math.h>
#include <stdlib.h>

#include "field.h"

struct seeds *seeds_new(const struct shape *shape, const struct points *points,
                        const struct scales *scales)
{
    struct seeds *seeds = calloc(1, sizeof(*seeds));
    if (seeds == NULL) {
        return NULL;
    }
    *seeds = (struct seeds){
        .dimensions = shape->dimensions, .points = points, .scales = scales};
    if (field_has_columns(shape)) {
        seeds->dimensions = field_columns(shape);
        seeds->points = seeds->placed =
            points_new(seeds->dimensions, points_count(points));
        seeds->scales = seeds->measured = scales_new(seeds->dimensions);
        seeds->row = calloc(seeds->dimensions, sizeof(*seeds->row));
        if (seeds->placed == NULL || seeds->measured == NULL || seeds->row == NULL) {
            seeds_destroy(&seeds);
        }
    }
    return seeds;
}

void seeds_destroy(struct seeds **seeds)
{
    if (*seeds != NULL) {
        points_destroy(&(*seeds)->placed);
        scales_destroy(&(*seeds)->measured);
        free((*seeds)->row);
        free(*seeds);
        *seeds = NULL;
    }
}

static void place(struct seeds *seeds, const struct shape *shape,
                  const struct points *points)
{
    double x[MIX_DIMENSIONS_MAX], weight;
    const struct mix_rows row = {
        .x = seeds->row, .n = 1, .stride = seeds->dimensions, .weight = &weight};
    points_clear(seeds->placed);
    for (size_t i = 0; i < points_count(points); i++) {
        points_get(points, i, x, &weight, NULL);
        field_place(shape, x, seeds->row);
        points_append(seeds->placed, &row, 0, 1);
    }
}

void seeds_fill(struct seeds *seeds, const struct shape *shape,
                const struct points *points, struct weighted *scratch)
{
    if (seeds->placed == NULL || points_count(seeds->placed) > 0) {
        return;
    }
    place(seeds, shape, points);
    for (size_t c = 0; c < seeds->dimensions; c++) {
        scales_measure(seeds->measured, seeds->placed, c, (double)NAN, scratch);
        if (!field_is_scaled(shape, c)) {
            seeds->measured->variance[c] = 1;
        }
    }
}
