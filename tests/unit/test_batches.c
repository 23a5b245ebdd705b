/* SPDX-License-Identifier: MIT
 *
 * Claims about standard errors by batch means. tests/numeric/figure_errors.c holds them
 * against the truth over many seeds. */
#include "batches.h"

#include "search.h"
#include "streams.h"

enum { D = 2, K = 2 };

/* Batches of a stream of one component, each of `block` points. */
static struct batches *batches_of(const struct mix_model *model, const struct sample *s)
{
    const struct mix_rows rows = sample_rows(s);
    double look[2 * K];
    struct points *points = points_new(D, s->n);
    struct scales *scales = scales_new(D);
    struct batches *batches = batches_new(mix_model_copy(model));
    struct estep *estep = estep_new(&model->shape);
    struct sums *sums = sums_new(&model->shape);
    scales_of_model(scales, model, NULL);
    const struct prior prior = prior_of(scales);
    points_append(points, &rows, 0, s->n);
    for (size_t j = 0; j < points_blocks(points); j++) {
        sums_clear(sums);
        estep_run(estep, model, points_block(points, j));
        sums_add(sums, estep, model, points_block(points, j));
        batches_look(estep, &model->shape, points_block(points, j), look);
        batches_take(batches, look);
        batches_add(batches, model, sums, &prior);
    }
    points_destroy(&points);
    scales_destroy(&scales);
    estep_destroy(&estep);
    sums_destroy(&sums);
    return batches;
}

static void forget(struct batches **batches)
{
    mix_model_destroy(&(*batches)->scratch);
    batches_destroy(batches);
}

static struct mix_model *one_gaussian(void)
{
    static const double one[1] = {1}, origin[D] = {0}, unit[D * D] = {1, 0, 0, 1};
    return mix_model_new(D, 1, MIX_FULL, one, origin, unit, NULL);
}

/* With one component the responsibilities are 1: plain batch means, by hand. */
START_TEST(they_are_those_of_the_means_of_batches)
{
    enum { M = 12, N = M * BLOCK_POINTS };
    struct mix_model *model = one_gaussian();
    struct sample s = sample_draw(model, unit_seed(401), N);
    struct batches *batches = batches_of(model, &s);
    double errors[D], weight;
    ck_assert_uint_eq(batches->n, M);
    ck_assert(batches_errors(batches, model, N, errors, &weight));
    ck_assert(weight == 0);
    for (size_t d = 0; d < D; d++) {
        double mean[M] = {0}, all = 0, squares = 0;
        for (size_t i = 0; i < N; i++) {
            mean[i / BLOCK_POINTS] += s.x[i * D + d] / BLOCK_POINTS;
            all += s.x[i * D + d] / N;
        }
        for (size_t j = 0; j < M; j++) {
            squares += (mean[j] - all) * (mean[j] - all);
        }
        ck_assert_double_eq_tol(errors[d], sqrt(squares / (M * (M - 1))), 1e-12);
    }
    forget(&batches);
    mix_model_destroy(&model);
    free(s.x);
}
END_TEST

START_TEST(neighbours_are_joined_as_the_stream_doubles)
{
    struct mix_model *model = one_gaussian();
    const size_t blocks[] = {7, 8, 15, 16, 31, 32, 100};
    const size_t wanted[] = {7, 8, 15, 8, 15, 8, 12};
    struct sample s = sample_draw(model, 3, blocks[_i] * BLOCK_POINTS);
    struct batches *batches = batches_of(model, &s);
    double errors[D], weight, sum = 0;
    ck_assert_uint_eq(batches->n, wanted[_i]);
    ck_assert_uint_eq(batches->n * batches->length + batches->blocks, blocks[_i]);
    ck_assert_int_eq(batches_errors(batches, model, 1e4, errors, &weight),
                     batches->n >= 8);
    for (size_t j = 0; j < batches->n; j++) {
        sum += batches->weight[j];
    }
    ck_assert_double_eq(sum + batches->open_weight, (double)s.n);
    forget(&batches);
    mix_model_destroy(&model);
    free(s.x);
}
END_TEST

/* No more than 20 of 131,072 points are worth their number. */
START_TEST(there_are_none_where_they_would_not_be_honest)
{
    struct mix_model *model = one_gaussian();
    const double phi[] = {0, 0.9, 0.99995};
    struct sample s = draw_autoregression(D, 131072, phi[_i], unit_seed(405));
    struct batches *batches = batches_of(model, &s);
    double errors[D], weight;
    ck_assert_int_eq(batches_errors(batches, model, (double)s.n, errors, &weight),
                     phi[_i] < 0.999);
    forget(&batches);
    mix_model_destroy(&model);
    free(s.x);
}
END_TEST

/* Two components that are the same: nobody can tell which point is whose. */
START_TEST(components_that_cannot_be_told_apart_have_none)
{
    static const double weights[K] = {0.5, 0.5}, unit[K * D] = {1, 1, 1, 1};
    const double means[K * D] = {0, 0, _i == 0 ? 0.5 : 6, 0};
    struct mix_model *model = mix_model_new(D, K, MIX_DIAG, weights, means, unit, NULL);
    struct sample s = sample_draw(model, 5, 20 * BLOCK_POINTS);
    struct batches *batches = batches_of(model, &s);
    double errors[K * D], shares[K];
    ck_assert_int_eq(batches_errors(batches, model, (double)s.n, errors, shares),
                     _i == 1);
    forget(&batches);
    mix_model_destroy(&model);
    free(s.x);
}
END_TEST

/* In units of the field, and of the learner's published model: about sd / sqrt(n w). */
START_TEST(a_learner_tells_its_own)
{
    struct mix_options options;
    struct mix_model *truth = mixture_random(D, K, 8, unit_seed(407));
    struct sample s = sample_draw(truth, 407, 30000);
    double errors[K * D], weights[K], mean[D], variance[D];
    mix_options_init(&options, D, K);
    struct mix_learner *learner = mix_learner_new(&options, NULL);
    ck_assert(isnan(mix_learner_error(learner)));
    feed(learner, &s);
    ck_assert(mix_learner_errors(learner, errors, weights));
    double largest = 0;
    for (size_t k = 0; k < K; k++) {
        const struct mix_model *model = mix_learner_model(learner);
        const double w = mix_model_weights(model)[k];
        mix_model_component(model, k, mean, variance);
        ck_assert_double_gt(weights[k], 0.3 * sqrt(w * (1 - w) / 30000));
        ck_assert_double_lt(weights[k], 3 * sqrt(w * (1 - w) / 30000));
        for (size_t d = 0; d < D; d++) {
            const double in_sd = errors[k * D + d] / sqrt(variance[d]);
            ck_assert_double_gt(in_sd, 0.3 / sqrt(30000 * w));
            ck_assert_double_lt(in_sd, 3 / sqrt(30000 * w));
            largest = fmax(largest, in_sd);
        }
    }
    ck_assert_double_eq_tol(mix_learner_error(learner), largest, 1e-15);
    mix_learner_reset(learner);
    ck_assert(!mix_learner_errors(learner, errors, weights));
    mix_learner_destroy(&learner);
    mix_model_destroy(&truth);
    free(s.x);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(they_are_those_of_the_means_of_batches),
        {neighbours_are_joined_as_the_stream_doubles, 7},
        {there_are_none_where_they_would_not_be_honest, 3},
        {components_that_cannot_be_told_apart_have_none, 2},
        UNIT(a_learner_tells_its_own),
    };
    return unit_run("batches", tests, COUNT(tests));
}
