/* SPDX-License-Identifier: MIT
 *
 * Learners made one: as good as one over all, in any order, no row lost or counted twice,
 * and what cannot be is refused and changes nothing. */
#include "learner.h"
#include "mixture.h"

enum { D = 2, K = 3, N = 40000, HELD = 20000 };

static struct mix_options options_of(void)
{
    struct mix_options options;
    mix_options_init(&options, D, K);
    return options;
}

/* Rows [first, end) of s learned by a new learner. */
static struct mix_learner *learn(const struct mix_options *options, const struct sample *s,
                                 size_t first, size_t end)
{
    struct mix_learner *learner = mix_learner_new(options, NULL);
    const struct sample part = {s->x + first * D, end - first, D};
    ck_assert_ptr_nonnull(learner);
    feed(learner, &part);
    return learner;
}

static struct mix_learner *copy_of(const struct mix_learner *learner)
{
    size_t size;
    unsigned char *bytes = state_bytes(learner, &size);
    struct mix_learner *copy = mix_learner_decode(&learner->options, bytes, size, NULL);
    ck_assert_ptr_nonnull(copy);
    free(bytes);
    return copy;
}

static struct mix_info info_of(const struct mix_learner *learner)
{
    struct mix_info info;
    mix_learner_info(learner, &info);
    return info;
}

static double gap(const struct mix_model *truth, const struct mix_learner *learner)
{
    struct sample held = sample_draw(truth, 7777, HELD);
    const double loss = mean_log_density(truth, &held) -
                        mean_log_density(mix_learner_model(learner), &held);
    free(held.x);
    return loss;
}

/* Parts of the stream from one start (a warm-up), and each from a start of its own,
 * which find components in other places. One pass over all is .0002 to .0006 away. */
START_TEST(parts_are_as_good_as_the_whole)
{
    const bool shares_start = _i % 2 == 0;
    const size_t parts = _i < 2 ? 2 : 4;
    const uint64_t seed = unit_seed(601);
    struct mix_model *truth = mixture_random(D, K, 3, seed);
    struct sample s = sample_draw(truth, seed, N);
    struct mix_options options = options_of();
    const size_t start = shares_start ? 8192 : 0, step = (N - start) / parts;
    struct mix_learner *whole = learn(&options, &s, 0, N);
    struct mix_learner *base = learn(&options, &s, 0, start), *merged = NULL;
    double loss = 0, worst = 0;
    for (size_t i = 0; i < parts; i++) {
        const struct sample part = {s.x + (start + i * step) * D, step, D};
        options.seed = i + 1;
        struct mix_learner *own =
            shares_start ? copy_of(base) : mix_learner_new(&options, NULL);
        feed(own, &part);
        if (merged == NULL) {
            merged = own;
            continue;
        }
        ck_assert_int_eq(mix_learner_merge(merged, own, &loss), MIX_OK);
        worst = fmax(worst, loss);
        assert_sound(merged);
        mix_learner_destroy(&own);
    }
    mix_learner_work(merged);
    const double own_gap = gap(truth, merged), whole_gap = gap(truth, whole);
    ck_assert_msg(own_gap < whole_gap + 1e-3, "seed %llu: %g, one pass %g",
                  (unsigned long long)seed, own_gap, whole_gap);
    ck_assert_double_lt(worst, 0.01); /* p / 2n of the smallest part, 10,000 points: .001 */
    ck_assert_uint_eq(info_of(merged).added, N - start + (shares_start ? parts * start : 0));
    mix_learner_destroy(&merged);
    mix_learner_destroy(&base);
    mix_learner_destroy(&whole);
    mix_model_destroy(&truth);
    free(s.x);
}
END_TEST

/* Statistics from one start: the mean of both, exactly, and in any order to rounding. */
START_TEST(one_start_merges_in_any_order)
{
    struct mix_model *truth = mixture_random(D, K, 4, 21);
    struct sample s = sample_draw(truth, 21, N);
    struct mix_options options = options_of();
    options.noise = _i == 1;
    struct mix_learner *base = learn(&options, &s, 0, 8192), *part[3], *ordered[3];
    static const size_t ends[4] = {8192, 15000, 16500, 36500};
    for (size_t i = 0; i < 3; i++) {
        const struct sample own = {s.x + ends[i] * D, ends[i + 1] - ends[i], D};
        part[i] = copy_of(base);
        feed(part[i], &own);
    }
    for (size_t i = 0; i < 3; i++) { /* (0+1)+2, (1+2)+0, (2+0)+1 */
        ordered[i] = copy_of(part[i]);
        for (size_t j = 1; j < 3; j++) {
            ck_assert_int_eq(mix_learner_merge(ordered[i], part[(i + j) % 3], NULL),
                             MIX_OK);
        }
    }
    struct mix_learner *late = copy_of(part[0]), *pair = copy_of(part[1]); /* 0+(1+2) */
    ck_assert_int_eq(mix_learner_merge(pair, part[2], NULL), MIX_OK);
    ck_assert_int_eq(mix_learner_merge(late, pair, NULL), MIX_OK);
    const struct mix_learner *const others[3] = {ordered[1], ordered[2], late};
    const struct shape *shape = &base->slow_model->shape;
    /* Open blocks are learned in the order of the merges: only what is before them is the
     * same. Their lengths are 6808, 1500 and 20000 modulo 256, so at most two fill up. */
    for (size_t o = 0; o < 3; o++) {
        const double tolerance = 3e-3;
        for (size_t k = 0; k < K; k++) {
            ck_assert_double_eq_tol(others[o]->slow->rho[k], ordered[0]->slow->rho[k],
                                    tolerance);
        }
        ck_assert_double_eq_tol(others[o]->pace.na, ordered[0]->pace.na, 1e-6);
        ck_assert_uint_eq(info_of(others[o]).added, info_of(ordered[0]).added);
        ck_assert_uint_eq(others[o]->reservoir.age, ordered[0]->reservoir.age);
    }
    ck_assert_uint_eq(shape->components, K);
    for (size_t i = 0; i < 3; i++) {
        mix_learner_destroy(&part[i]);
        mix_learner_destroy(&ordered[i]);
    }
    mix_learner_destroy(&late);
    mix_learner_destroy(&pair);
    mix_learner_destroy(&base);
    mix_model_destroy(&truth);
    free(s.x);
}
END_TEST

/* Without open blocks the order is rounding alone, and the statistics are means. */
START_TEST(whole_blocks_are_exact)
{
    struct mix_model *truth = mixture_random(D, K, 4, 31);
    struct sample s = sample_draw(truth, 31, N);
    struct mix_options options = options_of();
    struct mix_learner *a = learn(&options, &s, 0, 8192), *b = copy_of(a);
    const struct sample more[2] = {{s.x + 8192 * D, 40 * 256, D},
                                   {s.x + 20000 * D, 20 * 256, D}};
    feed(a, &more[0]);
    feed(b, &more[1]);
    const double n_a = a->pace.na, n_b = b->pace.na;
    struct mix_learner *ab = copy_of(a), *ba = copy_of(b);
    double loss = 1, back = 1;
    ck_assert_int_eq(mix_learner_merge(ab, b, &loss), MIX_OK);
    ck_assert_int_eq(mix_learner_merge(ba, a, &back), MIX_OK);
    ck_assert_double_lt(loss, 1e-3);
    ck_assert_double_eq_tol(loss, back, 1e-4);
    ck_assert(ab->pace.na == n_a + n_b);
    for (size_t k = 0; k < K; k++) {
        const double mean = (n_a * a->slow->rho[k] + n_b * b->slow->rho[k]) / (n_a + n_b);
        ck_assert_double_eq_tol(ab->slow->rho[k], mean, 1e-14);
        ck_assert(ab->ids[k] == a->ids[k]);
        for (size_t d = 0; d < D; d++) {
            const double sum = n_a * a->slow->rho[k] * mix_model_means(a->slow_model)[k * D + d] +
                               n_b * b->slow->rho[k] * mix_model_means(b->slow_model)[k * D + d];
            ck_assert_double_eq_tol(mix_model_means(ab->slow_model)[k * D + d],
                                    sum / (n_a + n_b) / mean, 1e-12);
        }
    }
    for (size_t i = 0; i < ab->slow_model->shape.stats_size; i++) {
        ck_assert_double_eq_tol(ab->slow->values[i], ba->slow->values[i], 1e-12);
        ck_assert_double_eq_tol(ab->fast->values[i], ba->fast->values[i], 1e-12);
    }
    mix_learner_destroy(&a);
    mix_learner_destroy(&b);
    mix_learner_destroy(&ab);
    mix_learner_destroy(&ba);
    mix_model_destroy(&truth);
    free(s.x);
}
END_TEST

/* One of them, or both, in the warm-up: its rows are learned as if they came next. */
START_TEST(rows_of_a_warm_up_are_learned)
{
    static const size_t cuts[][2] = {{3000, 4000}, {20, 9000}, {12000, 700}, {9000, 30}};
    struct mix_model *truth = mixture_random(D, K, 4, 41);
    struct sample s = sample_draw(truth, 41, 21000);
    const struct mix_options options = options_of();
    const size_t n = cuts[_i][0], m = cuts[_i][1];
    struct mix_learner *a = learn(&options, &s, 0, n), *b = learn(&options, &s, n, n + m);
    struct mix_learner *whole =
        n >= m ? learn(&options, &s, 0, n + m) : learn(&options, &s, n, n + m);
    if (n < m) {
        const struct sample rest = {s.x, n, D};
        feed(whole, &rest);
    }
    ck_assert_int_eq(mix_learner_merge(a, b, NULL), MIX_OK);
    assert_sound(a);
    ck_assert_uint_eq(info_of(a).added, n + m);
    ck_assert_uint_eq(info_of(a).learned + info_of(a).queued, n + m);
    if (_i != 0) { /* b's rows came last, or a's did */
        assert_same_state(a, whole);
    }
    ck_assert_double_lt(gap(truth, a), 0.01);
    mix_learner_destroy(&a);
    mix_learner_destroy(&b);
    mix_learner_destroy(&whole);
    mix_model_destroy(&truth);
    free(s.x);
}
END_TEST

/* A window, a half-life, many models, a range, missing entries, mixed families. */
START_TEST(every_way_to_learn_merges)
{
    static const enum mix_family families[D] = {MIX_GAUSSIAN, MIX_STUDENT_T};
    struct mix_model *truth = mixture_random(D, K, 4, 51);
    struct sample s = sample_draw(truth, 51, N);
    struct mix_options options = options_of();
    options.window = _i == 0 ? 5000 : 0;
    options.half_life = _i == 1 ? 100 : 0;
    options.compact = _i == 2;
    options.components_max = _i == 3 ? 4 : 0;
    options.components = _i == 3 ? 2 : K;
    options.families = _i == 4 ? families : NULL;
    options.covariance = _i == 5 ? MIX_TIED : _i == 6 ? MIX_SPHERICAL : MIX_FULL;
    struct mix_learner *a = learn(&options, &s, 0, 15000);
    struct mix_learner *b = learn(&options, &s, 15000, 35000);
    mix_learner_freeze(a);
    ck_assert_int_eq(mix_learner_merge(a, b, NULL), MIX_OK);
    ck_assert_int_eq(info_of(a).state, MIX_FROZEN);
    mix_learner_thaw(a);
    mix_learner_work(a);
    if (_i != 4) {
        assert_sound(a);
    }
    ck_assert_uint_eq(info_of(a).added, 35000);
    ck_assert_double_le(info_of(a).effective_points, _i == 0 ? 5000 : 35000);
    struct sample held = sample_draw(truth, 52, HELD);
    const double one = mean_log_density(mix_learner_model(b), &held);
    ck_assert_double_lt(one - mean_log_density(mix_learner_model(a), &held), 3e-3);
    const struct sample rest = {s.x + 35000 * D, 5000, D}; /* and it goes on */
    feed(a, &rest);
    ck_assert_uint_eq(info_of(a).added, N);
    struct mix_learner *copy = copy_of(a); /* its state is one */
    assert_same_state(a, copy);
    mix_learner_destroy(&copy);
    mix_learner_destroy(&a);
    mix_learner_destroy(&b);
    mix_model_destroy(&truth);
    free(s.x);
    free(held.x);
}
END_TEST

START_TEST(what_cannot_be_merged_changes_nothing)
{
    struct mix_model *truth = mixture_random(D, K, 4, 61);
    struct sample s = sample_draw(truth, 61, 20000), still = sample_draw(truth, 62, 20000);
    for (size_t i = 0; i < still.n; i++) {
        still.x[i * D] = 3; /* a dormant field */
    }
    struct mix_options options = options_of(), other = options_of();
    struct mix_learner *a = learn(&options, &s, 0, 12000), *before = copy_of(a);
    struct mix_learner *b = learn(&options, &still, 0, 12000);
    ck_assert_int_eq(mix_learner_merge(a, b, NULL), MIX_EMISMATCH);
    mix_learner_destroy(&b);
    other.block = 128;
    b = learn(&other, &s, 0, 12000);
    ck_assert_int_eq(mix_learner_merge(a, b, NULL), MIX_EMISMATCH);
    mix_learner_destroy(&b);
    other = options;
    other.noise = true;
    b = learn(&other, &s, 0, 12000);
    ck_assert_int_eq(mix_learner_merge(a, b, NULL), MIX_EMISMATCH);
    assert_same_state(a, before);
    mix_learner_destroy(&b);
    ck_assert_int_eq(mix_learner_merge(a, a, NULL), MIX_OK); /* every point twice */
    ck_assert_uint_eq(info_of(a).added, 24000);
    mix_learner_destroy(&a);
    mix_learner_destroy(&before);
    mix_model_destroy(&truth);
    free(s.x);
    free(still.x);
}
END_TEST

int main(void)
{
    static const int two[2] = {0}, four[4] = {0}, seven[7] = {0};
    const struct unit_test tests[] = {
        UNIT_LOOP(parts_are_as_good_as_the_whole, four),
        UNIT_LOOP(one_start_merges_in_any_order, two),
        UNIT(whole_blocks_are_exact),
        UNIT_LOOP(rows_of_a_warm_up_are_learned, four),
        UNIT_LOOP(every_way_to_learn_merges, seven),
        UNIT(what_cannot_be_merged_changes_nothing),
    };
    return unit_run("merge", tests, COUNT(tests));
}
