/* SPDX-License-Identifier: MIT */
#include "utf8.h"

#include <string.h>

#include "unit.h"

START_TEST(every_code_point_comes_back_and_is_valid)
{
    for (uint32_t code = 0; code <= 0x10ffff; code++) {
        char text[4];
        if (code >= 0xd800 && code <= 0xdfff) {
            continue;
        }
        const size_t length = utf8_write(text, code);
        ck_assert_uint_eq(utf8_size(text, length), length);
        ck_assert(length == 1 || utf8_size(text, length - 1) == 0);
    }
}
END_TEST

static const char *const wrong[] = {
    "\x80",
    "\xbf",
    "\xc0\x80",
    "\xc1\xbf",
    "\xc3",
    "\xc3\x28",
    "\xe0\x80\x80",
    "\xe0\x9f\xbf",
    "\xed\xa0\x80",
    "\xed\xbf\xbf",
    "\xe2\x82",
    "\xe2\x28\xa1",
    "\xf0\x8f\xbf\xbf",
    "\xf4\x90\x80\x80",
    "\xf5\x80\x80\x80",
    "\xf0\x9f\x98",
    "\xfe",
    "\xff",
};

START_TEST(what_is_no_utf8_is_refused)
{
    ck_assert(!utf8_is_valid(wrong[_i], strlen(wrong[_i])));
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(every_code_point_comes_back_and_is_valid),
        UNIT_LOOP(what_is_no_utf8_is_refused, wrong),
    };
    return unit_run("utf8", tests, COUNT(tests));
}
