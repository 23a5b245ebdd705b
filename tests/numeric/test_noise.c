/* SPDX-License-Identifier: MIT
 *
 * Claims about noise: clutter bends no component, clean data pays nothing for it, and a
 * model with noise is a mixture like any other. */
#include "streams.h"

enum { D = 2, K = 3, N = 60000 };

/* Clutter lies within this of the origin, in deviations of the components. */
#define REACH 1000.0

/* Points of truth of which `share` are replaced by uniform clutter. */
static struct sample draw_cluttered(const struct mix_model *truth, double share,
                                    uint64_t seed)
{
    struct rng rng = rng_at(seed, RNG_TEST, 5);
    struct sample s = sample_draw(truth, seed, N);
    for (size_t i = 0; i < N; i++) {
        const bool is_clutter = rng_uniform(&rng) < share;
        for (size_t d = 0; d < D; d++) {
            const double x = REACH * (2 * rng_uniform(&rng) - 1);
            s.x[i * D + d] = is_clutter ? x : s.x[i * D + d];
        }
    }
    return s;
}

static struct mix_options options_with(bool noise)
{
    struct mix_options options;
    mix_options_init(&options, D, K);
    options.noise = noise;
    return options;
}

static struct mix_learner *learn(const struct mix_options *options,
                                 const struct sample *s)
{
    struct mix_learner *learner = mix_learner_new(options, NULL);
    require(learner != NULL);
    learn_all(learner, s);
    return learner;
}

static double noise_weight(const struct mix_model *model)
{
    return mix_model_weights(mix_model_noise(model))[0];
}

/* Largest distance of a mean of truth to the nearest of the model, in deviations. */
static double off_by(const struct mix_model *truth, const struct mix_model *model)
{
    const double *a = mix_model_means(truth), *b = mix_model_means(model);
    double largest = 0;
    for (size_t k = 0; k < K; k++) {
        double mean[D], variance[D], least = HUGE_VAL;
        mix_model_component(truth, k, mean, variance);
        for (size_t l = 0; l < K; l++) {
            double sum = 0;
            for (size_t d = 0; d < D; d++) {
                const double z = b[l * D + d] - a[k * D + d];
                sum += z * z / variance[d];
            }
            least = fmin(least, sqrt(sum));
        }
        largest = fmax(largest, least);
    }
    return largest;
}

static const double shares[] = {0.01, 0.1, 0.3};

START_TEST(clutter_bends_no_component)
{
    const double share = shares[_i % 3];
    const uint64_t seed = unit_seed(301) + (uint64_t)_i / 3;
    struct mix_model *truth = mixture_random(D, K, 5, seed);
    struct sample s = draw_cluttered(truth, share, seed);
    const struct mix_options options = options_with(true), plain = options_with(false);
    struct mix_learner *with = learn(&options, &s), *without = learn(&plain, &s);
    const struct mix_model *model = mix_learner_model(with);
    const double off = off_by(truth, model), bent = off_by(truth, mix_learner_model(without));
    const double weight = noise_weight(model);
    ck_assert_msg(off < 0.06 && fabs(weight - share) < 0.005, "seed %llu: %g off, weight %g",
                  (unsigned long long)seed, off, weight);
    ck_assert_msg(bent > 10 * off, "seed %llu: %g without noise", (unsigned long long)seed,
                  bent);
    mix_learner_destroy(&with);
    mix_learner_destroy(&without);
    mix_model_destroy(&truth);
    free(s.x);
}
END_TEST

START_TEST(clean_data_pays_nothing_for_it)
{
    const uint64_t seed = unit_seed(311) + (uint64_t)_i;
    struct mix_model *truth = mixture_random(D, K, 4, seed);
    struct sample s = sample_draw(truth, seed, N), fresh = sample_draw(truth, seed + 1, N);
    const struct mix_options options = options_with(true), plain = options_with(false);
    struct mix_learner *with = learn(&options, &s), *without = learn(&plain, &s);
    const struct mix_model *model = mix_learner_model(with);
    const double gap = mean_log_density(mix_learner_model(without), &fresh) -
                       mean_log_density(model, &fresh);
    ck_assert_msg(gap < 5e-4, "seed %llu: %g nats worse, weight %g",
                  (unsigned long long)seed, gap, noise_weight(model));
    mix_learner_destroy(&with);
    mix_learner_destroy(&without);
    mix_model_destroy(&truth);
    free(s.x);
    free(fresh.x);
}
END_TEST

START_TEST(every_covariance_and_way_to_learn_has_it)
{
    static const struct {
        enum mix_covariance covariance;
        size_t components_max, window;
        bool compact, adapt;
    } rows[] = {
        {MIX_FULL, 0, 0, false, true},      {MIX_DIAG, 0, 0, false, true},
        {MIX_SPHERICAL, 0, 0, false, true}, {MIX_TIED, 0, 0, false, true},
        {MIX_FULL, 5, 0, false, true},      {MIX_FULL, 0, 20000, false, true},
        {MIX_FULL, 0, 0, true, false},
    };
    const uint64_t seed = unit_seed(321);
    struct mix_model *truth = mixture_random(D, K, 8, seed);
    struct sample s = draw_cluttered(truth, 0.1, seed);
    struct mix_options options = options_with(true);
    ck_assert_int_lt(_i, COUNT(rows));
    options.covariance = rows[_i].covariance;
    options.components_max = rows[_i].components_max;
    options.window = rows[_i].window;
    options.compact = rows[_i].compact;
    options.adapt = rows[_i].adapt;
    struct mix_learner *learner = learn(&options, &s);
    const struct mix_model *model = mix_learner_model(learner);
    ck_assert_uint_eq(mix_model_components(model), K);
    ck_assert_msg(off_by(truth, model) < 0.1 && fabs(noise_weight(model) - 0.1) < 0.01,
                  "row %d, seed %llu: %g off, weight %g", _i, (unsigned long long)seed,
                  off_by(truth, model), noise_weight(model));
    mix_learner_destroy(&learner);
    mix_model_destroy(&truth);
    free(s.x);
}
END_TEST

START_TEST(missing_entries_are_integrated_out_of_it)
{
    const uint64_t seed = unit_seed(331);
    struct mix_model *truth = mixture_random(D, K, 8, seed);
    struct sample s = draw_cluttered(truth, 0.1, seed);
    struct rng rng = rng_at(seed, RNG_TEST, 6);
    for (size_t i = 0; i < N * D; i++) {
        s.x[i] = rng_uniform(&rng) < 0.1 ? (double)NAN : s.x[i];
    }
    struct mix_options options = options_with(true);
    options.marginalize = true;
    struct mix_learner *learner = learn(&options, &s);
    const struct mix_model *model = mix_learner_model(learner);
    ck_assert_msg(off_by(truth, model) < 0.1 && fabs(noise_weight(model) - 0.1) < 0.01,
                  "seed %llu: %g off, weight %g", (unsigned long long)seed,
                  off_by(truth, model), noise_weight(model));
    mix_learner_destroy(&learner);
    mix_model_destroy(&truth);
    free(s.x);
}
END_TEST

static const enum mix_family families[] = {MIX_GAUSSIAN, MIX_POISSON, MIX_CATEGORICAL};

static struct mix_options product_options(size_t components)
{
    struct mix_options options;
    mix_options_init(&options, 3, components);
    options.families = families;
    options.categories = 3;
    return options;
}

/* Two components of three families. */
static struct mix_model *new_product(void)
{
    static const double parameters[] = {-2, 3, 1, 0.5, 4, 9, 0.7, 0.2, 0.1, 0.1, 0.1, 0.8};
    const struct mix_options options = product_options(2);
    struct mix_model *model =
        mix_model_make(&options, (const double[]){0.4, 0.6}, parameters, NULL);
    require(model != NULL);
    return model;
}

/* The same beside noise. */
static struct mix_model *new_noisy_product(void)
{
    static const double weights[] = {0.3, 0.5, 0.2}, one = 1;
    static const double broad[] = {0, 30, 8, 0.4, 0.3, 0.3};
    const struct mix_options options = product_options(1);
    struct mix_model *model = new_product();
    struct mix_model *noise = mix_model_make(&options, &one, broad, NULL);
    struct mix_model *both = mix_model_with_noise(model, noise, weights, NULL);
    require(noise != NULL && both != NULL);
    mix_model_destroy(&model);
    mix_model_destroy(&noise);
    return both;
}

static double gaussian(double x, double mean, double variance)
{
    const double z = x - mean;
    return exp(-z * z / (2 * variance)) / sqrt(2 * M_PI * variance);
}

static double poisson(double x, double rate)
{
    return exp(x * log(rate) - rate - lgamma(x + 1));
}

static double geometric(double x, double mean)
{
    return pow(mean / (1 + mean), x) / (1 + mean);
}

START_TEST(density_and_responsibilities_are_those_of_the_formula)
{
    static const double x[] = {2.5, 3, 1, -2, 11, 0, 40, 60, 2, 0.5, (double)NAN, 2};
    struct mix_model *model = new_noisy_product();
    const struct mix_rows rows = {.x = x, .n = 4, .stride = 3};
    double l[4], r[8];
    ck_assert_int_eq(mix_model_log_density(model, &rows, l), MIX_OK);
    ck_assert_int_eq(mix_model_responsibilities(model, &rows, r), MIX_OK);
    for (size_t i = 0; i < 4; i++) {
        const double *y = x + 3 * i;
        static const double c[3][3] = {{0.7, 0.2, 0.1}, {0.1, 0.1, 0.8}, {0.4, 0.3, 0.3}};
        static const double m[] = {-2, 3, 0}, v[] = {1, 0.5, 30}, rate[] = {4, 9};
        static const double w[] = {0.3, 0.5, 0.2};
        double p[3], sum = 0;
        for (size_t k = 0; k < 3; k++) {
            p[k] = w[k] * gaussian(y[0], m[k], v[k]) * c[k][(int)y[2]];
            p[k] *= isnan(y[1]) ? 1 : k < 2 ? poisson(y[1], rate[k]) : geometric(y[1], 8);
            sum += p[k];
        }
        ck_assert_double_eq_tol(l[i], log(sum), 1e-10);
        ck_assert_double_eq_tol(r[2 * i], p[0] / sum, 1e-12);
        ck_assert_double_eq_tol(r[2 * i + 1], p[1] / sum, 1e-12);
    }
    mix_model_destroy(&model);
}
END_TEST

START_TEST(moments_and_conditionals_are_those_of_what_it_draws)
{
    enum { DRAWS = 200000 };
    const uint64_t seed = unit_seed(341);
    struct mix_model *model = new_noisy_product();
    struct sample s = sample_draw(model, seed, DRAWS);
    double mean[3], covariance[9], predicted[3], variance[3];
    double sum = 0, cross = 0, sums[2] = {0}, n = 0;
    mix_model_moments(model, mean, covariance);
    for (size_t i = 0; i < DRAWS; i++) {
        const double *x = s.x + 3 * i;
        sum += x[0] / DRAWS;
        cross += (x[0] - mean[0]) * (x[1] - mean[1]) / DRAWS;
        if (x[2] == 2) {
            n++;
            sums[0] += x[0];
            sums[1] += x[1];
        }
    }
    ck_assert_double_eq_tol(sum, mean[0], 0.03);
    ck_assert_double_eq_tol(cross, covariance[1], 0.15);
    const double given[] = {(double)NAN, (double)NAN, 2};
    ck_assert_int_eq(mix_model_predict(model, given, predicted, variance), MIX_OK);
    ck_assert_double_eq_tol(predicted[0], sums[0] / n, 0.05);
    ck_assert_double_eq_tol(predicted[1], sums[1] / n, 0.05);
    const size_t field = 1;
    struct mix_model *marginal = mix_model_marginal(model, &field, 1, NULL);
    ck_assert_double_eq(noise_weight(marginal), 0.2);
    mix_model_destroy(&marginal);
    mix_model_destroy(&model);
    free(s.x);
}
END_TEST

START_TEST(products_learn_it)
{
    const uint64_t seed = unit_seed(351);
    struct mix_model *truth = new_product();
    struct sample s = sample_draw(truth, seed, N);
    struct rng rng = rng_at(seed, RNG_TEST, 7);
    for (size_t i = 0; i < N; i += 10) {
        s.x[i * 3] = REACH * (2 * rng_uniform(&rng) - 1);
        s.x[i * 3 + 1] = (double)rng_below(&rng, 500);
    }
    struct mix_options options = product_options(2);
    options.noise = true;
    struct mix_learner *learner = learn(&options, &s);
    const struct mix_model *model = mix_learner_model(learner);
    double mean[2][3], variance[2][3];
    for (size_t k = 0; k < 2; k++) {
        mix_model_component(model, k, mean[k], variance[k]);
    }
    const size_t low = mean[0][0] < mean[1][0] ? 0 : 1;
    ck_assert_double_eq_tol(mean[low][0], -2, 0.1);
    ck_assert_double_eq_tol(mean[1 - low][0], 3, 0.1);
    ck_assert_double_eq_tol(mean[low][1], 4, 0.2);
    ck_assert_double_eq_tol(mean[1 - low][1], 9, 0.2);
    ck_assert_double_eq_tol(noise_weight(model), 0.1, 0.02);
    mix_learner_destroy(&learner);
    mix_model_destroy(&truth);
    free(s.x);
}
END_TEST

/* Counts alone that are anything draw neither of two components to them. */
START_TEST(wild_counts_are_noise)
{
    const uint64_t seed = unit_seed(361);
    struct mix_options options = product_options(2);
    static const double parameters[] = {-3, 3, 1, 1, 4, 25, 0.8, 0.1, 0.1, 0.1, 0.1, 0.8};
    struct mix_model *truth =
        mix_model_make(&options, (const double[]){0.4, 0.6}, parameters, NULL);
    struct sample s = sample_draw(truth, seed, N);
    struct rng rng = rng_at(seed, RNG_TEST, 8);
    for (size_t i = 0; i < N; i += 10) {
        s.x[i * 3 + 1] = (double)rng_below(&rng, 200);
    }
    options.noise = true;
    struct mix_learner *learner = learn(&options, &s);
    double rate[2];
    mix_model_parameter(mix_learner_model(learner), 1, 0, rate);
    ck_assert_double_eq_tol(fmin(rate[0], rate[1]), 4, 0.2);
    ck_assert_double_eq_tol(fmax(rate[0], rate[1]), 25, 0.5);
    /* In the other fields such points are those of the components, so noise that is broad
     * there, too, has to be of more weight. */
    ck_assert_double_eq_tol(noise_weight(mix_learner_model(learner)), 0.1, 0.04);
    mix_learner_destroy(&learner);
    mix_model_destroy(&truth);
    free(s.x);
}
END_TEST

START_TEST(units_change_no_bit_of_it)
{
    const uint64_t seed = unit_seed(361);
    struct mix_model *truth = mixture_random(D, K, 5, seed);
    struct sample s = draw_cluttered(truth, 0.1, seed);
    const struct mix_options options = options_with(true);
    struct mix_learner *one = learn(&options, &s);
    for (size_t i = 0; i < N; i++) {
        s.x[i * D] = ldexp(s.x[i * D], 40);
    }
    struct mix_learner *other = learn(&options, &s);
    const struct mix_model *a = mix_learner_model(one), *b = mix_learner_model(other);
    ck_assert_double_eq(noise_weight(a), noise_weight(b));
    ck_assert_mem_eq(mix_model_weights(a), mix_model_weights(b), K * sizeof(double));
    for (size_t k = 0; k < K; k++) {
        ck_assert_double_eq(ldexp(mix_model_means(a)[k * D], 40),
                            mix_model_means(b)[k * D]);
        ck_assert_double_eq(mix_model_means(a)[k * D + 1], mix_model_means(b)[k * D + 1]);
    }
    mix_learner_destroy(&one);
    mix_learner_destroy(&other);
    mix_model_destroy(&truth);
    free(s.x);
}
END_TEST

START_TEST(a_stored_learner_goes_on_with_it)
{
    const uint64_t seed = unit_seed(371);
    struct mix_model *truth = mixture_random(D, K, 5, seed);
    struct sample s = draw_cluttered(truth, 0.1, seed);
    const struct mix_options options = options_with(true), plain = options_with(false);
    const size_t half = N / 2 + 17;
    struct sample first = {s.x, half, D}, rest = {s.x + half * D, N - half, D};
    struct mix_learner *one = learn(&options, &first);
    const size_t size = mix_learner_encoded_size(one);
    unsigned char *bytes = malloc(size);
    enum mix_err err;
    mix_learner_encode(one, bytes);
    ck_assert_ptr_null(mix_learner_decode(&plain, bytes, size, &err));
    ck_assert_int_eq(err, MIX_EMISMATCH);
    struct mix_learner *other = mix_learner_decode(&options, bytes, size, &err);
    ck_assert_ptr_nonnull(other);
    learn_all(one, &rest);
    learn_all(other, &rest);
    ck_assert_uint_eq(mix_learner_encoded_size(one), mix_learner_encoded_size(other));
    unsigned char *left = malloc(mix_learner_encoded_size(one)),
                  *right = malloc(mix_learner_encoded_size(other));
    mix_learner_encode(one, left);
    mix_learner_encode(other, right);
    ck_assert_mem_eq(left, right, mix_learner_encoded_size(one));
    free(bytes);
    free(left);
    free(right);
    mix_learner_destroy(&one);
    mix_learner_destroy(&other);
    mix_model_destroy(&truth);
    free(s.x);
}
END_TEST

START_TEST(a_start_without_noise_gets_its_own)
{
    const uint64_t seed = unit_seed(381);
    struct mix_model *truth = mixture_random(D, K, 8, seed);
    struct sample s = draw_cluttered(truth, 0.02, seed);
    const struct mix_options options = options_with(true), plain = options_with(false);
    enum mix_err err;
    struct mix_learner *learner = mix_learner_start(&options, truth, 1000, &err);
    ck_assert_ptr_nonnull(learner);
    learn_all(learner, &s);
    const struct mix_model *model = mix_learner_model(learner);
    ck_assert_double_gt(noise_weight(model), 0.005);
    struct mix_learner *refused = mix_learner_start(&plain, model, 1000, &err);
    ck_assert_ptr_null(refused);
    ck_assert_int_eq(err, MIX_ESIZE);
    struct mix_learner *again = mix_learner_start(&options, model, 1000, &err);
    ck_assert_double_eq(noise_weight(mix_learner_model(again)), noise_weight(model));
    mix_learner_destroy(&again);
    mix_learner_destroy(&learner);
    mix_model_destroy(&truth);
    free(s.x);
}
END_TEST

START_TEST(batch_fits_have_it)
{
    const uint64_t seed = unit_seed(391);
    struct mix_model *truth = mixture_random(D, K, 8, seed);
    struct sample s = draw_cluttered(truth, 0.1, seed);
    const struct mix_options options = options_with(true);
    const struct mix_rows rows = sample_rows(&s);
    struct mix_fit_options fit;
    mix_fit_options_init(&fit);
    struct mix_model *model = mix_fit(&options, &fit, &rows, NULL, NULL, NULL);
    ck_assert_ptr_nonnull(model);
    ck_assert_double_lt(off_by(truth, model), 0.1);
    ck_assert_double_eq_tol(noise_weight(model), 0.1, 0.01);
    ck_assert_uint_eq(mix_model_parameters(model), mix_model_parameters(truth) + 1);
    mix_model_destroy(&model);
    mix_model_destroy(&truth);
    free(s.x);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        {clutter_bends_no_component, 12},
        {clean_data_pays_nothing_for_it, 4},
        {every_covariance_and_way_to_learn_has_it, 7},
        UNIT(missing_entries_are_integrated_out_of_it),
        UNIT(density_and_responsibilities_are_those_of_the_formula),
        UNIT(moments_and_conditionals_are_those_of_what_it_draws),
        UNIT(products_learn_it),
        UNIT(wild_counts_are_noise),
        UNIT(units_change_no_bit_of_it),
        UNIT(a_stored_learner_goes_on_with_it),
        UNIT(a_start_without_noise_gets_its_own),
        UNIT(batch_fits_have_it),
    };
    return unit_run("noise", tests, COUNT(tests));
}
