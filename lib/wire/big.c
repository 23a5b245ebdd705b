/* SPDX-License-Identifier: MIT
 *
 * Whole numbers, limb by limb. */
#include "big.h"

#include <assert.h>
#include <string.h>

static void append(struct big *big, uint32_t limb)
{
    if (limb != 0) {
        assert(big->n < BIG_LIMBS);
        big->limb[big->n++] = limb;
    }
}

void big_set(struct big *big, uint64_t value)
{
    big->n = 0;
    if (value >> 32 != 0) {
        big->limb[big->n++] = (uint32_t)value;
        big->limb[big->n++] = (uint32_t)(value >> 32);
    } else {
        append(big, (uint32_t)value);
    }
}

void big_multiply_add(struct big *big, uint32_t factor, uint32_t addend)
{
    uint64_t carry = addend;
    for (size_t i = 0; i < big->n; i++) {
        carry += (uint64_t)big->limb[i] * factor;
        big->limb[i] = (uint32_t)carry;
        carry >>= 32;
    }
    append(big, (uint32_t)carry);
}

void big_power5(struct big *big, int64_t power)
{
    for (; power >= 13; power -= 13) {
        big_multiply_add(big, 1220703125, 0); /* 5^13, the largest that fits */
    }
    for (; power > 0; power--) {
        big_multiply_add(big, 5, 0);
    }
}

void big_shift(struct big *big, size_t bits)
{
    const size_t limbs = bits / 32;
    if (big->n == 0) {
        return;
    }
    big_multiply_add(big, (uint32_t)1 << (bits % 32), 0);
    assert(big->n + limbs <= BIG_LIMBS);
    memmove(big->limb + limbs, big->limb, big->n * sizeof(big->limb[0]));
    memset(big->limb, 0, limbs * sizeof(big->limb[0]));
    big->n += limbs;
}

int big_compare(const struct big *a, const struct big *b)
{
    if (a->n != b->n) {
        return a->n < b->n ? -1 : 1;
    }
    for (size_t i = a->n; i-- > 0;) {
        if (a->limb[i] != b->limb[i]) {
            return a->limb[i] < b->limb[i] ? -1 : 1;
        }
    }
    return 0;
}
