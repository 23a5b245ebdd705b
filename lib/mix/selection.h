/* SPDX-License-Identifier: MIT
 *
 * The number of components, chosen by what the stream says: a learner for every number
 * of the range takes the same rows in the same blocks, and the model of one of them is
 * published. Judged is how well each predicts the points before it learns them, by their
 * bounded scores, paired block by block (A. P. Dawid, Statistical theory: the prequential
 * approach, JRSS A 147 (1984) 278-292):
 *
 *     T_c    = sum of the scores under candidate c, nats
 *     se_cd  = standard error of T_c - T_d, from its differences block by block
 *     chosen = the smallest with T_best - T_chosen <= 2 se
 *
 * At every doubling of the warm-up the chosen one is published and the sums begin anew,
 * for all models are then new. Afterwards what is old fades, half of it in 32768 points,
 * and the chosen one is published once it is 20 nats ahead of the one that is; a smaller
 * one also when it has been less than 5 nats behind for 64 blocks, or a number that a
 * change asked for in passing would stay for ever. The sums begin anew with every switch,
 * and when a candidate was made new by a change, a refit or a split. Every switch is an
 * event; components that answer for the same points keep their identity.
 */
#ifndef SELECTION_H
#define SELECTION_H

#include "codec.h"
#include "events.h"
#include "mix.h"

struct selection {
    size_t n; /* candidates */
    struct mix_learner *candidate[MIX_RANGE_MAX];
    size_t published;
    uint64_t stage; /* of the warm-up: rows at its next fit; UINT64_MAX after it */
    double blocks;  /* judged since the sums were cleared, faded as they are */
    double total[MIX_RANGE_MAX];                   /* T_c, less that of candidate 0 */
    double squares[MIX_RANGE_MAX * MIX_RANGE_MAX]; /* of differences of blocks, c and d */
    struct events events;
};

struct selection *selection_new(const struct mix_options *options, enum mix_err *err);
void selection_destroy(struct selection **selection);

/* What learner_* of the same names do, for the rows of all candidates. */
bool selection_reserve(struct selection *selection);
void selection_release(struct selection *selection);

/* What mix_learner_* of the same names do. */
enum mix_err selection_add(struct selection *selection, const struct mix_rows *rows,
                           size_t *taken);
void selection_finish(struct selection *selection);
void selection_reset(struct selection *selection);
bool selection_event(struct selection *selection, struct mix_event *event);

/* A candidate whose long work is due, or NULL. */
struct mix_learner *selection_due(const struct selection *selection);

/* The state, candidates and their rows included; and whether one that was read can be. */
void selection_walk(struct codec *codec, struct selection *selection);
enum mix_err selection_judge(const struct codec *codec, struct selection *selection);

#endif
