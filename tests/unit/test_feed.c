/* SPDX-License-Identifier: MIT
 *
 * Messages are taken apart, and what no stream can use is refused unread. */
#include "feed.h"

#include "stream_fixture.h"

#define A30 "123456789012345678901234567890"
#define FIELDS "    fields: [a, b]\n    model: {components: 1}\n"

/* A message, a part a string, and what the feed makes of it. */
static const struct {
    const char *feed;
    const char *part[6];
    const char *topic; /* NULL: none */
    size_t n_parts;
    const char *body;
    enum reason reason;
} messages[] = {
    {"type: pull", {"x"}, NULL, 1, "x", REASON_NONE},
    {"type: pull", {"x", "yy"}, NULL, 2, "x", REASON_NONE},
    {"type: pull", {""}, NULL, 1, "", REASON_NONE},
    {"type: pull", {"1", "2", "3", "4", "5"}, NULL, 4, "1", REASON_NONE},
    {"topic: frame", {"t", "x"}, "t", 1, "x", REASON_NONE},
    {"topic: frame", {"t", "x", "y"}, "t", 2, "x", REASON_NONE},
    {"topic: frame", {"", "x"}, "", 1, "x", REASON_NONE},
    {"topic: frame", {"t"}, NULL, 1, "t", REASON_FRAMES},
    {"topic: space", {"t x y"}, "t", 1, "x y", REASON_NONE},
    {"topic: space", {" x"}, "", 1, "x", REASON_NONE},
    {"topic: space", {"t "}, "t", 1, "", REASON_NONE},
    {"topic: space", {"t"}, NULL, 1, "t", REASON_FRAMES},
    {"topic: space", {""}, NULL, 1, "", REASON_FRAMES},
    {"max_message: 64", {A30 A30 "1234"}, NULL, 1, A30 A30 "1234", REASON_NONE},
    {"max_message: 64", {A30 A30 "12345"}, NULL, 1, A30 A30 "12345", REASON_SIZE},
    {"max_message: 64", {A30, A30 "12345"}, NULL, 2, A30, REASON_SIZE},
    {"topic: frame, max_message: 64",
     {A30, A30 "12345"},
     A30,
     1,
     A30 "12345",
     REASON_SIZE},
    {"type: sub", {"t", "x"}, "t", 1, "x", REASON_NONE},
    {"type: sub, subscribe: [u, t]", {"t1", "x"}, "t1", 1, "x", REASON_NONE},
};

static void send_parts(zsock_t *sender, const char *const *part)
{
    for (size_t i = 0; part[i] != NULL; i++) {
        if (part[i + 1] != NULL) {
            zstr_sendm(sender, part[i]);
        } else {
            zstr_send(sender, part[i]);
        }
    }
}

static void check_bytes(struct bytes bytes, const char *text)
{
    ck_assert_uint_eq(bytes.size, strlen(text));
    ck_assert_int_eq(memcmp(bytes.data, text, bytes.size), 0);
}

START_TEST(a_message_is_topic_and_body)
{
    struct fixture *f = fixture_new(messages[_i].feed, FIELDS);
    struct feed *feed = f->stream->feed;
    send_parts(f->sender, messages[_i].part);
    fixture_await(f);
    ck_assert(feed_receive(feed));
    ck_assert_int_eq(feed->reason, messages[_i].reason);
    ck_assert_uint_eq(feed->n_parts, messages[_i].n_parts);
    check_bytes(feed->part[0], messages[_i].body);
    if (messages[_i].topic != NULL) {
        check_bytes(feed->topic, messages[_i].topic);
    } else {
        ck_assert_ptr_null(feed->topic.data);
    }
    feed_release(feed);
    ck_assert(!feed_receive(feed));
    fixture_destroy(f);
}
END_TEST

START_TEST(a_message_of_a_thousand_parts_is_read_to_its_end)
{
    struct fixture *f = fixture_new("", FIELDS);
    for (int i = 0; i < 999; i++) {
        zstr_sendm(f->sender, "part");
    }
    zstr_send(f->sender, "last");
    zstr_send(f->sender, "next");
    fixture_await(f);
    ck_assert(feed_receive(f->stream->feed));
    ck_assert_uint_eq(f->stream->feed->n_parts, FEED_PARTS);
    fixture_await(f);
    ck_assert(feed_receive(f->stream->feed));
    check_bytes(f->stream->feed->part[0], "next");
    ck_assert_uint_eq(f->stream->feed->n_parts, 1);
    fixture_destroy(f);
}
END_TEST

START_TEST(endpoints_are_told_as_bound)
{
    struct fixture *f = fixture_new("", FIELDS);
    unsigned port = 0;
    ck_assert_int_eq(sscanf(f->stream->feed->attachment.now.bound.item[0],
                            "tcp://127.0.0.1:%u", &port),
                     1);
    ck_assert_uint_gt(port, 0);
    fixture_destroy(f);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT_LOOP(a_message_is_topic_and_body, messages),
        UNIT(a_message_of_a_thousand_parts_is_read_to_its_end),
        UNIT(endpoints_are_told_as_bound),
    };
    return unit_run("feed", tests, COUNT(tests));
}
