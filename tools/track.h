/* SPDX-License-Identifier: MIT
 *
 * What mixwatch remembers of each model: its last frame, the pace of its points, and
 * the course of its log-likelihood. */
#ifndef TRACK_H
#define TRACK_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/* Frames whose log-likelihood is kept, for the sparkline. */
#define TRACK_HISTORY 240

struct track {
    char *name;           /* NAME or NAME/KEY, as in the topic */
    json_t *frame;        /* the last one */
    uint64_t missed;      /* frames that never came, by the gaps in seq */
    double rate;          /* points received per second; NaN: not known yet */
    double rated_time;    /* `time` of the frame that the next rate counts from */
    int64_t rated_points; /* its ledger.received */
    size_t n_history;     /* values in history, oldest first */
    double history[TRACK_HISTORY]; /* log_likelihood, nats; null ones are left out */
};

struct tracks {
    size_t n;
    struct track **items; /* in the order of their names */
};

/* Takes a frame (a new reference is kept) of that name and returns its track. */
struct track *tracks_take(struct tracks *tracks, const char *name, json_t *frame);
void tracks_clear(struct tracks *tracks);

#endif
