/* SPDX-License-Identifier: MIT
 *
 * The kernels in vectors, one source for every instruction level; the build compiles it
 * with LANES and LEVEL set. Vectors run across points. Tiles are as large as the
 * registers allow: 32 of them (AVX-512, NEON) take 4 rows x 4 vectors of whitened
 * points and 8 components x 3 features, 16 of them take 3 x 4 and 4 x 3.
 *
 * The order of every sum is that of kernel.h, so tiles and widths do not show.
 */
#include <math.h>
#include <string.h>

#include "kernel.h"
#include "kernel_lane.h"
#include "matrix.h"
#include "special.h"

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 8")

#if LANES == 8 || defined(__aarch64__)
#define REGISTERS 32
#define ROWS 4
#define COMPONENTS 8
#else
#define REGISTERS 16
#define ROWS 3
#define COMPONENTS 4
#endif
#define VECTORS 4                /* in flight: hides the latency of an fma */
#define CHUNK (VECTORS * LANES)  /* points in flight */
#define SLOTS (8 / LANES)        /* vectors that make up the eight virtual lanes */
#define FEATURES 3
#define ALIGNED __attribute__((aligned(64)))

/* ---- 2^x ----------------------------------------------------------------------- */

/* 2^f = sum c_j f^j on [-1/2, 1/2], minimax in the relative error with c_0 = 1 (Remez
 * exchange in 60 digits): 2.2e-16, 5e-16 with rounding. 2^0 is exactly 1. */
static const double exp2_c[] = {
    0x1.62e42fefa3a12p-1,  0x1.ebfbdff82c431p-3,  0x1.c6b08d703e17ap-5,
    0x1.3b2ab6fbd6d05p-7,  0x1.5d87fe9b8efd1p-10, 0x1.4309126c00bdfp-13,
    0x1.ffcb58ca31191p-17, 0x1.62c147a4afdfcp-20, 0x1.b671b2f14537ap-24,
    0x1.e3a9046bc2ff4p-28};
/* x + this has the nearest integer to x in its lowest bits, |x| < 2^50. */
#define ROUNDER 0x1.8p52

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

/* ---- Centring and whitening ---------------------------------------------------- */

static void centre(const double *x, size_t dims, size_t groups, const double *ref,
                   double *a)
{
    for (size_t g = 0; g < groups; g++, a += (dims + 1) * KERNEL_GROUP) {
        for (size_t i = 0; i < KERNEL_GROUP; i += LANES) {
            store(a + i, all(1));
        }
        for (size_t d = 0; d < dims; d++) {
            const double *from = x + d * BLOCK_POINTS + g * KERNEL_GROUP;
            double *to = a + (d + 1) * KERNEL_GROUP;
            for (size_t i = 0; i < KERNEL_GROUP; i += LANES) {
                store(to + i, load(from + i) - all(ref[d]));
            }
        }
    }
}

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

static void rotate(const double *a, size_t dims, size_t groups, const double *w, double *y)
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

static void density_full(const struct kernel_density *job)
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

static void density_diag(const struct kernel_density *job)
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

/* ---- Responsibilities ---------------------------------------------------------- */

/* What normalise() adds up over a block, by virtual lane. */
struct totals {
    vec high[SLOTS];    /* sum of high, bits */
    vec product[SLOTS]; /* product of the sums: each in [1, K], 32 a lane, K < 2^19 */
    vec count[SLOTS];
};

/* l -> 2^(l - high) and its sum over the components. */
INLINE void exponentials(const struct kernel_normalise *job, double *l, vec high[VECTORS],
                         vec sum[VECTORS])
{
    UNROLL for (size_t v = 0; v < VECTORS; v++) {
        high[v] = all(-(double)INFINITY);
        sum[v] = all(0);
    }
    for (size_t k = 0; k < job->components; k++) {
        UNROLL for (size_t v = 0; v < VECTORS; v++) {
            high[v] = max_of(load(l + k * BLOCK_POINTS + v * LANES), high[v]);
        }
    }
    for (size_t k = 0; k < job->components; k++) {
        UNROLL for (size_t v = 0; v < VECTORS; v++) {
            double *const at = l + k * BLOCK_POINTS + v * LANES;
            const vec e = exp2_of(load(at) - high[v]);
            sum[v] += e;
            store(at, e);
        }
    }
}

static void normalise_chunk(struct kernel_normalise *job, size_t i, struct totals *totals)
{
    double *l = job->resp + i;
    vec high[VECTORS], sum[VECTORS], scale[VECTORS];
    exponentials(job, l, high, sum);
    UNROLL for (size_t v = 0; v < VECTORS; v++) {
        const vec weight = load(job->weight + i + v * LANES);
        /* The largest term is 2^0, so a sum below 1 means that there was none. */
        const ivec is_scored = sum[v] >= 1;
        const ivec counts = is_scored & (weight > 0);
        const size_t slot = v % SLOTS;
        scale[v] = keep(weight / sum[v], is_scored);
        store(job->high + i + v * LANES, high[v]);
        store(job->sum + i + v * LANES, sum[v]);
        totals->high[slot] += keep(high[v], counts);
        totals->product[slot] *= keep(sum[v], counts) + keep(all(1), ~counts);
        totals->count[slot] += keep(all(1), counts);
    }
    for (size_t k = 0; k < job->components; k++) {
        UNROLL for (size_t v = 0; v < VECTORS; v++) {
            double *const at = l + k * BLOCK_POINTS + v * LANES;
            store(at, load(at) * scale[v]);
        }
    }
}

/* The eight virtual lanes of one sum. */
static double add_slots(const vec slot[SLOTS])
{
    double lane[8];
    for (size_t s = 0; s < SLOTS; s++) {
        store(lane + s * LANES, slot[s]);
    }
    return ((lane[0] + lane[4]) + (lane[2] + lane[6])) +
           ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

/* One logarithm for the whole block: mantissas are multiplied, exponents added. */
static double log2_product(const vec slot[SLOTS])
{
    double lane[8], mantissa = 1;
    int exponents = 0;
    for (size_t s = 0; s < SLOTS; s++) {
        store(lane + s * LANES, slot[s]);
    }
    for (size_t j = 0; j < 8; j++) {
        int exponent;
        mantissa *= special_split(lane[j], &exponent);
        exponents += exponent;
    }
    return exponents + special_log2(mantissa);
}

static void normalise(struct kernel_normalise *job)
{
    struct totals totals;
    for (size_t s = 0; s < SLOTS; s++) {
        totals.high[s] = totals.count[s] = all(0);
        totals.product[s] = all(1);
    }
    for (size_t i = 0; i < job->groups * KERNEL_GROUP; i += CHUNK) {
        normalise_chunk(job, i, &totals);
    }
    job->count = add_slots(totals.count);
    job->bits = add_slots(totals.high) + log2_product(totals.product);
}

/* log2 of s >= 1: s = 2^e m with m in [sqrt 1/2, sqrt 2), log m = 2 atanh t with
 * t = (m-1)/(m+1), by its series to t^21; the first term left out is below 1e-19. */
INLINE vec log2_of(vec s)
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
    /* e is small and not negative: its double by the same trick as above. */
    const vec exponent = (vec)(e + 0x4338000000000000) - ROUNDER;
    return fma_of(log_m, all(1.44269504088896340736), exponent);
}

static void log_density(const double *high, const double *sum, size_t groups, double *out)
{
    for (size_t i = 0; i < groups * KERNEL_GROUP; i += LANES) {
        const vec s = load(sum + i);
        const ivec is_scored = s >= 1;
        const vec value = load(high + i) + log2_of(s);
        store(out + i, (vec)(((ivec)value & is_scored) |
                             ((ivec)all(-(double)INFINITY) & ~is_scored)));
    }
}

/* ---- Moments ------------------------------------------------------------------- */

/* A feature is the product of two rows of a. */
struct feature {
    size_t row, column;
};

static size_t count_features(const struct kernel_moments *job)
{
    return job->is_diagonal ? 1 + 2 * job->dims : packed_size(job->dims + 1);
}

static struct feature next(struct feature f, bool is_diagonal)
{
    if (f.column == f.row) {
        return (struct feature){f.row + 1, 0};
    }
    return (struct feature){f.row, is_diagonal ? f.row : f.column + 1};
}

/* totals[f * 8 + k] <- the sums of a tile of nk components and nf features. With fewer
 * lanes than eight the points are gone through once per slot. */
INLINE void tile(const struct kernel_moments *job, size_t nk, size_t nf,
                 const double *resp, const struct feature *features, double *totals)
{
#if SLOTS > 1
    double lanes[2 * FEATURES * 8 * 8] ALIGNED;
#endif
    const size_t stride = (job->dims + 1) * KERNEL_GROUP;
    for (size_t slot = 0; slot < SLOTS; slot++) {
        vec sum[COMPONENTS][2 * FEATURES];
        UNROLL for (size_t k = 0; k < nk; k++) {
            UNROLL for (size_t f = 0; f < nf; f++) {
                sum[k][f] = all(0);
            }
        }
        for (size_t g = 0; g < job->groups; g++) {
            const double *a = job->a + g * stride + slot * LANES;
            const double *r = resp + g * KERNEL_GROUP + slot * LANES;
            for (size_t i = 0; i < KERNEL_GROUP; i += 8) {
                vec phi[2 * FEATURES];
                UNROLL for (size_t f = 0; f < nf; f++) {
                    phi[f] = load(a + features[f].row * KERNEL_GROUP + i) *
                             load(a + features[f].column * KERNEL_GROUP + i);
                }
                UNROLL for (size_t k = 0; k < nk; k++) {
                    const vec weight = pin(load(r + k * BLOCK_POINTS + i));
                    UNROLL for (size_t f = 0; f < nf; f++) {
                        sum[k][f] = fma_of(weight, phi[f], sum[k][f]);
                    }
                }
            }
        }
#if SLOTS > 1
        UNROLL for (size_t k = 0; k < nk; k++) {
            UNROLL for (size_t f = 0; f < nf; f++) {
                store(lanes + (f * 8 + k) * 8 + slot * LANES, sum[k][f]);
            }
        }
    }
    UNROLL for (size_t f = 0; f < nf; f++) {
        add_lanes(lanes + f * 64, totals + f * 8);
    }
#else
        UNROLL for (size_t f = 0; f < nf; f++) {
            vec column[8] = {{0}};
            UNROLL for (size_t k = 0; k < nk; k++) {
                column[k] = sum[k][f];
            }
            add_lanes(column, totals + f * 8);
        }
    }
#endif
}

/* All features of nk components from k on, nf at a time; the last tile overlaps the one
 * before it rather than being a smaller one. */
INLINE void strip(const struct kernel_moments *job, size_t k, size_t nk, size_t nf)
{
    const size_t n = count_features(job);
    const double *resp = job->resp + k * BLOCK_POINTS;
    struct feature features[2 * FEATURES], end = {0, 0};
    double totals[2 * FEATURES * 8] ALIGNED;
    for (size_t done = 0; done < n;) {
        const size_t fresh = n - done < nf ? n - done : nf;
        for (size_t f = 0; f + fresh < nf; f++) {
            features[f] = features[f + fresh];
        }
        for (size_t f = nf - fresh; f < nf; f++, end = next(end, job->is_diagonal)) {
            features[f] = end;
        }
        done += fresh;
        tile(job, nk, nf, resp, features, totals);
        UNROLL for (size_t f = 0; f < nf; f++) {
            memcpy(job->out + (done - nf + f) * job->components + k, totals + f * 8,
                   nk * sizeof(*totals));
        }
    }
}

/* strip() by the number of components, at most COMPONENTS: small numbers leave room for
 * twice the features. */
static void moments(const struct kernel_moments *job)
{
    const size_t parts = (job->components + COMPONENTS - 1) / COMPONENTS;
    const bool is_narrow = count_features(job) < 2 * FEATURES || REGISTERS < 32;
    for (size_t part = 0; part < parts; part++) {
        const size_t k = part * job->components / parts;
        const size_t n = (part + 1) * job->components / parts - k;
        switch (is_narrow ? n + COMPONENTS : n) {
#define STRIP(n, features)                                                               \
    strip(job, k, n, features);                                                          \
    break
#if COMPONENTS == 8
        case 1:
            STRIP(1, 6);
        case 2:
            STRIP(2, 6);
        case 3:
            STRIP(3, 6);
        case 4:
            STRIP(4, 6);
        case 5:
        case 5 + 8:
            STRIP(5, 3);
        case 6:
        case 6 + 8:
            STRIP(6, 3);
        case 7:
        case 7 + 8:
            STRIP(7, 3);
        case 8:
        case 8 + 8:
            STRIP(8, 3);
#endif
        case 1 + COMPONENTS:
            STRIP(1, 3);
        case 2 + COMPONENTS:
            STRIP(2, 3);
        case 3 + COMPONENTS:
            STRIP(3, 3);
        case 4 + COMPONENTS:
            STRIP(4, 3);
#undef STRIP
        default:
            break;
        }
    }
}

/* Four components at a time hide the latency of an addition. */
static void mass(const double *resp, size_t components, size_t groups, double *out)
{
    for (size_t k = 0; k < components; k += 4) {
        const size_t n = components - k < 4 ? components - k : 4;
        vec sum[4][SLOTS] = {{{0}}};
        const double *row[4];
        UNROLL for (size_t j = 0; j < 4; j++) {
            row[j] = resp + (k + (j < n ? j : 0)) * BLOCK_POINTS;
        }
        for (size_t i = 0; i < groups * KERNEL_GROUP; i += 8) {
            UNROLL for (size_t j = 0; j < 4; j++) {
                UNROLL for (size_t slot = 0; slot < SLOTS; slot++) {
                    sum[j][slot] += load(row[j] + i + slot * LANES);
                }
            }
        }
        for (size_t j = 0; j < n; j++) {
            out[k + j] = add_slots(sum[j]);
        }
    }
}

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define TEXT_(a) #a
#define TEXT(a) TEXT_(a)

extern const struct kernel JOIN(kernel_, LEVEL);
const struct kernel JOIN(kernel_, LEVEL) = {
    .name = TEXT(LEVEL),
    .centre = centre,
    .rotate = rotate,
    .density_full = density_full,
    .density_diag = density_diag,
    .normalise = normalise,
    .log_density = log_density,
    .moments = moments,
    .mass = mass,
};
