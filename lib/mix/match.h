/* SPDX-License-Identifier: MIT
 *
 * Which component of a new model is which of the old one: those that answer for the
 * same points. With responsibilities A of the old and B of the new model,
 *
 *     G = A' B,   J_kl = G_kl / (|A_k|^2 + |B_l|^2 - G_kl)      (the overlap, 0..1)
 *
 * (T. T. Tanimoto's coefficient: 1 for the same component, also where components share
 * their points, for which sums in the place of squares would give less than 1/2), and
 * the pairs are those of the largest sum of J (H. W. Kuhn, The Hungarian method for
 * the assignment problem, Naval Research Logistics 2 (1955) 83-97).
 */
#ifndef MATCH_H
#define MATCH_H

#include <stddef.h>

#include "mix.h"
#include "model.h"
#include "points.h"

/* Models with more components than this are not matched: K^3 steps would take long. */
#define MATCH_MAX 512

struct match {
    size_t components; /* K: of the larger of both models */
    double *overlap; /* K x K: J_kl of old k and new l */
    size_t *partner; /* K: the new component that goes on as old component k */
};

/* The models may differ in their numbers of components: the smaller has then some that
 * answer for nothing, past its own. NULL without memory, or with more than MATCH_MAX components. */
struct match *match_new(const struct mix_model *old, const struct mix_model *new,
                        const struct points *points);
void match_destroy(struct match **match);

/* partner of the largest sum of a K x K matrix; scratch: 5 (K + 1) doubles. */
void match_assign(const double *gain, size_t n, double *scratch, size_t *partner);

#endif
