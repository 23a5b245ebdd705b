/* SPDX-License-Identifier: MIT
 *
 * Claims about dormant fields: they are missing, exactly, until enough rows differ. */
#include "dormant.h"
#include "mixture.h"

enum { D = 3, K = 2, QUIET = 1 };

/* Two fields of a mixture and between them one that is `value` until row `from`, and
 * from then on varies in every so-manieth row. */
static struct sample draw(size_t n, double value, size_t from, size_t every,
                          uint64_t seed)
{
    struct mix_model *truth = mixture_random(2, K, 4, seed);
    struct sample two = sample_draw(truth, seed, n), s = sample_new(n, D);
    struct rng rng = rng_at(seed, RNG_TEST, 5);
    for (size_t i = 0; i < n; i++) {
        const double noise = rng_normal(&rng);
        s.x[i * D] = two.x[2 * i];
        s.x[i * D + QUIET] = i >= from && i % every == 0 ? value + noise : value;
        s.x[i * D + 2] = two.x[2 * i + 1];
    }
    mix_model_destroy(&truth);
    free(two.x);
    return s;
}

static struct mix_learner *new_learner(size_t dimensions, bool marginalize)
{
    struct mix_options options;
    mix_options_init(&options, dimensions, K);
    options.marginalize = marginalize;
    return mix_learner_new(&options, NULL);
}

static size_t count_woken(struct mix_learner *learner, struct mix_event *last)
{
    struct mix_event event;
    size_t n = 0;
    while (mix_learner_event(learner, &event)) {
        if (event.kind == MIX_EVENT_WOKE) {
            *last = event;
            n++;
        }
    }
    return n;
}

/* The other fields are learned as well as without it. That bits differ comes from the
 * number of starts and points alone, which follow the free parameters. */
START_TEST(a_dormant_field_changes_nothing_for_the_others)
{
    enum { N = 20000 };
    const double values[] = {0, 0.1, -1e9, 1e-200};
    const uint64_t seed = unit_seed(301) + (uint64_t)_i;
    struct sample s = draw(N, values[_i], N, 1, seed), two = sample_new(N, 2);
    for (size_t i = 0; i < N; i++) {
        two.x[2 * i] = s.x[i * D];
        two.x[2 * i + 1] = s.x[i * D + 2];
    }
    struct mix_learner *with = new_learner(D, false), *without = new_learner(2, false);
    feed(with, &s);
    feed(without, &two);
    struct mix_info a, b;
    mix_learner_info(with, &a);
    mix_learner_info(without, &b);
    ck_assert_ptr_nonnull(a.dormant);
    ck_assert(a.dormant[QUIET] == values[_i] && isnan(a.dormant[0]));
    ck_assert_ptr_null(b.dormant);
    ck_assert_uint_eq(a.floored, 0);
    ck_assert_double_eq_tol(a.log_likelihood, b.log_likelihood, 5e-3);
    const double *means = mix_model_means(mix_learner_model(with));
    const double *c = mix_model_covariances(mix_learner_model(with));
    for (size_t k = 0; k < K; k++) {
        ck_assert(means[k * D + QUIET] == values[_i]);
        ck_assert(c[k * D * D + QUIET * D] == 0 && c[k * D * D + 2 * D + QUIET] == 0);
        ck_assert(c[k * D * D + QUIET * (D + 1)] == c[QUIET * (D + 1)]);
    }
    mix_learner_destroy(&with);
    mix_learner_destroy(&without);
    free(s.x);
    free(two.x);
}
END_TEST

/* The bounded score of a point does not depend on what its dormant field says. */
START_TEST(scores_leave_a_dormant_field_out)
{
    struct sample s = draw(4000, 7, 4000, 1, unit_seed(303));
    struct mix_learner *learner = new_learner(D, false);
    double x[D] = {s.x[0], 7, s.x[2]}, score, other, tail;
    feed(learner, &s);
    ck_assert_int_eq(mix_learner_score(learner, x, &score, &tail), MIX_OK);
    x[QUIET] = 1e6;
    ck_assert_int_eq(mix_learner_score(learner, x, &other, &tail), MIX_OK);
    ck_assert(score == other);
    ck_assert(score > -20 && score < 20);
    mix_learner_destroy(&learner);
    free(s.x);
}
END_TEST

/* When: in the growing start, after the warm-up, and long after it with few rows that
 * differ, which a sample of the stream hardly holds. */
START_TEST(a_field_wakes_when_enough_rows_differ)
{
    static const struct {
        size_t n, from, every;
    } cases[] = {{6000, 300, 1}, {16000, 9000, 1}, {80000, 30000, 1000}};
    const size_t from = cases[_i].from, n = cases[_i].n, every = cases[_i].every;
    struct sample s = draw(n, 0, from, every, unit_seed(305));
    struct mix_learner *learner = new_learner(D, false);
    struct mix_event event;
    struct mix_info info;
    struct mix_rows rows = sample_rows(&s);
    rows.n = from + (DORMANT_ROWS - 2) * every;
    feed_rows(learner, rows);
    ck_assert_uint_eq(count_woken(learner, &event), 0);
    rows.x += rows.n * D;
    rows.n = n - (size_t)(rows.x - s.x) / D;
    feed_rows(learner, rows);
    ck_assert_uint_eq(count_woken(learner, &event), 1);
    ck_assert_uint_eq(event.id, QUIET);
    ck_assert(event.value == 0);
    ck_assert(event.added >= from + (DORMANT_ROWS - 1) * every);
    ck_assert(event.added <= from + (DORMANT_ROWS + 1) * every + 512);
    mix_learner_info(learner, &info);
    ck_assert_ptr_null(info.dormant);
    ck_assert_uint_eq(info.unscorable, 0);
    /* Its scale is that of the rows that differed. */
    const double *c = mix_model_covariances(mix_learner_model(learner));
    double widest = 0;
    for (size_t k = 0; k < K; k++) {
        widest = fmax(widest, c[k * D * D + QUIET * (D + 1)]);
    }
    ck_assert_msg(widest > 1e-6 && widest < 10, "variance %g", widest);
    mix_learner_destroy(&learner);
    free(s.x);
}
END_TEST

START_TEST(without_a_field_that_varies_there_is_no_model)
{
    enum { N = 30000, FROM = 25000 };
    struct sample s = sample_new(N, 2);
    struct mix_learner *learner = new_learner(2, false);
    struct rng rng = rng_at(unit_seed(307), RNG_TEST, 0);
    struct mix_info info;
    struct mix_event event;
    for (size_t i = 0; i < N; i++) {
        s.x[2 * i] = 5;
        s.x[2 * i + 1] = i < FROM ? -1 : rng_normal(&rng);
    }
    struct mix_rows rows = sample_rows(&s);
    rows.n = FROM;
    feed_rows(learner, rows);
    mix_learner_info(learner, &info);
    ck_assert_ptr_null(mix_learner_model(learner));
    ck_assert(info.dormant != NULL && info.dormant[0] == 5 && info.dormant[1] == -1);
    ck_assert_uint_eq(info.queued, FROM);
    rows.x += 2 * FROM;
    rows.n = N - FROM;
    feed_rows(learner, rows);
    ck_assert_uint_eq(count_woken(learner, &event), 1);
    mix_learner_info(learner, &info);
    assert_sound(learner);
    ck_assert_ptr_nonnull(mix_learner_model(learner));
    ck_assert(info.dormant[0] == 5 && isnan(info.dormant[1]));
    ck_assert_uint_eq(info.state, MIX_LEARNING);
    mix_learner_destroy(&learner);
    free(s.x);
}
END_TEST

/* A state in every stage goes on bit for bit, and does not depend on the calls. */
START_TEST(a_state_goes_on_bit_for_bit)
{
    const size_t stops[] = {64, 100, 5000, 9100, 9200, 12000};
    struct mix_options options;
    struct sample s = draw(14000, 3, 9000, 4, unit_seed(309));
    struct mix_rows rows = sample_rows(&s), rest = rows;
    struct mix_learner *whole = new_learner(D, false), *first = new_learner(D, false);
    size_t size;
    feed_rows(whole, rows);
    rows.n = stops[_i];
    feed_rows(first, rows);
    unsigned char *bytes = state_bytes(first, &size);
    mix_options_init(&options, D, K);
    struct mix_learner *second = mix_learner_decode(&options, bytes, size, NULL);
    ck_assert_ptr_nonnull(second);
    rest.x += stops[_i] * D;
    rest.n -= stops[_i];
    feed_rows(second, rest);
    assert_same_state(whole, second);
    mix_learner_destroy(&whole);
    mix_learner_destroy(&first);
    mix_learner_destroy(&second);
    free(bytes);
    free(s.x);
}
END_TEST

/* Rows with a value in dormant fields alone say nothing. */
START_TEST(rows_without_an_awake_value_are_unscorable)
{
    struct sample s = draw(3000, 4, 3000, 1, unit_seed(311));
    struct mix_learner *learner = new_learner(D, true);
    struct mix_info info;
    for (size_t i = 100; i < 3000; i += 10) {
        s.x[i * D] = s.x[i * D + 2] = (double)NAN;
    }
    feed(learner, &s);
    mix_learner_finish(learner);
    mix_learner_info(learner, &info);
    ck_assert_uint_eq(info.unscorable, 290);
    ck_assert_uint_eq(info.learned, 3000 - 290);
    mix_learner_destroy(&learner);
    free(s.x);
}
END_TEST

/* At the end of a short stream half of its rows are enough. */
START_TEST(a_short_stream_has_a_model)
{
    struct sample s = draw(20, 4, 20, 1, unit_seed(313));
    struct mix_learner *learner = new_learner(D, false);
    struct mix_info info;
    feed(learner, &s);
    mix_learner_finish(learner);
    mix_learner_info(learner, &info);
    ck_assert_ptr_nonnull(mix_learner_model(learner));
    ck_assert(info.dormant != NULL && info.dormant[QUIET] == 4 && isnan(info.dormant[0]));
    mix_learner_destroy(&learner);
    free(s.x);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        {a_dormant_field_changes_nothing_for_the_others, 4},
        UNIT(scores_leave_a_dormant_field_out),
        {a_field_wakes_when_enough_rows_differ, 3},
        UNIT(without_a_field_that_varies_there_is_no_model),
        {a_state_goes_on_bit_for_bit, 6},
        UNIT(rows_without_an_awake_value_are_unscorable),
        UNIT(a_short_stream_has_a_model),
    };
    return unit_run("dormant", tests, COUNT(tests));
}
