/* SPDX-License-Identifier: MIT
 *
 * Small symmetric matrices. Lower triangles are packed row by row:
 * element (i, j), j <= i, at i (i + 1) / 2 + j. */
#ifndef MATRIX_H
#define MATRIX_H

#include <stdbool.h>
#include <stddef.h>

static inline size_t packed_size(size_t n)
{
    return n * (n + 1) / 2;
}

/* The factor L of the correlation matrix of cov (n x n row-major), cov = S L L' S with
 * S = diag(sd), packed; sd: n standard deviations. Where the correlation matrix is
 * singular to rounding, 1e-12 10^j is added to its diagonal until it is not. False if
 * a variance is not positive and finite, or no such jitter up to 1e-3 helps. */
bool matrix_factor(const double *cov, size_t n, double *sd, double *factor);

/* inverse <- the inverse of a packed lower triangular factor, packed. */
void matrix_invert_lower(const double *factor, size_t n, double *inverse);

/* y <- W x for a packed lower triangular W. */
void matrix_times_lower(const double *w, size_t n, const double *x, double *y);

#endif
