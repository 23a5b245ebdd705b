/* SPDX-License-Identifier: MIT
 *
 * Frames as they come, compared with the ones before. */
#include "track.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

/* Frames that come faster say little about the pace. */
#define RATE_SPAN_S 0.9

static int64_t received_of(const json_t *frame)
{
    return json_integer_value(
        json_object_get(json_object_get(frame, "ledger"), "received"));
}

/* Where the name stands, or would stand: bisection. */
static size_t find_place(const struct tracks *tracks, const char *name, bool *is_there)
{
    size_t low = 0;
    size_t high = tracks->n;
    *is_there = false;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = strcmp(tracks->items[middle]->name, name);
        if (order == 0) {
            *is_there = true;
            return middle;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static struct track *track_get(struct tracks *tracks, const char *name)
{
    bool is_there;
    const size_t place = find_place(tracks, name, &is_there);
    if (is_there) {
        return tracks->items[place];
    }
    tracks->items =
        tool_need(reallocarray(tracks->items, tracks->n + 1, sizeof(struct track *)));
    memmove(tracks->items + place + 1, tracks->items + place,
            (tracks->n - place) * sizeof(struct track *));
    struct track *track = tool_need(calloc(1, sizeof(*track)));
    track->name = tool_text("%s", name);
    track->rate = (double)NAN;
    tracks->items[place] = track;
    tracks->n++;
    return track;
}

/* seq counts on within one start of the daemon. */
static void count_missed(struct track *track, const json_t *frame)
{
    const json_t *instance = json_object_get(frame, "instance");
    if (track->frame == NULL ||
        !json_equal(instance, json_object_get(track->frame, "instance"))) {
        return;
    }
    const json_int_t step = json_integer_value(json_object_get(frame, "seq")) -
                            json_integer_value(json_object_get(track->frame, "seq"));
    track->missed += step > 1 ? (uint64_t)step - 1 : 0;
}

static void measure_rate(struct track *track, const json_t *frame)
{
    const double time = json_number_value(json_object_get(frame, "time"));
    const int64_t points = received_of(frame);
    const double span_s = time - track->rated_time;
    const bool goes_on = track->frame != NULL && points >= track->rated_points;
    if (goes_on && span_s >= 0 && span_s < RATE_SPAN_S) {
        return;
    }
    if (goes_on && span_s > 0) {
        track->rate = (double)(points - track->rated_points) / span_s;
    }
    track->rated_time = time;
    track->rated_points = points;
}

static void remember(struct track *track, const json_t *value)
{
    if (!json_is_number(value)) {
        return;
    }
    if (track->n_history == TRACK_HISTORY) {
        track->n_history--;
        memmove(track->history, track->history + 1,
                track->n_history * sizeof(track->history[0]));
    }
    track->history[track->n_history++] = json_number_value(value);
}

struct track *tracks_take(struct tracks *tracks, const char *name, json_t *frame)
{
    struct track *track = track_get(tracks, name);
    count_missed(track, frame);
    measure_rate(track, frame);
    remember(track, json_object_get(frame, "log_likelihood"));
    json_decref(track->frame);
    track->frame = json_incref(frame);
    return track;
}

void tracks_clear(struct tracks *tracks)
{
    for (size_t i = 0; i < tracks->n; i++) {
        json_decref(tracks->items[i]->frame);
        free(tracks->items[i]->name);
        free(tracks->items[i]);
    }
    free(tracks->items);
    *tracks = (struct tracks){0};
}
