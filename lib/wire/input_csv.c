/* SPDX-License-Identifier: MIT
 *
 * CSV files: records that may span lines, a delimiter and a header that are found, and
 * one bad record never hides the next. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "csv.h"
#include "input_impl.h"
#include "isotime.h"

/* The LF that ends the record at `at`, or NULL if it has not come. A record whose
 * quotes do not match ends with its first line, so that the next line is read anew. */
static const char *find_end(const char *at, const char *end, char delimiter)
{
    const char *const feed = memchr(at, '\n', (size_t)(end - at));
    const char *const stop = feed != NULL ? feed : end;
    if (memchr(at, '"', (size_t)(stop - at)) == NULL) {
        return feed;
    }
    struct csv csv = {.at = at, .end = end, .delimiter = delimiter};
    for (;;) {
        const enum csv_step step = csv_skip_cell(&csv);
        if (step == CSV_OPEN) {
            return NULL;
        }
        if (step == CSV_BROKEN) {
            return feed;
        }
        if (csv.at == end || *csv.at == '\n') {
            return csv.at < end ? csv.at : NULL;
        }
        csv.at++;
    }
}

enum found { FOUND_NOTHING, FOUND_RECORD, FOUND_TOO_LONG };

/* A record with its line end, and where it is. */
struct record {
    struct bytes text; /* without the line end */
    size_t size;       /* with it */
};

static struct record make_record(const char *at, const char *feed, const char *end)
{
    const char *stop = feed != NULL ? feed : end;
    const size_t size = (size_t)(stop - at) + (feed != NULL ? 1 : 0);
    if (feed != NULL && stop > at && stop[-1] == '\r') {
        stop--;
    }
    return (struct record){{at, (size_t)(stop - at)}, size};
}

/* The record at the front of the buffer, from what is there. */
static enum found look(struct input *input, struct record *record)
{
    const struct bytes rest = flow_bytes(input->flow);
    const char *const at = rest.data;
    const char *const end = at + rest.size;
    const char *feed = rest.size > 0 ? find_end(at, end, input->delimiter) : NULL;
    const bool is_over = rest.size > LINE_BYTES_MAX + 2;
    if (feed == NULL && !is_over && !flow_at_end(input->flow)) {
        return FOUND_NOTHING;
    }
    if (feed == NULL || feed - at > LINE_BYTES_MAX + 1) {
        feed = memchr(at, '\n', rest.size); /* an open quote: only its line is bad */
    }
    *record = make_record(at, feed, end);
    if (record->text.size > LINE_BYTES_MAX) {
        return FOUND_TOO_LONG;
    }
    return rest.size > 0 ? FOUND_RECORD : FOUND_NOTHING;
}

static size_t count_feeds(const char *at, size_t size)
{
    const char *const end = at + size;
    size_t n = 0;
    while ((at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        at++;
        n++;
    }
    return n;
}

static void take(struct input *input, struct record record)
{
    input->line += count_feeds(record.text.data, record.size);
    flow_take(input->flow, record.size);
}

/* What is left of a record that was too long. False if its end has not come. */
static bool skip_rest(struct input *input, bool may_wait)
{
    while (input->is_skipping) {
        const struct bytes rest = flow_bytes(input->flow);
        const char *const feed = memchr(rest.data, '\n', rest.size);
        if (feed != NULL) {
            flow_take(input->flow, (size_t)(feed + 1 - (const char *)rest.data));
            input->line++;
            input->is_skipping = false;
        } else {
            flow_take(input->flow, rest.size);
            if (!may_wait || !flow_fill(input->flow)) {
                return false;
            }
        }
    }
    return true;
}

/* The next record that is not empty; waits for it if it may. */
static enum found find_record(struct input *input, bool may_wait, struct record *record)
{
    if (!skip_rest(input, may_wait)) {
        return FOUND_NOTHING;
    }
    for (;;) {
        const enum found found = look(input, record);
        if (found == FOUND_RECORD && record->text.size == 0) {
            take(input, *record);
        } else if (found != FOUND_NOTHING) {
            return found;
        } else if (!may_wait || (!flow_fill(input->flow) && !flow_at_end(input->flow))) {
            return FOUND_NOTHING;
        } else if (flow_at_end(input->flow) && flow_bytes(input->flow).size == 0) {
            return FOUND_NOTHING;
        }
    }
}

/* The place of a fault as a line and a column, both from 1. */
static void place_fault(struct input *input, const char *begin)
{
    const char *const at = input->reader->fault.at;
    const char *line = begin;
    const char *feed;
    input->fault_line = input->line;
    while ((feed = memchr(line, '\n', (size_t)(at - line))) != NULL) {
        line = feed + 1;
        input->fault_line++;
    }
    input->fault_column = (size_t)(at - line) + 1;
}

static void reject_long(struct input *input, struct record record)
{
    reader_begin_row(input->reader);
    reader_reject(input->reader, REASON_SIZE, record.text, record.text.data,
                  "a record of over %d bytes", LINE_BYTES_MAX);
    place_fault(input, record.text.data);
    input->is_skipping = ((const char *)record.text.data)[record.size - 1] != '\n';
}

static bool csv_file_next(struct input *input)
{
    struct reader *const reader = input->reader;
    reader->n = reader->n_rejected = 0;
    while (reader_has_room(reader)) {
        struct record record;
        const enum found found = find_record(input, reader->n == 0, &record);
        if (found == FOUND_NOTHING) {
            break;
        }
        input->row_line[reader->n] = input->line;
        if (found == FOUND_TOO_LONG) {
            reject_long(input, record);
        } else {
            text_begin(reader, record.text);
            csv_read_record(reader, record.text, input->delimiter);
            if (reader->n_rejected > 0) {
                place_fault(input, record.text.data);
            }
        }
        take(input, record);
    }
    const bool has_rows = reader_finish(reader, &input->batch);
    if (reader->n_rejected > 0) {
        input->batch.detail = reader->fault.cause;
    }
    return has_rows;
}

/* ---- The first records ------------------------------------------------------- */

/* The delimiter that stands most often outside of quotes in the first line. */
static char find_delimiter(struct bytes text)
{
    static const char candidates[] = ",;\t";
    size_t count[sizeof(candidates)] = {0};
    const char *const at = text.data;
    bool is_quoted = false;
    for (size_t i = 0; i < text.size && at[i] != '\n'; i++) {
        const char *const found = strchr(candidates, at[i]);
        is_quoted = is_quoted != (at[i] == '"');
        if (!is_quoted && at[i] != '\0' && found != NULL) {
            count[found - candidates]++;
        }
    }
    size_t best = 0;
    for (size_t i = 1; i < sizeof(candidates) - 1; i++) {
        best = count[i] > count[best] ? i : best;
    }
    return candidates[best];
}

/* A record is a header when it has text in it, and no number and no time. */
static bool is_header(const struct columns *cells)
{
    bool has_text = false;
    for (size_t c = 0; c < cells->n; c++) {
        const struct bytes cell = {cells->name[c], strlen(cells->name[c])};
        double value;
        if (cell.size == 0) {
            continue;
        }
        if (csv_number(cell, &value) || isotime_read(cell.data, cell.size, &value)) {
            return false;
        }
        has_text = true;
    }
    return has_text;
}

/* The cells of a record as names, and whether each could be a number. */
static bool split(struct input *input, struct bytes text, struct columns *cells,
                  const struct input_failure *failure)
{
    static const char memory[] = "%s: out of memory";
    char scratch[LINE_BYTES_MAX];
    struct csv csv = {.at = text.data,
                      .end = (const char *)text.data + text.size,
                      .delimiter = input->delimiter,
                      .scratch = scratch};
    const struct csv begin = csv;
    struct bytes cell;
    size_t n = 0;
    do {
        if (!csv_cell(&csv, &cell)) {
            return input_fail(failure, EX_DATAERR, "%s:%llu:%zu: %s: quotes in pairs",
                              input->name, (unsigned long long)input->line,
                              (size_t)(csv.at - begin.at) + 1, csv.error);
        }
        n++;
    } while (csv_more(&csv));
    if (!columns_new(cells, n)) {
        return input_fail(failure, EX_OSERR, memory, input->name);
    }
    csv = begin;
    for (size_t c = 0; c < n; c++) {
        double value;
        csv_cell(&csv, &cell);
        csv_more(&csv);
        if (!columns_set(cells, c, cell, csv_number(cell, &value))) {
            return input_fail(failure, EX_OSERR, memory, input->name);
        }
    }
    return true;
}

/* Which columns hold numbers, after the first record of data. */
static void judge_columns(struct columns *columns, const struct columns *cells)
{
    for (size_t c = 0; c < columns->n; c++) {
        columns->is_number[c] = c < cells->n && cells->is_number[c];
    }
}

/* Names for columns that have none. */
static bool number_columns(struct columns *columns, size_t n,
                           const struct input_failure *failure)
{
    char count[24];
    snprintf(count, sizeof(count), "%zu", n);
    return columns_read(columns, count, failure);
}

/* The header if there is one, and the first record of data: *cells. */
static bool read_head(struct input *input, struct columns *columns, struct columns *cells,
                      const struct input_failure *failure)
{
    struct record record;
    const bool has_columns = columns->n > 0;
    if (find_record(input, true, &record) != FOUND_RECORD) {
        return has_columns ||
               input_fail(failure, EX_DATAERR, "%s: no record: a header or points",
                          input->name);
    }
    if (!split(input, record.text, cells, failure)) {
        return false;
    }
    if (!is_header(cells)) {
        return has_columns || number_columns(columns, cells->n, failure);
    }
    if (!has_columns) {
        *columns = *cells;
        columns->has_names = true;
        *cells = (struct columns){0};
    }
    take(input, record);
    columns_clear(cells);
    return find_record(input, true, &record) != FOUND_RECORD ||
           split(input, record.text, cells, failure);
}

static bool csv_file_open(struct input *input, const struct input_options *options,
                          struct columns *columns, const struct input_failure *failure)
{
    (void)options;
    static const char mark[] = "\xef\xbb\xbf";
    struct columns cells = {0};
    flow_want(input->flow, 3);
    if (flow_bytes(input->flow).size >= 3 &&
        memcmp(flow_bytes(input->flow).data, mark, 3) == 0) {
        flow_take(input->flow, 3);
    }
    /* The delimiter matters to no line without quotes; a quoted delimiter in the first
     * line is seen, a quoted line end there is found with the delimiter in hand. */
    input->delimiter = ',';
    struct record record;
    if (find_record(input, true, &record) != FOUND_NOTHING) {
        input->delimiter = find_delimiter(record.text);
    }
    const bool is_ok = read_head(input, columns, &cells, failure);
    if (is_ok && cells.n > 0) {
        judge_columns(columns, &cells);
    }
    columns_clear(&cells);
    return is_ok;
}

const struct input_kind input_csv = {" csv .csv .tsv ", true, csv_file_open, NULL,
                                     csv_file_next};
