/* SPDX-License-Identifier: MIT
 *
 * Rows: set column by column, judged at their end, and made points of the batch. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isotime.h"
#include "number.h"
#include "reader_impl.h"
#include "utf8.h"

void reader_begin_row(struct reader *reader)
{
    const size_t n_fields = reader->layout->n_fields;
    double *x = reader->x + reader->n * n_fields;
    for (size_t d = 0; d < n_fields; d++) {
        x[d] = NO_VALUE;
    }
    reader->weight[reader->n] = NO_VALUE;
    reader->time[reader->n] = NO_VALUE;
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
            isotime_read(text.data, text.size, &time) ? time : NO_VALUE;
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

/* A verdict on the column with this role, or on that of field d. */
static struct verdict blame(const struct layout *layout, enum reason reason,
                            enum column_role role, size_t field)
{
    size_t c = 0;
    while (c + 1 < layout->n_columns &&
           (layout->columns[c].role != role ||
            (role == COLUMN_FIELD && layout->columns[c].field != field))) {
        c++;
    }
    return (struct verdict){reason, c, layout->columns[c].name};
}

/* Whether field d can have that value, which is there and finite. */
static bool is_in_range(const struct layout *layout, size_t d, double x)
{
    return fabs(x) <= VALUE_MAX &&
           (layout->families == NULL ||
            mix_family_accepts(layout->families[d], layout->categories, x));
}

static struct verdict check_fields(const struct layout *layout, const double *x,
                                   enum reason infinite)
{
    size_t n_missing = 0;
    for (size_t d = 0; d < layout->n_fields; d++) {
        if (is_in_range(layout, d, x[d])) {
            continue;
        }
        if (isnan(x[d]) && layout->marginalize) {
            n_missing++;
            continue;
        }
        const enum reason reason = isnan(x[d])   ? REASON_MISSING
                                   : isinf(x[d]) ? infinite
                                                 : REASON_RANGE;
        return blame(layout, reason, COLUMN_FIELD, d);
    }
    if (n_missing == layout->n_fields) {
        return (struct verdict){REASON_UNSCORABLE, 0, "all fields"};
    }
    return (struct verdict){REASON_NONE, 0, ""};
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
        return blame(layout, REASON_WEIGHT, COLUMN_WEIGHT, 0);
    }
    if (layout->has_weight && reader->weight[i] > VALUE_MAX) {
        return blame(layout, REASON_RANGE, COLUMN_WEIGHT, 0);
    }
    if (layout->has_time && !isfinite(reader->time[i])) {
        return blame(layout, REASON_TIME, COLUMN_TIME, 0);
    }
    if (layout->has_key && !key_is_good(reader->key[i])) {
        return blame(layout, REASON_KEY, COLUMN_KEY, 0);
    }
    return verdict;
}

struct verdict reader_check_open_row(const struct reader *reader)
{
    const double *x = reader->x + reader->n * reader->layout->n_fields;
    return reader_check_row(reader, reader->n, x, REASON_RANGE);
}

void reader_accept(struct reader *reader, struct bytes origin)
{
    reader->reason[reader->n] = REASON_NONE;
    reader->origin[reader->n++] = origin;
}

void reader_reject(struct reader *reader, enum reason reason, struct bytes origin,
                   const char *at, const char *format, ...)
{
    int length = 0;
    if (at != NULL) {
        const size_t place = (size_t)(at - reader->text.begin);
        length = snprintf(reader->detail, sizeof(reader->detail), "byte %zu: ", place);
    }
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reader->detail + length, sizeof(reader->detail) - (size_t)length, format,
              arguments);
    va_end(arguments);
    reader->fault = (struct fault){at, reader->detail + length};
    reader->reason[reader->n] = (uint8_t)reason;
    reader->origin[reader->n] = origin;
    reader->n++;
    reader->n_rejected++;
}

void reader_reject_verdict(struct reader *reader, struct verdict verdict,
                           struct bytes origin, const char *at)
{
    reader_reject(reader, verdict.reason, origin, at, "%s: %s", verdict.name,
                  reason_meaning(verdict.reason));
}

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

void reader_sort_names(struct reader *reader)
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
