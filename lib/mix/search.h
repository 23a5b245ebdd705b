/* SPDX-License-Identifier: MIT
 *
 * The search for a good model of points in memory, resumable in slices: k-means++
 * starts, batch EM from an older model if there is one and from each, the prior fitted
 * to the winner, then a last EM. Used by the warm-up of a learner and by mix_fit(). In
 * the warm-up many points are sampled for the starts, which only have to find the basin,
 * and a start that stays behind another ends.
 * With noise the seeds of the starts leave out what is noise by its looks (seeds.h).
 *
 *     MEASURE -> REVISE -> SEED -> CLIMB -> ... -> PRIOR -> SPLIT -> FINISH -> done
 *                 (old)     ^--------'           (S0 <-> EM)
 */
#ifndef SEARCH_H
#define SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "em.h"
#include "kmeans.h"
#include "mix.h"
#include "resolution.h"
#include "splitmerge.h"

struct search_plan {
    size_t starts;               /* k-means++ starts */
    const struct mix_model *old; /* also climbed from, first; NULL: none */
    uint64_t index;              /* keys the random numbers, beside the seed */
    size_t coarse_passes;        /* EM passes of each start */
    double coarse_tolerance;     /* nats a point */
    bool is_final;               /* the best start is the result as it is */
    size_t sample;               /* points that starts are made on at most; 0: all */
    size_t race_passes;  /* from which on a start ends when it stays behind the best
                            so far; 0: never */
    size_t split_rounds; /* of split and merge; 0: none */
    size_t fine_passes;  /* EM passes of the winner, 0: none */
    double fine_tolerance;
    mix_fit_progress_fn *progress; /* after every pass; NULL: nobody asks */
    void *context;
};

enum search_step {
    SEARCH_MEASURE,
    SEARCH_REVISE,
    SEARCH_SEED,
    SEARCH_CLIMB,
    SEARCH_PRIOR,
    SEARCH_SPLIT,
    SEARCH_FINISH,
    SEARCH_DONE
};

struct search {
    const struct mix_options *options;
    const struct points *points;
    struct points *sample;   /* of them, for the starts; NULL: the starts take all */
    struct mix_model *noise; /* of all points; NULL: the model has none */
    struct em *noise_em;
    struct search_plan plan;
    enum search_step step;
    struct scales *scales;   /* result: of the points, with the prior's S0 */
    struct mix_model *best;  /* result */
    double to_beat;          /* log-likelihood of a better one, nats a point */
    struct mix_model *trial; /* the start being climbed */
    struct em *em;           /* em->stats at the end: those of the best model */
    struct seeds *seeds;     /* the points of the starts, for k-means */
    struct kmeans *kmeans;
    struct splitmerge *splitmerge; /* NULL without split_rounds */
    struct weighted *values;       /* scratch of scales_measure */
    struct prior prior;            /* views into scales */
    size_t start;                  /* starts made */
    size_t field;                  /* fields measured */
    size_t rounds;                 /* of the prior */
};

/* Options, points and what the plan points to must stay until the search is
 * destroyed; points must not change. NULL without memory. */
struct search *search_new(const struct mix_options *options, const struct shape *shape,
                          const struct points *points, const struct search_plan *plan);
void search_destroy(struct search **search);

/* Runs a slice of about `budget` point-E-steps; true: done. */
bool search_run(struct search *search, uint64_t budget);

/* The prior of an M-step from these scales: nu0 = D + 2 points of variance S0. */
struct prior prior_of(const struct scales *scales);

#endif
