/* SPDX-License-Identifier: MIT
 *
 * `csv`: lines of comma-separated columns, no header. Numbers as in JSON, also with a
 * leading plus, blanks around, or `nan`; a cell may be quoted. */
#include <math.h>
#include <string.h>

#include "csv.h"
#include "format.h"
#include "number.h"
#include "parts.h"
#include "reader_impl.h"

/* ---- Reading ---------------------------------------------------------------- */

static bool is_blank(const struct csv *csv, char c)
{
    return c == ' ' || (c == '\t' && csv->delimiter != '\t');
}

static void skip_blanks(struct csv *csv)
{
    while (csv->at < csv->end && is_blank(csv, *csv->at)) {
        csv->at++;
    }
}

static bool fail(struct csv *csv, const char *error)
{
    csv->error = error;
    return false;
}

/* After the opening quote. "" inside of the quotes is one quote. */
static bool quoted_cell(struct csv *csv, struct bytes *cell)
{
    const char *const first = ++csv->at;
    const char *quote;
    size_t n = 0; /* bytes in scratch: the cell up to the last "" */
    const char *from = first;
    while ((quote = memchr(csv->at, '"', (size_t)(csv->end - csv->at))) != NULL &&
           quote + 1 < csv->end && quote[1] == '"') {
        memcpy(csv->scratch + n, from, (size_t)(quote + 1 - from));
        n += (size_t)(quote + 1 - from);
        from = csv->at = quote + 2;
    }
    if (quote == NULL) {
        csv->at = first - 1;
        return fail(csv, "a quote without its end");
    }
    *cell = (struct bytes){first, (size_t)(quote - first)};
    if (from > first) {
        memcpy(csv->scratch + n, from, (size_t)(quote - from));
        *cell = (struct bytes){csv->scratch, n + (size_t)(quote - from)};
    }
    csv->at = quote + 1;
    skip_blanks(csv);
    if (csv->at < csv->end && *csv->at != csv->delimiter) {
        return fail(csv, "more text after a quoted cell");
    }
    return true;
}

bool csv_cell(struct csv *csv, struct bytes *cell)
{
    skip_blanks(csv);
    if (csv->at < csv->end && *csv->at == '"') {
        return quoted_cell(csv, cell);
    }
    const char *const first = csv->at;
    const char *end = memchr(first, csv->delimiter, (size_t)(csv->end - first));
    csv->at = end = end != NULL ? end : csv->end;
    while (end > first && is_blank(csv, end[-1])) {
        end--;
    }
    *cell = (struct bytes){first, (size_t)(end - first)};
    return true;
}

enum csv_step csv_skip_cell(struct csv *csv)
{
    skip_blanks(csv);
    if (csv->at == csv->end || *csv->at != '"') {
        while (csv->at < csv->end && *csv->at != csv->delimiter && *csv->at != '\n') {
            csv->at++;
        }
        return CSV_CELL;
    }
    const char *quote = csv->at;
    do {
        quote = memchr(quote + 1, '"', (size_t)(csv->end - quote - 1));
        if (quote == NULL) {
            return CSV_OPEN;
        }
        quote++; /* "" goes on */
    } while (quote < csv->end && *quote == '"');
    csv->at = quote;
    skip_blanks(csv);
    if (csv->at + 1 < csv->end && csv->at[0] == '\r' && csv->at[1] == '\n') {
        csv->at++;
    }
    if (csv->at == csv->end || *csv->at == csv->delimiter || *csv->at == '\n') {
        return CSV_CELL;
    }
    return csv->at + 1 == csv->end && *csv->at == '\r' ? CSV_OPEN : CSV_BROKEN;
}

bool csv_more(struct csv *csv)
{
    if (csv->at == csv->end) {
        return false;
    }
    csv->at++;
    return true;
}

static bool is_nan_word(struct bytes cell)
{
    const char *text = cell.data;
    if (cell.size == 4 && (*text == '+' || *text == '-')) {
        text++;
    } else if (cell.size != 3) {
        return false;
    }
    return (text[0] | 0x20) == 'n' && (text[1] | 0x20) == 'a' && (text[2] | 0x20) == 'n';
}

bool csv_number(struct bytes cell, double *value)
{
    const char *at = cell.data;
    const char *const end = at + cell.size;
    if (cell.size == 0 || is_nan_word(cell)) {
        *value = NO_VALUE;
        return true;
    }
    if (*at == '+' && cell.size > 1 && at[1] != '-') {
        at++;
    }
    return number_read(at, end, value) == end;
}

/* A number that ends where its cell ends: nearly every cell, read in one go. */
static bool plain_number(struct csv *csv, double *value)
{
    skip_blanks(csv);
    const char *const first = csv->at;
    const char *const after = number_read(first, csv->end, value);
    if (after == NULL) {
        return false;
    }
    csv->at = after;
    skip_blanks(csv);
    if (csv->at == csv->end || *csv->at == csv->delimiter) {
        return true;
    }
    csv->at = first;
    return false;
}

static bool read_cell(struct reader *reader, struct csv *csv, size_t column)
{
    const enum column_role role = reader->layout->columns[column].role;
    const char *const first = csv->at;
    struct bytes cell;
    double value;
    if ((role == COLUMN_FIELD || role == COLUMN_WEIGHT || role == COLUMN_TIME) &&
        plain_number(csv, &value)) {
        reader_set_number(reader, column, value);
        return true;
    }
    if (!csv_cell(csv, &cell)) {
        return false;
    }
    if (role == COLUMN_TIME || role == COLUMN_KEY) {
        reader_set_text(reader, column, cell);
    } else if (role != COLUMN_SKIP) {
        if (!csv_number(cell, &value)) {
            csv->at = first;
            return fail(csv, "a number expected");
        }
        reader_set_number(reader, column, value);
    }
    return true;
}

/* Where the cell of a column begins, in a record that was read before. */
static const char *find_cell(const struct csv *record, size_t column)
{
    struct csv csv = *record;
    struct bytes cell;
    for (size_t c = 0; c < column && csv_cell(&csv, &cell) && csv_more(&csv); c++) {
    }
    return csv.at;
}

void csv_read_record(struct reader *reader, struct bytes record, char delimiter)
{
    const size_t n_columns = reader->layout->n_columns;
    const char *const begin = record.data;
    const struct csv whole = {begin, begin + record.size, delimiter, reader->scratch,
                              NULL};
    struct csv csv = whole;
    size_t c = 0;
    reader_begin_row(reader);
    do {
        struct bytes cell;
        if (c < n_columns ? !read_cell(reader, &csv, c) : !csv_cell(&csv, &cell)) {
            reader_reject(reader, REASON_PARSE, record, csv.at, "%s", csv.error);
            return;
        }
        c++;
    } while (csv_more(&csv));
    if (c != n_columns) {
        reader_reject(reader, REASON_SHAPE, record, begin, "%zu cells: %zu wanted", c,
                      n_columns);
        return;
    }
    const struct verdict verdict = reader_check_open_row(reader);
    if (verdict.reason == REASON_NONE) {
        reader_accept(reader, record);
    } else {
        reader_reject_verdict(reader, verdict, record, find_cell(&whole, verdict.column));
    }
}

static void csv_open(struct reader *reader, const struct bytes *parts)
{
    text_open(reader, parts[0]);
}

static void read_records(struct reader *reader)
{
    while (text_next_line(reader)) {
        csv_read_record(reader, reader->text.line, ',');
    }
}

static bool csv_next(struct reader *reader, struct batch *batch)
{
    read_records(reader);
    return text_finish(reader, batch);
}

static bool csv_join(struct reader *reader)
{
    const size_t first = reader->n;
    read_records(reader);
    return text_join(reader, first);
}

/* ---- Writing ---------------------------------------------------------------- */

static bool add_number(struct parts *parts, double value)
{
    char text[NUMBER_SIZE];
    if (isnan(value)) {
        return parts_add(parts, "nan", 3);
    }
    return parts_add(parts, text, number_write(text, value));
}

/* A key in quotes: it may hold anything but a line end. */
static bool add_quoted(struct parts *parts, const char *text)
{
    bool is_ok = parts_add(parts, "\"", 1);
    for (; is_ok && *text != '\0'; text++) {
        is_ok = parts_add(parts, "\"\"", *text == '"' ? 2 : 0) &&
                (*text == '"' || parts_add(parts, text, 1));
    }
    return is_ok && parts_add(parts, "\"", 1);
}

static bool csv_encode(const struct layout *layout, const struct rows *rows,
                       struct parts *parts)
{
    parts_clear(parts);
    bool is_ok = parts_begin(parts);
    for (size_t i = 0; i < rows->n; i++) {
        for (size_t c = 0; is_ok && c < layout->n_columns; c++) {
            const bool is_key =
                layout->columns[c].role == COLUMN_KEY && rows->key != NULL;
            is_ok =
                (is_key ? add_quoted(parts, rows->key[i])
                        : add_number(parts, rows->values[i * layout->n_columns + c])) &&
                parts_add(parts, c + 1 < layout->n_columns ? "," : "\n", 1);
        }
    }
    return is_ok;
}

const struct format format_csv = {"csv", 1, csv_open, csv_next, csv_join, csv_encode};
