/* SPDX-License-Identifier: MIT
 *
 * Binary rows into points. Rows of aligned float64 in the order of the fields are not
 * copied at all; every other layout is gathered column by column. */
#include "body.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "reader_impl.h"

#define HOST_IS_BIG (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)

#define KEEP(x) (x)

/* Bytes in messages are not aligned: memcpy, never a cast. Numbers that lie and go side
 * by side have a loop of their own, which compilers make into vectors. */
#define LOAD(name, unsigned_type, type, reverse)                                         \
    static inline double get_##name(const unsigned char *from, bool swap)                \
    {                                                                                    \
        unsigned_type bits;                                                              \
        type value;                                                                      \
        memcpy(&bits, from, sizeof(bits));                                               \
        bits = swap ? reverse(bits) : bits;                                              \
        memcpy(&value, &bits, sizeof(value));                                            \
        return (double)value;                                                            \
    }                                                                                    \
    static void load_##name(const unsigned char *from, size_t step, size_t n, bool swap, \
                            double *to, size_t to_step)                                  \
    {                                                                                    \
        if (step == sizeof(type) && to_step == 1 && !swap) {                             \
            for (size_t i = 0; i < n; i++) {                                             \
                to[i] = get_##name(from + i * sizeof(type), false);                      \
            }                                                                            \
            return;                                                                      \
        }                                                                                \
        for (size_t i = 0; i < n; i++) {                                                 \
            to[i * to_step] = get_##name(from + i * step, swap);                         \
        }                                                                                \
    }

LOAD(f8, uint64_t, double, __builtin_bswap64)
LOAD(f4, uint32_t, float, __builtin_bswap32)
LOAD(i1, uint8_t, int8_t, KEEP)
LOAD(i2, uint16_t, int16_t, __builtin_bswap16)
LOAD(i4, uint32_t, int32_t, __builtin_bswap32)
LOAD(i8, uint64_t, int64_t, __builtin_bswap64)
LOAD(u1, uint8_t, uint8_t, KEEP)
LOAD(u2, uint16_t, uint16_t, __builtin_bswap16)
LOAD(u4, uint32_t, uint32_t, __builtin_bswap32)
LOAD(u8, uint64_t, uint64_t, __builtin_bswap64)

static const struct dtype dtypes[] = {
    {"float64", "f8", 8, load_f8}, {"float32", "f4", 4, load_f4},
    {"int8", "i1", 1, load_i1},    {"int16", "i2", 2, load_i2},
    {"int32", "i4", 4, load_i4},   {"int64", "i8", 8, load_i8},
    {"uint8", "u1", 1, load_u1},   {"uint16", "u2", 2, load_u2},
    {"uint32", "u4", 4, load_u4},  {"uint64", "u8", 8, load_u8},
};

static bool is_text(struct bytes text, const char *wanted)
{
    return text.size == strlen(wanted) && memcmp(text.data, wanted, text.size) == 0;
}

const struct dtype *dtype_find(struct bytes text, bool *swap)
{
    *swap = false;
    struct bytes code = text;
    if (code.size > 0 && memchr("<>=|", *(const char *)code.data, 4) != NULL) {
        const char order = *(const char *)code.data;
        *swap = order == (HOST_IS_BIG ? '<' : '>');
        code.data = (const char *)code.data + 1;
        code.size--;
    }
    for (size_t i = 0; i < sizeof(dtypes) / sizeof(dtypes[0]); i++) {
        if (is_text(text, dtypes[i].name) || is_text(code, dtypes[i].code)) {
            return &dtypes[i];
        }
    }
    return NULL;
}

bool body_fits(const struct dtype *dtype, size_t n_rows, size_t n_columns, size_t size)
{
    size_t n;
    return !__builtin_mul_overflow(n_rows, n_columns, &n) &&
           !__builtin_mul_overflow(n, dtype->size, &n) && n == size;
}

/* Bytes from a column to the next, from a row to the next. */
static size_t column_step(const struct reader *reader)
{
    const struct body *body = &reader->body;
    return body->is_fortran ? body->n_rows * body->dtype->size : body->dtype->size;
}

static size_t row_step(const struct reader *reader)
{
    const struct body *body = &reader->body;
    return body->is_fortran ? body->dtype->size
                            : reader->layout->n_columns * body->dtype->size;
}

static const unsigned char *cell(const struct reader *reader, size_t row, size_t column)
{
    return reader->body.data + row * row_step(reader) + column * column_step(reader);
}

/* The column of field 0 if the other fields follow it in their order, else n_columns. */
static size_t first_field(const struct layout *layout)
{
    for (size_t c = 0; c + layout->n_fields <= layout->n_columns; c++) {
        size_t d = 0;
        while (d < layout->n_fields && layout->columns[c + d].role == COLUMN_FIELD &&
               layout->columns[c + d].field == d) {
            d++;
        }
        if (d == layout->n_fields) {
            return c;
        }
    }
    return layout->n_columns;
}

/* The rows as they lie in the message, or NULL where they must be copied. */
static const double *view_fields(const struct reader *reader)
{
    const struct body *body = &reader->body;
    const size_t first = first_field(reader->layout);
    if (body->dtype->load != load_f8 || body->swap || body->is_fortran ||
        first == reader->layout->n_columns) {
        return NULL;
    }
    const unsigned char *at = cell(reader, body->next_row, first);
    return (uintptr_t)at % _Alignof(double) == 0 ? (const void *)at : NULL;
}

/* The columns are the fields, in their order, and rows lie one after the other. */
static bool is_plain(const struct reader *reader)
{
    const struct layout *const layout = reader->layout;
    return layout->n_columns == layout->n_fields && first_field(layout) == 0 &&
           !reader->body.is_fortran;
}

/* Copies n rows, without the fields when these are left where they lie. */
static void load_columns(struct reader *reader, size_t n, bool with_fields)
{
    const struct layout *layout = reader->layout;
    const struct body *body = &reader->body;
    if (with_fields && is_plain(reader)) {
        body->dtype->load(cell(reader, body->next_row, 0), body->dtype->size,
                          n * layout->n_columns, body->swap, reader->x, 1);
        return;
    }
    for (size_t c = 0; c < layout->n_columns; c++) {
        const struct column *column = &layout->columns[c];
        double *to = NULL;
        size_t to_step = 1;
        if (column->role == COLUMN_FIELD && with_fields) {
            to = reader->x + column->field;
            to_step = layout->n_fields;
        } else if (column->role == COLUMN_TIME) {
            to = reader->time;
        } else if (column->role == COLUMN_WEIGHT) {
            to = reader->weight;
        } else if (column->role == COLUMN_KEY) {
            to = reader->key_number;
        }
        if (to != NULL) {
            body->dtype->load(cell(reader, body->next_row, c), row_step(reader), n,
                              body->swap, to, to_step);
        }
    }
}

/* Whether no value of the rows would be rejected; a loop without a branch. */
static bool all_good(const double *x, size_t n, size_t n_fields, size_t stride)
{
    size_t n_bad = 0;
    for (size_t i = 0; i < n; i++) {
        for (size_t d = 0; d < n_fields; d++) {
            n_bad += fabs(x[i * stride + d]) <= VALUE_MAX ? 0 : 1;
        }
    }
    return n_bad == 0;
}

/* The bytes of a row; of all rows where they do not lie together. */
static struct bytes row_origin(const struct reader *reader, size_t row)
{
    const struct body *body = &reader->body;
    if (body->is_fortran) {
        const size_t n = body->n_rows * reader->layout->n_columns;
        return (struct bytes){body->data, n * body->dtype->size};
    }
    return (struct bytes){cell(reader, row, 0), row_step(reader)};
}

/* Judges rows one by one, until the batch has no room for more. */
static void check_rows(struct reader *reader, const double *x, size_t n, size_t stride)
{
    for (size_t i = 0; i < n && reader_has_room(reader); i++) {
        if (reader->layout->has_key) {
            reader_set_key_number(reader, i, reader->key_number[i]);
        }
        const struct bytes origin = row_origin(reader, reader->body.next_row + i);
        const struct verdict verdict =
            reader_check_row(reader, i, x + i * stride, REASON_VALUE);
        if (verdict.reason == REASON_NONE) {
            reader_accept(reader, origin);
        } else {
            reader_reject(
                reader, verdict.reason, origin, NULL, "row %llu: %s: %s",
                (unsigned long long)(reader->body.first_row + reader->body.next_row + i),
                verdict.name, reason_meaning(verdict.reason));
        }
    }
}

bool body_next(struct reader *reader, struct batch *batch)
{
    const struct layout *layout = reader->layout;
    struct body *body = &reader->body;
    const size_t left = body->n_rows - body->next_row;
    const size_t n = left < READER_BATCH ? left : READER_BATCH;
    if (n == 0) {
        return false;
    }
    const double *x = view_fields(reader);
    const size_t stride = x != NULL ? layout->n_columns : layout->n_fields;
    load_columns(reader, n, x == NULL);
    x = x != NULL ? x : reader->x;
    if (layout->has_weight || layout->has_time || layout->has_key ||
        layout->families != NULL || !all_good(x, n, layout->n_fields, stride)) {
        check_rows(reader, x, n, stride);
    } else {
        memset(reader->reason, REASON_NONE, n);
        reader->n = n;
    }
    body->next_row += reader->n;
    reader_finish(reader, batch);
    batch->x = x;
    batch->stride = stride;
    return true;
}
