/* SPDX-License-Identifier: MIT
 *
 * Standard errors from the stream itself: it is cut into equal batches, and how much the
 * statistics of the batches differ tells how much those of all of it may be off (method
 * of batch means; C. Alexopoulos and A. F. Seila, Output data analysis, in J. Banks (ed),
 * Handbook of Simulation, 1998). The formula for independent points is 3 to 86 times too
 * small on real feeds, whose points depend on each other; batches that are longer than
 * the dependence do not.
 *
 * There are 8 to 15 complete batches: when there are 16, neighbours are joined and all
 * are twice as long. Of a batch of blocks j = 1..m are kept, with the responsibilities
 * of the model of their time, the share rho_jk of each component and its mean m_jk:
 *
 *     Var rho_k = sum_j (rho_jk - rho_k)^2 / (m (m - 1))
 *     Var m_k   = sum_j u_jk^2 (m_jk - m_k)^2 m / (m - 1),   u_jk = rho_jk / sum_j rho_jk
 *
 * The mean of m batches has these variances; the model, of another length, those times
 * the length of the batches over its own. Responsibilities are not known but estimated:
 * where components overlap EM moves on by more than a batch says, by (I - J)^-1 with J
 * the share of information that is missing (Dempster, Laird and Rubin 1977). Its diagonal
 * is about 1 - c_k with c_k = sum r_ik^2 / sum r_ik: the errors of component k are
 * divided by c_k, and where too little is left, there are none.
 */
#ifndef BATCHES_H
#define BATCHES_H

#include <stdbool.h>
#include <stdint.h>

#include "model.h"
#include "stats.h"

#define BATCHES_MAX 16

struct batches {
    size_t n;        /* complete ones, below BATCHES_MAX */
    uint64_t length; /* blocks of each */
    uint64_t blocks; /* in the open one */
    double open_weight;
    double *weight;  /* BATCHES_MAX: of the points of each */
    double *share;   /* BATCHES_MAX x K: rho_jk */
    double *mean;    /* BATCHES_MAX x K x D: m_jk */
    double *mass;    /* K: sum of r_ik over points looked at, of all batches */
    double *squares; /* K: sum of r_ik^2 over the same */
    struct stats *open;
    struct mix_model *scratch; /* not owned */
};

/* Of the shape of the scratch, a model that is written in any call, that others may write
 * between calls, and that must outlive the batches. */
struct batches *batches_new(struct mix_model *scratch);
void batches_destroy(struct batches **batches);
/* Begins anew. */
void batches_clear(struct batches *batches);

/* Takes the sums of a block about the means of `model`. */
void batches_add(struct batches *batches, const struct mix_model *model,
                 const struct sums *sums, const struct prior *prior);

/* Looks at the responsibilities of a block: look[k] is the sum of some of them, look[K + k]
 * that of their squares. */
void batches_look(const struct estep *estep, const struct shape *shape,
                  const struct block *block, double *look);
/* Takes that of a block of the next sums. */
void batches_take(struct batches *batches, const double *look);

/* Standard errors of a model that stands for `points` points: means K x D, weights K, by
 * the place of the component. False where they would not be honest: with fewer than 8
 * batches, with batches that go on where the one before ended, with a component that is
 * not told from others, or with fewer than 30 points that would be worth as much if they
 * were independent. */
bool batches_errors(const struct batches *batches, const struct mix_model *model,
                    double points, double *means, double *weights);

#endif
