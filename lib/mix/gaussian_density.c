/* SPDX-License-Identifier: MIT
 *
 * Log density of gaussian components, vectors running across points:
 *
 *     z = W (x - mu) / sd,  log f = log_norm - |z|^2 / 2 + log_common
 *     log_common = -(ln 2 sum_d e_d + (D/2) ln 2 pi) over the entries that are there
 *
 * Points with missing entries go through gaussian_missing.c one by one. */
#include <math.h>
#include <string.h>

#include "gaussian.h"
#include "matrix.h"

#define LN2 0.69314718055994530942
#define LOG_2PI 1.83787706640934548356
/* Points worked on at a time: D x 32 differences stay in the first-level cache. */
#define GROUP 32

bool gaussian_has_hole(const struct factor *f, const struct block *block, size_t i)
{
    for (size_t d = 0; d < f->dimensions; d++) {
        const double x = block->x[(f->first + d) * BLOCK_POINTS + i];
        if (x != x) {
            return true;
        }
    }
    return false;
}

/* scaled <- (x - mu) / sd of a group. */
static void standardise(const struct factor *f, const double *mean, const double *sd,
                        const struct block *block, size_t first, double *scaled)
{
    for (size_t d = 0; d < f->dimensions; d++) {
        const double *x = block->x + (f->first + d) * BLOCK_POINTS + first;
        const double inverse = 1 / sd[d];
        for (size_t i = 0; i < GROUP; i++) {
            scaled[d * GROUP + i] = (x[i] - mean[d]) * inverse;
        }
    }
}

/* q <- |W v|^2 of a group; w NULL: the identity. */
static void square_norm(const double *w, size_t dims, const double *v, double *q)
{
    memset(q, 0, GROUP * sizeof(*q));
    for (size_t d = 0; d < dims; d++) {
        double z[GROUP];
        if (w == NULL) {
            memcpy(z, v + d * GROUP, sizeof(z));
        } else {
            memset(z, 0, sizeof(z));
            for (size_t j = 0; j <= d; j++) {
                for (size_t i = 0; i < GROUP; i++) {
                    z[i] += w[packed_size(d) + j] * v[j * GROUP + i];
                }
            }
        }
        for (size_t i = 0; i < GROUP; i++) {
            q[i] += z[i] * z[i];
        }
    }
}

static void density_missing(const struct factor *f, const double *param,
                            const double *cache, size_t k, const struct block *block,
                            double *out)
{
    double cov[MIX_DIMENSIONS_MAX * MIX_DIMENSIONS_MAX];
    struct observed observed;
    gaussian_dense(f, param, k, cov);
    for (size_t i = 0; i < block->n; i++) {
        if (gaussian_has_hole(f, block, i)) {
            const bool is_ok = gaussian_observe(f, param + k * f->dimensions, cov, cache,
                                                block, i, &observed, NULL);
            out[i] += is_ok ? observed.log_density : -(double)INFINITY;
        }
    }
}

void gaussian_log_density(const struct factor *f, const double *param,
                          const double *cache, const struct block *block,
                          double *log_density)
{
    const size_t dims = f->dimensions;
    const double *log_norm = gaussian_log_norm(f, cache);
    double scaled[MIX_DIMENSIONS_MAX * GROUP], q[GROUP];
    for (size_t k = 0; k < f->components; k++) {
        const double *unit = gaussian_unit(f, cache, k);
        double *out = log_density + k * BLOCK_POINTS;
        for (size_t first = 0; first < block->n; first += GROUP) {
            standardise(f, param + k * dims, unit, block, first, scaled);
            square_norm(gaussian_is_dense(f) ? unit + dims : NULL, dims, scaled, q);
            for (size_t i = 0; i < GROUP; i++) {
                const double value = log_norm[k] - 0.5 * q[i];
                out[first + i] += value == value ? value : 0; /* NaN: missing, below */
            }
        }
        if (block->has_missing) {
            density_missing(f, param, cache, k, block, out);
        }
    }
}

void gaussian_log_common(const struct factor *f, const double *cache,
                         const struct block *block, double *log_density)
{
    for (size_t i = 0; i < block->n; i++) {
        double sum = 0;
        size_t n = 0;
        for (size_t d = 0; d < f->dimensions; d++) {
            const double x = block->x[(f->first + d) * BLOCK_POINTS + i];
            if (x == x) {
                sum += cache[d];
                n++;
            }
        }
        log_density[i] -= LN2 * sum + 0.5 * LOG_2PI * (double)n;
    }
}
