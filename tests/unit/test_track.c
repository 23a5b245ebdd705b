/* SPDX-License-Identifier: MIT */
#include "track.h"

#include <math.h>
#include <string.h>

#include "unit.h"

/* A frame of that start of the daemon; score NAN: none yet. */
static struct track *take(struct tracks *tracks, const char *name, const char *instance,
                          int seq, double time, int received, double score)
{
    json_t *frame = json_pack("{s:s, s:i, s:f, s:o, s:{s:i}}", "instance", instance, "seq",
                              seq, "time", time, "log_likelihood",
                              isnan(score) ? json_null() : json_real(score), "ledger",
                              "received", received);
    struct track *track = tracks_take(tracks, name, frame);
    json_decref(frame);
    return track;
}

START_TEST(models_stand_in_the_order_of_their_names)
{
    static const char *const names[] = {"pump/9", "boiler", "pump/10", "a", "z"};
    static const char *const sorted[] = {"a", "boiler", "pump/10", "pump/9", "z"};
    struct tracks tracks = {0};
    for (size_t turn = 0; turn < 2; turn++) {
        for (size_t i = 0; i < COUNT(names); i++) {
            take(&tracks, names[i], "i", 1, 0, 0, 0);
        }
    }
    ck_assert_uint_eq(tracks.n, COUNT(names));
    for (size_t i = 0; i < tracks.n; i++) {
        ck_assert_str_eq(tracks.items[i]->name, sorted[i]);
    }
    tracks_clear(&tracks);
    ck_assert_uint_eq(tracks.n, 0);
}
END_TEST

START_TEST(gaps_in_seq_are_missed_frames)
{
    struct tracks tracks = {0};
    ck_assert_uint_eq(take(&tracks, "s", "i", 7, 0, 0, 0)->missed, 0);
    ck_assert_uint_eq(take(&tracks, "s", "i", 8, 0, 0, 0)->missed, 0);
    ck_assert_uint_eq(take(&tracks, "s", "i", 8, 0, 0, 0)->missed, 0); /* shown again */
    ck_assert_uint_eq(take(&tracks, "s", "i", 12, 0, 0, 0)->missed, 3);
    /* Another start of the daemon counts from its own beginning. */
    ck_assert_uint_eq(take(&tracks, "s", "j", 90, 0, 0, 0)->missed, 3);
    ck_assert_uint_eq(take(&tracks, "s", "j", 92, 0, 0, 0)->missed, 4);
    tracks_clear(&tracks);
}
END_TEST

START_TEST(the_rate_is_that_of_the_ledger)
{
    struct tracks tracks = {0};
    ck_assert_double_nan(take(&tracks, "s", "i", 1, 100, 1000, 0)->rate);
    ck_assert_double_eq(take(&tracks, "s", "i", 2, 102, 1500, 0)->rate, 250);
    /* Too soon to say more, and then over the whole second. */
    ck_assert_double_eq(take(&tracks, "s", "i", 3, 102.5, 2500, 0)->rate, 250);
    ck_assert_double_eq(take(&tracks, "s", "i", 4, 103, 2500, 0)->rate, 1000);
    /* A ledger that begins anew: nothing is known about the time between. */
    ck_assert_double_eq(take(&tracks, "s", "j", 1, 110, 0, 0)->rate, 1000);
    ck_assert_double_eq(take(&tracks, "s", "j", 2, 111, 20, 0)->rate, 20);
    tracks_clear(&tracks);
}
END_TEST

START_TEST(the_history_keeps_the_newest_scores)
{
    struct tracks tracks = {0};
    struct track *track = take(&tracks, "s", "i", 1, 0, 0, (double)NAN);
    ck_assert_uint_eq(track->n_history, 0);
    for (int i = 0; i < TRACK_HISTORY + 10; i++) {
        take(&tracks, "s", "i", i, 0, 0, -i);
    }
    ck_assert_uint_eq(track->n_history, TRACK_HISTORY);
    ck_assert_double_eq(track->history[0], -10);
    ck_assert_double_eq(track->history[TRACK_HISTORY - 1], -(TRACK_HISTORY + 9));
    tracks_clear(&tracks);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(models_stand_in_the_order_of_their_names),
        UNIT(gaps_in_seq_are_missed_frames),
        UNIT(the_rate_is_that_of_the_ledger),
        UNIT(the_history_keeps_the_newest_scores),
    };
    return unit_run("track", tests, COUNT(tests));
}
