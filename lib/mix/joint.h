/* SPDX-License-Identifier: MIT
 *
 * The densities of every component at every point of a sample, kept, so that the
 * change of the likelihood by other components in the place of some is exact and
 * cheap: log((t - e_S + new) / t), where e_S are the components that go. */
#ifndef JOINT_H
#define JOINT_H

#include "estep.h"
#include "model.h"
#include "points.h"

struct joint {
    size_t components;     /* K */
    struct points *points; /* the sample, owned */
    double *resp;          /* per block K x BLOCK_POINTS: e_ik / t_i */
    double *log_total;     /* per block BLOCK_POINTS: log t_i, nats */
    double *mass;          /* K: sum of weight times e_ik / t_i */
    double weight;         /* of the sample */
};

/* capacity: points of the sample at most. NULL without memory. */
struct joint *joint_new(const struct shape *shape, size_t capacity);
void joint_destroy(struct joint **joint);

/* Takes every so-manieth point, to the capacity. */
void joint_sample(struct joint *joint, const struct points *points);

/* Fills block j for a model. */
void joint_fill(struct joint *joint, struct estep *estep, const struct mix_model *model,
                size_t j);

#endif
