/* SPDX-License-Identifier: MIT
 *
 * Counter-based random numbers: every number is a function of (seed, purpose, index,
 * draw) and of nothing else, so a replay, a restart and another division of the work
 * draw the same ones.
 */
#ifndef RNG_H
#define RNG_H

#include <stddef.h>
#include <stdint.h>

/* What a number is drawn for; part of the key, so that uses never share numbers. */
enum rng_purpose { RNG_KMEANS, RNG_SAMPLE, RNG_RESERVOIR, RNG_SPLIT, RNG_TEST, RNG_MERGE };

struct rng {
    uint64_t key;     /* mixed from seed, purpose and index */
    uint64_t draw;    /* numbers drawn so far */
};

struct rng rng_at(uint64_t seed, enum rng_purpose purpose, uint64_t index);
uint64_t rng_next(struct rng *rng);          /* 64 uniform bits */
double rng_uniform(struct rng *rng);         /* in (0, 1), 52 bits, never 0 or 1 */
uint64_t rng_below(struct rng *rng, uint64_t n); /* uniform in [0, n), n >= 1, unbiased */
double rng_normal(struct rng *rng);          /* standard normal, by special.h only */

#endif
