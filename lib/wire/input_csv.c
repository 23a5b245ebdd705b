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

static struct csv begin_cells(const struct input *input, struct bytes text, char *scratch)
{
    const char *const at = text.data;
    return (struct csv){at, at + text.size, input->delimiter, scratch, NULL};
}

/* The cells of a record as names, and whether each could be a number. */
static bool split(struct input *input, struct bytes text, struct columns *cells,
                  const struct input_failure *failure)
{
    char scratch[LINE_BYTES_MAX];
    struct csv csv = begin_cells(input, text, scratch);
    struct bytes cell;
    size_t n = 0;
    do {
        if (!csv_cell(&csv, &cell)) {
            return input_fail(failure, EX_DATAERR, "%s:%llu:%zu: %s: quotes in pairs",
                              input->name, (unsigned long long)input->line,
                              (size_t)(csv.at - (const char *)text.data) + 1, csv.error);
        }
        n++;
    } while (csv_more(&csv));
    bool is_ok = columns_new(cells, n);
    csv = begin_cells(input, text, scratch);
    for (size_t c = 0; is_ok && c < n; c++) {
        double value;
        csv_cell(&csv, &cell);
        csv_more(&csv);
        is_ok = columns_set(cells, c, cell, csv_number(cell, &value));
    }
    return is_ok || input_fail(failure, EX_OSERR, "%s: out of memory", input->name);
}

/* Whether the cells of a record are as many as the columns; then those that are no
 * numbers make their columns no fields. */
static bool judge_cells(struct input *input, struct bytes text, struct columns *columns)
{
    char scratch[LINE_BYTES_MAX];
    struct csv csv = begin_cells(input, text, scratch);
    struct bytes cell;
    size_t n = 0;
    do {
        if (!csv_cell(&csv, &cell)) {
            return false;
        }
        n++;
    } while (csv_more(&csv));
    csv = begin_cells(input, text, scratch);
    for (size_t c = 0; n == columns->n && c < n; c++) {
        double value;
        csv_cell(&csv, &cell);
        csv_more(&csv);
        columns->is_number[c] = csv_number(cell, &value);
    }
    return n == columns->n;
}

/* Looks at the first good record of data; it waits for one record and no more. */
static void judge_columns(struct input *input, struct columns *columns)
{
    const uint64_t line = input->line;
    struct record record;
    bool may_wait = true;
    for (size_t c = 0; c < columns->n; c++) {
        columns->is_number[c] = true;
    }
    flow_pin(input->flow);
    while (find_record(input, may_wait, &record) == FOUND_RECORD &&
           !judge_cells(input, record.text, columns)) {
        take(input, record);
        may_wait = false;
    }
    flow_rewind(input->flow);
    input->line = line;
}

/* Names for columns that have none. */
static bool number_columns(struct columns *columns, size_t n,
                           const struct input_failure *failure)
{
    char count[24];
    snprintf(count, sizeof(count), "%zu", n);
    return columns_read(columns, count, failure);
}

/* The header if there is one, else names. */
static bool read_head(struct input *input, struct columns *columns,
                      const struct input_failure *failure)
{
    const bool has_columns = columns->n > 0;
    struct columns cells = {0};
    struct record record;
    if (find_record(input, true, &record) != FOUND_RECORD) {
        return has_columns ||
               input_fail(failure, EX_DATAERR, "%s: no record: a header or points",
                          input->name);
    }
    bool is_ok = split(input, record.text, &cells, failure);
    if (is_ok && is_header(&cells)) {
        take(input, record);
        if (!has_columns) {
            *columns = cells;
            columns->has_names = true;
            return true;
        }
    } else if (is_ok && !has_columns) {
        is_ok = number_columns(columns, cells.n, failure);
    }
    columns_clear(&cells);
    return is_ok;
}

static bool csv_file_open(struct input *input, const struct input_options *options,
                          struct columns *columns, const struct input_failure *failure)
{
    (void)options;
    static const char mark[] = "\xef\xbb\xbf";
    struct record record;
    flow_want(input->flow, 3);
    if (flow_bytes(input->flow).size >= 3 &&
        memcmp(flow_bytes(input->flow).data, mark, 3) == 0) {
        flow_take(input->flow, 3);
    }
    /* Which delimiter it is does not matter to where a line without quotes ends, and
     * its first line is all that is looked at. */
    input->delimiter = ',';
    if (find_record(input, true, &record) != FOUND_NOTHING) {
        input->delimiter = find_delimiter(record.text);
    }
    if (!read_head(input, columns, failure)) {
        return false;
    }
    judge_columns(input, columns);
    return true;
}

const struct input_kind input_csv = {" csv .csv .tsv ", true, csv_file_open, NULL,
                                     csv_file_next};
