/* SPDX-License-Identifier: MIT
 *
 * Log densities in vectors across points: z = W a + c in tiles of rows that stay in the
 * registers, then base - |z|^2. 4 rows x 4 vectors where there are 32 registers, 3 x 4
 * where there are 16; the order of the sums does not depend on it. */
#include "kernel.h"
#include "kernel_lane.h"
#include "matrix.h"

#if REGISTERS == 32
#define ROWS 4
#else
#define ROWS 3
#endif

/* z <- c + rows i .. i + n of W times a; w and a begin at row 0. */
INLINE void whiten_rows(size_t n, size_t i, const double *w, const double *c,
                        const double *a, vec z[ROWS][VECTORS])
{
    const double *row[ROWS];
    UNROLL for (size_t r = 0; r < n; r++) {
        row[r] = w + packed_size(i + r);
        UNROLL for (size_t v = 0; v < VECTORS; v++) {
            z[r][v] = all(c == NULL ? 0 : c[i + r]);
        }
    }
    for (size_t j = 0; j < i; j++) {
        UNROLL for (size_t v = 0; v < VECTORS; v++) {
            const vec x = load(a + j * KERNEL_GROUP + v * LANES);
            UNROLL for (size_t r = 0; r < n; r++) {
                z[r][v] = fma_of(all(row[r][j]), x, z[r][v]);
            }
        }
    }
    UNROLL for (size_t t = 0; t < n; t++) {
        UNROLL for (size_t v = 0; v < VECTORS; v++) {
            const vec x = load(a + (i + t) * KERNEL_GROUP + v * LANES);
            UNROLL for (size_t r = t; r < n; r++) {
                z[r][v] = fma_of(all(row[r][i + t]), x, z[r][v]);
            }
        }
    }
}

/* l <- l - |z|^2 over n rows. */
INLINE void subtract_rows(size_t n, size_t i, const double *w, const double *c,
                          const double *a, vec l[VECTORS])
{
    vec z[ROWS][VECTORS];
    whiten_rows(n, i, w, c, a, z);
    UNROLL for (size_t r = 0; r < n; r++) {
        UNROLL for (size_t v = 0; v < VECTORS; v++) {
            l[v] = fma_less(z[r][v], z[r][v], l[v]);
        }
    }
}

/* Both loops below take a number of rows that the compiler must know. */
#define FOR_ROWS(n, call)                                                                \
    switch (n) {                                                                         \
    case 1:                                                                              \
        call(1);                                                                         \
        break;                                                                           \
    case 2:                                                                              \
        call(2);                                                                         \
        break;                                                                           \
    case 3:                                                                              \
        call(3);                                                                         \
        break;                                                                           \
    default:                                                                             \
        break;                                                                           \
    }

void LEVELLED(kernel_rotate)(const double *a, size_t dims, size_t groups, const double *w,
                             double *y)
{
    for (size_t g = 0; g < groups; g++) {
        const size_t first = (g * (dims + 1) + 1) * KERNEL_GROUP;
        for (size_t p = 0; p < KERNEL_GROUP; p += CHUNK) {
            for (size_t i = 0; i < dims; i++) {
                vec z[ROWS][VECTORS];
                whiten_rows(1, i, w, NULL, a + first + p, z);
                UNROLL for (size_t v = 0; v < VECTORS; v++) {
                    store(y + first + p + i * KERNEL_GROUP + v * LANES, z[0][v]);
                }
            }
        }
    }
}

INLINE void store_density(const struct kernel_density *job, size_t k, size_t i,
                          const vec l[VECTORS])
{
    double *out = job->out + k * BLOCK_POINTS + i;
    UNROLL for (size_t v = 0; v < VECTORS; v++) {
        store(out + v * LANES, job->is_added ? load(out + v * LANES) + l[v] : l[v]);
    }
}

/* One chunk against every component; `small` is dims where the compiler may know it. */
INLINE void full_chunk(const struct kernel_density *job, size_t dims, bool is_small,
                       size_t i, const double *a)
{
    for (size_t k = 0; k < job->components; k++) {
        const double *w = job->w + k * job->w_stride, *c = job->c + k * dims;
        vec l[VECTORS];
        size_t d = 0;
        UNROLL for (size_t v = 0; v < VECTORS; v++) {
            l[v] = all(job->base[k]);
        }
        if (is_small) {
            subtract_rows(dims, 0, w, c, a, l);
        } else {
            for (; d + ROWS <= dims; d += ROWS) {
                subtract_rows(ROWS, d, w, c, a, l);
            }
#define SUBTRACT(n) subtract_rows(n, d, w, c, a, l)
            FOR_ROWS(dims - d, SUBTRACT)
#undef SUBTRACT
        }
        store_density(job, k, i, l);
    }
}

INLINE void full_block(const struct kernel_density *job, size_t dims, bool is_small)
{
    for (size_t i = 0; i < job->groups * KERNEL_GROUP; i += CHUNK) {
        const size_t g = i / KERNEL_GROUP;
        full_chunk(job, dims, is_small, i,
                   job->a + (g * (dims + 1) + 1) * KERNEL_GROUP + i % KERNEL_GROUP);
    }
}

void LEVELLED(kernel_density_full)(const struct kernel_density *job)
{
    switch (job->dims) {
    case 1:
        full_block(job, 1, true);
        break;
    case 2:
        full_block(job, 2, true);
        break;
    case 3:
        full_block(job, 3, true);
        break;
    default:
        full_block(job, job->dims, false);
    }
}

INLINE void diag_block(const struct kernel_density *job, size_t dims)
{
    for (size_t i = 0; i < job->groups * KERNEL_GROUP; i += CHUNK) {
        const size_t g = i / KERNEL_GROUP;
        const double *a =
            job->a + (g * (dims + 1) + 1) * KERNEL_GROUP + i % KERNEL_GROUP;
        for (size_t k = 0; k < job->components; k++) {
            const double *w = job->w + k * job->w_stride, *c = job->c + k * dims;
            vec l[VECTORS];
            UNROLL for (size_t v = 0; v < VECTORS; v++) {
                l[v] = all(job->base[k]);
            }
            for (size_t d = 0; d < dims; d++) {
                UNROLL for (size_t v = 0; v < VECTORS; v++) {
                    const vec x = load(a + d * KERNEL_GROUP + v * LANES);
                    const vec z = fma_of(all(w[d]), x, all(c[d]));
                    l[v] = fma_less(z, z, l[v]);
                }
            }
            store_density(job, k, i, l);
        }
    }
}

void LEVELLED(kernel_density_diag)(const struct kernel_density *job)
{
    switch (job->dims) {
    case 1:
        diag_block(job, 1);
        break;
    case 2:
        diag_block(job, 2);
        break;
    default:
        diag_block(job, job->dims);
    }
}
