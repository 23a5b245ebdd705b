/* SPDX-License-Identifier: MIT */
#include "gather.h"

#include <string.h>

#include "unit.h"

#define MAX_FIELDS 4

/* A case: a source's fields, a stream's columns, and the row that comes out. */
static const struct {
    const char *fields[MAX_FIELDS];  /* of the source; NULL first: without names */
    size_t n_fields;
    bool has_time;
    const char *columns[MAX_FIELDS]; /* of the stream; t is the time, k the key */
    const char *chosen;              /* --fields of the user */
    double row[MAX_FIELDS];          /* from fields 10, 20, 30 and time 99 */
    const char *problem;             /* or part of the message */
} cases[] = {
    {{"a", "b"}, 2, false, {"b", "a"}, NULL, {20, 10}, NULL},
    {{"a", "b", "c"}, 3, false, {"c"}, NULL, {30}, NULL},
    {{"a", "b"}, 2, true, {"t", "b"}, NULL, {99, 20}, NULL},
    {{"a", "b"}, 2, false, {"a", "-", "b"}, NULL, {10, 0, 20}, NULL},
    {{"a", "b"}, 2, false, {"b", "k"}, NULL, {0}, "column k"},
    {{"a", "k"}, 2, false, {"k", "a"}, NULL, {20, 10}, NULL},
    {{NULL}, 2, false, {"x", "y"}, NULL, {10, 20}, NULL},
    {{NULL}, 2, true, {"x", "t", "y"}, NULL, {10, 99, 20}, NULL},
    {{NULL}, 3, false, {"x", "y"}, NULL, {0}, "3 without names"},
    {{"a", "b"}, 2, false, {"x", "y"}, NULL, {0}, "(a, b)"},
    {{"a", "b"}, 2, false, {"x", "y"}, "b,a", {20, 10}, NULL},
    {{"a", "b", "c"}, 3, false, {"x", "y"}, "c,a", {30, 10}, NULL},
    {{"a", "b"}, 2, false, {"x"}, "z", {0}, "z: no such field"},
    {{"a", "b"}, 2, false, {"x", "y"}, "a", {0}, "column x"},
    {{"a", "b"}, 2, false, {"t", "a"}, NULL, {0}, "column t"},
};

/* Fields are all columns but t, k and -. */
static struct layout *layout_of(const char *const *columns)
{
    const char *fields[MAX_FIELDS];
    size_t n_columns = 0;
    size_t n_fields = 0;
    const char *time = NULL;
    const char *key = NULL;
    for (; n_columns < MAX_FIELDS && columns[n_columns] != NULL; n_columns++) {
        const char *column = columns[n_columns];
        if (strcmp(column, "t") == 0) {
            time = column;
        } else if (strcmp(column, "k") == 0) {
            key = column;
        } else if (strcmp(column, "-") != 0) {
            fields[n_fields++] = column;
        }
    }
    return layout_new(columns, n_columns, fields, n_fields, time, NULL, key, NULL);
}

static const double x[] = {10, 20, 30};
static const double time_of_row = 99;
static const struct source_rows rows = {.n = 1, .x = x, .stride = 3, .time = &time_of_row};

START_TEST(columns_find_their_fields_or_say_which_has_none)
{
    struct failure failure = {0};
    const struct source source = {
        .n_fields = cases[_i].n_fields,
        .fields = cases[_i].fields[0] != NULL ? cases[_i].fields : NULL,
        .has_names = cases[_i].fields[0] != NULL,
        .has_time = cases[_i].has_time,
    };
    struct layout *layout = layout_of(cases[_i].columns);
    ck_assert_ptr_nonnull(layout);
    struct gather *gather = gather_new(&source, layout, cases[_i].chosen,
                                       cases[_i].chosen != NULL, 2, &failure);
    if (cases[_i].problem != NULL) {
        ck_assert_ptr_null(gather);
        ck_assert_msg(strstr(failure.text, cases[_i].problem) != NULL, "case %d: %s", _i,
                      failure.text);
    } else {
        ck_assert_msg(gather != NULL, "case %d: %s", _i, failure.text);
        ck_assert(gather_add(gather, &rows, 0));
        const struct rows out = gather_rows(gather);
        ck_assert_uint_eq(out.n, 1);
        for (size_t c = 0; c < layout->n_columns; c++) {
            ck_assert_msg(out.values[c] == cases[_i].row[c], "case %d column %zu: %g", _i,
                          c, out.values[c]);
        }
        ck_assert_int_eq(out.key != NULL, layout->has_key);
        ck_assert(!layout->has_key || strcmp(out.key[0], "20") == 0);
    }
    gather_destroy(&gather);
    layout_destroy(&layout);
}
END_TEST

START_TEST(a_message_takes_so_many_rows_and_no_more)
{
    static const char *const names[MAX_FIELDS] = {"a"};
    const struct source source = {.n_fields = 1, .fields = names, .has_names = true};
    struct failure failure = {0};
    struct layout *layout = layout_of(names);
    struct gather *gather = gather_new(&source, layout, NULL, false, 2, &failure);
    ck_assert(gather_add(gather, &rows, 0));
    ck_assert(gather_add(gather, &rows, 0));
    ck_assert(!gather_add(gather, &rows, 0));
    ck_assert_uint_eq(gather_rows(gather).n, 2);
    gather_clear(gather);
    ck_assert_uint_eq(gather_rows(gather).n, 0);
    ck_assert(gather_add(gather, &rows, 0));
    gather_destroy(&gather);
    layout_destroy(&layout);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT_LOOP(columns_find_their_fields_or_say_which_has_none, cases),
        UNIT(a_message_takes_so_many_rows_and_no_more),
    };
    return unit_run("gather", tests, COUNT(tests));
}
