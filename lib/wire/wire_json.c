/* SPDX-License-Identifier: MIT
 *
 * `json`: lines, each an object with the columns as members, one point as an array of
 * numbers, or an array of points. Each line is read once, from left to right; an array
 * of points twice, since no point of it counts unless the whole line is JSON. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "format.h"
#include "number.h"
#include "parts.h"
#include "reader_impl.h"
#include "scan.h"

/* ---- Reading ---------------------------------------------------------------- */

static bool read_string(struct reader *reader, struct scan *scan, size_t column)
{
    const enum column_role role = reader->layout->columns[column].role;
    struct bytes text;
    if (role == COLUMN_FIELD || role == COLUMN_WEIGHT) {
        return scan_fail(scan, "a number expected");
    }
    if (!scan_text(scan, reader->scratch, &text)) {
        return false;
    }
    reader_set_text(reader, column, text);
    return true;
}

/* A number; as a key it is the text that counts. */
static bool read_number(struct reader *reader, struct scan *scan, size_t column)
{
    double value;
    const char *const first = scan->at;
    if (!scan_number(scan, &value)) {
        return false;
    }
    if (reader->layout->columns[column].role == COLUMN_KEY) {
        const struct bytes text = {first, (size_t)(scan->at - first)};
        reader_set_text(reader, column, text);
    } else {
        reader_set_number(reader, column, value);
    }
    return true;
}

static bool read_value(struct reader *reader, struct scan *scan, size_t column)
{
    switch (scan_peek(scan)) {
    case '"':
        return read_string(reader, scan, column);
    case 'n':
        return scan_word(scan, "null"); /* stays missing, as the row began */
    case 't':
    case 'f':
    case '[':
    case '{':
        return reader->layout->columns[column].role == COLUMN_SKIP
                   ? scan_skip(scan)
                   : scan_fail(scan, "a number expected");
    default:
        return read_number(reader, scan, column);
    }
}

static bool read_member(struct reader *reader, struct scan *scan, size_t place)
{
    struct bytes name;
    if (!scan_text(scan, reader->scratch, &name)) {
        return false;
    }
    const size_t column = reader_find_column(reader, name, place);
    if (!scan_expect(scan, ':')) {
        return false;
    }
    if (column == reader->layout->n_columns) {
        return scan_skip(scan);
    }
    if (!reader_mark_column(reader, column)) {
        return scan_fail(scan, "a column given twice");
    }
    return read_value(reader, scan, column);
}

static enum reason read_object(struct reader *reader, struct scan *scan)
{
    scan_take(scan, '{');
    if (scan_take(scan, '}')) {
        return REASON_NONE;
    }
    size_t place = 0;
    do {
        if (!read_member(reader, scan, place++)) {
            return REASON_PARSE;
        }
    } while (scan_take(scan, ','));
    return scan_expect(scan, '}') ? REASON_NONE : REASON_PARSE;
}

static enum reason read_array(struct reader *reader, struct scan *scan)
{
    const size_t n_columns = reader->layout->n_columns;
    size_t n = 0;
    scan_take(scan, '[');
    if (!scan_take(scan, ']')) {
        do {
            if (n < n_columns ? !read_value(reader, scan, n) : !scan_skip(scan)) {
                return REASON_PARSE;
            }
            n++;
        } while (scan_take(scan, ','));
        if (!scan_expect(scan, ']')) {
            return REASON_PARSE;
        }
    }
    if (n != n_columns) {
        scan_fail(scan, n < n_columns ? "fewer values than columns"
                                      : "more values than columns");
        return REASON_SHAPE;
    }
    return REASON_NONE;
}

static enum reason read_point(struct reader *reader, struct scan *scan)
{
    reader_begin_row(reader);
    switch (scan_peek(scan)) {
    case '{':
        return read_object(reader, scan);
    case '[':
        return read_array(reader, scan);
    default:
        scan_fail(scan, "an object or an array expected");
        return REASON_PARSE;
    }
}

/* Makes the row a point, unless it was no point or has something wrong in it. */
static void finish_row(struct reader *reader, enum reason reason, const struct scan *scan,
                       struct bytes origin)
{
    if (reason != REASON_NONE) {
        reader_reject(reader, reason, origin, scan->at, "%s", scan->error);
        return;
    }
    const struct verdict verdict = reader_check_open_row(reader);
    if (verdict.reason == REASON_NONE) {
        reader_accept(reader, origin);
    } else {
        reader_reject_verdict(reader, verdict, origin, origin.data);
    }
}

/* The line is an array whose first element is an array or object. */
static bool is_array_of_points(const char *at, const char *end)
{
    struct scan scan = {.at = at, .end = end};
    if (!scan_take(&scan, '[')) {
        return false;
    }
    const char c = scan_peek(&scan);
    return c == '[' || c == '{';
}

static void read_line(struct reader *reader, struct bytes line)
{
    const char *const begin = line.data;
    struct scan scan = {.at = begin, .end = begin + line.size};
    if (is_array_of_points(scan.at, scan.end)) {
        if (scan_skip(&scan) && scan_end(&scan)) {
            reader->text.point = (const char *)memchr(begin, '[', line.size) + 1;
        } else {
            reader_begin_row(reader);
            finish_row(reader, REASON_PARSE, &scan, line);
        }
        return;
    }
    enum reason reason = read_point(reader, &scan);
    if (reason != REASON_PARSE && !scan_end(&scan)) {
        reason = REASON_PARSE;
    }
    finish_row(reader, reason, &scan, line);
}

/* The next point of an array that is known to be good JSON. */
static void read_element(struct reader *reader)
{
    struct text *text = &reader->text;
    const char *const end = (const char *)text->line.data + text->line.size;
    struct scan scan = {.at = text->point, .end = end};
    scan_peek(&scan);
    const char *const first = scan.at;
    const enum reason reason = read_point(reader, &scan);
    struct scan whole = {.at = first, .end = end};
    if (reason != REASON_NONE) {
        scan_skip(&whole);
    } else {
        whole.at = scan.at;
    }
    const struct bytes origin = {first, (size_t)(whole.at - first)};
    finish_row(reader, reason, &scan, origin);
    text->point = scan_take(&whole, ',') ? whole.at : NULL;
}

static void json_open(struct reader *reader, const struct bytes *parts)
{
    text_open(reader, parts[0]);
}

static void read_points(struct reader *reader)
{
    while (reader_has_room(reader)) {
        if (reader->text.point != NULL) {
            read_element(reader);
        } else if (text_next_line(reader)) {
            read_line(reader, reader->text.line);
        } else {
            break;
        }
    }
}

static bool json_next(struct reader *reader, struct batch *batch)
{
    read_points(reader);
    return text_finish(reader, batch);
}

static bool json_join(struct reader *reader)
{
    const size_t first = reader->n;
    read_points(reader);
    return text_join(reader, first);
}

/* ---- Writing ---------------------------------------------------------------- */

/* A string with its quotes, escaped where JSON wants it. */
static bool add_string(struct parts *parts, const char *text)
{
    bool is_ok = parts_add(parts, "\"", 1);
    for (; is_ok && *text != '\0'; text++) {
        const unsigned char c = (unsigned char)*text;
        char escape[8];
        int size = 1;
        escape[0] = *text;
        if (c == '"' || c == '\\') {
            size = snprintf(escape, sizeof(escape), "\\%c", c);
        } else if (c < 0x20) {
            size = snprintf(escape, sizeof(escape), "\\u%04x", c);
        }
        is_ok = parts_add(parts, escape, (size_t)size);
    }
    return is_ok && parts_add(parts, "\"", 1);
}

static bool add_number(struct parts *parts, double value)
{
    char text[NUMBER_SIZE];
    if (!isfinite(value)) {
        return parts_add(parts, "null", 4);
    }
    return parts_add(parts, text, number_write(text, value));
}

static bool add_row(struct parts *parts, const struct layout *layout,
                    const struct rows *rows, size_t i)
{
    bool is_ok = true;
    char before = '{';
    for (size_t c = 0; is_ok && c < layout->n_columns; c++) {
        const struct column *column = &layout->columns[c];
        if (column->role == COLUMN_SKIP) {
            continue;
        }
        is_ok = parts_add(parts, &before, 1) && add_string(parts, column->name) &&
                parts_add(parts, ":", 1);
        before = ',';
        if (is_ok && column->role == COLUMN_KEY && rows->key != NULL) {
            is_ok = add_string(parts, rows->key[i]);
        } else if (is_ok) {
            is_ok = add_number(parts, rows->values[i * layout->n_columns + c]);
        }
    }
    return is_ok &&
           parts_add(parts, before == '{' ? "{}\n" : "}\n", before == '{' ? 3 : 2);
}

static bool json_encode(const struct layout *layout, const struct rows *rows,
                        struct parts *parts)
{
    parts_clear(parts);
    bool is_ok = parts_begin(parts);
    for (size_t i = 0; is_ok && i < rows->n; i++) {
        is_ok = add_row(parts, layout, rows, i);
    }
    return is_ok;
}

const struct format format_json = {"json", 1, json_open, json_next, json_join,
                                  json_encode};
