/* SPDX-License-Identifier: MIT
 *
 * What a stream answers to the commands of mixd(8), CONTROL, in the thread
 * of its worker: one function per command, named in the table of commands.c. */
#ifndef ANSWER_H
#define ANSWER_H

#include "moment.h"
#include "request.h"

struct stream;

/* Fills in the reply, or makes the request fail: ANSWERED. WAITING: its condition does
 * not hold yet; the same function is called again when the stream has moved on. */
enum answered { ANSWERED, WAITING };
typedef enum answered answer_fn(struct stream *stream, struct request *request,
                                struct moment now);

answer_fn answer_model, answer_score, answer_sample, answer_rejects;
answer_fn answer_marginal, answer_conditional, answer_moments; /* answer_derived.c */
answer_fn answer_wait, answer_drain;
answer_fn answer_sources, answer_forget_source; /* answer_sources.c */
answer_fn answer_freeze, answer_thaw, answer_reset;

/* Most numbers in the reply of `sample`. */
#define ANSWER_SAMPLE_MAX (1 << 18)

#endif
