/* SPDX-License-Identifier: MIT
 *
 * A whole mixture in a few numbers. */
#ifndef SUMMARY_H
#define SUMMARY_H

#include "model.h"

/* Mean and variance of each field of the mixture, D each. */
void summary_moments(const struct mix_model *model, double *mean, double *variance);

#endif
