/* SPDX-License-Identifier: MIT
 *
 * What streams tell of themselves. */
#include "listing.h"

#include "stream_fixture.h"

#define KEYED                                                                            \
    "    columns: [k, a]\n    fields: [a]\n    key: k\n    model: {components: 1}\n"

/* The reply of one stream. */
static struct request *ask(struct fixture *f, answer_fn *answer)
{
    struct request *request = request_new(REQUEST_COMMAND);
    ck_assert_int_eq(answer(f->stream, request, f->now), ANSWERED);
    ck_assert_int_eq(request->code, CODE_OK);
    return request;
}

START_TEST(streams_tells_what_a_sender_needs)
{
    struct fixture *f = fixture_new("format: csv", KEYED);
    fixture_text(f, "x,1\n");
    struct request *request = ask(f, listing_streams);
    const char *type, *direction, *format, *key, *field, *columns[2], *keys;
    ck_assert_int_eq(json_unpack(request->reply,
                                 "{s:{s:{s:{s:s,s:s,s:s}, s:[s,s], s:[s], s:[s], s:s}}}",
                                 "streams", "s", "feed", "type", &type, "direction",
                                 &direction, "format", &format, "columns", &columns[0],
                                 &columns[1], "fields", &field, "keys", &keys, "key",
                                 &key),
                     0);
    ck_assert_str_eq(type, "pull");
    ck_assert_str_eq(direction, "bind");
    ck_assert_str_eq(format, "csv");
    ck_assert_str_eq(columns[0], "k");
    ck_assert_str_eq(columns[1], "a");
    ck_assert_str_eq(field, "a");
    ck_assert_str_eq(keys, "x");
    ck_assert_str_eq(key, "k");
    request_destroy(&request);
    fixture_destroy(f);
}
END_TEST

START_TEST(status_tells_how_a_stream_does)
{
    struct fixture *f = fixture_new("format: csv", KEYED);
    fixture_text(f, "x,1\ny,2\nx,oops\n");
    struct request *request = ask(f, listing_status);
    const char *state;
    int models, is_stale, received, queued, parse;
    ck_assert_int_eq(json_unpack(request->reply,
                                 "{s:{s:{s:s, s:i, s:b, s:{s:i, s:i, s:{s:i}}}}}",
                                 "streams", "s", "state", &state, "models", &models,
                                 "stale", &is_stale, "ledger", "received", &received,
                                 "queued", &queued, "rejected", "parse", &parse),
                     0);
    ck_assert_str_eq(state, "warmup");
    ck_assert_int_eq(models, 2);
    ck_assert(!is_stale);
    ck_assert_int_eq(received, 3);
    ck_assert_int_eq(queued, 2);
    ck_assert_int_eq(parse, 1);
    request_destroy(&request);
    fixture_destroy(f);
}
END_TEST

START_TEST(parts_of_several_streams_stand_side_by_side)
{
    struct fixture *f = fixture_new("", "    fields: [a]\n    model: {components: 1}\n");
    struct request *request = request_new(REQUEST_COMMAND);
    char other[] = "other", *own = f->stream->own.name;
    listing_status(f->stream, request, f->now);
    f->stream->own.name = other;
    listing_status(f->stream, request, f->now);
    f->stream->own.name = own;
    const json_t *streams = json_object_get(request->reply, "streams");
    ck_assert_uint_eq(json_object_size(streams), 2);
    ck_assert(json_is_object(json_object_get(streams, "other")));
    request_destroy(&request);
    fixture_destroy(f);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(streams_tells_what_a_sender_needs),
        UNIT(status_tells_how_a_stream_does),
        UNIT(parts_of_several_streams_stand_side_by_side),
    };
    return unit_run("listing", tests, COUNT(tests));
}
