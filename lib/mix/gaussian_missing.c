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

void gaussian_dense(const struct factor *f, const double *param, size_t k, double *cov)
{
    const size_t dims = f->dimensions;
    const double *from = gaussian_cov(f, param, k);
    if (gaussian_is_dense(f)) {
        memcpy(cov, from, dims * dims * sizeof(*cov));
        return;
    }
    memset(cov, 0, dims * dims * sizeof(*cov));
    for (size_t d = 0; d < dims; d++) {
        cov[d * dims + d] = from[f->covariance == MIX_DIAG ? d : 0];
    }
}

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

/* The entries of one point: which are there, which are missing, and the factors of the
 * covariance of those that are there. */
struct pattern {
    size_t n, seen[MIX_DIMENSIONS_MAX];
    size_t n_holes, holes[MIX_DIMENSIONS_MAX];
    double sd[MIX_DIMENSIONS_MAX];
    double w[MIX_DIMENSIONS_MAX * (MIX_DIMENSIONS_MAX + 1) / 2];
};

static bool find_pattern(const struct factor *f, const double *cov,
                         const struct block *block, size_t i, struct pattern *p)
{
    const size_t dims = f->dimensions;
    double sub[MIX_DIMENSIONS_MAX * MIX_DIMENSIONS_MAX];
    double factor[MIX_DIMENSIONS_MAX * (MIX_DIMENSIONS_MAX + 1) / 2];
    p->n = p->n_holes = 0;
    for (size_t d = 0; d < dims; d++) {
        const double x = block->x[(f->first + d) * BLOCK_POINTS + i];
        if (x == x) {
            p->seen[p->n++] = d;
        } else {
            p->holes[p->n_holes++] = d;
        }
    }
    for (size_t a = 0; a < p->n; a++) {
        for (size_t b = 0; b < p->n; b++) {
            sub[a * p->n + b] = cov[p->seen[a] * dims + p->seen[b]];
        }
    }
    if (!matrix_factor(sub, p->n, p->sd, factor)) {
        return false;
    }
    matrix_invert_lower(factor, p->n, p->w);
    return true;
}

/* u <- W S^-1 cov(seen, column), so that products of two u are S_mo S_oo^-1 S_om. */
static void whiten_column(const struct pattern *p, const double *cov, size_t dims,
                          size_t column, double *u)
{
    double v[MIX_DIMENSIONS_MAX];
    for (size_t a = 0; a < p->n; a++) {
        v[a] = cov[column * dims + p->seen[a]] / p->sd[a];
    }
    whiten(p->w, p->n, v, u);
}

static double dot(const double *a, const double *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += a[i] * b[i];
    }
    return sum;
}

static void fill_conditional(const struct pattern *p, const double *cov, size_t dims,
                             double *conditional)
{
    double u[MIX_DIMENSIONS_MAX], v[MIX_DIMENSIONS_MAX];
    memset(conditional, 0, dims * dims * sizeof(*conditional));
    for (size_t a = 0; a < p->n_holes; a++) {
        const size_t row = p->holes[a];
        whiten_column(p, cov, dims, row, u);
        for (size_t b = 0; b <= a; b++) {
            const size_t column = p->holes[b];
            whiten_column(p, cov, dims, column, v);
            const double c = cov[row * dims + column] - dot(u, v, p->n);
            conditional[row * dims + column] = conditional[column * dims + row] = c;
        }
    }
}

bool gaussian_observe(const struct factor *f, const double *mean, const double *cov,
                      const double *exponent, const struct block *block, size_t i,
                      struct observed *out, double *conditional)
{
    const size_t dims = f->dimensions;
    struct pattern p;
    double v[MIX_DIMENSIONS_MAX] = {0}, z[MIX_DIMENSIONS_MAX], u[MIX_DIMENSIONS_MAX];
    if (!find_pattern(f, cov, block, i, &p)) {
        return false;
    }
    out->log_density = 0;
    for (size_t a = 0; a < p.n; a++) {
        const size_t d = p.seen[a];
        out->d[d] = block->x[(f->first + d) * BLOCK_POINTS + i] - mean[d];
        v[a] = out->d[d] / p.sd[a];
        if (exponent != NULL) {
            out->log_density += special_log(p.w[packed_size(a) + a]) -
                                special_log(ldexp(p.sd[a], -(int)exponent[d]));
        }
    }
    whiten(p.w, p.n, v, z);
    out->log_density -= 0.5 * dot(z, z, p.n);
    for (size_t a = 0; a < p.n_holes; a++) {
        whiten_column(&p, cov, dims, p.holes[a], u);
        out->d[p.holes[a]] = dot(u, z, p.n);
    }
    if (conditional != NULL) {
        fill_conditional(&p, cov, dims, conditional);
    }
    return true;
}
