/* SPDX-License-Identifier: MIT
 *
 * When frames and events go out, by a clock of our own. */
#include "bulletin.h"

#include "stream_fixture.h"

#define FIELDS "    fields: [a]\n    model: {components: 1}\n"

static uint64_t ledger_entry(const json_t *frame, const char *name)
{
    const json_t *entry = json_object_get(json_object_get(frame, "ledger"), name);
    return (uint64_t)json_integer_value(entry);
}

/* The next frame must show so many points received. */
static void expect_model(struct fixture *f, uint64_t seq, uint64_t received)
{
    json_t *frame = fixture_frame(f, "model/s");
    ck_assert_int_eq(json_integer_value(json_object_get(frame, "seq")), (json_int_t)seq);
    ck_assert_uint_eq(ledger_entry(frame, "received"), received);
    ck_assert_double_eq(json_number_value(json_object_get(frame, "time")), f->now.wall_s);
    json_decref(frame);
}

static void expect_event(struct fixture *f, const char *topic, const char *event)
{
    json_t *frame = fixture_frame(f, topic);
    ck_assert_str_eq(json_string_value(json_object_get(frame, "event")), event);
    ck_assert_str_eq(json_string_value(json_object_get(frame, "stream")), "s");
    json_decref(frame);
}

static void tick_after(struct fixture *f, int64_t ms)
{
    f->now.ms += ms;
    f->now.wall_s += 1e-3 * (double)ms;
    bulletin_tick(f->stream, f->now);
}

START_TEST(frames_keep_the_pace_and_end_with_the_last_point)
{
    struct fixture *f = fixture_new("format: csv", FIELDS "    publish: {every: 1s}\n");
    ck_assert_int_eq(bulletin_due(f->stream), MOMENT_NEVER);
    fixture_text(f, "1\n");
    ck_assert_int_le(bulletin_due(f->stream), f->now.ms); /* after a pause, at once */
    tick_after(f, 0);
    expect_model(f, 1, 1);
    fixture_text(f, "2\n");
    tick_after(f, 999);
    ck_assert_ptr_null(f->box.first);
    ck_assert_int_eq(bulletin_due(f->stream), f->now.ms + 1);
    fixture_text(f, "3\n");
    tick_after(f, 1);
    expect_model(f, 2, 3);
    ck_assert_int_eq(bulletin_due(f->stream), MOMENT_NEVER); /* all has been told */
    tick_after(f, 100000);
    ck_assert_ptr_null(f->box.first);
    fixture_destroy(f);
}
END_TEST

START_TEST(a_frame_that_found_no_way_is_tried_again)
{
    struct fixture *f = fixture_new("format: csv", FIELDS);
    f->box.is_full = true;
    fixture_text(f, "1\n");
    tick_after(f, 0);
    ck_assert_ptr_null(f->box.first);
    ck_assert(!bulletin_is_done(f->stream));
    const int64_t again_ms = bulletin_due(f->stream);
    ck_assert_int_gt(again_ms, f->now.ms);
    ck_assert_int_lt(again_ms, f->now.ms + 1000);
    f->box.is_full = false;
    tick_after(f, again_ms - f->now.ms);
    expect_model(f, 1, 1); /* and no number was used up */
    ck_assert(bulletin_is_done(f->stream));
    fixture_destroy(f);
}
END_TEST

START_TEST(scores_that_found_no_way_are_counted)
{
    struct fixture *f =
        fixture_new("format: f64", FIELDS "    publish: {every: 1h, scores: all}\n");
    fixture_points(f, 64);
    fixture_forget_posts(f);
    f->box.is_full = true;
    fixture_points(f, 30);
    ck_assert_ptr_null(f->box.first);
    f->box.is_full = false;
    fixture_points(f, 1);
    json_decref(fixture_frame(f, "score/s")); /* what was skipped stays so */
    ck_assert_uint_eq(f->stream->scores_skipped, 30);
    ck_assert_uint_eq(f->stream->scores_sent, 1);
    fixture_destroy(f);
}
END_TEST

START_TEST(a_frame_comes_after_every_so_many_updates)
{
    struct fixture *f =
        fixture_new("format: f64", FIELDS "    publish: {every: 1h, updates: 2}\n");
    fixture_points(f, 64 * 20);
    uint64_t seen = 0, frames = 0;
    while (f->box.first != NULL) {
        const char *text = f->box.first->text;
        if (strncmp(text, "event", 5) == 0) {
            json_decref(fixture_frame(f, "event/s"));
            continue;
        }
        json_t *frame = fixture_frame(f, "model/s");
        const uint64_t updates =
            (uint64_t)json_integer_value(json_object_get(frame, "updates"));
        /* Refits count their passes; between them there is one block an update. */
        ck_assert_uint_ge(updates, seen + 2);
        seen = updates;
        frames++;
        json_decref(frame);
    }
    struct mix_info info;
    mix_learner_info(router_slot(f->stream->router, 0)->learner, &info);
    ck_assert_uint_ge(frames, 5);
    ck_assert_uint_lt(info.updates - seen, 2);
    fixture_destroy(f);
}
END_TEST

START_TEST(the_first_model_is_an_event_and_a_frame)
{
    struct fixture *f = fixture_new("format: f64", FIELDS);
    fixture_points(f, 10);
    tick_after(f, 0);
    expect_model(f, 1, 10);
    fixture_points(f, 54);
    expect_event(f, "event/s", "started");
    tick_after(f, 1);
    json_t *frame = fixture_frame(f, "model/s");
    ck_assert_uint_eq(ledger_entry(frame, "learned"), 64);
    ck_assert(json_is_array(json_object_get(frame, "means")));
    json_decref(frame);
    fixture_points(f, 64 * 4); /* further refits are none */
    ck_assert_ptr_null(f->box.first);
    fixture_destroy(f);
}
END_TEST

START_TEST(a_change_of_the_points_is_an_event)
{
    struct fixture *f = fixture_new("format: f64", FIELDS "    learn: {warmup: 500}\n");
    fixture_points(f, 500 + 256 * 16);
    expect_event(f, "event/s", "started");
    ck_assert_ptr_null(f->box.first);
    fixture_points_at(f, 1500, 9);
    json_t *frame = fixture_frame(f, "event/s");
    ck_assert_str_eq(json_string_value(json_object_get(frame, "event")), "drift");
    const json_int_t points = json_integer_value(json_object_get(frame, "points"));
    ck_assert(points > 500 + 256 * 16 && points <= 500 + 256 * 16 + 1500);
    ck_assert(json_real_value(json_object_get(frame, "value")) > 20);
    json_decref(frame);
    fixture_destroy(f);
}
END_TEST

START_TEST(silence_is_an_event_once)
{
    struct fixture *f = fixture_new("format: csv", FIELDS "    stale_after: 10s\n");
    ck_assert_int_eq(bulletin_due(f->stream), f->now.ms + 10000);
    tick_after(f, 10000);
    expect_event(f, "event/s", "stale");
    ck_assert(f->stream->is_stale);
    ck_assert_int_eq(bulletin_due(f->stream), MOMENT_NEVER);
    fixture_text(f, "1\n");
    ck_assert(!f->stream->is_stale);
    tick_after(f, 1);
    expect_model(f, 1, 1);
    tick_after(f, 9999);
    expect_event(f, "event/s", "stale");
    fixture_destroy(f);
}
END_TEST

START_TEST(keys_have_topics_of_their_own)
{
    struct fixture *f =
        fixture_new("format: csv", "    columns: [k, a]\n    fields: [a]\n    key: k\n"
                                   "    model: {components: 1}\n");
    fixture_text(f, "x/1,1\ny,2\n");
    tick_after(f, 0);
    json_t *x = fixture_frame(f, "model/s/x%2F1");
    ck_assert_str_eq(json_string_value(json_object_get(x, "key")), "x/1");
    json_t *y = fixture_frame(f, "model/s/y");
    ck_assert_uint_eq(ledger_entry(y, "received"), 1);
    json_decref(x);
    json_decref(y);
    fixture_text(f, "y,3\n");
    tick_after(f, 1000);
    json_decref(fixture_frame(f, "model/s/y")); /* and only that one */
    ck_assert_ptr_null(f->box.first);
    fixture_destroy(f);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(frames_keep_the_pace_and_end_with_the_last_point),
        UNIT(a_frame_that_found_no_way_is_tried_again),
        UNIT(scores_that_found_no_way_are_counted),
        UNIT(a_frame_comes_after_every_so_many_updates),
        UNIT(the_first_model_is_an_event_and_a_frame),
        UNIT(a_change_of_the_points_is_an_event),
        UNIT(silence_is_an_event_once),
        UNIT(keys_have_topics_of_their_own),
    };
    return unit_run("bulletin", tests, COUNT(tests));
}
