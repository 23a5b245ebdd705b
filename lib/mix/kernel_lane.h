/* SPDX-License-Identifier: MIT
 *
 * Vectors of doubles for the kernels: GCC's vector extensions, and intrinsics for the two
 * operations they lack, fused multiply-add and maximum. The build compiles kernel_vector.c
 * and what belongs to it once per level, with LEVEL the name of a row of the table and
 * LANES 8 (AVX-512), 4 (AVX2 with FMA) or 2 (SSE2, NEON).
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

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 8")
#define ALIGNED __attribute__((aligned(64)))

#if LANES == 8 || defined(__aarch64__)
#define REGISTERS 32
#else
#define REGISTERS 16
#endif
#define VECTORS 4               /* in flight: hides the latency of an fma */
#define CHUNK (VECTORS * LANES) /* points in flight */
#define SLOTS (8 / LANES)       /* vectors that make up the eight virtual lanes */

/* name_LEVEL */
#define JOIN_(a, b) a##_##b
#define JOIN(a, b) JOIN_(a, b)
#define LEVELLED(name) JOIN(name, LEVEL)

/* What kernel_vector.c puts in its row from the other files of its level. */
struct kernel_density;
struct kernel_moments;
struct kernel_join;
struct kernel_factor;
struct kernel_score;
struct kernel_spread;
struct kernel_weigh;
void LEVELLED(kernel_density_full)(const struct kernel_density *job);
void LEVELLED(kernel_density_diag)(const struct kernel_density *job);
void LEVELLED(kernel_rotate)(const double *a, size_t dims, size_t groups, const double *w,
                             double *y);
void LEVELLED(kernel_moments)(const struct kernel_moments *job);
void LEVELLED(kernel_moments_sparse)(const struct kernel_moments *job);
double LEVELLED(kernel_count_active)(const double *resp, const double *weight,
                                     size_t components, size_t groups);
void LEVELLED(kernel_mass)(const double *resp, size_t components, size_t groups,
                           double *out);
void LEVELLED(kernel_join)(const struct kernel_join *job);
void LEVELLED(kernel_factor)(struct kernel_factor *job);
void LEVELLED(kernel_score)(struct kernel_score *job);
bool LEVELLED(kernel_spread)(const struct kernel_spread *job);
bool LEVELLED(kernel_within)(const double *x, size_t n, double limit);
void LEVELLED(kernel_weigh)(struct kernel_weigh *job);
double LEVELLED(kernel_gain)(const double *value, const double *other,
                             const double *weight, size_t n, double limit);
void LEVELLED(kernel_squares)(const double *resp, size_t components, size_t groups,
                              double *out);

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

/* The first n lanes from memory and 0 after them, and back. */
static inline vec load_some(const double *p, size_t n)
{
    if (n >= LANES) {
        return load(p);
    }
#if LANES == 8
    return (vec)_mm512_maskz_loadu_pd((__mmask8)((1u << n) - 1), p);
#elif LANES == 4
    return (vec){n > 0 ? p[0] : 0, n > 1 ? p[1] : 0, n > 2 ? p[2] : 0, 0};
#else
    return (vec){n > 0 ? p[0] : 0, 0};
#endif
}

static inline void store_some(double *p, vec v, size_t n)
{
    if (n >= LANES) {
        store(p, v);
        return;
    }
#if LANES == 8
    _mm512_mask_storeu_pd(p, (__mmask8)((1u << n) - 1), (__m512d)v);
#else
    for (size_t lane = 0; lane < n; lane++) {
        p[lane] = v[lane];
    }
#endif
}

static inline void store_bits(int64_t *p, ivec v)
{
    typedef int64_t loose_bits __attribute__((vector_size(8 * LANES), aligned(8)));
    *(loose_bits *)p = (loose_bits)v;
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

/* Bit j is set where lane j of a mask is. */
static inline unsigned bits_of(ivec mask)
{
#if LANES == 8
    return _mm512_movepi64_mask((__m512i)mask);
#elif LANES == 4
    return (unsigned)_mm256_movemask_pd((__m256d)mask);
#elif defined(__x86_64__)
    return (unsigned)_mm_movemask_pd((__m128d)mask);
#else
    return (unsigned)(mask[0] & 1) | (unsigned)(mask[1] & 2);
#endif
}

/* v where the mask is set, else 0. */
static inline vec keep(vec v, ivec mask)
{
    return (vec)((ivec)v & mask);
}

/* a where the mask is set, else b. */
static inline vec either(vec a, vec b, ivec mask)
{
    return (vec)(((ivec)a & mask) | ((ivec)b & ~mask));
}

/* The eight virtual lanes of one sum, added as below. */
static inline double add_slots(const vec slot[SLOTS])
{
    double lane[8];
    for (size_t s = 0; s < SLOTS; s++) {
        store(lane + s * LANES, slot[s]);
    }
    return ((lane[0] + lane[4]) + (lane[2] + lane[6])) +
           ((lane[1] + lane[5]) + (lane[3] + lane[7]));
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

/* x + this has the nearest integer to x in its lowest bits, |x| < 2^50. */
#define ROUNDER 0x1.8p52

/* log2 of a normal s > 0: s = 2^e m with m in [sqrt 1/2, sqrt 2), log m = 2 atanh t with
 * t = (m-1)/(m+1), by its series to t^21; the first term left out is below 1e-19. */
static inline vec log2_of(vec s)
{
    const ivec bits = (ivec)s - 0x3fe6a09e667f3bcd; /* of sqrt 1/2 */
    const ivec e = bits >> 52;
    const vec m = (vec)((ivec)s - (e << 52));
    const vec t = (m - 1) / (m + 1), t2 = t * t;
    vec p = all(2.0 / 21);
    UNROLL for (int odd = 19; odd >= 3; odd -= 2) {
        p = fma_of(p, t2, all(2.0 / odd));
    }
    const vec log_m = fma_of(p * t2, t, t + t);
    /* The double of a small integer, by its place in the bits of the rounder. */
    const vec exponent = (vec)(e + 0x4338000000000000) - ROUNDER;
    return fma_of(log_m, all(1.44269504088896340736), exponent);
}

/* 2^f = sum c_j f^j on [-1/2, 1/2], minimax in the relative error with c_0 = 1 (Remez
 * exchange in 60 digits): 2.2e-16, 5e-16 with rounding. 2^0 is exactly 1. */
static const double exp2_c[] = {
    0x1.62e42fefa3a12p-1,  0x1.ebfbdff82c431p-3,  0x1.c6b08d703e17ap-5,
    0x1.3b2ab6fbd6d05p-7,  0x1.5d87fe9b8efd1p-10, 0x1.4309126c00bdfp-13,
    0x1.ffcb58ca31191p-17, 0x1.62c147a4afdfcp-20, 0x1.b671b2f14537ap-24,
    0x1.e3a9046bc2ff4p-28};
/* 2^x for x <= 0; 0 from KERNEL_EXP2_MIN down and for NaN. */
INLINE vec exp2_of(vec x)
{
    const vec t = x + ROUNDER;
    const vec f = x - (t - ROUNDER);
    const vec f2 = f * f;
    vec odd = all(exp2_c[8]), even = all(exp2_c[9]);
    UNROLL for (int j = 6; j >= 0; j -= 2) {
        odd = fma_of(odd, f2, all(exp2_c[j]));
        even = fma_of(even, f2, all(exp2_c[j + 1]));
    }
    const vec p = fma_of(fma_of(even, f, odd), f, all(1));
    /* Far below KERNEL_EXP2_MIN the exponent wraps; keep() drops what comes of it. */
    const uvec scaled = (uvec)p + ((uvec)t << 52);
    return keep((vec)scaled, x > KERNEL_EXP2_MIN);
}

#endif
