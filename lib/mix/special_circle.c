/* SPDX-License-Identifier: MIT
 *
 * Angles, and the modified Bessel functions I0 and I1 that go with them.
 *
 * sin, cos: x is reduced by multiples of 2 pi, exactly but for the digits that the double
 * 2 pi lacks, which are less than the rounding of x itself; then to |r| <= pi/4, where
 * the Taylor series to r^17 end below 1e-17. atan: the angle is halved three times,
 * tan(a/2) = t / (1 + sqrt(1 + t^2)), and the series of atan taken to t^17 for |t| <=
 * 0.1. I0, I1: power series up to 30, Hankel's asymptotic series beyond, whose smallest
 * term is below e^-60 there (M. Abramowitz and I. Stegun, 9.6.10 and 9.7.1). */
#include "special.h"

#include <math.h>

/* pi / 2 in two parts. */
#define HALF_PI_HIGH 1.57079632679489655800e+00
#define HALF_PI_LOW 6.12323399573676603587e-17
#define TWO_PI 6.28318530717958623200e+00
/* From here on the asymptotic series are exact to the last digit. */
#define BESSEL_SERIES_MAX 30
#define BESSEL_TERMS 25
#define LN_2_PI 1.83787706640934548356
/* Below this rest the series say it all; Newton steps at most above it. */
#define REST_SMALL 1e-7
#define STEPS_MAX 50

static double sine_series(double r)
{
    const double y = r * r;
    double sum = 0;
    for (int n = 16; n >= 2; n -= 2) {
        sum = (1 - sum) * y / (n * (n + 1));
    }
    return r - r * sum;
}

static double cosine_series(double r)
{
    const double y = r * r;
    double sum = 0;
    for (int n = 17; n >= 1; n -= 2) {
        sum = (1 - sum) * y / (n * (n + 1));
    }
    return 1 - sum;
}

void special_sincos(double x, double *sine, double *cosine)
{
    const double turned = remainder(x, TWO_PI); /* exact */
    const double quarters = floor(turned / HALF_PI_HIGH + 0.5);
    const double r = (turned - quarters * HALF_PI_HIGH) - quarters * HALF_PI_LOW;
    const double s = sine_series(r), c = cosine_series(r);
    switch ((int)quarters & 3) {
    case 0:
        *sine = s, *cosine = c;
        break;
    case 1:
        *sine = c, *cosine = -s;
        break;
    case 2:
        *sine = -s, *cosine = -c;
        break;
    default:
        *sine = -c, *cosine = s;
        break;
    }
}

/* For 0 <= t <= 1. */
static double atan_unit(double t)
{
    for (int i = 0; i < 3; i++) {
        t = t / (1 + sqrt(1 + t * t));
    }
    const double y = t * t;
    double sum = 0;
    for (int n = 17; n >= 3; n -= 2) {
        sum = y * (1.0 / n - sum);
    }
    return 8 * (t - t * sum);
}

double special_atan2(double y, double x)
{
    const double a = fabs(y), b = fabs(x);
    double angle = 0;
    if (a > b) {
        angle = HALF_PI_HIGH - (atan_unit(b / a) - HALF_PI_LOW);
    } else if (b > 0) {
        angle = atan_unit(a / b);
    }
    if (x < 0) {
        angle = SPECIAL_PI - angle;
    }
    return y < 0 ? -angle : angle;
}

/* sum (x/2)^(2k) / (k! (k + order)!), without (x/2)^order. */
static double power_series(double x, int order)
{
    const double y = x * x / 4;
    double term = 1, sum = 1;
    for (int k = 1; term > 1e-18 * sum; k++) {
        term *= y / ((double)k * (k + order));
        sum += term;
    }
    return sum;
}

/* e^-x sqrt(2 pi x) I(x) of the order. */
static double asymptotic_series(double x, int order)
{
    const double mu = 4.0 * order * order;
    double term = 1, sum = 1;
    for (int k = 1; k <= BESSEL_TERMS; k++) {
        const double odd = 2.0 * k - 1;
        term *= -(mu - odd * odd) / (8 * x * k);
        sum += term;
    }
    return sum;
}

double special_log_i0(double x)
{
    if (x <= BESSEL_SERIES_MAX) {
        return special_log(power_series(x, 0)) - x;
    }
    return special_log(asymptotic_series(x, 0)) - 0.5 * (LN_2_PI + special_log(x));
}

double special_bessel_ratio(double x)
{
    if (x <= BESSEL_SERIES_MAX) {
        return x / 2 * power_series(x, 1) / power_series(x, 0);
    }
    return asymptotic_series(x, 1) / asymptotic_series(x, 0);
}

/* D. J. Best and N. I. Fisher 1981 to begin with, then Newton. */
double special_inverse_bessel(double ratio)
{
    const double rest = 1 - ratio;
    if (!(ratio > 1e-12)) {
        return 0;
    }
    if (rest < REST_SMALL) { /* 1 - I1/I0 = 1/(2x) + 1/(8x^2) + ... */
        return rest > 0 ? 1 / (2 * rest) + 0.25 : (double)INFINITY;
    }
    double x = ratio * (2 - ratio * ratio) / (1 - ratio * ratio);
    for (int step = 0; step < STEPS_MAX; step++) {
        const double a = special_bessel_ratio(x);
        const double next = x - (a - ratio) / (1 - a / x - a * a);
        if (!(next > 0) || fabs(next - x) <= 1e-15 * x) {
            break;
        }
        x = next;
    }
    return x;
}
