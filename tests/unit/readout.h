/* SPDX-License-Identifier: MIT
 *
 * What a reader makes of a message, as text that a table of tests can hold:
 *
 *     "(1 2) missing (nan 3)"       two points and a rejected one
 *     "(1 t=5 w=2 k=pump)"          with time, weight and key */
#ifndef READOUT_H
#define READOUT_H

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "format.h"
#include "reader.h"

struct readout {
    char text[65536];
    size_t length;
    size_t n; /* points, good and bad */
    size_t n_rejected;
    char detail[256]; /* of the last batch that had one */
};

static inline void readout_add(struct readout *readout, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static inline void readout_add(struct readout *readout, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const size_t room = sizeof(readout->text) - readout->length;
    const int n = vsnprintf(readout->text + readout->length, room, format, arguments);
    va_end(arguments);
    readout->length += n > 0 && (size_t)n < room ? (size_t)n : 0;
}

static inline void readout_point(struct readout *readout, const struct layout *layout,
                                 const struct batch *batch, size_t i)
{
    readout_add(readout, "%s", readout->n > 0 ? " " : "");
    readout->n++;
    if (batch->reason[i] != REASON_NONE) {
        readout_add(readout, "%s", reason_label(batch->reason[i]));
        readout->n_rejected++;
        return;
    }
    readout_add(readout, "(");
    for (size_t d = 0; d < layout->n_fields; d++) {
        readout_add(readout, "%s%.17g", d > 0 ? " " : "",
                    batch->x[i * batch->stride + d]);
    }
    if (batch->time != NULL) {
        readout_add(readout, " t=%.17g", batch->time[i]);
    }
    if (batch->weight != NULL) {
        readout_add(readout, " w=%.17g", batch->weight[i]);
    }
    if (batch->key != NULL) {
        readout_add(readout, " k=%.*s", (int)batch->key[i].size,
                    (const char *)batch->key[i].data);
    }
    readout_add(readout, ")");
}

/* Reads a whole message. */
static inline void readout_message(struct readout *readout, struct reader *reader,
                                   const struct layout *layout, const char *format,
                                   const struct bytes *parts, size_t n_parts)
{
    struct batch batch;
    memset(readout, 0, sizeof(*readout));
    reader_open(reader, format_find(format), parts, n_parts);
    while (reader_next(reader, &batch)) {
        size_t n_rejected = 0;
        for (size_t i = 0; i < batch.n; i++) {
            readout_point(readout, layout, &batch, i);
            n_rejected += batch.reason[i] != REASON_NONE ? 1 : 0;
        }
        if (n_rejected != batch.n_rejected ||
            (n_rejected > 0) != (batch.detail != NULL)) {
            readout_add(readout, " (n_rejected is wrong)");
        }
        if (batch.detail != NULL) {
            snprintf(readout->detail, sizeof(readout->detail), "%s", batch.detail);
        }
    }
}

/* A layout from names separated by commas; fields are the columns a, b, c, and t, w, k
 * have the roles that the letters say. */
static inline struct layout *readout_layout(const char *columns, bool marginalize)
{
    static char text[8192];
    const char *column[512];
    const char *field[512];
    const char *role[3] = {NULL, NULL, NULL};
    size_t n_columns = 0;
    size_t n_fields = 0;
    snprintf(text, sizeof(text), "%s", columns);
    for (char *at = strtok(text, ","); at != NULL; at = strtok(NULL, ",")) {
        static const char letters[] = "twk";
        const char *const found = strlen(at) == 1 ? strchr(letters, *at) : NULL;
        if (found != NULL) {
            role[found - letters] = at;
        } else if (strcmp(at, "-") != 0) {
            field[n_fields++] = at;
        }
        column[n_columns++] = at;
    }
    struct layout *layout =
        layout_new(column, n_columns, field, n_fields, role[0], role[1], role[2], NULL);
    layout->marginalize = marginalize;
    return layout;
}

/* One message, one layout, one answer. */
static inline void readout_run(struct readout *readout, const char *columns,
                               bool marginalize, const char *format,
                               const struct bytes *parts, size_t n_parts)
{
    struct layout *layout = readout_layout(columns, marginalize);
    struct reader *reader = reader_new(layout);
    readout_message(readout, reader, layout, format, parts, n_parts);
    reader_destroy(&reader);
    layout_destroy(&layout);
}

#endif
