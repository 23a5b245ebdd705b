/* SPDX-License-Identifier: MIT
 *
 * What the published model of a slot says of points: in score frames, and in answer to
 * `score`. */
#ifndef SCORES_H
#define SCORES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "mix.h"

struct slot;

/* Rows that are scored in one go. */
#define SCORES_ROWS 256

/* The tail of an outlier is below this. */
#define SCORES_OUTLIER 0.001

/* {"log_density", "responsibilities", "component", "tail"} of one point, with noise
 * "noise" as well; x: D. New reference; NULL without memory. */
json_t *scores_json(const struct slot *slot, const double *x);

/* The body of a score frame: with "time" and "point" before it the same of rows, at most
 * SCORES_ROWS of them, or of the outliers among them; an object a line, owned by the
 * caller. now_s: the time of rows that have none. *n: lines; without any, or without
 * memory, 0 and NULL. */
char *scores_lines(const struct slot *slot, const struct mix_rows *rows, bool has_all,
                   double now_s, size_t *n);

#endif
