/* SPDX-License-Identifier: MIT
 *
 * Requests that wait are answered when their condition holds, when their time is over,
 * and when the daemon stops; each exactly once. */
#include "waiting.h"

#include "commands.h"
#include "stream_fixture.h"

#define FIELDS "    fields: [a]\n    model: {components: 1}\n"

static struct request *make(const char *text)
{
    struct request *request = request_new(REQUEST_COMMAND);
    command_read(request, text, strlen(text));
    ck_assert_msg(request->code == CODE_OK, "%s", request->error);
    return request;
}

/* The only post must be the answer to this request. */
static void expect_answer(struct fixture *f, struct request *request,
                          enum request_code code)
{
    struct post *post = mailbox_take(&f->box);
    ck_assert_ptr_nonnull(post);
    ck_assert_int_eq(post->kind, POST_ANSWER);
    ck_assert_ptr_eq(post->request, request);
    ck_assert_int_eq(request->code, code);
    ck_assert_ptr_null(f->box.first);
    request_destroy(&post->request);
    post_destroy(&post);
}

START_TEST(what_holds_is_answered_at_once)
{
    struct fixture *f = fixture_new("format: csv", FIELDS);
    fixture_text(f, "1\n2\n");
    struct request *request = make("{\"command\":\"drain\",\"stream\":\"s\",\"sent\":2}");
    ck_assert(waiting_answer(f->stream, request, f->now));
    const json_t *ledger = json_object_get(request->reply, "ledger");
    ck_assert_int_eq(json_integer_value(json_object_get(ledger, "received")), 2);
    request_destroy(&request);
    ck_assert_int_eq(waiting_due(f->stream), MOMENT_NEVER);
    fixture_destroy(f);
}
END_TEST

START_TEST(what_comes_true_is_answered_then)
{
    struct fixture *f = fixture_new("format: csv", FIELDS);
    struct request *request =
        make("{\"command\":\"drain\",\"stream\":\"s\",\"sent\":2,\"since\":1}");
    ck_assert(!waiting_answer(f->stream, request, f->now));
    ck_assert_int_eq(waiting_due(f->stream), f->now.ms + 10000);
    fixture_text(f, "1\n2\n");
    waiting_check(f->stream, f->now);
    ck_assert_ptr_null(f->box.first);
    fixture_text(f, "3\n");
    waiting_check(f->stream, f->now);
    expect_answer(f, request, CODE_OK);
    fixture_destroy(f);
}
END_TEST

START_TEST(what_takes_too_long_is_a_timeout)
{
    struct fixture *f = fixture_new("format: csv", FIELDS);
    struct request *slow = make("{\"command\":\"wait\",\"stream\":\"s\",\"points\":1}");
    struct request *fast =
        make("{\"command\":\"wait\",\"stream\":\"s\",\"points\":1,\"timeout\":0.5}");
    ck_assert(!waiting_answer(f->stream, slow, f->now));
    ck_assert(!waiting_answer(f->stream, fast, f->now));
    ck_assert_int_eq(waiting_due(f->stream), f->now.ms + 500);
    f->now.ms += 499;
    waiting_check(f->stream, f->now);
    ck_assert_ptr_null(f->box.first);
    f->now.ms += 1;
    waiting_check(f->stream, f->now);
    expect_answer(f, fast, CODE_TIMEOUT);
    ck_assert_int_eq(waiting_due(f->stream), f->now.ms - 500 + 60000);
    waiting_refuse(f->stream);
    expect_answer(f, slow, CODE_REFUSED);
    fixture_destroy(f);
}
END_TEST

START_TEST(one_too_many_is_refused_and_the_others_wait_on)
{
    struct fixture *f = fixture_new("format: csv", FIELDS);
    const char *text = "{\"command\":\"drain\",\"stream\":\"s\",\"sent\":1}";
    for (int i = 0; i < WAITING_MAX; i++) {
        ck_assert(!waiting_answer(f->stream, make(text), f->now));
    }
    struct request *last = make(text);
    ck_assert(waiting_answer(f->stream, last, f->now));
    ck_assert_int_eq(last->code, CODE_REFUSED);
    request_destroy(&last);
    fixture_text(f, "1\n");
    waiting_check(f->stream, f->now);
    struct post *post;
    size_t n = 0;
    while ((post = mailbox_take(&f->box)) != NULL) {
        ck_assert_int_eq(post->request->code, CODE_OK);
        request_destroy(&post->request);
        post_destroy(&post);
        n++;
    }
    ck_assert_uint_eq(n, WAITING_MAX);
    fixture_destroy(f);
}
END_TEST

/* Conditions of `wait` on a stream with 164 points, of which 128 are learned. */
static const struct {
    const char *condition;
    bool holds;
} conditions[] = {
    {"\"points\": 128", true},
    {"\"points\": 129", false},
    {"\"updates\": 1", true},
    {"\"updates\": 1000", false},
    {"\"log_likelihood\": -1000", true},
    {"\"log_likelihood\": 1000", false},
    {"\"points\": 128, \"log_likelihood\": 1000", false},
    {"\"points\": 128, \"updates\": null", true},
};

START_TEST(all_conditions_of_wait_must_hold)
{
    struct fixture *f = fixture_new("format: f64", FIELDS);
    fixture_points(f, 164); /* the second block has been scored before it was learned */
    fixture_forget_posts(f);
    char text[256];
    snprintf(text, sizeof(text), "{\"command\":\"wait\",\"stream\":\"s\",%s}",
             conditions[_i].condition);
    struct request *request = make(text);
    const bool is_answered = waiting_answer(f->stream, request, f->now);
    ck_assert_msg(is_answered == conditions[_i].holds, "%s", text);
    if (is_answered) {
        ck_assert_ptr_nonnull(json_object_get(request->reply, "model"));
        request_destroy(&request);
    }
    fixture_destroy(f);
}
END_TEST

START_TEST(drain_waits_for_the_work_that_is_due_but_not_for_ever)
{
    struct fixture *f = fixture_new("format: csv", FIELDS);
    char text[1024] = "";
    for (int i = 0; i < 64; i++) {
        sprintf(text + strlen(text), "%d\n", i % 7);
    }
    fixture_text(f, text);
    ck_assert(stream_is_busy(f->stream));
    struct request *drain = make("{\"command\":\"drain\",\"stream\":\"s\",\"sent\":64}");
    ck_assert(!waiting_answer(f->stream, drain, f->now));
    f->now.ms += 10000;
    waiting_check(f->stream, f->now);
    expect_answer(f, drain, CODE_OK); /* the points are there */
    drain = make("{\"command\":\"drain\",\"stream\":\"s\",\"sent\":64}");
    ck_assert(!waiting_answer(f->stream, drain, f->now));
    while (stream_is_busy(f->stream)) {
        stream_work(f->stream, f->now);
    }
    fixture_forget_posts(f);
    waiting_check(f->stream, f->now);
    const json_t *ledger = json_object_get(drain->reply, "ledger");
    ck_assert_int_eq(json_integer_value(json_object_get(ledger, "learned")), 64);
    expect_answer(f, drain, CODE_OK);
    fixture_destroy(f);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(what_holds_is_answered_at_once),
        UNIT(what_comes_true_is_answered_then),
        UNIT(what_takes_too_long_is_a_timeout),
        UNIT(one_too_many_is_refused_and_the_others_wait_on),
        UNIT_LOOP(all_conditions_of_wait_must_hold, conditions),
        UNIT(drain_waits_for_the_work_that_is_due_but_not_for_ever),
    };
    return unit_run("waiting", tests, COUNT(tests));
}
