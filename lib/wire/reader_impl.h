/* SPDX-License-Identifier: MIT
 *
 * Inside of a reader: what the formats (wire_*.c) share. A format of text makes points
 * one by one:
 *
 *     reader_begin_row(reader);
 *     reader_set_number(reader, column, value);   for each column
 *     verdict = reader_check_open_row(reader);
 *     reader_accept(reader, origin);              or reader_reject(reader, reason, …)
 *
 * and one of binary numbers leaves it to body_next(). Whatever is wrong with a value
 * can be seen in the row (NaN, infinity, an empty key), so there is one check at its
 * end: reader_check_row(). */
#ifndef READER_IMPL_H
#define READER_IMPL_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "body.h"
#include "reader.h"

/* The largest size of a value: its square and sums of squares stay finite. */
#define VALUE_MAX 1e150
/* A missing entry. The macro NAN is a float. */
#define NO_VALUE ((double)NAN)
/* The longest line of text, without its end; also the longest array header. */
#define LINE_BYTES_MAX 65536
/* The longest key, and the longest name of a source. */
#define KEY_BYTES_MAX 255
#define SOURCE_BYTES_MAX 31
#define DETAIL_SIZE 200

/* A message of lines, and where the reader is in it. */
struct text {
    const char *begin; /* of the message; places are counted in bytes from here */
    const char *end;
    const char *at;    /* the next line */
    struct bytes line; /* the line being read */
    const char *point; /* json: the next point of an array of points; NULL: none */
};

/* Where the last rejected point went wrong (NULL in binary bodies), and why. */
struct fault {
    const char *at;
    const char *cause;
};

/* The last array header that was good, and what it said. */
struct memo {
    char text[128];
    size_t size;      /* of the header; 0: none yet */
    size_t body_size; /* bytes of the body that it fitted */
    struct body body;
};

/* Columns by name: sorted, for members in an order that was not guessed. */
struct name {
    struct bytes text;
    size_t column;
};

struct reader {
    const struct layout *layout;
    const struct format *format;

    /* What a batch points to: room for READER_BATCH points. */
    double *x;
    double *weight;
    double *time;
    struct bytes *key;
    char *key_text; /* READER_BATCH x (KEY_BYTES_MAX + 1): keys not in the message */
    struct bytes topic;
    uint8_t *reason;
    struct bytes *origin;
    char detail[DETAIL_SIZE];
    struct fault fault;
    size_t n; /* points in the batch */
    bool is_open_to_more; /* they are a whole message, good, and copied from it */
    size_t n_rejected;    /* 1: the last of them */

    uint32_t row_serial; /* numbers the rows, for seen */
    uint32_t *seen;      /* n_columns: row_serial of the last row that had it */
    double *key_number;  /* READER_BATCH: keys of binary rows as they came */

    enum reason refused; /* the whole message, as one point */
    struct bytes refused_origin;
    struct body body;   /* array, npy, f64, f32 */
    struct memo memo;   /* array */
    struct text text;   /* json, csv */
    struct name *names; /* sorted; columns that are skipped are left out */
    size_t n_names;
    struct name *guess; /* n_names: the i-th member of the last object */
    char *scratch;      /* LINE_BYTES_MAX: a string without its escapes */

    char source[SOURCE_BYTES_MAX + 1]; /* "": none */
    uint64_t seq;
};

/* Rejects the whole message as one point. printf-like place and cause. */
void reader_refuse(struct reader *reader, enum reason reason, struct bytes origin,
                   const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Begins row n with every field missing, no time, no weight and no key. */
void reader_begin_row(struct reader *reader);
/* Column c was given: false if this row had it already. */
bool reader_mark_column(struct reader *reader, size_t column);
/* Sets a column from a number: NaN is a missing entry, infinity an overflow. */
void reader_set_number(struct reader *reader, size_t column, double value);
/* Sets a time or key column from text. A key must lie in the message or in
 * reader->scratch, from where it is copied. A text in a field or weight is the
 * caller's to reject. */
void reader_set_text(struct reader *reader, size_t column, struct bytes text);
/* Makes the open row a point of the batch. origin: its bytes. */
void reader_accept(struct reader *reader, struct bytes origin);
/* Makes the open row, or what could not become one, a rejected point of the batch. at
 * is the place in a text, or NULL; the rest is printf-like and tells the cause. */
void reader_reject(struct reader *reader, enum reason reason, struct bytes origin,
                   const char *at, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* Room for one more point, and none rejected, with which a batch ends. */
static inline bool reader_has_room(const struct reader *reader)
{
    return reader->n < READER_BATCH && reader->n_rejected == 0;
}
/* Fills the batch from the reader's arrays; false when it has no point. */
bool reader_finish(struct reader *reader, struct batch *batch);

/* The key of a binary row: the shortest text of the number. */
void reader_set_key_number(struct reader *reader, size_t row, double value);

/* What is wrong with row i of the batch, whose fields are at x, and in which column.
 * An infinite value is a `value` in binary and a `range` in text. Fields come first in
 * their order, then weight, time and key. */
struct verdict {
    enum reason reason; /* REASON_NONE: the row is good */
    size_t column;
    const char *name; /* of the column */
};
struct verdict reader_check_row(const struct reader *reader, size_t i, const double *x,
                                enum reason infinite);
/* The same for the open row of a text. */
struct verdict reader_check_open_row(const struct reader *reader);
void reader_reject_verdict(struct reader *reader, struct verdict verdict,
                           struct bytes origin, const char *at);

/* Sorts the columns of the layout by name. */
void reader_sort_names(struct reader *reader);
/* The column of that name, or n_columns. place is that of the member in its
 * object, from 0: members mostly come in the order of the last object. */
size_t reader_find_column(struct reader *reader, struct bytes name, size_t place);

/* Begins a message of lines; refuses it if there is none. */
void text_open(struct reader *reader, struct bytes body);
/* Begins to read lines that may also be none. */
void text_begin(struct reader *reader, struct bytes lines);
/* The next line that is not empty and not too long into text.line, without its end.
 * Lines that are too long become rejected points. False at the end, or when the batch
 * has no room. */
bool text_next_line(struct reader *reader);
/* reader_finish(); a batch of few points that are all of a message is open to more. */
bool text_finish(struct reader *reader, struct batch *batch);
/* The points from `first` on are to join those before them: true if they are all of a
 * message, and good. */
bool text_join(struct reader *reader, size_t first);

#endif
