/* SPDX-License-Identifier: MIT
 *
 * Messages in, checked points out: the one decoder of feeds, and of files line by
 * line. A message is opened in one of the formats of format.h and then gives its
 * points in batches, in order:
 *
 *     reader_open(reader, format, parts, n_parts);
 *     while (reader_next(reader, &batch)) { ... }
 *
 * Every point that the message claims appears once: with reason REASON_NONE, or with
 * the reason for which it was rejected and the bytes it came from. A body that is
 * rejected whole appears as one such point, and so does a line that is not one value.
 * Nothing is allocated per message.
 *
 * Where the rules of the formats leave a choice, it is this:
 *
 *   1e400 in text               range   (an infinite float64 or float32 is a value)
 *   NaN, Infinity in JSON       parse   (csv: nan is missing, inf is parse)
 *   text where a number belongs parse
 *   a member that is not there  missing, as null
 *   too few, too many columns   shape, also [] and a csv line with a comma at its end
 *   weight over 1e150           range
 *   time or weight missing      time, weight, also where missing fields are allowed
 *   more than 64 levels, lone surrogates, a byte order mark, NUL, not UTF-8: parse
 *   a key: text, or in JSON a number as it is written, in binary the shortest text of
 *   its number; one with NUL in it is no key
 *
 * A row with several faults has the reason of its first bad field, then weight, time,
 * key; a line that is not its format has no other reason. -0.0 and denormals are kept.
 */
#ifndef READER_H
#define READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "layout.h"
#include "reason.h"

/* Bytes that belong to somebody else. */
struct bytes {
    const void *data;
    size_t size;
};

/* Points of one call of reader_next(), and of messages that joined. All arrays are the
 * reader's (or, for aligned raw rows, views of the message) and valid until the next
 * call. */
struct batch {
    size_t n;                   /* points, 1..READER_BATCH */
    const double *x;            /* n x n_fields, row-major; NaN: missing */
    size_t stride;              /* doubles from one row of x to the next */
    const double *weight;       /* n, or NULL when the layout has no weight */
    const double *time;         /* n, seconds since 1970, or NULL when it has no time */
    const struct bytes *key;    /* n, or NULL when it has neither key column nor topic */
    const uint8_t *reason;      /* n: enum reason */
    size_t n_rejected;          /* 1: the last point is; a batch ends with it */
    const struct bytes *origin; /* n: the bytes of a rejected point, for dead letters */
    const char *detail; /* place and cause of the rejected point, "byte 17: …"; NULL when
                           none is */
};

#define READER_BATCH 256

struct format;
struct reader;

/* A reader for rows of this layout, which must outlive it. NULL without memory. */
struct reader *reader_new(const struct layout *layout);
void reader_destroy(struct reader **reader);

/* Begins a message of n_parts parts (topic already taken off). The parts must stay
 * until the last reader_next() of the message. */
void reader_open(struct reader *reader, const struct format *format,
                 const struct bytes *parts, size_t n_parts);

/* Where the layout has the topic for a key: that of the message that is opened or joined
 * next, which must stay as long as its parts. */
void reader_set_topic(struct reader *reader, struct bytes topic);

/* The next points, or false at the end of the message. */
bool reader_next(struct reader *reader, struct batch *batch);

/* Messages of a few points can be taken in one batch. After reader_next() gave the first
 * batch of a message: whether another message may join it. */
bool reader_is_open(const struct reader *reader);
/* Adds the points of another message to the batch: all of them, if all are good and there
 * is room; they are copied, so the message may go. False: nothing was done, and the
 * message is to be opened once the batch was dealt with. */
bool reader_join(struct reader *reader, const struct format *format,
                 const struct bytes *parts, size_t n_parts, struct batch *batch);

/* After reader_open(): the source and first sequence number of an array header, or
 * NULL and 0; 0 as well where it has no number. The name is the reader's, valid until the
 * next message. */
const char *reader_source(const struct reader *reader, uint64_t *seq);

#endif
