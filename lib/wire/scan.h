/* SPDX-License-Identifier: MIT
 *
 * JSON text (RFC 8259), read token by token without building anything: rows and array
 * headers are small, known in shape, and come by the million. */
#ifndef SCAN_H
#define SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "reader.h"

/* Objects and arrays within each other; more is refused. */
#define SCAN_DEPTH_MAX 64

struct scan {
    const char *at;
    const char *end;
    const char *error; /* what is wrong at `at`; NULL: nothing so far */
};

/* Past blanks; then the next byte, or '\0' at the end. Inline like scan_take(): most of
 * the time of a row would go into the calls. */
static inline char scan_peek(struct scan *scan)
{
    while (scan->at < scan->end && (*scan->at == ' ' || *scan->at == '\t' ||
                                    *scan->at == '\r' || *scan->at == '\n')) {
        scan->at++;
    }
    return scan->at < scan->end ? *scan->at : '\0';
}

/* Takes that byte if it is c, which is not '\0'. */
static inline bool scan_take(struct scan *scan, char c)
{
    if (scan_peek(scan) != c) {
        return false;
    }
    scan->at++;
    return true;
}

/* The same, and an error if it is not. */
bool scan_expect(struct scan *scan, char c);

/* A string; the bytes between its quotes, checked, with the escapes still in. */
bool scan_string(struct scan *scan, struct bytes *raw);
/* A string without its escapes: a view of the text, or in scratch, which has room for
 * as many bytes as the text. */
bool scan_text(struct scan *scan, char *scratch, struct bytes *text);
/* A number: the nearest double. */
bool scan_number(struct scan *scan, double *value);
/* One of the words null, true, false. */
bool scan_word(struct scan *scan, const char *word);
/* Any value, checked and skipped. */
bool scan_skip(struct scan *scan);
/* Nothing but blanks is left. */
bool scan_end(struct scan *scan);

/* Notes an error and returns false. */
bool scan_fail(struct scan *scan, const char *error);

#endif
