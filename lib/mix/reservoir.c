/* SPDX-License-Identifier: MIT */
#include "reservoir.h"

#include "rng.h"
#include "special.h"

void reservoir_adopt(struct reservoir *reservoir)
{
    const uint64_t held = points_count(reservoir->rows);
    reservoir->age = reservoir->age < held ? held : reservoir->age;
}

void reservoir_clear(struct reservoir *reservoir)
{
    points_clear(reservoir->rows);
    reservoir->age = reservoir->next = 0;
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

/* Draws how many rows are passed over before the next that enters. */
static void draw_next(struct reservoir *reservoir, struct rng *rng)
{
    const double size = (double)points_capacity(reservoir->rows);
    const double before = reservoir->next == 0 ? 1 : reservoir->largest;
    reservoir->largest = before * special_exp(special_log(rng_uniform(rng)) / size);
    /* log(1 - W), W > 0 however close to 0 */
    const double w = reservoir->largest;
    const double log_rest = w < 1e-8 ? -w * (1 + w / 2) : special_log(1 - w);
    const double skip = special_log(rng_uniform(rng)) / log_rest;
    reservoir->next =
        reservoir->age + 1 + (skip < 1e18 ? (uint64_t)skip : UINT64_C(1) << 60);
}

static void replace(struct reservoir *reservoir, const struct block *block, size_t i,
                    uint64_t seed)
{
    struct rng rng = rng_at(seed, RNG_RESERVOIR, reservoir->drawn++);
    double x[MIX_DIMENSIONS_MAX];
    const uint64_t slot = rng_below(&rng, points_capacity(reservoir->rows));
    get_row(block, i, x);
    points_set(reservoir->rows, slot, x, block->weight[i], block->time[i]);
    draw_next(reservoir, &rng);
}

void reservoir_force(struct reservoir *reservoir, const struct points *rows, size_t i,
                     uint64_t seed)
{
    struct rng rng = rng_at(seed, RNG_RESERVOIR, reservoir->drawn++);
    double x[MIX_DIMENSIONS_MAX], weight, time;
    points_get(rows, i, x, &weight, &time);
    points_set(reservoir->rows, rng_below(&rng, points_count(reservoir->rows)), x, weight,
               time);
}

/* Rows [i, block->n) once the reservoir is full: most are passed over unseen. */
static void offer_full(struct reservoir *reservoir, const struct block *block, size_t i,
                       uint64_t seed)
{
    if (reservoir->next == 0) {
        struct rng rng = rng_at(seed, RNG_RESERVOIR, reservoir->drawn++);
        draw_next(reservoir, &rng);
    }
    while (reservoir->next - reservoir->age <= block->n - i) {
        i += reservoir->next - reservoir->age;
        reservoir->age = reservoir->next;
        replace(reservoir, block, i - 1, seed);
    }
    reservoir->age += block->n - i;
}

void reservoir_offer(struct reservoir *reservoir, const struct block *block,
                     uint64_t seed)
{
    const size_t room = points_capacity(reservoir->rows) - points_count(reservoir->rows);
    const size_t n = block->n < room ? block->n : room;
    for (size_t i = 0; i < n; i++) {
        append(reservoir, block, i);
    }
    reservoir->age += n;
    if (n < block->n) {
        offer_full(reservoir, block, n, seed);
    }
}
