/* SPDX-License-Identifier: MIT
 *
 * Components moved and cut in two, in the form of their statistics (m, C).
 *
 * Cut along an axis v of C, v v' its part of the covariance: means m +- 0.8 v, both
 * C - 0.6 v v'. The moments of the pair are m and C + 0.04 v v'. The axes are the
 * principal ones after each field is divided by sqrt(s0), the spread of a usual
 * component, so a component that covers two others is cut between them. Where C is
 * diagonal the axes are its widest fields. */
#include <math.h>
#include <string.h>

#include "gaussian.h"

/* Distance of the halves from the middle, and what it takes off along the axis. */
#define CUT_DISTANCE 0.8
#define CUT_VARIANCE 0.6
/* Parts of the covariance of the nested pair; their mean is 1. */
#define NESTED_NARROW 0.3
#define NESTED_WIDE 1.7
/* Steps of the power method; a direction near the principal axis is good enough. */
#define POWER_STEPS 50

/* Component k of statistics: element (i, j) of C, or i = j where it is diagonal. */
struct place {
    const double *c;
    size_t stride;
};

static double element(const struct place *at, size_t i, size_t j)
{
    const size_t row = i < j ? j : i, column = i < j ? i : j;
    return at->c[(packed_size(row) + column) * at->stride];
}

void gaussian_place(const struct factor *f, double *stats, size_t k,
                    const struct factor *from_f, const double *from, size_t from_k)
{
    for (size_t row = 0; row < f->dimensions + gaussian_packed(f); row++) {
        stats[row * f->components + k] = from[row * from_f->components + from_k];
    }
}

/* v <- the deviation along the field that ranks so by its variance over s0. */
static void widest_field(const struct factor *f, const struct place *at, const double *s0,
                         size_t rank, double *v)
{
    const size_t dims = f->dimensions;
    bool used[MIX_DIMENSIONS_MAX] = {false};
    size_t best = 0;
    for (size_t r = 0; r <= rank % dims; r++) {
        double largest = -1;
        for (size_t d = 0; d < dims; d++) {
            const double share = at->c[d * at->stride] / s0[d];
            if (!used[d] && share > largest) {
                largest = share;
                best = d;
            }
        }
        used[best] = true;
    }
    memset(v, 0, dims * sizeof(*v));
    v[best] = sqrt(fmax(at->c[best * at->stride], 0));
}

/* out <- S^-1 C S^-1 u with S = diag(sqrt(s0)). */
static void apply(size_t dims, const struct place *at, const double *sd, const double *u,
                  double *out)
{
    for (size_t i = 0; i < dims; i++) {
        out[i] = 0;
        for (size_t j = 0; j < dims; j++) {
            out[i] += element(at, i, j) / (sd[i] * sd[j]) * u[j];
        }
    }
}

static double dot(size_t dims, const double *a, const double *b)
{
    double sum = 0;
    for (size_t d = 0; d < dims; d++) {
        sum += a[d] * b[d];
    }
    return sum;
}

/* u <- u without its part along the earlier axes, of length 1; false if nothing is
 * left. */
static bool make_unit(size_t dims, double axes[][MIX_DIMENSIONS_MAX], size_t n, double *u)
{
    for (size_t a = 0; a < n; a++) {
        const double along = dot(dims, u, axes[a]);
        for (size_t d = 0; d < dims; d++) {
            u[d] -= along * axes[a][d];
        }
    }
    const double length = sqrt(dot(dims, u, u));
    for (size_t d = 0; d < dims && length > 0; d++) {
        u[d] /= length;
    }
    return length > 0;
}

/* Power method for the axis of that rank, orthogonal to those before it. */
static void principal_axis(const struct factor *f, const struct place *at, const double *s0,
                           size_t rank, double *v)
{
    const size_t dims = f->dimensions;
    double axes[FAMILY_CUTS][MIX_DIMENSIONS_MAX];
    double sd[MIX_DIMENSIONS_MAX], next[MIX_DIMENSIONS_MAX], value = 0;
    for (size_t d = 0; d < dims; d++) {
        sd[d] = sqrt(s0[d]);
    }
    const size_t last = rank % dims;
    for (size_t r = 0; r <= last; r++) {
        double *u = axes[r];
        for (size_t d = 0; d < dims; d++) {
            u[d] = 1 + (double)((d * 7 + r * 3) % 11) / 11; /* in no special direction */
        }
        for (size_t step = 0; step < POWER_STEPS && make_unit(dims, axes, r, u); step++) {
            apply(dims, at, sd, u, next);
            value = dot(dims, u, next);
            memcpy(u, next, dims * sizeof(*u));
        }
        make_unit(dims, axes, r, u);
    }
    for (size_t d = 0; d < dims; d++) {
        v[d] = sqrt(fmax(value, 0)) * sd[d] * axes[last][d];
    }
}

/* Statistics of two components lie in pairs, [D + S][2]. */
static void cut_nested(const struct factor *f, double *pair)
{
    for (size_t row = f->dimensions; row < f->dimensions + gaussian_packed(f); row++) {
        pair[2 * row] *= NESTED_NARROW;
        pair[2 * row + 1] *= NESTED_WIDE;
    }
}

static void cut_along(const struct factor *f, const double *v, double *pair)
{
    double *c = pair + 2 * f->dimensions;
    for (size_t i = 0; i < f->dimensions; i++) {
        pair[2 * i] += CUT_DISTANCE * v[i];
        pair[2 * i + 1] -= CUT_DISTANCE * v[i];
        for (size_t j = gaussian_is_dense(f) ? 0 : i; j <= i; j++, c += 2) {
            c[0] -= CUT_VARIANCE * v[i] * v[j];
            c[1] -= CUT_VARIANCE * v[i] * v[j];
        }
    }
}

void gaussian_split(const struct factor *f, const double *stats, size_t k,
                    enum family_cut cut, const double *s0, double *pair)
{
    const struct place at = {.c = stats + f->components * f->dimensions + k,
                             .stride = f->components};
    struct factor two = *f;
    double v[MIX_DIMENSIONS_MAX];
    two.components = 2;
    gaussian_place(&two, pair, 0, f, stats, k);
    gaussian_place(&two, pair, 1, f, stats, k);
    if (cut == CUT_NESTED) {
        cut_nested(f, pair);
        return;
    }
    if (gaussian_is_dense(f)) {
        principal_axis(f, &at, s0, (size_t)cut, v);
    } else {
        widest_field(f, &at, s0, (size_t)cut, v);
    }
    cut_along(f, v, pair);
}
