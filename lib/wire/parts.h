/* SPDX-License-Identifier: MIT
 *
 * Encoded messages: the parts lie one after the other in one buffer that only grows.
 * What the encoders of the formats share. */
#ifndef PARTS_H
#define PARTS_H

#include <stdbool.h>
#include <stddef.h>

#include "format.h"

void parts_clear(struct parts *parts);
/* Begins the next part. False if there is none left (2 at most). */
bool parts_begin(struct parts *parts);
/* Adds bytes to the last part; false without memory. */
bool parts_add(struct parts *parts, const void *data, size_t size);
/* Room for so many bytes at the end of the last part, or NULL. */
void *parts_extend(struct parts *parts, size_t size);
/* Adds all numbers of the rows as little-endian float64 or float32. A key column gets
 * its text where that is a number, else NaN. */
bool parts_add_doubles(struct parts *parts, const struct layout *layout,
                       const struct rows *rows);
bool parts_add_floats(struct parts *parts, const struct layout *layout,
                      const struct rows *rows);

/* The rows of the table, each at the foot of its own file. */
extern const struct format format_array, format_npy, format_f64, format_f32, format_json,
    format_csv;

#endif
