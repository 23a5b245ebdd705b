/* SPDX-License-Identifier: MIT
 *
 * Noise: a component beside the K of a mixture that is broad and stays where it is; only
 * its weight is learned. What lies far from everything is its, and bends no component (J.
 * D. Banfield and A. E. Raftery, Model-based gaussian and non-gaussian clustering,
 * Biometrics 49 (1993) 803-821, with a gaussian in the place of their uniform density,
 * which would end where the first points do).
 *
 * It is one component of the families of the model, fitted to all points as if there were
 * no other, its fields independent: of a gaussian field, the median and the variance of
 * the points, gross outliers and all. It is measured with every fit of the warm-up and
 * fixed at the last, but for that when a field wakes.
 */
#ifndef NOISE_H
#define NOISE_H

#include "em.h"
#include "model.h"
#include "points.h"
#include "resolution.h"

/* A point further than this from the median of a field, in its robust deviations, is no
 * seed of a component. */
#define NOISE_REACH 10

/* The parameters of noise (one component) from points of these scales, of which s0 is
 * overwritten. em: of the shape of the noise. Its weight stays as it is. */
void noise_measure(struct mix_model *noise, struct em *em, const struct points *points,
                   struct scales *scales);

/* The same from a model, for a learner that starts from it. False without memory. */
bool noise_of_model(struct mix_model *noise, const struct mix_model *model);

/* near <- those of the points that may be seeds; all of them where less than half are. */
void noise_leave_out(struct points *near, const struct points *points,
                     const struct scales *scales);

#endif
