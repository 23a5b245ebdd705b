/* SPDX-License-Identifier: MIT
 *
 * The reliable feed of a stream: its ROUTER socket (feed.h) and its rules (intake.h)
 * brought together. The points themselves go the way of all feeds, stream.c. */
#ifndef RECEPTION_H
#define RECEPTION_H

#include <stdbool.h>

#include "config.h"
#include "moment.h"
#include "roster.h"

struct intake;
struct stream;

/* NULL for a stream whose feed is not reliable. */
struct intake *reception_new(const struct stream_config *config);

/* Answers the message that the feed has received and counts what is not to be learned.
 * True: there are points to learn; the stream's reader is at the first new one. */
bool reception_take(struct stream *stream, struct moment now);
/* n more points of that message were learned, or one was rejected. */
void reception_note(struct stream *stream, uint64_t n, bool is_rejected);

/* A checkpoint was committed: acknowledges it to every live session. */
void reception_settle(struct stream *stream, const struct settlement *settlement);
/* Tells every live session that the daemon ends, and answers nothing else from now on. */
void reception_close(struct stream *stream);

#endif
