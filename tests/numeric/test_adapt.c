/* SPDX-License-Identifier: MIT
 *
 * Claims about change: streams without one raise no alarm, whatever their correlation; a
 * jump is found and followed; a stream sorted by component is put right by the sample; a
 * model that forgets gets over one wild value, and over a cluster that went far away; a
 * cluster that appears is found though a component was spare. */
#include "streams.h"

enum { D = 2, K = 3, N = 60000 };

static size_t count_events(struct mix_learner *learner, enum mix_event_kind kind,
                           uint64_t *first)
{
    struct mix_event event;
    size_t n = 0;
    while (mix_learner_event(learner, &event)) {
        if (event.kind == kind && n++ == 0 && first != NULL) {
            *first = event.added;
        }
    }
    return n;
}

static struct mix_learner *new_learner(bool adapts)
{
    struct mix_options options;
    mix_options_init(&options, D, K);
    options.adapt = adapts;
    return mix_learner_new(&options, NULL);
}

START_TEST(a_stationary_stream_raises_no_alarm)
{
    const uint64_t seed = unit_seed(201) + (uint64_t)_i / 5;
    struct mix_model *truth = mixture_random(D, K, 4, seed);
    struct sample s;
    switch (_i % 5) {
    case 0:
        s = sample_draw(truth, seed, N);
        break;
    case 1:
        s = draw_switching(truth, N, 50, seed);
        break;
    case 2:
        s = draw_switching(truth, N, 500, seed);
        break;
    case 3:
        s = draw_autoregression(D, N, 0.9, seed);
        break;
    default:
        s = draw_autoregression(D, N, 0.99, seed);
        break;
    }
    struct mix_learner *learner = new_learner(true);
    feed(learner, &s);
    const size_t alarms = count_events(learner, MIX_EVENT_DRIFT, NULL);
    ck_assert_msg(alarms == 0, "seed %llu, stream %d: %zu changes",
                  (unsigned long long)seed, _i % 5, alarms);
    mix_learner_destroy(&learner);
    mix_model_destroy(&truth);
    free(s.x);
}
END_TEST

START_TEST(a_jump_is_found_and_followed)
{
    const uint64_t seed = unit_seed(211) + (uint64_t)_i;
    struct mix_model *truth = mixture_random(D, K, 4, seed);
    struct sample s = sample_draw(truth, seed, N),
                  after = sample_draw(truth, seed + 1, N);
    for (size_t i = N / 2; i < N; i++) {
        s.x[i * D] += 6;
    }
    for (size_t i = 0; i < N; i++) {
        after.x[i * D] += 6;
    }
    struct mix_learner *learner = new_learner(true);
    uint64_t found = 0;
    feed(learner, &s);
    ck_assert(count_events(learner, MIX_EVENT_DRIFT, &found) >= 1);
    ck_assert_msg(found > N / 2 && found <= N / 2 + 1500, "seed %llu: found at %llu",
                  (unsigned long long)seed, (unsigned long long)found);
    struct sample back = sample_draw(truth, seed + 1, N);
    const double regret = mean_log_density(truth, &back) -
                          mean_log_density(mix_learner_model(learner), &after);
    ck_assert_msg(regret < 3e-3, "seed %llu: %g nats", (unsigned long long)seed, regret);
    mix_learner_destroy(&learner);
    mix_model_destroy(&truth);
    free(s.x);
    free(after.x);
    free(back.x);
}
END_TEST

/* Without adapt, points sorted by component are one population still. */
START_TEST(a_sorted_stream_is_put_right)
{
    const uint64_t seed = unit_seed(221);
    struct mix_model *truth = mixture_random(D, K, 4, seed);
    struct sample s = draw_switching(truth, N, N / K, seed), held_out;
    const double *means = mix_model_means(truth), *c = mix_model_covariances(truth);
    const double weights[K] = {1.0 / 3, 1.0 / 3, 1.0 / 3};
    struct mix_model *even = mix_model_new(D, K, MIX_FULL, weights, means, c, NULL);
    for (size_t k = 0; k < K; k++) { /* exactly a third of each, one after the other */
        const double one = 1;
        struct mix_model *part =
            mix_model_new(D, 1, MIX_FULL, &one, means + k * D, c + k * D * D, NULL);
        require(mix_model_sample(part, seed + k, N / K, s.x + k * N / K * D) == MIX_OK);
        mix_model_destroy(&part);
    }
    held_out = sample_draw(even, seed + 10, N);
    struct mix_learner *learner = new_learner(false);
    feed(learner, &s);
    mix_learner_finish(learner);
    const double regret = mean_log_density(even, &held_out) -
                          mean_log_density(mix_learner_model(learner), &held_out);
    ck_assert_msg(regret < 5e-3, "seed %llu: %g nats", (unsigned long long)seed, regret);
    ck_assert(count_events(learner, MIX_EVENT_REFIT, NULL) >= 1);
    mix_learner_destroy(&learner);
    mix_model_destroy(&truth);
    mix_model_destroy(&even);
    free(s.x);
    free(held_out.x);
}
END_TEST

/* Points a millisecond apart. */
static void feed_timed(struct mix_learner *learner, const struct sample *s, double begin)
{
    enum { ROWS = 250 };
    for (size_t i = 0; i < s->n;) {
        double time[ROWS];
        const size_t n = s->n - i < ROWS ? s->n - i : ROWS;
        for (size_t j = 0; j < n; j++) {
            time[j] = begin + 1e-3 * (double)(i + j);
        }
        const struct mix_rows rows = {
            .x = s->x + i * D, .n = n, .stride = D, .time = time};
        size_t taken;
        require(mix_learner_add(learner, &rows, &taken) == MIX_OK);
        mix_learner_work(learner);
        i += taken;
    }
}

/* What a learner of these options loses on `after` when 2n points of it have followed n
 * of `before`. */
static double lost_after(const struct mix_options *options,
                         const struct mix_model *before, const struct mix_model *after,
                         size_t n, double freak, uint64_t seed)
{
    struct sample first = sample_draw(before, seed, n);
    struct sample second = sample_draw(after, seed + 1, 2 * n);
    struct sample held_out = sample_draw(after, seed + 2, 20000);
    struct mix_learner *learner = mix_learner_new(options, NULL);
    if (freak != 0) {
        second.x[0] = freak;
    }
    feed_timed(learner, &first, 1e9);
    feed_timed(learner, &second, 1e9 + 1e-3 * (double)n);
    const double lost = mean_log_density(after, &held_out) -
                        mean_log_density(mix_learner_model(learner), &held_out);
    mix_learner_destroy(&learner);
    free(first.x);
    free(second.x);
    free(held_out.x);
    return lost;
}

START_TEST(a_model_that_forgets_gets_over_it)
{
    const uint64_t seed = unit_seed(231) + (uint64_t)_i / 2;
    struct mix_model *truth = mixture_random(D, K, 4, seed);
    struct mix_options options;
    double means[K * D];
    mix_options_init(&options, D, K);
    if (_i % 2 == 0) {
        options.window = 10000;
    } else {
        options.half_life = 7;
    }
    memcpy(means, mix_model_means(truth), sizeof(means));
    means[0] += 40;
    struct mix_model *moved = mix_model_new(D, K, MIX_FULL, mix_model_weights(truth),
                                            means, mix_model_covariances(truth), NULL);
    const double freak = lost_after(&options, truth, truth, 3 * N / 2, 1e6, seed);
    const double jump = lost_after(&options, truth, moved, 3 * N / 2, 0, seed);
    ck_assert_msg(freak < 3e-3, "seed %llu: %g nats after a wild value",
                  (unsigned long long)seed, freak);
    ck_assert_msg(jump < 3e-3, "seed %llu: %g nats after a cluster went away",
                  (unsigned long long)seed, jump);
    mix_model_destroy(&truth);
    mix_model_destroy(&moved);
}
END_TEST

/* Two clusters for K = 3, so one is spare, and then a third far from both. */
static struct mix_model *third_cluster(double share, double x)
{
    const double weights[K] = {0.5 * (1 - share), 0.5 * (1 - share), share};
    const double means[K * D] = {0, 0, 6, 0, x, x}, variance[K] = {1, 1, 1};
    return mix_model_new(D, K, MIX_SPHERICAL, weights, means, variance, NULL);
}

START_TEST(a_cluster_that_appears_is_found)
{
    const uint64_t seed = unit_seed(241) + (uint64_t)_i / 2;
    enum { FIRST = 20000 }; /* the challenges before and after: at 16384 and 65536... */
    const double far[] = {8, 12, 20, 30};
    struct mix_model *before = third_cluster(0, 20);
    struct mix_model *after = third_cluster(0.15, far[_i / 2 % 4]);
    struct mix_options options;
    mix_options_init(&options, D, K);
    options.adapt = _i % 2 == 0;
    const double lost = lost_after(&options, before, after, FIRST, 0, seed);
    ck_assert_msg(lost < 5e-3, "seed %llu, adapt %d, %g away: %g nats",
                  (unsigned long long)seed, options.adapt, far[_i / 2 % 4], lost);
    mix_model_destroy(&before);
    mix_model_destroy(&after);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        {a_stationary_stream_raises_no_alarm, 20},
        {a_jump_is_found_and_followed, 4},
        UNIT(a_sorted_stream_is_put_right),
        {a_model_that_forgets_gets_over_it, 8},
        {a_cluster_that_appears_is_found, 8},
    };
    return unit_run("adapt", tests, COUNT(tests));
}
