/* SPDX-License-Identifier: MIT
 *
 * The gamma function and its kin for positive arguments. From 10 on Stirling's series
 * (M. Abramowitz and I. Stegun, Handbook of Mathematical Functions, 6.1.40, 6.3.18 and
 * 6.4.11; the first term left out is below 1e-16), below that the recurrences lead there.
 */
#include "special.h"

#include <math.h>

/* From here on the series are good to the last digit. */
#define SERIES_MIN 10
/* Below this gap the series say it all; Newton steps at most above it. */
#define GAP_SMALL 1e-7
#define STEPS_MAX 50
#define HALF_LOG_2_PI 0.91893853320467274178

static double binet_series(double x)
{
    const double y = 1 / (x * x);
    double sum = 1.0 / 156;
    sum = sum * y - 691.0 / 360360;
    sum = sum * y + 1.0 / 1188;
    sum = sum * y - 1.0 / 1680;
    sum = sum * y + 1.0 / 1260;
    sum = sum * y - 1.0 / 360;
    sum = sum * y + 1.0 / 12;
    return sum / x;
}

double special_binet(double x)
{
    double product = 1, y = x;
    if (x >= SERIES_MIN) {
        return binet_series(x);
    }
    for (; y < SERIES_MIN; y++) {
        product *= y;
    }
    const double log_gamma = (y - 0.5) * special_log(y) - y + HALF_LOG_2_PI +
                             binet_series(y) - special_log(product);
    return log_gamma - ((x - 0.5) * special_log(x) - x + HALF_LOG_2_PI);
}

/* log x - digamma(x) from 10 on. */
static double gap_series(double x)
{
    const double y = 1 / (x * x);
    double sum = -1.0 / 12;
    sum = sum * y + 691.0 / 32760;
    sum = sum * y - 1.0 / 132;
    sum = sum * y + 1.0 / 240;
    sum = sum * y - 1.0 / 252;
    sum = sum * y + 1.0 / 120;
    sum = sum * y - 1.0 / 12;
    return 1 / (2 * x) - sum * y;
}

double special_digamma_gap(double x)
{
    double sum = 0, y = x;
    if (x >= SERIES_MIN) {
        return gap_series(x);
    }
    for (; y < SERIES_MIN; y++) {
        sum += 1 / y;
    }
    return special_log(x) - special_log(y) + gap_series(y) + sum;
}

double special_trigamma(double x)
{
    double sum = 0;
    for (; x < SERIES_MIN; x++) {
        sum += 1 / (x * x);
    }
    const double y = 1 / (x * x);
    double series = 7.0 / 6;
    series = series * y - 691.0 / 2730;
    series = series * y + 5.0 / 66;
    series = series * y - 1.0 / 30;
    series = series * y + 1.0 / 42;
    series = series * y - 1.0 / 30;
    series = series * y + 1.0 / 6;
    return sum + 1 / x + y / 2 + series * y / x;
}

/* T. P. Minka, Estimating a gamma distribution (2002): Newton steps on 1 / x. */
double special_inverse_gap(double gap)
{
    if (!(gap < (double)INFINITY)) {
        return 0;
    }
    if (gap < GAP_SMALL) { /* 1/(2x) + 1/(12x^2) - ... */
        return gap > 0 ? 1 / (2 * gap) + 1.0 / 6 : (double)INFINITY;
    }
    double x = (3 - gap + sqrt((gap - 3) * (gap - 3) + 24 * gap)) / (12 * gap);
    for (int step = 0; step < STEPS_MAX; step++) {
        const double slope = x * x * (1 / x - special_trigamma(x));
        const double next = 1 / (1 / x + (special_digamma_gap(x) - gap) / slope);
        if (!(next > 0) || fabs(next - x) <= 1e-15 * x) {
            break;
        }
        x = next;
    }
    return x;
}
