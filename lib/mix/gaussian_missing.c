/* SPDX-License-Identifier: MIT
 *
 * One point with missing entries against one gaussian component, exactly:
 *
 *     d_o = x_o - mu_o,  d_m = S_mo S_oo^-1 d_o,  C_mm = S_mm - S_mo S_oo^-1 S_om
 *
 * Z. Ghahramani and M. I. Jordan, Supervised learning from incomplete data via an EM
 * approach, NIPS 6 (1994). */
#include <math.h>
#include <string.h>

#include "gaussian.h"
#include "matrix.h"
#include "special.h"

/* z <- W v for a packed lower W. */
static void whiten(const double *w, size_t n, const double *v, double *z)
{
    for (size_t i = 0; i < n; i++) {
        z[i] = 0;
        for (size_t j = 0; j <= i; j++) {
            z[i] += w[packed_size(i) + j] * v[j];
        }
    }
}

/* Splits the entries of point i into observed and missing. */
static size_t split(const struct factor *f, const struct block *block, size_t i,
                    size_t *seen, size_t *holes)
{
    size_t n_seen = 0, n_holes = 0;
    for (size_t d = 0; d < f->dimensions; d++) {
        const double x = block->x[(f->first + d) * BLOCK_POINTS + i];
        if (x == x) {
            seen[n_seen++] = d;
        } else {
            holes[n_holes++] = d;
        }
    }
    return n_seen;
}

bool gaussian_observe(const struct factor *f, const double *mean, const double *cov,
                      const struct block *block, size_t i, struct observed *out,
                      double *conditional)
{
    const size_t dims = f->dimensions;
    size_t seen[MIX_DIMENSIONS_MAX], holes[MIX_DIMENSIONS_MAX];
    double sub[MIX_DIMENSIONS_MAX * MIX_DIMENSIONS_MAX];
    double factor[MIX_DIMENSIONS_MAX * (MIX_DIMENSIONS_MAX + 1) / 2];
    double w[MIX_DIMENSIONS_MAX * (MIX_DIMENSIONS_MAX + 1) / 2];
    double sd[MIX_DIMENSIONS_MAX], v[MIX_DIMENSIONS_MAX] = {0}, z[MIX_DIMENSIONS_MAX];
    double u[2][MIX_DIMENSIONS_MAX];
    const size_t n = split(f, block, i, seen, holes);
    for (size_t a = 0; a < n; a++) {
        for (size_t b = 0; b < n; b++) {
            sub[a * n + b] = cov[seen[a] * dims + seen[b]];
        }
    }
    if (!matrix_factor(sub, n, sd, factor)) {
        return false;
    }
    matrix_invert_lower(factor, n, w);
    out->log_density = -0.5 * (double)n * LOG_2PI;
    for (size_t a = 0; a < n; a++) {
        const double x = block->x[(f->first + seen[a]) * BLOCK_POINTS + i];
        out->d[seen[a]] = x - mean[seen[a]];
        v[a] = out->d[seen[a]] / sd[a];
        out->log_density -= special_log(sd[a]) + special_log(factor[packed_size(a) + a]);
    }
    whiten(w, n, v, z);
    for (size_t a = 0; a < n; a++) {
        out->log_density -= 0.5 * z[a] * z[a];
    }
    if (conditional != NULL) {
        memset(conditional, 0, dims * dims * sizeof(*conditional));
    }
    for (size_t m = 0; m < dims - n; m++) {
        double sum = 0;
        for (size_t a = 0; a < n; a++) {
            v[a] = cov[holes[m] * dims + seen[a]] / sd[a];
        }
        whiten(w, n, v, u[0]);
        for (size_t a = 0; a < n; a++) {
            sum += u[0][a] * z[a];
        }
        out->d[holes[m]] = sum;
        for (size_t l = 0; l <= m && conditional != NULL; l++) {
            double c = cov[holes[m] * dims + holes[l]];
            for (size_t a = 0; a < n; a++) {
                v[a] = cov[holes[l] * dims + seen[a]] / sd[a];
            }
            whiten(w, n, v, u[1]);
            for (size_t a = 0; a < n; a++) {
                c -= u[0][a] * u[1][a];
            }
            conditional[holes[m] * dims + holes[l]] = c;
            conditional[holes[l] * dims + holes[m]] = c;
        }
    }
    return true;
}
