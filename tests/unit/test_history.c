/* SPDX-License-Identifier: MIT
 *
 * The history of models: what is kept, for how long, and that a lost file is no harm. */
#include "history.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "folder.h"
#include "log.h"
#include "unit.h"

enum { MINUTE = 60, HOUR = 3600, DAY = 86400 };
static const double NOW = 1.7e9; /* the first second of a minute it is not */
static char why[DATABASE_WHY_SIZE];

static struct history *begin(void)
{
    folder_make();
    log_configure(LEVEL_ERROR, LOG_TEXT);
    return history_new(folder_path("history"));
}

static void end(struct history *history)
{
    history_destroy(&history);
    folder_remove();
}

static void add(struct history *history, const char *topic, double time_s, size_t size)
{
    char *text = malloc(size + 64);
    const int n = snprintf(text, 64, "{\"time\":%.17g,\"fill\":\"", time_s);
    memset(text + n, 'x', size);
    memcpy(text + n + size, "\"}", 3);
    ck_assert_msg(history_add(history, topic, time_s, text, strlen(text), why), "%s",
                  why);
    free(text);
}

/* A frame every step seconds in [from, to). */
static void add_range(struct history *history, const char *topic, double from, double to,
                      double step)
{
    ck_assert_msg(history_begin(history, why), "%s", why);
    for (double time_s = from; time_s < to; time_s += step) {
        add(history, topic, time_s, 10);
    }
    ck_assert_msg(history_end(history, why), "%s", why);
}

/* Times of all frames from since_s on, by as many requests as it takes. Sorted. */
static size_t times_of(struct history *history, const char *topic, double since_s,
                       double *times, size_t max)
{
    size_t n = 0;
    bool has_more = true;
    while (has_more) {
        json_t *reply = history_list(history, topic, since_s, why);
        ck_assert_msg(reply != NULL, "%s", why);
        const json_t *list = json_object_get(reply, "history");
        size_t i;
        const json_t *frame;
        json_array_foreach(list, i, frame)
        {
            ck_assert_uint_lt(n, max);
            times[n] = json_number_value(json_object_get(frame, "time"));
            ck_assert(n == 0 || times[n] > times[n - 1]);
            since_s = nextafter(times[n++], HUGE_VAL);
        }
        has_more = json_is_true(json_object_get(reply, "more"));
        json_decref(reply);
    }
    return n;
}

static size_t count_in(const double *times, size_t n, double from, double to)
{
    size_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += times[i] >= from && times[i] < to;
    }
    return sum;
}

START_TEST(frames_thin_out_with_age)
{
    static double times[20000];
    struct history *history = begin();
    add_range(history, "model/s", NOW - 2 * DAY, NOW - 2 * HOUR, 20);
    add_range(history, "model/s", NOW - 2 * HOUR, NOW, 1);
    add_range(history, "model/t", NOW - 2 * HOUR, NOW, 7);
    ck_assert(history_thin(history, NOW, 30 * DAY, why));
    const size_t n = times_of(history, "model/s", 0, times, COUNT(times));
    ck_assert_uint_eq(count_in(times, n, NOW - 10 * MINUTE, NOW + 1), 10 * MINUTE);
    /* The edges of the minutes and hours lie anywhere. */
    const size_t minutes = count_in(times, n, NOW - DAY, NOW - 10 * MINUTE);
    ck_assert_uint_ge(minutes, 24 * 60 - 11);
    ck_assert_uint_le(minutes, 24 * 60 - 9);
    const size_t hours = count_in(times, n, 0, NOW - DAY);
    ck_assert_uint_ge(hours, 24);
    ck_assert_uint_le(hours, 25);
    ck_assert_uint_eq(n, 10 * MINUTE + minutes + hours);
    ck_assert_uint_gt(times_of(history, "model/t", 0, times, COUNT(times)), 190);
    end(history);
}
END_TEST

/* However often it is thinned on the way, the same is left. */
START_TEST(thinning_often_leaves_the_same)
{
    static double once[10000], often[10000];
    struct history *history = begin();
    for (int i = 0; i < 48; i++) {
        const double from = NOW + i * HOUR, to = from + HOUR;
        add_range(history, "model/a", from, to, 12);
        add_range(history, "model/b", from, to, 12);
        ck_assert(history_thin(history, to, 30 * DAY, why));
    }
    ck_assert(history_thin(history, NOW + 49 * HOUR, 30 * DAY, why));
    const size_t n = times_of(history, "model/a", 0, often, COUNT(often));
    history_destroy(&history);
    folder_clear();
    history = history_new(folder_path("history"));
    add_range(history, "model/a", NOW, NOW + 48 * HOUR, 12);
    /* The first thinning falls between two of the minutes that it keeps hours of. */
    for (int i = 0; i < 2; i++) {
        ck_assert(history_thin(history, NOW + 49 * HOUR, 30 * DAY, why));
    }
    ck_assert_uint_eq(times_of(history, "model/a", 0, once, COUNT(once)), n);
    ck_assert_mem_eq(once, often, n * sizeof(once[0]));
    end(history);
}
END_TEST

START_TEST(what_is_too_old_goes)
{
    double times[100];
    struct history *history = begin();
    add_range(history, "model/s", NOW - 10 * DAY, NOW, DAY / 2.0);
    ck_assert(history_thin(history, NOW, 3 * DAY, why));
    ck_assert_uint_eq(times_of(history, "model/s", 0, times, COUNT(times)), 6);
    ck_assert(times[0] >= NOW - 3 * DAY);
    ck_assert(history_thin(history, NOW, MINUTE, why));
    ck_assert_uint_eq(times_of(history, "model/s", 0, times, COUNT(times)), 0);
    end(history);
}
END_TEST

START_TEST(a_time_gives_the_newest_that_is_not_younger)
{
    struct history *history = begin();
    json_t *frame;
    add_range(history, "model/s", NOW, NOW + 10, 1);
    add_range(history, "model/t", NOW + 20, NOW + 21, 1);
    const struct {
        double at, found;
    } cases[] = {{NOW, NOW}, {NOW + 3.9, NOW + 3}, {NOW + 4, NOW + 4}, {2e9, NOW + 9}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        ck_assert(history_find(history, "model/s", cases[i].at, &frame, why));
        ck_assert(json_number_value(json_object_get(frame, "time")) == cases[i].found);
        json_decref(frame);
    }
    ck_assert(history_find(history, "model/s", NOW - 1, &frame, why));
    ck_assert_ptr_null(frame);
    ck_assert(history_find(history, "model/u", 2e9, &frame, why));
    ck_assert_ptr_null(frame);
    end(history);
}
END_TEST

/* Replies stay small, by number and by bytes; one large frame still comes. */
START_TEST(a_long_history_comes_in_parts)
{
    static double times[3000];
    struct history *history = begin();
    add_range(history, "model/many", NOW, NOW + 2500, 1);
    ck_assert(history_begin(history, why));
    for (int i = 0; i < 5; i++) {
        add(history, "model/large", NOW + i, HISTORY_BYTES / 2);
    }
    add(history, "model/huge", NOW, 2 * HISTORY_BYTES);
    ck_assert(history_end(history, why));
    json_t *reply = history_list(history, "model/many", 0, why);
    ck_assert_uint_eq(json_array_size(json_object_get(reply, "history")), HISTORY_FRAMES);
    ck_assert(json_is_true(json_object_get(reply, "more")));
    json_decref(reply);
    reply = history_list(history, "model/large", 0, why);
    ck_assert_uint_lt(json_array_size(json_object_get(reply, "history")), 3);
    json_decref(reply);
    ck_assert_uint_eq(times_of(history, "model/many", 0, times, COUNT(times)), 2500);
    ck_assert_uint_eq(times_of(history, "model/large", 0, times, COUNT(times)), 5);
    ck_assert_uint_eq(times_of(history, "model/huge", 0, times, COUNT(times)), 1);
    end(history);
}
END_TEST

/* Foreign, damaged and vanished files: a new one is begun. */
START_TEST(a_file_may_be_lost_without_harm)
{
    double times[100];
    struct history *history = begin();
    folder_write("history", "not a database, and long enough to be looked at", 47);
    add_range(history, "model/s", NOW, NOW + 10, 1);
    ck_assert(folder_has("history.bad"));
    ck_assert_uint_eq(times_of(history, "model/s", 0, times, COUNT(times)), 10);
    history_destroy(&history);
    for (size_t at = 0; at < 4096 * 4; at += 331) {
        folder_flip("history", at, 3);
    }
    history = history_new(folder_path("history"));
    for (int i = 0; i < 3; i++) { /* what is damage is only seen where it is read */
        if (history_begin(history, why)) {
            add(history, "model/s", NOW + 20 + i, 10);
            history_end(history, why);
        }
    }
    ck_assert_uint_ge(times_of(history, "model/s", NOW + 20, times, COUNT(times)), 1);
    folder_clear();
    add_range(history, "model/s", NOW + 30, NOW + 33, 1);
    ck_assert_uint_eq(times_of(history, "model/s", 0, times, COUNT(times)), 3);
    ck_assert(folder_has("history"));
    end(history);
}
END_TEST

START_TEST(a_folder_that_is_gone_is_an_error)
{
    struct history *history = history_new("/nonexistent/history");
    json_t *frame;
    ck_assert(!history_begin(history, why));
    ck_assert_str_ne(why, "");
    ck_assert_ptr_null(history_list(history, "model/s", 0, why));
    ck_assert(!history_find(history, "model/s", 0, &frame, why));
    ck_assert(!history_thin(history, NOW, DAY, why));
    history_destroy(&history);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(frames_thin_out_with_age),
        UNIT(thinning_often_leaves_the_same),
        UNIT(what_is_too_old_goes),
        UNIT(a_time_gives_the_newest_that_is_not_younger),
        UNIT(a_long_history_comes_in_parts),
        UNIT(a_file_may_be_lost_without_harm),
        UNIT(a_folder_that_is_gone_is_an_error),
    };
    return unit_run("history", tests, COUNT(tests));
}
