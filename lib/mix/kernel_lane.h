/* SPDX-License-Identifier: MIT
 *
 * Vectors of doubles for kernel_vector.c: GCC's vector extensions, and intrinsics for
 * the two operations they lack, fused multiply-add and maximum. LANES is 8 (AVX-512),
 * 4 (AVX2 with FMA) or 2 (SSE2, NEON).
 */
#ifndef KERNEL_LANE_H
#define KERNEL_LANE_H

#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

typedef double vec __attribute__((vector_size(8 * LANES)));
typedef int64_t ivec __attribute__((vector_size(8 * LANES)));
typedef uint64_t uvec __attribute__((vector_size(8 * LANES))); /* sums wrap */
/* The same in memory, aligned as a double only. */
typedef double loose __attribute__((vector_size(8 * LANES), aligned(8), may_alias));

static inline vec load(const double *p)
{
    return *(const loose *)p;
}

static inline void store(double *p, vec v)
{
    *(loose *)p = v;
}

/* Every lane v. */
static inline vec all(double v)
{
    return v - (vec){0};
}

/* a b + c, rounded once wherever the machine can. */
static inline vec fma_of(vec a, vec b, vec c)
{
#if LANES == 8
    return (vec)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
#elif LANES == 4
    return (vec)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
#elif defined(__aarch64__)
    return (vec)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b);
#else
    return a * b + c;
#endif
}

/* c - a b */
static inline vec fma_less(vec a, vec b, vec c)
{
    return fma_of(-a, b, c);
}

/* Keeps v in a register: else the compiler reads it from memory once for each use. */
static inline vec pin(vec v)
{
#if defined(__x86_64__)
    __asm__("" : "+v"(v));
#elif defined(__aarch64__)
    __asm__("" : "+w"(v));
#endif
    return v;
}

/* a where a > b, else b; so b where a is NaN. */
static inline vec max_of(vec a, vec b)
{
#if LANES == 8
    return (vec)_mm512_max_pd((__m512d)a, (__m512d)b);
#elif LANES == 4
    return (vec)_mm256_max_pd((__m256d)a, (__m256d)b);
#elif defined(__x86_64__)
    return (vec)_mm_max_pd((__m128d)a, (__m128d)b);
#else
    const ivec mask = a > b;
    return (vec)(((ivec)a & mask) | ((ivec)b & ~mask));
#endif
}

/* v where the mask is set, else 0. */
static inline vec keep(vec v, ivec mask)
{
    return (vec)((ivec)v & mask);
}

/* The eight virtual lanes of eight sums are added as ((0+4)+(2+6)) + ((1+5)+(3+7)); out
 * gets eight totals. Sum j is in[j] where a vector holds all its lanes, else in memory at
 * lanes + 8 j. */
#if LANES == 8
static inline void add_lanes(const vec in[8], double *out)
{
#define HALVES(a, b)                                                                     \
    (__builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11) +                           \
     __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15))
#define QUARTERS(a, b)                                                                   \
    (__builtin_shufflevector(a, b, 0, 1, 4, 5, 8, 9, 12, 13) +                           \
     __builtin_shufflevector(a, b, 2, 3, 6, 7, 10, 11, 14, 15))
    const vec a = QUARTERS(HALVES(in[0], in[1]), HALVES(in[2], in[3]));
    const vec b = QUARTERS(HALVES(in[4], in[5]), HALVES(in[6], in[7]));
    store(out, __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14) +
                   __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15));
#undef HALVES
#undef QUARTERS
}
#elif LANES == 4
static inline void add_lanes(const double *lanes, double *out)
{
#define HALF(j) (load(lanes + 8 * (j)) + load(lanes + 8 * (j) + 4))
#define QUARTERS(a, b)                                                                   \
    (__builtin_shufflevector(a, b, 0, 1, 4, 5) + __builtin_shufflevector(a, b, 2, 3, 6, 7))
    for (int j = 0; j < 8; j += 4, lanes += 32) {
        const vec h0 = HALF(0), h1 = HALF(1), h2 = HALF(2), h3 = HALF(3);
        const vec a = QUARTERS(h0, h1), b = QUARTERS(h2, h3);
        store(out + j, __builtin_shufflevector(a, b, 0, 2, 4, 6) +
                           __builtin_shufflevector(a, b, 1, 3, 5, 7));
    }
#undef HALF
#undef QUARTERS
}
#else
static inline void add_lanes(const double *lanes, double *out)
{
    for (int j = 0; j < 8; j += 2, lanes += 16) {
        const vec a = (load(lanes) + load(lanes + 4)) + (load(lanes + 2) + load(lanes + 6));
        const vec b =
            (load(lanes + 8) + load(lanes + 12)) + (load(lanes + 10) + load(lanes + 14));
        store(out + j,
              __builtin_shufflevector(a, b, 0, 2) + __builtin_shufflevector(a, b, 1, 3));
    }
}
#endif

#endif
