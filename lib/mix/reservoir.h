/* SPDX-License-Identifier: MIT
 *
 * A uniform sample of all rows since it was emptied (J. S. Vitter, Random sampling with
 * a reservoir, ACM TOMS 11 (1985) 37-57, algorithm R). Whether and where a row enters is
 * a function of the seed and of how many rows were offered before it. */
#ifndef RESERVOIR_H
#define RESERVOIR_H

#include <stdint.h>

#include "points.h"

struct reservoir {
    struct points *rows; /* the sample; its capacity is the size of the reservoir */
    uint64_t age;        /* rows offered since it was emptied */
    uint64_t offered;    /* rows offered ever */
};

/* Rows that are in `rows` already count as all of those offered so far. */
void reservoir_adopt(struct reservoir *reservoir);
void reservoir_clear(struct reservoir *reservoir);
/* Offers the points of a block, in order. */
void reservoir_offer(struct reservoir *reservoir, const struct block *block,
                     uint64_t seed);

#endif
