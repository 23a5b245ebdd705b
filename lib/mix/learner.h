/* SPDX-License-Identifier: MIT
 *
 * Inside of a learner. Who holds what, and where a row goes:
 *
 *             first model          last fit of the warm-up
 *   rows 0 ......|.....................|.................................>
 *        memory  |  open block of 64   |  open block of options.block
 *                |  -> memory          |
 *                |  refit on memory at |
 *                |  every doubling     |
 *
 *   open block --E-step of fast_model--+-> sums --+-> fast --M-step--> fast_model
 *        |                             |          |-> slow --M-step--> model (published)
 *        |                             |          '-> watch -M-step--> model of the watch
 *        |                             '-> scores -> mean score, tail
 *        |------densities of the watch--> does it predict better? a change
 *        '------> reservoir -> a challenge at geometric ages
 *
 * Memory, open block and reservoir hold rows as they came; what EM and scores see of
 * them has dormant fields out of the way (dormant.h). While every field is dormant there
 * is no model: rows go by the open block into the reservoir until a field wakes.
 *
 * learner_new.c makes it all: nothing is allocated later but the workspace of a job,
 * which lives as long as the job. learner.c takes rows and keeps the counts, expect.c and
 * update.c learn a block, schedule.c says when a model is challenged, job.c runs fits and
 * challenges, install.c makes their results the state, encode.c writes and reads all of
 * it.
 */
#ifndef LEARNER_H
#define LEARNER_H

#include <stdalign.h>
#include <stdint.h>

#include "batches.h"
#include "clock.h"
#include "detect.h"
#include "dormant.h"
#include "estep.h"
#include "events.h"
#include "expect.h"
#include "lines.h"
#include "mix.h"
#include "model.h"
#include "pace.h"
#include "points.h"
#include "reservoir.h"
#include "resolution.h"
#include "score.h"
#include "search.h"
#include "selection.h"
#include "stats.h"
#include "tail.h"

struct match;

/* Points of a block before the end of the warm-up. */
#define WARMUP_BLOCK 64

struct counts {
    uint64_t added; /* rows taken = learned + unscorable + frozen + queued */
    uint64_t learned;
    uint64_t unscorable;
    uint64_t frozen;
    uint64_t deferred; /* rows of the memory that had no density; the next fit decides */
    uint64_t points;   /* rows in this model */
    uint64_t updates;  /* M-steps since start or reset */
};

/* What watches for changes: a model of the last points. */
struct watch {
    double points; /* that it remembers */
    struct stats *stats;
    struct mix_model *model;
    struct detector detector;
};

/* Rows of a part of the queue: with twice as many every time a quarter of the room of
 * many learners would be empty, and each row would be copied again and again. */
#define QUEUE_PART 32

struct queue_part {
    struct queue_part *next;
    double x[]; /* QUEUE_PART x D */
};

/* Rows without weight or time one after the other: a few lines of memory for each row of
 * a block of its own would be most of a small learner, and of the time of a row. */
struct queue {
    double *next;        /* where the next row goes if n < room */
    uint32_t n, room;    /* rows */
    uint32_t end;        /* while n < end a row of plain numbers goes here, and no work is
                            due */
    uint32_t dimensions; /* D */
};

/* What is of no use from one call to the next. */
struct mix_workspace {
    struct mix_model *model; /* of the shape that it is for; scratch of the batches */
    struct estep *estep;
    struct sums *sums;
    struct expectations *expectations;
};

struct mix_learner {
    /* What every row asks for, in one line of memory that ends behind the first of the
     * counts: of many learners each is far away. */
    alignas(CACHE_LINE) struct events events;
    struct selection *selection; /* of a range of components: all else but the options is
                                    in its candidates; NULL: one number of them */
    struct queue queue;          /* of a compact learner: its rows until it is full, */
    struct counts counts;
    struct queue_part *first_part, *last_part; /* where they are, in order; owned, NULL:
                                                  there is no room */
    bool has_model;
    bool is_frozen;
    bool is_warm;        /* the last fit of the warm-up was made */
    bool is_idle;        /* no model, since every field is dormant */
    bool is_challenged;  /* a challenge is due */
    bool has_woken;      /* a fit is due since a field of the model woke */
    bool has_changed;    /* since then fewer points came than a warm-up has */
    bool is_ending;      /* the fit that is due is the last of the warm-up */
    struct points *open; /* the open block */

    struct mix_options options; /* pointers are to the next two, or NULL */
    double *resolution;         /* D, owned */
    enum mix_family *families;  /* D, owned */

    struct points *memory; /* rows of the warm-up, then the reservoir's sample */
    struct reservoir reservoir;
    uint64_t next_challenge; /* age of the reservoir at which one is due */
    uint64_t last_challenge; /* age at the one before, 0: none since it was emptied */
    size_t next_fit;         /* a fit is due when memory holds so many rows */
    struct dormancy *dormancy;

    struct watch *watch;     /* NULL unless the learner adapts */
    struct batches *batches; /* of the stream since the last install */
    struct stats *fast, *slow;
    struct mix_model *fast_model; /* makes the responsibilities */
    struct mix_model *slow_model; /* published; settled when it is asked for */
    struct scales *scales;        /* of the last fit */
    struct pace pace;
    struct clock clock; /* set with a half-life only */
    double *times;      /* scratch of the clock; NULL without a half-life */
    uint64_t *ids;      /* K */
    uint64_t next_id;

    uint64_t floored;  /* variances of `model` at their floor */
    double mean_score; /* nats; prequential, over score_weight points */
    double score_weight;
    double high_score; /* largest mean_score since a challenge; of one that forgets, since
                          it was won */
    double recent_score, recent_weight; /* of the last block, for a selection */
    struct tail tail;

    struct mix_workspace *own_workspace; /* NULL: it shares one */
    struct estep *estep;                 /* scratch, of the workspace, as the next */
    struct sums *sums;
    struct expectations *expectations;
    struct mix_job *job; /* work under way, or NULL */
};

/* workspace.c */
struct mix_workspace *workspace_of(const struct shape *shape, size_t block,
                                   const struct mix_executor *executor);
/* False for NULL, too. */
bool workspace_fits(const struct mix_workspace *workspace, const struct shape *shape);

/* extent.c: rows of the memory at which the warm-up ends, and those of the first model;
 * rows that it has room for, as the reservoir is to be no smaller than it needs. */
size_t learner_memory_rows(const struct mix_options *options);
size_t learner_warmup(const struct mix_options *options);
size_t learner_first_fit(const struct mix_options *options);

/* Rows of the sample of a model that forgets; those that a challenge needs at least; and
 * those that the watch remembers. */
size_t learner_sample_rows(const struct mix_learner *learner);
size_t learner_challenge_rows(const struct mix_options *options);
double learner_watch_points(const struct mix_options *options);
/* The fast window, where it begins. */
double learner_window(const struct mix_options *options);
/* wake.c: whether a sample of the stream is kept now: for its fits, its challenges, or
 * the fit when a field wakes or noise has all. */
bool learner_samples(const struct mix_learner *learner);
/* Offers a block to the sample: of all, or of what a model that forgets remembers. */
void learner_sample(struct mix_learner *learner, const struct block *block);
/* Whether the model is challenged at all; whether it is to forget, so that what judges it
 * is a sample of what it remembers; and whether changes are watched for. */
bool learner_is_challenged(const struct mix_options *options);
bool learner_forgets(const struct mix_options *options);
bool learner_adapts(const struct mix_options *options);

/* schedule.c: whether fewer points came since a change than a warm-up has; makes a
 * challenge due if it is time for one, after a block; schedules the next after one. */
bool learner_is_recovering(const struct mix_learner *learner);
void learner_schedule(struct mix_learner *learner);
void learner_challenged(struct mix_learner *learner, bool has_won);

/* install.c: a fit or a winner of a challenge becomes the state; sample: rows by which
 * components are recognised, as EM sees them. */
void learner_install(struct mix_learner *learner, const struct scales *scales,
                     const struct stats *stats, const struct mix_model *model,
                     double points, const struct points *sample);
/* Components that are not those of the same places before any more get new identities;
 * match: of before and what was merged into it, or NULL. */
void learner_rename(struct mix_learner *learner, const struct match *match);
/* The watch begins where the published model is. */
void learner_restart_watch(struct mix_learner *learner);
/* Gives every component a new identity. */
void learner_name_components(struct mix_learner *learner);
/* Notices that the stream went where only the noise reaches; a fit is then made. */
void learner_watch_noise(struct mix_learner *learner);
/* The model of the last points becomes the state; evidence: nats. */
void learner_change(struct mix_learner *learner, double evidence);

/* queue.c: takes room for the next of these rows, and gives back, if it is compact, what
 * is not needed now. False without memory. */
bool learner_reserve(struct mix_learner *learner, const struct mix_rows *rows);
void learner_release(struct mix_learner *learner);
/* Rows of the open block; how many more fill it, of a block of `size`. */
size_t learner_open_count(const struct mix_learner *learner);
size_t learner_open_room(const struct mix_learner *learner);
/* Whether the next row of these only joins the queue. */
bool queue_takes(const struct mix_learner *learner, const struct mix_rows *rows);
/* Does what mix_learner_add() would with one ordinary row that goes behind others in the
 * queue, and looks at little of the learner for it. False: nothing was done. */
bool queue_push(struct mix_learner *learner, const struct mix_rows *rows);
/* Asks for the memory of the next row. */
void queue_prefetch(const struct queue *queue);
/* The next row is asked anew where it goes: the learner is frozen, or work is due. */
void queue_close(struct mix_learner *learner);
/* Adds n good rows from `first` on, or as many as there is room for. Returns how many. */
size_t queue_add(struct mix_learner *learner, const struct mix_rows *rows, size_t first,
                 size_t n);
/* Moves the rows to the open block, for which there must be room. */
void queue_empty(struct mix_learner *learner);
/* Moves rows of the open block that were read from a state back to the queue, which is
 * empty: the block has room for all, and there may be many such learners. */
void queue_refill(struct mix_learner *learner);
/* Gives all room back, and the rows in it. */
void queue_clear(struct mix_learner *learner);

/* The published model, settled: made to be read once in many blocks. */
const struct mix_model *learner_model(const struct mix_learner *learner);

/* expect.c: the E-steps of the open block; fills the sums, and of each part of it the
 * difference of the watch, nats. */
void learner_expect(struct mix_learner *learner, double *differences);
/* The background of scores now. */
struct background learner_background(const struct mix_learner *learner);
/* update.c: learns the open block and empties it. */
void learner_update(struct mix_learner *learner);

/* learner.c: the open block is full, or is not to become so. */
void learner_take_open(struct mix_learner *learner);
/* Rows that can be given before a block or the memory is full. */
size_t learner_room(struct mix_learner *learner);
/* Rows that came before the first model. */
uint64_t learner_held(const struct mix_learner *learner);

/* wake.c: the memory is full before the first model. Decides which fields are dormant;
 * with all of them there is nothing to fit yet. */
void learner_fall_asleep(struct mix_learner *learner);
/* Takes the open block while there is no model, and empties it. */
void learner_idle(struct mix_learner *learner);
/* Wakes the fields of which enough rows differed, and makes a fit due. */
void learner_wake(struct mix_learner *learner);
/* Models from the statistics. */
void learner_step(struct mix_learner *learner, double fast_points, double slow_points);

/* job.c: whether the stream has to wait for a fit, and its workspace. */
bool job_is_due(const struct mix_learner *learner);
enum mix_err job_prepare(struct mix_learner *learner);
/* Installs a job that was finished while the learner was frozen. */
void job_settle(struct mix_learner *learner);
void job_destroy(struct mix_job **job);

#endif
