/* SPDX-License-Identifier: MIT
 *
 * Models as users make and read them. */
#include <math.h>
#include <string.h>

#include "../numeric/brute.h"

static const enum mix_covariance types[] = {MIX_FULL, MIX_DIAG, MIX_SPHERICAL, MIX_TIED};

START_TEST(a_model_shows_what_it_was_made_of)
{
    enum { D = 3, K = 4 };
    const size_t parameters[] = {K * 6, K * 3, K, 6};
    struct rng rng = rng_at(brute_seed(), RNG_TEST, 1);
    struct brute brute = brute_new(D, K, types[_i], 2, &rng);
    struct mix_model *model = brute_model(&brute);
    ck_assert_uint_eq(mix_model_dimensions(model), D);
    ck_assert_uint_eq(mix_model_components(model), K);
    ck_assert_int_eq((int)mix_model_covariance(model), (int)types[_i]);
    ck_assert_uint_eq(mix_model_parameters(model), K - 1 + K * D + parameters[_i]);
    ck_assert_uint_eq(mix_model_covariance_size(model), brute_cov_size(&brute));
    struct mix_model *copy = mix_model_copy(model);
    mix_model_destroy(&model);
    ck_assert_ptr_null(model);
    ck_assert_mem_eq(mix_model_weights(copy), brute.weights, K * sizeof(double));
    ck_assert_mem_eq(mix_model_means(copy), brute.means, K * D * sizeof(double));
    ck_assert_mem_eq(mix_model_covariances(copy), brute.covariances,
                     brute_cov_size(&brute) * sizeof(double));
    mix_model_destroy(&copy);
    mix_model_destroy(&copy);
    brute_free(&brute);
}
END_TEST

/* Parameters of D = 2, K = 2 with one number changed. */
static const struct {
    const char *what;
    double weight, mean, variance, covariance;
    enum mix_err err;
} bad[] = {
    {"nothing", 0.5, 1, 2, 0.5, MIX_OK},
    {"weights that sum to 1.1", 0.6, 1, 2, 0.5, MIX_EVALUE},
    {"a weight that is not a number", (double)NAN, 1, 2, 0.5, MIX_EVALUE},
    {"a mean that is not a number", 0.5, (double)NAN, 2, 0.5, MIX_EVALUE},
    {"a mean out of range", 0.5, 1e151, 2, 0.5, MIX_EVALUE},
    {"a variance of zero", 0.5, 1, 0, 0.5, MIX_ECOVARIANCE},
    {"a negative variance", 0.5, 1, -1, 0.5, MIX_ECOVARIANCE},
    {"an infinite variance", 0.5, 1, HUGE_VAL, 0.5, MIX_ECOVARIANCE},
    {"a correlation above 1", 0.5, 1, 2, 1.5, MIX_ECOVARIANCE},
    {"a covariance that is not a number", 0.5, 1, 2, (double)NAN, MIX_ECOVARIANCE},
};

START_TEST(parameters_without_a_density_are_refused)
{
    const double weights[] = {bad[_i].weight, 0.5}, means[] = {0, 0, bad[_i].mean, 1};
    const double c = bad[_i].covariance;
    const double covariances[] = {1, 0, 0, 1, bad[_i].variance, c, c, 1};
    enum mix_err err;
    struct mix_model *model = mix_model_new(2, 2, MIX_FULL, weights, means, covariances, &err);
    ck_assert_msg(err == bad[_i].err && (model != NULL) == (err == MIX_OK), "%s: %s",
                  bad[_i].what, mix_strerror(err));
    mix_model_destroy(&model);
}
END_TEST

START_TEST(sizes_and_asymmetry_are_refused)
{
    const double one[] = {1}, pair[] = {0.5, 0.5}, zeros[4] = {0};
    const double skew[] = {1, 0.5, 0.4, 1};
    enum mix_err err;
    ck_assert_ptr_null(mix_model_new(0, 1, MIX_FULL, one, zeros, one, &err));
    ck_assert_int_eq(err, MIX_ESIZE);
    ck_assert_ptr_null(mix_model_new(1, 0, MIX_FULL, one, zeros, one, &err));
    ck_assert_int_eq(err, MIX_ESIZE);
    ck_assert_ptr_null(mix_model_new(2, 2, MIX_TIED, pair, zeros, skew, &err));
    ck_assert_int_eq(err, MIX_ECOVARIANCE);
    ck_assert_ptr_null(mix_model_new(1, 1, MIX_FULL, pair, zeros, one, NULL));
}
END_TEST

START_TEST(densities_of_rows_are_those_of_brute_force)
{
    enum { D = 3, K = 2, N = 300, STRIDE = 5 };
    struct rng rng = rng_at(brute_seed(), RNG_TEST, 2);
    struct brute brute = brute_new(D, K, types[_i], 1, &rng);
    struct mix_model *model = brute_model(&brute);
    static double x[N * STRIDE], l[N], r[N * K];
    for (size_t i = 0; i < N * STRIDE; i++) {
        x[i] = 2 * rng_normal(&rng);
    }
    x[1 * STRIDE + 2] = (double)NAN;
    x[2 * STRIDE] = x[2 * STRIDE + 1] = x[2 * STRIDE + 2] = (double)NAN;
    x[3 * STRIDE] = 1e150;
    struct mix_rows rows = {.x = x, .n = N, .stride = STRIDE};
    ck_assert_int_eq(mix_model_log_density(model, &rows, l), MIX_OK);
    ck_assert_int_eq(mix_model_responsibilities(model, &rows, r), MIX_OK);
    for (size_t i = 0; i < N; i++) {
        if (i == 2 || i == 3) {
            ck_assert(i == 2 ? isnan(l[i]) : l[i] < -1e299);
            continue;
        }
        const double should = (double)brute_posterior(&brute, x + i * STRIDE, NULL);
        ck_assert_double_eq_tol(l[i], should, 1e-13 * (1 + fabs(should)));
        ck_assert_double_eq_tol(r[i * K] + r[i * K + 1], 1, 1e-15);
    }
    ck_assert(r[2 * K] == 0 && r[2 * K + 1] == 0);
    rows.stride = D - 1;
    ck_assert_int_eq(mix_model_log_density(model, &rows, l), MIX_ESIZE);
    ck_assert_int_eq(mix_model_responsibilities(model, &rows, r), MIX_ESIZE);
    mix_model_destroy(&model);
    brute_free(&brute);
}
END_TEST

START_TEST(draws_have_the_moments_of_the_model)
{
    enum { D = 2, K = 3, N = 40000 };
    struct rng rng = rng_at(brute_seed(), RNG_TEST, 3);
    struct brute brute = brute_new(D, K, types[_i], 3, &rng);
    double *x = brute_sample(&brute, 5, N), *again = brute_sample(&brute, 5, N);
    double *other = brute_sample(&brute, 6, 1);
    ck_assert_mem_eq(x, again, N * D * sizeof(*x));
    ck_assert(memcmp(x, other, D * sizeof(*x)) != 0);
    for (size_t i = 0; i < D; i++) {
        double mean = 0, variance = 0, is = 0, square = 0;
        for (size_t k = 0; k < K; k++) {
            mean += brute.weights[k] * brute.means[k * D + i];
        }
        for (size_t k = 0; k < K; k++) {
            const double d = brute.means[k * D + i] - mean;
            variance += brute.weights[k] * (brute_s(&brute, k, i, i) + d * d);
        }
        for (size_t n = 0; n < N; n++) {
            is += x[n * D + i] / N;
            square += (x[n * D + i] - mean) * (x[n * D + i] - mean) / N;
        }
        /* Five standard errors; the kurtosis of a mixture is below 4 here. */
        ck_assert_double_eq_tol(is, mean, 5 * sqrt(variance / N));
        ck_assert_double_eq_tol(square, variance, 5 * variance * sqrt(3.0 / N));
    }
    free(x);
    free(again);
    free(other);
    brute_free(&brute);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT_LOOP(a_model_shows_what_it_was_made_of, types),
        UNIT_LOOP(parameters_without_a_density_are_refused, bad),
        UNIT(sizes_and_asymmetry_are_refused),
        UNIT_LOOP(densities_of_rows_are_those_of_brute_force, types),
        UNIT_LOOP(draws_have_the_moments_of_the_model, types),
    };
    return unit_run("model", tests, COUNT(tests));
}
