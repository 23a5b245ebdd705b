/* SPDX-License-Identifier: MIT
 *
 * exp: x = k ln 2 + r with |r| <= ln 2 / 2, e^r by its Taylor series to r^13 (the first
 * term left out is below 5e-18), then scaled by 2^k.
 * log: x = 2^k m with m in [sqrt 1/2, sqrt 2), s = (m-1)/(m+1), log m = 2 atanh s by
 * its series to s^21 (the first term left out is below 1e-19). */
#include "special.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* ln 2 in two parts; the first has 32 bits, so k times it is exact. */
#define LN2_HIGH 6.93147180369123816490e-01
#define LN2_LOW 1.90821492927058770002e-10
#define LOG2_E 1.44269504088896338700e+00
/* Below this e^x is denormal. */
#define EXP_MIN (-708.396418532264)
#define EXP_MAX 709.782712893384
#define SQRT_HALF 0.70710678118654752440

double special_exp(double x)
{
    if (!(x >= EXP_MIN)) {
        return x != x ? x : 0;
    }
    if (x > EXP_MAX) {
        return (double)INFINITY;
    }
    const double k = floor(x * LOG2_E + 0.5);
    const double r = (x - k * LN2_HIGH) - k * LN2_LOW;
    double p = 1.0 / 6227020800.0;
    p = p * r + 1.0 / 479001600.0;
    p = p * r + 1.0 / 39916800.0;
    p = p * r + 1.0 / 3628800.0;
    p = p * r + 1.0 / 362880.0;
    p = p * r + 1.0 / 40320.0;
    p = p * r + 1.0 / 5040.0;
    p = p * r + 1.0 / 720.0;
    p = p * r + 1.0 / 120.0;
    p = p * r + 1.0 / 24.0;
    p = p * r + 1.0 / 6.0;
    p = p * r + 0.5;
    p = p * r * r + r;
    return ldexp(1 + p, (int)k);
}

double special_log(double x)
{
    if (!(x > 0) || x == (double)INFINITY) {
        return x == 0 ? -(double)INFINITY : x > 0 ? x : (double)NAN;
    }
    int k;
    double m = frexp(x, &k);
    if (m < SQRT_HALF) {
        m *= 2;
        k--;
    }
    const double s = (m - 1) / (m + 1);
    const double s2 = s * s;
    double p = 2.0 / 21.0;
    for (int odd = 19; odd >= 3; odd -= 2) {
        p = p * s2 + 2.0 / odd;
    }
    return k * LN2_HIGH + (2 * s + (p * s2 * s + k * LN2_LOW));
}
