/* SPDX-License-Identifier: MIT
 *
 * Every rule and every error code of the reliable feed, message by message, without a
 * socket. */
#include "intake.h"

#include <string.h>

#include "crc32c.h"
#include "unit.h"

enum { WINDOW = 100, SOURCES = 3, COLUMNS = 2, POINTS_MAX = 64 };

/* Sessions that can be told apart. */
static uint64_t next_session(void *context)
{
    return ++*(uint64_t *)context;
}

struct rig {
    struct intake *intake;
    uint64_t sessions;
    uint64_t generation;
    struct intake_step step; /* of the last message */
};

static void rig_start(struct rig *rig)
{
    *rig = (struct rig){.sessions = 100};
    rig->intake = intake_new(&(struct intake_options){.columns = COLUMNS,
                                                      .max_payload = 1000,
                                                      .window = WINDOW,
                                                      .max_sources = SOURCES,
                                                      .random = next_session,
                                                      .context = &rig->sessions});
}

static void rig_stop(struct rig *rig)
{
    intake_destroy(&rig->intake);
    ck_assert_ptr_null(rig->intake);
}

/* Frames as they come from a peer of that name. */
static void rig_parts(struct rig *rig, const char *route, const void *frame, size_t size,
                      struct bytes payload, size_t n_parts)
{
    const struct intake_message message = {
        .route = {route, strlen(route)},
        .part = {{frame, size}, payload},
        .n_parts = n_parts,
        .time_s = 5,
    };
    intake_take(rig->intake, &message, &rig->step);
}

static void rig_send(struct rig *rig, const struct reliable *header, struct bytes payload,
                     size_t n_parts)
{
    unsigned char frame[RELIABLE_SIZE];
    reliable_encode(header, frame);
    rig_parts(rig, "peer", frame, sizeof(frame), payload, n_parts);
}

static struct reliable hello_of(const char *source, uint64_t incarnation, uint64_t oldest,
                                uint64_t newest)
{
    struct reliable header = {
        .type = RELIABLE_HELLO, .incarnation = incarnation, .a = oldest, .b = newest};
    snprintf(header.source, sizeof(header.source), "%s", source);
    return header;
}

static void say_hello(struct rig *rig, const char *source, uint64_t incarnation,
                      uint64_t oldest, uint64_t newest)
{
    const struct reliable header = hello_of(source, incarnation, oldest, newest);
    rig_send(rig, &header, (struct bytes){NULL, 0}, 1);
}

/* The session of a source whose HELLO is welcome; it holds everything from 1 on. */
static uint64_t join(struct rig *rig, const char *source)
{
    say_hello(rig, source, 7, 1, 0);
    ck_assert(rig->step.has_reply);
    ck_assert_int_eq(rig->step.reply.type, RELIABLE_WELCOME);
    return rig->step.reply.session;
}

static const double points[POINTS_MAX * COLUMNS] = {1, 2, 3, 4};

static struct reliable data_of(const char *source, uint64_t session, uint64_t first,
                               uint32_t n)
{
    struct reliable header = {.type = RELIABLE_DATA,
                              .incarnation = 7,
                              .session = session,
                              .a = first,
                              .count = n,
                              .columns = COLUMNS,
                              .crc = crc32c(points, n * COLUMNS * sizeof(double))};
    snprintf(header.source, sizeof(header.source), "%s", source);
    return header;
}

static struct bytes payload_of(uint32_t n)
{
    return (struct bytes){points, n * COLUMNS * sizeof(double)};
}

/* Sends n points, and applies those that are to be learned. */
static void feed(struct rig *rig, const char *source, uint64_t session, uint64_t first,
                 uint32_t n)
{
    const struct reliable header = data_of(source, session, first, n);
    rig_send(rig, &header, payload_of(n), 2);
    if (rig->step.row != NULL && rig->step.skip < rig->step.n) {
        intake_apply(rig->intake, rig->step.row, first + n - 1, false);
    }
}

static void checkpoint(struct rig *rig)
{
    const uint64_t safe = rig->generation++;
    intake_capture(rig->intake);
    intake_settle(rig->intake,
                  &(struct settlement){.generation = rig->generation, .safe = safe});
}

static void expect_error(const struct rig *rig, enum reliable_code code, uint64_t session)
{
    ck_assert(rig->step.has_reply);
    ck_assert_int_eq(rig->step.reply.type, RELIABLE_ERR);
    ck_assert_uint_eq(rig->step.reply.code, code);
    ck_assert_uint_eq(rig->step.reply.a, session);
    ck_assert_ptr_null(rig->step.row);
}

static const struct roster_row *row_of(const struct rig *rig, const char *source)
{
    const struct roster_row *row = roster_find(intake_roster(rig->intake), source);
    ck_assert_ptr_nonnull(row);
    return row;
}

static void expect_marks(const struct rig *rig, const char *source, uint64_t safe,
                         uint64_t durable, uint64_t applied)
{
    const struct roster_row *row = row_of(rig, source);
    ck_assert_uint_eq(row->safe, safe);
    ck_assert_uint_eq(row->durable, durable);
    ck_assert_uint_eq(row->applied, applied);
}

/* ---- The way of points ----------------------------------------------------- */

START_TEST(a_new_source_is_welcome_at_nothing)
{
    struct rig rig;
    rig_start(&rig);
    say_hello(&rig, "a", 7, 1, 0);
    const struct reliable *reply = &rig.step.reply;
    ck_assert_int_eq(reply->type, RELIABLE_WELCOME);
    ck_assert_uint_eq(reply->count, WINDOW);
    ck_assert_uint_eq(reply->incarnation, 7);
    ck_assert_uint_ne(reply->session, 0);
    ck_assert_uint_eq(reply->a + reply->b + reply->c, 0);
    ck_assert_str_eq(reply->source, "a");
    ck_assert(intake_is_changed(rig.intake));
    ck_assert(!intake_is_changed(rig.intake));
    rig_stop(&rig);
}
END_TEST

START_TEST(marks_follow_the_checkpoints)
{
    struct rig rig;
    struct reliable ack;
    rig_start(&rig);
    const uint64_t session = join(&rig, "a");
    feed(&rig, "a", session, 1, 10);
    ck_assert(!rig.step.has_reply);
    expect_marks(&rig, "a", 0, 0, 10);
    checkpoint(&rig);
    expect_marks(&rig, "a", 0, 10, 10);
    feed(&rig, "a", session, 11, 5);
    checkpoint(&rig);
    expect_marks(&rig, "a", 10, 15, 15);
    ck_assert(intake_ack(row_of(&rig, "a"), &ack));
    ck_assert_int_eq(ack.type, RELIABLE_ACK);
    ck_assert_uint_eq(ack.session, session);
    ck_assert(ack.a == 10 && ack.b == 15 && ack.c == 15);
    rig_stop(&rig);
}
END_TEST

START_TEST(what_came_after_the_capture_is_not_acknowledged)
{
    struct rig rig;
    rig_start(&rig);
    const uint64_t session = join(&rig, "a");
    feed(&rig, "a", session, 1, 10);
    intake_capture(rig.intake);
    feed(&rig, "a", session, 11, 10);
    intake_settle(rig.intake, &(struct settlement){1, 0, false});
    expect_marks(&rig, "a", 0, 10, 20);
    rig_stop(&rig);
}
END_TEST

/* The older file may be lost, or of before what was durable. */
START_TEST(nothing_is_safe_that_only_one_file_has)
{
    struct rig rig;
    rig_start(&rig);
    feed(&rig, "a", join(&rig, "a"), 1, 10);
    intake_capture(rig.intake);
    intake_settle(rig.intake, &(struct settlement){5, 0, false});
    intake_settle(rig.intake, &(struct settlement){6, 0, false});
    expect_marks(&rig, "a", 0, 10, 10);
    intake_settle(rig.intake, &(struct settlement){8, 4, false});
    expect_marks(&rig, "a", 0, 10, 10);
    intake_settle(rig.intake, &(struct settlement){9, 8, false});
    expect_marks(&rig, "a", 10, 10, 10);
    rig_stop(&rig);
}
END_TEST

START_TEST(both_files_may_hold_everything_already)
{
    struct rig rig;
    rig_start(&rig);
    feed(&rig, "a", join(&rig, "a"), 1, 10);
    intake_capture(rig.intake);
    intake_settle(rig.intake, &(struct settlement){5, 4, true});
    expect_marks(&rig, "a", 10, 10, 10);
    rig_stop(&rig);
}
END_TEST

/* Messages after 1..10 were applied: what is skipped, and what is applied then. */
static const struct {
    uint64_t first;
    uint32_t n;
    uint64_t skip, applied;
} overlaps[] = {
    {1, 10, 10, 10}, {5, 2, 2, 10},  {10, 1, 1, 10},
    {1, 15, 10, 15}, {10, 3, 1, 12}, {11, 4, 0, 14},
};

START_TEST(what_came_before_is_a_duplicate)
{
    struct rig rig;
    rig_start(&rig);
    const uint64_t session = join(&rig, "a");
    feed(&rig, "a", session, 1, 10);
    feed(&rig, "a", session, overlaps[_i].first, overlaps[_i].n);
    ck_assert_uint_eq(rig.step.skip, overlaps[_i].skip);
    ck_assert(!rig.step.has_reply);
    const struct roster_row *row = row_of(&rig, "a");
    ck_assert_uint_eq(row->applied, overlaps[_i].applied);
    ck_assert_uint_eq(row->duplicate, overlaps[_i].skip);
    ck_assert_uint_eq(row->received, 10 + overlaps[_i].n);
    rig_stop(&rig);
}
END_TEST

START_TEST(a_gap_is_named_once_until_there_is_progress)
{
    struct rig rig;
    rig_start(&rig);
    const uint64_t session = join(&rig, "a");
    feed(&rig, "a", session, (uint64_t)1 << 40, 5);
    ck_assert_int_eq(rig.step.reply.type, RELIABLE_NAK);
    ck_assert_uint_eq(rig.step.reply.a, 1);
    ck_assert_uint_eq(rig.step.reply.session, session);
    ck_assert_ptr_null(rig.step.row);
    feed(&rig, "a", session, 7, 5);
    ck_assert(!rig.step.has_reply);
    expect_marks(&rig, "a", 0, 0, 0);
    feed(&rig, "a", session, 1, 3);
    feed(&rig, "a", session, 7, 5);
    ck_assert_int_eq(rig.step.reply.type, RELIABLE_NAK);
    ck_assert_uint_eq(rig.step.reply.a, 4);
    ck_assert_uint_eq(row_of(&rig, "a")->received, 3);
    /* A new session may not have heard it. */
    feed(&rig, "a", join(&rig, "a"), 7, 5);
    ck_assert_int_eq(rig.step.reply.type, RELIABLE_NAK);
    rig_stop(&rig);
}
END_TEST

START_TEST(a_rejected_point_consumes_its_number)
{
    struct rig rig;
    rig_start(&rig);
    const uint64_t session = join(&rig, "a");
    const struct reliable header = data_of("a", session, 1, 2);
    rig_send(&rig, &header, payload_of(2), 2);
    intake_apply(rig.intake, rig.step.row, 1, true);
    intake_apply(rig.intake, rig.step.row, 2, false);
    const struct roster_row *row = row_of(&rig, "a");
    ck_assert(row->applied == 2 && row->received == 2 && row->rejected == 1);
    rig_stop(&rig);
}
END_TEST

START_TEST(a_window_that_fills_up_wants_checkpoints_until_it_is_safe)
{
    struct rig rig;
    rig_start(&rig);
    const uint64_t session = join(&rig, "a");
    feed(&rig, "a", session, 1, WINDOW * 7 / 16);
    ck_assert(!intake_wants_checkpoint(rig.intake));
    feed(&rig, "a", session, WINDOW * 7 / 16 + 1, WINDOW / 2);
    ck_assert(intake_wants_checkpoint(rig.intake));
    checkpoint(&rig); /* durable, but not yet safe */
    ck_assert(intake_wants_checkpoint(rig.intake));
    checkpoint(&rig);
    ck_assert(!intake_wants_checkpoint(rig.intake));
    rig_stop(&rig);
}
END_TEST

START_TEST(who_asks_again_need_not_wait_for_the_next_tick)
{
    struct rig rig;
    rig_start(&rig);
    feed(&rig, "a", join(&rig, "a"), 1, 1);
    ck_assert(!intake_wants_checkpoint(rig.intake));
    join(&rig, "a");
    ck_assert(intake_wants_checkpoint(rig.intake));
    rig_stop(&rig);
}
END_TEST

/* ---- Errors ---------------------------------------------------------------- */

START_TEST(wrong_frames_are_error_1)
{
    struct rig rig;
    rig_start(&rig);
    const uint64_t session = join(&rig, "a");
    const struct reliable hello = hello_of("a", 7, 1, 0);
    const struct reliable data = data_of("a", session, 1, 1);
    rig_send(&rig, &hello, payload_of(1), 2);
    expect_error(&rig, RELIABLE_CODE_FRAMES, 0);
    rig_send(&rig, &data, payload_of(1), 1);
    expect_error(&rig, RELIABLE_CODE_FRAMES, session);
    rig_send(&rig, &data, payload_of(1), 3);
    expect_error(&rig, RELIABLE_CODE_FRAMES, session);
    ck_assert_int_eq(rig.step.reason, REASON_FRAMES);
    rig_parts(&rig, "peer", NULL, 0, payload_of(1), 0);
    expect_error(&rig, RELIABLE_CODE_FRAMES, 0);
    expect_marks(&rig, "a", 0, 0, 0);
    rig_stop(&rig);
}
END_TEST

START_TEST(a_wrong_header_is_error_2)
{
    struct rig rig;
    rig_start(&rig);
    const uint64_t session = join(&rig, "a");
    struct reliable data = data_of("a", session, 0, 1);
    rig_send(&rig, &data, payload_of(1), 2);
    expect_error(&rig, RELIABLE_CODE_HEADER, session);
    ck_assert_int_eq(rig.step.reason, REASON_HEADER);
    data.a = UINT64_MAX;
    rig_send(&rig, &data, payload_of(1), 2);
    expect_error(&rig, RELIABLE_CODE_HEADER, session);
    rig_parts(&rig, "peer", "garbage", 7, payload_of(1), 1);
    expect_error(&rig, RELIABLE_CODE_HEADER, 0);
    data.type = RELIABLE_ACK; /* what only the daemon sends */
    rig_send(&rig, &data, payload_of(1), 1);
    expect_error(&rig, RELIABLE_CODE_HEADER, session);
    data.type = RELIABLE_ERR; /* two daemons must not talk for ever */
    rig_send(&rig, &data, payload_of(1), 1);
    ck_assert(!rig.step.has_reply);
    ck_assert_int_eq(rig.step.reason, REASON_HEADER);
    rig_stop(&rig);
}
END_TEST

START_TEST(one_source_too_many_is_error_3)
{
    struct rig rig;
    rig_start(&rig);
    join(&rig, "a");
    join(&rig, "b");
    const uint64_t session = join(&rig, "c");
    say_hello(&rig, "d", 7, 1, 0);
    expect_error(&rig, RELIABLE_CODE_SOURCES, 0);
    feed(&rig, "c", session, 1, 1); /* the others do not notice */
    expect_marks(&rig, "c", 0, 0, 1);
    ck_assert(intake_forget(rig.intake, "b"));
    join(&rig, "d");
    ck_assert_ptr_null(roster_find(intake_roster(rig.intake), "b"));
    rig_stop(&rig);
}
END_TEST

START_TEST(another_incarnation_is_error_4_until_it_is_forgotten)
{
    struct rig rig;
    rig_start(&rig);
    const uint64_t session = join(&rig, "a");
    feed(&rig, "a", session, 1, 5);
    say_hello(&rig, "a", 8, 1, 3);
    expect_error(&rig, RELIABLE_CODE_INCARNATION, 0);
    feed(&rig, "a", session, 6, 5); /* the one that is known goes on */
    expect_marks(&rig, "a", 0, 0, 10);
    ck_assert(intake_forget(rig.intake, "a"));
    ck_assert(!intake_forget(rig.intake, "a"));
    feed(&rig, "a", session, 11, 1);
    expect_error(&rig, RELIABLE_CODE_SESSION, session);
    say_hello(&rig, "a", 8, 1, 3);
    ck_assert_int_eq(rig.step.reply.type, RELIABLE_WELCOME);
    ck_assert_uint_eq(rig.step.reply.c, 0);
    ck_assert_uint_eq(rig.step.lost, 0);
    rig_stop(&rig);
}
END_TEST

START_TEST(loss_is_error_5_counted_and_refused_until_it_is_forgotten)
{
    struct rig rig;
    rig_start(&rig);
    feed(&rig, "a", join(&rig, "a"), 1, 5);
    say_hello(&rig, "a", 7, 9, 20); /* 6, 7, 8 are with nobody */
    expect_error(&rig, RELIABLE_CODE_LOSS, 0);
    ck_assert_uint_eq(rig.step.reply.c, 5); /* so that the sender can name them */
    ck_assert_uint_eq(rig.step.lost, 3);
    say_hello(&rig, "a", 7, 9, 20);
    expect_error(&rig, RELIABLE_CODE_LOSS, 0);
    ck_assert_uint_eq(rig.step.lost, 0); /* once */
    say_hello(&rig, "a", 7, 8, 20);
    ck_assert_uint_eq(rig.step.lost, UINT64_MAX); /* 8 was found: one less */
    ck_assert(intake_forget(rig.intake, "a"));
    say_hello(&rig, "a", 7, 8, 20);
    ck_assert_int_eq(rig.step.reply.type, RELIABLE_WELCOME);
    ck_assert_uint_eq(rig.step.reply.c, 7);
    ck_assert_uint_eq(rig.step.lost, 0);
    ck_assert_uint_eq(row_of(&rig, "a")->lost, 2);
    rig_stop(&rig);
}
END_TEST

START_TEST(a_gap_that_is_found_again_is_not_lost)
{
    struct rig rig;
    rig_start(&rig);
    say_hello(&rig, "a", 7, 501, 600); /* the state is new, the sender is not */
    expect_error(&rig, RELIABLE_CODE_LOSS, 0);
    ck_assert_uint_eq(rig.step.lost, 500);
    say_hello(&rig, "a", 7, 1, 600);
    ck_assert_int_eq(rig.step.reply.type, RELIABLE_WELCOME);
    ck_assert_uint_eq(rig.step.lost, (uint64_t)0 - 500);
    ck_assert_uint_eq(row_of(&rig, "a")->lost, 0);
    rig_stop(&rig);
}
END_TEST

START_TEST(no_session_is_error_6)
{
    struct rig rig;
    rig_start(&rig);
    feed(&rig, "a", 1, 1, 1);
    expect_error(&rig, RELIABLE_CODE_SESSION, 1);
    const uint64_t session = join(&rig, "a");
    feed(&rig, "a", session + 1, 1, 1); /* forged */
    expect_error(&rig, RELIABLE_CODE_SESSION, session + 1);
    feed(&rig, "a", 0, 1, 1);
    expect_error(&rig, RELIABLE_CODE_SESSION, 0);
    struct reliable data = data_of("a", session, 1, 1);
    data.incarnation = 8;
    rig_send(&rig, &data, payload_of(1), 2);
    expect_error(&rig, RELIABLE_CODE_SESSION, session);
    ck_assert_int_eq(rig.step.reason, REASON_NONE);
    rig_parts(&rig, "peer", NULL, 0, payload_of(1), 1); /* ZMQ_PROBE_ROUTER */
    expect_error(&rig, RELIABLE_CODE_SESSION, 0);
    expect_marks(&rig, "a", 0, 0, 0);
    rig_stop(&rig);
}
END_TEST

START_TEST(the_newest_of_two_senders_has_the_source)
{
    struct rig rig;
    rig_start(&rig);
    const uint64_t older = join(&rig, "a");
    feed(&rig, "a", older, 1, 5);
    const uint64_t newer = join(&rig, "a");
    ck_assert_uint_ne(older, newer);
    ck_assert_uint_eq(rig.step.reply.c, 5);
    feed(&rig, "a", older, 6, 5);
    expect_error(&rig, RELIABLE_CODE_SESSION, older);
    feed(&rig, "a", newer, 6, 5);
    expect_marks(&rig, "a", 0, 0, 10);
    ck_assert_uint_eq(row_of(&rig, "a")->takeovers, 1);
    rig_stop(&rig);
}
END_TEST

START_TEST(a_wrong_payload_is_error_7)
{
    struct rig rig;
    rig_start(&rig);
    const uint64_t session = join(&rig, "a");
    const struct reliable good = data_of("a", session, 1, 2);
    struct reliable bad[4] = {good, good, good, good};
    bad[0].crc ^= 1;
    bad[1].count = 3;
    bad[2].columns = 4;
    bad[3].count = 0;
    for (size_t i = 0; i < COUNT(bad); i++) {
        rig_send(&rig, &bad[i], payload_of(2), 2);
        expect_error(&rig, RELIABLE_CODE_PAYLOAD, session);
        ck_assert_int_eq(rig.step.reason, REASON_SHAPE);
        ck_assert_ptr_nonnull(rig.step.detail);
    }
    const struct reliable large = data_of("a", session, 1, POINTS_MAX);
    rig_send(&rig, &large, payload_of(POINTS_MAX), 2);
    expect_error(&rig, RELIABLE_CODE_PAYLOAD, session);
    ck_assert_int_eq(rig.step.reason, REASON_SIZE);
    expect_marks(&rig, "a", 0, 0, 0);
    rig_stop(&rig);
}
END_TEST

START_TEST(a_peer_that_proved_to_be_another_is_error_8)
{
    struct rig rig;
    rig_start(&rig);
    unsigned char frame[RELIABLE_SIZE];
    const struct reliable hello = hello_of("a", 7, 1, 0);
    struct intake_message message = {.n_parts = 1, .user = "b"};
    reliable_encode(&hello, frame);
    message.part[0] = (struct bytes){frame, sizeof(frame)};
    intake_take(rig.intake, &message, &rig.step);
    expect_error(&rig, RELIABLE_CODE_DENIED, 0);
    message.user = "a";
    intake_take(rig.intake, &message, &rig.step);
    ck_assert_int_eq(rig.step.reply.type, RELIABLE_WELCOME);
    rig_stop(&rig);
}
END_TEST

START_TEST(at_the_end_everything_is_error_9)
{
    struct rig rig;
    struct reliable farewell;
    rig_start(&rig);
    const uint64_t session = join(&rig, "a");
    struct roster_row *row = roster_find(intake_roster(rig.intake), "a");
    intake_close(rig.intake);
    ck_assert(intake_farewell(row, &farewell));
    ck_assert_uint_eq(farewell.code, RELIABLE_CODE_CLOSING);
    ck_assert_uint_eq(farewell.a, session);
    feed(&rig, "a", session, 1, 1);
    expect_error(&rig, RELIABLE_CODE_CLOSING, session);
    say_hello(&rig, "a", 7, 1, 0);
    expect_error(&rig, RELIABLE_CODE_CLOSING, 0);
    rig_parts(&rig, "peer", NULL, 0, payload_of(1), 1);
    expect_error(&rig, RELIABLE_CODE_CLOSING, 0);
    expect_marks(&rig, "a", 0, 0, 0);
    rig_stop(&rig);
}
END_TEST

START_TEST(bye_ends_the_session)
{
    struct rig rig;
    struct reliable ack;
    rig_start(&rig);
    const uint64_t session = join(&rig, "a");
    feed(&rig, "a", session, 1, 5);
    struct reliable bye = data_of("a", session, 0, 0);
    bye.type = RELIABLE_BYE;
    rig_send(&rig, &bye, payload_of(0), 1);
    ck_assert_int_eq(rig.step.reply.type, RELIABLE_BYE);
    ck_assert(!intake_ack(row_of(&rig, "a"), &ack));
    feed(&rig, "a", session, 6, 1);
    expect_error(&rig, RELIABLE_CODE_SESSION, session);
    rig_send(&rig, &bye, payload_of(0), 1);
    expect_error(&rig, RELIABLE_CODE_SESSION, session);
    rig_stop(&rig);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(a_new_source_is_welcome_at_nothing),
        UNIT(marks_follow_the_checkpoints),
        UNIT(what_came_after_the_capture_is_not_acknowledged),
        UNIT(nothing_is_safe_that_only_one_file_has),
        UNIT(both_files_may_hold_everything_already),
        UNIT_LOOP(what_came_before_is_a_duplicate, overlaps),
        UNIT(a_gap_is_named_once_until_there_is_progress),
        UNIT(a_rejected_point_consumes_its_number),
        UNIT(a_window_that_fills_up_wants_checkpoints_until_it_is_safe),
        UNIT(who_asks_again_need_not_wait_for_the_next_tick),
        UNIT(wrong_frames_are_error_1),
        UNIT(a_wrong_header_is_error_2),
        UNIT(one_source_too_many_is_error_3),
        UNIT(another_incarnation_is_error_4_until_it_is_forgotten),
        UNIT(loss_is_error_5_counted_and_refused_until_it_is_forgotten),
        UNIT(a_gap_that_is_found_again_is_not_lost),
        UNIT(no_session_is_error_6),
        UNIT(the_newest_of_two_senders_has_the_source),
        UNIT(a_wrong_payload_is_error_7),
        UNIT(a_peer_that_proved_to_be_another_is_error_8),
        UNIT(at_the_end_everything_is_error_9),
        UNIT(bye_ends_the_session),
    };
    return unit_run("intake", tests, COUNT(tests));
}
