/* SPDX-License-Identifier: MIT
 *
 * Binary rows into points. Rows of aligned float64 in the order of the fields are not
 * copied, unless there are so few of them that those of other messages may join; every
 * other layout is gathered column by column. */
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

/* The rows as they lie in the message, or NULL where they must be copied. */
static const double *view_fields(const struct reader *reader)
{
    const struct body *body = &reader->body;
    const size_t first = reader->layout->first_field;
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
    return layout->n_columns == layout->n_fields && layout->first_field == 0 &&
           !reader->body.is_fortran;
}

/* Rows of which every column is a field, as they lie. */
static void load_plain(const struct reader *reader, size_t n, double *to)
{
    const struct body *body = &reader->body;
    const unsigned char *from = cell(reader, body->next_row, 0);
    const size_t n_values = n * reader->layout->n_columns;
    if (body->dtype->load == load_f8 && !body->swap) {
        memcpy(to, from, n_values * sizeof(*to));
    } else {
        body->dtype->load(from, body->dtype->size, n_values, body->swap, to, 1);
    }
}

/* Copies n rows, without the fields when these are left where they lie, behind those that
 * the batch has. */
static void load_columns(struct reader *reader, size_t n, bool with_fields)
{
    const struct layout *layout = reader->layout;
    const struct body *body = &reader->body;
    if (with_fields && is_plain(reader)) {
        load_plain(reader, n, reader->x + reader->n * layout->n_fields);
        return;
    }
    for (size_t c = 0; c < layout->n_columns; c++) {
        const struct column *column = &layout->columns[c];
        double *to = NULL;
        size_t to_step = 1;
        if (column->role == COLUMN_FIELD && with_fields) {
            to = reader->x + reader->n * layout->n_fields + column->field;
            to_step = layout->n_fields;
        } else if (column->role == COLUMN_TIME) {
            to = reader->time + reader->n;
        } else if (column->role == COLUMN_WEIGHT) {
            to = reader->weight + reader->n;
        } else if (column->role == COLUMN_KEY) {
            to = reader->key_number + reader->n;
        }
        if (to != NULL) {
            body->dtype->load(cell(reader, body->next_row, c), row_step(reader), n,
                              body->swap, to, to_step);
        }
    }
}

/* Two numbers side by side in memory. */
typedef double pair __attribute__((vector_size(16), aligned(8), may_alias));
typedef int64_t pair_mask __attribute__((vector_size(16)));

/* Whether no number is missing or too large; without a branch for each, two at a time in
 * registers that every machine has. */
static bool all_in_range(const double *x, size_t n)
{
    const pair least = {-VALUE_MAX, -VALUE_MAX}, most = {VALUE_MAX, VALUE_MAX};
    pair_mask good = {-1, -1};
    size_t i = 0;
    for (; i + 4 <= n; i += 4) {
        const pair a = *(const pair *)(x + i), b = *(const pair *)(x + i + 2);
        good &= (a >= least) & (a <= most) & (b >= least) & (b <= most);
    }
    bool is_good = (good[0] & good[1]) != 0;
    for (; i < n; i++) {
        is_good &= fabs(x[i]) <= VALUE_MAX;
    }
    return is_good;
}

/* Whether no value of the rows would be rejected. */
static bool all_good(const double *x, size_t n, size_t n_fields, size_t stride)
{
    bool is_good = true;
    if (stride == n_fields) {
        return all_in_range(x, n * n_fields);
    }
    for (size_t i = 0; i < n; i++) {
        is_good &= all_in_range(x + i * stride, n_fields);
    }
    return is_good;
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

/* Judges n rows one by one, until the batch has no room for more. */
static void check_rows(struct reader *reader, const double *x, size_t n, size_t stride)
{
    const size_t first = reader->n;
    for (size_t i = 0; i < n && reader_has_room(reader); i++) {
        if (reader->layout->has_key) {
            reader_set_key_number(reader, first + i, reader->key_number[first + i]);
        }
        const struct bytes origin = row_origin(reader, reader->body.next_row + i);
        const struct verdict verdict =
            reader_check_row(reader, first + i, x + i * stride, REASON_VALUE);
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

/* Whether a row is judged by more than the range of its fields. */
static bool has_more_rules(const struct layout *layout)
{
    return layout->has_weight || layout->has_time || layout->has_key ||
           layout->families != NULL;
}

/* Adds n rows to the batch, each with its verdict. */
static void judge_rows(struct reader *reader, const double *x, size_t n, size_t stride)
{
    if (has_more_rules(reader->layout) ||
        !all_good(x, n, reader->layout->n_fields, stride)) {
        check_rows(reader, x, n, stride);
    } else {
        memset(reader->reason + reader->n, REASON_NONE, n);
        reader->n += n;
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
    const bool may_grow = n == body->n_rows && n <= READER_BATCH / 2;
    const double *x = may_grow ? NULL : view_fields(reader);
    const size_t stride = x != NULL ? layout->n_columns : layout->n_fields;
    load_columns(reader, n, x == NULL);
    x = x != NULL ? x : reader->x;
    judge_rows(reader, x, n, stride);
    reader->is_open_to_more = may_grow && reader->n == n && reader->n_rejected == 0;
    body->next_row += reader->n;
    reader_finish(reader, batch);
    batch->x = x;
    batch->stride = stride;
    return true;
}

bool body_join(struct reader *reader)
{
    const size_t n = reader->body.n_rows, before = reader->n;
    const size_t n_fields = reader->layout->n_fields;
    if (n > READER_BATCH - before) {
        return false;
    }
    load_columns(reader, n, true);
    judge_rows(reader, reader->x + before * n_fields, n, n_fields);
    return true;
}
