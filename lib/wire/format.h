/* SPDX-License-Identifier: MIT
 *
 * The wire formats, one row each (mixd(8), POINTS IN): wire_array.c,
 * wire_npy.c, wire_raw.c (f64, f32), wire_json.c, wire_csv.c. Adding a format is one
 * file and one row; tests/unit/test_format.c loops over the rows. */
#ifndef FORMAT_H
#define FORMAT_H

#include <stdbool.h>
#include <stddef.h>

#include "layout.h"
#include "reader.h"

/* Rows to be sent, as numbers: n x n_columns in the order of the layout, NaN where
 * missing; the text of a key column is in key (n strings, NULL without one). */
struct rows {
    const double *values;
    size_t n;
    const char *const *key;
};

/* Encoded messages grow here; parts are views of one buffer that is kept. */
struct parts;

#define FORMAT_PARTS_MAX 2

struct format {
    const char *name;
    size_t n_parts; /* parts of a message, 1..FORMAT_PARTS_MAX */
    /* Where reader_open() and reader_next() go; reader_impl.h has the rest. */
    void (*open)(struct reader *reader, const struct bytes *parts);
    bool (*next)(struct reader *reader, struct batch *batch);
    /* And reader_join(): adds the points of the message to those of the batch. False where
     * there is no room for all, or a point is rejected. */
    bool (*join)(struct reader *reader);
    /* rows -> the body of one message. Writes into the buffers of parts_ and returns
     * false without memory. */
    bool (*encode)(const struct layout *layout, const struct rows *rows,
                   struct parts *parts);
};

/* The row of that name, or NULL. */
const struct format *format_find(const char *name);
/* What `auto` means for a message of that many parts: array for two, else json. */
const struct format *format_auto(size_t n_parts);
/* The rows, ended by NULL. */
const struct format *const *format_table(void);

/* Encoded parts. */
struct parts *parts_new(void);
void parts_destroy(struct parts **parts);
size_t parts_count(const struct parts *parts);
struct bytes parts_get(const struct parts *parts, size_t i);

#endif
