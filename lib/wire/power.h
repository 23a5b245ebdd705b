/* SPDX-License-Identifier: MIT
 *
 * 128 bits of powers of ten, for number.c. */
#ifndef POWER_H
#define POWER_H

#include <stdint.h>

/* Below, w 10^q is 0 for every w of 64 bits and is not looked up; above, infinite. */
#define POWER_MIN (-342)
#define POWER_MAX 308

/* The bits of an infinite double. */
#define POWER_INFINITY (UINT64_C(0x7ff) << 52)

struct power_u128 {
    uint64_t high, low;
};

/* p and *exponent with p 2^exponent <= w 10^q < (p + 4) 2^exponent, where the highest
 * bit of p is set. w > 0, POWER_MIN <= q <= POWER_MAX. */
struct power_u128 power_multiply(uint64_t w, int q, int *exponent);

#endif
