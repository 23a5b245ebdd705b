/* SPDX-License-Identifier: MIT
 *
 * Bounded scores in vectors across points, and where each falls in the tail. With
 * p = 2^own the density of the mixture times 1 - eps, and 2^peak / product the
 * background times eps, the larger of own and peak is taken out of the sum:
 *
 *     log2(p + 2^peak / product) = max + log2(2^(own - max) + 2^(peak - max) / product)
 *
 * Where the model is right the second term is of the order of eps. A group of points of
 * which that is true takes the series of the logarithm instead; the choice is made for
 * the 32 points of a group, whatever the width of the vectors, so it does not show. */
#include <math.h>

#include "kernel.h"
#include "kernel_lane.h"
#include "tail.h"

#define GROUP_VECTORS (KERNEL_GROUP / LANES)
#define LOG2_E 1.44269504088896340736
#define LN_2 0.69314718055994530942
/* log(1 + t) is t - t^2/2 + t^3/3 - t^4/4 to the last bit below this. */
#define SMALL 0x1p-12

/* The terms of the sum, with `max` taken out. */
struct terms {
    vec first[GROUP_VECTORS], second[GROUP_VECTORS], max[GROUP_VECTORS];
    ivec is_known[GROUP_VECTORS]; /* the product is a number that can be worked with */
};

static inline vec choose(ivec mask, vec yes, vec no)
{
    return (vec)(((ivec)yes & mask) | ((ivec)no & ~mask));
}

/* The product over the fields of 1 + z^2. */
INLINE vec product_of(const struct kernel_score *job, size_t i)
{
    vec product = all(1);
    for (size_t d = 0; d < job->dims; d++) {
        const vec x = load(job->x + d * BLOCK_POINTS + i);
        const vec z = (x - all(job->mean[d])) * all(job->inverse[d]);
        product *= fma_of(z, z, all(1));
    }
    return product;
}

/* True: the series will do for all points of the group. */
static bool find_terms(const struct kernel_score *job, size_t i, struct terms *terms)
{
    ivec is_small = all(0) == all(0);
    UNROLL for (size_t v = 0; v < GROUP_VECTORS; v++)
    {
        const vec product = product_of(job, i + v * LANES);
        const vec own = fma_of(load(job->log_density + i + v * LANES), all(LOG2_E),
                               all(job->log_model));
        const vec margin = own - all(job->log_peak);
        const ivec is_own = margin >= 0;
        const vec ratio = exp2_of(choose(is_own, -margin, margin));
        const vec second = choose(is_own, ratio, all(1)) / product;
        terms->first[v] = choose(is_own, all(1), ratio);
        terms->second[v] = second;
        terms->max[v] = choose(is_own, own, all(job->log_peak));
        terms->is_known[v] = product < KERNEL_PRODUCT_MAX;
        is_small &= is_own & (second < SMALL);
    }
    return bits_of(is_small) == (1u << LANES) - 1;
}

/* The bin of tail.h, from the bits of 1 + |score - reference| / 2. */
INLINE ivec bin_of(vec score, double reference)
{
    const vec distance = score - all(reference);
    const vec folded = fma_of(max_of(distance, -distance), all(0.5), all(1));
    const ivec is_within = folded < TAIL_FOLDED_MAX;
    const ivec bits = (ivec)choose(is_within, folded, all(TAIL_FOLDED_MAX));
    const ivec side = (bits >> (52 - TAIL_DIGITS)) - ((int64_t)1023 << TAIL_DIGITS);
    const ivec is_below = distance < 0;
    return ((TAIL_SIDE - 1 - side) & is_below) | ((TAIL_SIDE + side) & ~is_below);
}

INLINE double largest_of(vec v)
{
    double largest = v[0];
    for (size_t lane = 1; lane < LANES; lane++) {
        largest = v[lane] > largest ? v[lane] : largest;
    }
    return largest;
}

void LEVELLED(kernel_score)(struct kernel_score *job)
{
    vec sum[SLOTS], mass[SLOTS];
    struct terms terms;
    const vec infinity = all((double)INFINITY);
    vec highest = -infinity, above_lowest = -infinity; /* the latter of -score */
    ivec is_complete = all(0) == all(0);
    for (size_t s = 0; s < SLOTS; s++) {
        sum[s] = mass[s] = all(0);
    }
    for (size_t i = 0; i < job->groups * KERNEL_GROUP; i += KERNEL_GROUP) {
        const bool is_small = find_terms(job, i, &terms);
        UNROLL for (size_t v = 0; v < GROUP_VECTORS; v++)
        {
            const size_t at = i + v * LANES;
            const vec t = terms.second[v];
            const vec series =
                t * fma_of(t, fma_of(t, fma_of(t, all(-0.25), all(1.0 / 3)), all(-0.5)),
                           all(1));
            const vec log = is_small ? series : log2_of(terms.first[v] + t) * LN_2;
            const vec score = fma_of(terms.max[v], all(LN_2), log);
            const ivec is_known = terms.is_known[v];
            const vec weight = keep(load(job->weight + at), is_known);
            const ivec counts = weight > 0;
            is_complete &= is_known;
            highest = max_of(choose(counts, score, -infinity), highest);
            above_lowest = max_of(choose(counts, -score, -infinity), above_lowest);
            store(job->score + at, choose(is_known, score, all((double)NAN)));
            store_bits(job->bin + at,
                       (bin_of(score, job->reference) & is_known) | ~is_known);
            sum[v % SLOTS] += keep(score * weight, is_known);
            mass[v % SLOTS] += weight;
        }
    }
    job->sum = add_slots(sum);
    job->mass = add_slots(mass);
    job->lowest = -largest_of(above_lowest);
    job->highest = largest_of(highest);
    job->has_rest = bits_of(is_complete) != (1u << LANES) - 1;
}

/* Vector s of the eight virtual lanes from point i on; what is beyond the end is 0. */
INLINE vec load_lanes(const double *x, size_t i, size_t s, size_t n)
{
    const size_t at = i + s * LANES;
    return at < n ? load_some(x + at, n - at) : all(0);
}

void LEVELLED(kernel_weigh)(struct kernel_weigh *job)
{
    vec sum[SLOTS] = {{0}}, mass[SLOTS] = {{0}}, lost[SLOTS] = {{0}};
    for (size_t i = 0; i < job->n; i += 8) {
        UNROLL for (size_t s = 0; s < SLOTS; s++)
        {
            const vec value = load_lanes(job->value, i, s, job->n);
            const vec weight = load_lanes(job->weight, i, s, job->n);
            const ivec counts = value > -(double)INFINITY;
            sum[s] += keep(value * weight, counts);
            mass[s] += keep(weight, counts);
            lost[s] += keep(all(1), ~counts);
        }
    }
    job->sum = add_slots(sum);
    job->mass = add_slots(mass);
    job->lost = (size_t)add_slots(lost);
}

double LEVELLED(kernel_gain)(const double *value, const double *other,
                             const double *weight, size_t n, double limit)
{
    vec sum[SLOTS] = {{0}};
    for (size_t i = 0; i < n; i += 8) {
        UNROLL for (size_t s = 0; s < SLOTS; s++)
        {
            const vec gain = load_lanes(value, i, s, n) - load_lanes(other, i, s, n);
            const vec bounded = -max_of(-max_of(gain, all(-limit)), all(-limit));
            sum[s] += keep(load_lanes(weight, i, s, n) * bounded, gain == gain);
        }
    }
    return add_slots(sum);
}

void LEVELLED(kernel_squares)(const double *resp, size_t components, size_t groups,
                              double *out)
{
    for (size_t k = 0; k < components; k++) {
        const double *row = resp + k * BLOCK_POINTS;
        vec sum[SLOTS] = {{0}};
        for (size_t i = 0; i < groups * KERNEL_GROUP; i += 8) {
            UNROLL for (size_t s = 0; s < SLOTS; s++)
            {
                const vec r = load(row + i + s * LANES);
                sum[s] = fma_of(r, r, sum[s]);
            }
        }
        out[k] = add_slots(sum);
    }
}
