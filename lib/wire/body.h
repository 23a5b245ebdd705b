/* SPDX-License-Identifier: MIT
 *
 * Rows of numbers in binary, as array, npy, f64 and f32 messages and files hold them. */
#ifndef BODY_H
#define BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reader.h"

/* One type of numbers. */
struct dtype {
    const char *name; /* "float64" */
    const char *code; /* "f8", NumPy's code without the byte order */
    size_t size;      /* bytes */
    /* n numbers, `step` bytes apart, unaligned; swap: of the other byte order. They
     * go to to[0], to[to_step], … */
    void (*load)(const unsigned char *from, size_t step, size_t n, bool swap, double *to,
                 size_t to_step);
};

/* The type by its name or code, with or without a byte order (< > = |); NULL if it is
 * not known. *swap: it is in the other byte order than this machine's. */
const struct dtype *dtype_find(struct bytes text, bool *swap);

struct body {
    const unsigned char *data;
    const struct dtype *dtype;
    bool swap;
    bool is_fortran; /* column after column */
    size_t n_rows;
    size_t next_row;
    uint64_t first_row; /* number of row 0, where the body is a piece of a file */
};

/* Whether the number of bytes is that of n_rows x n_columns numbers; false as well if
 * the product has no place in a size_t. */
bool body_fits(const struct dtype *dtype, size_t n_rows, size_t n_columns, size_t size);

/* The next rows of reader->body as a batch. */
bool body_next(struct reader *reader, struct batch *batch);

/* Adds all rows of reader->body to a batch that is open to more. False: there is no room. */
bool body_join(struct reader *reader);

#endif
