/* SPDX-License-Identifier: MIT
 *
 * The kernels in vectors, one source for every instruction level: centring,
 * responsibilities, logarithms, and the row of the table. Vectors run across
 * points. The order of every sum is that of kernel.h, so the width of the vectors does
 * not show. */
#include <math.h>
#include <string.h>

#include "kernel.h"
#include "kernel_lane.h"

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

#define LN_2 0.69314718055994530942

/* What normalise() adds up over a block, by virtual lane. */
struct totals {
    vec high[SLOTS];    /* sum of high, bits */
    vec product[SLOTS]; /* product of the sums: each in [1, K], 32 a lane, K < 2^19 */
    vec count[SLOTS];
};

/* The largest of the components, and the sum of 2^(l - high); that replaces l if it is
 * to be kept. */
INLINE void exponentials(size_t components, double *l, bool is_kept, vec high[VECTORS],
                         vec sum[VECTORS])
{
    UNROLL for (size_t v = 0; v < VECTORS; v++)
    {
        high[v] = all(-(double)INFINITY);
        sum[v] = all(0);
    }
    for (size_t k = 0; k < components; k++) {
        UNROLL for (size_t v = 0; v < VECTORS; v++)
        {
            high[v] = max_of(load(l + k * BLOCK_POINTS + v * LANES), high[v]);
        }
    }
    for (size_t k = 0; k < components; k++) {
        UNROLL for (size_t v = 0; v < VECTORS; v++)
        {
            double *const at = l + k * BLOCK_POINTS + v * LANES;
            const vec e = exp2_of(load(at) - high[v]);
            sum[v] += e;
            if (is_kept) {
                store(at, e);
            }
        }
    }
}

INLINE void totals_clear(struct totals *totals)
{
    for (size_t s = 0; s < SLOTS; s++) {
        totals->high[s] = totals->count[s] = all(0);
        totals->product[s] = all(1);
    }
}

/* Adds the points of vector v of a chunk. */
INLINE void totals_add(struct totals *totals, size_t v, vec weight, vec high, vec sum)
{
    const ivec counts = (sum >= 1) & (weight > 0);
    const size_t slot = v % SLOTS;
    totals->high[slot] += keep(high, counts);
    totals->product[slot] *= either(sum, all(1), counts);
    totals->count[slot] += keep(all(1), counts);
}

static void normalise_chunk(struct kernel_normalise *job, size_t i, struct totals *totals)
{
    double *l = job->resp + i;
    vec high[VECTORS], sum[VECTORS], scale[VECTORS];
    exponentials(job->components, l, true, high, sum);
    UNROLL for (size_t v = 0; v < VECTORS; v++)
    {
        const vec weight = load(job->weight + i + v * LANES);
        /* The largest term is 2^0, so a sum below 1 means that there was none. */
        scale[v] = keep(weight / sum[v], sum[v] >= 1);
        store(job->high + i + v * LANES, high[v]);
        store(job->sum + i + v * LANES, sum[v]);
        totals_add(totals, v, weight, high[v], sum[v]);
    }
    for (size_t k = 0; k < job->components; k++) {
        UNROLL for (size_t v = 0; v < VECTORS; v++)
        {
            double *const at = l + k * BLOCK_POINTS + v * LANES;
            store(at, load(at) * scale[v]);
        }
    }
}

/* One logarithm a lane for the whole block. */
static void finish(struct kernel_normalise *job, const struct totals *totals)
{
    vec bits[SLOTS];
    for (size_t s = 0; s < SLOTS; s++) {
        bits[s] = totals->high[s] + log2_of(totals->product[s]);
    }
    job->count = add_slots(totals->count);
    job->bits = add_slots(bits);
}

static void normalise(struct kernel_normalise *job)
{
    struct totals totals;
    totals_clear(&totals);
    for (size_t i = 0; i < job->groups * KERNEL_GROUP; i += CHUNK) {
        normalise_chunk(job, i, &totals);
    }
    finish(job, &totals);
}

static void total(struct kernel_normalise *job)
{
    struct totals totals;
    totals_clear(&totals);
    for (size_t i = 0; i < job->groups * KERNEL_GROUP; i += CHUNK) {
        UNROLL for (size_t v = 0; v < VECTORS; v++)
        {
            const size_t at = i + v * LANES;
            totals_add(&totals, v, load(job->weight + at), load(job->high + at),
                       load(job->sum + at));
        }
    }
    finish(job, &totals);
}

static void log_sum(const struct kernel_normalise *job)
{
    for (size_t i = 0; i < job->groups * KERNEL_GROUP; i += CHUNK) {
        vec high[VECTORS], sum[VECTORS];
        exponentials(job->components, job->resp + i, false, high, sum);
        UNROLL for (size_t v = 0; v < VECTORS; v++)
        {
            store(job->high + i + v * LANES, high[v]);
            store(job->sum + i + v * LANES, sum[v]);
        }
    }
}

static void log_density(const struct kernel_logs *job)
{
    for (size_t i = 0; i < job->groups * KERNEL_GROUP; i += LANES) {
        const vec s = load(job->sum + i);
        const ivec is_scored = s >= 1;
        vec value = load(job->high + i) + log2_of(s) + all(job->common);
        if (job->offset != NULL) {
            value += load(job->offset + i);
        }
        value *= all(LN_2);
        store(job->out + i, either(value, all(-(double)INFINITY), is_scored));
    }
}

/* Components k .. k + n of a blend, n <= LANES. */
INLINE void blend_lanes(const struct kernel_blend *job, size_t k, size_t n)
{
    const vec a = load_some(job->share + k, n), weight = load_some(job->weight + k, n);
    const vec kept = 1 - a, cross = a * kept;
    double *scatter = job->scatter + k;
    const double *other = job->other + k;
    for (size_t i = 0; i < job->dims; i++) {
        double *mean = job->mean + i * job->stride + k;
        const vec delta = load_some(job->delta + i * KERNEL_LANES + k, n);
        store_some(mean, load_some(mean, n) + a * delta, n);
        for (size_t j = job->is_diagonal ? i : 0; j <= i; j++) {
            const vec product = delta * load_some(job->delta + j * KERNEL_LANES + k, n);
            const vec sum = kept * load_some(scatter, n) + weight * load_some(other, n);
            store_some(scatter, sum + cross * product, n);
            scatter += job->stride;
            other += job->stride;
        }
    }
}

static void blend(const struct kernel_blend *job)
{
    for (size_t k = 0; k < job->n; k += LANES) {
        if (job->n - k >= LANES) {
            blend_lanes(job, k, LANES);
        } else {
            blend_lanes(job, k, job->n - k);
        }
    }
}

static void log2_each(const double *x, size_t n, double *out)
{
    for (size_t i = 0; i < n; i += LANES) {
        const vec value = load_some(x + i, n - i);
        const ivec is_normal = value >= 0x1p-1022;
        const vec log2 = log2_of(value);
        store_some(out + i, either(log2, all(-(double)INFINITY), is_normal), n - i);
    }
}

static void exp2_each(const double *x, size_t n, double *out)
{
    for (size_t i = 0; i < n; i += LANES) {
        const vec value = load_some(x + i, n - i);
        const vec bounded = either(all(KERNEL_EXP2_MAX), value, value > KERNEL_EXP2_MAX);
        store_some(out + i, exp2_of(bounded), n - i);
    }
}

static void highest(const double *value, size_t components, size_t groups, double *high,
                    int64_t *which)
{
    for (size_t i = 0; i < groups * KERNEL_GROUP; i += CHUNK) {
        vec best[VECTORS];
        ivec at[VECTORS];
        UNROLL for (size_t v = 0; v < VECTORS; v++)
        {
            best[v] = load(value + i + v * LANES);
            at[v] = (ivec){0};
        }
        for (size_t k = 1; k < components; k++) {
            UNROLL for (size_t v = 0; v < VECTORS; v++)
            {
                const vec other = load(value + k * BLOCK_POINTS + i + v * LANES);
                const ivec is_higher = other > best[v];
                best[v] = max_of(other, best[v]);
                at[v] = (((ivec){0} + (int64_t)k) & is_higher) | (at[v] & ~is_higher);
            }
        }
        UNROLL for (size_t v = 0; v < VECTORS; v++)
        {
            store(high + i + v * LANES, best[v]);
            store_bits(which + i + v * LANES, at[v]);
        }
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
    .total = total,
    .log_sum = log_sum,
    .log_density = log_density,
    .moments = LEVELLED(kernel_moments),
    .moments_sparse = LEVELLED(kernel_moments_sparse),
    .count_active = LEVELLED(kernel_count_active),
    .mass = LEVELLED(kernel_mass),
    .join = LEVELLED(kernel_join),
    .blend = blend,
    .factor = LEVELLED(kernel_factor),
    .log2 = log2_each,
    .exp2 = exp2_each,
    .highest = highest,
    .score = LEVELLED(kernel_score),
    .spread = LEVELLED(kernel_spread),
    .within = LEVELLED(kernel_within),
    .weigh = LEVELLED(kernel_weigh),
    .gain = LEVELLED(kernel_gain),
    .squares = LEVELLED(kernel_squares),
};
