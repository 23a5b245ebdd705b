/* SPDX-License-Identifier: MIT
 *
 * Memory that begins at a cache line: zeros, whatever its size. */
#include "lines.h"

#include <stdint.h>

#include "unit.h"

START_TEST(it_begins_at_a_line_and_is_zero)
{
    for (size_t bytes = 0; bytes < 400; bytes++) {
        unsigned char *lines = lines_new(bytes);
        ck_assert_ptr_nonnull(lines);
        ck_assert_uint_eq((uintptr_t)lines % CACHE_LINE, 0);
        for (size_t i = 0; i < bytes; i++) {
            ck_assert_uint_eq(lines[i], 0);
            lines[i] = 0xff; /* the next of this place is to be zero again */
        }
        lines_free(lines);
    }
}
END_TEST

START_TEST(too_much_is_refused)
{
    ck_assert_ptr_null(lines_new(SIZE_MAX));
    ck_assert_ptr_null(lines_new(SIZE_MAX - CACHE_LINE + 1));
    lines_free(NULL);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(it_begins_at_a_line_and_is_zero),
        UNIT(too_much_is_refused),
    };
    return unit_run("lines", tests, COUNT(tests));
}
