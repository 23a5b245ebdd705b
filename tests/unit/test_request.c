/* SPDX-License-Identifier: MIT
 *
 * Requests, their failures and their queue. */
#include "request.h"

#include <string.h>

#include "frame.h"
#include "unit.h"

START_TEST(the_first_failure_stands)
{
    struct request *request = request_new(REQUEST_COMMAND);
    request_fail(request, CODE_ARGUMENT, "n: %d", 1);
    request_fail(request, CODE_INTERNAL, "later");
    json_t *reply = request_reply(request);
    ck_assert(json_is_false(json_object_get(reply, "ok")));
    ck_assert_str_eq(json_string_value(json_object_get(reply, "code")), "argument");
    ck_assert_str_eq(json_string_value(json_object_get(reply, "error")), "n: 1");
    json_decref(reply);
    request_destroy(&request);
    ck_assert_ptr_null(request);
}
END_TEST

/* What a client may have us quote. */
static const char *const quotes[] = {
    "\x1b[31m\n\x01",
    "\xff\xfe\xc3",
    "a very long one: "
    "\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3"
    "\xbc"
    "\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3"
    "\xbc"
    "\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3"
    "\xbc"
    "\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3"
    "\xbc"
    "\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3"
    "\xbc"
    "\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3"
    "\xbc"
    "\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3"
    "\xbc"
    "\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3"
    "\xbc"
    "\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3"
    "\xbc"
    "\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3"
    "\xbc"
    "\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3"
    "\xbc",
};

START_TEST(an_error_is_text_whatever_it_quotes)
{
    for (size_t cut = 0; cut < 4; cut++) {
        struct request *request = request_new(REQUEST_COMMAND);
        request_fail(request, CODE_ARGUMENT, "%.*s%s", (int)cut, "xxxx", quotes[_i]);
        json_t *reply = request_reply(request);
        ck_assert_ptr_nonnull(reply);
        char *text = frame_text(reply);
        ck_assert_ptr_nonnull(text);
        for (const char *c = text; *c != '\0'; c++) {
            ck_assert((unsigned char)*c >= 0x20);
        }
        free(text);
        json_decref(reply);
        request_destroy(&request);
    }
}
END_TEST

START_TEST(a_reply_has_ok_and_its_members)
{
    struct request *request = request_new(REQUEST_COMMAND);
    request->reply = json_pack("{s:i}", "n", 7);
    json_t *reply = request_reply(request);
    ck_assert(json_is_true(json_object_get(reply, "ok")));
    ck_assert_int_eq(json_integer_value(json_object_get(reply, "n")), 7);
    json_decref(reply);
    request_destroy(&request);
}
END_TEST

START_TEST(what_comes_first_leaves_first)
{
    struct request_queue queue = {0};
    struct request *in[3];
    ck_assert_ptr_null(request_pop(&queue));
    for (size_t round = 0; round < 2; round++) {
        for (size_t i = 0; i < COUNT(in); i++) {
            in[i] = request_new(REQUEST_PING);
            request_push(&queue, in[i]);
        }
        ck_assert_uint_eq(queue.n, COUNT(in));
        for (size_t i = 0; i < COUNT(in); i++) {
            struct request *out = request_pop(&queue);
            ck_assert_ptr_eq(out, in[i]);
            request_destroy(&out);
        }
        ck_assert_ptr_null(request_pop(&queue));
        ck_assert_uint_eq(queue.n, 0);
    }
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(the_first_failure_stands),
        UNIT_LOOP(an_error_is_text_whatever_it_quotes, quotes),
        UNIT(a_reply_has_ok_and_its_members),
        UNIT(what_comes_first_leaves_first),
    };
    return unit_run("request", tests, COUNT(tests));
}
