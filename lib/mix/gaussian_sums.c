/* SPDX-License-Identifier: MIT
 *
 * Sums of gaussian components over a block. With b = F/N of the block, its scatter is
 * taken about mu + b, the mean of its own points, in a second look at the block; blocks
 * are put together by the rule of Chan, Golub and LeVeque (1979):
 *
 *     Q <- Q + Q_b + N N_b / (N + N_b) e e',   e = F_b / N_b - F / N
 *
 * Points with missing entries are added to the block one by one with their conditional
 * mean and covariance (D. H. D. West 1979). */
#include <string.h>

#include "gaussian.h"
#include "matrix.h"

#define GROUP 32

/* One component's part of a block: mass, mean less mu, and scatter about the mean. */
struct part {
    double mass;
    double *mean;    /* D */
    double *scatter; /* in the form of sums */
};

/* Sum over a group of a * b, in a fixed order of eight partial sums. */
static double dot(const double *a, const double *b)
{
    double sum[8] = {0};
    for (size_t i = 0; i < GROUP; i += 8) {
        for (size_t lane = 0; lane < 8; lane++) {
            sum[lane] += a[i + lane] * b[i + lane];
        }
    }
    return ((sum[0] + sum[4]) + (sum[2] + sum[6])) +
           ((sum[1] + sum[5]) + (sum[3] + sum[7]));
}

/* The responsibilities of a group, 0 where an entry is missing. */
static void complete_only(const struct factor *f, const struct block *block,
                          const double *resp, size_t first, double *r)
{
    memcpy(r, resp + first, GROUP * sizeof(*r));
    for (size_t i = 0; block->has_missing && i < GROUP; i++) {
        r[i] = gaussian_has_hole(f, block, first + i) ? 0 : r[i];
    }
}

/* diff <- x - mu - shift of a group, 0 where missing. */
static void difference(const struct factor *f, const double *mu, const double *shift,
                       const struct block *block, size_t first, double *diff)
{
    for (size_t d = 0; d < f->dimensions; d++) {
        const double *x = block->x + (f->first + d) * BLOCK_POINTS + first;
        for (size_t i = 0; i < GROUP; i++) {
            const double value = (x[i] - mu[d]) - shift[d];
            diff[d * GROUP + i] = value == value ? value : 0;
        }
    }
}

static void add_scatter(const struct factor *f, const double *r, const double *diff,
                        double *scatter)
{
    double weighted[GROUP];
    for (size_t i = 0; i < f->dimensions; i++) {
        for (size_t lane = 0; lane < GROUP; lane++) {
            weighted[lane] = r[lane] * diff[i * GROUP + lane];
        }
        for (size_t j = gaussian_is_dense(f) ? 0 : i; j <= i; j++) {
            const size_t at = gaussian_is_dense(f) ? packed_size(i) + j : i;
            scatter[at] += dot(weighted, diff + j * GROUP);
        }
    }
}

static void sum_complete(const struct factor *f, const double *mu,
                         const struct block *block, const double *resp, struct part *part)
{
    const size_t dims = f->dimensions;
    double diff[MIX_DIMENSIONS_MAX * GROUP], r[GROUP], ones[GROUP];
    const double none[MIX_DIMENSIONS_MAX] = {0};
    for (size_t i = 0; i < GROUP; i++) {
        ones[i] = 1;
    }
    for (size_t first = 0; first < block->n; first += GROUP) {
        complete_only(f, block, resp, first, r);
        difference(f, mu, none, block, first, diff);
        part->mass += dot(r, ones);
        for (size_t d = 0; d < dims; d++) {
            part->mean[d] += dot(r, diff + d * GROUP);
        }
    }
    for (size_t d = 0; part->mass > 0 && d < dims; d++) {
        part->mean[d] /= part->mass;
    }
    for (size_t first = 0; part->mass > 0 && first < block->n; first += GROUP) {
        complete_only(f, block, resp, first, r);
        difference(f, mu, part->mean, block, first, diff);
        add_scatter(f, r, diff, part->scatter);
    }
}

/* Puts points of mass n, mean and scatter (NULL: none) into a part. */
static void join(const struct factor *f, struct part *part, double n, const double *mean,
                 const double *scatter)
{
    const double total = part->mass + n;
    const double share = n / total, cross = part->mass * share;
    double e[MIX_DIMENSIONS_MAX];
    for (size_t i = 0; i < f->dimensions; i++) {
        e[i] = mean[i] - part->mean[i];
        part->mean[i] += share * e[i];
        for (size_t j = gaussian_is_dense(f) ? 0 : i; j <= i; j++) {
            const size_t at = gaussian_is_dense(f) ? packed_size(i) + j : i;
            part->scatter[at] += cross * e[i] * e[j] + (scatter == NULL ? 0 : scatter[at]);
        }
    }
    part->mass = total;
}

static void add_missing(const struct factor *f, const double *param, size_t k,
                        const struct block *block, const double *resp, struct part *part)
{
    const size_t dims = f->dimensions;
    double cov[MIX_DIMENSIONS_MAX * MIX_DIMENSIONS_MAX];
    double conditional[MIX_DIMENSIONS_MAX * MIX_DIMENSIONS_MAX];
    struct observed point;
    gaussian_dense(f, param, k, cov);
    for (size_t i = 0; i < block->n; i++) {
        if (!(resp[i] > 0) || !gaussian_has_hole(f, block, i) ||
            !gaussian_observe(f, param + k * dims, cov, NULL, block, i, &point,
                              conditional)) {
            continue;
        }
        join(f, part, resp[i], point.d, NULL);
        for (size_t a = 0; a < dims; a++) {
            for (size_t b = gaussian_is_dense(f) ? 0 : a; b <= a; b++) {
                const size_t at = gaussian_is_dense(f) ? packed_size(a) + b : a;
                part->scatter[at] += resp[i] * conditional[a * dims + b];
            }
        }
    }
}

/* F and Q of component k, which stand for a mass already, joined with a part. */
static void join_sums(const struct factor *f, double before, const struct part *part,
                      double *big_f, double *big_q)
{
    double mean[MIX_DIMENSIONS_MAX] = {0};
    struct part all = {.mass = before, .mean = mean, .scatter = big_q};
    for (size_t d = 0; before > 0 && d < f->dimensions; d++) {
        mean[d] = big_f[d] / before;
    }
    join(f, &all, part->mass, part->mean, part->scatter);
    for (size_t d = 0; d < f->dimensions; d++) {
        big_f[d] += part->mass * part->mean[d];
    }
}

void gaussian_accumulate(const struct factor *f, const double *param,
                         const struct block *block, const double *resp,
                         const double *before, const double *mass, double *sums)
{
    const size_t dims = f->dimensions, q_size = gaussian_sum_size(f);
    double mean[MIX_DIMENSIONS_MAX];
    double scatter[MIX_DIMENSIONS_MAX * (MIX_DIMENSIONS_MAX + 1) / 2];
    for (size_t k = 0; k < f->components; k++) {
        struct part part = {.mean = mean, .scatter = scatter};
        if (!(mass[k] > 0)) {
            continue;
        }
        memset(mean, 0, dims * sizeof(*mean));
        memset(scatter, 0, q_size * sizeof(*scatter));
        sum_complete(f, param + k * dims, block, resp + k * BLOCK_POINTS, &part);
        if (block->has_missing) {
            add_missing(f, param, k, block, resp + k * BLOCK_POINTS, &part);
        }
        if (part.mass > 0) {
            join_sums(f, before[k], &part, sums + k * dims,
                      sums + f->components * dims + k * q_size);
        }
    }
}
