/* SPDX-License-Identifier: MIT */
#include "em.h"

#include "mixture.h"
#include "search.h"

enum { D = 2, K = 3, N = 3000 }; /* two parts */

/* A fit of 3000 points of three overlapping components from a poor start. */
struct fit {
    struct sample sample;
    struct points *points;
    struct mix_model *model;
    struct em *em;
    struct prior prior;
};

static const double s0[D] = {0.5, 0.5}, vf[D] = {1e-12, 1e-12};

static struct fit fit_new(double nu0)
{
    struct fit fit = {.prior = {.nu0 = nu0, .s0 = s0, .vf = vf}};
    struct mix_model *truth = mixture_random(D, K, 2, 21);
    fit.sample = sample_draw(truth, 22, N);
    fit.points = sample_points(&fit.sample);
    fit.model = mixture_random(D, K, 1, 23);
    fit.em = em_new(&fit.model->shape);
    ck_assert_ptr_nonnull(fit.em);
    mix_model_destroy(&truth);
    return fit;
}

static void fit_clear(struct fit *fit)
{
    em_destroy(&fit->em);
    mix_model_destroy(&fit->model);
    points_destroy(&fit->points);
    free(fit->sample.x);
}

static void run_to_end(struct em *em)
{
    while (!em->is_done) {
        uint64_t budget = UINT64_MAX;
        em_run(em, &budget);
    }
}

START_TEST(the_likelihood_never_falls)
{
    struct fit fit = fit_new(0);
    double before = -HUGE_VAL;
    em_start(fit.em, fit.points, &fit.prior, fit.model, 60, 0);
    while (!fit.em->is_done) {
        uint64_t budget = UINT64_MAX;
        em_run(fit.em, &budget);
        /* Rounding of a mean of 3000 log densities of some nats. */
        ck_assert_msg(fit.em->log_likelihood >= before - 1e-13, "pass %zu: %.17g < %.17g",
                      fit.em->pass, fit.em->log_likelihood, before);
        before = fit.em->log_likelihood;
    }
    ck_assert_uint_eq(fit.em->pass, 60);
    fit_clear(&fit);
}
END_TEST

START_TEST(slices_change_no_bit)
{
    struct fit whole = fit_new(4), sliced = fit_new(4);
    em_start(whole.em, whole.points, &whole.prior, whole.model, 10, 0);
    run_to_end(whole.em);
    em_start(sliced.em, sliced.points, &sliced.prior, sliced.model, 10, 0);
    for (uint64_t i = 0; !sliced.em->is_done; i++) {
        uint64_t budget = 1 + i % 900;
        em_run(sliced.em, &budget);
    }
    ck_assert(memcmp(whole.model->param, sliced.model->param,
                     whole.model->shape.param_size * sizeof(double)) == 0);
    ck_assert(whole.em->log_likelihood == sliced.em->log_likelihood);
    fit_clear(&whole);
    fit_clear(&sliced);
}
END_TEST

START_TEST(the_result_is_the_likelihood_and_statistics_of_the_final_model)
{
    struct fit fit = fit_new(4);
    const double tolerances[] = {0, 1e-3};
    em_start(fit.em, fit.points, &fit.prior, fit.model, 12, tolerances[_i]);
    run_to_end(fit.em);
    ck_assert(_i == 0 ? fit.em->pass == 12 : fit.em->pass < 12);
    ck_assert_double_eq_tol(fit.em->log_likelihood,
                            mean_log_density(fit.model, &fit.sample), 1e-12);
    double rho[K];
    memcpy(rho, fit.em->stats->rho, sizeof(rho));
    em_start(fit.em, fit.points, &fit.prior, fit.model, 0, 0);
    run_to_end(fit.em);
    for (size_t k = 0; k < K; k++) {
        ck_assert_double_eq_tol(fit.em->stats->rho[k], rho[k], 1e-14);
    }
    fit_clear(&fit);
}
END_TEST

START_TEST(one_component_is_the_mean_and_covariance_after_one_pass)
{
    struct mix_model *truth = mixture_random(D, K, 4, 31),
                     *one = mixture_random(D, 1, 1, 32);
    struct sample s = sample_draw(truth, 31, N);
    struct points *points = sample_points(&s);
    struct em *em = em_new(&one->shape);
    const double zero[D] = {0, 0};
    const struct prior none = {.nu0 = 0, .s0 = zero, .vf = zero};
    double mean[D] = {0}, c[D * D] = {0};
    for (size_t i = 0; i < N * D; i++) {
        mean[i % D] += s.x[i] / N;
    }
    for (size_t i = 0; i < N; i++) {
        for (size_t p = 0; p < D * D; p++) {
            c[p] += (s.x[i * D + p / D] - mean[p / D]) *
                    (s.x[i * D + p % D] - mean[p % D]) / N;
        }
    }
    em_start(em, points, &none, one, 1, 0);
    run_to_end(em);
    for (size_t d = 0; d < D; d++) {
        ck_assert_double_eq_tol(mix_model_means(one)[d], mean[d], 1e-12);
    }
    for (size_t p = 0; p < D * D; p++) {
        ck_assert_double_eq_tol(mix_model_covariances(one)[p], c[p], 1e-11);
    }
    em_destroy(&em);
    points_destroy(&points);
    mix_model_destroy(&truth);
    mix_model_destroy(&one);
    free(s.x);
}
END_TEST

/* Labels of k-means on clusters 1e9 from the origin: the sums about the origin would
 * lose all digits of a variance near 1; the second round has them. */
START_TEST(a_start_from_labels_is_exact_far_from_the_origin)
{
    struct mix_model *truth = mixture_random(D, K, 30, 41);
    struct sample s = sample_draw(truth, 41, N), far = sample_draw(truth, 41, N);
    for (size_t i = 0; i < N * D; i++) {
        far.x[i] += 1e9;
    }
    struct sample *samples[] = {&s, &far};
    double variance[2] = {0, 0};
    for (size_t i = 0; i < 2; i++) {
        struct points *points = sample_points(samples[i]);
        struct mix_model *model = mix_model_copy(truth);
        struct scales *scales = scales_new(D);
        struct kmeans *kmeans = kmeans_new(D, K, N);
        struct em *em = em_new(&model->shape);
        struct weighted *scratch = calloc(SCALES_SCRATCH * N, sizeof(*scratch));
        for (size_t d = 0; d < D; d++) {
            scales_measure(scales, points, d, (double)NAN, scratch);
        }
        scales_first_prior(scales, K);
        const struct prior prior = prior_of(scales);
        kmeans_start(kmeans, points, scales, 1, 0);
        while (!kmeans_is_done(kmeans)) {
            kmeans_step(kmeans);
        }
        em_from_kmeans(em, kmeans, points, &prior, model);
        for (size_t k = 0; k < K; k++) {
            variance[i] += model->weights[k] * mix_model_covariances(model)[k * D * D];
        }
        em_destroy(&em);
        kmeans_destroy(&kmeans);
        scales_destroy(&scales);
        mix_model_destroy(&model);
        points_destroy(&points);
        free(scratch);
    }
    /* The inputs at 1e9 are rounded to 1.2e-7. */
    ck_assert_double_eq_tol(variance[0], variance[1], 1e-6 * variance[0]);
    mix_model_destroy(&truth);
    free(s.x);
    free(far.x);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(the_likelihood_never_falls),
        UNIT(slices_change_no_bit),
        {the_result_is_the_likelihood_and_statistics_of_the_final_model, 2},
        UNIT(one_component_is_the_mean_and_covariance_after_one_pass),
        UNIT(a_start_from_labels_is_exact_far_from_the_origin),
    };
    return unit_run("em", tests, COUNT(tests));
}
