/* SPDX-License-Identifier: MIT
 *
 * The centred statistics against the raw recursion that they stand for, in long double. */
#include "stats.h"

#include <math.h>
#include <string.h>

#include "../numeric/brute.h"

#define N 1000 /* four blocks, the last one short */

static const struct {
    size_t dims, components;
    enum mix_covariance covariance;
} shapes[] = {{1, 2, MIX_FULL},      {3, 4, MIX_FULL}, {9, 11, MIX_FULL}, {2, 3, MIX_DIAG},
              {4, 9, MIX_SPHERICAL}, {3, 3, MIX_TIED}};

struct data {
    struct brute brute;
    struct mix_model *model; /* some other mixture than the one of the points */
    struct points *points;
    double *x;
};

static struct data data_new(size_t row)
{
    struct rng rng = rng_at(brute_seed(), RNG_TEST, row);
    struct data data;
    data.brute = brute_new(shapes[row].dims, shapes[row].components,
                           shapes[row].covariance, 2, &rng);
    data.x = brute_sample(&data.brute, brute_seed(), N);
    for (size_t at = 0; at < shapes[row].components * shapes[row].dims; at++) {
        data.brute.means[at] += 0.3 * rng_normal(&rng);
    }
    data.model = brute_model(&data.brute);
    data.points = brute_points(data.x, N, shapes[row].dims, NULL);
    return data;
}

static void data_free(struct data *data)
{
    brute_free(&data->brute);
    mix_model_destroy(&data->model);
    points_destroy(&data->points);
    free(data->x);
}

/* The model of statistics, without a prior. */
static struct mix_model *model_of(const struct stats *stats, const struct mix_model *like)
{
    const struct prior none = brute_no_prior();
    struct mix_model *model = mix_model_copy(like);
    ck_assert_int_eq(stats_mstep(stats, 100, &none, model, NULL), MIX_OK);
    return model;
}

static void check_alike(const struct mix_model *a, const struct mix_model *b,
                        double tolerance)
{
    const size_t n = mix_model_components(a), dims = mix_model_dimensions(a);
    for (size_t k = 0; k < n; k++) {
        ck_assert_double_eq_tol(mix_model_weights(a)[k], mix_model_weights(b)[k], tolerance);
    }
    for (size_t at = 0; at < n * dims; at++) {
        ck_assert_double_eq_tol(mix_model_means(a)[at], mix_model_means(b)[at],
                                tolerance * (1 + fabs(mix_model_means(b)[at])));
    }
    for (size_t at = 0; at < mix_model_covariance_size(a); at++) {
        ck_assert_double_eq_tol(mix_model_covariances(a)[at], mix_model_covariances(b)[at],
                                tolerance);
    }
}

/* s0, s1, s2 of one component and one pair of fields, the raw recursion. */
struct raw {
    long double s0, s1[2], s2;
};

static void raw_blend(struct raw *raw, const struct data *data, size_t first, size_t n,
                      size_t k, size_t i, size_t j, long double gamma)
{
    const size_t dims = data->brute.dims;
    struct raw block = {0};
    long double *const r = calloc(data->brute.components, sizeof(*r));
    for (size_t p = first; p < first + n; p++) {
        const double *x = data->x + p * dims;
        brute_posterior(&data->brute, x, r);
        block.s0 += r[k] / n;
        block.s1[0] += r[k] * x[i] / n;
        block.s1[1] += r[k] * x[j] / n;
        block.s2 += r[k] * x[i] * x[j] / n;
    }
    raw->s0 += gamma * (block.s0 - raw->s0);
    raw->s1[0] += gamma * (block.s1[0] - raw->s1[0]);
    raw->s1[1] += gamma * (block.s1[1] - raw->s1[1]);
    raw->s2 += gamma * (block.s2 - raw->s2);
    free(r);
}

static double raw_covariance(const struct raw *raw)
{
    return (double)(raw->s2 / raw->s0 - raw->s1[0] / raw->s0 * (raw->s1[1] / raw->s0));
}

START_TEST(blending_is_the_raw_recursion)
{
    struct data data = data_new((size_t)_i);
    const size_t dims = data.brute.dims, k = 1 % data.brute.components, j = dims - 1;
    struct stats *stats = stats_new(&data.model->shape);
    struct sums *sums = sums_new(&data.model->shape);
    struct estep *estep = estep_new(&data.model->shape);
    struct raw raw = {0}, raw_jj = {0};
    for (size_t b = 0; b < points_blocks(data.points); b++) {
        const struct block *block = points_block(data.points, b);
        const double gamma = b == 0 ? 1 : 0.3 / (double)b;
        sums_clear(sums);
        estep_run(estep, data.model, block);
        sums_add(sums, estep, data.model, block);
        stats_blend(stats, data.model, sums, gamma);
        raw_blend(&raw, &data, b * BLOCK_POINTS, block->n, k, 0, j, gamma);
        raw_blend(&raw_jj, &data, b * BLOCK_POINTS, block->n, k, j, j, gamma);
    }
    struct mix_model *model = model_of(stats, data.model);
    const double *cov = mix_model_covariances(model);
    ck_assert_double_eq_tol(stats->rho[k], (double)raw.s0, 1e-14);
    ck_assert_double_eq_tol(mix_model_means(model)[k * dims], (double)(raw.s1[0] / raw.s0),
                            1e-13);
    if (shapes[_i].covariance == MIX_FULL) {
        ck_assert_double_eq_tol(cov[(k * dims) * dims + j], raw_covariance(&raw), 1e-12);
        ck_assert_double_eq_tol(cov[(k * dims + j) * dims + j], raw_covariance(&raw_jj),
                                1e-12);
    } else if (shapes[_i].covariance == MIX_DIAG) {
        ck_assert_double_eq_tol(cov[k * dims + j], raw_covariance(&raw_jj), 1e-12);
    }
    mix_model_destroy(&model);
    stats_destroy(&stats);
    sums_destroy(&sums);
    estep_destroy(&estep);
    data_free(&data);
}
END_TEST

START_TEST(gamma_one_replaces)
{
    struct data data = data_new((size_t)_i);
    struct sums *sums = brute_sums(data.model, data.points);
    struct stats *fresh = stats_new(&data.model->shape), *used = stats_new(&data.model->shape);
    stats_of_model(used, data.model);
    stats_blend(fresh, data.model, sums, 1);
    stats_blend(used, data.model, sums, 1);
    struct mix_model *a = model_of(fresh, data.model), *b = model_of(used, data.model);
    check_alike(a, b, 1e-14);
    mix_model_destroy(&a);
    mix_model_destroy(&b);
    stats_destroy(&fresh);
    stats_destroy(&used);
    sums_destroy(&sums);
    data_free(&data);
}
END_TEST

/* With the model frozen, gamma = b / t over a stream is the batch step over all of it. */
START_TEST(a_frozen_stream_is_a_batch_step)
{
    struct data data = data_new((size_t)_i);
    struct sums *all = brute_sums(data.model, data.points);
    struct stats *batch = stats_new(&data.model->shape), *stream = stats_new(&data.model->shape);
    struct sums *sums = sums_new(&data.model->shape);
    struct estep *estep = estep_new(&data.model->shape);
    double seen = 0;
    for (size_t b = 0; b < points_blocks(data.points); b++) {
        const struct block *block = points_block(data.points, b);
        sums_clear(sums);
        estep_run(estep, data.model, block);
        sums_add(sums, estep, data.model, block);
        seen += sums->weight;
        stats_blend(stream, data.model, sums, sums->weight / seen);
    }
    stats_blend(batch, data.model, all, 1);
    struct mix_model *a = model_of(stream, data.model), *b = model_of(batch, data.model);
    check_alike(a, b, 1e-12);
    mix_model_destroy(&a);
    mix_model_destroy(&b);
    stats_destroy(&batch);
    stats_destroy(&stream);
    sums_destroy(&all);
    sums_destroy(&sums);
    estep_destroy(&estep);
    data_free(&data);
}
END_TEST

/* Halves of a stream blended by their weights are the whole of it (BLEND_STATE). */
START_TEST(merging_halves_is_the_whole)
{
    struct data data = data_new((size_t)_i);
    const size_t dims = data.brute.dims;
    struct points *half[2] = {brute_points(data.x, 600, dims, NULL),
                              brute_points(data.x + 600 * dims, N - 600, dims, NULL)};
    struct stats *stats[3];
    for (size_t i = 0; i < 3; i++) {
        struct sums *sums = brute_sums(data.model, i < 2 ? half[i] : data.points);
        stats[i] = stats_new(&data.model->shape);
        stats_blend(stats[i], data.model, sums, 1);
        sums_destroy(&sums);
    }
    stats_merge(stats[0], stats[1], &data.model->shape, 0.4);
    struct mix_model *a = model_of(stats[0], data.model), *b = model_of(stats[2], data.model);
    check_alike(a, b, 1e-12);
    mix_model_destroy(&a);
    mix_model_destroy(&b);
    for (size_t i = 0; i < 3; i++) {
        stats_destroy(&stats[i]);
    }
    points_destroy(&half[0]);
    points_destroy(&half[1]);
    data_free(&data);
}
END_TEST

START_TEST(sums_without_weight_change_nothing)
{
    struct data data = data_new((size_t)_i);
    struct sums *sums = sums_new(&data.model->shape);
    struct stats *stats = stats_new(&data.model->shape), *before = stats_new(&data.model->shape);
    stats_of_model(stats, data.model);
    stats_assign(before, stats, &data.model->shape);
    sums_clear(sums);
    stats_blend(stats, data.model, sums, 0.5);
    ck_assert_mem_eq(stats->rho, before->rho, data.brute.components * sizeof(double));
    ck_assert_mem_eq(stats->values, before->values,
                     data.model->shape.stats_size * sizeof(double));
    stats_destroy(&stats);
    stats_destroy(&before);
    sums_destroy(&sums);
    data_free(&data);
}
END_TEST

/* S = (n C + nu0 S0) / (n + nu0), and the floor is counted. */
START_TEST(the_prior_shrinks_and_the_floor_holds)
{
    enum { D = 2 };
    const double weights[] = {1}, means[] = {0, 0}, cov[] = {4, 1, 1, 2};
    const double s0[] = {10, 20}, low[] = {0, 0}, high[] = {0, 7};
    const struct prior prior = {.nu0 = 3, .s0 = s0, .vf = low};
    const struct prior floored = {.nu0 = 3, .s0 = s0, .vf = high};
    struct mix_model *model = mix_model_new(D, 1, MIX_FULL, weights, means, cov, NULL);
    struct stats *stats = stats_new(&model->shape);
    size_t count = 99;
    stats_of_model(stats, model);
    ck_assert_int_eq(stats_mstep(stats, 9, &prior, model, &count), MIX_OK);
    const double *is = mix_model_covariances(model);
    ck_assert_double_eq_tol(is[0], (9 * 4 + 3 * 10) / 12.0, 1e-14);
    ck_assert_double_eq_tol(is[1], 9 * 1 / 12.0, 1e-15);
    ck_assert_double_eq_tol(is[3], (9 * 2 + 3 * 20) / 12.0, 1e-14);
    ck_assert_uint_eq(count, 0);
    ck_assert_int_eq(stats_mstep(stats, 9, &floored, model, &count), MIX_OK);
    ck_assert(mix_model_covariances(model)[3] == 7);
    ck_assert_uint_eq(count, 1);
    stats_destroy(&stats);
    mix_model_destroy(&model);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT_LOOP(blending_is_the_raw_recursion, shapes),
        UNIT_LOOP(gamma_one_replaces, shapes),
        UNIT_LOOP(a_frozen_stream_is_a_batch_step, shapes),
        UNIT_LOOP(merging_halves_is_the_whole, shapes),
        UNIT_LOOP(sums_without_weight_change_nothing, shapes),
        UNIT(the_prior_shrinks_and_the_floor_holds),
    };
    return unit_run("stats", tests, COUNT(tests));
}
