/* SPDX-License-Identifier: MIT
 *
 * All points of an input in memory, for the modes of mixfit that pass over them more
 * than once. */
#ifndef TABLE_H
#define TABLE_H

#include "mode.h"

struct table {
    size_t n;
    size_t room; /* rows allocated */
    size_t n_fields;
    double *x;      /* n x n_fields */
    double *weight; /* n; NULL: the input has none */
};

/* Reads the whole input of the task; the failure may be set. */
struct table table_read(struct task *task, struct failure *failure);
void table_clear(struct table *table);

/* Every fold-th part of n_folds, row i belonging to fold i mod n_folds: its rows
 * (is_held) or all the others. A copy, to be cleared. */
struct table table_fold(const struct table *table, size_t n_folds, size_t fold,
                        bool is_held);

/* A view, valid as long as the table. */
struct mix_rows table_rows(const struct table *table);

/* log p of every row, NaN and -inf as mix_model_log_density() has them. To be freed. */
double *table_score(const struct table *table, const struct mix_model *model,
                    struct failure *failure);

/* Weighted mean of the finite scores of n rows, and the sum of their weights. */
struct table_mean {
    double mean; /* nats a point; NaN where no score is finite */
    double weight;
};
struct table_mean table_mean(const struct table *table, const double *scores);

/* Mean of the differences a - b of two scores of the same rows, and its standard error;
 * rows where one is not finite are left out. */
struct table_difference {
    double mean, error;
};
struct table_difference table_difference(const struct table *table, const double *a,
                                         const double *b);

#endif
