/* SPDX-License-Identifier: MIT
 *
 * Every kernel of this machine against the one in plain C, to what rounding allows for
 * the given sums, and the levels with fused products against each other, bit for bit. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "kernel.h"
#include "matrix.h"
#include "rng.h"
#include "tail.h"
#include "unit.h"

#define EPS 0x1p-53
#define LN_2 0.69314718055994530942
#define GROUPS 8
#define LANES (GROUPS * KERNEL_GROUP)

static const struct {
    size_t dims, components;
} shapes[] = {{1, 1}, {1, 3}, {2, 1}, {2, 4},  {2, 16},  {3, 5},  {4, 6},  {5, 7},
              {6, 9}, {7, 2}, {8, 8}, {9, 11}, {16, 17}, {17, 3}, {31, 4}, {64, 5}};

/* Inputs of one shape, all in [-1, 1], and room for two results. */
struct input {
    size_t dims, components, packed;
    double *x, *ref, *a, *w, *c, *base, *resp, *weight;
    double *out[2];
};

static double *some(struct rng *rng, size_t n)
{
    double *const values = calloc(n, sizeof(*values));
    for (size_t i = 0; i < n; i++) {
        values[i] = 2 * rng_uniform(rng) - 1;
    }
    return values;
}

static struct input input_new(size_t row, uint64_t seed)
{
    struct rng rng = rng_at(seed, RNG_TEST, row);
    const size_t dims = shapes[row].dims, k = shapes[row].components;
    struct input in = {.dims = dims, .components = k, .packed = packed_size(dims)};
    in.x = some(&rng, dims * BLOCK_POINTS);
    in.ref = some(&rng, dims);
    in.a = some(&rng, (dims + 1) * LANES);
    in.w = some(&rng, k * in.packed);
    in.c = some(&rng, k * dims);
    in.base = some(&rng, k);
    in.resp = some(&rng, k * BLOCK_POINTS);
    in.weight = some(&rng, BLOCK_POINTS);
    for (size_t i = 0; i < k * BLOCK_POINTS; i++) {
        in.resp[i] = fabs(in.resp[i]);
    }
    for (size_t i = 0; i < 2; i++) {
        const size_t moments = packed_size(dims + 1) * k, points = (k + dims + 3) * LANES;
        in.out[i] = calloc(moments > points ? moments : points, sizeof(double));
    }
    return in;
}

static void input_free(struct input *in)
{
    double *const all[] = {in->x,    in->ref,  in->a,      in->w,      in->c,
                           in->base, in->resp, in->weight, in->out[0], in->out[1]};
    for (size_t i = 0; i < COUNT(all); i++) {
        free(all[i]);
    }
}

static const struct kernel *reference(void)
{
    size_t n = 0;
    while (kernel_table()[n + 1] != NULL) {
        n++;
    }
    return kernel_table()[n];
}

#define SEED_TEXT "MIXD_TEST_SEED=%llu"
static unsigned long long seed(void)
{
    return (unsigned long long)unit_seed(417);
}

static double a_of(const struct input *in, size_t row, size_t i)
{
    return in->a[((i / KERNEL_GROUP) * (in->dims + 1) + row) * KERNEL_GROUP +
                 i % KERNEL_GROUP];
}

/* What rounding may do to base - |W a + c|^2 for point i: a sum of m products is off by
 * at most m eps times the sum of their sizes (Higham 2002, 3.1); both results may be. */
static double density_bound(const struct input *in, size_t k, size_t i, bool is_full)
{
    const double *w = in->w + k * in->packed;
    double bound = 0, total = fabs(in->base[k]);
    for (size_t d = 0; d < in->dims; d++) {
        double z = in->c[k * in->dims + d], size = fabs(z);
        for (size_t j = is_full ? 0 : d; j <= d; j++, w++) {
            z += *w * a_of(in, j + 1, i);
            size += fabs(*w * a_of(in, j + 1, i));
        }
        const double m = is_full ? (double)d + 2 : 2;
        bound += 2 * fabs(z) * m * EPS * size + z * z * EPS;
        total += z * z;
    }
    return 2 * (bound + ((double)in->dims + 2) * EPS * total);
}

static void check_density(const struct kernel *kernel, struct input *in, bool is_full,
                          bool is_added)
{
    for (size_t level = 0; level < 2; level++) {
        const struct kernel *const which = level == 0 ? kernel : reference();
        const struct kernel_density job = {.dims = in->dims,
                                           .components = in->components,
                                           .groups = GROUPS,
                                           .a = in->a,
                                           .w = in->w,
                                           .w_stride = in->packed,
                                           .c = in->c,
                                           .base = in->base,
                                           .out = in->out[level],
                                           .is_added = is_added};
        for (size_t i = 0; i < in->components * BLOCK_POINTS; i++) {
            in->out[level][i] = 3;
        }
        (is_full ? which->density_full : which->density_diag)(&job);
    }
    for (size_t k = 0; k < in->components; k++) {
        for (size_t i = 0; i < LANES; i++) {
            const double is = in->out[0][k * BLOCK_POINTS + i];
            const double should = in->out[1][k * BLOCK_POINTS + i];
            const double bound = density_bound(in, k, i, is_full) + 8 * EPS;
            ck_assert_msg(
                fabs(is - should) <= bound,
                "%s D=%zu K=%zu full=%d: %.17g, should be %.17g +- %g, " SEED_TEXT,
                kernel->name, in->dims, in->components, is_full, is, should, bound,
                seed());
        }
    }
}

START_TEST(densities_agree_with_the_reference)
{
    struct input in = input_new((size_t)_i, seed());
    for (size_t level = 0; kernel_table()[level] != NULL; level++) {
        for (int variant = 0; variant < 4; variant++) {
            check_density(kernel_table()[level], &in, variant % 2 == 0, variant >= 2);
        }
    }
    input_free(&in);
}
END_TEST

START_TEST(centring_and_rotation_agree_with_the_reference)
{
    struct input in = input_new((size_t)_i, seed());
    const size_t n = (in.dims + 1) * LANES;
    for (size_t level = 0; kernel_table()[level] != NULL; level++) {
        const struct kernel *const kernel = kernel_table()[level];
        kernel->centre(in.x, in.dims, GROUPS, in.ref, in.out[0]);
        reference()->centre(in.x, in.dims, GROUPS, in.ref, in.out[1]);
        ck_assert_msg(memcmp(in.out[0], in.out[1], n * sizeof(double)) == 0, "%s: centre",
                      kernel->name);
        kernel->rotate(in.a, in.dims, GROUPS, in.w, in.out[0]);
        reference()->rotate(in.a, in.dims, GROUPS, in.w, in.out[1]);
        for (size_t i = 0; i < n; i++) {
            /* D products of numbers below 1, each result. */
            const double bound = 2 * ((double)in.dims + 1) * EPS * (double)in.dims;
            ck_assert_msg(i / KERNEL_GROUP % (in.dims + 1) == 0 ||
                              fabs(in.out[0][i] - in.out[1][i]) <= bound,
                          "%s: rotate", kernel->name);
        }
    }
    input_free(&in);
}
END_TEST

/* A moment is a sum of 256 products; every order of it is off by at most so much. */
static void check_moments(const struct kernel *kernel, struct input *in, bool is_diagonal)
{
    const size_t n = is_diagonal ? 1 + 2 * in->dims : packed_size(in->dims + 1);
    for (size_t level = 0; level < 2; level++) {
        const struct kernel_moments job = {.dims = in->dims,
                                           .components = in->components,
                                           .groups = GROUPS,
                                           .a = in->a,
                                           .resp = in->resp,
                                           .out = in->out[level],
                                           .stride = in->components,
                                           .is_diagonal = is_diagonal};
        (level == 0 ? kernel : reference())->moments(&job);
    }
    for (size_t at = 0; at < n * in->components; at++) {
        const double bound = 2 * (LANES + 2) * EPS * LANES;
        ck_assert_msg(fabs(in->out[0][at] - in->out[1][at]) <= bound,
                      "%s D=%zu K=%zu: moment %zu is %.17g, should be %.17g, " SEED_TEXT,
                      kernel->name, in->dims, in->components, at, in->out[0][at],
                      in->out[1][at], seed());
    }
}

START_TEST(moments_and_masses_agree_with_the_reference)
{
    struct input in = input_new((size_t)_i, seed());
    for (size_t level = 0; kernel_table()[level] != NULL; level++) {
        const struct kernel *const kernel = kernel_table()[level];
        check_moments(kernel, &in, false);
        check_moments(kernel, &in, true);
        kernel->mass(in.resp, in.components, GROUPS, in.out[0]);
        reference()->mass(in.resp, in.components, GROUPS, in.out[1]);
        for (size_t k = 0; k < in.components; k++) {
            ck_assert(fabs(in.out[0][k] - in.out[1][k]) <= LANES * EPS * LANES);
        }
    }
    input_free(&in);
}
END_TEST

/* What moments_sparse() leaves out is below 1e-16 of each point. */
START_TEST(sparse_moments_agree_with_the_reference)
{
    struct input in = input_new((size_t)_i, seed());
    const size_t n = packed_size(in.dims + 1) * in.components;
    double *const rows = calloc(BLOCK_POINTS * (in.dims + 7), sizeof(*rows));
    for (size_t i = 0; i < BLOCK_POINTS; i++) {
        in.weight[i] = i % 11 == 0 ? 0 : 1;
        for (size_t k = 0; k < in.components; k++) {
            double *const r = &in.resp[k * BLOCK_POINTS + i];
            *r = i % 11 == 0 ? 0 : (i + k) % 3 == 0 ? *r : (i + k) % 3 == 1 ? 1e-17 : 0;
        }
    }
    for (size_t level = 0; kernel_table()[level] != NULL; level++) {
        const struct kernel *const kernel = kernel_table()[level];
        struct kernel_moments job = {.dims = in.dims,
                                     .components = in.components,
                                     .groups = GROUPS,
                                     .a = in.a,
                                     .resp = in.resp,
                                     .out = in.out[0],
                                     .stride = in.components,
                                     .weight = in.weight,
                                     .rows = rows};
        /* The row of ones is taken for granted. */
        for (size_t i = 0; i < LANES; i++) {
            in.a[(i / KERNEL_GROUP) * (in.dims + 1) * KERNEL_GROUP + i % KERNEL_GROUP] =
                1;
        }
        kernel->moments_sparse(&job);
        job.out = in.out[1];
        reference()->moments(&job);
        for (size_t at = 0; at < n; at++) {
            const double bound = 2 * (LANES + 2) * EPS * LANES + LANES * KERNEL_NOTHING;
            ck_assert_msg(
                fabs(in.out[0][at] - in.out[1][at]) <= bound,
                "%s D=%zu K=%zu: moment %zu is %.17g, should be %.17g, " SEED_TEXT,
                kernel->name, in.dims, in.components, at, in.out[0][at], in.out[1][at],
                seed());
        }
        ck_assert(kernel->count_active(in.resp, in.weight, in.components, GROUPS) ==
                  reference()->count_active(in.resp, in.weight, in.components, GROUPS));
    }
    free(rows);
    input_free(&in);
}
END_TEST

/* Joins some moments, or other scatter, to some scatter; `mean` and `delta` are any
 * numbers here. */
static void join_some(const struct kernel *kernel, const struct input *in,
                      const double *moments, bool is_diagonal, bool has_delta,
                      bool is_other, double *out)
{
    const size_t n = is_diagonal ? in->dims : in->packed;
    const struct kernel_join job = {.dims = in->dims,
                                    .components = in->components,
                                    .stride = in->components,
                                    .other = is_other ? moments : NULL,
                                    .moments = moments,
                                    .mean = in->c,
                                    .between = in->base,
                                    .delta = has_delta ? in->c : NULL,
                                    .scatter = out,
                                    .is_diagonal = is_diagonal};
    for (size_t i = 0; i < n * in->components; i++) {
        out[i] = in->w[i];
    }
    kernel->join(&job);
}

START_TEST(joined_scatter_agrees_with_the_reference)
{
    struct input in = input_new((size_t)_i, seed());
    struct rng rng = rng_at(seed(), RNG_TEST, 31);
    double *const moments = some(&rng, packed_size(in.dims + 1) * in.components);
    for (size_t level = 0; kernel_table()[level] != NULL; level++) {
        for (int variant = 0; variant < 8; variant++) {
            const bool is_diagonal = (variant & 1) != 0, has_delta = (variant & 2) != 0;
            const bool is_other = (variant & 4) != 0;
            join_some(kernel_table()[level], &in, moments, is_diagonal, has_delta, is_other,
                      in.out[0]);
            join_some(reference(), &in, moments, is_diagonal, has_delta, is_other,
                      in.out[1]);
            const size_t n = (is_diagonal ? in.dims : in.packed) * in.components;
            for (size_t at = 0; at < n; at++) {
                /* Seven operations on numbers below 1. */
                ck_assert_msg(fabs(in.out[0][at] - in.out[1][at]) <= 16 * EPS,
                              "%s D=%zu K=%zu variant %d: scatter %zu, " SEED_TEXT,
                              kernel_table()[level]->name, in.dims, in.components,
                              variant, at, seed());
            }
        }
    }
    free(moments);
    input_free(&in);
}
END_TEST

/* Scores of points that the model likes, and of some that it does not. */
struct scored {
    struct kernel_score job;
    double inverse[64], log_density[LANES], score[LANES];
    int64_t bin[LANES];
};

static void score_some(const struct kernel *kernel, const struct input *in,
                       struct scored *out)
{
    for (size_t d = 0; d < in->dims; d++) {
        out->inverse[d] = 1 / (3 + in->ref[d]);
    }
    for (size_t i = 0; i < LANES; i++) {
        out->log_density[i] = i < LANES / 2 ? -3 * in->weight[i]
                              : i % 9 == 0  ? -HUGE_VAL
                                            : -40 * in->weight[i];
    }
    out->job = (struct kernel_score){.dims = in->dims,
                                     .groups = GROUPS,
                                     .x = in->x,
                                     .weight = in->weight,
                                     .mean = in->ref,
                                     .inverse = out->inverse,
                                     .log_model = -1e-5,
                                     .log_peak = -20,
                                     .reference = -1,
                                     .log_density = out->log_density,
                                     .score = out->score,
                                     .bin = out->bin};
    kernel->score(&out->job);
}

/* Log densities down to -700 bits, and a few points that have none. */
static void fill_densities(struct input *in, double *l)
{
    for (size_t k = 0; k < in->components; k++) {
        for (size_t i = 0; i < LANES; i++) {
            const double r = in->resp[k * BLOCK_POINTS + i];
            l[k * BLOCK_POINTS + i] = i % 50 == 7    ? -HUGE_VAL
                                      : i % 50 == 8  ? (double)NAN
                                      : i % 50 == 9  ? (k == 0 ? 3 : (double)NAN)
                                      : i % 50 == 10 ? (k == 0 ? 1e300 : -1e300)
                                                     : -700 * r * r;
        }
    }
}

START_TEST(responsibilities_agree_with_the_reference)
{
    struct input in = input_new((size_t)_i, seed());
    double high[2][LANES], sum[2][LANES], log_density[2][LANES];
    double alone[2][LANES];
    struct kernel_normalise job[2];
    for (size_t i = 0; i < LANES; i++) {
        in.weight[i] = i % 9 == 0 ? 0 : fabs(in.weight[i]);
    }
    for (size_t level = 0; kernel_table()[level] != NULL; level++) {
        for (size_t j = 0; j < 2; j++) {
            const struct kernel *const kernel =
                j == 0 ? kernel_table()[level] : reference();
            job[j] = (struct kernel_normalise){.components = in.components,
                                               .groups = GROUPS,
                                               .resp = in.out[j],
                                               .weight = in.weight,
                                               .high = high[j],
                                               .sum = sum[j]};
            fill_densities(&in, in.out[j]);
            kernel->log_sum(&job[j]);
            memcpy(alone[0], high[j], sizeof(alone[0]));
            memcpy(alone[1], sum[j], sizeof(alone[1]));
            kernel->normalise(&job[j]);
            ck_assert(memcmp(alone[0], high[j], sizeof(alone[0])) == 0);
            ck_assert(memcmp(alone[1], sum[j], sizeof(alone[1])) == 0);
            const struct kernel_logs logs = {.groups = GROUPS,
                                             .high = high[j],
                                             .sum = sum[j],
                                             .common = 1,
                                             .out = log_density[j]};
            kernel->log_density(&logs);
        }
        /* 2^x of the reference is e^(x ln 2): the product rounds, up to 355 eps. */
        for (size_t i = 0; i < in.components * BLOCK_POINTS; i++) {
            const double is = in.out[0][i], should = in.out[1][i];
            ck_assert_msg(fabs(is - should) <= 400 * EPS * should,
                          "%s: r %.17g, should be %.17g, " SEED_TEXT,
                          kernel_table()[level]->name, is, should, seed());
        }
        for (size_t i = 0; i < LANES; i++) {
            const double is = log_density[0][i], should = log_density[1][i];
            ck_assert(is == should || fabs(is - should) <= 8 * EPS * (1 + fabs(should)));
            ck_assert(i % 50 != 7 || (is == -HUGE_VAL && in.out[0][i] == 0));
            ck_assert(i % 50 != 8 || (is == -HUGE_VAL && in.out[0][i] == 0));
            ck_assert(i % 50 != 9 || (is == 4 * LN_2 && in.out[0][i] == in.weight[i]));
        }
        ck_assert(job[0].count == job[1].count);
        ck_assert(fabs(job[0].bits - job[1].bits) <= 1e-12 * fabs(job[1].bits));
    }
    input_free(&in);
}
END_TEST

/* r = 2^x / (1 + 2^x) of two components over the whole range of the exponential. */
START_TEST(the_exponential_is_right_to_a_few_units)
{
    struct rng rng = rng_at(seed(), RNG_TEST, 99);
    double resp[2 * BLOCK_POINTS], weight[BLOCK_POINTS], high[BLOCK_POINTS];
    double sum[BLOCK_POINTS], x[BLOCK_POINTS];
    for (size_t level = 0; kernel_table()[level] != NULL; level++) {
        for (size_t round = 0; round < 200; round++) {
            for (size_t i = 0; i < LANES; i++) {
                weight[i] = 1;
                x[i] = i == 0   ? 0
                       : i == 1 ? nextafter(KERNEL_EXP2_MIN, 0)
                       : i == 2 ? KERNEL_EXP2_MIN
                                : (i % 2 == 0 ? -1 : KERNEL_EXP2_MIN) * rng_uniform(&rng);
                resp[i] = 0;
                resp[BLOCK_POINTS + i] = x[i];
            }
            struct kernel_normalise job = {.components = 2,
                                           .groups = GROUPS,
                                           .resp = resp,
                                           .weight = weight,
                                           .high = high,
                                           .sum = sum};
            kernel_table()[level]->normalise(&job);
            for (size_t i = 0; i < LANES; i++) {
                const long double e = i == 2 ? 0 : exp2l((long double)x[i]);
                const double should = (double)(e / (1 + e));
                /* 5.1e-16 for 2^x, two roundings; the reference multiplies by ln 2. */
                const double unit = strcmp(kernel_table()[level]->name, "reference") == 0
                                        ? 400 * EPS
                                        : 8 * EPS;
                ck_assert_msg(fabs(resp[BLOCK_POINTS + i] - should) <= unit * should,
                              "%s: 2^%.17g: r is %.17g, should be %.17g",
                              kernel_table()[level]->name, x[i], resp[BLOCK_POINTS + i],
                              should);
            }
            ck_assert(resp[0] == 0.5);
        }
    }
}
END_TEST

/* Symmetric matrices with a dominant diagonal of very different scales. */
static double *some_matrices(struct input *in, struct rng *rng)
{
    const size_t dims = in->dims;
    double *const cov = some(rng, in->components * dims * dims);
    for (size_t k = 0; k < in->components; k++) {
        double *const m = cov + k * dims * dims;
        for (size_t i = 0; i < dims; i++) {
            for (size_t j = 0; j < i; j++) {
                m[i * dims + j] *= 0.5 / (double)dims * ldexp(1, (int)(i + j) % 7);
                m[j * dims + i] = m[i * dims + j];
            }
            m[i * dims + i] = (1.5 + m[i * dims + i] / 2) * ldexp(1, 2 * (int)i % 14);
        }
    }
    return cov;
}

START_TEST(factors_agree_with_the_reference)
{
    struct input in = input_new((size_t)_i, seed());
    struct rng rng = rng_at(seed(), RNG_TEST, 7);
    double *const cov = some_matrices(&in, &rng);
    const size_t n = in.components < KERNEL_LANES ? in.components : KERNEL_LANES;
    double *const c = calloc(2 * n * in.dims, sizeof(double)), base[2][KERNEL_LANES];
    double exponent[2][KERNEL_FACTOR_DIMS];
    for (size_t level = 0; kernel_table()[level] != NULL; level++) {
        struct kernel_factor job[2];
        for (size_t j = 0; j < 2; j++) {
            job[j] = (struct kernel_factor){.dims = in.dims,
                                            .n = n,
                                            .cov = cov,
                                            .means = in.c,
                                            .ref = in.ref,
                                            .exponent = exponent[j],
                                            .is_first = true,
                                            .scale = 0.75,
                                            .w = in.out[j],
                                            .c = c + j * n * in.dims,
                                            .base = base[j]};
            (j == 0 ? kernel_table()[level] : reference())->factor(&job[j]);
        }
        /* The matrices are well conditioned (diagonally dominant): errors of the factors
         * grow like D^2 eps at the worst, and the sums over them once more like D. */
        const double d = (double)in.dims, bound = 40 * d * (d + 1) * EPS;
        for (size_t i = 0; i < n * in.packed; i++) {
            ck_assert_msg(fabs(in.out[0][i] - in.out[1][i]) <= bound,
                          "%s D=%zu: W %zu is %.17g, should be %.17g, " SEED_TEXT,
                          kernel_table()[level]->name, in.dims, i, in.out[0][i],
                          in.out[1][i], seed());
        }
        for (size_t i = 0; i < n * in.dims; i++) {
            ck_assert(fabs(c[i] - c[n * in.dims + i]) <= 2 * d * bound);
        }
        for (size_t k = 0; k < n; k++) {
            ck_assert(job[0].is_ok[k] && job[1].is_ok[k]);
            ck_assert(fabs(base[0][k] - base[1][k]) <= 2 * d * bound + 4 * EPS * d);
            ck_assert(fabs(job[0].distance[k] - job[1].distance[k]) <= 2 * d * bound);
        }
    }
    free(c);
    free(cov);
    input_free(&in);
}
END_TEST

START_TEST(a_matrix_without_a_factor_is_reported_in_its_lane_only)
{
    enum { D = 3, N = 5 };
    double cov[N * D * D] = {0}, means[N * D] = {0}, ref[D] = {0}, exponent[D], base[N];
    double w[N * D * (D + 1) / 2], c[N * D];
    for (size_t i = 0; i < N * D; i++) {
        cov[i / D * D * D + i % D * (D + 1)] = 2;
    }
    cov[1 * D * D] = 0;                          /* no variance */
    cov[3 * D * D + 1] = cov[3 * D * D + D] = 2; /* two equal fields */
    cov[4 * D * D + 4] = (double)NAN;
    for (size_t level = 0; kernel_table()[level] != reference(); level++) {
        struct kernel_factor job = {.dims = D,
                                    .n = N,
                                    .cov = cov,
                                    .means = means,
                                    .ref = ref,
                                    .exponent = exponent,
                                    .is_first = true,
                                    .scale = 1,
                                    .w = w,
                                    .c = c,
                                    .base = base};
        kernel_table()[level]->factor(&job);
        ck_assert(job.is_ok[0] && !job.is_ok[1] && job.is_ok[2]);
        ck_assert(!job.is_ok[3] && !job.is_ok[4]);
    }
}
END_TEST

START_TEST(logarithms_agree_with_the_reference)
{
    struct rng rng = rng_at(seed(), RNG_TEST, 5);
    double x[1001], out[2][1001];
    for (size_t i = 0; i < COUNT(x); i++) {
        x[i] = ldexp(1 + rng_uniform(&rng), (int)(i % 2000) - 1000);
    }
    x[0] = 0;
    x[1] = 1;
    x[2] = 5e-324;
    x[3] = 1.5;
    for (size_t level = 0; kernel_table()[level] != NULL; level++) {
        kernel_table()[level]->log2(x, COUNT(x), out[0]);
        reference()->log2(x, COUNT(x), out[1]);
        for (size_t i = 0; i < COUNT(x); i++) {
            ck_assert_msg(out[0][i] == out[1][i] ||
                              fabs(out[0][i] - out[1][i]) <= 8 * EPS * fabs(out[1][i]),
                          "%s: log2(%.17g) is %.17g, should be %.17g",
                          kernel_table()[level]->name, x[i], out[0][i], out[1][i]);
        }
        ck_assert(out[0][0] == -HUGE_VAL && out[0][1] == 0 && out[0][2] == -HUGE_VAL);
    }
}
END_TEST

START_TEST(powers_agree_with_the_reference)
{
    struct rng rng = rng_at(seed(), RNG_TEST, 6);
    double x[1001], out[2][1001];
    for (size_t i = 0; i < COUNT(x); i++) {
        x[i] = 1200 * (rng_uniform(&rng) - 0.5);
    }
    x[0] = -HUGE_VAL;
    x[1] = 0;
    x[2] = HUGE_VAL;
    x[3] = (double)NAN;
    x[4] = KERNEL_EXP2_MIN;
    for (size_t level = 0; kernel_table()[level] != NULL; level++) {
        kernel_table()[level]->exp2(x, COUNT(x), out[0]);
        reference()->exp2(x, COUNT(x), out[1]);
        for (size_t i = 0; i < COUNT(x); i++) {
            ck_assert_msg(fabs(out[0][i] - out[1][i]) <= 4 * EPS * out[1][i],
                          "%s: 2^%.17g is %.17g, should be %.17g",
                          kernel_table()[level]->name, x[i], out[0][i], out[1][i]);
        }
        ck_assert(out[0][0] == 0 && out[0][1] == 1 && out[0][2] == 0x1p512);
        ck_assert(out[0][3] == 0 && out[0][4] == 0);
    }
}
END_TEST

START_TEST(the_first_of_the_highest_is_found)
{
    enum { K = 5, N = 3 * KERNEL_GROUP };
    struct rng rng = rng_at(seed(), RNG_TEST, 7);
    static double value[K * BLOCK_POINTS];
    for (size_t i = 0; i < COUNT(value); i++) {
        value[i] = floor(4 * rng_uniform(&rng)); /* many are equal */
    }
    for (size_t level = 0; kernel_table()[level] != NULL; level++) {
        double high[BLOCK_POINTS];
        int64_t which[BLOCK_POINTS];
        kernel_table()[level]->highest(value, K, N / KERNEL_GROUP, high, which);
        for (size_t i = 0; i < N; i++) {
            int64_t best = 0;
            for (int64_t k = 1; k < K; k++) {
                best = value[k * BLOCK_POINTS + (int64_t)i] >
                               value[best * BLOCK_POINTS + (int64_t)i]
                           ? k
                           : best;
            }
            ck_assert_int_eq(which[i], best);
            ck_assert(high[i] == value[best * BLOCK_POINTS + (int64_t)i]);
        }
    }
}
END_TEST

/* ---- The same bits ------------------------------------------------------------- */

static uint64_t hash_of(uint64_t hash, const double *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t bits;
        memcpy(&bits, &values[i], sizeof(bits));
        hash = (hash ^ bits) * 0x100000001b3; /* FNV-1a, eight bytes at a time */
    }
    return hash;
}

/* Everything that a kernel computes, for one shape and a fixed seed, as one number. */
static uint64_t hash_kernel(const struct kernel *kernel, size_t row, uint64_t hash)
{
    struct input in = input_new(row, 1);
    struct rng rng = rng_at(1, RNG_TEST, 1000 + row);
    const size_t dims = in.dims, k = in.components;
    double high[LANES], sum[LANES], exponent[KERNEL_FACTOR_DIMS], base[KERNEL_LANES];
    struct kernel_density density = {.dims = dims,
                                     .components = k,
                                     .groups = GROUPS,
                                     .a = in.a,
                                     .w = in.w,
                                     .w_stride = in.packed,
                                     .c = in.c,
                                     .base = in.base,
                                     .out = in.out[0]};
    kernel->density_full(&density);
    hash = hash_of(hash, in.out[0], k * BLOCK_POINTS);
    density.is_added = true;
    kernel->density_diag(&density);
    hash = hash_of(hash, in.out[0], k * BLOCK_POINTS);
    for (size_t i = 0; i < LANES; i++) {
        in.weight[i] = fabs(in.weight[i]);
    }
    struct kernel_normalise normalise = {.components = k,
                                         .groups = GROUPS,
                                         .resp = in.out[0],
                                         .weight = in.weight,
                                         .high = high,
                                         .sum = sum};
    kernel->normalise(&normalise);
    hash = hash_of(hash_of(hash, in.out[0], k * BLOCK_POINTS), &normalise.bits, 1);
    const struct kernel_logs logs = {.groups = GROUPS,
                                     .high = high,
                                     .sum = sum,
                                     .common = in.c[0],
                                     .offset = in.x,
                                     .out = in.out[1]};
    kernel->log_density(&logs);
    hash = hash_of(hash, in.out[1], LANES);
    struct kernel_moments moments = {.dims = dims,
                                     .components = k,
                                     .groups = GROUPS,
                                     .a = in.a,
                                     .resp = in.resp,
                                     .out = in.out[0],
                                     .stride = k};
    kernel->moments(&moments);
    hash = hash_of(hash, in.out[0], k * packed_size(dims + 1));
    moments.is_diagonal = true;
    kernel->moments(&moments);
    hash = hash_of(hash, in.out[0], k * (1 + 2 * dims));
    double *const rows = calloc(BLOCK_POINTS * (dims + 7), sizeof(*rows));
    moments.is_diagonal = false;
    moments.weight = in.weight;
    moments.rows = rows;
    for (size_t i = 0; i < k * BLOCK_POINTS; i += 3) {
        in.resp[i] = 0;
    }
    kernel->moments_sparse(&moments);
    hash = hash_of(hash, in.out[0], k * packed_size(dims + 1));
    join_some(kernel, &in, in.out[0], false, true, false, in.out[1]);
    hash = hash_of(hash, in.out[1], k * in.packed);
    join_some(kernel, &in, in.out[0], false, true, true, in.out[1]);
    hash = hash_of(hash, in.out[1], k * in.packed);
    free(rows);
    struct scored scored;
    score_some(kernel, &in, &scored);
    hash = hash_of(hash_of(hash, scored.score, LANES), &scored.job.sum, 1);
    kernel->rotate(in.a, dims, 1, in.w, in.out[0]);
    hash = hash_of(hash, in.out[0] + KERNEL_GROUP, dims * KERNEL_GROUP);
    kernel->mass(in.resp, k, GROUPS, in.out[0]);
    hash = hash_of(hash, in.out[0], k);
    kernel->squares(in.resp, k, GROUPS, in.out[0]);
    hash = hash_of(hash, in.out[0], k);
    struct kernel_weigh totals = {.n = LANES - 3, .value = in.x, .weight = in.weight};
    kernel->weigh(&totals);
    hash = hash_of(hash_of(hash, &totals.sum, 1), &totals.mass, 1);
    const double gain = kernel->gain(in.x, in.weight, in.weight, LANES - 3, 0.5);
    hash = hash_of(hash, &gain, 1);
    double *const cov = some_matrices(&in, &rng);
    struct kernel_factor factor = {.dims = dims,
                                   .n = k < KERNEL_LANES ? k : KERNEL_LANES,
                                   .cov = cov,
                                   .means = in.c,
                                   .ref = in.ref,
                                   .exponent = exponent,
                                   .is_first = true,
                                   .scale = 0.75,
                                   .w = in.out[0],
                                   .c = in.out[1],
                                   .base = base};
    kernel->factor(&factor);
    hash = hash_of(hash, in.out[0], factor.n * in.packed);
    hash = hash_of(hash_of(hash, in.out[1], factor.n * dims), base, factor.n);
    free(cov);
    input_free(&in);
    return hash;
}

static bool has_fused_products(const char *name)
{
#ifdef __aarch64__
    return strcmp(name, "baseline") == 0;
#else
    return strcmp(name, "v3") == 0 || strcmp(name, "v4") == 0;
#endif
}

/* What v3, v4 and arm64 give, so that a machine with one of them is compared, too. */
#define HASH_FUSED UINT64_C(0xbe7bc2f3714cd57c)

START_TEST(levels_with_fused_products_give_the_same_bits)
{
    for (size_t level = 0; kernel_table()[level] != NULL; level++) {
        const struct kernel *const kernel = kernel_table()[level];
        uint64_t hash = 0xcbf29ce484222325;
        for (size_t row = 0; row < COUNT(shapes); row++) {
            hash = hash_kernel(kernel, row, hash);
        }
        ck_assert_msg(!has_fused_products(kernel->name) || hash == HASH_FUSED,
                      "%s: hash is 0x%016llx", kernel->name, (unsigned long long)hash);
    }
}
END_TEST

START_TEST(scores_agree_with_the_reference)
{
    struct input in = input_new((size_t)_i, seed());
    struct scored is, should;
    in.x[3] = (double)NAN; /* not the kernel's work */
    in.x[LANES - 1] = 1e150;
    for (size_t i = 0; i < LANES; i++) {
        in.weight[i] = fabs(in.weight[i]);
    }
    for (size_t level = 0; kernel_table()[level] != NULL; level++) {
        const char *name = kernel_table()[level]->name;
        score_some(kernel_table()[level], &in, &is);
        score_some(reference(), &in, &should);
        for (size_t i = 0; i < LANES; i++) {
            const double error = fabs(is.score[i] - should.score[i]);
            /* A product of D factors; then a few operations on up to 60 bits. */
            const double bound =
                EPS * (3 * (double)in.dims + 8 * fabs(should.score[i]) + 16);
            if (i == 3 || i == LANES - 1) {
                ck_assert(isnan(is.score[i]) && is.bin[i] == -1 && should.bin[i] == -1);
                continue;
            }
            ck_assert_msg(error <= bound,
                          "%s D=%zu: point %zu %.17g, should be %.17g, " SEED_TEXT, name,
                          in.dims, i, is.score[i], should.score[i], seed());
            ck_assert_int_eq(is.bin[i], (int64_t)tail_bin(-1, is.score[i]));
        }
        ck_assert(fabs(is.job.mass - should.job.mass) <= 1e-12 * should.job.mass);
        ck_assert(fabs(is.job.sum - should.job.sum) <= 1e-12 * fabs(should.job.sum));
    }
    input_free(&in);
}
END_TEST

/* The totals of n points with values that are no numbers among them. */
START_TEST(totals_of_points_agree_with_the_reference)
{
    struct rng rng = rng_at(seed(), RNG_TEST, 77);
    double value[BLOCK_POINTS], other[BLOCK_POINTS], weight[BLOCK_POINTS], is, should;
    for (size_t n = 0; n <= BLOCK_POINTS; n += n < 20 ? 1 : 59) {
        for (size_t i = 0; i < BLOCK_POINTS; i++) {
            static const double odd[] = {(double)NAN, -HUGE_VAL, HUGE_VAL};
            const size_t which = rng_below(&rng, 12);
            value[i] = 9 * rng_uniform(&rng);
            other[i] = 9 * rng_uniform(&rng);
            weight[i] = i < n ? rng_uniform(&rng) : (double)NAN; /* is not looked at */
            *(i % 2 == 0 ? &value[i] : &other[i]) =
                which < 2 ? odd[which] : value[i] + other[i] - 9;
            other[i] = which == 2 ? odd[which] : other[i];
        }
        for (size_t level = 0; kernel_table()[level] != NULL; level++) {
            const struct kernel *const kernel = kernel_table()[level];
            struct kernel_weigh a = {.n = n, .value = value, .weight = weight}, b = a;
            kernel->weigh(&a);
            reference()->weigh(&b);
            ck_assert_msg(a.lost == b.lost && fabs(a.sum - b.sum) <= 1e-12 &&
                              fabs(a.mass - b.mass) <= 1e-12,
                          "%s: %zu points, " SEED_TEXT, kernel->name, n, seed());
            is = kernel->gain(value, other, weight, n, 4);
            should = reference()->gain(value, other, weight, n, 4);
            ck_assert_msg(fabs(is - should) <= 1e-12, "%s: %zu points, " SEED_TEXT,
                          kernel->name, n, seed());
        }
    }
}
END_TEST

START_TEST(squares_agree_with_the_reference)
{
    struct input in = input_new((size_t)_i, seed());
    for (size_t level = 0; kernel_table()[level] != NULL; level++) {
        kernel_table()[level]->squares(in.resp, in.components, 2, in.out[0]);
        reference()->squares(in.resp, in.components, 2, in.out[1]);
        for (size_t k = 0; k < in.components; k++) {
            ck_assert(fabs(in.out[0][k] - in.out[1][k]) <= 64 * EPS * in.out[1][k]);
        }
    }
    input_free(&in);
}
END_TEST

/* Products and sums round apart on every level, so all bits are the same. */
START_TEST(blends_have_the_bits_of_the_reference)
{
    struct input in = input_new((size_t)_i, seed());
    const size_t stride = in.components;
    const size_t n = stride < KERNEL_LANES ? stride : KERNEL_LANES;
    double *const delta = calloc(in.dims * KERNEL_LANES, sizeof(*delta));
    for (size_t i = 0; i < in.dims * KERNEL_LANES; i++) {
        delta[i] = in.x[i];
    }
    for (size_t level = 0; kernel_table()[level] != NULL; level++) {
        for (int is_diagonal = 0; is_diagonal < 2; is_diagonal++) {
            const size_t size = (in.dims + (is_diagonal ? in.dims : in.packed)) * stride;
            for (size_t j = 0; j < 2; j++) {
                memcpy(in.out[j], in.x, in.dims * stride * sizeof(double));
                memcpy(in.out[j] + in.dims * stride, in.w,
                       (size - in.dims * stride) * sizeof(double));
                const struct kernel_blend job = {.dims = in.dims,
                                                 .n = n,
                                                 .stride = stride,
                                                 .is_diagonal = is_diagonal,
                                                 .share = in.resp,
                                                 .weight = in.resp + KERNEL_LANES,
                                                 .delta = delta,
                                                 .other = in.w,
                                                 .mean = in.out[j],
                                                 .scatter = in.out[j] + in.dims * stride};
                (j == 0 ? kernel_table()[level] : reference())->blend(&job);
            }
            ck_assert_msg(memcmp(in.out[0], in.out[1], size * sizeof(double)) == 0,
                          "%s D=%zu K=%zu, " SEED_TEXT, kernel_table()[level]->name,
                          in.dims, stride, seed());
        }
    }
    free(delta);
    input_free(&in);
}
END_TEST

START_TEST(one_value_beyond_the_limit_is_found_anywhere)
{
    enum { N = 37 };
    double x[N];
    for (size_t level = 0; kernel_table()[level] != NULL; level++) {
        const struct kernel *const kernel = kernel_table()[level];
        for (size_t n = 1; n <= N; n++) {
            for (size_t i = 0; i < N; i++) {
                x[i] = i % 2 == 0 ? 2 : -2;
            }
            ck_assert(kernel->within(x, n, 2) && !kernel->within(x, n, 1.5));
            for (size_t i = 0; i < N; i++) {
                const double old = x[i], bad[] = {2.5, -2.5, (double)NAN, -HUGE_VAL};
                for (size_t j = 0; j < COUNT(bad); j++) {
                    x[i] = bad[j];
                    ck_assert(kernel->within(x, n, 2) == (i >= n));
                }
                x[i] = old;
            }
        }
    }
}
END_TEST

/* Rows of dims fields and so many values beside them, to columns; nothing else is written
 * or read: the rows end where their memory does. */
static void check_spread(const struct kernel *kernel, size_t dims, size_t stride, size_t n)
{
    double *x = calloc((n - 1) * stride + dims, sizeof(*x));
    double *out = calloc(dims * BLOCK_POINTS, sizeof(*out));
    const struct kernel_spread job = {
        .dims = dims, .n = n, .stride = stride, .x = x, .out = out + 1};
    ck_assert(x != NULL && out != NULL);
    for (size_t i = 0; i < (n - 1) * stride + dims; i++) {
        x[i] = i % stride < dims ? (double)i : (double)NAN;
    }
    x[0] = -0.0;
    ck_assert(!kernel->spread(&job) && !signbit(out[1]));
    for (size_t d = 0; d < dims; d++) {
        for (size_t i = 0; i < BLOCK_POINTS; i++) {
            const bool is_row = i >= 1 && i <= n;
            ck_assert_double_eq(out[d * BLOCK_POINTS + i],
                                is_row ? (double)((i - 1) * stride + d) : 0);
        }
    }
    for (size_t i = 0; i < n; i++) {
        const size_t at = i * stride + i % dims;
        x[at] = (double)NAN;
        ck_assert(kernel->spread(&job) && isnan(out[i % dims * BLOCK_POINTS + i + 1]));
        x[at] = 0;
    }
    free(x);
    free(out);
}

START_TEST(rows_are_spread_to_columns)
{
    static const size_t ns[] = {1, 2, 7, 8, 9, 16, 31};
    for (size_t level = 0; kernel_table()[level] != NULL; level++) {
        for (size_t dims = 1; dims <= 18; dims++) {
            for (size_t j = 0; j < COUNT(ns); j++) {
                check_spread(kernel_table()[level], dims, dims, ns[j]);
                check_spread(kernel_table()[level], dims, dims + 3, ns[j]);
            }
        }
    }
}
END_TEST

START_TEST(a_kernel_is_chosen_by_name)
{
    for (size_t level = 0; kernel_table()[level] != NULL; level++) {
        ck_assert(kernel_select(kernel_table()[level]->name));
        ck_assert_ptr_eq(kernel_current(), kernel_table()[level]);
    }
    ck_assert(!kernel_select("none"));
    ck_assert_ptr_eq(kernel_current(), kernel_table()[0]);
    ck_assert(kernel_select("reference") && kernel_select(NULL));
    ck_assert_ptr_eq(kernel_current(), kernel_table()[0]);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT_LOOP(densities_agree_with_the_reference, shapes),
        UNIT_LOOP(centring_and_rotation_agree_with_the_reference, shapes),
        UNIT_LOOP(moments_and_masses_agree_with_the_reference, shapes),
        UNIT_LOOP(sparse_moments_agree_with_the_reference, shapes),
        UNIT_LOOP(joined_scatter_agrees_with_the_reference, shapes),
        UNIT_LOOP(responsibilities_agree_with_the_reference, shapes),
        UNIT(the_exponential_is_right_to_a_few_units),
        UNIT_LOOP(factors_agree_with_the_reference, shapes),
        UNIT(a_matrix_without_a_factor_is_reported_in_its_lane_only),
        UNIT(logarithms_agree_with_the_reference),
        UNIT(powers_agree_with_the_reference),
        UNIT(the_first_of_the_highest_is_found),
        UNIT_LOOP(scores_agree_with_the_reference, shapes),
        UNIT(totals_of_points_agree_with_the_reference),
        UNIT_LOOP(squares_agree_with_the_reference, shapes),
        UNIT_LOOP(blends_have_the_bits_of_the_reference, shapes),
        UNIT(one_value_beyond_the_limit_is_found_anywhere),
        UNIT(rows_are_spread_to_columns),
        UNIT(levels_with_fused_products_give_the_same_bits),
        UNIT(a_kernel_is_chosen_by_name),
    };
    return unit_run("kernel", tests, COUNT(tests));
}
