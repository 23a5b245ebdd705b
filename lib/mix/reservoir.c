/* SPDX-License-Identifier: MIT */
#include "reservoir.h"

#include "rng.h"

void reservoir_adopt(struct reservoir *reservoir)
{
    reservoir->age = points_count(reservoir->rows);
    reservoir->offered += reservoir->age;
}

void reservoir_clear(struct reservoir *reservoir)
{
    points_clear(reservoir->rows);
    reservoir->age = 0;
}

static void get_row(const struct block *block, size_t i, double *x)
{
    for (size_t d = 0; d < block->dimensions; d++) {
        x[d] = block->x[d * BLOCK_POINTS + i];
    }
}

static void append(struct reservoir *reservoir, const struct block *block, size_t i)
{
    double x[MIX_DIMENSIONS_MAX];
    const struct mix_rows row = {.x = x,
                                 .n = 1,
                                 .stride = block->dimensions,
                                 .weight = &block->weight[i],
                                 .time = &block->time[i]};
    get_row(block, i, x);
    points_append(reservoir->rows, &row, 0, 1);
}

static void replace(struct reservoir *reservoir, const struct block *block, size_t i,
                    uint64_t seed)
{
    struct rng rng = rng_at(seed, RNG_RESERVOIR, reservoir->offered);
    const uint64_t slot = rng_below(&rng, reservoir->age);
    if (slot < points_count(reservoir->rows)) {
        double x[MIX_DIMENSIONS_MAX];
        get_row(block, i, x);
        points_set(reservoir->rows, slot, x, block->weight[i], block->time[i]);
    }
}

void reservoir_offer(struct reservoir *reservoir, const struct block *block, uint64_t seed)
{
    for (size_t i = 0; i < block->n; i++) {
        reservoir->age++;
        reservoir->offered++;
        if (points_count(reservoir->rows) < points_capacity(reservoir->rows)) {
            append(reservoir, block, i);
        } else {
            replace(reservoir, block, i, seed);
        }
    }
}
