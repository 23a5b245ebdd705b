/* SPDX-License-Identifier: MIT
 *
 * Two mixtures made one of as many components: which component of the one is which of
 * the other (match.h), judged on points drawn from both, and what it costs. With the
 * share g of the second, both together are the mixture of 2 K components
 *
 *     p(x) = (1 - g) p_a(x) + g p_b(x)
 *
 * and what one of K components loses against it is its divergence from that,
 * E_p log p(x) - log p_merged(x) in nats a point: about 0 where pairs are the same, and
 * what two modes in one gaussian cost where they are not.
 */
#ifndef ALIGNMENT_H
#define ALIGNMENT_H

#include "match.h"
#include "model.h"
#include "points.h"
#include "stats.h"

struct alignment {
    struct points *points[2]; /* drawn from each */
    struct points *together;
    struct match *match; /* NULL: too many components, each is its own */
    double share;        /* g */
};

/* NULL without memory. */
struct alignment *alignment_new(const struct mix_model *a, const struct mix_model *b,
                                double share);
void alignment_destroy(struct alignment **alignment);

/* a <- (1 - share) a + share b, the components of b in the places of those of a that they
 * are; scratch: of the shape. */
void alignment_merge(const struct alignment *alignment, struct stats *a,
                     const struct stats *b, struct stats *scratch,
                     const struct shape *shape);

/* The loss in nats a point; its error is a few thousandths of it and of 1e-4. False
 * without memory. */
bool alignment_loss(const struct alignment *alignment, const struct mix_model *a,
                    const struct mix_model *b, const struct mix_model *merged,
                    double *loss);

#endif
