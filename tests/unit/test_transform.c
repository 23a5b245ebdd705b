/* SPDX-License-Identifier: MIT
 *
 * Rates, differences and logarithms on batches; on files: test_input.c. */
#include "transform.h"

#include <math.h>
#include <string.h>

#include "unit.h"

static struct layout *layout;
static struct transform *transform;

static void set_up(bool marginalize)
{
    static const char *const names[] = {"t", "a", "b"};
    layout = layout_new(names, 3, names + 1, 2, "t", NULL, NULL, NULL);
    layout->marginalize = marginalize;
    transform = transform_new(layout);
}

static void tear_down(void)
{
    transform_destroy(&transform);
    layout_destroy(&layout);
    ck_assert_ptr_null(transform);
}

/* A batch of good rows of two fields, strewn into rows of three. */
static struct batch make_batch(const double *x, const double *time, size_t n)
{
    static const uint8_t good[READER_BATCH];
    static const struct bytes origin[READER_BATCH];
    return (struct batch){
        .n = n, .x = x, .stride = 3, .time = time, .reason = good, .origin = origin};
}

START_TEST(fields_that_are_not_named_stay_as_they_are)
{
    static const double x[] = {1, 10, -1, 4, 20, -1, 9, 30, -1};
    static const double time[] = {0, 1, 2};
    const struct batch from = make_batch(x, time, 3);
    struct batch to;
    set_up(false);
    ck_assert(transform_is_empty(transform));
    ck_assert(transform_set(transform, 0, TRANSFORM_DELTA));
    ck_assert(!transform_is_empty(transform));
    ck_assert(!transform_has_rate(transform));
    ck_assert_uint_eq(transform_rows(transform, &from, 0, &to), 3);
    ck_assert_uint_eq(to.n, 2);
    ck_assert(to.x[0] == 3 && to.x[1] == 20 && to.time[0] == 1);
    ck_assert(to.x[to.stride] == 5 && to.x[to.stride + 1] == 30 && to.time[1] == 2);
    tear_down();
}
END_TEST

START_TEST(differences_go_on_over_batches)
{
    static const double x[] = {1, 0, 0, 4, 0, 0};
    static const double more[] = {6, 0, 0};
    static const double time[] = {0, 1};
    struct batch from = make_batch(x, time, 2);
    struct batch to;
    set_up(false);
    transform_set(transform, 0, TRANSFORM_DELTA);
    ck_assert_uint_eq(transform_rows(transform, &from, 0, &to), 2);
    from = make_batch(more, time, 1);
    ck_assert_uint_eq(transform_rows(transform, &from, 0, &to), 1);
    ck_assert_uint_eq(to.n, 1);
    ck_assert(to.x[0] == 2);
    tear_down();
}
END_TEST

/* Times jitter by a tenth of the interval, and two rows are missing at the end: the rates
 * are those of a clock that does not jitter. */
START_TEST(rates_do_not_feel_the_jitter_of_the_clock)
{
    static const double x[] = {0, 0, 0, 5, 0, 0, 10, 0, 0, 15, 0, 0, 30, 0, 0};
    static const double time[] = {100.0, 100.55, 100.96, 101.5, 103.04};
    const struct batch from = make_batch(x, time, 5);
    struct batch to;
    set_up(false);
    transform_set(transform, 0, TRANSFORM_RATE);
    transform_set_interval(transform, 0.5);
    ck_assert(transform_has_rate(transform));
    ck_assert_uint_eq(transform_rows(transform, &from, 0, &to), 5);
    ck_assert_uint_eq(to.n, 4);
    for (size_t i = 0; i < to.n; i++) {
        ck_assert_msg(to.x[i * to.stride] == 10.0, "row %zu: %.17g", i,
                      to.x[i * to.stride]);
    }
    tear_down();
}
END_TEST

START_TEST(a_time_that_stands_or_goes_back_is_one_interval)
{
    static const double x[] = {0, 0, 0, 5, 0, 0, 10, 0, 0};
    static const double time[] = {100.0, 100.0, 90.0};
    const struct batch from = make_batch(x, time, 3);
    struct batch to;
    set_up(false);
    transform_set(transform, 0, TRANSFORM_RATE);
    transform_rows(transform, &from, 0, &to);
    ck_assert_uint_eq(to.n, 2);
    ck_assert(to.x[0] == 5 && to.x[to.stride] == 5);
    tear_down();
}
END_TEST

/* What becomes of 1 and then x, and what is said about it. */
static const struct {
    unsigned kinds;
    double x;
    enum reason reason;
    double y;
    const char *detail;
} cases[] = {
    {TRANSFORM_RATE, 1, REASON_NONE, 0, NULL},
    {TRANSFORM_RATE, 0, REASON_MISSING, 0, "a: a counter that was set back"},
    {TRANSFORM_DELTA, 0, REASON_NONE, -1, NULL},
    {TRANSFORM_DELTA, -1e150, REASON_RANGE, 0, "a: a value over 1e150 in size, or not of its family"},
    {TRANSFORM_LOG, 0, REASON_NONE, 0, NULL},
    {TRANSFORM_LOG, -1, REASON_VALUE, 0, "a: the logarithm of 0"},
    {TRANSFORM_LOG, -2, REASON_MISSING, 0, "a: the logarithm of a negative number"},
    {TRANSFORM_DELTA | TRANSFORM_LOG, 1, REASON_NONE, 0, NULL},
    {TRANSFORM_DELTA | TRANSFORM_LOG, 0, REASON_VALUE, 0, "a: the logarithm of 0"},
};

START_TEST(each_result_is_judged)
{
    double x[] = {1, 0, 0, 0, 0, 0, 7, 0, 0};
    static const double time[] = {0, 1, 2};
    struct batch to;
    const bool has_first = cases[_i].kinds == TRANSFORM_LOG;
    x[0] = cases[_i].reason == REASON_RANGE ? 1e150 : 1;
    x[3] = cases[_i].x;
    const struct batch from = make_batch(x, time, 3);
    set_up(false);
    transform_set(transform, 0, (enum transform_kind)cases[_i].kinds);
    const size_t next = transform_rows(transform, &from, 0, &to);
    const size_t i = has_first ? 1 : 0;
    ck_assert_int_eq(to.reason[i], cases[_i].reason);
    if (cases[_i].detail == NULL) {
        ck_assert_uint_eq(next, 3);
        ck_assert(to.x[i * to.stride] == cases[_i].y);
        ck_assert_ptr_null(to.detail);
    } else { /* the batch ends with the bad row */
        ck_assert_uint_eq(next, 2);
        ck_assert_uint_eq(to.n, i + 1);
        ck_assert_uint_eq(to.n_rejected, 1);
        ck_assert_str_eq(to.detail, cases[_i].detail);
        ck_assert_ptr_eq(to.origin[i].data, x + 3);
    }
    tear_down();
}
END_TEST

START_TEST(missing_values_stay_where_they_are_marginalized)
{
    static const double x[] = {5, 1, 0, 3, 2, 0};
    static const double time[] = {0, 1};
    const struct batch from = make_batch(x, time, 2);
    struct batch to;
    set_up(true);
    transform_set(transform, 0, TRANSFORM_RATE);
    transform_rows(transform, &from, 0, &to);
    ck_assert_uint_eq(to.n, 1);
    ck_assert_int_eq(to.reason[0], REASON_NONE);
    ck_assert(isnan(to.x[0]) && to.x[1] == 2);
    tear_down();
}
END_TEST

START_TEST(a_field_is_not_both_rate_and_difference)
{
    set_up(false);
    ck_assert(transform_set(transform, 0, TRANSFORM_RATE));
    ck_assert(transform_set(transform, 1, TRANSFORM_DELTA));
    ck_assert(transform_set(transform, 0, TRANSFORM_LOG));
    ck_assert(!transform_set(transform, 0, TRANSFORM_DELTA));
    tear_down();
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(fields_that_are_not_named_stay_as_they_are),
        UNIT(differences_go_on_over_batches),
        UNIT(rates_do_not_feel_the_jitter_of_the_clock),
        UNIT(a_time_that_stands_or_goes_back_is_one_interval),
        UNIT_LOOP(each_result_is_judged, cases),
        UNIT(missing_values_stay_where_they_are_marginalized),
        UNIT(a_field_is_not_both_rate_and_difference),
    };
    return unit_run("transform", tests, COUNT(tests));
}
