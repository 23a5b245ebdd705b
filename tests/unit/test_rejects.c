/* SPDX-License-Identifier: MIT
 *
 * The dead letters: what is kept, and how it is told. */
#include "rejects.h"

#include <string.h>

#include "frame.h"
#include "unit.h"

static struct reject letter(const char *text)
{
    return (struct reject){
        .reason = REASON_PARSE,
        .time_s = 12.5,
        .points = 1,
        .origin = {text, strlen(text)},
        .detail = "byte 3: no number",
    };
}

static const char *member(const json_t *letters, size_t i, const char *name)
{
    return json_string_value(json_object_get(json_array_get(letters, i), name));
}

START_TEST(a_letter_tells_reason_time_and_bytes)
{
    struct rejects *rejects = rejects_new();
    struct reject first = letter("a,b");
    rejects_add(rejects, &first);
    first.reason = REASON_FROZEN;
    first.detail = NULL;
    first.origin = (struct bytes){NULL, 0};
    first.points = 7;
    rejects_add(rejects, &first);
    json_t *letters = rejects_json(rejects);
    ck_assert_uint_eq(json_array_size(letters), 2);
    ck_assert_str_eq(member(letters, 0, "reason"), "parse");
    ck_assert_str_eq(member(letters, 0, "data"), "a,b");
    ck_assert_str_eq(member(letters, 0, "detail"), "byte 3: no number");
    const json_t *time = json_object_get(json_array_get(letters, 0), "time");
    ck_assert_double_eq(json_real_value(time), 12.5);
    ck_assert_str_eq(member(letters, 1, "reason"), "frozen");
    ck_assert_str_eq(member(letters, 1, "data"), "");
    ck_assert_str_eq(member(letters, 1, "detail"), reason_meaning(REASON_FROZEN));
    const json_t *points = json_object_get(json_array_get(letters, 1), "points");
    ck_assert_int_eq(json_integer_value(points), 7);
    json_decref(letters);
    rejects_destroy(&rejects);
}
END_TEST

START_TEST(the_oldest_letter_gives_way)
{
    struct rejects *rejects = rejects_new();
    char text[16];
    for (int i = 0; i < REJECTS_KEPT + 3; i++) {
        snprintf(text, sizeof(text), "%d", i);
        const struct reject reject = letter(text);
        rejects_add(rejects, &reject);
    }
    json_t *letters = rejects_json(rejects);
    ck_assert_uint_eq(json_array_size(letters), REJECTS_KEPT);
    ck_assert_str_eq(member(letters, 0, "data"), "3");
    ck_assert_str_eq(member(letters, REJECTS_KEPT - 1, "data"), text);
    json_decref(letters);
    rejects_destroy(&rejects);
}
END_TEST

/* Bytes and how they are told. */
static const struct {
    const char *bytes;
    size_t size;
    const char *told;
} origins[] = {
    {"\x00\x01\x1b[31m\n", 8, "\\x00\\x01\\x1b[31m\\x0a"},
    {"\xff\xfe", 2, "\\xff\\xfe"},
    {"gr\xc3\xbc\xc3\x9f", 6, "gr\xc3\xbc\xc3\x9f"},
    {"\xc3", 1, "\\xc3"},
    {"\"\\", 2, "\"\\"},
};

START_TEST(bytes_that_are_no_text_are_escaped)
{
    struct rejects *rejects = rejects_new();
    struct reject reject = letter("");
    reject.origin = (struct bytes){origins[_i].bytes, origins[_i].size};
    rejects_add(rejects, &reject);
    json_t *letters = rejects_json(rejects);
    ck_assert_str_eq(member(letters, 0, "data"), origins[_i].told);
    char *text = frame_text(letters);
    ck_assert_ptr_nonnull(text);
    free(text);
    json_decref(letters);
    rejects_destroy(&rejects);
}
END_TEST

START_TEST(only_the_first_bytes_are_kept)
{
    struct rejects *rejects = rejects_new();
    char *bytes = malloc(100000);
    memset(bytes, 0xff, 100000);
    struct reject reject = letter("");
    reject.origin = (struct bytes){bytes, 100000};
    rejects_add(rejects, &reject);
    free(bytes); /* it was copied */
    json_t *letters = rejects_json(rejects);
    ck_assert_uint_eq(strlen(member(letters, 0, "data")), 4 * REJECT_BYTES);
    const json_t *size = json_object_get(json_array_get(letters, 0), "size");
    ck_assert_int_eq(json_integer_value(size), 100000);
    json_decref(letters);
    rejects_destroy(&rejects);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(a_letter_tells_reason_time_and_bytes),
        UNIT(the_oldest_letter_gives_way),
        UNIT_LOOP(bytes_that_are_no_text_are_escaped, origins),
        UNIT(only_the_first_bytes_are_kept),
    };
    return unit_run("rejects", tests, COUNT(tests));
}
