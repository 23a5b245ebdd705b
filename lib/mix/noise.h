/* SPDX-License-Identifier: MIT
 *
 * Noise: a component beside the K of a mixture that is broad and stays where it is; only
 * its weight is learned. What lies far from everything is its, and bends no component (J.
 * D. Banfield and A. E. Raftery, Model-based gaussian and non-gaussian clustering,
 * Biometrics 49 (1993) 803-821, with a gaussian in the place of their uniform density,
 * which would end where the first points do).
 *
 * It is one component of the families of the model, fitted to all points as if there were
 * no other, its fields independent; counts are geometric in the place of poisson, which
 * would be one more peak. A gaussian field has mean (a + b)/2 and variance (b -
 * a)^2/12, those of a uniform distribution over [a, b], the quantiles .001 and .999: of
 * the gaussians the nearest to one. (The variance of the points, which is less where there
 * is little clutter, makes it so dense in the middle that components lose their flanks to
 * it: in clutter of a tenth, over 1.2 times the box of 5 clusters, .02 to .1 nats, in
 * place of .001 to .002.) It is measured with every fit, so with those of the warm-up,
 * after a change and when a field wakes, and stays in between.
 */
#ifndef NOISE_H
#define NOISE_H

#include "em.h"
#include "model.h"
#include "points.h"
#include "resolution.h"

/* What the weight of noise begins with in a start. */
#define NOISE_START 0.05

/* The parameters of noise (one component) from points of these scales, of which s0 is
 * overwritten. em: of the shape of the noise. Its weight stays as it is. */
void noise_measure(struct mix_model *noise, struct em *em, const struct points *points,
                   struct scales *scales);

/* The same from a model, for a learner that starts from it. False without memory. */
bool noise_of_model(struct mix_model *noise, const struct mix_model *model);

/* The noise of a model becomes one that reaches over that of another of the same shape,
 * too; share: of the points, that of the other. Its weight stays. False without memory. */
bool noise_unite(struct mix_model *model, const struct mix_model *other, double share);

#endif
