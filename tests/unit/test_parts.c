/* SPDX-License-Identifier: MIT */
#include "parts.h"

#include <string.h>

#include "unit.h"

START_TEST(parts_lie_apart_and_keep_their_bytes_while_growing)
{
    struct parts *parts = parts_new();
    static char big[100000];
    memset(big, 'b', sizeof(big));
    ck_assert_uint_eq(parts_count(parts), 0);
    for (int round = 0; round < 3; round++) {
        parts_clear(parts);
        ck_assert(parts_begin(parts));
        ck_assert(parts_add(parts, "head", 4));
        ck_assert(parts_begin(parts));
        ck_assert(parts_add(parts, big, sizeof(big)));
        ck_assert(parts_add(parts, "", 0));
        ck_assert(!parts_begin(parts)); /* two at most */
        ck_assert_uint_eq(parts_count(parts), 2);
        ck_assert_uint_eq(parts_get(parts, 0).size, 4);
        ck_assert_mem_eq(parts_get(parts, 0).data, "head", 4);
        ck_assert_uint_eq(parts_get(parts, 1).size, sizeof(big));
        ck_assert_mem_eq(parts_get(parts, 1).data, big, sizeof(big));
    }
    parts_destroy(&parts);
    ck_assert_ptr_null(parts);
    parts_destroy(&parts);
}
END_TEST

START_TEST(a_size_past_all_memory_is_refused)
{
    struct parts *parts = parts_new();
    ck_assert(parts_begin(parts));
    ck_assert_ptr_null(parts_extend(parts, SIZE_MAX));
    ck_assert_ptr_null(parts_extend(parts, SIZE_MAX / 2 + 1));
    ck_assert(parts_add(parts, "x", 1));
    parts_destroy(&parts);
}
END_TEST

START_TEST(numbers_are_little_endian)
{
    static const char *const names[] = {"a"};
    static const double value[] = {1.0};
    static const unsigned char wide[] = {0, 0, 0, 0, 0, 0, 0xf0, 0x3f};
    static const unsigned char narrow[] = {0, 0, 0x80, 0x3f};
    struct layout *layout = layout_new(names, 1, names, 1, NULL, NULL, NULL, NULL);
    struct parts *parts = parts_new();
    const struct rows rows = {value, 1, NULL};
    ck_assert(parts_begin(parts) && parts_add_doubles(parts, layout, &rows));
    ck_assert(parts_begin(parts) && parts_add_floats(parts, layout, &rows));
    ck_assert_uint_eq(parts_get(parts, 0).size, 8);
    ck_assert_mem_eq(parts_get(parts, 0).data, wide, 8);
    ck_assert_uint_eq(parts_get(parts, 1).size, 4);
    ck_assert_mem_eq(parts_get(parts, 1).data, narrow, 4);
    parts_destroy(&parts);
    layout_destroy(&layout);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(parts_lie_apart_and_keep_their_bytes_while_growing),
        UNIT(a_size_past_all_memory_is_refused),
        UNIT(numbers_are_little_endian),
    };
    return unit_run("parts", tests, COUNT(tests));
}
