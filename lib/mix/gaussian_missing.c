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
    struct family_fields fields;
    size_t n_points;
    size_t points[BLOCK_POINTS];
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
    for (size_t a = 0; a < pattern->fields.n_seen; a++) {
        const double x = value(f, block, pattern->fields.seen[a], i);
        if (x != x) {
            return false;
        }
    }
    for (size_t a = 0; a < pattern->fields.n_wanted; a++) {
        const double x = value(f, block, pattern->fields.wanted[a], i);
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
    pattern->fields.n_seen = pattern->fields.n_wanted = pattern->n_points = 0;
    for (size_t d = 0; i < block->n && d < f->dimensions; d++) {
        const double x = value(f, block, d, i);
        if (x == x) {
            pattern->fields.seen[pattern->fields.n_seen++] = d;
        } else {
            pattern->fields.wanted[pattern->fields.n_wanted++] = d;
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

/* z = W d_o / sd of point i; d (may be NULL) gets x - mu, conditional where missing. */
static void observe(const struct factor *f, const struct block *block, const double *mean,
                    const struct pattern *pattern,
                    const struct gaussian_conditional *by, size_t i, double *z, double *d)
{
    double v[MIX_DIMENSIONS_MAX];
    for (size_t a = 0; a < pattern->fields.n_seen; a++) {
        const size_t field = pattern->fields.seen[a];
        const double difference = value(f, block, field, i) - mean[field];
        v[a] = difference * by->inverse_sd[a];
        if (d != NULL) {
            d[field] = difference;
        }
    }
    matrix_times_lower(by->w, pattern->fields.n_seen, v, z);
    for (size_t m = 0; d != NULL && m < pattern->fields.n_wanted; m++) {
        double sum = 0;
        for (size_t a = 0; a < pattern->fields.n_seen; a++) {
            sum += by->u[m * pattern->fields.n_seen + a] * z[a];
        }
        d[pattern->fields.wanted[m]] = sum;
    }
}

/* ---- Density ------------------------------------------------------------------- */

/* log2 of the determinant of ROOT_BITS W / sd in units of 2^exponent. */
static double log2_determinant(const struct pattern *pattern, const struct gaussian_conditional *by,
                               const double *exponent)
{
    double product = 1;
    int sum = 0;
    for (size_t a = 0; a < pattern->fields.n_seen; a++) {
        int e;
        product *= special_split(
            ROOT_BITS * by->w[packed_size(a + 1) - 1] * by->inverse_sd[a], &e);
        sum += e + (int)exponent[pattern->fields.seen[a]];
    }
    return special_log2(product) + sum;
}

/* The points of a pattern against one component. */
static void pattern_density(const struct factor *f, const double *mean,
                            const struct block *block, const struct pattern *pattern,
                            const struct gaussian_conditional *by, double norm, double *out)
{
    double z[MIX_DIMENSIONS_MAX];
    for (size_t p = 0; p < pattern->n_points; p++) {
        double q = 0;
        observe(f, block, mean, pattern, by, pattern->points[p], z, NULL);
        for (size_t a = 0; a < pattern->fields.n_seen; a++) {
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
    struct gaussian_conditional by;
    double density[BLOCK_POINTS];
    while (next_pattern(f, block, is_done, &pattern)) {
        for (size_t k = 0; k < f->components; k++) {
            const bool is_ok = gaussian_condition(f, gaussian_cov(f, param, k),
                                                  &pattern.fields, scratch.patterns, &by);
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
            for (size_t m = 0; m < pattern.fields.n_wanted; m++) {
                work->offset[pattern.points[p]] += exponent[pattern.fields.wanted[m]] + NORMALISER;
            }
        }
    }
}

/* ---- Sums ---------------------------------------------------------------------- */

/* scatter <- C_mm in the form of T, zero elsewhere. */
static void conditional_scatter(const struct factor *f, const double *cov,
                                const struct pattern *pattern,
                                const struct gaussian_conditional *by, double *scatter)
{
    const struct family_fields *fields = &pattern->fields;
    memset(scatter, 0, gaussian_packed(f) * sizeof(*scatter));
    for (size_t m = 0; m < fields->n_wanted; m++) {
        for (size_t l = gaussian_is_dense(f) ? 0 : m; l <= m; l++) {
            const size_t i = fields->wanted[m], j = fields->wanted[l];
            scatter[gaussian_is_dense(f) ? packed_size(i) + j : i] =
                gaussian_left(f, cov, fields, by, m, l);
        }
    }
}

/* The points of one pattern, joined one by one to the sums of component k. */
static void add_pattern(const struct factor *f, const double *mean,
                        const struct block *block, const struct pattern *pattern,
                        const struct gaussian_conditional *by, const double *resp, size_t k,
                        const double *unit, double *scaled, double *sums)
{
    double z[MIX_DIMENSIONS_MAX], d[MIX_DIMENSIONS_MAX] = {0};
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
        gaussian_join_points(f, sums, k, r, d, scaled);
    }
}

void gaussian_missing_sums(const struct factor *f, const double *param,
                           const struct workspace *work, const struct block *block,
                           const double *resp, struct span ks, double *sums)
{
    const struct gaussian_scratch scratch = gaussian_scratch(f, work->scratch);
    bool is_done[BLOCK_POINTS] = {false};
    struct pattern pattern;
    struct gaussian_conditional by;
    while (next_pattern(f, block, is_done, &pattern)) {
        for (size_t k = ks.first; k < ks.end; k++) {
            const double *cov = gaussian_cov(f, param, k);
            /* The matrix that was factored is not needed any more. */
            double *unit = scratch.patterns;
            double *scaled = unit + f->dimensions * f->dimensions;
            if (!gaussian_condition(f, cov, &pattern.fields, scratch.patterns, &by)) {
                continue;
            }
            conditional_scatter(f, cov, &pattern, &by, unit);
            add_pattern(f, param + k * f->dimensions, block, &pattern, &by,
                        resp + k * BLOCK_POINTS, k, unit, scaled, sums);
        }
    }
}
