/* SPDX-License-Identifier: MIT
 *
 * Split and merge: leaves a local maximum of the likelihood by merging two components
 * that cover the same points and cutting a third that covers two clusters. More starts
 * do not help where this does.
 *
 * N. Ueda, R. Nakano, Z. Ghahramani and G. Hinton, SMEM algorithm for mixture models,
 * Neural Computation 12 (2000) 2109-2128. We rank moves by the exact change of the
 * likelihood, gain of the cut less loss of the merge, instead of by overlap and local
 * Kullback divergence, and accept by likelihood alone, as A. Minagawa, N. Tagawa and T.
 * Tanaka, SMEM algorithm is not fully compatible with maximum-likelihood framework,
 * Neural Computation 14 (2002) 1261-1266, show to be necessary.
 *
 * With e_ik = w_k f_k(x_i) and t_i = sum_k e_ik, means over the points:
 *
 *     LOSS(i, j) = -mean log((t - e_i - e_j + e_m) / t)     m: i and j merged by moments
 *     GAIN(k)    =  mean log((t - e_k + e_a + e_b) / t)     a, b: k cut, after a few
 *                                                           steps of EM on the two alone
 *
 *     PROPOSE -> LEVEL -> TRY ... -> CLIMB -> JUDGE -> (again | done)
 *     on at most 4096 points ---'    on all points
 *     (proposals.h)
 */
#ifndef SPLITMERGE_H
#define SPLITMERGE_H

#include <stdbool.h>
#include <stdint.h>

#include "em.h"
#include "mix.h"
#include "model.h"
#include "points.h"

struct splitmerge;

/* Workspace for points of that number; NULL without memory. */
struct splitmerge *splitmerge_new(const struct mix_options *options,
                                  const struct shape *shape, size_t n);
void splitmerge_destroy(struct splitmerge **sm);

/* Begins with a model that EM has converged to on these points; it is improved in
 * place. All that is passed must stay until the work is done. */
void splitmerge_start(struct splitmerge *sm, const struct points *points,
                      const struct prior *prior, struct mix_model *model, size_t rounds);

/* Runs about *budget point-E-steps, as em_run(). True: done. */
bool splitmerge_run(struct splitmerge *sm, uint64_t *budget);

/* Moves that were accepted since splitmerge_start(). */
size_t splitmerge_accepted(const struct splitmerge *sm);

#endif
