/* SPDX-License-Identifier: MIT */
#include "layout.h"

#include <string.h>

#include "unit.h"

#define LIST(...) ((const char *const[]){__VA_ARGS__})

START_TEST(columns_get_the_roles_that_their_names_have)
{
    const char *what = "unset";
    struct layout *layout = layout_new(LIST("ts", "b", "-", "x", "a", "n", "id", "-"), 8,
                                       LIST("a", "b"), 2, "ts", "n", "id", &what);
    static const enum column_role roles[] = {COLUMN_TIME, COLUMN_FIELD, COLUMN_SKIP,
                                             COLUMN_SKIP, COLUMN_FIELD, COLUMN_WEIGHT,
                                             COLUMN_KEY,  COLUMN_SKIP};
    ck_assert_ptr_nonnull(layout);
    ck_assert_ptr_null(what);
    ck_assert_uint_eq(layout->n_columns, 8);
    ck_assert_uint_eq(layout->n_fields, 2);
    for (size_t c = 0; c < COUNT(roles); c++) {
        ck_assert_int_eq(layout->columns[c].role, roles[c]);
    }
    ck_assert_uint_eq(layout->columns[1].field, 1);
    ck_assert_uint_eq(layout->columns[4].field, 0);
    ck_assert(layout->has_time && layout->has_weight && layout->has_key);
    layout_destroy(&layout);
    ck_assert_ptr_null(layout);
}
END_TEST

START_TEST(names_are_copied)
{
    char name[] = "a";
    const char *const columns[] = {name};
    struct layout *layout = layout_new(columns, 1, LIST("a"), 1, NULL, NULL, NULL, NULL);
    name[0] = 'z';
    ck_assert_str_eq(layout->columns[0].name, "a");
    ck_assert(!layout->has_time && !layout->has_weight && !layout->has_key);
    layout_destroy(&layout);
}
END_TEST

static const struct {
    const char *columns[3];
    const char *fields[2];
    const char *time, *weight, *key;
    const char *culprit;
} wrong[] = {
    {{"a", "b", "a"}, {"a", "b"}, NULL, NULL, NULL, "a"}, /* a column twice */
    {{"a", "b", "c"}, {"a", "a"}, NULL, NULL, NULL, "a"}, /* a field twice */
    {{"a", "b", "c"}, {"a", "d"}, NULL, NULL, NULL, "d"}, /* a field without a column */
    {{"a", "b", "c"}, {"a", "b"}, "t", NULL, NULL, "t"},  /* roles without a column */
    {{"a", "b", "c"}, {"a", "b"}, NULL, "w", NULL, "w"},
    {{"a", "b", "c"}, {"a", "b"}, NULL, NULL, "k", "k"},
    {{"a", "b", "c"}, {"a", "b"}, "a", NULL, NULL, "a"},  /* a field and a role */
    {{"a", "b", "c"}, {"a", "b"}, "c", "c", NULL, "c"},   /* two roles */
    {{"a", "-", "-"}, {"a", "-"}, NULL, NULL, NULL, "-"}, /* a skipped field */
};

START_TEST(contradictions_are_named)
{
    const char *what = NULL;
    struct layout *layout =
        layout_new(wrong[_i].columns, 3, wrong[_i].fields, 2, wrong[_i].time,
                   wrong[_i].weight, wrong[_i].key, &what);
    ck_assert_ptr_null(layout);
    ck_assert_ptr_nonnull(what);
    ck_assert_str_eq(what, wrong[_i].culprit);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(columns_get_the_roles_that_their_names_have),
        UNIT(names_are_copied),
        UNIT_LOOP(contradictions_are_named, wrong),
    };
    return unit_run("layout", tests, COUNT(tests));
}
