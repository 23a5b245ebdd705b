/* SPDX-License-Identifier: MIT */
#include "target.h"

#include <string.h>

#include "unit.h"

#define FEED(rest)                                                                       \
    "\"feed\": {\"type\": \"pull\", \"direction\": \"bind\", \"format\": \"auto\", "     \
    "\"endpoints\": [\"tcp://127.0.0.1:5\"]" rest "}"
#define STREAM(name, feed)                                                               \
    "\"" name "\": {" feed ", \"columns\": [\"when\", \"a\", \"-\", \"id\", \"b\"], "    \
    "\"fields\": [\"a\", \"b\"], \"time\": \"when\", \"weight\": null, \"key\": \"id\"," \
    " \"missing\": \"marginalize\"}"

static bool read_reply(const char *streams, const char *name, struct target *target,
                       struct failure *failure)
{
    char text[2048];
    snprintf(text, sizeof(text), "{\"ok\": true, \"streams\": {%s}}", streams);
    json_error_t error;
    json_t *reply = json_loads(text, 0, &error);
    ck_assert_msg(reply != NULL, "%s: %s", text, error.text);
    *failure = (struct failure){0};
    const bool is_read = target_read(target, reply, name, failure);
    json_decref(reply);
    return is_read;
}

START_TEST(the_only_stream_needs_no_name)
{
    struct target target;
    struct failure failure;
    ck_assert_msg(read_reply(STREAM("s", FEED("")), NULL, &target, &failure), "%s",
                  failure.text);
    ck_assert_str_eq(target.stream, "s");
    ck_assert_str_eq(target.endpoint, "tcp://127.0.0.1:5");
    ck_assert_str_eq(target.time, "when");
    ck_assert_str_eq(target.format->name, "array");
    ck_assert(!target.binds && !target.is_sub && target.keeps_missing);
    ck_assert_int_eq(target.topic, TARGET_NO_TOPIC);
    ck_assert_uint_eq(target.layout->n_columns, 5);
    ck_assert_int_eq(target.layout->columns[0].role, COLUMN_TIME);
    ck_assert_int_eq(target.layout->columns[2].role, COLUMN_SKIP);
    ck_assert_int_eq(target.layout->columns[3].role, COLUMN_KEY);
    target_clear(&target);
    ck_assert_ptr_null(target.layout);
}
END_TEST

static const struct {
    const char *feed;
    bool binds, is_sub;
    enum target_topic topic;
    const char *format;
    bool is_reliable;
} feeds[] = {
    {"{\"type\": \"sub\", \"direction\": \"connect\", \"format\": \"csv\", "
     "\"endpoints\": [\"ipc:///s\"]}",
     true, true, TARGET_TOPIC_FRAME, "csv", false},
    {"{\"type\": \"sub\", \"direction\": \"bind\", \"format\": \"json\", "
     "\"endpoints\": [\"ipc:///s\"], \"topic\": \"space\"}",
     false, true, TARGET_TOPIC_SPACE, "json", false},
    {"{\"type\": \"pull\", \"direction\": \"bind\", \"format\": \"f64\", "
     "\"endpoints\": [\"ipc:///s\"], \"topic\": \"frame\"}",
     false, false, TARGET_TOPIC_FRAME, "f64", false},
    {"{\"type\": \"reliable\", \"direction\": \"bind\", \"format\": \"f64\", "
     "\"endpoints\": [\"ipc:///s\"]}",
     false, false, TARGET_NO_TOPIC, "f64", true},
};

START_TEST(a_feed_tells_direction_topic_and_format)
{
    char text[1024];
    struct target target;
    struct failure failure;
    snprintf(text, sizeof(text),
             "\"s\": {\"feed\": %s, \"columns\": [\"a\"], \"fields\": [\"a\"]}",
             feeds[_i].feed);
    ck_assert_msg(read_reply(text, "s", &target, &failure), "%s", failure.text);
    ck_assert_int_eq(target.binds, feeds[_i].binds);
    ck_assert_int_eq(target.is_sub, feeds[_i].is_sub);
    ck_assert_int_eq(target.is_reliable, feeds[_i].is_reliable);
    ck_assert_int_eq(target.topic, feeds[_i].topic);
    ck_assert_str_eq(target.format->name, feeds[_i].format);
    target_clear(&target);
}
END_TEST

static const struct {
    const char *streams;
    const char *name;
    int code;
    const char *part;
} bad[] = {
    {STREAM("s", FEED("")) ", " STREAM("t", FEED("")), NULL, EX_USAGE, "one of s, t"},
    {STREAM("s", FEED("")), "boiler", EX_NOINPUT, "boiler: no such stream"},
    {"", NULL, EX_USAGE, "--stream"},
    {"\"s\": {}", "s", EX_SOFTWARE, "does not describe its feed"},
    {"\"s\": {" FEED("") "}", "s", EX_SOFTWARE, "column"},
    {"\"s\": {\"feed\": {\"type\": \"stream\", \"direction\": \"bind\", \"format\": "
     "\"f64\", \"endpoints\": [\"ipc:///s\"]}}",
     "s", EX_UNAVAILABLE, "stream"},
    {"\"s\": {\"feed\": {\"type\": \"pull\", \"direction\": \"bind\", \"format\": "
     "\"protobuf\", \"endpoints\": [\"ipc:///s\"]}}",
     "s", EX_UNAVAILABLE, "protobuf"},
};

START_TEST(what_cannot_be_fed_is_refused)
{
    struct target target;
    struct failure failure;
    ck_assert(!read_reply(bad[_i].streams, bad[_i].name, &target, &failure));
    ck_assert_msg(failure.code == bad[_i].code, "%d %s", failure.code, failure.text);
    ck_assert_msg(strstr(failure.text, bad[_i].part) != NULL, "%s", failure.text);
    ck_assert_ptr_null(target.endpoint);
}
END_TEST

START_TEST(without_a_daemon_rows_are_those_of_the_source)
{
    static const char *const fields[] = {"a", "b"};
    static const char *const twice[] = {"a", "a"};
    struct failure failure = {0};
    struct target target = {0};
    ck_assert(target_make(&target, fields, 2, &failure));
    ck_assert_str_eq(target.layout->columns[1].name, "b");
    target_clear(&target);
    ck_assert(target_make(&target, NULL, 3, &failure));
    ck_assert_uint_eq(target.layout->n_fields, 3);
    ck_assert_str_eq(target.layout->columns[2].name, "x2");
    target_clear(&target);
    ck_assert(!target_make(&target, twice, 2, &failure));
    ck_assert_int_eq(failure.code, EX_DATAERR);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(the_only_stream_needs_no_name),
        UNIT_LOOP(a_feed_tells_direction_topic_and_format, feeds),
        UNIT(without_a_daemon_rows_are_those_of_the_source),
        UNIT_LOOP(what_cannot_be_fed_is_refused, bad),
    };
    return unit_run("target", tests, COUNT(tests));
}
