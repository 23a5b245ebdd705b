/* SPDX-License-Identifier: MIT
 *
 * The kernels in vectors, one source for every instruction level: centring, the
 * exponentials of the E-step, logarithms, and the row of the table. Vectors run across
 * points. The order of every sum is that of kernel.h, so the width of the vectors does
 * not show. */
#include <math.h>
#include <string.h>

#include "kernel.h"
#include "kernel_lane.h"
#include "special.h"

/* ---- 2^x ----------------------------------------------------------------------- */

/* 2^f = sum c_j f^j on [-1/2, 1/2], minimax in the relative error with c_0 = 1 (Remez
 * exchange in 60 digits): 2.2e-16, 5e-16 with rounding. 2^0 is exactly 1. */
static const double exp2_c[] = {
    0x1.62e42fefa3a12p-1,  0x1.ebfbdff82c431p-3,  0x1.c6b08d703e17ap-5,
    0x1.3b2ab6fbd6d05p-7,  0x1.5d87fe9b8efd1p-10, 0x1.4309126c00bdfp-13,
    0x1.ffcb58ca31191p-17, 0x1.62c147a4afdfcp-20, 0x1.b671b2f14537ap-24,
    0x1.e3a9046bc2ff4p-28};
/* 2^x for x <= 0; 0 from KERNEL_EXP2_MIN down and for NaN. */
INLINE vec exp2_of(vec x)
{
    const vec t = x + ROUNDER;
    const vec f = x - (t - ROUNDER);
    const vec f2 = f * f;
    vec odd = all(exp2_c[8]), even = all(exp2_c[9]);
    UNROLL for (int j = 6; j >= 0; j -= 2) {
        odd = fma_of(odd, f2, all(exp2_c[j]));
        even = fma_of(even, f2, all(exp2_c[j + 1]));
    }
    const vec p = fma_of(fma_of(even, f, odd), f, all(1));
    /* Far below KERNEL_EXP2_MIN the exponent wraps; keep() drops what comes of it. */
    const uvec scaled = (uvec)p + ((uvec)t << 52);
    return keep((vec)scaled, x > KERNEL_EXP2_MIN);
}

static void centre(const double *x, size_t dims, size_t groups, const double *ref,
                   double *a)
{
    for (size_t g = 0; g < groups; g++, a += (dims + 1) * KERNEL_GROUP) {
        for (size_t i = 0; i < KERNEL_GROUP; i += LANES) {
            store(a + i, all(1));
        }
        for (size_t d = 0; d < dims; d++) {
            const double *from = x + d * BLOCK_POINTS + g * KERNEL_GROUP;
            double *to = a + (d + 1) * KERNEL_GROUP;
            for (size_t i = 0; i < KERNEL_GROUP; i += LANES) {
                store(to + i, load(from + i) - all(ref[d]));
            }
        }
    }
}

/* ---- Responsibilities ---------------------------------------------------------- */

/* What normalise() adds up over a block, by virtual lane. */
struct totals {
    vec high[SLOTS];    /* sum of high, bits */
    vec product[SLOTS]; /* product of the sums: each in [1, K], 32 a lane, K < 2^19 */
    vec count[SLOTS];
};

/* l -> 2^(l - high) and its sum over the components. */
INLINE void exponentials(const struct kernel_normalise *job, double *l, vec high[VECTORS],
                         vec sum[VECTORS])
{
    UNROLL for (size_t v = 0; v < VECTORS; v++) {
        high[v] = all(-(double)INFINITY);
        sum[v] = all(0);
    }
    for (size_t k = 0; k < job->components; k++) {
        UNROLL for (size_t v = 0; v < VECTORS; v++) {
            high[v] = max_of(load(l + k * BLOCK_POINTS + v * LANES), high[v]);
        }
    }
    for (size_t k = 0; k < job->components; k++) {
        UNROLL for (size_t v = 0; v < VECTORS; v++) {
            double *const at = l + k * BLOCK_POINTS + v * LANES;
            const vec e = exp2_of(load(at) - high[v]);
            sum[v] += e;
            store(at, e);
        }
    }
}

static void normalise_chunk(struct kernel_normalise *job, size_t i, struct totals *totals)
{
    double *l = job->resp + i;
    vec high[VECTORS], sum[VECTORS], scale[VECTORS];
    exponentials(job, l, high, sum);
    UNROLL for (size_t v = 0; v < VECTORS; v++) {
        const vec weight = load(job->weight + i + v * LANES);
        /* The largest term is 2^0, so a sum below 1 means that there was none. */
        const ivec is_scored = sum[v] >= 1;
        const ivec counts = is_scored & (weight > 0);
        const size_t slot = v % SLOTS;
        scale[v] = keep(weight / sum[v], is_scored);
        store(job->high + i + v * LANES, high[v]);
        store(job->sum + i + v * LANES, sum[v]);
        totals->high[slot] += keep(high[v], counts);
        totals->product[slot] *= keep(sum[v], counts) + keep(all(1), ~counts);
        totals->count[slot] += keep(all(1), counts);
    }
    for (size_t k = 0; k < job->components; k++) {
        UNROLL for (size_t v = 0; v < VECTORS; v++) {
            double *const at = l + k * BLOCK_POINTS + v * LANES;
            store(at, load(at) * scale[v]);
        }
    }
}

/* One logarithm for the whole block: mantissas are multiplied, exponents added. */
static double log2_product(const vec slot[SLOTS])
{
    double lane[8], mantissa = 1;
    int exponents = 0;
    for (size_t s = 0; s < SLOTS; s++) {
        store(lane + s * LANES, slot[s]);
    }
    for (size_t j = 0; j < 8; j++) {
        int exponent;
        mantissa *= special_split(lane[j], &exponent);
        exponents += exponent;
    }
    return exponents + special_log2(mantissa);
}

static void normalise(struct kernel_normalise *job)
{
    struct totals totals;
    for (size_t s = 0; s < SLOTS; s++) {
        totals.high[s] = totals.count[s] = all(0);
        totals.product[s] = all(1);
    }
    for (size_t i = 0; i < job->groups * KERNEL_GROUP; i += CHUNK) {
        normalise_chunk(job, i, &totals);
    }
    job->count = add_slots(totals.count);
    job->bits = add_slots(totals.high) + log2_product(totals.product);
}

static void log_density(const double *high, const double *sum, size_t groups, double *out)
{
    for (size_t i = 0; i < groups * KERNEL_GROUP; i += LANES) {
        const vec s = load(sum + i);
        const ivec is_scored = s >= 1;
        const vec value = load(high + i) + log2_of(s);
        store(out + i, (vec)(((ivec)value & is_scored) |
                             ((ivec)all(-(double)INFINITY) & ~is_scored)));
    }
}

static void log2_each(const double *x, size_t n, double *out)
{
    for (size_t i = 0; i < n; i += LANES) {
        const vec value = load_some(x + i, n - i);
        const ivec is_normal = value >= 0x1p-1022;
        const vec log2 = log2_of(value);
        store_some(out + i,
                   (vec)(((ivec)log2 & is_normal) |
                         ((ivec)all(-(double)INFINITY) & ~is_normal)),
                   n - i);
    }
}

#define TEXT_(a) #a
#define TEXT(a) TEXT_(a)

extern const struct kernel LEVELLED(kernel);
const struct kernel LEVELLED(kernel) = {
    .name = TEXT(LEVEL),
    .centre = centre,
    .rotate = LEVELLED(kernel_rotate),
    .density_full = LEVELLED(kernel_density_full),
    .density_diag = LEVELLED(kernel_density_diag),
    .normalise = normalise,
    .log_density = log_density,
    .moments = LEVELLED(kernel_moments),
    .moments_sparse = LEVELLED(kernel_moments_sparse),
    .count_active = LEVELLED(kernel_count_active),
    .mass = LEVELLED(kernel_mass),
    .join = LEVELLED(kernel_join),
    .factor = LEVELLED(kernel_factor),
    .log2 = log2_each,
};
