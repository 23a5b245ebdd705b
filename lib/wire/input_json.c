/* SPDX-License-Identifier: MIT
 *
 * Files of JSON lines. Whole lines, as many as are there, are read as one message of
 * the feed would be. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "format.h"
#include "input_impl.h"
#include "parts.h"
#include "scan.h"

/* ---- Columns of the first line ------------------------------------------------- */

/* The columns found so far, in a list that grows. */
struct found {
    struct columns *columns;
    size_t room;
};

static bool grow(struct found *found)
{
    const size_t room = 2 * found->room + 16;
    if (!columns_reserve(found->columns, room)) {
        return false;
    }
    found->room = room;
    return true;
}

static bool add_column(struct found *found, struct bytes name, bool is_number)
{
    struct columns *const columns = found->columns;
    if (columns->n == found->room && !grow(found)) {
        return false;
    }
    columns->name[columns->n] = NULL;
    columns->n++;
    return columns_set(columns, columns->n - 1, name, is_number);
}

/* A value, and whether it could be a field: a number or null. */
static bool skip_value(struct scan *scan, bool *is_number)
{
    const char c = scan_peek(scan);
    *is_number = c == '-' || (c >= '0' && c <= '9') || c == 'n';
    return scan_skip(scan);
}

static bool read_members(struct scan *scan, struct found *found, char *scratch)
{
    found->columns->has_names = true;
    if (scan_take(scan, '}')) {
        return true;
    }
    do {
        struct bytes name;
        bool is_number;
        if (!scan_text(scan, scratch, &name) || !scan_expect(scan, ':') ||
            !skip_value(scan, &is_number)) {
            return false;
        }
        if (!add_column(found, name, is_number)) {
            return scan_fail(scan, "out of memory");
        }
    } while (scan_take(scan, ','));
    return scan_expect(scan, '}');
}

static bool read_values(struct scan *scan, struct found *found)
{
    if (scan_take(scan, ']')) {
        return true;
    }
    do {
        char number[24];
        bool is_number;
        const int size = snprintf(number, sizeof(number), "x%zu", found->columns->n);
        const struct bytes name = {number, (size_t)size};
        if (!skip_value(scan, &is_number)) {
            return false;
        }
        if (!add_column(found, name, is_number)) {
            return scan_fail(scan, "out of memory");
        }
    } while (scan_take(scan, ','));
    return scan_expect(scan, ']');
}

/* The columns of the first point of a line. */
static bool read_point(struct scan *scan, struct found *found, char *scratch)
{
    if (scan_take(scan, '{')) {
        return read_members(scan, found, scratch);
    }
    if (!scan_expect(scan, '[')) {
        return false;
    }
    const char c = scan_peek(scan);
    if (c == '[' || c == '{') { /* of an array of points, the first */
        scan->at++;
        return c == '{' ? read_members(scan, found, scratch) : read_values(scan, found);
    }
    return read_values(scan, found);
}

/* The first line that is not empty; false if there is none or it is too long. */
static bool first_line(struct input *input, struct bytes *line)
{
    for (;;) {
        const struct bytes rest = flow_bytes(input->flow);
        const char *const at = rest.data;
        const char *const feed = memchr(at, '\n', rest.size);
        if (feed != NULL || flow_at_end(input->flow)) {
            *line = (struct bytes){at, feed != NULL ? (size_t)(feed - at) : rest.size};
            if (line->size > 0 && !(line->size == 1 && *at == '\r')) {
                return line->size <= LINE_BYTES_MAX + 1;
            }
            if (feed == NULL) {
                return false;
            }
            flow_take(input->flow, line->size + 1);
            input->line++;
        } else if (!flow_fill(input->flow) && !flow_at_end(input->flow)) {
            return false;
        }
    }
}

static bool json_file_open(struct input *input, const struct input_options *options,
                           struct columns *columns, const struct input_failure *failure)
{
    (void)options;
    struct bytes line;
    if (columns->n > 0) {
        return true;
    }
    if (!first_line(input, &line)) {
        return input_fail(failure, EX_DATAERR, "%s: no first line: an object or an array",
                          input->name);
    }
    struct scan scan = {.at = line.data, .end = (const char *)line.data + line.size};
    struct found found = {columns, 0};
    char scratch[LINE_BYTES_MAX + 1];
    if (!read_point(&scan, &found, scratch)) {
        return input_fail(failure, EX_DATAERR,
                          "%s:%llu:%zu: %s: an object or an array of numbers",
                          input->name, (unsigned long long)input->line,
                          (size_t)(scan.at - (const char *)line.data) + 1, scan.error);
    }
    return true;
}

/* ---- Rows ------------------------------------------------------------------------ */

/* The lines that end within the bytes that are there, or all at the end. */
static bool next_chunk(struct input *input)
{
    for (;;) {
        const struct bytes rest = flow_bytes(input->flow);
        size_t size = rest.size;
        while (size > 0 && ((const char *)rest.data)[size - 1] != '\n') {
            size--;
        }
        /* The end, or a line that fills the buffer: it is too long anyway. */
        if (size == 0 && (flow_at_end(input->flow) || rest.size == FLOW_SIZE)) {
            size = rest.size;
        }
        if (size > 0) {
            input->chunk = (struct bytes){rest.data, size};
            input->counted = rest.data;
            text_begin(input->reader, input->chunk);
            return true;
        }
        if (!flow_fill(input->flow) &&
            !(flow_at_end(input->flow) && flow_bytes(input->flow).size > 0) &&
            flow_bytes(input->flow).size < FLOW_SIZE) {
            return false;
        }
    }
}

/* Counts lines up to a place of the chunk. */
static void count_to(struct input *input, const char *place)
{
    const char *feed;
    while ((feed = memchr(input->counted, '\n', (size_t)(place - input->counted))) !=
           NULL) {
        input->counted = feed + 1;
        input->line++;
    }
}

static void place_rows(struct input *input)
{
    const struct reader *const reader = input->reader;
    for (size_t i = 0; i < reader->n; i++) {
        count_to(input, reader->origin[i].data);
        input->row_line[i] = input->line;
    }
    if (reader->n_rejected > 0) {
        count_to(input, reader->fault.at);
        input->fault_line = input->line;
        input->fault_column = (size_t)(reader->fault.at - input->counted) + 1;
        input->batch.detail = reader->fault.cause;
    }
}

static void end_chunk(struct input *input)
{
    const char *const end = (const char *)input->chunk.data + input->chunk.size;
    count_to(input, end);
    flow_take(input->flow, input->chunk.size);
    input->chunk = (struct bytes){NULL, 0};
}

static bool json_file_next(struct input *input)
{
    struct reader *const reader = input->reader;
    do {
        if (input->chunk.data != NULL) {
            reader->n = reader->n_rejected = 0;
            if (format_json.next(reader, &input->batch)) {
                place_rows(input);
                return true;
            }
            end_chunk(input);
        }
    } while (next_chunk(input));
    return false;
}

const struct input_kind input_json = {" json ndjson .ndjson .jsonl ", true,
                                      json_file_open, NULL, json_file_next};
