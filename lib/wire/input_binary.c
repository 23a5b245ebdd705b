/* SPDX-License-Identifier: MIT
 *
 * Files of binary rows: .npy in either order, .f64 and .f32 raw. Rows are views of the
 * buffer where their form allows it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "input_impl.h"

static size_t row_size(const struct input *input)
{
    return input->layout->n_columns * input->npy.dtype->size;
}

/* ---- Opening ------------------------------------------------------------------- */

static bool raw_open(struct input *input, const char *code, struct columns *columns,
                     const struct input_failure *failure)
{
    if (columns->n == 0) {
        return input_fail(failure, EX_USAGE,
                          "%s: raw numbers have no columns: --columns with names or a "
                          "number",
                          input->name);
    }
    input->npy.dtype = dtype_find((struct bytes){code, 3}, &input->npy.swap);
    input->n_rows = UINT64_MAX;
    return true;
}

static bool f64_open(struct input *input, const struct input_options *options,
                     struct columns *columns, const struct input_failure *failure)
{
    (void)options;
    return raw_open(input, "<f8", columns, failure);
}

static bool f32_open(struct input *input, const struct input_options *options,
                     struct columns *columns, const struct input_failure *failure)
{
    (void)options;
    return raw_open(input, "<f4", columns, failure);
}

/* An array of one axis is one column. */
static bool check_shape(struct input *input, struct columns *columns,
                        const struct input_failure *failure)
{
    const struct npy *const npy = &input->npy;
    const size_t n_columns = npy->n_axes == 2 ? npy->shape[1] : 1;
    const uint64_t total = flow_total(input->flow);
    size_t size;
    if (npy->n_axes < 1 || npy->n_axes > 2 || n_columns == 0 ||
        n_columns > INPUT_COLUMNS_MAX ||
        __builtin_mul_overflow(npy->shape[0], n_columns * npy->dtype->size, &size)) {
        return input_fail(failure, EX_DATAERR,
                          "%s: %zu axes of %zu x %zu: rows and columns", input->name,
                          npy->n_axes, npy->shape[0], npy->shape[1]);
    }
    if (total > 0 && total - npy->data_at < size) {
        return input_fail(failure, EX_DATAERR,
                          "%s: %llu bytes of %zu: cut off, a whole file", input->name,
                          (unsigned long long)(total - npy->data_at), size);
    }
    if (npy->is_fortran && total == 0) {
        return input_fail(failure, EX_DATAERR,
                          "%s: columns one after the other: a file, or rows (C order)",
                          input->name);
    }
    if (columns->n > 0 && columns->n != n_columns) {
        return input_fail(failure, EX_DATAERR, "%s: %zu columns: %zu were named",
                          input->name, n_columns, columns->n);
    }
    input->n_rows = npy->shape[0];
    char count[24];
    snprintf(count, sizeof(count), "%zu", n_columns);
    return columns->n > 0 || columns_read(columns, count, failure);
}

static bool npy_open(struct input *input, const struct input_options *options,
                     struct columns *columns, const struct input_failure *failure)
{
    (void)options;
    flow_want(input->flow, NPY_MAGIC_SIZE);
    flow_want(input->flow, npy_size(flow_bytes(input->flow)));
    if (npy_read(flow_bytes(input->flow), &input->npy) != REASON_NONE) {
        return input_fail(failure, EX_DATAERR,
                          "%s: byte %zu: %s: a NumPy file of numbers", input->name,
                          input->npy.place, input->npy.error);
    }
    flow_take(input->flow, input->npy.data_at);
    return check_shape(input, columns, failure);
}

static bool binary_start(struct input *input, const struct input_failure *failure)
{
    if (row_size(input) > FLOW_SIZE) {
        return input_fail(failure, EX_DATAERR, "%s: rows of %zu bytes: %zu at most",
                          input->name, row_size(input), FLOW_SIZE);
    }
    if (input->npy.is_fortran) {
        input->rows = malloc(READER_BATCH * row_size(input));
        return input->rows != NULL ||
               input_fail(failure, EX_OSERR, "%s: out of memory", input->name);
    }
    return true;
}

/* ---- Rows ------------------------------------------------------------------------ */

/* n rows from all columns of a file in Fortran order. */
static bool gather_rows(struct input *input, size_t n)
{
    const struct npy *const npy = &input->npy;
    const size_t size = npy->dtype->size;
    for (size_t c = 0; c < input->layout->n_columns; c++) {
        const uint64_t place = npy->data_at + (c * input->n_rows + input->n_read) * size;
        if (!flow_read_at(input->flow, place, input->rows + c * n * size, n * size)) {
            snprintf(input->error, sizeof(input->error), "%s: row %llu: cut off",
                     input->name, (unsigned long long)input->n_read);
            return false;
        }
    }
    return true;
}

/* Bytes at the end that are no row. */
static bool reject_rest(struct input *input)
{
    struct reader *const reader = input->reader;
    const struct bytes rest = flow_bytes(input->flow);
    if (rest.size == 0 || !flow_at_end(input->flow)) {
        return false;
    }
    reader_begin_row(reader);
    reader_reject(reader, REASON_SHAPE, rest, NULL, "row %llu: %zu bytes of %zu",
                  (unsigned long long)input->n_read, rest.size, row_size(input));
    flow_take(input->flow, rest.size);
    return reader_finish(reader, &input->batch);
}

/* How many rows can be read now; waits for one. */
static size_t rows_there(struct input *input)
{
    const uint64_t left = input->n_rows - input->n_read;
    size_t n = READER_BATCH;
    if (!input->npy.is_fortran && left > 0) {
        flow_want(input->flow, row_size(input));
        const size_t there = flow_bytes(input->flow).size / row_size(input);
        n = there < n ? there : n;
    }
    return left < n ? (size_t)left : n;
}

static bool binary_next(struct input *input)
{
    struct reader *const reader = input->reader;
    reader->n = reader->n_rejected = 0;
    const size_t n = rows_there(input);
    const bool is_fortran = input->npy.is_fortran;
    if (n == 0) {
        const bool is_short =
            input->n_rows != UINT64_MAX && input->n_read < input->n_rows;
        input->row_line[0] = input->n_read;
        if (is_short && flow_at_end(input->flow)) {
            snprintf(input->error, sizeof(input->error), "%s: row %llu of %llu: cut off",
                     input->name, (unsigned long long)input->n_read,
                     (unsigned long long)input->n_rows);
        }
        return input->n_rows == UINT64_MAX && reject_rest(input);
    }
    if (is_fortran && !gather_rows(input, n)) {
        return false;
    }
    reader->body = (struct body){
        .data = is_fortran ? input->rows : flow_bytes(input->flow).data,
        .dtype = input->npy.dtype,
        .swap = input->npy.swap,
        .is_fortran = is_fortran,
        .n_rows = n,
        .first_row = input->n_read,
    };
    body_next(reader, &input->batch);
    for (size_t i = 0; i < input->batch.n; i++) {
        input->row_line[i] = input->n_read++;
    }
    flow_take(input->flow, is_fortran ? 0 : input->batch.n * row_size(input));
    return true;
}

const struct input_kind input_npy = {" npy .npy ", false, npy_open, binary_start,
                                     binary_next};
const struct input_kind input_f64 = {" f64 .f64 ", false, f64_open, binary_start,
                                     binary_next};
const struct input_kind input_f32 = {" f32 .f32 ", false, f32_open, binary_start,
                                     binary_next};
