/* SPDX-License-Identifier: MIT
 *
 * exp: x = k ln 2 + r with |r| <= ln 2 / 2, e^r by its Taylor series to r^13 (the first
 * term left out is below 5e-18), then scaled by 2^k.
 * log: x = 2^k m with m in [sqrt 1/2, sqrt 2), f = m - 1 (exact), s = f / (2 + f),
 * log m = 2 atanh s by its series to s^21 (the first term left out is below 1e-19),
 * written as f - s (f - R), so that the rounding of s touches only the second order.
 */
#include "special.h"

#include <math.h>

/* ln 2 in two parts; the first has 32 bits, so k times it is exact. */
#define LN2_HIGH 6.93147180369123816490e-01
#define LN2_LOW 1.90821492927058770002e-10
#define LOG2_E 1.44269504088896338700e+00
/* log2 e - 1.4375, so that products with the first part of it round once. */
#define LOG2_E_LOW 5.19504088896340735992e-03
#define LOG2_E_HIGH 1.4375
/* Below this e^x is denormal. */
#define EXP_MIN (-708.396418532264)
#define EXP_MAX 709.782712893384
#define SQRT_2 1.41421356237309504880

/* 2^k for -1022 <= k <= 1023. */
static double power_of_two(int k)
{
    const uint64_t bits = (uint64_t)(k + 1023) << 52;
    double value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

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
    /* 2^1024 and 2^-1023 are not numbers: the scale is applied in two steps. */
    const int half = (int)k / 2;
    return (1 + p) * power_of_two(half) * power_of_two((int)k - half);
}

/* x = 2^k (1 + f) with f in [sqrt 1/2 - 1, sqrt 2 - 1), for a finite positive x. */
static double reduce(double x, int *k)
{
    int shift = 0;
    if (x < 0x1p-1022) {
        x *= 0x1p54;
        shift = 54;
    }
    double m = special_split(x, k);
    if (m > SQRT_2) {
        m *= 0.5;
        ++*k;
    }
    *k -= shift;
    return m - 1;
}

/* f - log(1 + f), so that the logarithm rounds last. */
static double correction(double f)
{
    const double s = f / (2 + f);
    const double s2 = s * s;
    double p = 2.0 / 21.0;
    for (int odd = 19; odd >= 3; odd -= 2) {
        p = p * s2 + 2.0 / odd;
    }
    return s * (f - p * s2);
}

/* Values at which there is no finite logarithm. */
static double log_of_edge(double x)
{
    return x == 0 ? -(double)INFINITY : x > 0 ? x : (double)NAN;
}

double special_log(double x)
{
    if (!(x > 0) || x == (double)INFINITY) {
        return log_of_edge(x);
    }
    int k;
    const double f = reduce(x, &k);
    return k * LN2_HIGH + (f - (correction(f) - k * LN2_LOW));
}

double special_log2(double x)
{
    if (!(x > 0) || x == (double)INFINITY) {
        return log_of_edge(x);
    }
    int k;
    const double f = reduce(x, &k);
    const double log_m = f - correction(f);
    return k + (log_m * LOG2_E_HIGH + log_m * LOG2_E_LOW);
}

double special_deviance(double y)
{
    const double f = y - 1;
    if (y > 0.75 && y < 1.375) { /* the subtraction was exact, or nearly */
        return correction(f);
    }
    return f - special_log(y);
}
