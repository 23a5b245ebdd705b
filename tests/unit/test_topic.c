/* SPDX-License-Identifier: MIT */
#include "topic.h"

#include <string.h>

#include "unit.h"

static const struct {
    const char *kind, *stream, *key, *wanted;
} cases[] = {
    {"model", "boiler", NULL, "model/boiler"},
    {"score", "boiler", "pump-1", "score/boiler/pump-1"},
    {"event", "a.b_c-d", "A~z.9", "event/a.b_c-d/A~z.9"},
    {"model", "b", "a b/c%", "model/b/a%20b%2Fc%25"},
    {"model", "b", "\xc3\xa4\x01\x7f", "model/b/%C3%A4%01%7F"},
    {"model", "b", "", "model/b/"},
};

START_TEST(topics_are_escaped)
{
    char topic[TOPIC_SIZE];
    topic_write(topic, cases[_i].kind, cases[_i].stream, cases[_i].key);
    ck_assert_str_eq(topic, cases[_i].wanted);
}
END_TEST

START_TEST(the_longest_topic_fits)
{
    char stream[65] = "";
    char key[256] = "";
    char topic[TOPIC_SIZE];
    memset(stream, 's', 64);
    memset(key, 0xff, 255);
    topic_write(topic, "model", stream, key);
    ck_assert_uint_eq(strlen(topic), 6 + 64 + 1 + 3 * 255);
}
END_TEST

START_TEST(a_topic_that_is_too_long_is_cut_and_ends)
{
    static char key[5000];
    char topic[TOPIC_SIZE + 1];
    topic[TOPIC_SIZE] = 'x';
    memset(key, '/', sizeof(key) - 1);
    topic_write(topic, "model", "s", key);
    ck_assert_uint_lt(strlen(topic), TOPIC_SIZE);
    topic_write(topic, "model", key, "k");
    ck_assert_uint_lt(strlen(topic), TOPIC_SIZE);
    ck_assert_int_eq(topic[TOPIC_SIZE], 'x');
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT_LOOP(topics_are_escaped, cases),
        UNIT(the_longest_topic_fits),
        UNIT(a_topic_that_is_too_long_is_cut_and_ends),
    };
    return unit_run("topic", tests, COUNT(tests));
}
