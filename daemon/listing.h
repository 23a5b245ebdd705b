/* SPDX-License-Identifier: MIT
 *
 * What every stream tells of itself to `status` and `streams`. The parts of all streams
 * are merged under their names. */
#ifndef LISTING_H
#define LISTING_H

#include <jansson.h>

#include "answer.h"

struct strings;

answer_fn listing_status, listing_streams;

/* A new array of them. */
json_t *listing_strings(const struct strings *strings);

#endif
