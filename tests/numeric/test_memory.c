/* SPDX-License-Identifier: MIT
 *
 * Claims about forgetting: a half-life counts every point by its age, a window by its
 * distance, and no clock can break the model. */
#include "mixture.h"

enum { N = 30000 };

static struct mix_info info_of(const struct mix_learner *learner)
{
    struct mix_info info;
    mix_learner_info(learner, &info);
    return info;
}

/* One component: its mean is the mean of the points with the weights 2^(-age / H), and
 * what is behind it the sum of these. */
START_TEST(a_half_life_is_the_explicit_weighted_mean)
{
    const double half_life = 500;
    struct rng rng = rng_at(1, RNG_TEST, 0);
    struct sample s = sample_new(N, 1);
    double *time = calloc(N, sizeof(*time)), now = 1e9;
    for (size_t i = 0; i < N; i++) {
        now += 2 * rng_uniform(&rng);
        time[i] = now;
        s.x[i] = rng_normal(&rng) + (double)i / 5000;
    }
    struct mix_options options;
    mix_options_init(&options, 1, 1);
    options.half_life = half_life;
    struct mix_learner *learner = mix_learner_new(&options, NULL);
    struct mix_rows rows = sample_rows(&s);
    rows.time = time;
    feed_rows(learner, rows);
    const size_t learned = info_of(learner).points;
    double sum = 0, weight = 0;
    for (size_t i = 0; i < learned; i++) {
        const double u = exp2(-(time[learned - 1] - time[i]) / half_life);
        sum += u * s.x[i];
        weight += u;
    }
    /* The rows of the warm-up counted alike; they are 2^-50 by now. */
    ck_assert_double_eq_tol(mix_model_means(mix_learner_model(learner))[0], sum / weight,
                            1e-9);
    ck_assert_double_eq_tol(info_of(learner).effective_points, weight, 1e-6 * weight);
    mix_learner_destroy(&learner);
    free(time);
    free(s.x);
}
END_TEST

START_TEST(a_window_follows_what_moves)
{
    enum { D = 2, K = 2 };
    struct mix_model *truth = mixture_random(D, K, 6, 401);
    struct sample s = sample_draw(truth, 402, N);
    for (size_t i = 0; i < N; i++) {
        s.x[i * D] += (double)i / 3000; /* ten standard deviations in all */
    }
    struct mix_options options;
    mix_options_init(&options, D, K);
    options.window = 1000;
    struct mix_learner *learner = mix_learner_new(&options, NULL);
    feed(learner, &s);
    ck_assert(info_of(learner).effective_points == 1000);
    const struct mix_model *model = mix_learner_model(learner);
    double mean = 0, true_mean = N / 3000.0;
    for (size_t k = 0; k < K; k++) {
        mean += mix_model_weights(model)[k] * mix_model_means(model)[k * D];
        true_mean += mix_model_weights(truth)[k] * mix_model_means(truth)[k * D];
    }
    /* A memory of 1000 points lags a third of a deviation; three clusters' spread of the
     * mean of 500 effective points comes on top. */
    ck_assert_double_eq_tol(mean, true_mean - 1.0 / 3, 0.6);
    mix_learner_destroy(&learner);
    mix_model_destroy(&truth);
    free(s.x);
}
END_TEST

/* Times of row i. */
typedef double clock_fn(struct rng *rng, size_t i);

static double still(struct rng *rng, size_t i)
{
    (void)rng;
    (void)i;
    return 7;
}

static double backwards(struct rng *rng, size_t i)
{
    (void)rng;
    return -(double)i;
}

static double jumping(struct rng *rng, size_t i)
{
    return (double)i + (rng_below(rng, 500) == 0 ? 3.2e9 : 0);
}

static double once_a_century(struct rng *rng, size_t i)
{
    (void)rng;
    return (double)i + (i > N / 2 ? 3.2e9 : 0);
}

static double there_and_back(struct rng *rng, size_t i)
{
    (void)rng;
    return (double)i + (i > N / 3 && i < N / 2 ? 3.2e9 : 0);
}

static double enormous(struct rng *rng, size_t i)
{
    (void)i;
    return (rng_uniform(rng) - 0.5) * 1e308;
}

START_TEST(no_clock_breaks_the_model)
{
    enum { D = 2, K = 2 };
    clock_fn *const clocks[] = {still,          backwards,      jumping,
                                once_a_century, there_and_back, enormous};
    ck_assert_uint_eq(COUNT(clocks), 6);
    struct mix_model *truth = mixture_random(D, K, 6, 403);
    struct sample s = sample_draw(truth, 404, N);
    double *time = calloc(N, sizeof(*time));
    struct rng rng = rng_at(405, RNG_TEST, 0);
    for (size_t i = 0; i < N; i++) {
        time[i] = clocks[_i](&rng, i);
    }
    struct mix_options options;
    mix_options_init(&options, D, K);
    options.half_life = 1000;
    struct mix_learner *learner = mix_learner_new(&options, NULL);
    struct mix_rows rows = sample_rows(&s);
    rows.time = time;
    feed_rows(learner, rows);
    assert_sound(learner);
    ck_assert(isfinite(info_of(learner).log_likelihood));
    ck_assert(info_of(learner).effective_points > 0);
    ck_assert_uint_eq(info_of(learner).unscorable, 0);
    if (clocks[_i] != enormous) { /* whose blocks have a point or two that count */
        const double loss = mean_log_density(truth, &s) -
                            mean_log_density(mix_learner_model(learner), &s);
        ck_assert_msg(loss < 0.1, "clock %d: %g nats", _i, loss);
    }
    mix_learner_destroy(&learner);
    mix_model_destroy(&truth);
    free(time);
    free(s.x);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(a_half_life_is_the_explicit_weighted_mean),
        UNIT(a_window_follows_what_moves),
        {no_clock_breaks_the_model, 6},
    };
    return unit_run("memory", tests, COUNT(tests));
}
