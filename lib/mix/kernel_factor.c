/* SPDX-License-Identifier: MIT
 *
 * Inverse Cholesky factors of several small matrices at once, one per lane. Lanes never
 * mix, so their number does not show. As in matrix.c the correlation matrix is factored:
 *
 *     S = D R D,  R = L L',  W = scale L^-1 D^-1
 *
 * A matrix that needs jitter is left to matrix.c. */
#include "kernel.h"
#include "kernel_lane.h"
#include "matrix.h"

#define BLOCK 4 /* columns in flight: hides the latency of an fma */
/* A pivot of the correlation matrix below this is zero to rounding (matrix.c). */
#define PIVOT_MIN 5e-13

/* Element (i, j) of the matrices in work. */
static inline double *at(double *work, size_t i, size_t j)
{
    return work + (packed_size(i) + j) * LANES;
}

/* Element `offset` of each of n arrays, `stride` apart; the last one for lanes past n. */
static inline vec gather(const double *from, size_t stride, size_t n, size_t offset)
{
#define LANE(k) from[((k) < n ? (k) : n - 1) * stride + offset]
    /* Not by way of an array: a vector cannot be loaded from stores just made. */
#if LANES == 8
    return (vec){LANE(0), LANE(1), LANE(2), LANE(3), LANE(4), LANE(5), LANE(6), LANE(7)};
#elif LANES == 4
    return (vec){LANE(0), LANE(1), LANE(2), LANE(3)};
#else
    return (vec){LANE(0), LANE(1)};
#endif
#undef LANE
}

static inline void scatter(vec v, size_t n, size_t stride, size_t offset, double *to)
{
    double lane[LANES];
    store(lane, v);
    for (size_t k = 0; k < n; k++) {
        to[k * stride + offset] = lane[k];
    }
}

static inline vec root(vec v)
{
#if LANES == 8
    return (vec)_mm512_sqrt_pd((__m512d)v);
#elif LANES == 4
    return (vec)_mm256_sqrt_pd((__m256d)v);
#elif defined(__x86_64__)
    return (vec)_mm_sqrt_pd((__m128d)v);
#else
    return (vec)vsqrtq_f64((float64x2_t)v);
#endif
}

/* Correlations into work; inverse standard deviations. False lanes of the mask have a
 * variance that is not positive. */
static ivec load_matrices(const double *cov, size_t dims, size_t n, double *work,
                          double *inverse_sd)
{
    const size_t size = dims * dims;
    ivec is_ok = all(0) == all(0);
    for (size_t i = 0; i < dims; i++) {
        const vec variance = gather(cov, size, n, i * (dims + 1));
        const vec inverse = 1 / root(variance);
        is_ok &= (variance > 0) & (inverse > 0);
        store(inverse_sd + i * LANES, inverse);
        for (size_t j = 0; j < i; j++) {
            const vec scaled = gather(cov, size, n, i * dims + j) * inverse;
            store(at(work, i, j), scaled * load(inverse_sd + j * LANES));
        }
    }
    return is_ok;
}

/* acc[t] -= sum over m < n of a[m] b[t][m], for the rows b of BLOCK columns. */
INLINE void subtract_products(size_t columns, size_t n, const double *a, double *const *b,
                              vec *acc)
{
    for (size_t m = 0; m < n; m++) {
        const vec x = load(a + m * LANES);
        UNROLL for (size_t t = 0; t < columns; t++) {
            acc[t] = fma_less(x, load(b[t] + m * LANES), acc[t]);
        }
    }
}

/* Row i of L from row i of R, columns [j, j + columns). */
INLINE void solve_columns(double *work, size_t i, size_t j, size_t columns,
                          const double *pivots)
{
    double *row = at(work, i, 0), *other[BLOCK];
    vec acc[BLOCK];
    UNROLL for (size_t t = 0; t < columns; t++) {
        other[t] = at(work, j + t, 0);
        acc[t] = load(row + (j + t) * LANES);
    }
    subtract_products(columns, j, row, other, acc);
    UNROLL for (size_t t = 0; t < columns; t++) {
        UNROLL for (size_t m = 0; m < t; m++) {
            acc[t] = fma_less(acc[m], load(other[t] + (j + m) * LANES), acc[t]);
        }
        acc[t] = acc[t] * load(pivots + (j + t) * LANES);
        store(row + (j + t) * LANES, acc[t]);
    }
}

/* L into work; pivots: 1 / L_ii. */
static ivec factor_matrices(size_t dims, double *work, double *pivots)
{
    ivec is_ok = all(0) == all(0);
    for (size_t i = 0; i < dims; i++) {
        double *row = at(work, i, 0);
        vec pivot = all(1);
        size_t j = 0;
        for (; j + BLOCK <= i; j += BLOCK) {
            solve_columns(work, i, j, BLOCK, pivots);
        }
        for (; j < i; j++) {
            solve_columns(work, i, j, 1, pivots);
        }
        for (size_t m = 0; m < i; m++) {
            const vec l = load(row + m * LANES);
            pivot = fma_less(l, l, pivot);
        }
        is_ok &= pivot > PIVOT_MIN;
        store(pivots + i * LANES, 1 / root(pivot));
    }
    return is_ok;
}

/* Row i of L^-1, columns [j, j + columns), from the rows before it. */
INLINE void invert_columns(double *work, size_t i, size_t j, size_t columns, vec pivot)
{
    double *row = at(work, i, 0);
    vec acc[BLOCK];
    UNROLL for (size_t t = 0; t < columns; t++) {
        acc[t] = all(0);
    }
    /* Rows m < j + t of column j + t are above the diagonal. */
    UNROLL for (size_t m = 0; m < columns; m++) {
        const vec l = load(row + (j + m) * LANES);
        UNROLL for (size_t t = 0; t <= m; t++) {
            acc[t] = fma_less(l, load(at(work, j + m, j + t)), acc[t]);
        }
    }
    for (size_t m = j + columns; m < i; m++) {
        const vec l = load(row + m * LANES);
        UNROLL for (size_t t = 0; t < columns; t++) {
            acc[t] = fma_less(l, load(at(work, m, j + t)), acc[t]);
        }
    }
    UNROLL for (size_t t = 0; t < columns; t++) {
        store(row + (j + t) * LANES, acc[t] * pivot);
    }
}

/* L in work becomes its inverse, row by row: a row needs those above it inverted, and of
 * itself only what is not yet written. */
static void invert_matrices(size_t dims, double *work, const double *pivots)
{
    for (size_t i = 0; i < dims; i++) {
        const vec pivot = load(pivots + i * LANES);
        size_t j = 0;
        for (; j + BLOCK <= i; j += BLOCK) {
            invert_columns(work, i, j, BLOCK, pivot);
        }
        for (; j < i; j++) {
            invert_columns(work, i, j, 1, pivot);
        }
        store(at(work, i, i), pivot);
    }
}

/* The determinant of W while its diagonal is gone through. */
struct determinant {
    vec product;   /* of mantissas in [1, 2): up to 64 of them cannot overflow */
    ivec exponent; /* sum of exponents */
};

/* Adds a diagonal element; the unit of row i comes from lane 0 of the first matrices. */
INLINE void add_diagonal(struct kernel_factor *job, bool is_first, size_t i, vec w,
                         struct determinant *det)
{
    const ivec bits = (ivec)w;
    const ivec e = (bits >> 52) - 1023;
    if (is_first) {
        job->exponent[i] = -(double)e[0];
    }
    det->product *= (vec)(bits - (e << 52));
    det->exponent += e + (int64_t)job->exponent[i];
}

/* W and what follows from it for n matrices from k on. */
static void finish(struct kernel_factor *job, size_t k, size_t n, double *work,
                   const double *inverse_sd)
{
    const size_t dims = job->dims, size = packed_size(dims);
    double offset[KERNEL_FACTOR_DIMS * LANES], distance[LANES];
    struct determinant det = {all(1), {0}};
    vec farthest = all(0);
    for (size_t i = 0; i < dims; i++) {
        vec sum = all(0), length = all(0), w = all(0);
        store(offset + i * LANES,
              all(job->ref[i]) - gather(job->means + k * dims, dims, n, i));
        for (size_t j = 0; j <= i; j++) {
            w = load(at(work, i, j)) * (load(inverse_sd + j * LANES) * job->scale);
            const vec part = w * load(offset + j * LANES);
            sum += part;
            length += max_of(part, -part);
            scatter(w, n, size, packed_size(i) + j, job->w + k * size);
        }
        farthest = max_of(farthest, length);
        scatter(sum, n, dims, i, job->c + k * dims);
        add_diagonal(job, job->is_first && k == 0, i, w, &det);
    }
    const vec exponent = (vec)(det.exponent + 0x4338000000000000) - ROUNDER;
    scatter(log2_of(det.product) + exponent, n, 1, 0, job->base + k);
    store(distance, farthest);
    for (size_t j = 0; j < n; j++) {
        job->distance[k + j] = distance[j];
    }
}

void LEVELLED(kernel_factor)(struct kernel_factor *job)
{
    double work[KERNEL_FACTOR_DIMS * (KERNEL_FACTOR_DIMS + 1) / 2 * LANES] ALIGNED;
    double inverse_sd[KERNEL_FACTOR_DIMS * LANES] ALIGNED;
    double pivots[KERNEL_FACTOR_DIMS * LANES] ALIGNED;
    const size_t dims = job->dims;
    for (size_t k = 0; k < job->n; k += LANES) {
        const size_t n = job->n - k < LANES ? job->n - k : LANES;
        ivec is_ok = load_matrices(job->cov + k * dims * dims, dims, n, work, inverse_sd);
        is_ok &= factor_matrices(dims, work, pivots);
        invert_matrices(dims, work, pivots);
        finish(job, k, n, work, inverse_sd);
        for (size_t j = 0; j < n; j++) {
            job->is_ok[k + j] = is_ok[j] != 0;
        }
    }
}
