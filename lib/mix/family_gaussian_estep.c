/* SPDX-License-Identifier: MIT
 *
 * Log density and block sums of gaussian components, vectors running across points:
 *
 *     z = W (x - mu) / sd,  log f = log_norm - |z|^2 / 2
 *     F = sum r (x - mu),  Q = sum r (x - mu)(x - mu)'
 *
 * Points with missing entries go through gaussian_missing.c one by one. */
#include <math.h>
#include <string.h>

#include "gaussian.h"
#include "matrix.h"

/* Points worked on at a time: D x 32 differences stay in the first-level cache. */
#define GROUP 32

/* The covariance of component k as a dense matrix. */
static void dense_cov(const struct factor *f, const double *param, size_t k, double *cov)
{
    const size_t dims = f->dimensions;
    const double *from = param + f->components * dims +
                         (f->covariance == MIX_TIED ? 0 : k) * gaussian_cov_size(f);
    if (gaussian_is_dense(f)) {
        memcpy(cov, from, dims * dims * sizeof(*cov));
        return;
    }
    memset(cov, 0, dims * dims * sizeof(*cov));
    for (size_t d = 0; d < dims; d++) {
        cov[d * dims + d] = from[f->covariance == MIX_DIAG ? d : 0];
    }
}

static bool has_hole(const struct factor *f, const struct block *block, size_t i)
{
    for (size_t d = 0; d < f->dimensions; d++) {
        const double x = block->x[(f->first + d) * BLOCK_POINTS + i];
        if (x != x) {
            return true;
        }
    }
    return false;
}

/* diff <- x - mu of a group, 0 where missing. */
static void difference(const struct factor *f, const double *mean,
                       const struct block *block, size_t first, double *diff)
{
    for (size_t d = 0; d < f->dimensions; d++) {
        const double *x = block->x + (f->first + d) * BLOCK_POINTS + first;
        for (size_t i = 0; i < GROUP; i++) {
            diff[d * GROUP + i] = x[i] - mean[d];
        }
    }
}

static void square_norm(const struct factor *f, const double *unit, const double *diff,
                        double *q)
{
    const size_t dims = f->dimensions;
    double scaled[MIX_DIMENSIONS_MAX * GROUP];
    memset(q, 0, GROUP * sizeof(*q));
    for (size_t d = 0; d < dims; d++) {
        const double inverse = 1 / unit[d];
        for (size_t i = 0; i < GROUP; i++) {
            scaled[d * GROUP + i] = diff[d * GROUP + i] * inverse;
        }
    }
    for (size_t d = 0; d < dims; d++) {
        double z[GROUP];
        const double *row = unit + dims + packed_size(d);
        memcpy(z, scaled + d * GROUP, sizeof(z));
        if (gaussian_is_dense(f)) {
            memset(z, 0, sizeof(z));
            for (size_t j = 0; j <= d; j++) {
                for (size_t i = 0; i < GROUP; i++) {
                    z[i] += row[j] * scaled[j * GROUP + i];
                }
            }
        }
        for (size_t i = 0; i < GROUP; i++) {
            q[i] += z[i] * z[i];
        }
    }
}

static void log_density_missing(const struct factor *f, const double *param, size_t k,
                                const struct block *block, double *out)
{
    double cov[MIX_DIMENSIONS_MAX * MIX_DIMENSIONS_MAX];
    struct observed observed;
    dense_cov(f, param, k, cov);
    for (size_t i = 0; i < block->n; i++) {
        if (has_hole(f, block, i)) {
            const bool is_ok = gaussian_observe(f, param + k * f->dimensions, cov, block,
                                                i, &observed, NULL);
            out[i] += is_ok ? observed.log_density : -(double)INFINITY;
        }
    }
}

void gaussian_log_density(const struct factor *f, const double *param,
                          const double *cache, const struct block *block,
                          double *log_density)
{
    const size_t size = gaussian_unit_size(f);
    const double *log_norm = cache + gaussian_n_cov(f) * size;
    double diff[MIX_DIMENSIONS_MAX * GROUP], q[GROUP];
    for (size_t k = 0; k < f->components; k++) {
        const double *unit = cache + (f->covariance == MIX_TIED ? 0 : k * size);
        double *out = log_density + k * BLOCK_POINTS;
        for (size_t first = 0; first < block->n; first += GROUP) {
            difference(f, param + k * f->dimensions, block, first, diff);
            square_norm(f, unit, diff, q);
            for (size_t i = 0; i < GROUP; i++) {
                const double value = log_norm[k] - 0.5 * q[i];
                out[first + i] += value == value ? value : 0;
            }
        }
        if (block->has_missing) {
            log_density_missing(f, param, k, block, out);
        }
    }
}

/* Sum over a group of a * b, in a fixed order of eight partial sums. */
static double dot(const double *a, const double *b)
{
    double part[8] = {0};
    for (size_t i = 0; i < GROUP; i += 8) {
        for (size_t lane = 0; lane < 8; lane++) {
            part[lane] += a[i + lane] * b[i + lane];
        }
    }
    return ((part[0] + part[4]) + (part[2] + part[6])) +
           ((part[1] + part[5]) + (part[3] + part[7]));
}

/* Adds a group of r and differences to F and Q. */
static void add_group(const struct factor *f, const double *r, const double *diff,
                      double *big_f, double *big_q)
{
    double weighted[GROUP];
    for (size_t i = 0; i < f->dimensions; i++) {
        for (size_t lane = 0; lane < GROUP; lane++) {
            weighted[lane] = r[lane] * diff[i * GROUP + lane];
        }
        big_f[i] += dot(r, diff + i * GROUP);
        for (size_t j = gaussian_is_dense(f) ? 0 : i; j <= i; j++) {
            const size_t at = gaussian_is_dense(f) ? packed_size(i) + j : i;
            big_q[at] += dot(weighted, diff + j * GROUP);
        }
    }
}

static void add_missing(const struct factor *f, const double *param, size_t k,
                        const struct block *block, const double *resp, double *big_f,
                        double *big_q)
{
    const size_t dims = f->dimensions;
    double cov[MIX_DIMENSIONS_MAX * MIX_DIMENSIONS_MAX];
    double conditional[MIX_DIMENSIONS_MAX * MIX_DIMENSIONS_MAX];
    struct observed observed;
    dense_cov(f, param, k, cov);
    for (size_t i = 0; i < block->n; i++) {
        if (!(resp[i] > 0) || !has_hole(f, block, i) ||
            !gaussian_observe(f, param + k * dims, cov, block, i, &observed,
                              conditional)) {
            continue;
        }
        for (size_t a = 0; a < dims; a++) {
            big_f[a] += resp[i] * observed.d[a];
            for (size_t b = gaussian_is_dense(f) ? 0 : a; b <= a; b++) {
                const size_t at = gaussian_is_dense(f) ? packed_size(a) + b : a;
                big_q[at] += resp[i] * (observed.d[a] * observed.d[b] +
                                        conditional[a * dims + b]);
            }
        }
    }
}

void gaussian_accumulate(const struct factor *f, const double *param, const double *cache,
                         const struct block *block, const double *resp, double *sums)
{
    const size_t dims = f->dimensions, q_size = gaussian_sum_size(f);
    double diff[MIX_DIMENSIONS_MAX * GROUP], r[GROUP];
    (void)cache;
    for (size_t k = 0; k < f->components; k++) {
        double *big_f = sums + k * dims;
        double *big_q = sums + f->components * dims + k * q_size;
        for (size_t first = 0; first < block->n; first += GROUP) {
            difference(f, param + k * dims, block, first, diff);
            memcpy(r, resp + k * BLOCK_POINTS + first, sizeof(r));
            for (size_t i = 0; block->has_missing && i < GROUP; i++) {
                if (has_hole(f, block, first + i)) {
                    r[i] = 0;
                    for (size_t d = 0; d < dims; d++) {
                        diff[d * GROUP + i] = 0;
                    }
                }
            }
            add_group(f, r, diff, big_f, big_q);
        }
        if (block->has_missing) {
            add_missing(f, param, k, block, resp + k * BLOCK_POINTS, big_f, big_q);
        }
    }
}
