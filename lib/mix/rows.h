/* SPDX-License-Identifier: MIT
 *
 * Which rows of a caller can be learned. */
#ifndef ROWS_H
#define ROWS_H

#include <stdbool.h>
#include <stddef.h>

#include "mix.h"

/* Larger values overflow when squared and summed. */
#define ROW_VALUE_MAX 1e150

enum row_verdict {
    ROW_GOOD,
    ROW_WEIGHTLESS, /* weight 0: accepted, without influence */
    ROW_BAD /* a value, the weight, the time, or the weight times the square of a value is
               out of range, or all is missing */
};

enum row_verdict row_judge(const struct mix_options *options, const struct mix_rows *rows,
                           size_t i);

/* Whether no family refuses a number; whether n values are all there and in range. */
bool rows_are_plain(const struct mix_options *options);
bool rows_in_range(const double *x, size_t n);

/* How many of the n rows from `first` on are good, before the first that is not. */
size_t rows_good(const struct mix_options *options, const struct mix_rows *rows,
                 size_t first, size_t n);

#endif
