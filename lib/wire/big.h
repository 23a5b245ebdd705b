/* SPDX-License-Identifier: MIT
 *
 * Whole numbers of a few thousand bits, for the comparisons of number.c that nothing
 * shorter decides. */
#ifndef BIG_H
#define BIG_H

#include <stddef.h>
#include <stdint.h>

/* 771 digits (2562 bits) 5^308 2^1400, or 54 bits 5^1130 2^1100, fit with room. */
#define BIG_LIMBS 160

struct big {
    size_t n;                 /* limbs in use; the last one is not 0 */
    uint32_t limb[BIG_LIMBS]; /* least significant first */
};

void big_set(struct big *big, uint64_t value);
void big_multiply_add(struct big *big, uint32_t factor, uint32_t addend);
void big_power5(struct big *big, int64_t power);           /* times 5^power */
void big_shift(struct big *big, size_t bits);              /* times 2^bits */
int big_compare(const struct big *a, const struct big *b); /* -1, 0, 1 */

#endif
