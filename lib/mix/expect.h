/* SPDX-License-Identifier: MIT
 *
 * The E-steps of an open block, in parts of BLOCK_POINTS. A part is scored and summed by
 * itself, whoever does it, and what comes of it is taken in the order of the stream: so
 * no number depends on the threads. A block of one part is shared out inside it
 * (estep.h), one of several part by part: then rows and responsibilities stay with the
 * core that works on them. */
#ifndef EXPECT_H
#define EXPECT_H

#include "estep.h"
#include "score.h"

/* What comes of a part. */
struct outcome {
    struct sums *sums;
    struct block_score scores;
    double *look;      /* 2 K: what batches_look() saw */
    double difference; /* of the watch, nats */
};

/* Room for parts under way. */
struct expectations {
    size_t n;                /* outcomes */
    struct outcome *outcome; /* each owns what it points to */
    const struct mix_executor *executor; /* NULL: one part at a time */
    struct estep **estep;                /* of each thread; NULL without an executor */
};

/* For blocks of so many points. NULL without memory. */
struct expectations *expectations_new(const struct shape *shape, size_t block,
                                      const struct mix_executor *executor);
void expectations_destroy(struct expectations **expectations);

#endif
