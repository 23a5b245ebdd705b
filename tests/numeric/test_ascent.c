/* SPDX-License-Identifier: MIT
 *
 * Batch EM with the library's E-step, statistics and M-step: it climbs, with and without
 * a prior; its M-step is the best there is; its moments are those of the points. */
#include <math.h>

#include "brute.h"

#define N 700
#define D 3
#define K 3

struct run {
    struct brute brute;
    struct mix_model *model;
    struct points *points;
    struct stats *stats;
    double *x;
};

static struct run run_new(enum mix_covariance covariance, double hole_share)
{
    struct rng rng = rng_at(brute_seed(), RNG_TEST, 10 + covariance);
    struct run run;
    run.brute = brute_new(D, K, covariance, 1.5, &rng);
    run.x = brute_sample(&run.brute, brute_seed(), N);
    for (size_t i = 0; i < N * D; i++) {
        run.x[i] = rng_uniform(&rng) < hole_share ? (double)NAN : run.x[i];
    }
    for (size_t i = 0; i < K * D; i++) {
        run.brute.means[i] += rng_normal(&rng); /* a start that is not the truth */
    }
    run.model = brute_model(&run.brute);
    run.points = brute_points(run.x, N, D, NULL);
    run.stats = stats_new(&run.model->shape);
    return run;
}

static void run_free(struct run *run)
{
    brute_free(&run->brute);
    mix_model_destroy(&run->model);
    points_destroy(&run->points);
    stats_destroy(&run->stats);
    free(run->x);
}

/* One EM step; the log-likelihood before it. */
static double em_step(struct run *run, const struct prior *prior)
{
    struct sums *sums = brute_sums(run->model, run->points);
    const double l = sums->log_likelihood;
    stats_blend(run->stats, run->model, sums, 1);
    ck_assert_int_eq(stats_mstep(run->stats, sums->weight, prior, run->model, NULL), MIX_OK);
    sums_destroy(&sums);
    return l;
}

/* -1/2 nu0 (log|S| + tr S^-1 diag(s0)) of one covariance; S by brute force. */
static double log_prior_of(const struct mix_model *model, size_t k, const struct prior *prior)
{
    struct brute view = {.dims = D,
                         .components = K,
                         .covariance = mix_model_covariance(model)};
    double *const covariances =
        calloc(mix_model_covariance_size(model), sizeof(*covariances));
    long double factor[D * D] = {0}, sum = 0;
    const size_t all[D] = {0, 1, 2};
    memcpy(covariances, mix_model_covariances(model),
           mix_model_covariance_size(model) * sizeof(double));
    view.covariances = covariances;
    brute_factor(&view, k, all, D, factor);
    for (size_t c = 0; c < D; c++) { /* column c of L^-1, and so of the trace */
        long double z[D] = {0};
        for (size_t i = 0; i < D; i++) {
            z[i] = i == c;
            for (size_t j = 0; j < i; j++) {
                z[i] -= factor[i * D + j] * z[j];
            }
            z[i] /= factor[i * D + i];
            sum += z[i] * z[i] * prior->s0[c];
        }
        sum += 2 * logl(factor[c * D + c]);
    }
    free(covariances);
    return (double)(-0.5L * prior->nu0 * sum);
}

static double log_prior(const struct mix_model *model, const struct prior *prior)
{
    /* A tied covariance has one prior, as it is one parameter. */
    const size_t n = mix_model_covariance(model) == MIX_TIED ? 1 : K;
    double sum = 0;
    for (size_t k = 0; k < n && prior->nu0 > 0; k++) {
        sum += log_prior_of(model, k, prior);
    }
    return sum;
}

static void check_climb(struct run *run, const struct prior *prior)
{
    double before = -HUGE_VAL;
    for (int step = 0; step < 60; step++) {
        const double penalty = log_prior(run->model, prior);
        const double objective = em_step(run, prior) + penalty;
        ck_assert_msg(objective >= before - 1e-12 * fabs(before),
                      "step %d: %.17g after %.17g, MIXD_TEST_SEED=%llu", step, objective,
                      before, brute_seed());
        before = objective;
    }
}

START_TEST(the_likelihood_never_falls)
{
    for (int holes = 0; holes < 2; holes++) {
        struct run run = run_new((enum mix_covariance)_i, holes == 0 ? 0 : 0.25);
        const struct prior none = brute_no_prior();
        check_climb(&run, &none);
        run_free(&run);
    }
}
END_TEST

START_TEST(with_a_prior_the_posterior_never_falls)
{
    const double s0[D] = {0.5, 2, 1}, vf[D] = {0};
    const struct prior prior = {.nu0 = D + 2, .s0 = s0, .vf = vf};
    for (int holes = 0; holes < 2; holes++) {
        struct run run = run_new((enum mix_covariance)_i, holes == 0 ? 0 : 0.25);
        check_climb(&run, &prior);
        run_free(&run);
    }
}
END_TEST

/* Mean and covariance of the mixture are those of the points after one full step. */
START_TEST(the_moments_of_the_points_are_matched)
{
    struct run run = run_new((enum mix_covariance)_i, 0);
    const struct prior none = brute_no_prior();
    em_step(&run, &none);
    const double *w = mix_model_weights(run.model), *mu = mix_model_means(run.model);
    struct brute after = run.brute;
    double *const covariances = calloc(mix_model_covariance_size(run.model), sizeof(double));
    memcpy(covariances, mix_model_covariances(run.model),
           mix_model_covariance_size(run.model) * sizeof(double));
    after.covariances = covariances;
    long double mean[D] = {0}, mixed[D] = {0};
    for (size_t d = 0; d < D; d++) {
        for (size_t i = 0; i < N; i++) {
            mean[d] += (long double)run.x[i * D + d] / N;
        }
        for (size_t k = 0; k < K; k++) {
            mixed[d] += (long double)w[k] * mu[k * D + d];
        }
        ck_assert_double_eq_tol((double)mixed[d], (double)mean[d], 1e-13);
    }
    const bool is_dense = after.covariance == MIX_FULL || after.covariance == MIX_TIED;
    double trace[2] = {0};
    for (size_t a = 0; a < D; a++) {
        for (size_t b = 0; b <= a; b++) {
            long double is = 0, should = 0;
            for (size_t i = 0; i < N; i++) {
                should += (run.x[i * D + a] - mean[a]) * (run.x[i * D + b] - mean[b]) / N;
            }
            for (size_t k = 0; k < K; k++) {
                is += w[k] * (brute_s(&after, k, a, b) +
                              (mu[k * D + a] - mean[a]) * (mu[k * D + b] - mean[b]));
            }
            trace[0] += a == b ? (double)is : 0;
            trace[1] += a == b ? (double)should : 0;
            if (is_dense || (a == b && after.covariance == MIX_DIAG)) {
                ck_assert_double_eq_tol((double)is, (double)should, 1e-12);
            }
        }
    }
    ck_assert_double_eq_tol(trace[0], trace[1], 1e-12);
    free(covariances);
    run_free(&run);
}
END_TEST

/* sum_i sum_k r_ik log w_k f_k(x_i) of other parameters, r of the model before. */
static double expected(const struct brute *brute, const double *x, const long double *r)
{
    long double sum = 0;
    for (size_t i = 0; i < N; i++) {
        for (size_t k = 0; k < K; k++) {
            sum += r[i * K + k] * (logl(brute->weights[k]) +
                                   brute_log_density(brute, k, x + i * D));
        }
    }
    return (double)sum;
}

START_TEST(no_parameters_near_by_are_better)
{
    struct run run = run_new((enum mix_covariance)_i, 0);
    struct rng rng = rng_at(brute_seed(), RNG_TEST, 500);
    const struct prior none = brute_no_prior();
    long double *const r = calloc(N * K, sizeof(*r));
    for (size_t i = 0; i < N; i++) {
        brute_posterior(&run.brute, run.x + i * D, r + i * K);
    }
    em_step(&run, &none);
    const size_t size = mix_model_covariance_size(run.model);
    memcpy(run.brute.weights, mix_model_weights(run.model), K * sizeof(double));
    memcpy(run.brute.means, mix_model_means(run.model), K * D * sizeof(double));
    memcpy(run.brute.covariances, mix_model_covariances(run.model), size * sizeof(double));
    const double best = expected(&run.brute, run.x, r);
    for (int trial = 0; trial < 30; trial++) {
        const double eps = 1e-3;
        const size_t k = rng_below(&rng, K), other = (k + 1) % K;
        const double moved = eps * rng_uniform(&rng);
        double *const mean = &run.brute.means[rng_below(&rng, K * D)];
        double *const cov = &run.brute.covariances[0]; /* of field 0 with itself */
        const double kept[] = {run.brute.weights[k], run.brute.weights[other], *mean, *cov};
        run.brute.weights[k] -= moved;
        run.brute.weights[other] += moved;
        *mean += eps * rng_normal(&rng);
        *cov *= 1 + eps * rng_normal(&rng);
        ck_assert_double_lt(expected(&run.brute, run.x, r), best);
        run.brute.weights[k] = kept[0];
        run.brute.weights[other] = kept[1];
        *mean = kept[2];
        *cov = kept[3];
    }
    free(r);
    run_free(&run);
}
END_TEST

START_TEST(a_converged_model_stays)
{
    struct run run = run_new((enum mix_covariance)_i, 0);
    const struct prior none = brute_no_prior();
    double l = 0, last = 0;
    for (int step = 0; step < 3000; step++) {
        last = l;
        l = em_step(&run, &none);
    }
    ck_assert_double_eq_tol(l, last, 1e-9 * fabs(l));
    run_free(&run);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        {the_likelihood_never_falls, MIX_COVARIANCES},
        {with_a_prior_the_posterior_never_falls, MIX_COVARIANCES},
        {the_moments_of_the_points_are_matched, MIX_COVARIANCES},
        {no_parameters_near_by_are_better, MIX_COVARIANCES},
        {a_converged_model_stays, MIX_COVARIANCES},
    };
    return unit_run("ascent", tests, COUNT(tests));
}
