/* SPDX-License-Identifier: MIT
 *
 * Frames as they are sent, and the line of a fault. */
#include "post.h"

#include <string.h>

#include "fault.h"
#include "unit.h"

START_TEST(a_frame_is_topic_blank_body)
{
    struct post *post = post_frame("model/a", "{\"seq\":1}", true);
    ck_assert_int_eq(post->kind, POST_FRAME);
    ck_assert_uint_eq(post->size, 17);
    ck_assert_mem_eq(post->text, "model/a {\"seq\":1}", 17);
    ck_assert_uint_eq(post->topic_size, 7);
    ck_assert(post->may_be_skipped);
    post_destroy(&post);
    ck_assert_ptr_null(post);
    post_destroy(&post); /* nothing to do */
}
END_TEST

START_TEST(a_fault_keeps_code_and_line)
{
    struct fault fault = {0};
    char longer[2 * FAULT_SIZE];
    ck_assert(!fault_set(&fault, 69, "%s: in use", "place"));
    ck_assert_int_eq(fault.code, 69);
    ck_assert_str_eq(fault.text, "place: in use");
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    fault_set(&fault, 70, "%s", longer);
    ck_assert_uint_eq(strlen(fault.text), FAULT_SIZE - 1);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(a_frame_is_topic_blank_body),
        UNIT(a_fault_keeps_code_and_line),
    };
    return unit_run("post", tests, COUNT(tests));
}
