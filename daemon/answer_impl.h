/* SPDX-License-Identifier: MIT
 *
 * What the files that answer about one model share. */
#ifndef ANSWER_IMPL_H
#define ANSWER_IMPL_H

#include <stdbool.h>

#include "answer.h"
#include "mix.h"
#include "slot.h"

/* The model that a request means and the slot that has it. NULL: the request failed. */
const struct mix_model *answer_need_model(struct stream *stream, struct request *request,
                                          struct slot **slot);
/* The point of a request into x; null is a missing entry where those may be. */
bool answer_read_point(const struct stream *stream, struct request *request,
                       bool may_miss, double *x);
/* Takes over the reply; NULL: the request fails for want of memory. */
void answer_take(struct request *request, json_t *reply);

#endif
