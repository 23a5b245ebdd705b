/* SPDX-License-Identifier: MIT
 *
 * Gaps in the numbers of a source are lost points. */
#include "sources.h"

#include <stdio.h>

#include "unit.h"

/* Messages of one source, in order. */
static const struct {
    uint64_t seq, n, lost;
} messages[] = {
    {1, 10, 0},                      /* the first one sets the mark */
    {11, 5, 0},          {20, 1, 4}, /* 16..19 */
    {21, 1, 0},          {1, 3, 0},  /* the source began anew */
    {4, 1, 0},           {UINT64_MAX - 1, 1, UINT64_MAX - 6},
    {UINT64_MAX, 10, 0}, /* beyond the last number there is no gap */
    {UINT64_MAX, 1, 0},
};

START_TEST(a_gap_is_what_lies_between_two_messages)
{
    struct sources *sources = sources_new();
    for (size_t i = 0; i < COUNT(messages); i++) {
        ck_assert_msg(sources_follow(sources, "a", messages[i].seq, messages[i].n) ==
                          messages[i].lost,
                      "message %zu", i);
    }
    sources_destroy(&sources);
    ck_assert_ptr_null(sources);
}
END_TEST

START_TEST(sources_do_not_know_of_each_other)
{
    struct sources *sources = sources_new();
    sources_follow(sources, "a", 1, 10);
    sources_follow(sources, "b", 100, 10);
    ck_assert_uint_eq(sources_follow(sources, "a", 12, 1), 1);
    ck_assert_uint_eq(sources_follow(sources, "b", 112, 1), 2);
    sources_destroy(&sources);
}
END_TEST

START_TEST(one_source_too_many_is_not_followed)
{
    struct sources *sources = sources_new();
    char name[32];
    for (int i = 0; i <= SOURCES_MAX; i++) {
        snprintf(name, sizeof(name), "s%d", i);
        sources_follow(sources, name, 1, 1);
    }
    ck_assert_uint_eq(sources_follow(sources, "s0", 3, 1), 1);
    ck_assert_uint_eq(sources_follow(sources, name, 3, 1), 0);
    sources_destroy(&sources);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(a_gap_is_what_lies_between_two_messages),
        UNIT(sources_do_not_know_of_each_other),
        UNIT(one_source_too_many_is_not_followed),
    };
    return unit_run("sources", tests, COUNT(tests));
}
