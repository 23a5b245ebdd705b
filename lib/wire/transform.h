/* SPDX-License-Identifier: MIT
 *
 * Fields made from fields while a file is read: counters into rates, values into
 * differences, and logarithms. */
#ifndef TRANSFORM_H
#define TRANSFORM_H

#include <stdbool.h>
#include <stddef.h>

#include "layout.h"
#include "reader.h"

/* What is done to a field; a logarithm comes after the others. */
enum transform_kind { TRANSFORM_RATE = 1, TRANSFORM_DELTA = 2, TRANSFORM_LOG = 4 };

struct transform;

/* Nothing to be done to any of the fields of the layout, which must outlive it. NULL
 * without memory. */
struct transform *transform_new(const struct layout *layout);
void transform_destroy(struct transform **transform);

/* Adds a kind to a field. False if it is both a rate and a difference. */
bool transform_set(struct transform *transform, size_t field, enum transform_kind kind);
bool transform_is_empty(const struct transform *transform);
/* Some field becomes a rate. */
bool transform_has_rate(const struct transform *transform);

/* The nominal interval: seconds that mostly lie between rows, 1 by default. A rate is
 * the growth over n intervals divided by n intervals, where n is found by rounding:
 * the jitter of the clock that wrote the times does not get into the values. */
void transform_set_interval(struct transform *transform, double interval_s);

/* Makes rows from those of `from`, beginning with row `first`; returns the first row
 * that was not used. The arrays of `to` are the transform's, valid until the next call.
 * The first row with a rate or difference is left out, for there is none before it; a
 * counter that fell, and what follows a missing value, is missing. A row that is
 * rejected, here or before, is the last of `to`; `to` may be empty. The origin of a row
 * that is rejected here are its numbers as they were read. */
size_t transform_rows(struct transform *transform, const struct batch *from, size_t first,
                      struct batch *to);

#endif
