/* SPDX-License-Identifier: MIT
 *
 * The loops that take the time, as a table of functions with one row per instruction
 * level: kernel_ref.c is plain C and always there, kernel_vector.c is one source in
 * vector extensions, compiled once per level. kernel.c chooses.
 *
 * All work on a block laid out in groups of 32 points, so that a group of all fields
 * stays in the first-level cache and rows do not collide in it:
 *
 *     a:  group 0: | 1 1 ... 1 | x_0 - ref | x_1 - ref | ... | group 1: ...
 *                    32 lanes     32 lanes
 *
 * The row of ones makes every sum that is needed (mass, mean, scatter) a sum of
 * r a_i a_j. Log densities are in bits, log2: the exponential is then cheapest.
 *
 * Sums run over eight virtual lanes, lane j over the points j, j + 8, j + 16 ... of the
 * block, and the lanes are added as ((0+4)+(2+6)) + ((1+5)+(3+7)), whatever the width
 * of the machine's vectors. With the same fma this gives the same bits on every level
 * that has one (v3, v4, arm64); `baseline` rounds products and sums apart.
 */
#ifndef KERNEL_H
#define KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "points.h"

#define KERNEL_GROUP 32
/* 2^x counts as 0 from here on, so that no product with a responsibility is denormal. */
#define KERNEL_EXP2_MIN (-512.0)
#define KERNEL_EXP2_MAX 512.0

/* out[k][i] = base_k - |W_k a_i + c_k|^2 for the points of `groups` groups. */
struct kernel_density {
    size_t dims, components, groups;
    const double *a;    /* groups x (dims + 1) x 32 */
    const double *w;    /* of component 0: packed lower triangle, or diagonal */
    size_t w_stride;    /* to the w of the next component; 0: one for all */
    const double *c;    /* components x dims */
    const double *base; /* components, bits */
    double *out;        /* components x BLOCK_POINTS, bits */
    bool is_added;      /* out += instead of out = */
};

/* resp: l_ik in bits in, r_ik times weight_i out; 0 for a point that no component
 * gives a finite density. */
struct kernel_normalise {
    size_t components, groups;
    double *resp;         /* components x BLOCK_POINTS */
    const double *weight; /* BLOCK_POINTS */
    double *high;         /* BLOCK_POINTS, out: max over k of l_ik */
    double *sum;          /* BLOCK_POINTS, out: sum over k of 2^(l_ik - high_i), or 0 */
    double count;         /* out: points with density and weight > 0 */
    double bits;          /* out: sum over these of log2 of the density, unweighted */
};

/* out[i] = ln 2 (log2(2^high[i] sum[i]) + common + offset[i]); -inf where sum[i] is 0. */
struct kernel_logs {
    size_t groups;
    const double *high, *sum; /* BLOCK_POINTS */
    double common;
    const double *offset; /* BLOCK_POINTS, or NULL: none */
    double *out;          /* BLOCK_POINTS, nats */
};

/* out[f][k] = sum over i of r_ik a_i(row of f) a_i(column of f). Full: f runs over the
 * packed lower triangle of (dims + 1) x (dims + 1); diagonal: (0,0), then (d,0), (d,d)
 * for d = 1..dims. */
struct kernel_moments {
    size_t dims, components, groups;
    const double *a;
    const double *resp; /* components x BLOCK_POINTS */
    double *out;        /* (dims+1)(dims+2)/2 or 1+2dims rows of components */
    size_t stride;      /* from one row of out to the next, >= components */
    bool is_diagonal;
    /* For moments_sparse() only. */
    const double *weight; /* BLOCK_POINTS */
    double *rows;         /* scratch: BLOCK_POINTS x dims rounded up to 8 */
};
/* A responsibility below this share of the point's weight changes no digit of a sum. */
#define KERNEL_NOTHING 1e-16

/* scatter += that of other points, plus between delta delta': the rule of Chan, Golub and
 * LeVeque. Scatter of a field by itself never falls below 0. */
struct kernel_join {
    size_t dims, components;
    size_t stride;         /* from one row of components to the next, in all arrays */
    const double *other;   /* as scatter; NULL: what moments are about their mean */
    const double *moments; /* as kernel_moments gives them */
    const double *mean;    /* dims rows: first moments over masses */
    const double *between; /* components */
    const double *delta;   /* dims rows, or NULL where all of between is 0 */
    double *scatter;       /* dims(dims+1)/2, or dims, rows */
    bool is_diagonal;
};

/* Blends n components into statistics, `stride` apart, the component last:
 * mean += share delta, scatter = (1 - share) scatter + weight other
 * + share (1 - share) delta delta'. */
struct kernel_blend {
    size_t dims, n, stride;
    bool is_diagonal;
    const double *share, *weight; /* n */
    const double *delta;          /* dims x KERNEL_LANES */
    const double *other;          /* as scatter */
    double *mean;                 /* dims x stride */
    double *scatter;              /* dims(dims+1)/2, or dims, x stride */
};

/* What the E-step needs of up to KERNEL_LANES covariance matrices, one per lane. */
#define KERNEL_LANES 8
/* More fields do not fit in the first two levels of cache. */
#define KERNEL_FACTOR_DIMS 64
struct kernel_factor {
    size_t dims, n;        /* n <= KERNEL_LANES; dims <= KERNEL_FACTOR_DIMS */
    const double *cov;     /* n x dims x dims */
    const double *means;   /* n x dims */
    const double *ref;     /* dims */
    double *exponent;      /* dims: the units of base; made from the first matrix where... */
    bool is_first;         /* ... this is set */
    double scale;          /* of W */
    double *w;             /* out: n x packed, scale times the inverse factor */
    double *c;             /* out: n x dims, W (ref - mean) */
    double *base;          /* out: n, log2 of the determinant of W in units of 2^exponent */
    double distance[KERNEL_LANES]; /* out: largest of the rows of |W| |ref - mean| */
    bool is_ok[KERNEL_LANES];      /* out: false where the factor needs jitter */
};

/* Bounded scores (score.h) from log densities, and their bins in a tail (tail.h). */
struct kernel_score {
    size_t dims, groups;
    const double *x;             /* dims x BLOCK_POINTS */
    const double *weight;        /* BLOCK_POINTS */
    const double *mean;          /* dims: location of the background */
    const double *inverse;       /* dims: 1 over its scale */
    double log_model, log_peak;  /* log2 of 1 - eps, and of eps times its largest density */
    double reference;            /* of the tail, nats */
    const double *log_density;   /* BLOCK_POINTS, nats, may be -inf */
    double *score;               /* BLOCK_POINTS, out, nats; NaN: see KERNEL_PRODUCT_MAX */
    int64_t *bin;                /* BLOCK_POINTS, out; -1 where the score is NaN */
    double sum, mass;            /* out: of weight score and weight where it is not NaN */
    double lowest, highest;      /* out: scores of weight > 0; inf, -inf where all are NaN */
    bool has_rest;               /* out: some score is NaN */
};
/* A point whose product of 1 + z^2 is missing or as large as this is left to score.c:
 * 2^KERNEL_EXP2_MIN would not be nothing beside the inverse. */
#define KERNEL_PRODUCT_MAX 0x1p400

/* Rows to the columns of a block: field d of row i to out[d BLOCK_POINTS + i], -0 as 0. */
struct kernel_spread {
    size_t dims, n, stride; /* stride >= dims */
    const double *x;        /* n rows */
    double *out;
};

/* Totals of n points, those left out that have no value above -inf. */
struct kernel_weigh {
    size_t n;
    const double *value, *weight;
    double sum;  /* out: of weight value */
    double mass; /* out: of weight */
    size_t lost; /* out: points left out */
};

struct kernel {
    const char *name;
    /* a <- 1 and x - ref; x: rows of BLOCK_POINTS. */
    void (*centre)(const double *x, size_t dims, size_t groups, const double *ref,
                   double *a);
    /* y <- W a, rows 1..dims of the groups; W packed. */
    void (*rotate)(const double *a, size_t dims, size_t groups, const double *w,
                   double *y);
    void (*density_full)(const struct kernel_density *job);
    void (*density_diag)(const struct kernel_density *job);
    void (*normalise)(struct kernel_normalise *job);
    /* count and bits again, from weight, high and sum: for a block that was normalised in
     * parts. */
    void (*total)(struct kernel_normalise *job);
    /* high and sum of normalise() alone; resp, weight and totals are left as they are. */
    void (*log_sum)(const struct kernel_normalise *job);
    void (*log_density)(const struct kernel_logs *job);
    void (*moments)(const struct kernel_moments *job);
    /* The same where it is not diagonal, without the responsibilities that are nothing;
     * faster from 16 fields on where most are. */
    void (*moments_sparse)(const struct kernel_moments *job);
    /* How many responsibilities are more than nothing. */
    double (*count_active)(const double *resp, const double *weight, size_t components,
                           size_t groups);
    /* out[k] = sum of resp[k][i] over the groups. */
    void (*mass)(const double *resp, size_t components, size_t groups, double *out);
    void (*join)(const struct kernel_join *job);
    void (*blend)(const struct kernel_blend *job);
    void (*factor)(struct kernel_factor *job);
    /* out[i] = log2(x[i]) for x >= 0, -inf below 2^-1022. */
    void (*log2)(const double *x, size_t n, double *out);
    /* out[i] = 2^x[i], as if x were at most KERNEL_EXP2_MAX; 0 from KERNEL_EXP2_MIN down
     * and for NaN. */
    void (*exp2)(const double *x, size_t n, double *out);
    /* high[i] = max over k of value[k][i], which[i] = the first k that has it. */
    void (*highest)(const double *value, size_t components, size_t groups, double *high,
                    int64_t *which);
    void (*score)(struct kernel_score *job);
    /* True: one of the values is NaN. */
    bool (*spread)(const struct kernel_spread *job);
    /* Whether no value is NaN or beyond the limit on either side. */
    bool (*within)(const double *x, size_t n, double limit);
    void (*weigh)(struct kernel_weigh *job);
    /* Sum of weight (value - other), the difference held within +-limit; nothing where it
     * is NaN. */
    double (*gain)(const double *value, const double *other, const double *weight,
                   size_t n, double limit);
    /* out[k] = sum of resp[k][i]^2 over the groups. */
    void (*squares)(const double *resp, size_t components, size_t groups, double *out);
};

/* The rows this machine can run, best first, ended by NULL. */
const struct kernel *const *kernel_table(void);
/* The best row of this machine, or the one that kernel_select() forced. */
const struct kernel *kernel_current(void);
/* Forces the row of that name for what is made from now on; NULL: the best again.
 * False if there is none. For tests and programs, before any other thread runs. */
bool kernel_select(const char *name);

#endif
