/* SPDX-License-Identifier: MIT
 *
 * What a mixture says of some fields when others are known, held against the densities
 * of the whole: p(x_o | x_s) = p(x_o, x_s) / p(x_s), and moments against integrals. */
#include "brute.h"

#define D 4
#define K 3
#define N 40

/* Seen by bit; all seen and none seen are left out where they make no sense. */
enum { PATTERNS = 1 << D };

static void hide(const double *x, unsigned seen, double *out)
{
    for (size_t d = 0; d < D; d++) {
        out[d] = (seen >> d & 1) != 0 ? x[d] : (double)NAN;
    }
}

/* The fields of x that are not seen, one after the other. */
static size_t hidden(const double *x, unsigned seen, double *out)
{
    size_t n = 0;
    for (size_t d = 0; d < D; d++) {
        if ((seen >> d & 1) == 0) {
            out[n++] = x[d];
        }
    }
    return n;
}

static double log_density(const struct mix_model *model, const double *x)
{
    const struct mix_rows row = {.x = x, .n = 1, .stride = mix_model_dimensions(model)};
    double l;
    ck_assert_int_eq(mix_model_log_density(model, &row, &l), MIX_OK);
    return l;
}

static struct mix_model *model_of(int covariance, double **x)
{
    struct rng rng = rng_at(brute_seed(), RNG_TEST, (uint64_t)covariance);
    struct brute brute = brute_new(D, K, (enum mix_covariance)covariance, 2, &rng);
    struct mix_model *model = brute_model(&brute);
    *x = brute_sample(&brute, brute_seed(), N);
    brute_free(&brute);
    return model;
}

START_TEST(a_conditional_is_the_joint_over_the_marginal)
{
    double *x;
    struct mix_model *model = model_of(_i, &x);
    for (size_t i = 0; i < N; i++) {
        const unsigned seen = (unsigned)(i % (PATTERNS - 1));
        double given[D], rest[D];
        hide(x + i * D, seen, given);
        hidden(x + i * D, seen, rest);
        struct mix_model *conditional = mix_model_conditional(model, given, NULL);
        ck_assert_ptr_nonnull(conditional);
        const double whole = log_density(model, x + i * D);
        const double part = seen == 0 ? 0 : log_density(model, given);
        ck_assert_double_eq_tol(log_density(conditional, rest), whole - part, 1e-10);
        mix_model_destroy(&conditional);
    }
    mix_model_destroy(&model);
    free(x);
}
END_TEST

START_TEST(a_marginal_integrates_the_others_out)
{
    double *x;
    struct mix_model *model = model_of(_i, &x);
    for (unsigned dropped = 0; dropped < PATTERNS - 1; dropped++) {
        size_t fields[D], n = 0;
        for (size_t d = 0; d < D; d++) {
            if ((dropped >> d & 1) == 0) {
                fields[n++] = d;
            }
        }
        struct mix_model *marginal = mix_model_marginal(model, fields, n, NULL);
        ck_assert_ptr_nonnull(marginal);
        ck_assert_uint_eq(mix_model_dimensions(marginal), n);
        double given[D], kept[D];
        hide(x + dropped * D, ~dropped, given);
        hidden(x + dropped * D, dropped, kept);
        ck_assert_double_eq_tol(log_density(marginal, kept), log_density(model, given),
                                1e-10);
        mix_model_destroy(&marginal);
    }
    mix_model_destroy(&model);
    free(x);
}
END_TEST

/* Mean and variance of the one field that is not seen, by the trapezoidal rule. */
static void integrate(const struct mix_model *conditional, double *mean, double *variance)
{
    const double step = 0.005, end = 20;
    double mass = 0, first = 0, second = 0;
    for (double t = -end; t <= end; t += step) {
        const double p = exp(log_density(conditional, &t)) * step;
        mass += p;
        first += p * t;
        second += p * t * t;
    }
    ck_assert_double_eq_tol(mass, 1, 1e-9);
    *mean = first;
    *variance = second - first * first;
}

START_TEST(a_prediction_has_the_moments_of_the_conditional)
{
    double *x;
    struct mix_model *model = model_of(_i, &x);
    for (size_t d = 0; d < D; d++) {
        double given[D], mean[D], variance[D], true_mean, true_variance;
        hide(x, ~(1u << d), given);
        ck_assert_int_eq(mix_model_predict(model, given, mean, variance), MIX_OK);
        struct mix_model *conditional = mix_model_conditional(model, given, NULL);
        integrate(conditional, &true_mean, &true_variance);
        mix_model_destroy(&conditional);
        ck_assert_double_eq_tol(mean[d], true_mean, 1e-8);
        ck_assert_double_eq_tol(variance[d], true_variance, 1e-7);
        for (size_t other = 0; other < D; other++) {
            if (other != d) {
                ck_assert_double_eq(mean[other], x[other]);
                ck_assert_double_eq(variance[other], 0);
            }
        }
    }
    mix_model_destroy(&model);
    free(x);
}
END_TEST

/* Fields that are independent given the component: what one shows moves the others by the
 * weights alone. */
START_TEST(a_product_is_conditioned_by_its_weights)
{
    const enum mix_family families[] = {MIX_GAUSSIAN, MIX_POISSON, MIX_EXPONENTIAL};
    const double weights[] = {0.3, 0.7};
    const double parameters[] = {0, 4, /* means */ 1, 2, /* variances */
                                 1, 6, /* rates */ 0.5, 3 /* means */};
    struct mix_options options;
    mix_options_init(&options, 3, 2);
    options.families = families;
    struct mix_model *model = mix_model_make(&options, weights, parameters, NULL);
    ck_assert_ptr_nonnull(model);
    for (unsigned seen = 0; seen < 7; seen++) {
        const double x[] = {1.5, 3, 0.7};
        double given[3], rest[3];
        size_t n = 0;
        for (size_t d = 0; d < 3; d++) {
            given[d] = (seen >> d & 1) != 0 ? x[d] : (double)NAN;
            rest[n] = x[d];
            n += (seen >> d & 1) == 0;
        }
        struct mix_model *conditional = mix_model_conditional(model, given, NULL);
        ck_assert_ptr_nonnull(conditional);
        ck_assert_uint_eq(mix_model_dimensions(conditional), n);
        const double part = seen == 0 ? 0 : log_density(model, given);
        ck_assert_double_eq_tol(log_density(conditional, rest),
                                log_density(model, x) - part, 1e-12);
        mix_model_destroy(&conditional);
    }
    mix_model_destroy(&model);
}
END_TEST

START_TEST(what_has_no_answer_is_refused)
{
    double *x;
    struct mix_model *model = model_of(MIX_FULL, &x);
    enum mix_err err;
    const size_t twice[] = {1, 1}, outside[] = {D}, falling[] = {2, 0};
    ck_assert_ptr_null(mix_model_marginal(model, twice, 2, &err));
    ck_assert_int_eq(err, MIX_ESIZE);
    ck_assert_ptr_null(mix_model_marginal(model, outside, 1, &err));
    ck_assert_ptr_null(mix_model_marginal(model, falling, 2, &err));
    ck_assert_ptr_null(mix_model_marginal(model, twice, 0, &err));
    ck_assert_ptr_null(mix_model_conditional(model, x, &err));
    ck_assert_int_eq(err, MIX_ESIZE);
    const double far[D] = {1e160, (double)NAN, 0, 0};
    ck_assert_ptr_null(mix_model_conditional(model, far, &err));
    ck_assert_int_eq(err, MIX_EVALUE);
    mix_model_destroy(&model);
    free(x);
}
END_TEST

/* The covariance from its definition: E[x x'] - E[x] E[x]'. */
START_TEST(moments_are_those_of_the_whole_mixture)
{
    struct rng rng = rng_at(brute_seed(), RNG_TEST, 77 + (uint64_t)_i);
    struct brute brute = brute_new(D, K, (enum mix_covariance)_i, 2, &rng);
    struct mix_model *model = brute_model(&brute);
    double mean[D], covariance[D * D];
    mix_model_moments(model, mean, covariance);
    for (size_t i = 0; i < D; i++) {
        for (size_t j = 0; j < D; j++) {
            long double product = 0, first = 0, other = 0;
            for (size_t k = 0; k < K; k++) {
                const long double a = brute.means[k * D + i], b = brute.means[k * D + j];
                product += brute.weights[k] * (brute_s(&brute, k, i, j) + a * b);
                first += brute.weights[k] * a;
                other += brute.weights[k] * b;
            }
            ck_assert_double_eq_tol(mean[i], (double)first, 1e-14);
            ck_assert_double_eq_tol(covariance[i * D + j],
                                    (double)(product - first * other), 1e-13);
        }
    }
    brute_free(&brute);
    mix_model_destroy(&model);
}
END_TEST

/* KL of normals with deviations 1 and s, means m apart: log s + (1 + m^2)/(2 s^2) - 1/2.
 */
START_TEST(a_divergence_is_within_its_error)
{
    const double one = 1, zero = 0, variance = 4, mean = 1.5;
    struct mix_model *from = mix_model_new(1, 1, MIX_DIAG, &one, &zero, &one, NULL);
    struct mix_model *to = mix_model_new(1, 1, MIX_DIAG, &one, &mean, &variance, NULL);
    const double truth = log(2) + (1 + mean * mean) / (2 * variance) - 0.5;
    double nats, error;
    ck_assert_int_eq(mix_model_divergence(from, to, brute_seed(), 50000, &nats, &error),
                     MIX_OK);
    ck_assert_double_lt(error, 0.01);
    ck_assert_double_eq_tol(nats, truth, 5 * error);
    ck_assert_int_eq(mix_model_divergence(from, from, 1, 3000, &nats, &error), MIX_OK);
    ck_assert_double_eq(nats, 0);
    ck_assert_double_eq(error, 0);
    ck_assert_int_eq(mix_model_divergence(from, to, 1, 1, &nats, &error), MIX_ESIZE);
    mix_model_destroy(&from);
    mix_model_destroy(&to);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        {a_conditional_is_the_joint_over_the_marginal, MIX_COVARIANCES},
        {a_marginal_integrates_the_others_out, MIX_COVARIANCES},
        {a_prediction_has_the_moments_of_the_conditional, MIX_COVARIANCES},
        UNIT(a_product_is_conditioned_by_its_weights),
        UNIT(what_has_no_answer_is_refused),
        {moments_are_those_of_the_whole_mixture, MIX_COVARIANCES},
        UNIT(a_divergence_is_within_its_error),
    };
    return unit_run("condition", tests, COUNT(tests));
}
