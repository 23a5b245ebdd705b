/* SPDX-License-Identifier: MIT
 *
 * `f64` and `f32`: n x columns numbers, row-major, little-endian, and nothing else. */
#include "format.h"
#include "parts.h"
#include "reader_impl.h"

static void open_raw(struct reader *reader, struct bytes body, const char *code)
{
    bool swap;
    const struct dtype *dtype = dtype_find((struct bytes){code, 3}, &swap);
    const size_t row_size = reader->layout->n_columns * dtype->size;
    if (body.size == 0 || body.size % row_size != 0) {
        reader_refuse(reader, REASON_SHAPE, body,
                      "%zu bytes: a multiple of %zu wanted, for %zu columns of %s",
                      body.size, row_size, reader->layout->n_columns, dtype->name);
        return;
    }
    reader->body = (struct body){
        .data = body.data, .dtype = dtype, .swap = swap, .n_rows = body.size / row_size};
}

static void f64_open(struct reader *reader, const struct bytes *parts)
{
    open_raw(reader, parts[0], "<f8");
}

static void f32_open(struct reader *reader, const struct bytes *parts)
{
    open_raw(reader, parts[0], "<f4");
}

static bool f64_encode(const struct layout *layout, const struct rows *rows,
                       struct parts *parts)
{
    parts_clear(parts);
    return parts_begin(parts) && parts_add_doubles(parts, layout, rows);
}

static bool f32_encode(const struct layout *layout, const struct rows *rows,
                       struct parts *parts)
{
    parts_clear(parts);
    return parts_begin(parts) && parts_add_floats(parts, layout, rows);
}

const struct format format_f64 = {"f64", 1, f64_open, body_next, body_join, f64_encode};
const struct format format_f32 = {"f32", 1, f32_open, body_next, body_join, f32_encode};
