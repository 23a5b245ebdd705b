/* SPDX-License-Identifier: MIT
 *
 * Points with missing entries, exactly. With o the observed and m the missing fields,
 *
 *     d_o = x_o - mu_o,  d_m = S_mo S_oo^-1 d_o,  C_mm = S_mm - S_mo S_oo^-1 S_om
 *
 * the density is that of x_o, and the point counts with (d_o, d_m) and the covariance
 * C_mm. Z. Ghahramani and M. I. Jordan, Supervised learning from incomplete data via an
 * EM approach, NIPS 6 (1994). Points with the same fields missing share a pattern; a
 * pattern is factored once a block and component.
 */
#include <math.h>
#include <string.h>

#include "gaussian.h"
#include "special.h"

/* The fields of a pattern, and its points in the block. */
struct pattern {
    size_t n_seen, n_holes, n_points;
    size_t seen[MIX_DIMENSIONS_MAX], holes[MIX_DIMENSIONS_MAX];
    size_t points[BLOCK_POINTS];
};

/* What is derived from a pattern and a component. Matrices lie in the scratch. */
struct conditional {
    double inverse_sd[MIX_DIMENSIONS_MAX]; /* n_seen */
    double *w;                             /* inverse factor of the correlation of o, packed */
    double *u;                             /* n_holes x n_seen: W (S_om / sd) of each hole */
};

static double value(const struct factor *f, const struct block *block, size_t d, size_t i)
{
    return block->x[(f->first + d) * BLOCK_POINTS + i];
}

bool gaussian_is_partial(const struct factor *f, const struct block *block, size_t i)
{
    for (size_t d = 0; d < f->dimensions; d++) {
        const double x = value(f, block, d, i);
        if (x != x) {
            return true;
        }
    }
    return false;
}

static bool has_pattern(const struct factor *f, const struct block *block,
                        const struct pattern *pattern, size_t i)
{
    for (size_t a = 0; a < pattern->n_seen; a++) {
        const double x = value(f, block, pattern->seen[a], i);
        if (x != x) {
            return false;
        }
    }
    for (size_t a = 0; a < pattern->n_holes; a++) {
        const double x = value(f, block, pattern->holes[a], i);
        if (x == x) {
            return false;
        }
    }
    return true;
}

/* The next pattern of the block and its points, which are then done; false: no more. */
static bool next_pattern(const struct factor *f, const struct block *block, bool *is_done,
                         struct pattern *pattern)
{
    size_t i = 0;
    while (i < block->n && (is_done[i] || !gaussian_is_partial(f, block, i))) {
        i++;
    }
    pattern->n_seen = pattern->n_holes = pattern->n_points = 0;
    for (size_t d = 0; i < block->n && d < f->dimensions; d++) {
        const double x = value(f, block, d, i);
        if (x == x) {
            pattern->seen[pattern->n_seen++] = d;
        } else {
            pattern->holes[pattern->n_holes++] = d;
        }
    }
    for (; i < block->n; i++) {
        if (!is_done[i] && has_pattern(f, block, pattern, i)) {
            is_done[i] = true;
            pattern->points[pattern->n_points++] = i;
        }
    }
    return pattern->n_points > 0;
}

/* z <- W v for a packed lower W. */
static void whiten(const double *w, size_t n, const double *v, double *z)
{
    for (size_t i = 0; i < n; i++) {
        z[i] = 0;
        for (size_t j = 0; j <= i; j++) {
            z[i] += *w++ * v[j];
        }
    }
}

/* Factors a pattern; false where its covariance has no factor. */
static bool condition(const struct factor *f, const double *cov,
                      const struct pattern *pattern, double *scratch,
                      struct conditional *out)
{
    const size_t n = pattern->n_seen, size = f->dimensions * f->dimensions;
    double *sub = scratch, *factor = scratch + size, v[MIX_DIMENSIONS_MAX];
    out->w = scratch + 2 * size;
    out->u = scratch + 3 * size;
    for (size_t a = 0; a < n; a++) {
        for (size_t b = 0; b < n; b++) {
            sub[a * n + b] = gaussian_covariance(f, cov, pattern->seen[a], pattern->seen[b]);
        }
    }
    if (!matrix_factor(sub, n, out->inverse_sd, factor)) {
        return false;
    }
    matrix_invert_lower(factor, n, out->w);
    for (size_t a = 0; a < n; a++) {
        out->inverse_sd[a] = 1 / out->inverse_sd[a];
    }
    for (size_t m = 0; m < pattern->n_holes; m++) {
        for (size_t a = 0; a < n; a++) {
            v[a] = gaussian_covariance(f, cov, pattern->holes[m], pattern->seen[a]) *
                   out->inverse_sd[a];
        }
        whiten(out->w, n, v, out->u + m * n);
    }
    return true;
}

/* z = W d_o / sd of point i; d (may be NULL) gets x - mu, conditional where missing. */
static void observe(const struct factor *f, const struct block *block, const double *mean,
                    const struct pattern *pattern, const struct conditional *by, size_t i,
                    double *z, double *d)
{
    double v[MIX_DIMENSIONS_MAX];
    for (size_t a = 0; a < pattern->n_seen; a++) {
        const size_t field = pattern->seen[a];
        const double difference = value(f, block, field, i) - mean[field];
        v[a] = difference * by->inverse_sd[a];
        if (d != NULL) {
            d[field] = difference;
        }
    }
    whiten(by->w, pattern->n_seen, v, z);
    for (size_t m = 0; d != NULL && m < pattern->n_holes; m++) {
        double sum = 0;
        for (size_t a = 0; a < pattern->n_seen; a++) {
            sum += by->u[m * pattern->n_seen + a] * z[a];
        }
        d[pattern->holes[m]] = sum;
    }
}

/* ---- Density ------------------------------------------------------------------- */

/* log2 of the determinant of ROOT_BITS W / sd in units of 2^exponent. */
static double log2_determinant(const struct pattern *pattern, const struct conditional *by,
                               const double *exponent)
{
    double product = 1;
    int sum = 0;
    for (size_t a = 0; a < pattern->n_seen; a++) {
        int e;
        product *= special_split(
            ROOT_BITS * by->w[packed_size(a + 1) - 1] * by->inverse_sd[a], &e);
        sum += e + (int)exponent[pattern->seen[a]];
    }
    return special_log2(product) + sum;
}

/* The points of a pattern against one component. */
static void pattern_density(const struct factor *f, const double *mean,
                            const struct block *block, const struct pattern *pattern,
                            const struct conditional *by, double norm, double *out)
{
    double z[MIX_DIMENSIONS_MAX];
    for (size_t p = 0; p < pattern->n_points; p++) {
        double q = 0;
        observe(f, block, mean, pattern, by, pattern->points[p], z, NULL);
        for (size_t a = 0; a < pattern->n_seen; a++) {
            q += z[a] * z[a];
        }
        out[pattern->points[p]] = norm - q * (ROOT_BITS * ROOT_BITS);
    }
}

void gaussian_missing_density(const struct factor *f, const double *param,
                              const double *exponent, const struct workspace *work,
                              const struct block *block, const double *base, double *out)
{
    const struct gaussian_scratch scratch = gaussian_scratch(f, work->scratch);
    bool is_done[BLOCK_POINTS] = {false};
    struct pattern pattern;
    struct conditional by;
    double density[BLOCK_POINTS];
    while (next_pattern(f, block, is_done, &pattern)) {
        for (size_t k = 0; k < f->components; k++) {
            const bool is_ok = condition(f, gaussian_cov(f, param, k), &pattern,
                                         scratch.patterns, &by);
            const double norm = is_ok ? log2_determinant(&pattern, &by, exponent)
                                      : -(double)INFINITY;
            pattern_density(f, param + k * f->dimensions, block, &pattern, &by, norm,
                            density);
            for (size_t p = 0; p < pattern.n_points; p++) {
                const size_t i = pattern.points[p], at = k * BLOCK_POINTS + i;
                out[at] = (base != NULL ? base[k] : scratch.resp[at]) + density[i];
            }
        }
        for (size_t p = 0; p < pattern.n_points; p++) {
            for (size_t m = 0; m < pattern.n_holes; m++) {
                work->offset[pattern.points[p]] += exponent[pattern.holes[m]] + NORMALISER;
            }
        }
    }
}

/* ---- Sums ---------------------------------------------------------------------- */

/* scatter <- C_mm in the form of T, zero elsewhere. */
static void conditional_scatter(const struct factor *f, const double *cov,
                                const struct pattern *pattern,
                                const struct conditional *by, double *scatter)
{
    const size_t n = pattern->n_seen;
    memset(scatter, 0, gaussian_packed(f) * sizeof(*scatter));
    for (size_t m = 0; m < pattern->n_holes; m++) {
        for (size_t l = gaussian_is_dense(f) ? 0 : m; l <= m; l++) {
            const size_t i = pattern->holes[m], j = pattern->holes[l];
            double c = gaussian_covariance(f, cov, i, j);
            for (size_t a = 0; a < n; a++) {
                c -= by->u[m * n + a] * by->u[l * n + a];
            }
            scatter[gaussian_is_dense(f) ? packed_size(i) + j : i] = c;
        }
    }
}

/* The points of one pattern, joined one by one to the sums of component k. */
static void add_pattern(const struct factor *f, const double *mean,
                        const struct block *block, const struct pattern *pattern,
                        const struct conditional *by, const double *resp, size_t k,
                        const double *unit, double *scaled, double *sums)
{
    double z[MIX_DIMENSIONS_MAX], d[MIX_DIMENSIONS_MAX];
    for (size_t p = 0; p < pattern->n_points; p++) {
        const size_t i = pattern->points[p];
        const double r = resp[i];
        if (!(r > 0)) {
            continue;
        }
        observe(f, block, mean, pattern, by, i, z, d);
        for (size_t a = 0; a < f->dimensions; a++) {
            d[a] *= r;
        }
        for (size_t at = 0; at < gaussian_packed(f); at++) {
            scaled[at] = r * unit[at];
        }
        gaussian_join(f, sums, k, r, d, scaled);
    }
}

void gaussian_missing_sums(const struct factor *f, const double *param,
                           const struct workspace *work, const struct block *block,
                           const double *resp, double *sums)
{
    const struct gaussian_scratch scratch = gaussian_scratch(f, work->scratch);
    bool is_done[BLOCK_POINTS] = {false};
    struct pattern pattern;
    struct conditional by;
    while (next_pattern(f, block, is_done, &pattern)) {
        for (size_t k = 0; k < f->components; k++) {
            const double *cov = gaussian_cov(f, param, k);
            /* The matrix that was factored is not needed any more. */
            double *unit = scratch.patterns;
            double *scaled = unit + f->dimensions * f->dimensions;
            if (!condition(f, cov, &pattern, scratch.patterns, &by)) {
                continue;
            }
            conditional_scatter(f, cov, &pattern, &by, unit);
            add_pattern(f, param + k * f->dimensions, block, &pattern, &by,
                        resp + k * BLOCK_POINTS, k, unit, scaled, sums);
        }
    }
}
