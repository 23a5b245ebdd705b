/* SPDX-License-Identifier: MIT
 *
 * `npy`: a complete .npy file image as one part. */
#include <stdio.h>
#include <string.h>

#include "format.h"
#include "npy.h"
#include "parts.h"
#include "reader_impl.h"

static void npy_open(struct reader *reader, const struct bytes *parts)
{
    struct npy npy;
    const enum reason reason = npy_read(parts[0], &npy);
    if (reason != REASON_NONE) {
        reader_refuse(reader, reason, parts[0], "byte %zu: %s", npy.place, npy.error);
        return;
    }
    const size_t size = parts[0].size - npy.data_at;
    const size_t n_rows = npy.n_axes == 2 ? npy.shape[0] : 1;
    const size_t n_columns = npy.n_axes == 2 ? npy.shape[1] : npy.shape[0];
    if (npy.n_axes < 1 || npy.n_axes > 2 || n_rows == 0 ||
        n_columns != reader->layout->n_columns ||
        !body_fits(npy.dtype, n_rows, n_columns, size)) {
        reader_refuse(reader, REASON_SHAPE, parts[0],
                      "%zu axes, %zu x %zu of %s in %zu bytes: n x %zu wanted",
                      npy.n_axes, n_rows, n_columns, npy.dtype->name, size,
                      reader->layout->n_columns);
        return;
    }
    reader->body = (struct body){
        .data = (const unsigned char *)parts[0].data + npy.data_at,
        .dtype = npy.dtype,
        .swap = npy.swap,
        .is_fortran = npy.is_fortran,
        .n_rows = n_rows,
    };
}

static bool npy_encode(const struct layout *layout, const struct rows *rows,
                       struct parts *parts)
{
    char image[128]; /* NumPy aligns the numbers to 64 bytes */
    memset(image, ' ', sizeof(image));
    memcpy(image, "\x93NUMPY\x01\x00\x76\x00", 10);
    const int size =
        snprintf(image + 10, sizeof(image) - 10,
                 "{'descr': '<f8', 'fortran_order': False, 'shape': (%zu, %zu), }",
                 rows->n, layout->n_columns);
    if (size < 0 || (size_t)size >= sizeof(image) - 11) {
        return false;
    }
    image[10 + size] = ' ';
    image[sizeof(image) - 1] = '\n';
    parts_clear(parts);
    return parts_begin(parts) && parts_add(parts, image, sizeof(image)) &&
           parts_add_doubles(parts, layout, rows);
}

const struct format format_npy = {"npy", 1, npy_open, body_next, body_join, npy_encode};
