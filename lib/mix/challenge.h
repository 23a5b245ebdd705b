/* SPDX-License-Identifier: MIT
 *
 * A challenge to the published model on a sample of what it remembers, at geometric ages
 * or when it looks as if it needed one. First EM from the model itself: where that gains
 * more than it can by chance, the stream was not exchangeable (sorted, bursty) and the
 * sample is fitted anew. Then split and merge. The winner's statistics are those of the
 * sample: nothing is lost but the precision of the rows beyond it, which the gain has to
 * pay for.
 *
 *     CLIMB -> COMPARE -> [CONVERGE] -> SPLIT -> JUDGE -> [FINISH] -> done
 *              resync?                           better?
 */
#ifndef CHALLENGE_H
#define CHALLENGE_H

#include <stdbool.h>
#include <stdint.h>

#include "compare.h"
#include "em.h"
#include "mix.h"
#include "resolution.h"
#include "splitmerge.h"

enum challenge_step {
    CHALLENGE_CLIMB,
    CHALLENGE_COMPARE,
    CHALLENGE_CONVERGE,
    CHALLENGE_SPLIT,
    CHALLENGE_JUDGE,
    CHALLENGE_FINISH,
    CHALLENGE_DONE
};

struct challenge {
    const struct mix_options *options;
    const struct points *points;       /* the sample */
    const struct mix_model *published; /* challenged; read until done */
    double memory;                     /* points behind it */
    struct scales *scales;             /* result: floors and prior */
    struct prior prior;
    struct mix_model *model;   /* result */
    struct mix_model *climbed; /* before split and merge */
    struct em *em;             /* em->stats: those of the result */
    struct splitmerge *splitmerge;
    struct comparison comparison;
    enum challenge_step step;
    size_t at; /* next block */
    bool is_resynced, has_won;
};

/* What is passed must stay until the challenge is destroyed. NULL without memory. */
struct challenge *challenge_new(const struct mix_options *options,
                                const struct points *points,
                                const struct mix_model *published, double memory,
                                const struct scales *scales);
void challenge_destroy(struct challenge **challenge);

/* Runs a slice; true: done. */
bool challenge_run(struct challenge *challenge, uint64_t budget);

#endif
