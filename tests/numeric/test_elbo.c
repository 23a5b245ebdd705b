/* SPDX-License-Identifier: MIT
 *
 * What makes EM work, measured on the library's own numbers. For any distributions q_i
 * over the components,
 *
 *     L(q) = sum_i sum_k q_ik (log w_k f_k(x_i) - log q_ik) = log-likelihood - KL(q || r)
 *
 * (Neal and Hinton 1998). Densities of single components come from models of one
 * component, so that they do not pass through the sum that they are compared with. */
#include <math.h>

#include "brute.h"

#define N 500
#define D 3
#define K 4

struct data {
    struct brute brute;
    struct mix_model *model;
    double *x, l[N], r[N * K], joint[N * K]; /* joint: log w_k f_k(x_i) */
};

/* Component k as a mixture of its own. */
static struct mix_model *component(const struct brute *brute, size_t k)
{
    const double one = 1;
    const size_t size[MIX_COVARIANCES] = {
        [MIX_FULL] = D * D, [MIX_DIAG] = D, [MIX_SPHERICAL] = 1, [MIX_TIED] = 0};
    return mix_model_new(D, 1, brute->covariance, &one, brute->means + k * D,
                         brute->covariances + k * size[brute->covariance], NULL);
}

static struct data *data_new(enum mix_covariance covariance)
{
    struct data *data = calloc(1, sizeof(*data));
    struct rng rng = rng_at(brute_seed(), RNG_TEST, covariance);
    double one[N];
    data->brute = brute_new(D, K, covariance, 1.5, &rng);
    data->model = brute_model(&data->brute);
    data->x = brute_sample(&data->brute, brute_seed(), N);
    const struct mix_rows rows = {.x = data->x, .n = N, .stride = D};
    ck_assert_int_eq(mix_model_log_density(data->model, &rows, data->l), MIX_OK);
    ck_assert_int_eq(mix_model_responsibilities(data->model, &rows, data->r), MIX_OK);
    for (size_t k = 0; k < K; k++) {
        struct mix_model *single = component(&data->brute, k);
        ck_assert_int_eq(mix_model_log_density(single, &rows, one), MIX_OK);
        for (size_t i = 0; i < N; i++) {
            data->joint[i * K + k] = log(data->brute.weights[k]) + one[i];
        }
        mix_model_destroy(&single);
    }
    return data;
}

static void data_free(struct data *data)
{
    brute_free(&data->brute);
    mix_model_destroy(&data->model);
    free(data->x);
    free(data);
}

/* Sum over k of q (a - log q), with 0 log 0 = 0. */
static double bound(const double *q, const double *a)
{
    double sum = 0;
    for (size_t k = 0; k < K; k++) {
        sum += q[k] > 0 ? q[k] * (a[k] - log(q[k])) : 0;
    }
    return sum;
}

static void random_q(struct rng *rng, double *q)
{
    double sum = 0;
    for (size_t k = 0; k < K; k++) {
        q[k] = rng_below(rng, 5) == 0 ? 0 : -log(rng_uniform(rng));
        sum += q[k];
    }
    for (size_t k = 0; k < K; k++) {
        q[k] = sum > 0 ? q[k] / sum : 1.0 / K;
    }
}

START_TEST(bound_and_divergence_add_up_to_the_likelihood)
{
    struct data *data = data_new((enum mix_covariance)_i);
    struct rng rng = rng_at(brute_seed(), RNG_TEST, 100);
    for (size_t i = 0; i < N; i++) {
        double q[K], log_r[K];
        random_q(&rng, q);
        for (size_t k = 0; k < K; k++) {
            log_r[k] = data->joint[i * K + k] - data->l[i];
        }
        const double elbo = bound(q, data->joint + i * K), divergence = -bound(q, log_r);
        /* Jensen: the bound is below, whatever q is. */
        ck_assert_double_le(elbo, data->l[i] + 1e-12);
        ck_assert_double_ge(divergence, -1e-12);
        ck_assert_double_eq_tol(elbo + divergence, data->l[i], 1e-12 * (1 + fabs(data->l[i])));
    }
    data_free(data);
}
END_TEST

START_TEST(the_bound_is_tight_at_the_posterior_only)
{
    struct data *data = data_new((enum mix_covariance)_i);
    for (size_t i = 0; i < N; i++) {
        double *r = data->r + i * K, sum = 0;
        for (size_t k = 0; k < K; k++) {
            ck_assert(r[k] >= 0 && r[k] <= 1);
            sum += r[k];
        }
        ck_assert_double_eq_tol(sum, 1, 1e-14);
        ck_assert_double_eq_tol(bound(r, data->joint + i * K), data->l[i],
                                1e-13 * (1 + fabs(data->l[i])));
        /* Some of the largest share moved to a neighbour. */
        size_t from = 0;
        for (size_t k = 1; k < K; k++) {
            from = r[k] > r[from] ? k : from;
        }
        r[(from + 1) % K] += r[from] / 4;
        r[from] -= r[from] / 4;
        ck_assert_double_lt(bound(r, data->joint + i * K), data->l[i] - 1e-6);
    }
    data_free(data);
}
END_TEST

/* log-likelihood of the points under other means. */
static double likelihood_at(const struct data *data, const double *means)
{
    struct brute moved = data->brute;
    double *const copy = calloc(K * D, sizeof(double)), l[N], sum = 0;
    memcpy(copy, means, K * D * sizeof(double));
    moved.means = copy;
    struct mix_model *model = brute_model(&moved);
    const struct mix_rows rows = {.x = data->x, .n = N, .stride = D};
    ck_assert_int_eq(mix_model_log_density(model, &rows, l), MIX_OK);
    for (size_t i = 0; i < N; i++) {
        sum += l[i];
    }
    mix_model_destroy(&model);
    free(copy);
    return sum;
}

/* Fisher's identity: the gradient in mu_k is S_k^-1 times what EM adds to the mean times
 * the mass; so S_k times the gradient over the mass is the step of EM. */
START_TEST(the_step_of_em_is_the_gradient)
{
    struct data *data = data_new((enum mix_covariance)_i);
    struct points *points = brute_points(data->x, N, D, NULL);
    struct sums *sums = brute_sums(data->model, points);
    struct stats *stats = stats_new(&data->model->shape);
    struct mix_model *next = mix_model_copy(data->model);
    const struct prior none = brute_no_prior();
    stats_blend(stats, data->model, sums, 1);
    ck_assert_int_eq(stats_mstep(stats, N, &none, next, NULL), MIX_OK);
    for (size_t k = 0; k < K; k++) {
        double gradient[D], means[K * D];
        for (size_t d = 0; d < D; d++) {
            const double h = 1e-4;
            memcpy(means, data->brute.means, sizeof(means));
            means[k * D + d] += h;
            const double up = likelihood_at(data, means);
            means[k * D + d] -= 2 * h;
            gradient[d] = (up - likelihood_at(data, means)) / (2 * h);
        }
        for (size_t i = 0; i < D; i++) {
            double step = 0;
            for (size_t j = 0; j < D; j++) {
                step += brute_s(&data->brute, k, i, j) * gradient[j] / sums->mass[k];
            }
            const double is = mix_model_means(next)[k * D + i] - data->brute.means[k * D + i];
            /* Third derivatives times h^2. */
            ck_assert_double_eq_tol(is, step, 1e-6);
        }
    }
    mix_model_destroy(&next);
    stats_destroy(&stats);
    sums_destroy(&sums);
    points_destroy(&points);
    data_free(data);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        {bound_and_divergence_add_up_to_the_likelihood, MIX_TIED},
        {the_bound_is_tight_at_the_posterior_only, MIX_TIED},
        {the_step_of_em_is_the_gradient, MIX_COVARIANCES},
    };
    return unit_run("elbo", tests, COUNT(tests));
}
