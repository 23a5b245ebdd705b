/* SPDX-License-Identifier: MIT
 *
 * What a stream answers to each command. */
#include "answer.h"

#include <math.h>

#include "commands.h"
#include "frame.h"
#include "stream_fixture.h"

#define FIELDS "    fields: [a, b]\n    model: {components: 2}\n"
#define KEYED                                                                            \
    "    columns: [k, a]\n    fields: [a]\n    key: k\n    model: {components: 1}\n"

/* Reads and answers a request; it stays the caller's. */
static struct request *ask(struct fixture *f, const char *text)
{
    struct request *request = request_new(REQUEST_COMMAND);
    command_read(request, text, strlen(text));
    if (request->code == CODE_OK) {
        request->deadline_ms = f->now.ms + 1;
        ck_assert_int_eq(request->command->ask(f->stream, request, f->now), ANSWERED);
    }
    return request;
}

/* Requests to a stream without a model, to one with, to one with keys. */
static const struct {
    const char *text;
    enum request_code without, with, keyed;
} requests[] = {
    {"{\"command\":\"model\",\"stream\":\"s\"}", CODE_NOT_READY, CODE_OK, CODE_ARGUMENT},
    {"{\"command\":\"model\",\"stream\":\"s\",\"key\":null}", CODE_NOT_READY, CODE_OK,
     CODE_ARGUMENT},
    {"{\"command\":\"model\",\"stream\":\"s\",\"key\":\"x\"}", CODE_UNKNOWN_KEY,
     CODE_UNKNOWN_KEY, CODE_NOT_READY},
    {"{\"command\":\"model\",\"stream\":\"s\",\"key\":\"nobody\"}", CODE_UNKNOWN_KEY,
     CODE_UNKNOWN_KEY, CODE_UNKNOWN_KEY},
    {"{\"command\":\"model\",\"stream\":\"s\",\"key\":\"\"}", CODE_UNKNOWN_KEY,
     CODE_UNKNOWN_KEY, CODE_UNKNOWN_KEY},
    {"{\"command\":\"score\",\"stream\":\"s\",\"point\":[1,2]}", CODE_NOT_READY, CODE_OK,
     CODE_ARGUMENT},
    {"{\"command\":\"score\",\"stream\":\"s\",\"point\":[1]}", CODE_NOT_READY,
     CODE_ARGUMENT, CODE_ARGUMENT},
    {"{\"command\":\"score\",\"stream\":\"s\",\"point\":[1,\"2\"]}", CODE_NOT_READY,
     CODE_ARGUMENT, CODE_ARGUMENT},
    {"{\"command\":\"score\",\"stream\":\"s\",\"point\":[1,null]}", CODE_NOT_READY,
     CODE_ARGUMENT, CODE_ARGUMENT},
    {"{\"command\":\"score\",\"stream\":\"s\",\"point\":[1,1e200]}", CODE_NOT_READY,
     CODE_ARGUMENT, CODE_ARGUMENT},
    {"{\"command\":\"conditional\",\"stream\":\"s\",\"point\":[1,null]}", CODE_NOT_READY,
     CODE_OK, CODE_ARGUMENT},
    {"{\"command\":\"conditional\",\"stream\":\"s\",\"point\":[null,null]}",
     CODE_NOT_READY, CODE_OK, CODE_ARGUMENT},
    {"{\"command\":\"conditional\",\"stream\":\"s\",\"point\":[1,2]}", CODE_NOT_READY,
     CODE_ARGUMENT, CODE_ARGUMENT},
    {"{\"command\":\"marginal\",\"stream\":\"s\",\"fields\":[\"b\"]}", CODE_NOT_READY,
     CODE_OK, CODE_ARGUMENT},
    {"{\"command\":\"marginal\",\"stream\":\"s\",\"fields\":[]}", CODE_NOT_READY,
     CODE_ARGUMENT, CODE_ARGUMENT},
    {"{\"command\":\"marginal\",\"stream\":\"s\",\"fields\":[\"c\"]}", CODE_NOT_READY,
     CODE_ARGUMENT, CODE_ARGUMENT},
    {"{\"command\":\"marginal\",\"stream\":\"s\",\"fields\":[0]}", CODE_NOT_READY,
     CODE_ARGUMENT, CODE_ARGUMENT},
    {"{\"command\":\"marginal\",\"stream\":\"s\",\"fields\":[\"a\",\"a\"]}",
     CODE_NOT_READY, CODE_ARGUMENT, CODE_ARGUMENT},
    {"{\"command\":\"moments\",\"stream\":\"s\"}", CODE_NOT_READY, CODE_OK,
     CODE_ARGUMENT},
    {"{\"command\":\"sample\",\"stream\":\"s\",\"n\":3}", CODE_NOT_READY, CODE_OK,
     CODE_ARGUMENT},
    {"{\"command\":\"sample\",\"stream\":\"s\",\"n\":100000000}", CODE_NOT_READY,
     CODE_ARGUMENT, CODE_ARGUMENT},
    {"{\"command\":\"wait\",\"stream\":\"s\"}", CODE_ARGUMENT, CODE_ARGUMENT,
     CODE_ARGUMENT},
    {"{\"command\":\"drain\",\"stream\":\"s\",\"sent\":1}", CODE_OK, CODE_OK, CODE_OK},
    {"{\"command\":\"drain\",\"stream\":\"s\",\"sent\":1,\"key\":\"x\"}",
     CODE_UNKNOWN_KEY, CODE_UNKNOWN_KEY, CODE_OK},
    {"{\"command\":\"rejects\",\"stream\":\"s\"}", CODE_OK, CODE_OK, CODE_OK},
    {"{\"command\":\"freeze\",\"stream\":\"s\"}", CODE_OK, CODE_OK, CODE_OK},
    {"{\"command\":\"reset\",\"stream\":\"s\",\"key\":\"nobody\"}", CODE_UNKNOWN_KEY,
     CODE_UNKNOWN_KEY, CODE_UNKNOWN_KEY},
};

static void check_code(struct fixture *f, const char *text, enum request_code code)
{
    struct request *request = ask(f, text);
    ck_assert_msg(request->code == code, "%s: %s: %s", text,
                  request_code_name(request->code), request->error);
    ck_assert_int_eq(request->code == CODE_OK, request->reply != NULL);
    ck_assert_int_eq(request->code != CODE_OK, request->error[0] != '\0');
    request_destroy(&request);
}

START_TEST(a_request_is_answered_or_refused_with_its_code)
{
    struct fixture *f = fixture_new("format: f64", FIELDS);
    fixture_points(f, 10);
    check_code(f, requests[_i].text, requests[_i].without);
    fixture_points(f, 1000);
    check_code(f, requests[_i].text, requests[_i].with);
    fixture_destroy(f);
    f = fixture_new("format: csv", KEYED);
    fixture_text(f, "x,1\n");
    check_code(f, requests[_i].text, requests[_i].keyed);
    fixture_destroy(f);
}
END_TEST

START_TEST(a_score_is_that_of_the_model)
{
    struct fixture *f = fixture_new("format: f64", FIELDS);
    fixture_points(f, 1000);
    const struct mix_model *model =
        mix_learner_model(router_slot(f->stream->router, 0)->learner);
    const double x[2] = {0.25, -1};
    const struct mix_rows row = {.x = x, .n = 1, .stride = 2};
    double expected;
    ck_assert_int_eq(mix_model_log_density(model, &row, &expected), MIX_OK);
    struct request *request =
        ask(f, "{\"command\":\"score\",\"stream\":\"s\",\"point\":[0.25,-1]}");
    double log_density, r0, r1, tail;
    ck_assert_int_eq(json_unpack(request->reply, "{s:F, s:[F,F], s:F}", "log_density",
                                 &log_density, "responsibilities", &r0, &r1, "tail",
                                 &tail),
                     0);
    ck_assert_double_eq(log_density, expected);
    ck_assert_double_eq_tol(r0 + r1, 1, 1e-12);
    ck_assert(tail > 0 && tail < 1);
    request_destroy(&request);
    /* As far away as a point may be there is still a density. */
    request = ask(f, "{\"command\":\"score\",\"stream\":\"s\",\"point\":[1e150,-1e150]}");
    ck_assert_int_eq(request->code, CODE_OK);
    ck_assert(json_is_real(json_object_get(request->reply, "log_density")));
    request_destroy(&request);
    fixture_destroy(f);
}
END_TEST

/* log p(x) of a request's model, which is read as a file of it would be. */
static double log_density_of(const struct request *request, const double *x, size_t dims)
{
    char error[256];
    struct mix_model *model =
        frame_model(json_object_get(request->reply, "model"), NULL, error, sizeof(error));
    ck_assert_msg(model != NULL, "%s", error);
    ck_assert_uint_eq(mix_model_dimensions(model), dims);
    const struct mix_rows row = {.x = x, .n = 1, .stride = dims};
    double log_density;
    ck_assert_int_eq(mix_model_log_density(model, &row, &log_density), MIX_OK);
    mix_model_destroy(&model);
    return log_density;
}

/* p(a, b) = p(b) p(a | b), all three as the stream answers them. */
START_TEST(marginal_times_conditional_is_the_density)
{
    struct fixture *f = fixture_new("format: f64", FIELDS);
    fixture_points(f, 1000);
    const double x[2] = {0.25, -1};
    struct request *joint = ask(f, "{\"command\":\"model\",\"stream\":\"s\"}");
    struct request *marginal =
        ask(f, "{\"command\":\"marginal\",\"stream\":\"s\",\"fields\":[\"b\"]}");
    struct request *given =
        ask(f, "{\"command\":\"conditional\",\"stream\":\"s\",\"point\":[null,-1]}");
    ck_assert_double_eq_tol(
        log_density_of(joint, x, 2),
        log_density_of(marginal, x + 1, 1) + log_density_of(given, x, 1), 1e-12);
    ck_assert(json_equal(json_object_get(json_object_get(joint->reply, "model"), "ids"),
                         json_object_get(json_object_get(given->reply, "model"), "ids")));
    double mean, known, variance, none;
    ck_assert_int_eq(json_unpack(given->reply, "{s:[F,F], s:[F,F]}", "mean", &mean,
                                 &known, "variance", &variance, &none),
                     0);
    double expected[2], spread[2];
    const double seen[2] = {(double)NAN, -1};
    ck_assert_int_eq(
        mix_model_predict(mix_learner_model(router_slot(f->stream->router, 0)->learner),
                          seen, expected, spread),
        MIX_OK);
    ck_assert_double_eq_tol(mean, expected[0], 1e-12);
    ck_assert_double_eq_tol(variance, spread[0], 1e-12 * spread[0]);
    ck_assert_double_eq(known, -1);
    ck_assert_double_eq(none, 0);
    request_destroy(&joint);
    request_destroy(&marginal);
    request_destroy(&given);
    fixture_destroy(f);
}
END_TEST

#define PRODUCT                                                                          \
    "    fields: [a, b, c]\n    model: {components: 2, family: {a: gaussian, "           \
    "b: student-t, c: gaussian}, "

static const char *const noise[] = {PRODUCT "noise: off}\n", PRODUCT "noise: on}\n"};

/* Fields named in any order come in that of the stream, also from a product, where what
 * stood between two gaussian fields is left out. */
START_TEST(a_marginal_of_mixed_fields_reads_back)
{
    struct fixture *f = fixture_new("format: f64", noise[_i]);
    fixture_points(f, 1000);
    const struct mix_model *model =
        mix_learner_model(router_slot(f->stream->router, 0)->learner);
    struct request *request = ask(f, "{\"command\":\"marginal\",\"stream\":\"s\","
                                     "\"fields\":[\"c\",\"a\"]}");
    ck_assert_msg(request->code == CODE_OK, "%s", request->error);
    const char *first, *second, *family;
    ck_assert_int_eq(json_unpack(request->reply, "{s:{s:[s,s], s:s}}", "model", "fields",
                                 &first, &second, "family", &family),
                     0);
    ck_assert_str_eq(first, "a");
    ck_assert_str_eq(second, "c");
    ck_assert_str_eq(family, "gaussian");
    const double x[3] = {0.25, (double)NAN, -1}, ends[2] = {0.25, -1};
    const struct mix_rows row = {.x = x, .n = 1, .stride = 3};
    double expected;
    ck_assert_int_eq(mix_model_log_density(model, &row, &expected), MIX_OK);
    ck_assert_double_eq_tol(log_density_of(request, ends, 2), expected, 1e-12);
    request_destroy(&request);
    fixture_destroy(f);
}
END_TEST

START_TEST(moments_are_those_of_the_mixture)
{
    struct fixture *f = fixture_new("format: f64", FIELDS);
    fixture_points(f, 1000);
    double mean[2], covariance[4], m[2], c[4];
    mix_model_moments(mix_learner_model(router_slot(f->stream->router, 0)->learner), mean,
                      covariance);
    struct request *request = ask(f, "{\"command\":\"moments\",\"stream\":\"s\"}");
    ck_assert_int_eq(json_unpack(request->reply, "{s:[F,F], s:[[F,F],[F,F]]}", "mean", m,
                                 m + 1, "covariance", c, c + 1, c + 2, c + 3),
                     0);
    ck_assert_mem_eq(m, mean, sizeof(m));
    ck_assert_mem_eq(c, covariance, sizeof(c));
    request_destroy(&request);
    fixture_destroy(f);
}
END_TEST

START_TEST(samples_follow_their_seed)
{
    struct fixture *f = fixture_new("format: f64", FIELDS);
    fixture_points(f, 1000);
    struct request *a = ask(f, "{\"command\":\"sample\",\"stream\":\"s\",\"n\":5}");
    struct request *b =
        ask(f, "{\"command\":\"sample\",\"stream\":\"s\",\"n\":5,\"seed\":1}");
    struct request *c =
        ask(f, "{\"command\":\"sample\",\"stream\":\"s\",\"n\":5,\"seed\":2}");
    ck_assert_uint_eq(json_array_size(json_object_get(a->reply, "points")), 5);
    ck_assert(json_equal(a->reply, b->reply));
    ck_assert(!json_equal(a->reply, c->reply));
    request_destroy(&a);
    request_destroy(&b);
    request_destroy(&c);
    fixture_destroy(f);
}
END_TEST

static const char *state_after(struct fixture *f, const char *command)
{
    static char state[16];
    char text[128];
    snprintf(text, sizeof(text), "{\"command\":\"%s\",\"stream\":\"s\"}", command);
    struct request *request = ask(f, text);
    snprintf(state, sizeof(state), "%s",
             json_string_value(json_object_get(request->reply, "state")));
    request_destroy(&request);
    return state;
}

START_TEST(a_frozen_stream_scores_and_a_thawed_one_learns)
{
    struct fixture *f = fixture_new("format: f64", FIELDS);
    fixture_points(f, 1000);
    fixture_forget_posts(f);
    ck_assert_str_eq(state_after(f, "freeze"), "frozen");
    json_decref(fixture_frame(f, "event/s"));
    fixture_points(f, 100);
    struct ledger ledger = stream_ledger(f->stream);
    ck_assert_uint_eq(ledger.rejected[REASON_FROZEN], 100);
    ck_assert(ledger_holds(&ledger));
    struct request *request = ask(f, "{\"command\":\"rejects\",\"stream\":\"s\"}");
    const json_t *letters = json_object_get(request->reply, "rejects");
    ck_assert_uint_eq(json_array_size(letters), 1);
    const json_t *points = json_object_get(json_array_get(letters, 0), "points");
    ck_assert_int_eq(json_integer_value(points), 100);
    request_destroy(&request);
    ck_assert_str_ne(state_after(f, "thaw"), "frozen");
    fixture_points(f, 100);
    ledger = stream_ledger(f->stream);
    ck_assert_uint_eq(ledger.rejected[REASON_FROZEN], 100);
    ck_assert_uint_eq(ledger.learned + ledger.queued, 1100);
    fixture_destroy(f);
}
END_TEST

START_TEST(a_reset_forgets_the_model_and_keeps_the_ledger)
{
    struct fixture *f = fixture_new("format: f64", FIELDS);
    fixture_points(f, 1000);
    const struct ledger before = stream_ledger(f->stream);
    ck_assert_uint_gt(before.queued, 0);
    ck_assert_str_eq(state_after(f, "reset"), "warmup");
    const struct slot *slot = router_slot(f->stream->router, 0);
    ck_assert_ptr_null(mix_learner_model(slot->learner));
    const struct ledger ledger = stream_ledger(f->stream);
    ck_assert_uint_eq(ledger.received, 1000);
    ck_assert(ledger_holds(&ledger));
    /* What had been learned was; what waited never will be. */
    ck_assert_uint_eq(ledger.learned, before.learned);
    ck_assert_uint_eq(ledger.rejected[REASON_RESET], before.queued);
    ck_assert_uint_eq(ledger.queued, 0);
    state_after(f, "reset"); /* nothing waits */
    ck_assert_uint_eq(stream_ledger(f->stream).rejected[REASON_RESET], before.queued);
    fixture_forget_posts(f);
    fixture_points(f, 64); /* and starts anew */
    json_t *event = fixture_frame(f, "event/s");
    ck_assert_str_eq(json_string_value(json_object_get(event, "event")), "started");
    json_decref(event);
    fixture_destroy(f);
}
END_TEST

START_TEST(a_key_that_comes_while_frozen_is_frozen)
{
    struct fixture *f = fixture_new("format: csv", KEYED);
    state_after(f, "freeze");
    fixture_text(f, "x,1\n");
    const struct ledger ledger = stream_ledger(f->stream);
    ck_assert_uint_eq(ledger.rejected[REASON_FROZEN], 1);
    fixture_destroy(f);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT_LOOP(a_request_is_answered_or_refused_with_its_code, requests),
        UNIT(a_score_is_that_of_the_model),
        UNIT(marginal_times_conditional_is_the_density),
        UNIT_LOOP(a_marginal_of_mixed_fields_reads_back, noise),
        UNIT(moments_are_those_of_the_mixture),
        UNIT(samples_follow_their_seed),
        UNIT(a_frozen_stream_scores_and_a_thawed_one_learns),
        UNIT(a_reset_forgets_the_model_and_keeps_the_ledger),
        UNIT(a_key_that_comes_while_frozen_is_frozen),
    };
    return unit_run("answer", tests, COUNT(tests));
}
