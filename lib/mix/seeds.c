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
    if (field_has_columns(shape) || shape->has_noise) {
        seeds->dimensions = field_columns(shape);
        seeds->points = seeds->placed =
            points_new(seeds->dimensions, points_count(points));
        seeds->scales = seeds->measured = scales_new(seeds->dimensions);
        seeds->row = calloc(seeds->dimensions, sizeof(*seeds->row));
        seeds->clutter = shape->has_noise
                             ? clutter_new(seeds->dimensions, points_count(points))
                             : NULL;
        if (seeds->placed == NULL || seeds->measured == NULL || seeds->row == NULL ||
            (shape->has_noise && seeds->clutter == NULL)) {
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
        clutter_destroy(&(*seeds)->clutter);
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

/* Weights of the points of a start. */
static void weigh(struct seeds *seeds, const struct points *points, size_t start)
{
    const bool is_trimmed = start % 2 == 0;
    for (size_t i = 0; i < points_count(points); i++) {
        const struct block *block = points_block(seeds->placed, i / BLOCK_POINTS);
        double unused[MIX_DIMENSIONS_MAX], weight;
        const bool is_noise =
            clutter_is_far(seeds->measured, block, i % BLOCK_POINTS) ||
            (is_trimmed && clutter_has(seeds->clutter, i));
        points_get(points, i, unused, &weight, NULL);
        points_get(seeds->placed, i, seeds->row, NULL, NULL);
        points_set(seeds->placed, i, seeds->row, is_noise ? 0 : weight, 0);
    }
}

static void measure(struct seeds *seeds, const struct shape *shape,
                    const struct points *points, struct weighted *scratch)
{
    place(seeds, shape, points);
    for (size_t c = 0; c < seeds->dimensions; c++) {
        scales_measure(seeds->measured, seeds->placed, c, (double)NAN, scratch);
        if (!field_is_scaled(shape, c)) {
            seeds->measured->variance[c] = 1;
        }
    }
}

void seeds_fill(struct seeds *seeds, const struct shape *shape,
                const struct points *points, size_t start, struct weighted *scratch)
{
    if (seeds->placed != NULL && points_count(seeds->placed) == 0) {
        measure(seeds, shape, points, scratch);
        if (seeds->clutter != NULL) {
            clutter_find(seeds->clutter, seeds->placed, seeds->measured);
        }
    }
    if (seeds->clutter != NULL) {
        weigh(seeds, points, start);
    }
}
