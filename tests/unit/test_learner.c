/* SPDX-License-Identifier: MIT */
#include "learner.h"

#include "mixture.h"

enum { D = 2, K = 3 };

static struct mix_options small_options(void)
{
    struct mix_options options;
    mix_options_init(&options, D, K);
    options.warmup = 400;
    options.block = 100;
    return options;
}

static struct mix_learner *new_learner(const struct mix_options *options)
{
    enum mix_err err;
    struct mix_learner *learner = mix_learner_new(options, &err);
    ck_assert_int_eq(err, MIX_OK);
    return learner;
}

static struct mix_info info_of(const struct mix_learner *learner)
{
    struct mix_info info;
    mix_learner_info(learner, &info);
    return info;
}

static struct sample draw(uint64_t seed, size_t n)
{
    struct mix_model *truth = mixture_random(D, K, 4, 51);
    struct sample s = sample_draw(truth, seed, n);
    mix_model_destroy(&truth);
    return s;
}

START_TEST(the_warmup_follows_its_schedule)
{
    struct mix_options options = small_options();
    struct mix_learner *learner = new_learner(&options);
    struct sample s = draw(1, 700);
    const size_t fits[] = {64, 128, 256, 400};
    size_t next = 0;
    for (size_t i = 0; i < s.n; i++) {
        const struct mix_rows row = {.x = s.x + i * D, .n = 1, .stride = D};
        size_t taken;
        ck_assert_int_eq(mix_learner_add(learner, &row, &taken), MIX_OK);
        ck_assert_uint_eq(taken, 1);
        assert_sound(learner);
        const bool is_due = mix_learner_job(learner) != NULL;
        ck_assert_msg(is_due == (next < 4 && i + 1 == fits[next]), "row %zu", i + 1);
        if (is_due) {
            ck_assert_int_eq(mix_learner_add(learner, &row, &taken), MIX_OK);
            ck_assert_uint_eq(taken, 0);
            mix_learner_work(learner);
            ck_assert_ptr_null(mix_learner_job(learner));
            next++;
        }
        ck_assert((mix_learner_model(learner) != NULL) == (i + 1 >= 64));
        ck_assert_int_eq(info_of(learner).state, i + 1 < 400 ? MIX_WARMUP : MIX_LEARNING);
        /* Blocks of 64 in the warm-up, of 100 after it. */
        const size_t rows = i + 1;
        const size_t queued = rows < 64    ? rows
                              : rows < 400 ? (rows < 384 ? rows % 64 : rows - 384)
                                           : (rows - 400) % 100;
        ck_assert_uint_eq(info_of(learner).queued, queued);
    }
    ck_assert_uint_eq(next, 4);
    ck_assert_uint_eq(info_of(learner).points, 700);
    mix_learner_destroy(&learner);
    free(s.x);
}
END_TEST

START_TEST(rows_that_cannot_be_learned_are_counted_and_change_nothing)
{
    const double nan = (double)NAN, inf = HUGE_VAL;
    const struct {
        double x[D], weight, time;
    } bad[] = {
        {{nan, 1}, 1, 0},   {{1, inf}, 1, 0}, {{-inf, 1}, 1, 0},
        {{1e151, 0}, 1, 0}, {{0, 0}, -1, 0},  {{0, 0}, nan, 0},
        {{0, 0}, inf, 0},   {{0, 0}, 1, nan}, {{0, 0}, 1, -inf},
    };
    struct mix_options options = small_options();
    struct mix_learner *with = new_learner(&options), *without = new_learner(&options);
    struct sample s = draw(2, 1000);
    for (size_t i = 0; i < s.n; i++) {
        const size_t b = i % COUNT(bad);
        const struct mix_rows row = {.x = s.x + i * D, .n = 1, .stride = D};
        const struct mix_rows wrong = {.x = bad[b].x,
                                       .n = 1,
                                       .stride = D,
                                       .weight = &bad[b].weight,
                                       .time = &bad[b].time};
        feed_rows(with, wrong);
        feed_rows(with, row);
        feed_rows(without, row);
    }
    ck_assert_uint_eq(info_of(with).unscorable, s.n);
    ck_assert_uint_eq(info_of(with).added, 2 * s.n);
    with->counts.unscorable = 0;
    with->counts.added = s.n;
    assert_same_state(with, without);
    mix_learner_destroy(&with);
    mix_learner_destroy(&without);
    free(s.x);
}
END_TEST

START_TEST(weight_zero_is_learned_without_influence)
{
    struct mix_options options = small_options();
    struct mix_learner *with = new_learner(&options), *without = new_learner(&options);
    struct sample s = draw(3, 1000);
    const double zero = 0;
    for (size_t i = 0; i < s.n; i++) {
        const struct mix_rows row = {.x = s.x + i * D, .n = 1, .stride = D};
        const struct mix_rows idle = {
            .x = s.x + (s.n - 1 - i) * D, .n = 1, .stride = D, .weight = &zero};
        feed_rows(with, idle);
        feed_rows(with, row);
        feed_rows(without, row);
    }
    assert_sound(with);
    with->counts.added -= s.n;
    with->counts.learned -= s.n;
    assert_same_state(with, without);
    mix_learner_destroy(&with);
    mix_learner_destroy(&without);
    free(s.x);
}
END_TEST

/* Every point with weight 2 against every point twice in a row: the same mixture. */
START_TEST(weight_two_is_the_point_twice)
{
    struct mix_options options = small_options();
    struct mix_options doubled = options;
    doubled.block *= 2;
    doubled.warmup *= 2;
    struct mix_learner *once = new_learner(&options), *twice = new_learner(&doubled);
    struct sample s = draw(4, 4000), pairs = sample_new(8000, D);
    double *two = calloc(s.n, sizeof(*two));
    for (size_t i = 0; i < s.n; i++) {
        two[i] = 2;
        memcpy(pairs.x + 2 * i * D, s.x + i * D, D * sizeof(double));
        memcpy(pairs.x + (2 * i + 1) * D, s.x + i * D, D * sizeof(double));
    }
    struct mix_rows rows = sample_rows(&s);
    rows.weight = two;
    feed_rows(once, rows);
    feed(twice, &pairs);
    ck_assert(info_of(once).effective_points == info_of(twice).effective_points);
    const double a = mean_log_density(mix_learner_model(once), &s);
    const double b = mean_log_density(mix_learner_model(twice), &s);
    ck_assert_double_eq_tol(a, b, 2e-3);
    mix_learner_destroy(&once);
    mix_learner_destroy(&twice);
    free(s.x);
    free(pairs.x);
    free(two);
}
END_TEST

/* Freezing at any moment, feeding and thawing leaves the state as it was, but for the
 * two counts. */
START_TEST(a_frozen_learner_keeps_every_bit)
{
    const size_t moments[] = {0, 10, 64, 100, 399, 400, 450, 900};
    struct mix_options options = small_options();
    struct sample s = draw(5, 1000), noise = draw(6, 500);
    struct mix_learner *frozen = new_learner(&options), *plain = new_learner(&options);
    struct sample head = {s.x, moments[_i], D};
    struct sample rest = {s.x + head.n * D, s.n - head.n, D};
    feed(frozen, &head);
    feed(plain, &head);
    mix_learner_freeze(frozen);
    ck_assert_int_eq(info_of(frozen).state, MIX_FROZEN);
    feed(frozen, &noise);
    assert_sound(frozen);
    ck_assert_uint_eq(info_of(frozen).frozen, noise.n);
    mix_learner_thaw(frozen);
    frozen->counts.frozen = 0;
    frozen->counts.added -= noise.n;
    assert_same_state(frozen, plain);
    feed(frozen, &rest);
    feed(plain, &rest);
    frozen->counts.added = plain->counts.added;
    assert_same_state(frozen, plain);
    mix_learner_destroy(&frozen);
    mix_learner_destroy(&plain);
    free(s.x);
    free(noise.x);
}
END_TEST

START_TEST(a_fit_that_ends_while_frozen_waits_for_the_thaw)
{
    struct mix_options options = small_options();
    struct mix_learner *learner = new_learner(&options), *plain = new_learner(&options);
    struct sample s = draw(7, 64);
    const struct mix_rows rows = sample_rows(&s);
    size_t taken;
    ck_assert_int_eq(mix_learner_add(learner, &rows, &taken), MIX_OK);
    struct mix_job *job = mix_learner_job(learner);
    ck_assert(!mix_job_run(job, 1));
    mix_learner_freeze(learner);
    ck_assert_ptr_null(mix_learner_job(learner));
    while (!mix_job_run(job, 1000)) {
    }
    ck_assert_ptr_null(mix_learner_model(learner));
    mix_learner_thaw(learner);
    ck_assert_ptr_nonnull(mix_learner_model(learner));
    feed(plain, &s);
    assert_same_state(learner, plain);
    mix_learner_destroy(&learner);
    mix_learner_destroy(&plain);
    free(s.x);
}
END_TEST

START_TEST(slices_of_a_job_change_no_bit)
{
    const uint64_t budgets[] = {0, 1, 777, 100000};
    struct mix_options options = small_options();
    struct mix_learner *sliced = new_learner(&options), *whole = new_learner(&options);
    struct sample s = draw(8, 1000);
    feed(whole, &s);
    for (size_t done = 0; done < s.n;) {
        const struct mix_rows rows = {.x = s.x + done * D, .n = s.n - done, .stride = D};
        size_t taken;
        ck_assert_int_eq(mix_learner_add(sliced, &rows, &taken), MIX_OK);
        done += taken;
        struct mix_job *job = mix_learner_job(sliced);
        while (job != NULL && !mix_job_run(job, budgets[_i])) {
            ck_assert_ptr_eq(mix_learner_job(sliced), job);
        }
    }
    assert_same_state(sliced, whole);
    mix_learner_destroy(&sliced);
    mix_learner_destroy(&whole);
    free(s.x);
}
END_TEST

/* A learner that was reset goes on like a new one, but for its counts and its names. */
START_TEST(a_reset_learner_begins_anew)
{
    const size_t moments[] = {0, 30, 64, 100, 450, 900};
    struct mix_options options = small_options();
    struct mix_learner *learner = new_learner(&options);
    struct sample s = draw(9, 1000);
    struct sample head = {s.x, moments[_i], D};
    feed(learner, &head);
    const bool had_model = mix_learner_model(learner) != NULL;
    mix_learner_reset(learner);
    assert_sound(learner);
    ck_assert_ptr_null(mix_learner_model(learner));
    ck_assert_uint_eq(info_of(learner).learned, head.n);
    ck_assert_uint_eq(info_of(learner).points, 0);
    ck_assert(isnan(info_of(learner).log_likelihood));
    feed(learner, &s);
    assert_sound(learner);
    ck_assert_uint_eq(info_of(learner).points, s.n - info_of(learner).queued);
    ck_assert_uint_eq(info_of(learner).ids[0], had_model ? K : 0);
    mix_learner_destroy(&learner);
    free(s.x);
}
END_TEST

START_TEST(a_learner_started_from_a_model_publishes_that_model)
{
    const enum mix_covariance type = (enum mix_covariance)_i;
    const double weights[] = {0.25, 0.75}, means[] = {0, 0, 5, 5};
    const double all[MIX_COVARIANCES][8] = {
        {1, 0.5, 0.5, 2, 3, 0, 0, 1}, {1, 2, 3, 1}, {1, 2}, {1, 0.5, 0.5, 2}};
    struct mix_model *model = mix_model_new(D, 2, type, weights, means, all[_i], NULL);
    struct mix_options options;
    mix_options_init(&options, D, 2);
    options.covariance = type;
    struct mix_learner *learner = mix_learner_start(&options, model, 1e6, NULL);
    ck_assert_ptr_nonnull(learner);
    ck_assert_int_eq(info_of(learner).state, MIX_LEARNING);
    struct sample s = sample_draw(model, 1, 2560);
    for (size_t n = 0; n < 2; n++) { /* before a block, and after ten of them */
        const struct mix_model *now = mix_learner_model(learner);
        /* A million points of memory move by the noise of 2560 at most. */
        const double tolerance = n == 0 ? 0 : 0.01;
        for (size_t i = 0; i < mix_model_covariance_size(model); i++) {
            ck_assert(fabs(mix_model_covariances(now)[i] -
                           mix_model_covariances(model)[i]) <= tolerance);
        }
        for (size_t i = 0; i < 4; i++) {
            ck_assert(fabs(mix_model_means(now)[i] - means[i]) <= tolerance);
        }
        feed(learner, &s);
    }
    assert_sound(learner);
    mix_learner_destroy(&learner);
    mix_model_destroy(&model);
    free(s.x);
}
END_TEST

/* With a half-life, and past the age at which a challenge may be due. */
START_TEST(a_start_may_stand_for_any_number_of_points)
{
    struct mix_model *model = mixture_random(D, K, 4, 5);
    struct sample s = sample_draw(model, 5, 10000);
    struct mix_options options;
    mix_options_init(&options, D, K);
    options.half_life = 60;
    struct mix_learner *learner = mix_learner_start(&options, model, 1e300, NULL);
    ck_assert_ptr_nonnull(learner);
    feed(learner, &s);
    assert_sound(learner);
    const double most = mean_log_density(model, &s);
    ck_assert_double_gt(mean_log_density(mix_learner_model(learner), &s), most - 1e-9);
    mix_learner_destroy(&learner);
    mix_model_destroy(&model);
    free(s.x);
}
END_TEST

START_TEST(a_start_that_does_not_fit_is_refused)
{
    struct mix_model *model = mixture_random(D, K, 3, 1);
    struct mix_options options;
    enum mix_err err;
    mix_options_init(&options, D, K + 1);
    ck_assert_ptr_null(mix_learner_start(&options, model, 0, &err));
    ck_assert_int_eq(err, MIX_ESIZE);
    mix_options_init(&options, D, K);
    ck_assert_ptr_null(mix_learner_start(&options, model, -1, &err));
    ck_assert_int_eq(err, MIX_EVALUE);
    options.covariance = MIX_TIED;
    ck_assert_ptr_null(mix_learner_start(&options, model, 0, &err));
    ck_assert_int_eq(err, MIX_ESIZE);
    options.components = 0;
    ck_assert_ptr_null(mix_learner_new(&options, &err));
    ck_assert(err != MIX_OK);
    mix_model_destroy(&model);
}
END_TEST

/* Row counts before the first model, within a block of either size, and at the ends. */
static const size_t ends[] = {2, 10, 63, 64, 70, 128, 300, 399, 400, 450, 500};

START_TEST(a_stream_that_ends_leaves_nothing_open)
{
    struct mix_options options = small_options();
    struct mix_learner *learner = new_learner(&options);
    struct sample s = draw(11, ends[_i]);
    feed(learner, &s);
    mix_learner_finish(learner);
    assert_sound(learner);
    ck_assert_ptr_nonnull(mix_learner_model(learner));
    ck_assert_ptr_null(mix_learner_job(learner));
    ck_assert_uint_eq(info_of(learner).queued, 0);
    ck_assert_uint_eq(info_of(learner).points, ends[_i]);
    mix_learner_finish(learner); /* there is nothing left to do */
    ck_assert_uint_eq(info_of(learner).points, ends[_i]);
    feed(learner, &s); /* and it goes on */
    assert_sound(learner);
    mix_learner_destroy(&learner);
    free(s.x);
}
END_TEST

/* One row does not tell what varies. */
START_TEST(a_stream_of_a_row_or_none_ends_without_a_model)
{
    struct mix_options options = small_options();
    struct mix_learner *learner = new_learner(&options);
    struct sample s = draw(12, 1);
    mix_learner_finish(learner);
    ck_assert_ptr_null(mix_learner_model(learner));
    feed(learner, &s);
    mix_learner_finish(learner);
    ck_assert_ptr_null(mix_learner_model(learner));
    ck_assert_uint_eq(info_of(learner).queued, 1);
    assert_sound(learner);
    free(s.x);
    mix_learner_destroy(&learner);
}
END_TEST

START_TEST(scores_need_a_model_and_are_finite)
{
    struct mix_options options = small_options();
    struct mix_learner *learner = new_learner(&options);
    struct sample s = draw(10, 1000);
    const double points[][D] = {{0, 0}, {1e150, -1e150}, {1e-300, 5}};
    double score, tail;
    ck_assert_int_eq(mix_learner_score(learner, points[0], &score, &tail), MIX_ENOTREADY);
    feed(learner, &s);
    for (size_t i = 0; i < COUNT(points); i++) {
        ck_assert_int_eq(mix_learner_score(learner, points[i], &score, &tail), MIX_OK);
        ck_assert(isfinite(score) && tail > 0 && tail < 1);
    }
    const double nothing[D] = {(double)NAN, (double)NAN};
    ck_assert_int_eq(mix_learner_score(learner, nothing, &score, &tail), MIX_EVALUE);
    mix_learner_destroy(&learner);
    free(s.x);
}
END_TEST

START_TEST(many_rows_score_as_each_of_them)
{
    enum { N = 300, WIDE = D + 1 };
    struct mix_options options = small_options();
    struct mix_learner *learner = new_learner(&options);
    struct sample s = draw(10, 1000);
    double x[N * WIDE], scores[N], tails[N], score, tail;
    for (size_t i = 0; i < N; i++) {
        for (size_t d = 0; d < D; d++) {
            x[i * WIDE + d] = i == 7 ? (double)NAN : (double)i * s.x[i * D + d];
        }
        x[i * WIDE + D] = 1e99; /* of another column */
    }
    const struct mix_rows rows = {.x = x, .n = N, .stride = WIDE};
    const struct mix_rows narrow = {.x = x, .n = N, .stride = D - 1};
    ck_assert_int_eq(mix_learner_scores(learner, &rows, scores, tails), MIX_ENOTREADY);
    feed(learner, &s);
    ck_assert_int_eq(mix_learner_scores(learner, &narrow, scores, tails), MIX_ESIZE);
    ck_assert_int_eq(mix_learner_scores(learner, &rows, scores, tails), MIX_OK);
    for (size_t i = 0; i < N; i++) {
        const enum mix_err err = mix_learner_score(learner, x + i * WIDE, &score, &tail);
        ck_assert_int_eq(err, i == 7 ? MIX_EVALUE : MIX_OK);
        ck_assert(i == 7 ? isnan(scores[i]) && isnan(tails[i])
                         : scores[i] == score && tails[i] == tail);
    }
    mix_learner_destroy(&learner);
    free(s.x);
}
END_TEST

/* A model with one variance for all fields cannot be narrow where a field is constant,
 * nor may the background be: it would outdo the model at every point. */
START_TEST(a_constant_field_adds_nothing_to_a_spherical_score)
{
    struct mix_options options = small_options();
    options.covariance = MIX_SPHERICAL;
    struct mix_learner *learner = new_learner(&options);
    struct sample s = draw(10, 5000);
    for (size_t i = 0; i < s.n; i++) {
        s.x[i * D + 1] = 7;
    }
    feed(learner, &s);
    double log_density, sum = 0, score, tail;
    for (size_t i = 0; i < s.n; i++) {
        const struct mix_rows row = {.x = s.x + i * D, .n = 1, .stride = D};
        ck_assert_int_eq(
            mix_model_log_density(mix_learner_model(learner), &row, &log_density),
            MIX_OK);
        ck_assert_int_eq(mix_learner_score(learner, s.x + i * D, &score, &tail), MIX_OK);
        sum += log_density;
        ck_assert_double_le(score, log_density + 1);
    }
    struct mix_info info;
    mix_learner_info(learner, &info);
    ck_assert_double_eq_tol(info.log_likelihood, sum / (double)s.n, 0.1);
    mix_learner_destroy(&learner);
    free(s.x);
}
END_TEST

/* A freak takes a component along, wherever it comes from; at the latest at the next
 * challenge, when the points are twice as many, nothing of it is left. */
START_TEST(a_freak_is_forgotten)
{
    const double freaks[] = {1e12, 3.4e38, 1e149};
    struct mix_options options = small_options();
    options.adapt = false;
    options.warmup = 4000;
    struct mix_learner *learner = new_learner(&options);
    struct mix_model *truth = mixture_random(D, K, 6, 51);
    struct sample s = sample_draw(truth, 12, 40000);
    s.x[6000 * D] = s.x[6000 * D + 1] = freaks[_i];
    feed(learner, &s);
    s.x[6000 * D] = s.x[6000 * D + 1] = (double)NAN;
    const struct sample late = {s.x + 30000 * D, 10000, D};
    const double gap = mean_log_density(truth, &late) -
                       mean_log_density(mix_learner_model(learner), &late);
    ck_assert_msg(gap < 0.01, "%g nats", gap);
    mix_learner_destroy(&learner);
    mix_model_destroy(&truth);
    free(s.x);
}
END_TEST

/* Identities stay with the components through the fits of the warm-up and challenges,
 * and none is ever given twice. */
START_TEST(identities_stay_with_their_components)
{
    struct mix_options options;
    mix_options_init(&options, D, K);
    struct mix_model *truth = mixture_random(D, K, 8, 53);
    struct sample s = sample_draw(truth, 54, 40000);
    struct mix_learner *learner = new_learner(&options);
    uint64_t ids[K] = {0};
    double means[K * D] = {0};
    for (size_t done = 0; done < s.n; done += 500) {
        const struct sample part = {s.x + done * D, 500, D};
        feed(learner, &part);
        const double *now = mix_model_means(mix_learner_model(learner));
        for (size_t k = 0; k < K && done > 0; k++) {
            ck_assert(ids[k] == info_of(learner).ids[k]);
            ck_assert(
                hypot(now[k * D] - means[k * D], now[k * D + 1] - means[k * D + 1]) < 2);
        }
        memcpy(ids, info_of(learner).ids, sizeof(ids));
        memcpy(means, now, sizeof(means));
    }
    mix_learner_destroy(&learner);
    mix_model_destroy(&truth);
    free(s.x);
}
END_TEST

/* Rows [first, end) of the sample. */
static void add_rows(struct mix_learner *learner, const struct sample *s, size_t first,
                     size_t end)
{
    feed_rows(learner,
              (struct mix_rows){.x = s->x + first * D, .n = end - first, .stride = D});
}

/* Such a learner has one of its own. */
START_TEST(a_workspace_of_another_shape_is_left_alone)
{
    enum { ROWS = 2000 };
    struct mix_options options;
    mix_options_init(&options, D, K);
    struct mix_workspace *full = mix_workspace_new(&options);
    struct sample s = draw(83, ROWS);
    options.covariance = MIX_TIED;
    struct mix_learner *alone = new_learner(&options);
    options.workspace = full;
    struct mix_learner *other = new_learner(&options);
    ck_assert_ptr_null(alone->options.workspace);
    ck_assert_ptr_ne(other->estep, full->estep);
    ck_assert_ptr_ne(other->batches->scratch, full->model);
    add_rows(alone, &s, 0, ROWS);
    add_rows(other, &s, 0, ROWS);
    assert_same_state(alone, other);
    mix_learner_destroy(&alone);
    mix_learner_destroy(&other);
    mix_workspace_destroy(&full);
    free(s.x);
}
END_TEST

/* Learners in turn, point by point; their models as if each were alone. */
START_TEST(learners_that_share_a_workspace_do_not_disturb_each_other)
{
    enum { N = 3, ROWS = 2000 };
    struct mix_options options;
    mix_options_init(&options, D, K);
    options.compact = true;
    struct mix_workspace *workspace = mix_workspace_new(&options);
    struct mix_learner *alone[N], *shared[N];
    struct sample s[N];
    for (size_t j = 0; j < N; j++) {
        options.workspace = NULL;
        alone[j] = new_learner(&options);
        options.workspace = workspace;
        shared[j] = new_learner(&options);
        s[j] = draw(80 + j, ROWS);
        add_rows(alone[j], &s[j], 0, ROWS);
    }
    for (size_t i = 0; i < ROWS; i++) {
        for (size_t j = 0; j < N; j++) {
            add_rows(shared[j], &s[j], i, i + 1);
        }
    }
    for (size_t j = 0; j < N; j++) {
        const struct mix_info info = info_of(shared[j]);
        ck_assert(info.state == MIX_LEARNING && info.points > 1500);
        assert_same_state(alone[j], shared[j]);
        mix_learner_destroy(&alone[j]);
        mix_learner_destroy(&shared[j]);
        free(s[j].x);
    }
    mix_workspace_destroy(&workspace);
}
END_TEST

/* The same bytes are a state of a learner that is not compact. */
static void assert_goes_on_roomy(const struct mix_learner *learner,
                                 const struct mix_options *options)
{
    struct mix_options roomy = *options;
    enum mix_err err;
    size_t size;
    unsigned char *bytes = state_bytes(learner, &size);
    roomy.compact = false;
    struct mix_learner *other = mix_learner_decode(&roomy, bytes, size, &err);
    struct sample s = draw(91, 20000);
    ck_assert_int_eq(err, MIX_OK);
    free(bytes);
    add_rows(other, &s, 0, s.n);
    bytes = state_bytes(other, &size);
    struct mix_learner *back = mix_learner_decode(options, bytes, size, &err);
    ck_assert_int_eq(err, MIX_OK);
    add_rows(back, &s, 0, 1000);
    ck_assert_uint_eq(info_of(back).added, info_of(learner).added + s.n + 1000);
    free(bytes);
    free(s.x);
    mix_learner_destroy(&back);
    mix_learner_destroy(&other);
}

/* Without a sample the memory after the warm-up is small, and the bytes of the state go
 * on where they were, with rows in the open block and without. */
START_TEST(a_compact_learner_is_encoded_and_goes_on)
{
    struct mix_options options;
    mix_options_init(&options, D, K);
    options.compact = true;
    struct sample s = draw(90, 3000);
    const size_t stops[] = {30, 700, 512 + 3 * 256, 512 + 3 * 256 + 100};
    for (size_t i = 0; i < COUNT(stops); i++) {
        struct mix_learner *learner = new_learner(&options);
        add_rows(learner, &s, 0, stops[i]);
        size_t size;
        unsigned char *bytes = state_bytes(learner, &size);
        enum mix_err err;
        struct mix_learner *copy = mix_learner_decode(&options, bytes, size, &err);
        ck_assert_int_eq(err, MIX_OK);
        free(bytes);
        ck_assert_uint_eq(copy->queue.n, learner->queue.n);
        ck_assert_uint_eq(points_count(copy->open), points_count(learner->open));
        add_rows(learner, &s, stops[i], s.n);
        add_rows(copy, &s, stops[i], s.n);
        assert_same_state(learner, copy);
        assert_goes_on_roomy(copy, &options);
        mix_learner_reset(copy);
        add_rows(copy, &s, 0, 1000);
        ck_assert(info_of(copy).state == MIX_LEARNING);
        mix_learner_destroy(&copy);
        mix_learner_destroy(&learner);
    }
    free(s.x);
}
END_TEST

/* Adds row i of s, or one that cannot be learned: every seventh. */
static void add_mixed(struct mix_learner *learner, const struct sample *s, size_t i)
{
    const double bad[D] = {1, i % 2 == 0 ? (double)NAN : (double)INFINITY};
    const struct mix_rows row = {
        .x = i % 7 == 6 ? bad : s->x + i * D, .n = 1, .stride = D};
    size_t taken = 0;
    while (taken == 0) {
        ck_assert_int_eq(mix_learner_add(learner, &row, &taken), MIX_OK);
        if (taken == 0) {
            ck_assert(mix_learner_is_due(learner));
            mix_learner_work(learner);
        }
    }
}

/* The short way into the queue, which looks at one line of the learner, must be closed
 * where the long way would do anything else: the same rows go where it is not open, since
 * the learner was read from its bytes before every row. */
START_TEST(a_row_goes_the_short_way_only_where_the_long_one_does_the_same)
{
    struct mix_options options;
    mix_options_init(&options, D, K);
    options.compact = true;
    struct mix_learner *learner = new_learner(&options), *anew = new_learner(&options);
    struct sample s = draw(92, 1500);
    for (size_t i = 0; i < s.n; i++) {
        enum mix_err err;
        size_t size;
        unsigned char *bytes = state_bytes(anew, &size);
        mix_learner_destroy(&anew);
        anew = mix_learner_decode(&options, bytes, size, &err);
        ck_assert_int_eq(err, MIX_OK);
        free(bytes);
        struct mix_learner *const both[2] = {learner, anew};
        for (size_t j = 0; j < 2; j++) {
            if (i % 100 == 50) {
                mix_learner_freeze(both[j]);
            } else if (i % 100 == 60) {
                mix_learner_thaw(both[j]);
            } else if (i == 1130 || i == 1400) {
                i == 1130 ? mix_learner_finish(both[j]) : mix_learner_reset(both[j]);
            }
            add_mixed(both[j], &s, i);
        }
        assert_same_state(learner, anew);
    }
    ck_assert_uint_gt(info_of(learner).frozen, 100);
    ck_assert_uint_gt(info_of(learner).unscorable, 150);
    mix_learner_destroy(&learner);
    mix_learner_destroy(&anew);
    free(s.x);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(the_warmup_follows_its_schedule),
        UNIT(rows_that_cannot_be_learned_are_counted_and_change_nothing),
        UNIT(weight_zero_is_learned_without_influence),
        UNIT(weight_two_is_the_point_twice),
        {a_frozen_learner_keeps_every_bit, 8},
        UNIT(a_fit_that_ends_while_frozen_waits_for_the_thaw),
        {slices_of_a_job_change_no_bit, 4},
        {a_reset_learner_begins_anew, 6},
        {a_learner_started_from_a_model_publishes_that_model, MIX_COVARIANCES},
        UNIT(a_start_may_stand_for_any_number_of_points),
        UNIT(a_start_that_does_not_fit_is_refused),
        UNIT_LOOP(a_stream_that_ends_leaves_nothing_open, ends),
        UNIT(a_stream_of_a_row_or_none_ends_without_a_model),
        UNIT(a_constant_field_adds_nothing_to_a_spherical_score),
        {a_freak_is_forgotten, 3},
        UNIT(identities_stay_with_their_components),
        UNIT(scores_need_a_model_and_are_finite),
        UNIT(many_rows_score_as_each_of_them),
        UNIT(a_workspace_of_another_shape_is_left_alone),
        UNIT(learners_that_share_a_workspace_do_not_disturb_each_other),
        UNIT(a_compact_learner_is_encoded_and_goes_on),
        UNIT(a_row_goes_the_short_way_only_where_the_long_one_does_the_same),
    };
    return unit_run("learner", tests, COUNT(tests));
}
