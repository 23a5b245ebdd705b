/* SPDX-License-Identifier: MIT
 *
 * What the values of each field say about its scale: where it lies, how far it
 * spreads, the smallest step of its sensor, and from these the smallest variance that
 * a component may have and the scale that k-means and the first prior use.
 *
 * Real sensors are quantised. A component that covers one repeated value would shrink
 * without end and its likelihood grow without bound; a sensor of step q cannot know a
 * variance below q^2 / 12, that of a uniform error of width q. So the floor is found
 * from the data, in the units of the field:
 *
 *     q_d  = median of the gaps between neighbouring distinct values
 *     v_d  = min(variance, (IQR / 1.349)^2), robust against outliers
 *     vf_d = max(1e-12 v_d, (4 eps |median_d|)^2, 1e-280, q_d^2 / 12)
 */
#ifndef RESOLUTION_H
#define RESOLUTION_H

#include <stddef.h>

#include "mix.h"
#include "model.h"
#include "points.h"
#include "sort.h"

/* Arrays of D doubles, in units of the field or their squares. */
struct scales {
    size_t dimensions;
    double *median;
    double *mean;
    double *sd;         /* > 0: at least the root of the floor */
    double *variance;   /* v_d, at least the floor */
    double *step;       /* q_d; 0: no two values differ */
    double *floor;      /* vf_d > 0 */
    double *s0;         /* prior variance of a component, at least the floor */
    double *low, *high; /* quantiles .001 and .999, for noise; not part of a state */
};

struct scales *scales_new(size_t dimensions);
void scales_destroy(struct scales **scales);
void scales_assign(struct scales *dst, const struct scales *src);

/* The smallest step of field d that is known beforehand, NaN: none. */
double scales_known_step(const struct mix_options *options, size_t d);

#define SCALES_SCRATCH 2

/* Fills field d from the values that are not missing. given: the step of the sensor,
 * or NaN to find it. scratch holds SCALES_SCRATCH entries a point. s0 is not set. */
void scales_measure(struct scales *scales, const struct points *points, size_t d,
                    double given, struct weighted *scratch);

/* The first prior of a mixture of K components: S0_d = v_d / K^(2/D) (Fraley and
 * Raftery, Bayesian regularization for normal mixture estimation, 2007). */
void scales_first_prior(struct scales *scales, size_t components);

/* The scales of a model's own distribution, for a learner that starts from a model;
 * steps that the options (or NULL) do not know are 0. */
void scales_of_model(struct scales *scales, const struct mix_model *model,
                     const struct mix_options *options);

/* Empirical Bayes: S0_d = weighted geometric mean of the components' variances (of
 * some families at the mean of the field: what their prior knows is relative) of field d,
 * at least the floor. Unit-free and nearly without bias, where pooled data variance loses
 * 4 nats on tight clusters. Returns max |change of log S0_d|. */
double scales_update_prior(struct scales *scales, const struct mix_model *model);

#endif
