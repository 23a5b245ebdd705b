/* SPDX-License-Identifier: MIT
 *
 * The part of the readers that does not depend on the format: rows, their check, and
 * the batch. */
#include "reader.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format.h"
#include "isotime.h"
#include "number.h"
#include "reader_impl.h"
#include "utf8.h"

static int compare_bytes(struct bytes a, struct bytes b)
{
    if (a.size != b.size) {
        return a.size < b.size ? -1 : 1;
    }
    return memcmp(a.data, b.data, a.size);
}

static int compare_names(const void *a, const void *b)
{
    return compare_bytes(((const struct name *)a)->text, ((const struct name *)b)->text);
}

static void fill_names(struct reader *reader)
{
    const struct layout *layout = reader->layout;
    for (size_t c = 0; c < layout->n_columns; c++) {
        const struct column *column = &layout->columns[c];
        const struct bytes text = {column->name, strlen(column->name)};
        if (column->role != COLUMN_SKIP) {
            reader->guess[reader->n_names] = (struct name){text, c};
            reader->names[reader->n_names++] = (struct name){text, c};
        }
    }
    qsort(reader->names, reader->n_names, sizeof(reader->names[0]), compare_names);
}

struct reader *reader_new(const struct layout *layout)
{
    struct reader *reader = calloc(1, sizeof(*reader));
    if (reader == NULL) {
        return NULL;
    }
    const size_t n = READER_BATCH;
    const size_t n_columns = layout->n_columns + 1; /* never 0 */
    reader->layout = layout;
    reader->x = calloc(n * layout->n_fields + 1, sizeof(double));
    reader->weight = calloc(n, sizeof(double));
    reader->time = calloc(n, sizeof(double));
    reader->key = calloc(n, sizeof(struct bytes));
    reader->key_text = layout->has_key ? calloc(n, KEY_BYTES_MAX + 1) : NULL;
    reader->key_number = calloc(n, sizeof(double));
    reader->reason = calloc(n, sizeof(uint8_t));
    reader->origin = calloc(n, sizeof(struct bytes));
    reader->seen = calloc(n_columns, sizeof(uint32_t));
    reader->names = calloc(n_columns, sizeof(struct name));
    reader->guess = calloc(n_columns, sizeof(struct name));
    reader->scratch = malloc(LINE_BYTES_MAX);
    if (reader->x == NULL || reader->weight == NULL || reader->time == NULL ||
        reader->key == NULL || (layout->has_key && reader->key_text == NULL) ||
        reader->key_number == NULL || reader->reason == NULL || reader->origin == NULL ||
        reader->seen == NULL || reader->names == NULL || reader->guess == NULL ||
        reader->scratch == NULL) {
        reader_destroy(&reader);
        return NULL;
    }
    fill_names(reader);
    return reader;
}

void reader_destroy(struct reader **reader)
{
    struct reader *r = *reader;
    if (r == NULL) {
        return;
    }
    free(r->x);
    free(r->weight);
    free(r->time);
    free(r->key);
    free(r->key_text);
    free(r->key_number);
    free(r->reason);
    free(r->origin);
    free(r->seen);
    free(r->names);
    free(r->guess);
    free(r->scratch);
    free(r);
    *reader = NULL;
}

/* ---- Messages ------------------------------------------------------------- */

void reader_open(struct reader *reader, const struct format *format,
                 const struct bytes *parts, size_t n_parts)
{
    reader->format = format;
    reader->refused = REASON_NONE;
    reader->body.n_rows = reader->body.next_row = 0;
    reader->text = (struct text){0};
    reader->source[0] = '\0';
    reader->seq = 0;
    if (n_parts != format->n_parts) {
        reader_refuse(reader, REASON_FRAMES,
                      n_parts > 0 ? parts[0] : (struct bytes){"", 0},
                      "%zu parts in a message of format %s: %zu wanted", n_parts,
                      format->name, format->n_parts);
        return;
    }
    struct bytes own[FORMAT_PARTS_MAX];
    for (size_t i = 0; i < n_parts; i++) { /* an empty part may have no address */
        own[i] = parts[i].size > 0 ? parts[i] : (struct bytes){"", 0};
    }
    format->open(reader, own);
}

bool reader_next(struct reader *reader, struct batch *batch)
{
    reader->n = reader->n_rejected = 0;
    if (reader->refused == REASON_NONE) {
        return reader->format->next(reader, batch);
    }
    if (reader->refused == REASON_COUNT) { /* told already */
        return false;
    }
    reader_begin_row(reader);
    reader->reason[0] = (uint8_t)reader->refused;
    reader->origin[0] = reader->refused_origin;
    reader->n = reader->n_rejected = 1;
    reader->refused = REASON_COUNT;
    return reader_finish(reader, batch);
}

const char *reader_source(const struct reader *reader, uint64_t *seq)
{
    *seq = reader->seq;
    return reader->source[0] != '\0' ? reader->source : NULL;
}

void reader_refuse(struct reader *reader, enum reason reason, struct bytes origin,
                   const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reader->detail, sizeof(reader->detail), format, arguments);
    va_end(arguments);
    reader->refused = reason;
    reader->refused_origin = origin;
}

bool reader_finish(struct reader *reader, struct batch *batch)
{
    const struct layout *layout = reader->layout;
    *batch = (struct batch){
        .n = reader->n,
        .x = reader->x,
        .stride = layout->n_fields,
        .weight = layout->has_weight ? reader->weight : NULL,
        .time = layout->has_time ? reader->time : NULL,
        .key = layout->has_key ? reader->key : NULL,
        .reason = reader->reason,
        .n_rejected = reader->n_rejected,
        .origin = reader->origin,
        .detail = reader->n_rejected > 0 ? reader->detail : NULL,
    };
    return reader->n > 0;
}

/* ---- Rows ----------------------------------------------------------------- */

void reader_begin_row(struct reader *reader)
{
    const size_t n_fields = reader->layout->n_fields;
    double *x = reader->x + reader->n * n_fields;
    for (size_t d = 0; d < n_fields; d++) {
        x[d] = NAN;
    }
    reader->weight[reader->n] = NAN;
    reader->time[reader->n] = NAN;
    reader->key[reader->n] = (struct bytes){"", 0};
    reader->row_serial++;
    if (reader->row_serial == 0) { /* 2^32 rows: old marks must not come alive */
        memset(reader->seen, 0, reader->layout->n_columns * sizeof(reader->seen[0]));
        reader->row_serial = 1;
    }
}

bool reader_mark_column(struct reader *reader, size_t column)
{
    const bool is_new = reader->seen[column] != reader->row_serial;
    reader->seen[column] = reader->row_serial;
    return is_new;
}

void reader_set_key_number(struct reader *reader, size_t row, double value)
{
    struct bytes *key = &reader->key[row];
    char *text = reader->key_text + row * (KEY_BYTES_MAX + 1);
    *key = (struct bytes){"", 0};
    if (isfinite(value)) {
        *key = (struct bytes){text, number_write(text, value)};
    }
}

void reader_set_number(struct reader *reader, size_t column, double value)
{
    const struct column *c = &reader->layout->columns[column];
    switch (c->role) {
    case COLUMN_FIELD:
        reader->x[reader->n * reader->layout->n_fields + c->field] = value;
        break;
    case COLUMN_TIME:
        reader->time[reader->n] = value;
        break;
    case COLUMN_WEIGHT:
        reader->weight[reader->n] = value;
        break;
    case COLUMN_KEY:
        reader_set_key_number(reader, reader->n, value);
        break;
    case COLUMN_SKIP:
        break;
    }
}

void reader_set_text(struct reader *reader, size_t column, struct bytes text)
{
    const enum column_role role = reader->layout->columns[column].role;
    if (role == COLUMN_TIME) {
        double time;
        reader->time[reader->n] =
            isotime_read(text.data, text.size, &time) ? time : (double)NAN;
    } else if (role == COLUMN_KEY) {
        const uintptr_t scratch = (uintptr_t)reader->scratch;
        const uintptr_t at = (uintptr_t)text.data;
        char *copy = reader->key_text + reader->n * (KEY_BYTES_MAX + 1);
        /* A key too long for its place stays where it is: it is rejected anyway. */
        if (at >= scratch && at < scratch + LINE_BYTES_MAX &&
            text.size <= KEY_BYTES_MAX) {
            memcpy(copy, text.data, text.size);
            text.data = copy;
        }
        reader->key[reader->n] = text;
    }
}

/* The name of the column with this role, or of field d. */
static const char *column_name(const struct layout *layout, enum column_role role,
                               size_t field)
{
    for (size_t c = 0; c < layout->n_columns; c++) {
        const struct column *column = &layout->columns[c];
        if (column->role == role && (role != COLUMN_FIELD || column->field == field)) {
            return column->name;
        }
    }
    return "";
}

static struct verdict check_fields(const struct layout *layout, const double *x,
                                   enum reason infinite)
{
    size_t n_missing = 0;
    for (size_t d = 0; d < layout->n_fields; d++) {
        if (fabs(x[d]) <= VALUE_MAX) {
            continue;
        }
        if (isnan(x[d]) && layout->marginalize) {
            n_missing++;
            continue;
        }
        const enum reason reason = isnan(x[d])   ? REASON_MISSING
                                   : isinf(x[d]) ? infinite
                                                 : REASON_RANGE;
        return (struct verdict){reason, column_name(layout, COLUMN_FIELD, d)};
    }
    if (n_missing == layout->n_fields) {
        return (struct verdict){REASON_UNSCORABLE, "all fields"};
    }
    return (struct verdict){REASON_NONE, ""};
}

static bool key_is_good(struct bytes key)
{
    return key.size >= 1 && key.size <= KEY_BYTES_MAX &&
           memchr(key.data, '\0', key.size) == NULL && utf8_is_valid(key.data, key.size);
}

struct verdict reader_check_row(const struct reader *reader, size_t i, const double *x,
                                enum reason infinite)
{
    const struct layout *layout = reader->layout;
    struct verdict verdict = check_fields(layout, x, infinite);
    if (verdict.reason != REASON_NONE) {
        return verdict;
    }
    if (layout->has_weight &&
        !(reader->weight[i] >= 0.0 && isfinite(reader->weight[i]))) {
        return (struct verdict){REASON_WEIGHT, column_name(layout, COLUMN_WEIGHT, 0)};
    }
    if (layout->has_weight && reader->weight[i] > VALUE_MAX) {
        return (struct verdict){REASON_RANGE, column_name(layout, COLUMN_WEIGHT, 0)};
    }
    if (layout->has_time && !isfinite(reader->time[i])) {
        return (struct verdict){REASON_TIME, column_name(layout, COLUMN_TIME, 0)};
    }
    if (layout->has_key && !key_is_good(reader->key[i])) {
        return (struct verdict){REASON_KEY, column_name(layout, COLUMN_KEY, 0)};
    }
    return verdict;
}

void reader_end_row(struct reader *reader, struct bytes origin)
{
    const double *x = reader->x + reader->n * reader->layout->n_fields;
    const struct verdict verdict = reader_check_row(reader, reader->n, x, REASON_RANGE);
    if (verdict.reason == REASON_NONE) {
        reader->reason[reader->n] = REASON_NONE;
        reader->origin[reader->n++] = origin;
    } else {
        reader_reject(reader, verdict.reason, origin, "byte %zu: %s: %s",
                      text_offset(reader, origin.data), verdict.column,
                      reason_meaning(verdict.reason));
    }
}

void reader_reject(struct reader *reader, enum reason reason, struct bytes origin,
                   const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reader->detail, sizeof(reader->detail), format, arguments);
    va_end(arguments);
    reader->reason[reader->n] = (uint8_t)reason;
    reader->origin[reader->n] = origin;
    reader->n++;
    reader->n_rejected++;
}

size_t reader_find_column(struct reader *reader, struct bytes name, size_t place)
{
    struct name *const guess = place < reader->n_names ? &reader->guess[place] : NULL;
    if (guess != NULL && compare_bytes(guess->text, name) == 0) {
        return guess->column;
    }
    const struct name wanted = {name, 0};
    const struct name *found =
        bsearch(&wanted, reader->names, reader->n_names, sizeof(wanted), compare_names);
    if (found == NULL) {
        return reader->layout->n_columns;
    }
    if (guess != NULL) {
        *guess = *found;
    }
    return found->column;
}
