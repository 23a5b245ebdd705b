/* SPDX-License-Identifier: MIT
 *
 * Texts of the configuration: which are printed plain, and lists of them. */
#include "config_text.h"

#include <stdio.h>
#include <string.h>

#include "config.h"
#include "unit.h"

static const struct {
    const char *text;
    const char *printed;
} texts[] = {
    {"temperature", "temperature"},
    {"x0_1", "x0_1"},
    {"", "\"\""},
    {"1", "\"1\""},
    {"y", "\"y\""}, /* a truth value to some readers */
    {"No", "\"No\""},
    {"OFF", "\"OFF\""},
    {"null", "\"null\""},
    {"a b", "\"a b\""},
    {"a: b", "\"a: b\""},
    {"#a", "\"#a\""},
    {"-", "\"-\""},
    {"say \"\\\"", "\"say \\\"\\\\\\\"\""},
    {"caf\xc3\xa9", "\"caf\xc3\xa9\""},
};

START_TEST(only_what_is_a_text_to_every_reader_is_plain)
{
    char *printed = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&printed, &size);
    text_print(texts[_i].text, out);
    fclose(out);
    ck_assert_str_eq(printed, texts[_i].printed);
    free(printed);
}
END_TEST

START_TEST(a_copy_of_a_list_is_its_own)
{
    struct strings list = {0};
    struct strings copy = {0};
    strings_add(&list, "a");
    strings_add(&list, "b");
    strings_add(&copy, "is released");
    strings_copy(&copy, &list);
    strings_clear(&list);
    ck_assert_uint_eq(copy.n, 2);
    ck_assert(strings_have(&copy, "b"));
    ck_assert(!strings_have(&copy, "c"));
    strings_copy(&copy, &copy);
    ck_assert_str_eq(copy.item[0], "a");
    strings_copy(&copy, &list);
    ck_assert_uint_eq(copy.n, 0);
}
END_TEST

START_TEST(paths_are_made_absolute)
{
    char *relative = path_in_folder("/folder", "a/b");
    char *absolute = path_in_folder("/folder", "/a/b");
    ck_assert_str_eq(relative, "/folder/a/b");
    ck_assert_str_eq(absolute, "/a/b");
    free(relative);
    free(absolute);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT_LOOP(only_what_is_a_text_to_every_reader_is_plain, texts),
        UNIT(a_copy_of_a_list_is_its_own),
        UNIT(paths_are_made_absolute),
    };
    return unit_run("config_text", tests, COUNT(tests));
}
