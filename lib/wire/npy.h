/* SPDX-License-Identifier: MIT
 *
 * The header of .npy files and images (NumPy's NEP 1). */
#ifndef NPY_H
#define NPY_H

#include <stdbool.h>
#include <stddef.h>

#include "body.h"
#include "reason.h"

/* What a header says. */
struct npy {
    const struct dtype *dtype;
    bool swap;
    bool is_fortran;
    size_t n_axes;
    size_t shape[2];   /* of the first two axes */
    size_t data_at;    /* bytes before the numbers */
    size_t place;      /* byte of an error */
    const char *error; /* what is wrong there */
};

/* Bytes that npy_size() needs to see. */
#define NPY_MAGIC_SIZE 12

/* Bytes before the numbers, from the first NPY_MAGIC_SIZE bytes; 0 if these do not
 * begin an .npy image of version 1, 2 or 3. */
size_t npy_size(struct bytes image);

/* Reads the header of an image. REASON_HEADER or REASON_DTYPE with place and error. */
enum reason npy_read(struct bytes image, struct npy *npy);

#endif
