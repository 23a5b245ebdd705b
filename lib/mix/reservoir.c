/* SPDX-License-Identifier: MIT */
#include "reservoir.h"

#include <stdlib.h>

#include "field.h"
#include "rng.h"
#include "special.h"

/* Neighbours that enter together. */
#define RUN 16

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

/* Draws how many rows are passed over before the next that enters, by the largest key. */
static void draw_skip(struct reservoir *reservoir, struct rng *rng)
{
    /* log(1 - W), W > 0 however close to 0 */
    const double w = reservoir->largest;
    const double log_rest = w < 1e-8 ? -w * (1 + w / 2) : special_log(1 - w);
    const double skip = special_log(rng_uniform(rng)) / log_rest;
    reservoir->next =
        reservoir->age + 1 + (skip < 1e18 ? (uint64_t)skip : UINT64_C(1) << 60);
}

/* The next row that enters. */
static void draw_next(struct reservoir *reservoir, struct rng *rng)
{
    const double size = (double)points_capacity(reservoir->rows);
    const double before = reservoir->next == 0 ? 1 : reservoir->largest;
    reservoir->largest = before * special_exp(special_log(rng_uniform(rng)) / size);
    draw_skip(reservoir, rng);
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

/* ---- Following ----------------------------------------------------------- */

static void overwrite(struct reservoir *reservoir, size_t slot, const struct block *block,
                      size_t i)
{
    double x[MIX_DIMENSIONS_MAX];
    get_row(block, i, x);
    points_set(reservoir->rows, slot, x, block->weight[i], block->time[i]);
}

static void follow_run(struct reservoir *reservoir, const struct block *block, size_t i,
                       size_t end, struct rng *rng, size_t size)
{
    size_t slot = RUN * rng_below(rng, (size + RUN - 1) / RUN);
    for (; i < end && slot < size; i++, slot++) {
        overwrite(reservoir, slot, block, i);
    }
}

void reservoir_follow(struct reservoir *reservoir, const struct block *block,
                      uint64_t seed, size_t size, double memory)
{
    for (size_t i = 0; i < block->n; i += RUN) {
        const size_t end = i + RUN < block->n ? i + RUN : block->n;
        if (points_count(reservoir->rows) < size) {
            for (size_t j = i; j < end && points_count(reservoir->rows) < size; j++) {
                append(reservoir, block, j);
            }
            continue;
        }
        struct rng rng = rng_at(seed, RNG_RESERVOIR, reservoir->drawn++);
        if (rng_uniform(&rng) * memory < (double)size) {
            follow_run(reservoir, block, i, end, &rng, size);
        }
    }
    reservoir->age += block->n;
    reservoir->next = 0;
}

void reservoir_shorten(struct reservoir *reservoir, size_t size)
{
    struct points *rows = reservoir->rows;
    const size_t n = points_count(rows);
    struct points *last = n > size ? points_new(points_dimensions(rows), size) : NULL;
    double x[MIX_DIMENSIONS_MAX], weight, time;
    const struct mix_rows row = {.x = x,
                                 .n = 1,
                                 .stride = points_dimensions(rows),
                                 .weight = &weight,
                                 .time = &time};
    if (n <= size) {
        return;
    }
    for (size_t i = n - size; last != NULL && i < n; i++) {
        points_get(rows, i, x, &weight, &time);
        points_append(last, &row, 0, 1);
    }
    points_clear(rows);
    if (last != NULL) {
        points_stride(rows, last); /* all of them */
    }
    points_destroy(&last);
}

/* ---- Merging ------------------------------------------------------------- */

/* Rows of a sample that were not taken yet: [0, left) of places. */
struct urn {
    const struct points *rows;
    size_t *places;
    size_t left;
    double age; /* rows of the stream that were not taken yet */
};

static struct urn fill_urn(const struct reservoir *reservoir, size_t *places)
{
    const size_t n = points_count(reservoir->rows);
    for (size_t i = 0; i < n; i++) {
        places[i] = i;
    }
    return (struct urn){reservoir->rows, places, n, (double)reservoir->age};
}

/* Appends one of the rows that are left, each as likely as the others. */
static void take_one(struct urn *urn, struct rng *rng, struct points *to)
{
    double x[MIX_DIMENSIONS_MAX], weight, time;
    const struct mix_rows row = {
        .x = x, .n = 1, .stride = MIX_DIMENSIONS_MAX, .weight = &weight, .time = &time};
    const size_t i = rng_below(rng, urn->left);
    points_get(urn->rows, urn->places[i], x, &weight, &time);
    urn->places[i] = urn->places[--urn->left];
    urn->age--;
    points_append(to, &row, 0, 1);
}

/* Draws without putting back from both streams in proportion to their rows: so many of
 * the union are of the one as a uniform sample has, and of each they are uniform. */
static void draw_union(struct urn *a, struct urn *b, struct rng *rng, struct points *to)
{
    while (points_count(to) < points_capacity(to) && a->left + b->left > 0) {
        const double u = rng_uniform(rng) * (a->age + b->age);
        const bool is_first = b->left == 0 || (a->left > 0 && u < a->age);
        take_one(is_first ? a : b, rng, to);
    }
}

/* The largest of the `size` smallest of `age` uniform keys has a beta distribution,
 * whatever rows they belong to. */
static void draw_largest(struct reservoir *reservoir, struct rng *rng)
{
    const double size = (double)points_capacity(reservoir->rows);
    const double below = field_draw_gamma(size, rng);
    const double above = field_draw_gamma((double)reservoir->age - size + 1, rng);
    reservoir->largest = below / (below + above);
}

bool reservoir_merge(struct reservoir *reservoir, const struct reservoir *other,
                     uint64_t seed)
{
    const size_t n = points_count(reservoir->rows), m = points_count(other->rows);
    const size_t dims = points_dimensions(reservoir->rows);
    const size_t capacity = points_capacity(reservoir->rows);
    struct rng rng = rng_at(seed, RNG_MERGE, reservoir->age + other->age);
    struct points *drawn = points_new(dims, capacity);
    size_t *places = calloc(n + m + 1, sizeof(*places));
    const bool has_room =
        drawn != NULL && places != NULL && points_reserve(reservoir->rows, capacity);
    if (has_room && n + m > 0) {
        struct urn a = fill_urn(reservoir, places), b = fill_urn(other, places + n);
        draw_union(&a, &b, &rng, drawn);
        points_stride(reservoir->rows, drawn); /* all of them */
    }
    if (has_room) {
        reservoir->age += other->age;
        reservoir->next = 0;
        reservoir->drawn =
            reservoir->drawn > other->drawn ? reservoir->drawn : other->drawn;
        if (reservoir->age > capacity && points_count(reservoir->rows) == capacity) {
            draw_largest(reservoir, &rng);
            draw_skip(reservoir, &rng);
        }
    }
    points_destroy(&drawn);
    free(places);
    return has_room;
}
