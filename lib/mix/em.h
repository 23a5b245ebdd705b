/* SPDX-License-Identifier: MIT
 *
 * Batch EM over points in memory, resumable in slices: the same E-step, statistics and
 * M-step as the learner. A pass is an E-step over all points followed by an M-step;
 * after the last pass one more E-step leaves the log-likelihood of the final model and
 * its statistics.
 *
 * The blocks are cut into parts, as many as follows from their number and the shape of
 * the model alone. Sums run over the blocks of a part in order, and the parts are then
 * blended in order, each with its share of the weight so far; so neither slices nor
 * threads, which take parts, change a bit.
 */
#ifndef EM_H
#define EM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "estep.h"
#include "family.h"
#include "kmeans.h"
#include "model.h"
#include "points.h"
#include "stats.h"

struct em {
    /* Scratch, owned. */
    struct estep *estep;
    struct sums *sums;
    struct stats *stats;                 /* of the model once is_done */
    const struct mix_executor *executor; /* NULL: one thread */
    struct crewed *crewed; /* scratch of its threads and parts; NULL without one */
    /* The run, set by em_start. */
    const struct points *points;
    const struct prior *prior;
    struct mix_model *model; /* fitted in place, the caller's */
    size_t max_passes;
    double tolerance;   /* nats a point; 0: never stops early */
    double rival;       /* log-likelihood that it is to reach; -inf: any will do */
    size_t race_passes; /* after which it is compared with that */
    double gain;        /* of the last pass, nats a point */
    size_t pass;        /* M-steps made */
    size_t parts;       /* of the points */
    size_t part;        /* that are in the statistics */
    size_t block;       /* next block of this E-step; with threads, of every part */
    struct {
        double weight, log_likelihood;
        uint64_t unscorable;
    } seen;                /* of the parts that are in the statistics */
    double log_likelihood; /* of the model, nats a point; NaN before the first E-step */
    double weight;         /* of the points that could be scored, */
    uint64_t unscorable;   /* and those that could not, both in the last E-step */
    bool is_beaten;        /* it ended since it will not reach its rival */
    bool is_done;
};

/* NULL without memory. */
struct em *em_new(const struct shape *shape);
void em_destroy(struct em **em);
/* Has the threads of an executor take part. False without memory. */
bool em_share(struct em *em, const struct shape *shape,
              const struct mix_executor *executor);

/* Begins EM from *model, which must be prepared. Everything passed in is read, and
 * the model written, until the run is done. */
void em_start(struct em *em, const struct points *points, const struct prior *prior,
              struct mix_model *model, size_t max_passes, double tolerance);

/* Has the run end as soon as it will not reach the log-likelihood of a rival, nats a
 * point, after so many passes or later: where the gains of its passes fall fast enough,
 * Aitken's extrapolation says how far it goes (Boehning et al., The distribution of the
 * likelihood ratio for mixtures of densities from the one-parameter exponential family,
 * 1994). */
void em_race(struct em *em, double rival, size_t passes);

/* Runs blocks until about *budget point-E-steps are spent or the run is done; takes
 * what was spent from *budget, not below 0. Returns at every end of a pass as well. */
void em_run(struct em *em, uint64_t *budget);

/* Sets the model from the labels of k-means, as if they were responsibilities; kmeans
 * NULL: every component gets all points. Noise gets none, and must be there. */
void em_from_kmeans(struct em *em, const struct kmeans *kmeans,
                    const struct points *points, const struct prior *prior,
                    struct mix_model *model);

#endif
