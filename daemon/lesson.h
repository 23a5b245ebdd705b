/* SPDX-License-Identifier: MIT
 *
 * What becomes of the rows of the batch that a stream has at hand. Repeats of a numbered
 * source are passed over, rows that are rejected are counted, and the others go in runs
 * to the learner of their key. */
#ifndef LESSON_H
#define LESSON_H

#include "moment.h"

struct stream;

/* Before the first batch of a message: who numbered it, if anybody did. */
void lesson_begin(struct stream *stream);

/* Learns the rest of the batch; stops where work is due. */
void lesson_learn(struct stream *stream, struct moment now);

#endif
