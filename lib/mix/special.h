/* SPDX-License-Identifier: MIT
 *
 * Elementary functions of our own. glibc picks other variants by processor, so its
 * exp and log may differ in the last bit between machines; on the way to a published
 * model only these and the correctly rounded functions (sqrt, floor) are used. They
 * consist of + - * / in a fixed order, without fused products.
 */
#ifndef SPECIAL_H
#define SPECIAL_H

#include <stdint.h>
#include <string.h>

double special_exp(double x);  /* below 1 ulp; 0 below -708.39, never a denormal */
double special_log(double x);  /* below 1 ulp; -inf at 0, NaN below */
double special_log2(double x); /* below 2 ulp; exact at powers of two */

/* y - 1 - log y for y > 0: how far y is from 1; relative error 3e-15. */
double special_deviance(double y);

/* Of x > 0. log Gamma(x) = (x - 1/2) log x - x + log(2 pi) / 2 + binet(x); absolute error
 * 2e-14 below 10, relative error 1e-15 from there on. */
double special_binet(double x);
double special_digamma_gap(double x); /* log x - digamma(x) > 0; relative error 1e-14 */
double special_trigamma(double x);    /* relative error 1e-15 */
/* The x > 0 of that gap; relative error 1e-12. Infinite for 0 and less, 0 for infinity. */
double special_inverse_gap(double gap);

/* Of any finite angle; error 3e-16 beside that of the angle's own rounding. */
void special_sincos(double x, double *sine, double *cosine);
double special_atan2(double y, double x); /* in [-pi, pi]; error 1e-15; 0 of (0, 0) */

/* Of x >= 0: log(e^-x I0(x)), absolute error 1e-14; I1(x) / I0(x), relative error 1e-15. */
double special_log_i0(double x);
double special_bessel_ratio(double x);
/* The x of that ratio, 0 <= ratio <= 1; relative error 1e-9, less below .999. */
double special_inverse_bessel(double ratio);

#define SPECIAL_PI 3.14159265358979323846
#define SPECIAL_LOG2_E 1.44269504088896338700

/* x = m 2^exponent with m in [1, 2), for a normal positive x. */
static inline double special_split(double x, int *exponent)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof(bits));
    *exponent = (int)(bits >> 52) - 1023;
    bits = (bits & 0xfffffffffffff) | ((uint64_t)1023 << 52);
    memcpy(&x, &bits, sizeof(x));
    return x;
}

#endif
