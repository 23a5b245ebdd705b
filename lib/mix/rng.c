/* SPDX-License-Identifier: MIT
 *
 * The numbers of SplitMix64 (Steele, Lea, Flood 2014) from a start that is mixed from
 * seed, purpose and index: number i of a stream is mix(key + i golden). */
#include "rng.h"

#include <math.h>

#include "special.h"

#define GOLDEN UINT64_C(0x9e3779b97f4a7c15)

static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

struct rng rng_at(uint64_t seed, enum rng_purpose purpose, uint64_t index)
{
    uint64_t key = mix(seed + GOLDEN);
    key = mix(key ^ ((uint64_t)purpose + 1) * GOLDEN);
    key = mix(key ^ mix(index + GOLDEN));
    return (struct rng){.key = key};
}

uint64_t rng_next(struct rng *rng)
{
    return mix(rng->key + ++rng->draw * GOLDEN);
}

double rng_uniform(struct rng *rng)
{
    return ((double)(rng_next(rng) >> 12) + 0.5) * 0x1p-52;
}

uint64_t rng_below(struct rng *rng, uint64_t n)
{
    /* Multiples of n fill [0, limit]; what lies past it is drawn again. */
    const uint64_t limit = UINT64_MAX - (UINT64_MAX % n + 1) % n;
    uint64_t bits = rng_next(rng);
    while (bits > limit) {
        bits = rng_next(rng);
    }
    return bits % n;
}

double rng_normal(struct rng *rng)
{
    /* G. Marsaglia's polar method, one number of the two. */
    for (;;) {
        const double u = 2 * rng_uniform(rng) - 1;
        const double v = 2 * rng_uniform(rng) - 1;
        const double s = u * u + v * v;
        if (s < 1 && s > 0) {
            return u * sqrt(-2 * special_log(s) / s);
        }
    }
}
