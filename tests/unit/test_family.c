/* SPDX-License-Identifier: MIT
 *
 * The rows of the table of families that are joint densities of several fields, through
 * the table (those of one number: tests/numeric/test_families.c). The factor covers fields 1 and 2 of 4, so that a row that ignores
 * `first` fails, too. */
#include "family.h"

#include <math.h>
#include <string.h>

#include "kernel.h"
#include "unit.h"

#define D 4
#define FIRST 1
#define DIMS 2
#define K 3

/* Joint families come first. */
static size_t count_families(void)
{
    size_t n = 0;
    while (family_table()[n]->form == NULL) {
        n++;
    }
    return n;
}

/* A factor with room for all that it works with. */
struct subject {
    struct factor f;
    double *param, *cache, *stats, *sums;
    struct workspace work;
    double offset[BLOCK_POINTS];
    struct points *points;
};

static struct subject *subject_new(size_t row, enum mix_covariance covariance)
{
    struct subject *s = calloc(1, sizeof(*s));
    struct rng rng = rng_at(unit_seed(2), RNG_TEST, row);
    double x[BLOCK_POINTS * D];
    s->f = (struct factor){.family = family_table()[row],
                           .components = K,
                           .dimensions = DIMS,
                           .first = FIRST,
                           .covariance = covariance};
    const struct family *family = s->f.family;
    s->param = calloc(family->param_size(&s->f), sizeof(double));
    s->cache = calloc(family->cache_size(&s->f), sizeof(double));
    s->stats = calloc(family->stats_size(&s->f), sizeof(double));
    s->sums = calloc(family->sums_size(&s->f), sizeof(double));
    s->work = (struct workspace){
        .kernel = kernel_current(),
        .scratch = calloc(family->scratch_size(&s->f), sizeof(double)),
        .offset = s->offset};
    for (size_t i = 0; i < BLOCK_POINTS * D; i++) {
        x[i] = 1 + fabs(rng_normal(&rng)) + (double)(i / D % K);
    }
    const struct mix_rows rows = {.x = x, .n = BLOCK_POINTS, .stride = D};
    s->points = points_new(D, BLOCK_POINTS);
    points_append(s->points, &rows, 0, BLOCK_POINTS);
    return s;
}

static void subject_free(struct subject *s)
{
    free(s->param);
    free(s->cache);
    free(s->stats);
    free(s->sums);
    free(s->work.scratch);
    points_destroy(&s->points);
    free(s);
}

/* Parameters from the points themselves: hard shares by index. */
static void fit(struct subject *s)
{
    const struct family *family = s->f.family;
    const double ones[K] = {1, 1, 1}, points[K] = {85, 85, 86};
    const double s0[D] = {1, 1, 1, 1}, vf[D] = {1e-9, 1e-9, 1e-9, 1e-9};
    const struct prior prior = {.nu0 = 4, .s0 = s0, .vf = vf};
    double resp[K * BLOCK_POINTS] = {0};
    for (size_t i = 0; i < BLOCK_POINTS; i++) {
        resp[i % K * BLOCK_POINTS + i] = 1;
    }
    family->mstep(&s->f, s->stats, points, &prior, s->param);
    ck_assert_int_eq(family->prepare(&s->f, s->param, s->cache), MIX_OK);
    family->accumulate(&s->f, s->param, s->cache, &s->work, points_block(s->points, 0), resp,
                       (struct span){0, K}, s->sums);
    family->blend(&s->f, s->stats, s->param, ones, points, s->sums);
    family->mstep(&s->f, s->stats, points, &prior, s->param);
    ck_assert_int_eq(family->prepare(&s->f, s->param, s->cache), MIX_OK);
}

/* log f of a point under component k, bits, with the common part. */
static double log2_density(struct subject *s, size_t k, const double *x)
{
    double out[K * BLOCK_POINTS];
    const double base[K] = {0};
    points_set(s->points, 0, x, 1, 0);
    memset(s->offset, 0, sizeof(s->offset));
    const double common =
        s->f.family->log_density(&s->f, s->param, s->cache, &s->work,
                                 points_block(s->points, 0), base, out);
    return out[k * BLOCK_POINTS] + common + s->offset[0];
}

START_TEST(a_family_is_found_by_its_name)
{
    ck_assert_uint_ge(count_families(), 1);
    for (size_t i = 0; family_table()[i] != NULL; i++) {
        ck_assert_ptr_eq(family_find(family_table()[i]->name), family_table()[i]);
        ck_assert_uint_gt(family_table()[i]->name[0], 0);
    }
    ck_assert_ptr_null(family_find("none"));
}
END_TEST

/* The integral over a grid of a density in two fields is 1. */
START_TEST(a_density_integrates_to_one)
{
    for (size_t row = 0; row < count_families(); row++) {
        struct subject *s = subject_new(row, (enum mix_covariance)_i);
        fit(s);
        for (size_t k = 0; k < K; k++) {
            const double step = 0.25;
            double sum = 0;
            for (double a = -6; a < 14; a += step) {
                for (double b = -6; b < 14; b += step) {
                    const double x[D] = {1e9, a, b, -1e9};
                    sum += exp2(log2_density(s, k, x)) * step * step;
                }
            }
            /* The trapezoid rule is exact for smooth functions but for the tails. */
            ck_assert_msg(fabs(sum - 1) < 1e-6, "%s: %.9f", s->f.family->name, sum);
        }
        subject_free(s);
    }
}
END_TEST

/* A missing field is integrated out: the rest has the density that a sum over it gives. */
START_TEST(a_missing_field_is_integrated_out)
{
    for (size_t row = 0; row < count_families(); row++) {
        struct subject *s = subject_new(row, (enum mix_covariance)_i);
        fit(s);
        for (size_t k = 0; k < K; k++) {
            const double step = 0.25, holed[D] = {0, 2.5, (double)NAN, 0};
            double sum = 0;
            for (double b = -6; b < 14; b += step) {
                const double x[D] = {0, 2.5, b, 0};
                sum += exp2(log2_density(s, k, x)) * step;
            }
            const double is = exp2(log2_density(s, k, holed));
            ck_assert_msg(fabs(is - sum) < 1e-6, "%s: %.9f, should be %.9f",
                          s->f.family->name, is, sum);
            points_clear(s->points);
            const struct mix_rows rows = {.x = holed, .n = 1, .stride = D};
            points_append(s->points, &rows, 0, 1);
        }
        subject_free(s);
    }
}
END_TEST

START_TEST(draws_agree_with_the_moments)
{
    enum { N = 20000 };
    for (size_t row = 0; row < count_families(); row++) {
        struct subject *s = subject_new(row, (enum mix_covariance)_i);
        fit(s);
        struct rng rng = rng_at(unit_seed(2), RNG_TEST, 77);
        for (size_t k = 0; k < K; k++) {
            double mean[DIMS], variance[DIMS], x[DIMS], sum[DIMS] = {0}, square[DIMS] = {0};
            s->f.family->moments(&s->f, s->param, k, mean, variance);
            for (size_t i = 0; i < N; i++) {
                s->f.family->sample(&s->f, s->param, k, &rng, x);
                for (size_t d = 0; d < DIMS; d++) {
                    sum[d] += x[d] / N;
                    square[d] += (x[d] - mean[d]) * (x[d] - mean[d]) / N;
                }
            }
            for (size_t d = 0; d < DIMS; d++) {
                ck_assert_double_eq_tol(sum[d], mean[d], 5 * sqrt(variance[d] / N));
                ck_assert_double_eq_tol(square[d], variance[d],
                                        5 * variance[d] * sqrt(2.0 / N));
            }
        }
        subject_free(s);
    }
}
END_TEST

START_TEST(statistics_of_a_model_give_it_back)
{
    const double points[K] = {10, 20, 30}, zeros[D] = {0};
    const struct prior none = {.nu0 = 0, .s0 = zeros, .vf = zeros};
    for (size_t row = 0; row < count_families(); row++) {
        struct subject *s = subject_new(row, (enum mix_covariance)_i);
        fit(s);
        const size_t n = s->f.family->param_size(&s->f);
        double *again = calloc(n, sizeof(*again));
        s->f.family->invert(&s->f, s->param, s->stats);
        s->f.family->mstep(&s->f, s->stats, points, &none, again);
        for (size_t i = 0; i < n; i++) {
            ck_assert_double_eq_tol(again[i], s->param[i], 1e-14 * (1 + fabs(s->param[i])));
        }
        free(again);
        subject_free(s);
    }
}
END_TEST

START_TEST(merging_everything_is_copying)
{
    const double all[K] = {1, 1, 1};
    for (size_t row = 0; row < count_families(); row++) {
        struct subject *s = subject_new(row, (enum mix_covariance)_i);
        fit(s);
        const size_t n = s->f.family->stats_size(&s->f);
        double *other = calloc(n, sizeof(*other));
        for (size_t i = 0; i < n; i++) {
            other[i] = s->stats[i] / 2 + 1;
        }
        s->f.family->merge(&s->f, s->stats, all, other);
        for (size_t i = 0; i < n; i++) {
            ck_assert_double_eq_tol(s->stats[i], other[i], 1e-15 * fabs(other[i]));
        }
        free(other);
        subject_free(s);
    }
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(a_family_is_found_by_its_name),
        {a_density_integrates_to_one, MIX_COVARIANCES},
        {a_missing_field_is_integrated_out, MIX_COVARIANCES},
        {draws_agree_with_the_moments, MIX_COVARIANCES},
        {statistics_of_a_model_give_it_back, MIX_COVARIANCES},
        {merging_everything_is_copying, MIX_COVARIANCES},
    };
    return unit_run("family", tests, COUNT(tests));
}
