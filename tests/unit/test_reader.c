/* SPDX-License-Identifier: MIT
 *
 * Readers: batches, views of a message, and a message after another. */
#include "reader.h"

#include <math.h>

#include "readout.h"
#include "unit.h"

static struct layout *layout;
static struct reader *reader;

static void set_up(const char *columns)
{
    layout = readout_layout(columns, false);
    reader = reader_new(layout);
}

static void tear_down(void)
{
    reader_destroy(&reader);
    layout_destroy(&layout);
}

static void open_f64(const double *values, size_t n)
{
    const struct bytes part = {values, n * sizeof(double)};
    reader_open(reader, format_find("f64"), &part, 1);
}

START_TEST(aligned_rows_in_order_are_not_copied)
{
    static double values[2 * READER_BATCH];
    struct batch batch;
    set_up("a,b");
    open_f64(values, COUNT(values));
    ck_assert(reader_next(reader, &batch));
    ck_assert_ptr_eq(batch.x, values);
    ck_assert_uint_eq(batch.stride, 2);
    ck_assert_ptr_null(batch.weight);
    ck_assert_ptr_null(batch.time);
    ck_assert_ptr_null(batch.key);
    tear_down();
}
END_TEST

START_TEST(fields_between_other_columns_are_not_copied)
{
    static double values[4 * READER_BATCH] = {10, 1, 2, 0.5, 11, 3, 4, 0.25};
    struct batch batch;
    set_up("t,a,b,w");
    open_f64(values, COUNT(values));
    ck_assert(reader_next(reader, &batch));
    ck_assert_ptr_eq(batch.x, values + 1);
    ck_assert_uint_eq(batch.stride, 4);
    ck_assert(batch.time[1] == 11 && batch.weight[1] == 0.25);
    tear_down();
}
END_TEST

START_TEST(fields_in_another_order_are_put_in_order)
{
    static const double values[] = {2, 1, 4, 3};
    static const char *const columns[] = {"b", "a"};
    static const char *const fields[] = {"a", "b"};
    struct batch batch;
    layout = layout_new(columns, 2, fields, 2, NULL, NULL, NULL, NULL);
    reader = reader_new(layout);
    open_f64(values, 4);
    ck_assert(reader_next(reader, &batch));
    ck_assert(batch.x[0] == 1 && batch.x[1] == 2);
    ck_assert(batch.x[batch.stride] == 3 && batch.x[batch.stride + 1] == 4);
    tear_down();
}
END_TEST

START_TEST(batches_have_at_most_256_points_and_miss_none)
{
    static double values[1000];
    size_t n = 0;
    struct batch batch;
    for (size_t i = 0; i < COUNT(values); i++) {
        values[i] = (double)i;
    }
    set_up("a");
    open_f64(values, COUNT(values));
    while (reader_next(reader, &batch)) {
        ck_assert_uint_eq(batch.n, n < 768 ? 256 : 232);
        for (size_t i = 0; i < batch.n; i++, n++) {
            ck_assert(batch.x[i * batch.stride] == (double)n);
        }
    }
    ck_assert_uint_eq(n, 1000);
    ck_assert(!reader_next(reader, &batch));
    tear_down();
}
END_TEST

START_TEST(a_refused_message_is_told_once)
{
    struct batch batch;
    static const double values[] = {1, 2, 3};
    set_up("a,b");
    open_f64(values, 3);
    ck_assert(reader_next(reader, &batch));
    ck_assert_uint_eq(batch.n, 1);
    ck_assert_uint_eq(batch.n_rejected, 1);
    ck_assert_int_eq(batch.reason[0], REASON_SHAPE);
    ck_assert_ptr_eq(batch.origin[0].data, values);
    ck_assert_uint_eq(batch.origin[0].size, 24);
    ck_assert_ptr_nonnull(batch.detail);
    ck_assert(!reader_next(reader, &batch));
    ck_assert(!reader_next(reader, &batch));
    tear_down();
}
END_TEST

START_TEST(a_message_left_half_read_does_not_leak_into_the_next)
{
    static char text[20000];
    size_t size = 0;
    struct batch batch;
    for (int i = 0; i < 2000; i++) {
        size += (size_t)sprintf(text + size, "%s[%d]", i == 0 ? "[" : ",", i);
    }
    size += (size_t)sprintf(text + size, "]");
    const struct bytes first = {text, size};
    const struct bytes second = {"[7]", 3};
    set_up("a");
    reader_open(reader, format_find("json"), &first, 1);
    ck_assert(reader_next(reader, &batch));
    reader_open(reader, format_find("json"), &second, 1);
    ck_assert(reader_next(reader, &batch));
    ck_assert_uint_eq(batch.n, 1);
    ck_assert(batch.x[0] == 7.0);
    ck_assert(!reader_next(reader, &batch));
    tear_down();
}
END_TEST

static bool join_f64(const double *values, size_t n, struct batch *batch)
{
    const struct bytes part = {values, n * sizeof(double)};
    return reader_join(reader, format_find("f64"), &part, 1, batch);
}

START_TEST(messages_of_a_few_good_points_join)
{
    static double values[2 * READER_BATCH];
    static const double bad[] = {1, 2, 3, 1e200};
    struct batch batch;
    set_up("a,b");
    for (size_t i = 0; i < COUNT(values); i++) {
        values[i] = (double)i;
    }
    open_f64(values, 2);
    ck_assert(reader_next(reader, &batch) && reader_is_open(reader));
    ck_assert(join_f64(values + 2, 6, &batch) && batch.n == 4);
    ck_assert(!join_f64(bad, 4, &batch) && batch.n == 4);
    ck_assert(!join_f64(bad, 3, &batch) && batch.n == 4); /* one and a half */
    ck_assert(!join_f64(values, COUNT(values), &batch) && batch.n == 4);
    ck_assert(join_f64(values + 8, COUNT(values) - 8, &batch));
    ck_assert(batch.n == READER_BATCH && batch.n_rejected == 0 && !reader_is_open(reader));
    for (size_t i = 0; i < batch.n; i++) {
        ck_assert(batch.x[i * batch.stride + 1] == (double)(2 * i + 1));
        ck_assert(batch.reason[i] == REASON_NONE);
    }
    ck_assert(!reader_next(reader, &batch));
    open_f64(bad, 4);
    ck_assert(reader_next(reader, &batch) && !reader_is_open(reader));
    tear_down();
}
END_TEST

START_TEST(points_with_time_weight_and_key_join)
{
    static const double values[] = {10, 1, 2, 7, 11, 3, 4, 8, 12, 5, 6, 9};
    static const double bad[] = {13, 1, -2, 7}, worse[] = {13, 1, 2, (double)NAN};
    struct batch batch;
    set_up("t,a,w,k");
    open_f64(values, 4);
    ck_assert(reader_next(reader, &batch) && reader_is_open(reader));
    ck_assert(!join_f64(bad, 4, &batch) && !join_f64(worse, 4, &batch) && batch.n == 1);
    ck_assert(join_f64(values + 4, 8, &batch) && batch.n == 3 && batch.n_rejected == 0);
    for (size_t i = 0; i < 3; i++) {
        const double *row = values + 4 * i;
        const char digit = (char)('0' + (int)row[3]);
        ck_assert(batch.time[i] == row[0] && batch.x[i * batch.stride] == row[1]);
        ck_assert(batch.weight[i] == row[2] && batch.reason[i] == REASON_NONE);
        ck_assert(batch.key[i].size == 1 && *(const char *)batch.key[i].data == digit);
    }
    open_f64(bad, 4);
    ck_assert(reader_next(reader, &batch) && batch.n_rejected == 1);
    ck_assert(!reader_is_open(reader));
    tear_down();
}
END_TEST

/* A message whose bytes are gone when this returns. */
static bool join_text(const char *format, const char *text, struct batch *batch)
{
    char copy[200];
    const struct bytes part = {copy, strlen(text)};
    memcpy(copy, text, part.size);
    const bool has_joined = reader_join(reader, format_find(format), &part, 1, batch);
    memset(copy, '?', sizeof(copy));
    return has_joined;
}

START_TEST(lines_of_text_join)
{
    char first[] = "{\"k\": \"pump\", \"a\": 1}";
    const struct bytes part = {first, strlen(first)};
    static const char *const keys[] = {"pump", "p\n", "7", "x", "1"};
    static const double keyed[] = {1, 5};
    struct batch batch;
    set_up("k,a");
    reader_open(reader, format_find("json"), &part, 1);
    ck_assert(reader_next(reader, &batch) && reader_is_open(reader));
    memset(first, '?', sizeof(first));
    ck_assert(join_text("json", "[{\"a\": 2, \"k\": \"p\\n\"}, [7, 3]]", &batch));
    ck_assert(!join_text("json", "[\"q\", 1]\n{\"k\": \"q\"}", &batch));
    ck_assert(!join_text("json", "[\"q\", 1]\n{", &batch));
    ck_assert(!join_text("csv", "q,1,2", &batch) && !join_text("csv", "\n", &batch));
    ck_assert(join_text("csv", "x,4\r\n\n", &batch) && batch.n == 4);
    ck_assert(join_f64(keyed, 2, &batch) && batch.n == 5 && batch.n_rejected == 0);
    for (size_t i = 0; i < batch.n; i++) {
        ck_assert(batch.x[i * batch.stride] == (double)(i + 1));
        ck_assert_uint_eq(batch.key[i].size, strlen(keys[i]));
        ck_assert_mem_eq(batch.key[i].data, keys[i], batch.key[i].size);
    }
    ck_assert(!reader_next(reader, &batch));
    tear_down();
}
END_TEST

static bool has_key(const struct batch *batch, size_t i, const char *key)
{
    return batch->key[i].size == strlen(key) &&
           memcmp(batch->key[i].data, key, strlen(key)) == 0;
}

START_TEST(points_have_the_topic_of_their_message)
{
    static const double values[] = {1, 2, 3};
    char first[] = "pump", second[] = "valve", large[257];
    struct batch batch;
    layout = readout_layout("a", false);
    layout->has_topic = true;
    reader = reader_new(layout);
    reader_set_topic(reader, (struct bytes){first, strlen(first)});
    open_f64(values, 2);
    ck_assert(reader_next(reader, &batch) && reader_is_open(reader));
    memset(first, '?', sizeof(first));
    reader_set_topic(reader, (struct bytes){second, strlen(second)});
    ck_assert(!join_text("json", "3", &batch));
    ck_assert(join_f64(values + 2, 1, &batch) && join_text("csv", "4", &batch));
    memset(second, '?', sizeof(second));
    ck_assert(batch.n == 4 && has_key(&batch, 0, "pump") && has_key(&batch, 1, "pump"));
    ck_assert(has_key(&batch, 2, "valve") && has_key(&batch, 3, "valve"));
    reader_set_topic(reader, (struct bytes){large, 256});
    ck_assert(!join_f64(values, 1, &batch));
    open_f64(values, 1);
    ck_assert(reader_next(reader, &batch) && !reader_is_open(reader));
    ck_assert(batch.key[0].data == large && batch.key[0].size == 256);
    tear_down();
}
END_TEST

START_TEST(a_row_of_a_binary_body_is_named_and_kept)
{
    static const double values[] = {1, 2, 3, 1e200, 5, 6};
    struct batch batch;
    set_up("a,b");
    open_f64(values, 6);
    ck_assert(reader_next(reader, &batch));
    ck_assert_str_eq(batch.detail, "row 1: b: a value over 1e150 in size, or not of its family");
    ck_assert_ptr_eq(batch.origin[1].data, values + 2);
    ck_assert_uint_eq(batch.origin[1].size, 16);
    ck_assert(batch.x[2 * batch.stride] == 5.0);
    tear_down();
}
END_TEST

START_TEST(numbers_as_keys_are_written_short)
{
    static const double values[] = {1,    3, 1,           -0.5, 1,
                                    1e22, 1, (double)NAN, 1,    (double)INFINITY};
    struct readout readout;
    const struct bytes part = {values, sizeof(values)};
    readout_run(&readout, "a,k", false, "f64", &part, 1);
    ck_assert_str_eq(readout.text, "(1 k=3) (1 k=-0.5) (1 k=1e+22) key key");
}
END_TEST

START_TEST(a_bad_time_weight_or_key_rejects_its_row_only)
{
    static const double values[] = {
        0,
        1,
        1,
        0,
        9, /* good */
        0,
        1,
        -1,
        0,
        9, /* a negative weight */
        0,
        1,
        (double)NAN,
        0,
        9, /* a weight that is not finite */
        (double)INFINITY,
        1,
        1,
        0,
        9,
        0,
        1,
        1,
        (double)NAN,
        9,
        0,
        (double)INFINITY,
        -1,
        (double)NAN,
        9, /* the field comes first */
    };
    struct readout readout;
    const struct bytes part = {values, sizeof(values)};
    readout_run(&readout, "t,a,w,k,-", false, "f64", &part, 1);
    ck_assert_str_eq(readout.text, "(1 t=0 w=1 k=0) weight weight time key value");
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(aligned_rows_in_order_are_not_copied),
        UNIT(fields_between_other_columns_are_not_copied),
        UNIT(fields_in_another_order_are_put_in_order),
        UNIT(batches_have_at_most_256_points_and_miss_none),
        UNIT(a_refused_message_is_told_once),
        UNIT(a_message_left_half_read_does_not_leak_into_the_next),
        UNIT(messages_of_a_few_good_points_join),
        UNIT(points_with_time_weight_and_key_join),
        UNIT(lines_of_text_join),
        UNIT(points_have_the_topic_of_their_message),
        UNIT(a_row_of_a_binary_body_is_named_and_kept),
        UNIT(numbers_as_keys_are_written_short),
        UNIT(a_bad_time_weight_or_key_rejects_its_row_only),
    };
    return unit_run("reader", tests, COUNT(tests));
}
