/* SPDX-License-Identifier: MIT
 *
 * What of a configuration a state depends on: the same agrees, another model does not,
 * and both values are named. */
#include "imprint.h"

#include <stdlib.h>
#include <string.h>

#include "config_file.h"
#include "unit.h"

#define HEAD "streams: {s: {feed: {bind: \"tcp://127.0.0.1:*\"}, "
#define FIELDS "fields: [a, b], "
#define MODEL "model: {components: 3}"

static bool agrees(const char *imprint, const char *text, bool *is_readable, char *why,
                   size_t size)
{
    struct config *config = file_read_good(text);
    why[0] = '\0';
    const bool is_same = imprint_agrees(imprint, strlen(imprint), &config->streams[0],
                                        is_readable, why, size);
    config_destroy(&config);
    return is_same;
}

static char *imprint_of(const char *text)
{
    struct config *config = file_read_good(text);
    char *imprint = imprint_write(&config->streams[0]);
    config_destroy(&config);
    return imprint;
}

/* Configurations and what is said of them beside that of HEAD FIELDS MODEL; NULL: it
 * agrees. */
static const struct {
    const char *text, *why;
} cases[] = {
    {HEAD FIELDS MODEL "}}", NULL},
    {HEAD FIELDS MODEL ", publish: {every: 5s}, max_keys: 3, stale_after: 1min}}", NULL},
    {HEAD FIELDS MODEL ", columns: [b, -, a, t], time: t}}", NULL},
    {HEAD "fields: [b, a], " MODEL "}}",
     "streams.s.fields: the state has [\"a\",\"b\"], the configuration [\"b\",\"a\"]"},
    {HEAD FIELDS "model: {components: 4}}}",
     "streams.s.model.components: the state has 3, the configuration 4"},
    {HEAD FIELDS "model: {components: 3, covariance: diag}}}",
     "streams.s.model.covariance: the state has full, the configuration diag"},
    {HEAD FIELDS "model: {components: 3, resolution: [0, 0.1]}}}", "model.resolution"},
    {HEAD FIELDS MODEL ", missing: marginalize}}",
     "streams.s.missing: the state has reject, the configuration marginalize"},
    {HEAD FIELDS MODEL ", columns: [id, a, b], key: id}}", "streams.s.key"},
    {HEAD FIELDS MODEL ", learn: {block: 128}}}", "streams.s.learn.block"},
    {HEAD FIELDS MODEL ", learn: {seed: 2}}}", "streams.s.learn.seed"},
    {HEAD FIELDS MODEL ", learn: {warmup: 99}}}", "streams.s.learn.warmup"},
    {HEAD FIELDS MODEL ", learn: {adapt: off}}}", "streams.s.learn.adapt"},
    {HEAD FIELDS MODEL ", learn: {window: 5000}}}", "streams.s.learn."},
    {HEAD FIELDS MODEL ", learn: {half_life: 1h}}}", "streams.s.learn."},
    {HEAD FIELDS MODEL ", learn: {step: {exponent: 0.7, offset: 2}}}}",
     "streams.s.learn."},
};

START_TEST(what_the_state_depends_on_is_named)
{
    char why[512];
    bool is_readable;
    file_start();
    char *imprint = imprint_of(HEAD FIELDS MODEL "}}");
    const bool is_same = agrees(imprint, cases[_i].text, &is_readable, why, sizeof(why));
    ck_assert(is_readable);
    ck_assert_msg(is_same == (cases[_i].why == NULL), "%s: %s", cases[_i].text, why);
    ck_assert_msg(cases[_i].why == NULL || strstr(why, cases[_i].why) != NULL, "%s", why);
    free(imprint);
    file_stop();
}
END_TEST

/* A state of before a key was invented has no say about it. */
START_TEST(a_key_that_came_later_agrees)
{
    char why[512];
    bool is_readable;
    file_start();
    ck_assert_msg(agrees("{\"fields\":[\"a\",\"b\"],\"model.components\":\"3\"}",
                         HEAD FIELDS MODEL "}}", &is_readable, why, sizeof(why)),
                  "%s", why);
    file_stop();
}
END_TEST

START_TEST(damage_is_not_readable)
{
    static const char *const texts[] = {"", "[]", "{", "\"fields\"", "\xff\xfe"};
    char why[512];
    bool is_readable = true;
    file_start();
    for (size_t i = 0; i < COUNT(texts); i++) {
        ck_assert(
            !agrees(texts[i], HEAD FIELDS MODEL "}}", &is_readable, why, sizeof(why)));
        ck_assert(!is_readable);
    }
    file_stop();
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT_LOOP(what_the_state_depends_on_is_named, cases),
        UNIT(a_key_that_came_later_agrees),
        UNIT(damage_is_not_readable),
    };
    return unit_run("imprint", tests, COUNT(tests));
}
