/* SPDX-License-Identifier: MIT
 *
 * What a stream tells the world, and when: model frames at the pace of publish.every
 * while points arrive and once more after the last of them, after every so many
 * updates, event frames, and score frames. */
#ifndef BULLETIN_H
#define BULLETIN_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "mix.h"
#include "moment.h"

struct stream;
struct slot;

/* The model frame of a slot as it is now; its seq is that of the next frame when
 * is_next, else of the last one. New reference; NULL without memory. */
json_t *bulletin_frame(const struct stream *stream, const struct slot *slot, bool is_next,
                       struct moment now);

/* Asks for a frame of every slot at the next tick: at the start, when the state
 * changed, and as the last frame. */
void bulletin_want_all(struct stream *stream, struct moment now);
/* True: all that was asked for has been sent. */
bool bulletin_is_done(const struct stream *stream);

/* Points came: a frame is due within publish.every. */
void bulletin_note_points(struct stream *stream, struct moment now);
/* Sends a frame if publish.updates updates were made since the last one. */
void bulletin_after_updates(struct stream *stream, struct slot *slot, struct moment now);
/* Sends what happened to the model of a slot (drift, split, ...) as events. */
void bulletin_after_changes(struct stream *stream, struct slot *slot, struct moment now);
/* The long work of a slot is done: its first model is an event. */
void bulletin_after_work(struct stream *stream, struct slot *slot, struct moment now);

/* Sends what publish.scores asks for of up to SCORES_ROWS rows that are about to be
 * learned. */
void bulletin_scores(struct stream *stream, const struct slot *slot,
                     const struct mix_rows *rows, struct moment now);

/* Sends what is due. */
void bulletin_tick(struct stream *stream, struct moment now);
/* When something will be due, on the monotonic clock, or MOMENT_NEVER. */
int64_t bulletin_due(const struct stream *stream);

/* An event frame: {"event", "time", "stream", "key"}. slot: NULL for the stream. */
void bulletin_event(struct stream *stream, const struct slot *slot, const char *event,
                    struct moment now);

#endif
