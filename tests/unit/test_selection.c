/* SPDX-License-Identifier: MIT
 *
 * Claims about choosing the number of components. tests/numeric/figure_components.c tells
 * how often it is the true one. */
#include "learner.h"
#include "mixture.h"

enum { D = 2, FIRST = 1, LAST = 5, N = 14000 };

static struct mix_options range_options(void)
{
    struct mix_options options;
    mix_options_init(&options, D, FIRST);
    options.components_max = LAST;
    options.warmup = 2000;
    return options;
}

static struct mix_learner *new_learner(void)
{
    const struct mix_options options = range_options();
    struct mix_learner *learner = mix_learner_new(&options, NULL);
    ck_assert_ptr_nonnull(learner);
    return learner;
}

static struct sample draw(size_t components, uint64_t seed, size_t n)
{
    struct mix_model *truth = mixture_random(D, components, 6, seed);
    struct sample s = sample_draw(truth, seed, n);
    mix_model_destroy(&truth);
    return s;
}

START_TEST(the_true_number_is_published)
{
    const size_t k = 1 + (size_t)_i;
    struct sample s = draw(k, unit_seed(501), N);
    struct mix_learner *learner = new_learner();
    struct mix_info info;
    struct mix_event event;
    size_t last = FIRST, n = 0;
    feed(learner, &s);
    ck_assert_uint_eq(mix_model_components(mix_learner_model(learner)), k);
    while (mix_learner_event(learner, &event)) {
        if (event.kind == MIX_EVENT_COMPONENTS) {
            ck_assert_uint_eq(event.other, last);
            last = event.id;
            n++;
        }
    }
    ck_assert_uint_eq(last, k);
    ck_assert_uint_eq(n > 0, k > 1);
    mix_learner_info(learner, &info);
    ck_assert_uint_eq(info.added, N);
    ck_assert_uint_eq(info.added, info.learned + info.queued);
    ck_assert_uint_eq(info.state, MIX_LEARNING);
    mix_learner_destroy(&learner);
    free(s.x);
}
END_TEST

/* The model is that of a learner of this number alone with the same warm-up. */
START_TEST(the_model_is_that_of_its_learner)
{
    struct mix_options options = range_options();
    struct sample s = draw(3, unit_seed(503), N);
    struct mix_learner *learner = new_learner();
    feed(learner, &s);
    options.components = mix_model_components(mix_learner_model(learner));
    options.components_max = 0;
    struct mix_learner *alone = mix_learner_new(&options, NULL);
    feed(alone, &s);
    const struct mix_model *a = mix_learner_model(learner), *b = mix_learner_model(alone);
    ck_assert_mem_eq(mix_model_means(a), mix_model_means(b),
                     options.components * D * sizeof(double));
    mix_learner_destroy(&learner);
    mix_learner_destroy(&alone);
    free(s.x);
}
END_TEST

/* However the rows are divided among calls, and wherever the state is stored. */
START_TEST(a_state_goes_on_bit_for_bit)
{
    const size_t stops[] = {0, 30, 64, 100, 1500, 2000, 2300, 9000};
    const struct mix_options options = range_options();
    struct sample s = draw(3, unit_seed(505), N);
    struct mix_rows rows = sample_rows(&s), rest = rows;
    struct mix_learner *whole = new_learner(), *first = new_learner();
    size_t size;
    feed_rows(whole, rows);
    for (size_t done = 0; done < stops[_i]; done += rows.n) {
        rows.x = s.x + done * D;
        rows.n = stops[_i] - done < 77 ? stops[_i] - done : 77;
        feed_rows(first, rows);
    }
    unsigned char *bytes = state_bytes(first, &size);
    const struct mix_part part = {bytes, size};
    struct mix_learner *second = mix_learner_decode_parts(&options, &part, 1, NULL);
    ck_assert_ptr_nonnull(second);
    assert_same_state(first, second);
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

/* In the warm-up, with rows, and after it, when they are given back. */
START_TEST(compact_candidates_have_room_for_their_state)
{
    struct mix_options options = range_options();
    options.compact = true;
    struct sample s = draw(3, unit_seed(509), N);
    struct mix_learner *learner = mix_learner_new(&options, NULL);
    for (size_t done = 0, n; done < s.n; done += n) {
        n = 700 < s.n - done ? 700 : s.n - done;
        const struct sample part = {s.x + done * D, n, D};
        size_t size;
        feed(learner, &part);
        unsigned char *bytes = state_bytes(learner, &size);
        mix_learner_destroy(&learner);
        learner = mix_learner_decode(&options, bytes, size, NULL);
        ck_assert_ptr_nonnull(learner);
        free(bytes);
    }
    struct mix_learner *unbroken = mix_learner_new(&options, NULL);
    feed(unbroken, &s);
    assert_same_state(learner, unbroken);
    mix_learner_destroy(&learner);
    mix_learner_destroy(&unbroken);
    free(s.x);
}
END_TEST

static enum mix_err decode_err(const struct mix_options *options, const void *bytes,
                               size_t size)
{
    enum mix_err err;
    struct mix_learner *learner = mix_learner_decode(options, bytes, size, &err);
    mix_learner_destroy(&learner);
    return err;
}

START_TEST(states_of_another_range_or_damaged_are_refused)
{
    struct mix_options options = range_options();
    struct sample s = draw(2, unit_seed(507), 3000);
    struct mix_learner *learner = new_learner();
    size_t size;
    feed(learner, &s);
    unsigned char *bytes = state_bytes(learner, &size);
    ck_assert_int_eq(decode_err(&options, bytes, size), MIX_OK);
    for (size_t i = 0; i < size; i += 1 + size / 300) {
        bytes[i] ^= 4;
        ck_assert_int_ne(decode_err(&options, bytes, size), MIX_OK);
        ck_assert_int_ne(decode_err(&options, bytes, i), MIX_OK);
        bytes[i] ^= 4;
    }
    options.components_max--;
    ck_assert_int_eq(decode_err(&options, bytes, size), MIX_EMISMATCH);
    options.components_max = 0;
    ck_assert_int_eq(decode_err(&options, bytes, size), MIX_EMISMATCH);
    mix_learner_destroy(&learner);
    free(bytes);
    free(s.x);
}
END_TEST

/* Two components become three: the two that stay keep their names, and no name that was
 * published means another component later. tests/numeric/figure_components.c tells how
 * often that is so. */
static const uint64_t change_seeds[] = {1, 3, 5, 7};

START_TEST(components_keep_their_identity)
{
    static const double weights[3] = {0.4, 0.4, 0.2}, two[2] = {0.5, 0.5};
    static const double means[3 * D] = {0, 0, 12, 0, 6, 6}, unit[3] = {1, 1, 1};
    struct mix_model *before = mix_model_new(D, 2, MIX_SPHERICAL, two, means, unit, NULL);
    struct mix_model *after =
        mix_model_new(D, 3, MIX_SPHERICAL, weights, means, unit, NULL);
    const uint64_t seed = change_seeds[_i];
    struct sample s = sample_draw(before, seed, 6000);
    struct sample t = sample_draw(after, seed + 1000, 12000);
    struct mix_learner *learner = new_learner();
    struct mix_info info;
    uint64_t ids[2] = {0};
    feed(learner, &s);
    ck_assert_uint_eq(mix_model_components(mix_learner_model(learner)), 2);
    mix_learner_info(learner, &info);
    for (size_t k = 0; k < 2; k++) { /* by the first field */
        ids[mix_model_means(mix_learner_model(learner))[k * D] > 6] = info.ids[k];
    }
    feed(learner, &t);
    const struct mix_model *model = mix_learner_model(learner);
    ck_assert_uint_eq(mix_model_components(model), 3);
    mix_learner_info(learner, &info);
    for (size_t k = 0; k < 3; k++) {
        const double *mean = mix_model_means(model) + k * D;
        if (mean[1] > 3) {
            ck_assert(info.ids[k] != ids[0] && info.ids[k] != ids[1]);
        } else {
            ck_assert_uint_eq(info.ids[k], ids[mean[0] > 6]);
        }
    }
    mix_learner_destroy(&learner);
    mix_model_destroy(&before);
    mix_model_destroy(&after);
    free(s.x);
    free(t.x);
}
END_TEST

START_TEST(what_a_learner_does_a_range_of_them_does)
{
    struct sample s = draw(2, unit_seed(511), 5000), more = draw(3, 512, 300);
    struct mix_learner *learner = new_learner();
    struct mix_info info;
    double x[D] = {0}, score, tail;
    ck_assert_int_eq(mix_learner_score(learner, x, &score, &tail), MIX_ENOTREADY);
    feed(learner, &s);
    ck_assert_int_eq(mix_learner_score(learner, x, &score, &tail), MIX_OK);
    mix_learner_freeze(learner);
    feed(learner, &more);
    mix_learner_info(learner, &info);
    ck_assert_uint_eq(info.frozen, 300);
    ck_assert_uint_eq(info.state, MIX_FROZEN);
    mix_learner_thaw(learner);
    mix_learner_finish(learner);
    mix_learner_info(learner, &info);
    ck_assert_uint_eq(info.learned, 5000);
    ck_assert_uint_eq(info.queued, 0);
    mix_learner_reset(learner);
    ck_assert_ptr_null(mix_learner_model(learner));
    feed(learner, &more);
    assert_sound(learner);
    mix_learner_destroy(&learner);
    free(s.x);
    free(more.x);
}
END_TEST

START_TEST(ranges_are_checked)
{
    struct mix_options options = range_options();
    const char *what = NULL;
    enum mix_err err;
    struct mix_model *model = mixture_random(D, FIRST, 4, 1);
    ck_assert_ptr_null(mix_learner_start(&options, model, 0, &err));
    ck_assert_int_eq(err, MIX_EOPTION);
    options.components = LAST + 1;
    ck_assert_int_eq(mix_options_check(&options, &what), MIX_EOPTION);
    ck_assert_str_eq(what, "components_max");
    options.components_max = LAST + 1 + MIX_RANGE_MAX;
    ck_assert_int_eq(mix_options_check(&options, &what), MIX_EOPTION);
    options.components_max--;
    options.warmup = 0;
    ck_assert_int_eq(mix_options_check(&options, &what), MIX_OK);
    options.components_max = LAST + 1;
    ck_assert_int_eq(mix_options_check(&options, &what), MIX_OK);
    mix_model_destroy(&model);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        {the_true_number_is_published, 4},
        UNIT(the_model_is_that_of_its_learner),
        {a_state_goes_on_bit_for_bit, 8},
        UNIT(compact_candidates_have_room_for_their_state),
        UNIT(states_of_another_range_or_damaged_are_refused),
        UNIT_LOOP(components_keep_their_identity, change_seeds),
        UNIT(what_a_learner_does_a_range_of_them_does),
        UNIT(ranges_are_checked),
    };
    return unit_run("selection", tests, COUNT(tests));
}
