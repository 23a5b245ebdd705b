/* SPDX-License-Identifier: MIT */
#include "sender.h"

#include <math.h>

#include "feed_world.h"
#include "unit.h"

/* ---- One exchange at a time -------------------------------------------------- */

static struct world *world;

static void setup(void)
{
    world = world_new();
}

static void teardown(void)
{
    world_destroy(&world);
}

/* The header of what is due now, or of type 0. */
static struct reliable due(void)
{
    struct bytes parts[SENDER_PARTS_MAX];
    struct reliable header = {0};
    size_t n;
    ck_assert_int_eq(sender_due(world->sender, world->now_s, parts, &n, &world->failure),
                     MIXFEED_OK);
    if (n > 0) {
        ck_assert_int_eq(reliable_decode(parts[0], &header), RELIABLE_CODE_OK);
        ck_assert_uint_eq(n, header.type == RELIABLE_DATA ? 2 : 1);
    }
    return header;
}

static struct reliable next(void)
{
    const struct reliable header = due();
    if (header.type != 0) {
        sender_sent(world->sender, world->now_s);
    }
    return header;
}

static enum mixfeed_err answer(struct reliable header)
{
    unsigned char bytes[RELIABLE_SIZE];
    memcpy(header.source, "fake", 5);
    reliable_encode(&header, bytes);
    return sender_receive(world->sender, &(struct bytes){bytes, sizeof(bytes)}, 1,
                          world->now_s, &world->failure);
}

static struct reliable welcome(uint64_t safe, uint64_t durable, uint64_t applied)
{
    return (struct reliable){.type = RELIABLE_WELCOME,
                             .session = 7,
                             .a = safe,
                             .b = durable,
                             .c = applied,
                             .count = 30,
                             .incarnation = world->backlog->incarnation};
}

static struct reliable ack(uint64_t safe, uint64_t durable, uint64_t applied)
{
    return (struct reliable){
        .type = RELIABLE_ACK, .session = 7, .a = safe, .b = durable, .c = applied};
}

static struct reliable error(enum reliable_code code, uint64_t session)
{
    return (struct reliable){.type = RELIABLE_ERR, .code = code, .a = session};
}

/* Puts n points there and says HELLO, which is answered. */
static void begin(size_t n)
{
    setup();
    for (size_t i = 0; i < n; i++) {
        world_append(world, 0);
    }
    ck_assert_int_eq(next().type, RELIABLE_HELLO);
    ck_assert_int_eq(answer(welcome(0, 0, 0)), MIXFEED_OK);
}

START_TEST(hello_says_what_is_held)
{
    setup();
    struct reliable hello = due();
    ck_assert_int_eq(hello.type, RELIABLE_HELLO);
    ck_assert_uint_eq(hello.a, 1);
    ck_assert_uint_eq(hello.b, 0);
    ck_assert_uint_eq(hello.incarnation, world->backlog->incarnation);
    ck_assert_uint_eq(hello.columns, FAKE_COLUMNS);
    ck_assert_str_eq(hello.source, "fake");
    sender_destroy(&world->sender);
    world_append(world, 4);
    world->backlog->kind->trim(world->backlog, 2);
    world->sender = sender_new("fake", FAKE_COLUMNS, 0, world->backlog);
    hello = due();
    ck_assert_uint_eq(hello.a, 3);
    ck_assert_uint_eq(hello.b, 5);
    teardown();
}
END_TEST

START_TEST(data_follow_a_welcome_up_to_the_window)
{
    begin(40);
    uint64_t expected = 1;
    for (struct reliable data = next(); data.type != 0; data = next()) {
        ck_assert_int_eq(data.type, RELIABLE_DATA);
        ck_assert_uint_eq(data.a, expected);
        ck_assert_uint_eq(data.session, 7);
        ck_assert_uint_le(data.count, WORLD_BATCH);
        expected += data.count;
    }
    ck_assert_uint_eq(expected, 31);
    ck_assert_int_eq(answer(ack(10, 20, 30)), MIXFEED_OK);
    ck_assert_uint_eq(world->backlog->trimmed, 10);
    ck_assert_uint_eq(next().a, 31);
    teardown();
}
END_TEST

START_TEST(a_message_that_was_not_taken_is_offered_again)
{
    begin(3);
    const struct reliable first = due();
    world_append(world, 0);
    const struct reliable again = due();
    ck_assert_uint_eq(first.a, again.a);
    ck_assert_uint_eq(first.count, again.count);
    ck_assert_uint_eq(first.crc, again.crc);
    teardown();
}
END_TEST

START_TEST(nak_goes_back_and_never_forward)
{
    begin(20);
    while (next().type != 0) {
    }
    ck_assert_int_eq(answer(ack(4, 4, 12)), MIXFEED_OK);
    struct reliable nak = {.type = RELIABLE_NAK, .session = 7, .a = 13};
    ck_assert_int_eq(answer(nak), MIXFEED_OK);
    ck_assert_uint_eq(next().a, 13);
    nak.a = 100;
    ck_assert_int_eq(answer(nak), MIXFEED_OK);
    ck_assert_int_eq(next().type, 0);
    nak.a = 4; /* gone */
    ck_assert_int_eq(answer(nak), MIXFEED_OK);
    ck_assert_int_eq(next().type, 0);
    teardown();
}
END_TEST

START_TEST(a_new_connection_is_greeted_at_once)
{
    begin(5);
    ck_assert_int_eq(next().type, RELIABLE_DATA);
    ck_assert_int_eq(answer(error(RELIABLE_CODE_SESSION, 0)), MIXFEED_OK);
    ck_assert_int_eq(next().type, RELIABLE_HELLO);
    ck_assert_int_eq(answer(welcome(0, 0, 0)), MIXFEED_OK);
    ck_assert_uint_eq(next().a, 1);
    ck_assert_uint_eq(sender_resent(world->sender), 5);
    teardown();
}
END_TEST

START_TEST(an_answer_to_an_older_session_says_nothing)
{
    begin(5);
    ck_assert_int_eq(answer(error(RELIABLE_CODE_SESSION, 6)), MIXFEED_OK);
    struct reliable stale = ack(5, 5, 5);
    stale.session = 6;
    ck_assert_int_eq(answer(stale), MIXFEED_OK);
    struct reliable foreign = welcome(0, 0, 5);
    foreign.incarnation++;
    ck_assert_int_eq(answer(foreign), MIXFEED_OK);
    ck_assert_uint_eq(sender_marks(world->sender).safe, 0);
    ck_assert_uint_eq(next().a, 1);
    teardown();
}
END_TEST

START_TEST(whoever_loses_the_session_without_progress_waits)
{
    begin(5);
    ck_assert_int_eq(answer(error(RELIABLE_CODE_SESSION, 7)), MIXFEED_OK);
    ck_assert_int_eq(next().type, 0);
    const double patience_s = sender_deadline_s(world->sender) - world->now_s;
    ck_assert_double_ge(patience_s, 1);
    world->now_s += patience_s;
    ck_assert_int_eq(next().type, RELIABLE_HELLO);
    teardown();
}
END_TEST

START_TEST(hello_is_repeated_ever_more_rarely)
{
    setup();
    double last_s = 0;
    for (size_t i = 0; i < 6; i++) {
        ck_assert_int_eq(next().type, RELIABLE_HELLO);
        ck_assert_int_eq(next().type, 0);
        const double wait_s = sender_deadline_s(world->sender) - world->now_s;
        ck_assert_double_ge(wait_s, last_s);
        ck_assert_double_le(wait_s, 10);
        world->now_s += wait_s;
        last_s = wait_s;
    }
    ck_assert_double_ge(last_s, 4);
    teardown();
}
END_TEST

/* Every checkpoint says ACK, also when nothing arrives any more. */
START_TEST(an_ack_without_news_does_not_put_off_hello)
{
    begin(5);
    ck_assert_int_eq(next().type, RELIABLE_DATA); /* and is lost */
    const double deadline_s = sender_deadline_s(world->sender);
    for (size_t i = 0; i < 100; i++) {
        world->now_s += 0.1;
        ck_assert_int_eq(answer(ack(0, 0, 0)), MIXFEED_OK);
        ck_assert_double_eq(sender_deadline_s(world->sender), deadline_s);
    }
    ck_assert_int_eq(next().type, RELIABLE_HELLO);
    teardown();
}
END_TEST

START_TEST(an_idle_feed_asks_for_nothing)
{
    begin(3);
    ck_assert_int_eq(next().type, RELIABLE_DATA);
    ck_assert(isfinite(sender_deadline_s(world->sender)));
    ck_assert_int_eq(answer(ack(3, 3, 3)), MIXFEED_OK);
    ck_assert(isinf(sender_deadline_s(world->sender)));
    ck_assert_int_eq(next().type, 0);
    teardown();
}
END_TEST

/* Refusals, by code: what ends the feed, and with which error. */
static const struct {
    enum reliable_code code;
    enum mixfeed_err err;
} refusals[] = {
    {RELIABLE_CODE_FRAMES, MIXFEED_EREFUSED},
    {RELIABLE_CODE_HEADER, MIXFEED_EREFUSED},
    {RELIABLE_CODE_SOURCES, MIXFEED_EREFUSED},
    {RELIABLE_CODE_LOSS, MIXFEED_ELOSS},
    {RELIABLE_CODE_INCARNATION, MIXFEED_EREFUSED},
    {RELIABLE_CODE_SESSION, MIXFEED_OK},
    {RELIABLE_CODE_PAYLOAD, MIXFEED_EREFUSED},
    {RELIABLE_CODE_DENIED, MIXFEED_EREFUSED},
    {RELIABLE_CODE_CLOSING, MIXFEED_OK},
    {77, MIXFEED_EREFUSED},
};

START_TEST(refusals_end_a_feed_and_are_named)
{
    begin(3);
    const enum mixfeed_err err = answer(error(refusals[_i].code, 0));
    ck_assert_int_eq(err, refusals[_i].err);
    ck_assert_int_eq(world->failure.err, err);
    if (err == MIXFEED_EREFUSED) {
        ck_assert_uint_eq(world->failure.code, refusals[_i].code);
        ck_assert_ptr_nonnull(strstr(world->failure.text, "fake: "));
    }
    teardown();
}
END_TEST

START_TEST(a_daemon_that_lost_safe_points_is_a_loss)
{
    begin(20);
    while (next().type != 0) {
    }
    ck_assert_int_eq(answer(ack(15, 18, 20)), MIXFEED_OK);
    ck_assert_int_eq(answer(welcome(3, 5, 5)), MIXFEED_ELOSS);
    ck_assert_uint_eq(world->failure.first, 6);
    ck_assert_uint_eq(world->failure.last, 15);
    ck_assert_ptr_nonnull(strstr(world->failure.text, "6 to 15 (10)"));
    struct reliable loss = error(RELIABLE_CODE_LOSS, 0);
    loss.c = 2;
    ck_assert_int_eq(answer(loss), MIXFEED_ELOSS);
    ck_assert_uint_eq(world->failure.first, 3);
    ck_assert_uint_eq(world->failure.last, 15);
    teardown();
}
END_TEST

/* Marks that cannot be: more than was given, or out of order. */
static const uint64_t bad_marks[][3] = {{0, 0, 6}, {2, 1, 3}, {1, 4, 3}, {6, 6, 6}};

START_TEST(marks_beyond_what_was_sent_are_refused)
{
    begin(5);
    ck_assert_int_eq(next().count, 5);
    world_append(world, 7); /* not yet sent, so the daemon cannot have them */
    const uint64_t *marks = bad_marks[_i];
    ck_assert_int_eq(answer(ack(marks[0], marks[1], marks[2])), MIXFEED_ESPOOL);
    ck_assert_uint_eq(world->backlog->trimmed, 0);
    teardown();
}
END_TEST

START_TEST(an_older_ack_changes_nothing)
{
    begin(10);
    while (next().type != 0) {
    }
    ck_assert_int_eq(answer(ack(5, 8, 10)), MIXFEED_OK);
    ck_assert_int_eq(answer(ack(2, 3, 4)), MIXFEED_OK);
    ck_assert_uint_eq(sender_marks(world->sender).safe, 5);
    ck_assert_uint_eq(sender_marks(world->sender).applied, 10);
    teardown();
}
END_TEST

START_TEST(bye_is_said_in_a_session_alone)
{
    setup();
    struct bytes part;
    size_t n;
    sender_bye(world->sender, &part, &n);
    ck_assert_uint_eq(n, 0);
    ck_assert_int_eq(next().type, RELIABLE_HELLO);
    ck_assert_int_eq(answer(welcome(0, 0, 0)), MIXFEED_OK);
    sender_bye(world->sender, &part, &n);
    struct reliable header;
    ck_assert_uint_eq(n, 1);
    ck_assert_int_eq(reliable_decode(part, &header), RELIABLE_CODE_OK);
    ck_assert_int_eq(header.type, RELIABLE_BYE);
    ck_assert_uint_eq(header.session, 7);
    teardown();
}
END_TEST

START_TEST(what_is_no_message_is_ignored)
{
    begin(3);
    unsigned char bytes[RELIABLE_SIZE + 1] = {0};
    for (size_t size = 0; size <= sizeof(bytes); size++) {
        const struct bytes parts[] = {{bytes, size}, {bytes, size}};
        for (size_t n = 0; n <= 2; n++) {
            ck_assert_int_eq(sender_receive(world->sender, parts, n, 0, &world->failure),
                             MIXFEED_OK);
        }
    }
    struct reliable header = ack(3, 3, 3);
    memcpy(header.source, "other", 6);
    reliable_encode(&header, bytes);
    ck_assert_int_eq(sender_receive(world->sender, &(struct bytes){bytes, RELIABLE_SIZE},
                                    1, 0, &world->failure),
                     MIXFEED_OK);
    ck_assert_uint_eq(sender_marks(world->sender).safe, 0);
    ck_assert_int_eq(next().type, RELIABLE_DATA);
    teardown();
}
END_TEST

/* ---- Any course of events ---------------------------------------------------- */

/* Most steps are those that move on; the rest are faults. */
START_TEST(every_point_is_applied_once_whatever_happens)
{
    const uint64_t seed = unit_seed(1 + (uint64_t)_i);
    uint64_t random = seed * 0x9e3779b97f4a7c15u + 1;
    setup();
    for (size_t i = 0; i < 20000 && world->broken == NULL; i++) {
        const uint64_t draw = unit_random(&random) >> 20;
        const bool is_fault = draw % 16 == 0;
        world_step(
            world,
            (unsigned)(is_fault ? (draw >> 4) % WORLD_STEPS : (draw >> 4) % WORLD_CLOCK),
            (unsigned)(draw >> 16));
    }
    world_heal(world);
    ck_assert_msg(world->broken == NULL, "MIXD_TEST_SEED=%llu: %s: %s",
                  (unsigned long long)seed, world->broken, world->failure.text);
    ck_assert_uint_gt(world->fake.n_sessions, 100);
    ck_assert_uint_gt(world->fake.applied, 1000);
    ck_assert_uint_gt(world->fake.duplicates, 100);
    teardown();
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(hello_says_what_is_held),
        UNIT(data_follow_a_welcome_up_to_the_window),
        UNIT(a_message_that_was_not_taken_is_offered_again),
        UNIT(nak_goes_back_and_never_forward),
        UNIT(a_new_connection_is_greeted_at_once),
        UNIT(an_answer_to_an_older_session_says_nothing),
        UNIT(whoever_loses_the_session_without_progress_waits),
        UNIT(hello_is_repeated_ever_more_rarely),
        UNIT(an_ack_without_news_does_not_put_off_hello),
        UNIT(an_idle_feed_asks_for_nothing),
        UNIT_LOOP(refusals_end_a_feed_and_are_named, refusals),
        UNIT(a_daemon_that_lost_safe_points_is_a_loss),
        UNIT_LOOP(marks_beyond_what_was_sent_are_refused, bad_marks),
        UNIT(an_older_ack_changes_nothing),
        UNIT(bye_is_said_in_a_session_alone),
        UNIT(what_is_no_message_is_ignored),
        {every_point_is_applied_once_whatever_happens, 20},
    };
    return unit_run("sender", tests, COUNT(tests));
}
