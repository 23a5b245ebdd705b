/* SPDX-License-Identifier: MIT
 *
 * What every format must do, over the rows of the table: whoever adds a format adds
 * no test here and is tested. */
#include "format.h"

#include <math.h>

#include "readout.h"
#include "unit.h"

#define N_ROWS 700 /* more than two batches */
#define N_COLUMNS 3

static size_t count_formats(void)
{
    size_t n = 0;
    while (format_table()[n] != NULL) {
        n++;
    }
    return n;
}

static const struct format *row(int i)
{
    return format_table()[i];
}

static bool narrows(const struct format *format)
{
    return strcmp(format->name, "f32") == 0;
}

/* Any finite double up to 1e150, with edges and missing entries between. */
static void fill(double *values, size_t n, uint64_t seed, bool with_missing)
{
    static const double edges[] = {
        0.0,    -0.0, 5e-324,    2.2250738585072014e-308, 1e150,
        -1e150, 0.1,  1.0 / 3.0, 9007199254740993.0,      1e22};
    uint64_t state = seed;
    for (size_t i = 0; i < n; i++) {
        const uint64_t bits = unit_random(&state);
        memcpy(&values[i], &bits, sizeof(bits));
        if (!(fabs(values[i]) <= 1e150)) {
            values[i] = edges[i % COUNT(edges)];
        }
        if (with_missing && i % 7 == 3) {
            values[i] = (double)NAN;
        }
    }
}

static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

/* Encodes rows and opens what came out. */
static void send(struct reader *reader, const struct layout *layout,
                 const struct format *format, const struct rows *rows,
                 struct parts *parts)
{
    struct bytes part[FORMAT_PARTS_MAX];
    ck_assert(format->encode(layout, rows, parts));
    ck_assert_uint_eq(parts_count(parts), format->n_parts);
    for (size_t i = 0; i < format->n_parts; i++) {
        part[i] = parts_get(parts, i);
    }
    reader_open(reader, format, part, format->n_parts);
}

START_TEST(decoding_gives_back_what_was_encoded)
{
    const struct format *const format = row(_i);
    const uint64_t seed = unit_seed(20260201);
    static double values[N_ROWS * N_COLUMNS];
    struct layout *layout = readout_layout("a,b,c", true);
    struct reader *reader = reader_new(layout);
    struct parts *parts = parts_new();
    struct batch batch;
    size_t n = 0;
    fill(values, COUNT(values), seed, true);
    const struct rows rows = {values, N_ROWS, NULL};
    send(reader, layout, format, &rows, parts);
    while (reader_next(reader, &batch)) {
        for (size_t i = 0; i < batch.n; i++, n++) {
            for (size_t d = 0; d < N_COLUMNS; d++) {
                const double sent = values[n * N_COLUMNS + d];
                const double wanted = narrows(format) ? (double)(float)sent : sent;
                const double got = batch.x[i * batch.stride + d];
                ck_assert_msg(isnan(wanted) ? isnan(got)
                                            : bits_of(got) == bits_of(wanted),
                              "%s: %.17g for %.17g (seed %llu)", format->name, got,
                              wanted, (unsigned long long)seed);
            }
        }
    }
    ck_assert_uint_eq(n, N_ROWS);
    parts_destroy(&parts);
    reader_destroy(&reader);
    layout_destroy(&layout);
}
END_TEST

START_TEST(missing_entries_are_rejected_where_none_are_allowed)
{
    static const double values[] = {1, 2, (double)NAN, 4, 5, 6};
    struct layout *layout = readout_layout("a,b", false);
    struct reader *reader = reader_new(layout);
    struct parts *parts = parts_new();
    struct batch batch;
    const struct rows rows = {values, 3, NULL};
    send(reader, layout, row(_i), &rows, parts);
    ck_assert(reader_next(reader, &batch));
    ck_assert_uint_eq(batch.n, 2);
    ck_assert_int_eq(batch.reason[0], REASON_NONE);
    ck_assert_int_eq(batch.reason[1], REASON_MISSING);
    ck_assert_uint_gt(batch.origin[1].size, 0);
    ck_assert(reader_next(reader, &batch));
    ck_assert(batch.n == 1 && batch.n_rejected == 0 && batch.x[0] == 5.0);
    ck_assert(!reader_next(reader, &batch));
    parts_destroy(&parts);
    reader_destroy(&reader);
    layout_destroy(&layout);
}
END_TEST

START_TEST(time_weight_and_key_travel)
{
    static const double values[] = {1500000000, 2, 0.5, 0, 1500000001, 3, 0, 0};
    static const char *const key[] = {"17", "4"};
    struct layout *layout = readout_layout("t,a,w,k", false);
    struct reader *reader = reader_new(layout);
    struct parts *parts = parts_new();
    struct readout readout = {0};
    struct batch batch;
    const struct rows rows = {values, 2, key};
    send(reader, layout, row(_i), &rows, parts);
    while (reader_next(reader, &batch)) {
        for (size_t i = 0; i < batch.n; i++) {
            readout_point(&readout, layout, &batch, i);
        }
    }
    /* 1500000001 has no float32. */
    ck_assert_str_eq(readout.text,
                     narrows(row(_i))
                         ? "(2 t=1500000000 w=0.5 k=17) (3 t=1500000000 w=0 k=4)"
                         : "(2 t=1500000000 w=0.5 k=17) (3 t=1500000001 w=0 k=4)");
    parts_destroy(&parts);
    reader_destroy(&reader);
    layout_destroy(&layout);
}
END_TEST

START_TEST(another_number_of_parts_is_one_rejected)
{
    const struct format *const format = row(_i);
    const struct bytes parts[4] = {{"x", 1}, {"y", 1}, {"z", 1}, {NULL, 0}};
    struct readout readout;
    for (size_t n = 0; n <= 4; n++) {
        if (n != format->n_parts) {
            readout_run(&readout, "a", false, format->name, parts, n);
            ck_assert_str_eq(readout.text, "frames");
        }
    }
}
END_TEST

START_TEST(empty_parts_are_one_rejected)
{
    const struct bytes nothing[FORMAT_PARTS_MAX] = {{NULL, 0}, {NULL, 0}};
    struct readout readout;
    readout_run(&readout, "a", true, row(_i)->name, nothing, row(_i)->n_parts);
    ck_assert_uint_eq(readout.n, 1);
    ck_assert_uint_eq(readout.n_rejected, 1);
    ck_assert_str_ne(readout.detail, "");
}
END_TEST

/* No byte of a message, cut or changed anywhere, does anything but reject points. */
START_TEST(damaged_messages_do_no_harm)
{
    const struct format *const format = row(_i);
    const uint64_t seed = unit_seed(20260202);
    uint64_t state = seed;
    static double values[4 * N_COLUMNS];
    struct layout *layout = readout_layout("a,b,c", false);
    struct parts *parts = parts_new();
    struct readout readout;
    fill(values, COUNT(values), seed, false);
    const struct rows rows = {values, 4, NULL};
    ck_assert(format->encode(layout, &rows, parts));
    for (int round = 0; round < 2000; round++) {
        struct bytes part[FORMAT_PARTS_MAX];
        char *copy[FORMAT_PARTS_MAX];
        for (size_t i = 0; i < format->n_parts; i++) {
            part[i] = parts_get(parts, i);
            copy[i] = malloc(part[i].size);
            memcpy(copy[i], part[i].data, part[i].size);
            const uint64_t draw = unit_random(&state);
            copy[i][draw % part[i].size] = (char)(draw >> 32);
            if (draw >> 62 == 0) {
                part[i].size = (draw >> 8) % part[i].size;
            }
            part[i].data = copy[i];
        }
        struct reader *reader = reader_new(layout);
        readout_message(&readout, reader, layout, format->name, part, format->n_parts);
        ck_assert_msg(readout.n >= 1, "%s (seed %llu)", format->name,
                      (unsigned long long)seed);
        reader_destroy(&reader);
        for (size_t i = 0; i < format->n_parts; i++) {
            free(copy[i]);
        }
    }
    parts_destroy(&parts);
    layout_destroy(&layout);
}
END_TEST

START_TEST(formats_are_found_by_name)
{
    ck_assert_ptr_eq(format_find(row(_i)->name), row(_i));
}
END_TEST

START_TEST(auto_is_array_for_two_parts_and_json_else)
{
    ck_assert_ptr_eq(format_auto(2), format_find("array"));
    ck_assert_ptr_eq(format_auto(1), format_find("json"));
    ck_assert_ptr_eq(format_auto(0), format_find("json"));
    ck_assert_ptr_null(format_find("auto"));
    ck_assert_ptr_null(format_find(""));
}
END_TEST

int main(void)
{
    const size_t n = count_formats();
    const struct unit_test tests[] = {
        {decoding_gives_back_what_was_encoded, n},
        {missing_entries_are_rejected_where_none_are_allowed, n},
        {time_weight_and_key_travel, n},
        {another_number_of_parts_is_one_rejected, n},
        {empty_parts_are_one_rejected, n},
        {damaged_messages_do_no_harm, n},
        {formats_are_found_by_name, n},
        UNIT(auto_is_array_for_two_parts_and_json_else),
    };
    return unit_run("format", tests, COUNT(tests));
}
