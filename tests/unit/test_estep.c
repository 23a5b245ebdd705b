/* SPDX-License-Identifier: MIT
 *
 * Log densities, responsibilities and sums of a block against brute force in long
 * double, for every covariance type, on every kernel of this machine. */
#include "../numeric/brute.h"

#include "kernel.h"

#define N 300 /* a full block and a part of one */

static const struct {
    size_t dims, components;
    enum mix_covariance covariance;
    double spread;
} shapes[] = {
    {1, 1, MIX_FULL, 1},      {1, 3, MIX_FULL, 3},       {2, 4, MIX_FULL, 2},
    {3, 5, MIX_FULL, 3},      {4, 9, MIX_FULL, 2},       {8, 8, MIX_FULL, 1},
    {13, 17, MIX_FULL, 0.7},  {16, 6, MIX_FULL, 1e3},    {33, 3, MIX_FULL, 0.3},
    {1, 2, MIX_DIAG, 2},      {2, 4, MIX_DIAG, 2},       {7, 11, MIX_DIAG, 1},
    {16, 3, MIX_DIAG, 1e4},   {2, 3, MIX_SPHERICAL, 2},  {9, 7, MIX_SPHERICAL, 1},
    {1, 2, MIX_TIED, 2},      {2, 5, MIX_TIED, 2},       {10, 4, MIX_TIED, 1},
    {6, 4, MIX_TIED, 1e5},
};

/* Points of the mixture, some of them with holes, weights, all in one. */
struct data {
    struct brute mixture;
    double *x, *weight;
    struct points *points;
    struct mix_model *model;
};

static struct data data_new(size_t row, double hole_share, bool is_weighted)
{
    struct rng rng = rng_at(brute_seed(), RNG_TEST, row);
    struct data data;
    data.mixture = brute_new(shapes[row].dims, shapes[row].components,
                               shapes[row].covariance, shapes[row].spread, &rng);
    data.x = brute_sample(&data.mixture, brute_seed(), N);
    data.weight = calloc(N, sizeof(double));
    for (size_t i = 0; i < N; i++) {
        data.weight[i] = is_weighted ? 3 * rng_uniform(&rng) : 1;
        for (size_t d = 0; d < shapes[row].dims; d++) {
            if (rng_uniform(&rng) < hole_share) {
                data.x[i * shapes[row].dims + d] = NAN;
            }
        }
    }
    data.points = brute_points(data.x, N, shapes[row].dims, data.weight);
    data.model = brute_model(&data.mixture);
    return data;
}

static void data_free(struct data *data)
{
    brute_free(&data->mixture);
    free(data->x);
    free(data->weight);
    points_destroy(&data->points);
    mix_model_destroy(&data->model);
}

static bool is_empty(const struct data *data, size_t i)
{
    for (size_t d = 0; d < data->mixture.dims; d++) {
        if (!isnan(data->x[i * data->mixture.dims + d])) {
            return false;
        }
    }
    return true;
}

static void check_densities(const struct data *data, const char *what)
{
    const size_t n = data->mixture.components;
    struct estep *estep = estep_new(&data->model->shape);
    long double *const posterior = calloc(n, sizeof(*posterior));
    for (size_t i = 0; i < N; i++) {
        const size_t lane = i % BLOCK_POINTS;
        if (lane == 0) {
            estep_score(estep, data->model, points_block(data->points, i / BLOCK_POINTS));
        }
        const double *x = data->x + i * data->mixture.dims;
        const double l = (double)brute_posterior(&data->mixture, x, posterior);
        if (is_empty(data, i)) {
            ck_assert_msg(isnan(estep->log_density[lane]), "%s: point %zu", what, i);
            continue;
        }
        /* Rounding of the squares, D of them of the order of |l|, and of the reference
         * at 64 sd. */
        const double tolerance = 2e-13 * (1 + fabs(l));
        ck_assert_msg(fabs(estep->log_density[lane] - l) <= tolerance,
                      "%s: point %zu: log density %.17g, should be %.17g", what, i,
                      estep->log_density[lane], l);
        for (size_t k = 0; k < n; k++) {
            const double r = estep->resp[k * BLOCK_POINTS + lane];
            ck_assert_msg(fabs(r - data->weight[i] * (double)posterior[k]) <= 3 * tolerance,
                          "%s: point %zu component %zu: r %.17g, should be %.17g", what, i,
                          k, r, data->weight[i] * (double)posterior[k]);
        }
    }
    free(posterior);
    estep_destroy(&estep);
}

START_TEST(densities_and_responsibilities_agree_with_brute_force)
{
    for (size_t level = 0; kernel_table()[level] != NULL; level++) {
        char what[120];
        ck_assert(kernel_select(kernel_table()[level]->name));
        for (int variant = 0; variant < 4; variant++) {
            struct data data = data_new((size_t)_i, variant % 2 == 1 ? 0.3 : 0, variant >= 2);
            snprintf(what, sizeof(what), "%s, shape %d, variant %d, MIXD_TEST_SEED=%llu",
                     kernel_table()[level]->name, _i, variant,
                     brute_seed());
            check_densities(&data, what);
            data_free(&data);
        }
    }
}
END_TEST

/* The sums by brute force, as the batch M-step without a prior sees them. */
static void check_step(const struct data *data, const char *what)
{
    const size_t n = data->mixture.components, dims = data->mixture.dims;
    const struct prior none = brute_no_prior();
    struct sums *sums = brute_sums(data->model, data->points);
    struct stats *stats = stats_new(&data->model->shape);
    struct mix_model *model_of = mix_model_copy(data->model);
    stats_blend(stats, data->model, sums, 1);
    ck_assert_int_eq(stats_mstep(stats, sums->weight, &none, model_of, NULL), MIX_OK);
    long double *const r = calloc(N * n, sizeof(*r)), total = 0, log_likelihood = 0;
    for (size_t i = 0; i < N; i++) {
        log_likelihood += data->weight[i] *
            brute_posterior(&data->mixture, data->x + i * dims, r + i * n);
        total += data->weight[i];
    }
    ck_assert_msg(fabs(sums->log_likelihood - (double)log_likelihood) <=
                      1e-13 * N * (1 + fabs((double)log_likelihood) / N),
                  "%s: log-likelihood %.17g, should be %.17g", what, sums->log_likelihood,
                  (double)log_likelihood);
    for (size_t k = 0; k < n; k++) {
        long double mass = 0;
        for (size_t i = 0; i < N; i++) {
            mass += data->weight[i] * r[i * n + k];
        }
        ck_assert_msg(fabs(stats->rho[k] - (double)(mass / total)) <= 1e-12, "%s: rho", what);
        if (mass < 1e-6L) {
            continue;
        }
        for (size_t d = 0; d < dims; d++) {
            long double mean = 0;
            for (size_t i = 0; i < N; i++) {
                mean += data->weight[i] * r[i * n + k] * data->x[i * dims + d];
            }
            const double should = (double)(mean / mass), is = model_of->param[k * dims + d];
            ck_assert_msg(fabs(is - should) <= 1e-12 * (1 + fabs(should)),
                          "%s: mean %zu %zu is %.17g, should be %.17g", what, k, d, is, should);
        }
    }
    mix_model_destroy(&model_of);
    free(r);
    stats_destroy(&stats);
    sums_destroy(&sums);
}

START_TEST(sums_give_the_means_of_brute_force)
{
    for (size_t level = 0; kernel_table()[level] != NULL; level++) {
        char what[120];
        ck_assert(kernel_select(kernel_table()[level]->name));
        for (int variant = 0; variant < 2; variant++) {
            struct data data = data_new((size_t)_i, 0, variant == 1);
            snprintf(what, sizeof(what), "%s, shape %d, variant %d, MIXD_TEST_SEED=%llu",
                     kernel_table()[level]->name, _i, variant,
                     brute_seed());
            check_step(&data, what);
            data_free(&data);
        }
    }
}
END_TEST

/* Calls the parts last first, on a thread each in turn, so that whoever relies on an order
 * or a thread is found out. */
static void run_backwards(const struct mix_executor *executor, size_t parts,
                          void (*task)(void *argument, size_t part, size_t thread),
                          void *argument)
{
    for (size_t part = parts; part-- > 0;) {
        task(argument, part, (parts - part) % executor->threads);
    }
}

static uint64_t hash_of(uint64_t hash, const double *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t bits;
        memcpy(&bits, &values[i], sizeof(bits));
        hash = (hash ^ bits) * 0x100000001b3;
    }
    return hash;
}

/* All that an E-step and its sums leave behind, by so many threads. */
static uint64_t hash_with(const struct data *data, size_t threads)
{
    const struct mix_executor executor = {.threads = threads, .run = run_backwards};
    const struct shape *shape = &data->model->shape;
    struct estep *estep = estep_new(shape);
    struct sums *sums = sums_new(shape);
    uint64_t hash = 1;
    ck_assert(estep_share(estep, shape, &executor));
    for (size_t j = 0; j < points_blocks(data->points); j++) {
        const struct block *block = points_block(data->points, j);
        estep_density(estep, data->model, block);
        hash = hash_of(hash, estep->log_density, block->n);
        estep_score(estep, data->model, block);
        sums_add(sums, estep, data->model, block);
        hash = hash_of(hash, estep->log_density, block->n);
        hash = hash_of(hash, estep->resp, shape->components * BLOCK_POINTS);
    }
    hash = hash_of(hash, sums->mass, sums->n_values);
    hash = hash_of(hash, &sums->log_likelihood, 1);
    ck_assert_uint_eq(sums->points + sums->unscorable, N);
    estep_destroy(&estep);
    sums_destroy(&sums);
    return hash;
}

START_TEST(more_threads_change_no_bit)
{
    static const size_t threads[] = {2, 3, 8};
    for (size_t level = 0; kernel_table()[level] != NULL; level++) {
        ck_assert(kernel_select(kernel_table()[level]->name));
        for (int variant = 0; variant < 4; variant++) {
            struct data data =
                data_new((size_t)_i, variant % 2 == 1 ? 0.02 : 0, variant >= 2);
            const uint64_t hash = hash_with(&data, 1);
            for (size_t i = 0; i < COUNT(threads); i++) {
                ck_assert_msg(hash_with(&data, threads[i]) == hash,
                              "%s: shape %d, variant %d, %zu threads",
                              kernel_table()[level]->name, _i, variant, threads[i]);
            }
            data_free(&data);
        }
    }
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT_LOOP(densities_and_responsibilities_agree_with_brute_force, shapes),
        UNIT_LOOP(sums_give_the_means_of_brute_force, shapes),
        UNIT_LOOP(more_threads_change_no_bit, shapes),
    };
    return unit_run("estep", tests, COUNT(tests));
}
