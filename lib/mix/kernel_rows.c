/* SPDX-License-Identifier: MIT
 *
 * What rows go through on their way to a block: whether their values are in range, and
 * from one row after the other to one field after the other. */
#include "kernel.h"
#include "kernel_lane.h"

/* Squares of LANES rows and fields lie in registers; v[r] is row r, then field r. */
INLINE void transpose(vec v[LANES])
{
#define SWAP(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#define STEP(distance, LOW, HIGH)                                                        \
    UNROLL for (size_t i = 0; i < LANES; i++)                                            \
    {                                                                                    \
        if ((i & (distance)) == 0) {                                                     \
            const vec a = v[i], b = v[i + (distance)];                                   \
            v[i] = SWAP(a, b, LOW);                                                      \
            v[i + (distance)] = SWAP(a, b, HIGH);                                        \
        }                                                                                \
    }
#define LIST(...) __VA_ARGS__
#if LANES == 8
    STEP(1, LIST(0, 8, 2, 10, 4, 12, 6, 14), LIST(1, 9, 3, 11, 5, 13, 7, 15))
    STEP(2, LIST(0, 1, 8, 9, 4, 5, 12, 13), LIST(2, 3, 10, 11, 6, 7, 14, 15))
    STEP(4, LIST(0, 1, 2, 3, 8, 9, 10, 11), LIST(4, 5, 6, 7, 12, 13, 14, 15))
#elif LANES == 4
    STEP(1, LIST(0, 4, 2, 6), LIST(1, 5, 3, 7))
    STEP(2, LIST(0, 1, 4, 5), LIST(2, 3, 6, 7))
#else
    STEP(1, LIST(0, 2), LIST(1, 3))
#endif
#undef SWAP
#undef STEP
#undef LIST
}

/* Rows i .. i + n and up to LANES fields from d on. Returns which lanes have a NaN. */
INLINE ivec spread_square(const struct kernel_spread *job, size_t dims, size_t i,
                          size_t d, size_t n)
{
    const size_t fields = dims - d < LANES ? dims - d : LANES;
    const double *x = job->x + i * job->stride + d;
    double *out = job->out + d * BLOCK_POINTS + i;
    ivec is_nan = {0};
    vec v[LANES];
    UNROLL for (size_t r = 0; r < LANES; r++)
    {
        v[r] = r < n ? load_some(x + r * job->stride, fields) : all(0);
    }
    transpose(v);
    UNROLL for (size_t f = 0; f < LANES; f++)
    {
        if (f < fields) {
            store_some(out + f * BLOCK_POINTS, v[f] + 0.0, n);
            is_nan |= v[f] != v[f];
        }
    }
    return is_nan;
}

/* `dims` is known to the compiler where it is small. */
INLINE bool spread_rows(const struct kernel_spread *job, size_t dims)
{
    ivec is_nan = {0};
    for (size_t i = 0; i < job->n; i += LANES) {
        const size_t left = job->n - i;
        for (size_t d = 0; d < dims; d += LANES) {
            is_nan |= left >= LANES ? spread_square(job, dims, i, d, LANES)
                                    : spread_square(job, dims, i, d, left);
        }
    }
    return bits_of(is_nan) != 0;
}

/* Rows of one field, one after the other. */
static bool spread_single(const struct kernel_spread *job)
{
    ivec is_nan = {0};
    for (size_t i = 0; i < job->n; i += LANES) {
        const vec value = load_some(job->x + i, job->n - i);
        store_some(job->out + i, value + 0.0, job->n - i);
        is_nan |= value != value;
    }
    return bits_of(is_nan) != 0;
}

/* Pairs, one after the other. */
static bool spread_pairs(const struct kernel_spread *job)
{
    ivec is_nan = {0};
    for (size_t i = 0; i < job->n; i += LANES) {
        const size_t left = job->n - i < LANES ? job->n - i : LANES;
        const double *x = job->x + 2 * i;
        const vec a = load_some(x, 2 * left);
        const vec b = 2 * left > LANES ? load_some(x + LANES, 2 * left - LANES) : all(0);
#if LANES == 8
        const vec first = __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14);
        const vec second = __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15);
#elif LANES == 4
        const vec first = __builtin_shufflevector(a, b, 0, 2, 4, 6);
        const vec second = __builtin_shufflevector(a, b, 1, 3, 5, 7);
#else
        const vec first = __builtin_shufflevector(a, b, 0, 2);
        const vec second = __builtin_shufflevector(a, b, 1, 3);
#endif
        store_some(job->out + i, first + 0.0, left);
        store_some(job->out + BLOCK_POINTS + i, second + 0.0, left);
        is_nan |= (first != first) | (second != second);
    }
    return bits_of(is_nan) != 0;
}

bool LEVELLED(kernel_spread)(const struct kernel_spread *job)
{
    const bool is_dense = job->stride == job->dims;
    switch (job->dims) {
    case 1:
        return is_dense ? spread_single(job) : spread_rows(job, 1);
    case 2:
        return is_dense ? spread_pairs(job) : spread_rows(job, 2);
    case 3:
        return spread_rows(job, 3);
    case 4:
        return spread_rows(job, 4);
    case 8:
        return spread_rows(job, 8);
    default:
        return spread_rows(job, job->dims);
    }
}

bool LEVELLED(kernel_within)(const double *x, size_t n, double limit)
{
    ivec is_within = all(0) == all(0);
    size_t i = 0;
    for (; i + CHUNK <= n; i += CHUNK) {
        UNROLL for (size_t v = 0; v < VECTORS; v++)
        {
            const vec value = load(x + i + v * LANES);
            is_within &= max_of(value, -value) <= limit;
        }
    }
    for (; i < n; i += LANES) {
        const vec value = load_some(x + i, n - i);
        is_within &= max_of(value, -value) <= limit;
    }
    return bits_of(is_within) == (1u << LANES) - 1;
}
