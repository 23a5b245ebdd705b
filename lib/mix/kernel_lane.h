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

#endif
