/* SPDX-License-Identifier: MIT
 *
 * Two models on the same points: the mean of the paired differences of their log
 * densities and its standard error. */
#ifndef COMPARE_H
#define COMPARE_H

#include "estep.h"
#include "model.h"
#include "points.h"

struct comparison {
    double sum, squares; /* of weight times the difference, and times its square */
    double weight;
    double points;
};

/* Adds log p_b - log p_a of the points of a block. */
void comparison_add(struct comparison *comparison, struct estep *estep,
                    const struct mix_model *a, const struct mix_model *b,
                    const struct block *block);
double comparison_mean(const struct comparison *comparison);  /* nats a point */
double comparison_error(const struct comparison *comparison); /* of the mean */

#endif
