/* SPDX-License-Identifier: MIT
 *
 * One loop of tests over the families of one number: a row says of which model the points
 * come, and where its density lies. What is asked of each row is the same: the density
 * integrates or sums to one, EM raises the likelihood, statistics merge, a state goes
 * through bytes unchanged, draws have the moments, missing entries count for nothing,
 * what a family cannot have is refused, nothing breaks on degenerate points. */
#include <math.h>
#include <string.h>

#include "estep.h"
#include "families_table.h"
#include "learner.h"
#include "rng.h"
#include "search.h"
#include "stats.h"
#include "unit.h"

#define D 2
#define N 4000

static void all_finite(const struct mix_model *model, const char *name)
{
    for (size_t k = 0; k < mix_model_components(model); k++) {
        ck_assert_msg(isfinite(model->weights[k]), "%s: weight", name);
    }
    for (size_t i = 0; i < model->shape.param_size; i++) {
        ck_assert_msg(isfinite(model->param[i]), "%s: parameter %zu", name, i);
    }
}

START_TEST(a_model_gives_back_what_it_was_made_of)
{
    const struct row *row = &rows[_i];
    struct mix_model *model = row_model(row, D);
    double out[VALUES_MAX];
    ck_assert_str_eq(mix_family_parameter(row->family, 0), row->first_name);
    for (size_t d = 0; d < D; d++) {
        size_t i = 0, size;
        ck_assert_int_eq(mix_model_family(model, d), row->family);
        for (; (size = mix_model_parameter_size(model, d, i)) > 0; i++) {
            mix_model_parameter(model, d, i, out);
            ck_assert_mem_eq(out, row->parameters[i], K * size * sizeof(*out));
        }
        ck_assert_ptr_null(mix_family_parameter(row->family, i));
    }
    ck_assert_ptr_null(mix_model_means(model));
    ck_assert(!mix_model_is_gaussian(model));
    mix_model_destroy(&model);
}
END_TEST

/* The midpoint rule for densities, the sum for probabilities. */
START_TEST(a_density_integrates_to_one)
{
    const struct row *row = &rows[_i];
    const bool is_discrete = family_of(row->family)->form->is_discrete;
    struct mix_model *model = row_model(row, 1);
    double sum = 0, at = row->from, x[1024], l[1024];
    while (at <= row->to) {
        struct mix_rows rows_of = {.x = x, .n = 0, .stride = 1};
        for (; rows_of.n < 1024 && at <= row->to; at += row->step) {
            x[rows_of.n++] = is_discrete ? at : at + row->step / 2;
        }
        ck_assert_int_eq(mix_model_log_density(model, &rows_of, l), MIX_OK);
        for (size_t i = 0; i < rows_of.n; i++) {
            sum += exp(l[i]) * row->step;
        }
    }
    ck_assert_msg(fabs(sum - 1) < 2e-5, "%s: %.9f", mix_family_name(row->family), sum);
    mix_model_destroy(&model);
}
END_TEST

START_TEST(draws_have_the_moments)
{
    const struct row *row = &rows[_i];
    struct mix_model *model = row_model(row, D);
    enum { DRAWS = 40000 };
    for (size_t k = 0; k < K; k++) {
        double mean[D], variance[D], sum[D] = {0}, square[D] = {0}, x[D];
        const struct factor *f = model->shape.factors;
        struct rng rng = rng_at(unit_seed(5), RNG_TEST, k);
        const bool is_angle = row->family == MIX_VON_MISES;
        mix_model_component(model, k, mean, variance);
        for (size_t i = 0; i < DRAWS; i++) {
            f->family->sample(f, model->param, k, &rng, x);
            for (size_t d = 0; d < D; d++) {
                const double off = x[d] - mean[d];
                sum[d] += (is_angle ? mean[d] + sin(off) : x[d]) / DRAWS;
                square[d] += (is_angle ? 2 * (1 - cos(off)) : off * off) / DRAWS;
            }
        }
        for (size_t d = 0; d < D; d++) {
            /* Five standard errors; that of the variance for a kurtosis of 9 at most. */
            const double error = 5 * sqrt(variance[d] / DRAWS);
            ck_assert_msg(fabs(sum[d] - mean[d]) <= error, "%s: mean %g, should be %g",
                          mix_family_name(row->family), sum[d], mean[d]);
            ck_assert_msg(fabs(square[d] - variance[d]) <=
                              5 * variance[d] * sqrt(8.0 / DRAWS),
                          "%s: variance %g, should be %g", mix_family_name(row->family),
                          square[d], variance[d]);
        }
    }
    mix_model_destroy(&model);
}
END_TEST

/* One batch step from the model on all points; the log-likelihood before it. */
static double em_step(struct mix_model *model, const struct points *points,
                      const struct prior *prior)
{
    struct estep *estep = estep_new(&model->shape);
    struct sums *sums = sums_new(&model->shape);
    struct stats *stats = stats_new(&model->shape);
    for (size_t j = 0; j < points_blocks(points); j++) {
        estep_run(estep, model, points_block(points, j));
        sums_add(sums, estep, model, points_block(points, j));
    }
    const double before = sums->log_likelihood;
    stats_blend(stats, model, sums, 1);
    ck_assert_int_eq(stats_mstep(stats, sums->weight, prior, model, NULL), MIX_OK);
    stats_destroy(&stats);
    sums_destroy(&sums);
    estep_destroy(&estep);
    return before;
}

static struct points *points_from(const double *x, size_t n, size_t dims)
{
    const struct mix_rows all = {.x = x, .n = n, .stride = dims};
    struct points *points = points_new(dims, n);
    points_append(points, &all, 0, n);
    return points;
}

static const double zeros[D], means[D];

START_TEST(every_step_of_em_raises_the_likelihood)
{
    const struct row *row = &rows[_i];
    struct mix_model *model = row_model(row, D);
    double *x = draw(model, N, unit_seed(11));
    for (size_t i = 0; i < N * D; i += 7) { /* one of seven is missing */
        x[i] = (double)NAN;
    }
    struct points *points = points_from(x, N, D);
    const struct prior none = {.s0 = zeros, .vf = zeros, .mean = means};
    double before = -HUGE_VAL;
    for (size_t step = 0; step < 40; step++) {
        const double now = em_step(model, points, &none);
        ck_assert_msg(now - before >= -1e-10 * fabs(now), "%s: step %zu loses %g",
                      mix_family_name(row->family), step, before - now);
        before = now;
    }
    points_destroy(&points);
    free(x);
    mix_model_destroy(&model);
}
END_TEST

/* The fixed point of EM is a maximum: parameters to either side of it are no better. */
START_TEST(the_m_step_is_the_maximum)
{
    const struct row *row = &rows[_i];
    struct mix_model *model = row_model(row, 1);
    enum { FEW = 1000 };
    double *x = draw(model, FEW, unit_seed(12));
    struct points *points = points_from(x, FEW, 1);
    const struct prior none = {.s0 = zeros, .vf = zeros, .mean = means};
    for (size_t step = 0; step < 2000; step++) {
        em_step(model, points, &none);
    }
    const double best = mean_density(model, x, FEW);
    for (size_t i = 0; i < model->shape.param_size; i++) {
        const double was = model->param[i];
        for (int side = -1; side <= 1; side += 2) {
            model->param[i] = was * (1 + side * 1e-2);
            if (family_of(row->family)->form->has_categories) {
                continue; /* they sum to 1 */
            }
            ck_assert_int_eq(model_prepare(model), MIX_OK);
            ck_assert_msg(mean_density(model, x, FEW) <= best + 1e-9, "%s: parameter %zu",
                          mix_family_name(row->family), i);
        }
        model->param[i] = was;
    }
    points_destroy(&points);
    free(x);
    mix_model_destroy(&model);
}
END_TEST

/* Halves merged by their numbers of points are the whole. */
START_TEST(statistics_merge)
{
    const struct row *row = &rows[_i];
    struct mix_model *model = row_model(row, D), *merged = mix_model_copy(model);
    double *x = draw(model, N, unit_seed(13));
    x[3] = (double)NAN;
    struct stats *stats[3];
    struct estep *estep = estep_new(&model->shape);
    for (size_t part = 0; part < 3; part++) {
        const size_t from = part == 1 ? N / 4 : 0, to = part == 0 ? N / 4 : N;
        struct points *points = points_from(x + from * D, to - from, D);
        struct sums *sums = sums_new(&model->shape);
        stats[part] = stats_new(&model->shape);
        for (size_t j = 0; j < points_blocks(points); j++) {
            estep_run(estep, model, points_block(points, j));
            sums_add(sums, estep, model, points_block(points, j));
        }
        stats_blend(stats[part], model, sums, 1);
        sums_destroy(&sums);
        points_destroy(&points);
    }
    stats_merge(stats[0], stats[1], &model->shape, 0.75);
    const struct prior none = {.s0 = zeros, .vf = zeros, .mean = means};
    ck_assert_int_eq(stats_mstep(stats[0], N, &none, merged, NULL), MIX_OK);
    ck_assert_int_eq(stats_mstep(stats[2], N, &none, model, NULL), MIX_OK);
    for (size_t i = 0; i < model->shape.param_size; i++) {
        ck_assert_double_eq_tol(merged->param[i], model->param[i],
                                1e-9 * (1e-3 + fabs(model->param[i])));
    }
    for (size_t part = 0; part < 3; part++) {
        stats_destroy(&stats[part]);
    }
    estep_destroy(&estep);
    free(x);
    mix_model_destroy(&merged);
    mix_model_destroy(&model);
}
END_TEST

START_TEST(statistics_of_a_model_give_it_back)
{
    const struct row *row = &rows[_i];
    struct mix_model *model = row_model(row, D), *again = mix_model_copy(model);
    struct stats *stats = stats_new(&model->shape);
    const struct prior none = {.s0 = zeros, .vf = zeros, .mean = means};
    stats_of_model(stats, model);
    ck_assert_int_eq(stats_mstep(stats, 100, &none, again, NULL), MIX_OK);
    for (size_t i = 0; i < model->shape.param_size; i++) {
        ck_assert_double_eq_tol(again->param[i], model->param[i],
                                1e-10 * (1e-3 + fabs(model->param[i])));
    }
    stats_destroy(&stats);
    mix_model_destroy(&again);
    mix_model_destroy(&model);
}
END_TEST

static struct mix_learner *learn(const struct mix_options *options, const double *x,
                                 size_t n)
{
    struct mix_learner *learner = mix_learner_new(options, NULL);
    ck_assert_ptr_nonnull(learner);
    for (size_t done = 0; done < n;) {
        const size_t dims = options->dimensions;
        const struct mix_rows left = {
            .x = x + done * dims, .n = n - done, .stride = dims};
        size_t taken;
        ck_assert_int_eq(mix_learner_add(learner, &left, &taken), MIX_OK);
        done += taken;
        mix_learner_work(learner);
    }
    return learner;
}

START_TEST(a_state_goes_through_bytes_unchanged)
{
    const struct row *row = &rows[_i];
    struct mix_options options;
    set_options(&options, row, D);
    options.warmup = 1000;
    options.marginalize = true;
    struct mix_model *truth = row_model(row, D);
    double *x = draw(truth, 2 * N, unit_seed(14));
    x[2 * 50] = (double)NAN;
    struct mix_learner *learner = learn(&options, x, N);
    const size_t size = mix_learner_encoded_size(learner);
    unsigned char *bytes = malloc(size), *again = malloc(size);
    mix_learner_encode(learner, bytes);
    enum mix_err err;
    struct mix_learner *copy = mix_learner_decode(&options, bytes, size, &err);
    ck_assert_msg(copy != NULL, "%s: %s", mix_family_name(row->family),
                  mix_strerror(err));
    mix_learner_encode(copy, again);
    ck_assert_mem_eq(again, bytes, size);
    options.family = row->family == MIX_POISSON ? MIX_BERNOULLI : MIX_POISSON;
    ck_assert_ptr_null(mix_learner_decode(&options, bytes, size, &err));
    ck_assert_int_eq(err, MIX_EMISMATCH);
    free(bytes);
    free(again);
    free(x);
    mix_learner_destroy(&copy);
    mix_learner_destroy(&learner);
    mix_model_destroy(&truth);
}
END_TEST

/* The learner's model, the batch fit and the truth are about as good as each other. */
START_TEST(online_matches_batch)
{
    const struct row *row = &rows[_i];
    enum { LEARNED = 12288 };
    struct mix_options options;
    struct mix_fit_options fit;
    set_options(&options, row, D);
    options.warmup = 4096;
    mix_fit_options_init(&fit);
    fit.starts = 2;
    struct mix_model *truth = row_model(row, D);
    double *x = draw(truth, LEARNED, unit_seed(15)), *test = draw(truth, LEARNED, 99);
    const struct mix_rows all = {.x = x, .n = LEARNED, .stride = D};
    struct mix_model *batch = mix_fit(&options, &fit, &all, NULL, NULL, NULL);
    struct mix_learner *learner = learn(&options, x, LEARNED);
    mix_learner_finish(learner);
    const double online = mean_density(mix_learner_model(learner), test, LEARNED);
    const double best = mean_density(batch, test, LEARNED);
    ck_assert_msg(best - online <= 5e-4, "%s: batch %.6f, online %.6f",
                  mix_family_name(row->family), best, online);
    ck_assert_msg(mean_density(truth, test, LEARNED) - best <= 2e-3,
                  "%s: batch %.6f, truth %.6f", mix_family_name(row->family), best,
                  mean_density(truth, test, LEARNED));
    mix_learner_destroy(&learner);
    mix_model_destroy(&batch);
    mix_model_destroy(&truth);
    free(x);
    free(test);
}
END_TEST

/* A field that is never there changes nothing of the other. */
START_TEST(a_missing_field_counts_for_nothing)
{
    const struct row *row = &rows[_i];
    struct mix_model *both = row_model(row, D), *one = row_model(row, 1);
    double *x = draw(one, N, unit_seed(16)), *holed = calloc(N * D, sizeof(*holed));
    for (size_t i = 0; i < N; i++) {
        holed[i * D] = x[i];
        holed[i * D + 1] = (double)NAN;
    }
    struct points *points = points_from(x, N, 1), *half = points_from(holed, N, D);
    const struct prior none = {.s0 = zeros, .vf = zeros, .mean = means};
    ck_assert_double_eq_tol(em_step(one, points, &none), em_step(both, half, &none),
                            1e-8);
    double a[VALUES_MAX], b[VALUES_MAX];
    mix_model_parameter(one, 0, 0, a);
    mix_model_parameter(both, 0, 0, b);
    for (size_t k = 0; k < K; k++) {
        ck_assert_double_eq_tol(a[k], b[k], 1e-12 * fabs(a[k]));
    }
    points_destroy(&points);
    points_destroy(&half);
    free(x);
    free(holed);
    mix_model_destroy(&both);
    mix_model_destroy(&one);
}
END_TEST

START_TEST(what_a_family_cannot_have_is_refused)
{
    const struct row *row = &rows[_i];
    struct mix_options options;
    set_options(&options, row, 1);
    struct mix_model *truth = row_model(row, 1);
    double *x = draw(truth, N, unit_seed(17)), l;
    for (size_t b = 0; b < 3; b++) {
        const struct mix_rows bad = {.x = &row->bad[b], .n = 1, .stride = 1};
        x[100 * b + 5] = row->bad[b];
        ck_assert_int_eq(mix_model_log_density(truth, &bad, &l), MIX_OK);
        /* What the family cannot have has no density; what is only too large may. */
        ck_assert_msg(l == -HUGE_VAL || (isfinite(l) &&
                                         mix_family_accepts(row->family, 4, row->bad[b])),
                      "%s: density of %g: %g", mix_family_name(row->family), row->bad[b],
                      l);
    }
    struct mix_learner *learner = learn(&options, x, N);
    struct mix_info info;
    mix_learner_info(learner, &info);
    ck_assert_uint_eq(info.unscorable, 3);
    ck_assert_uint_eq(info.added, info.learned + info.unscorable + info.queued);
    all_finite(mix_learner_model(learner), mix_family_name(row->family));
    mix_learner_destroy(&learner);
    mix_model_destroy(&truth);
    free(x);
}
END_TEST

/* One value for ever, two values, and a last point far out. */
START_TEST(degenerate_points_break_nothing)
{
    const struct row *row = &rows[_i];
    struct mix_options options;
    set_options(&options, row, D);
    struct mix_model *truth = row_model(row, D);
    double *some = draw(truth, 2, 1), x[1500 * D];
    for (size_t two = 0; two < 2; two++) {
        for (size_t i = 0; i < 1500 * D; i++) {
            x[i] = two == 1 ? some[i % D + (i / D % 3 == 0 ? D : 0)] : row->constant;
        }
        struct mix_learner *learner = learn(&options, x, 1500);
        mix_learner_finish(learner);
        struct mix_info info;
        mix_learner_info(learner, &info);
        all_finite(mix_learner_model(learner), mix_family_name(row->family));
        ck_assert(isfinite(info.log_likelihood));
        ck_assert_uint_eq(info.learned, 1500);
        mix_learner_destroy(&learner);
    }
    free(some);
    mix_model_destroy(&truth);
}
END_TEST

/* A state that says what it is: whole after bytes, every number one. */
static void check_state(const struct mix_learner *learner,
                        const struct mix_options *options, const char *name)
{
    const size_t size = mix_learner_encoded_size(learner);
    unsigned char *bytes = malloc(size);
    enum mix_err err;
    mix_learner_encode(learner, bytes);
    struct mix_learner *copy = mix_learner_decode(options, bytes, size, &err);
    ck_assert_msg(copy != NULL, "%s: %s", name, mix_strerror(err));
    mix_learner_destroy(&copy);
    free(bytes);
    all_finite(mix_learner_model(learner), name);
}

/* The smallest and largest values that there are, alone and among others. */
START_TEST(extreme_values_break_nothing)
{
    const struct row *row = &rows[_i];
    const char *name = mix_family_name(row->family);
    static const double extremes[] = {5e-324, 1e-300, 1e-150, 1e15, 1e100, 1e150, -1e150};
    enum { POINTS = 1200 };
    struct mix_options options;
    double x[POINTS * D];
    for (size_t mix = 1; mix <= 3; mix++) {
        struct mix_model *truth = row_model(row, D);
        struct rng rng = rng_at(unit_seed(19), RNG_TEST, mix);
        set_options(&options, row, D);
        options.warmup = 1000;
        ck_assert_int_eq(mix_model_sample(truth, 4, POINTS, x), MIX_OK);
        for (size_t i = 0; i < POINTS * D; i++) {
            const double extreme = extremes[rng_below(&rng, COUNT(extremes))];
            if (rng_uniform(&rng) < 0.4 * (double)(mix - 1) &&
                mix_family_accepts(row->family, 4, extreme)) {
                x[i] = extreme;
            }
        }
        struct mix_learner *learner = learn(&options, x, POINTS);
        mix_learner_finish(learner);
        check_state(learner, &options, name);
        struct mix_info info;
        mix_learner_info(learner, &info);
        ck_assert_msg(isfinite(info.log_likelihood), "%s: score", name);
        double mean[D], variance[D];
        mix_model_moments(mix_learner_model(learner), mean, NULL);
        for (size_t k = 0; k < K; k++) {
            mix_model_component(mix_learner_model(learner), k, mean, variance);
            for (size_t d = 0; d < D; d++) {
                ck_assert_msg(isfinite(mean[d]) && isfinite(variance[d]), "%s: moments",
                              name);
            }
        }
        mix_learner_destroy(&learner);
        mix_model_destroy(&truth);
    }
}
END_TEST

/* What a family can have and the stream has not had: the ends of its range. */
static const double unseen[] = {0, 1e15, 1e-300};

static void feed_block(struct mix_learner *learner, const double *x, size_t n)
{
    for (size_t done = 0; done < n;) {
        const struct mix_rows left = {.x = x + done * D, .n = n - done, .stride = D};
        size_t taken;
        ck_assert_int_eq(mix_learner_add(learner, &left, &taken), MIX_OK);
        done += taken;
        mix_learner_work(learner);
    }
}

/* A model that is warm gets one value for a long time, then its own points again. */
START_TEST(a_warm_model_outlives_what_it_never_saw)
{
    const struct row *row = &rows[_i];
    const char *name = mix_family_name(row->family);
    enum { POINTS = 1100, ROUNDS = 2 };
    struct mix_options options;
    struct mix_model *truth = row_model(row, D);
    double *own = draw(truth, POINTS, unit_seed(23)), odd[POINTS * D];
    set_options(&options, row, D);
    options.warmup = 1000;
    for (size_t u = 0; u < COUNT(unseen); u++) {
        const bool is_value = mix_family_accepts(row->family, 4, unseen[u]);
        struct mix_learner *learner = learn(&options, own, POINTS);
        struct mix_info info;
        for (size_t i = 0; i < POINTS * D; i++) {
            odd[i] = unseen[u];
        }
        for (size_t round = 0; round < ROUNDS; round++) {
            feed_block(learner, odd, POINTS);
        }
        feed_block(learner, own, POINTS);
        mix_learner_finish(learner);
        check_state(learner, &options, name);
        mix_learner_info(learner, &info);
        ck_assert_msg(info.unscorable == (is_value ? 0 : ROUNDS * POINTS),
                      "%s: %g: %llu unscorable", name, unseen[u],
                      (unsigned long long)info.unscorable);
        ck_assert_uint_eq(info.added, info.learned + info.unscorable + info.queued);
        ck_assert_msg(isfinite(info.log_likelihood), "%s: %g: score", name, unseen[u]);
        ck_assert_msg(isfinite(mean_density(mix_learner_model(learner), own, POINTS)),
                      "%s: %g: density", name, unseen[u]);
        mix_learner_destroy(&learner);
    }
    mix_model_destroy(&truth);
    free(own);
}
END_TEST

START_TEST(a_learner_starts_from_a_model)
{
    const struct row *row = &rows[_i];
    struct mix_options options;
    set_options(&options, row, D);
    struct mix_model *truth = row_model(row, D);
    enum mix_err err;
    struct mix_learner *learner = mix_learner_start(&options, truth, 1e5, &err);
    ck_assert_msg(learner != NULL, "%s: %s", mix_family_name(row->family),
                  mix_strerror(err));
    ck_assert_mem_eq(mix_learner_model(learner)->param, truth->param,
                     truth->shape.param_size * sizeof(double));
    mix_learner_destroy(&learner);
    options.family = MIX_GAUSSIAN;
    ck_assert_ptr_null(mix_learner_start(&options, truth, 0, &err));
    ck_assert_int_eq(err, MIX_ESIZE);
    mix_model_destroy(&truth);
}
END_TEST

/* ---- Products ------------------------------------------------------------ */

#define FIELDS 5
static const enum mix_family mixed[FIELDS] = {MIX_GAUSSIAN, MIX_GAUSSIAN, MIX_CATEGORICAL,
                                              MIX_GAMMA, MIX_GAUSSIAN};

static struct mix_options mixed_options(size_t components)
{
    struct mix_options options;
    mix_options_init(&options, FIELDS, components);
    options.families = mixed;
    options.categories = 3;
    options.marginalize = true;
    return options;
}

static struct mix_model *mixed_model(void)
{
    const struct mix_options options = mixed_options(2);
    static const double both[2] = {0.6, 0.4};
    static const double parameters[] = {0,   5,   1,   2,             /* mean, variance */
                                        -3,  3,   0.5, 1,             /* of the second */
                                        0.7, 0.2, 0.1, 0.1, 0.2, 0.7, /* categories */
                                        4,   2,   1,   10,            /* shape, scale */
                                        1e6, 1e6, 4,   1};
    struct mix_model *model = mix_model_make(&options, both, parameters, NULL);
    ck_assert_ptr_nonnull(model);
    ck_assert_uint_eq(model->shape.n_factors, 4); /* neighbours of one family are one */
    return model;
}

static double density_of(const struct mix_model *model, const double *x)
{
    double l;
    const struct mix_rows one = {.x = x, .n = 1, .stride = mix_model_dimensions(model)};
    ck_assert_int_eq(mix_model_log_density(model, &one, &l), MIX_OK);
    return l;
}

/* Given the component fields are independent; what is missing is left out, and is what
 * the model of the other fields has. */
START_TEST(a_product_multiplies_and_marginalises)
{
    struct mix_model *model = mixed_model();
    double x[40 * FIELDS];
    ck_assert_int_eq(mix_model_sample(model, 3, 40, x), MIX_OK);
    for (size_t i = 0; i < 40; i++) {
        double *point = x + i * FIELDS, sum = 0, alone[FIELDS];
        for (size_t k = 0; k < 2; k++) {
            double term = log(model->weights[k]);
            for (size_t d = 0; d < FIELDS; d++) {
                struct mix_model *field = mix_model_marginal(model, &d, 1, NULL);
                field->weights[k] = 1;
                field->weights[1 - k] = 0;
                ck_assert_int_eq(model_prepare(field), MIX_OK);
                term += density_of(field, &point[d]);
                mix_model_destroy(&field);
            }
            sum += exp(term);
        }
        ck_assert_double_eq_tol(density_of(model, point), log(sum), 1e-10);
        const size_t seen[] = {1, 2, 4};
        struct mix_model *rest = mix_model_marginal(model, seen, 3, NULL);
        for (size_t a = 0; a < 3; a++) {
            alone[a] = point[seen[a]];
        }
        point[0] = point[3] = (double)NAN;
        ck_assert_double_eq_tol(density_of(model, point), density_of(rest, alone), 1e-10);
        mix_model_destroy(&rest);
    }
    mix_model_destroy(&model);
}
END_TEST

/* What is wanted is given by the responsibilities alone. */
START_TEST(a_product_is_conditioned)
{
    struct mix_model *model = mixed_model();
    const double x[FIELDS] = {5, (double)NAN, 2, (double)NAN, 1e6};
    double mean[FIELDS], variance[FIELDS], r[2];
    const struct mix_rows one = {.x = x, .n = 1, .stride = FIELDS};
    struct mix_model *given = mix_model_conditional(model, x, NULL);
    ck_assert_int_eq(mix_model_responsibilities(model, &one, r), MIX_OK);
    ck_assert_ptr_nonnull(given);
    ck_assert_int_eq(mix_model_family(given, 1), MIX_GAMMA);
    ck_assert_double_eq_tol(given->weights[1], r[1], 1e-12);
    ck_assert_int_eq(mix_model_predict(model, x, mean, variance), MIX_OK);
    ck_assert_double_eq_tol(mean[3], r[0] * 4 + r[1] * 20, 1e-9);
    ck_assert(mean[0] == 5 && variance[0] == 0);
    mix_model_destroy(&given);
    mix_model_destroy(&model);
}
END_TEST

START_TEST(a_product_is_learned_with_entries_missing)
{
    enum { POINTS = 6000 };
    struct mix_model *truth = mixed_model();
    double *x = draw(truth, POINTS, unit_seed(21)), *whole = draw(truth, POINTS, 22);
    struct rng rng = rng_at(unit_seed(21), RNG_TEST, 0);
    for (size_t i = 0; i < POINTS * FIELDS; i++) {
        x[i] = rng_uniform(&rng) < 0.2 ? (double)NAN : x[i];
    }
    struct mix_options options = mixed_options(2);
    options.warmup = 2000;
    struct mix_learner *learner = learn(&options, x, POINTS);
    mix_learner_finish(learner);
    check_state(learner, &options, "product");
    const double best = mean_density(truth, whole, POINTS);
    const double is = mean_density(mix_learner_model(learner), whole, POINTS);
    /* Twice the noise of 23 parameters from 80 % of the points. */
    ck_assert_msg(best - is < 23.0 / POINTS / 0.8, "%.5f, truth %.5f", is, best);
    mix_learner_destroy(&learner);
    mix_model_destroy(&truth);
    free(x);
    free(whole);
}
END_TEST

START_TEST(every_family_but_gaussian_has_a_row)
{
    for (int family = 0; family < MIX_FAMILIES; family++) {
        bool has_row = family == MIX_GAUSSIAN;
        for (size_t i = 0; i < COUNT(rows); i++) {
            has_row = has_row || (int)rows[i].family == family;
        }
        ck_assert_msg(has_row, "%s", mix_family_name((enum mix_family)family));
        ck_assert_int_eq(family_of((enum mix_family)family)->id, family);
        ck_assert_ptr_nonnull(mix_family_values((enum mix_family)family));
    }
    ck_assert_ptr_null(mix_family_name(MIX_FAMILIES));
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(every_family_but_gaussian_has_a_row),
        UNIT(a_product_multiplies_and_marginalises),
        UNIT(a_product_is_conditioned),
        UNIT(a_product_is_learned_with_entries_missing),
        UNIT_LOOP(a_model_gives_back_what_it_was_made_of, rows),
        UNIT_LOOP(a_density_integrates_to_one, rows),
        UNIT_LOOP(draws_have_the_moments, rows),
        UNIT_LOOP(every_step_of_em_raises_the_likelihood, rows),
        UNIT_LOOP(the_m_step_is_the_maximum, rows),
        UNIT_LOOP(statistics_merge, rows),
        UNIT_LOOP(statistics_of_a_model_give_it_back, rows),
        UNIT_LOOP(a_state_goes_through_bytes_unchanged, rows),
        UNIT_LOOP(online_matches_batch, rows),
        UNIT_LOOP(a_missing_field_counts_for_nothing, rows),
        UNIT_LOOP(what_a_family_cannot_have_is_refused, rows),
        UNIT_LOOP(degenerate_points_break_nothing, rows),
        UNIT_LOOP(extreme_values_break_nothing, rows),
        UNIT_LOOP(a_warm_model_outlives_what_it_never_saw, rows),
        UNIT_LOOP(a_learner_starts_from_a_model, rows),
    };
    return unit_run("families", tests, COUNT(tests));
}
