/* SPDX-License-Identifier: MIT
 *
 * One batch fit of mixfit, and what is said of it. */
#ifndef BATCH_H
#define BATCH_H

#include "mode.h"
#include "table.h"

/* What goes beside the log-likelihood of a model of so many free parameters: Schwarz
 * 1978, Akaike 1974; smaller is better. */
double batch_bic(double parameters, struct table_mean score);
double batch_aic(double parameters, struct table_mean score);

/* Fits task->mix to the table and shows the progress under a label ("", or "K=3 "). trace
 * (NULL: none wanted) gets an array a start with the log-likelihood after every pass.
 * NULL and the failure on an error. */
struct mix_model *batch_fit(struct task *task, const struct table *table,
                            const char *label, json_t *trace, struct failure *failure);

/* Fills the outcome with the model and its figures. */
void batch_report(const struct task *task, const struct mix_model *model,
                  const struct table *table, struct outcome *outcome,
                  struct failure *failure);

#endif
