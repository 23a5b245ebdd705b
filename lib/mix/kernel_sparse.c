/* SPDX-License-Identifier: MIT
 *
 * Moments of the points that matter to a component only: where clusters are apart, most
 * responsibilities are nothing. Points are turned into rows first; then vectors run
 * across fields, and points are taken one after the other, so that no sum is split over
 * lanes and the width of the vectors does not show. */
#include <string.h>

#include "kernel.h"
#include "kernel_lane.h"
#include "matrix.h"

#if REGISTERS == 32
#define ROWS 8
#else
#define ROWS 4
#endif
#define COLUMNS 3 /* vectors: ROWS x COLUMNS sums stay in the registers */
#define BATCH 64  /* components whose points are listed at a time */

/* The points of one component that have more than nothing of it. */
struct active {
    size_t n;
    const uint8_t *points;
    const double *resp; /* of all points */
};

double LEVELLED(kernel_count_active)(const double *resp, const double *weight,
                                     size_t components, size_t groups)
{
    vec count[SLOTS] = {{0}};
    for (size_t i = 0; i < groups * KERNEL_GROUP; i += 8) {
        for (size_t slot = 0; slot < SLOTS; slot++) {
            const size_t at = i + slot * LANES;
            const vec least = load(weight + at) * KERNEL_NOTHING;
            for (size_t k = 0; k < components; k++) {
                count[slot] += keep(all(1), load(resp + k * BLOCK_POINTS + at) > least);
            }
        }
    }
    return add_slots(count);
}

/* rows <- the points of the block, one after the other; zeros from dims on. */
static void transpose(const struct kernel_moments *job, size_t stride)
{
    const size_t dims = job->dims;
    for (size_t i = 0; i < job->groups * KERNEL_GROUP; i++) {
        const double *a = job->a +
                          ((i / KERNEL_GROUP) * (dims + 1) + 1) * KERNEL_GROUP +
                          i % KERNEL_GROUP;
        double *row = job->rows + i * stride;
        for (size_t d = 0; d < dims; d++) {
            row[d] = a[d * KERNEL_GROUP];
        }
        memset(row + dims, 0, (stride - dims) * sizeof(*row));
    }
}

/* The points of component k in their order. */
static size_t find_active(const struct kernel_moments *job, size_t k, uint8_t *points)
{
    const double *resp = job->resp + k * BLOCK_POINTS;
    size_t n = 0;
    for (size_t i = 0; i < job->groups * KERNEL_GROUP; i += LANES) {
        const vec least = load(job->weight + i) * KERNEL_NOTHING;
        unsigned bits = bits_of(load(resp + i) > least);
        for (; bits != 0; bits &= bits - 1) {
            points[n++] = (uint8_t)(i + (size_t)__builtin_ctz(bits));
        }
    }
    return n;
}

/* Mass and first moments of component k. */
static void sum_active(const struct kernel_moments *job, const struct active *active,
                       size_t k, size_t stride)
{
    double mass = 0;
    for (size_t p = 0; p < active->n; p++) {
        mass += active->resp[active->points[p]];
    }
    job->out[k] = mass;
    for (size_t d = 0; d < job->dims; d += LANES) {
        vec sum = all(0);
        for (size_t p = 0; p < active->n; p++) {
            sum = fma_of(all(active->resp[active->points[p]]),
                         load(job->rows + active->points[p] * stride + d), sum);
        }
        for (size_t lane = 0; lane < LANES && d + lane < job->dims; lane++) {
            job->out[packed_size(d + lane + 1) * job->stride + k] = sum[lane];
        }
    }
}

/* Products of ROWS fields from i on with nv vectors of fields from j on. */
INLINE void tile(const struct kernel_moments *job, const struct active *active, size_t k,
                 size_t stride, size_t i, size_t j, size_t nv)
{
    vec sum[ROWS][COLUMNS];
    double weighted[ROWS] ALIGNED, lane[LANES] ALIGNED;
    UNROLL for (size_t r = 0; r < ROWS; r++) {
        UNROLL for (size_t v = 0; v < nv; v++) {
            sum[r][v] = all(0);
        }
    }
    for (size_t p = 0; p < active->n; p++) {
        const double *x = job->rows + active->points[p] * stride;
        const vec weight = all(active->resp[active->points[p]]);
        vec columns[COLUMNS];
        UNROLL for (size_t r = 0; r < ROWS; r += LANES) {
            store(weighted + r, weight * load(x + i + r));
        }
        UNROLL for (size_t v = 0; v < nv; v++) {
            columns[v] = load(x + j + v * LANES);
        }
        UNROLL for (size_t r = 0; r < ROWS; r++) {
            const vec one = pin(all(weighted[r]));
            UNROLL for (size_t v = 0; v < nv; v++) {
                sum[r][v] = fma_of(one, columns[v], sum[r][v]);
            }
        }
    }
    UNROLL for (size_t r = 0; r < ROWS; r++) {
        const size_t row = i + r;
        UNROLL for (size_t v = 0; v < nv; v++) {
            const size_t column = j + v * LANES;
            double *out = job->out +
                          (packed_size(row + 1) + column + 1) * job->stride + k;
            store(lane, sum[r][v]);
            for (size_t l = 0; row < job->dims && l < LANES && column + l <= row; l++) {
                out[l * job->stride] = lane[l];
            }
        }
    }
}

/* The same products for n components from k on: what they write lies side by side. */
static void tiles(const struct kernel_moments *job, const struct active *active, size_t k,
                  size_t n, size_t stride, size_t i, size_t j)
{
    const size_t left = (i + ROWS - j + LANES - 1) / LANES;
    for (size_t c = 0; c < n; c++) {
        switch (left) {
        case 1:
            tile(job, &active[c], k + c, stride, i, j, 1);
            break;
        case 2:
            tile(job, &active[c], k + c, stride, i, j, 2);
            break;
        default:
            tile(job, &active[c], k + c, stride, i, j, COLUMNS);
        }
    }
}

void LEVELLED(kernel_moments_sparse)(const struct kernel_moments *job)
{
    const size_t stride = (job->dims + 7) / 8 * 8;
    struct active active[BATCH];
    uint8_t points[BATCH][BLOCK_POINTS];
    transpose(job, stride);
    for (size_t k = 0; k < job->components; k += BATCH) {
        const size_t n = job->components - k < BATCH ? job->components - k : BATCH;
        for (size_t c = 0; c < n; c++) {
            active[c].n = find_active(job, k + c, points[c]);
            active[c].points = points[c];
            active[c].resp = job->resp + (k + c) * BLOCK_POINTS;
            sum_active(job, &active[c], k + c, stride);
        }
        for (size_t i = 0; i < job->dims; i += ROWS) {
            for (size_t j = 0; j < i + ROWS; j += COLUMNS * LANES) {
                tiles(job, active, k, n, stride, i, j);
            }
        }
    }
}
