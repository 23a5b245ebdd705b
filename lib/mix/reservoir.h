/* SPDX-License-Identifier: MIT
 *
 * A uniform sample of all rows since it was emptied. Once it is full, how many rows are
 * passed over before the next one enters is drawn, not every row's fate (K.-H. Li,
 * Reservoir-sampling algorithms of time complexity O(n(1 + log(N/n))), ACM TOMS 20
 * (1994) 481-493, algorithm L). Or a sample that follows the stream: it forgets its rows
 * as a mean of so many points does (C. Aggarwal, On biased reservoir sampling in the
 * presence of stream evolution, VLDB 2006). All of it is a function of the seed and of
 * the numbers drawn before. */
#ifndef RESERVOIR_H
#define RESERVOIR_H

#include <stdbool.h>
#include <stdint.h>

#include "points.h"

struct reservoir {
    struct points *rows; /* the sample; its capacity is the size of the reservoir */
    uint64_t age;        /* rows offered since it was emptied */
    uint64_t drawn;      /* times that numbers were drawn, ever */
    uint64_t next;       /* age at which the next row enters; 0: not drawn yet */
    double largest;      /* W of algorithm L, the largest of its uniform keys */
};

/* Rows that are in `rows` already were offered, if they are more than those counted. */
void reservoir_adopt(struct reservoir *reservoir);
/* Puts row i of rows in the place of one that is drawn. */
void reservoir_force(struct reservoir *reservoir, const struct points *rows, size_t i,
                     uint64_t seed);
void reservoir_clear(struct reservoir *reservoir);
/* A sample of all rows of both, as uniform as if one had been offered them all. False
 * without memory, and nothing is changed. */
bool reservoir_merge(struct reservoir *reservoir, const struct reservoir *other,
                     uint64_t seed);
/* Offers the points of a block, in order. */
void reservoir_offer(struct reservoir *reservoir, const struct block *block,
                     uint64_t seed);
/* The same for a sample of `size` rows at most that remembers `memory` points: once it is
 * full, neighbours enter together, or not, with the probability size / memory, where
 * other neighbours were. Neighbours make it cheap, and where points depend on each other
 * the sample is no worse for them. */
void reservoir_follow(struct reservoir *reservoir, const struct block *block,
                      uint64_t seed, size_t size, double memory);
/* Keeps the last `size` rows. Without memory for that, none. */
void reservoir_shorten(struct reservoir *reservoir, size_t size);

#endif
