/* SPDX-License-Identifier: MIT
 *
 * Cholesky of the correlation matrix: scales of 1e-6 beside 1e6 are then nothing
 * special, and multiplying a field by a power of two changes only its sd. */
#include "matrix.h"

#include <math.h>

#define JITTER_FIRST 1e-12
/* More than rounding makes a correlation matrix indefinite: it is not one. */
#define JITTER_LAST 1.5e-3

static bool cholesky(const double *cov, size_t n, const double *sd, double jitter,
                     double *factor)
{
    for (size_t i = 0; i < n; i++) {
        double *row = factor + packed_size(i);
        for (size_t j = 0; j <= i; j++) {
            const double *other = factor + packed_size(j);
            double sum = i == j ? 1 + jitter : cov[i * n + j] / sd[i] / sd[j];
            for (size_t m = 0; m < j; m++) {
                sum -= row[m] * other[m];
            }
            if (j < i) {
                row[j] = sum / other[j];
            } else if (sum > JITTER_FIRST / 2) {
                row[j] = sqrt(sum);
            } else {
                return false;
            }
        }
    }
    return true;
}

bool matrix_factor(const double *cov, size_t n, double *sd, double *factor)
{
    for (size_t i = 0; i < n; i++) {
        const double variance = cov[i * n + i];
        if (!(variance > 0) || variance == (double)INFINITY) {
            return false;
        }
        sd[i] = sqrt(variance);
    }
    double jitter = 0;
    while (!cholesky(cov, n, sd, jitter, factor)) {
        jitter = jitter == 0 ? JITTER_FIRST : 10 * jitter;
        if (jitter > JITTER_LAST) {
            return false;
        }
    }
    return true;
}

void matrix_invert_lower(const double *factor, size_t n, double *inverse)
{
    for (size_t i = 0; i < n; i++) {
        const double *row = factor + packed_size(i);
        double *out = inverse + packed_size(i);
        for (size_t j = 0; j < i; j++) {
            double sum = 0;
            for (size_t m = j; m < i; m++) {
                sum -= row[m] * inverse[packed_size(m) + j];
            }
            out[j] = sum / row[i];
        }
        out[i] = 1 / row[i];
    }
}

void matrix_times_lower(const double *w, size_t n, const double *x, double *y)
{
    for (size_t i = 0; i < n; i++) {
        y[i] = 0;
        for (size_t j = 0; j <= i; j++) {
            y[i] += *w++ * x[j];
        }
    }
}
