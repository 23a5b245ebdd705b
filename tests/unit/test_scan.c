/* SPDX-License-Identifier: MIT
 *
 * JSON tokens. What a value may be is checked against jansson, which reads the same
 * grammar but for the depth. */
#include "scan.h"

#include <jansson.h>
#include <string.h>

#include "unit.h"

static const char *const texts[] = {
    "1",
    "-1.5e-7",
    "0",
    "null",
    "true",
    "false",
    "\"\"",
    "\"a\\n\\u00e4\\ud83d\\ude00\"",
    "[]",
    "{}",
    "[1,2,[3,[]],{}]",
    "{\"a\":{\"b\":[null,true]},\"c\":\"}]\"}",
    " [ 1 , 2 ] ",
    "{ \"a\" : 1 }",
    "",
    " ",
    "[",
    "]",
    "{",
    "}",
    "[1",
    "[1,",
    "[1,]",
    "[,1]",
    "{\"a\"}",
    "{\"a\":}",
    "{\"a\":1,}",
    "{a:1}",
    "{\"a\":1 \"b\":2}",
    "[1 2]",
    "[1]]",
    "nul",
    "nulll",
    "TRUE",
    "01",
    "1.",
    ".5",
    "+1",
    "--1",
    "1e",
    "0x1",
    "NaN",
    "Infinity",
    "'a'",
    "\"a",
    "\"\\x\"",
    "\"\\u12\"",
    "\"\\ud800\"",
    "\"\\udc00\\ud800\"",
    "\"\\ud800\\n\"",
    "\"\n\"",
    "\"\x7f\"",
    "\"\xff\"",
    "\"\xed\xa0\x80\"",
    "[1}",
    "{\"a\":1]",
    "{\"a\":[}",
    "1 2",
    "[[[[[[[[[[]]]]]]]]]]",
    "{\"\":{\"\":{\"\":{}}}}",
    "[{},{},[{}]]",
    "{1:2}",
    "{null:1}",
    "\v1",
};

static bool skips(const char *text, size_t size)
{
    struct scan scan = {.at = text, .end = text + size};
    const bool is_ok = scan_skip(&scan) && scan_end(&scan);
    ck_assert((scan.error == NULL) == is_ok);
    ck_assert(scan.at >= text && scan.at <= text + size);
    return is_ok;
}

static bool loads(const char *text, size_t size)
{
    json_error_t error;
    json_t *json = json_loadb(text, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    json_decref(json);
    return json != NULL;
}

START_TEST(values_are_those_of_jansson)
{
    const size_t size = strlen(texts[_i]);
    ck_assert_msg(skips(texts[_i], size) == loads(texts[_i], size), "%s", texts[_i]);
}
END_TEST

/* Random texts of the characters that matter, mostly wrong, some right. */
START_TEST(random_texts_are_judged_as_jansson_does)
{
    static const char alphabet[] = "[]{},:\"\"01-.e \\unatrlfs";
    const uint64_t seed = unit_seed(20260301);
    uint64_t state = seed;
    size_t n_right = 0;
    for (int round = 0; round < 300000; round++) {
        char text[12];
        const size_t size = unit_random(&state) % sizeof(text);
        for (size_t i = 0; i < size; i++) {
            text[i] = alphabet[unit_random(&state) % (sizeof(alphabet) - 1)];
        }
        const bool is_right = skips(text, size);
        n_right += is_right ? 1 : 0;
        ck_assert_msg(is_right == loads(text, size), "%.*s (seed %llu)", (int)size, text,
                      (unsigned long long)seed);
    }
    ck_assert_uint_gt(n_right, 1000);
}
END_TEST

START_TEST(texts_lose_their_escapes)
{
    static const char text[] =
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e4\\u20ac\\ud83d\\ude00z\"";
    char scratch[sizeof(text)];
    struct scan scan = {.at = text, .end = text + sizeof(text) - 1};
    struct bytes got;
    ck_assert(scan_text(&scan, scratch, &got));
    static const char wanted[] = "\"\\/\b\f\n\r\tA\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80z";
    ck_assert_uint_eq(got.size, sizeof(wanted) - 1);
    ck_assert_mem_eq(got.data, wanted, got.size);
}
END_TEST

START_TEST(plain_texts_are_views)
{
    static const char text[] = "\"abc\"";
    char scratch[8];
    struct scan scan = {.at = text, .end = text + 5};
    struct bytes got;
    ck_assert(scan_text(&scan, scratch, &got));
    ck_assert_ptr_eq(got.data, text + 1);
    ck_assert_uint_eq(got.size, 3);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT_LOOP(values_are_those_of_jansson, texts),
        UNIT(random_texts_are_judged_as_jansson_does),
        UNIT(texts_lose_their_escapes),
        UNIT(plain_texts_are_views),
    };
    return unit_run("scan", tests, COUNT(tests));
}
