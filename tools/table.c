/* SPDX-License-Identifier: MIT */
#include "autoconf.h"

#include "table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void reserve(struct table *table, size_t rows, bool has_weight)
{
    if (rows <= table->room) {
        return;
    }
    table->room = rows > 2 * table->room ? rows : 2 * table->room;
    table->x =
        tool_need(reallocarray(table->x, table->room, table->n_fields * sizeof(double)));
    if (has_weight) {
        table->weight =
            tool_need(reallocarray(table->weight, table->room, sizeof(double)));
    }
}

static void add(struct table *table, const struct mix_rows *rows)
{
    reserve(table, table->n + rows->n, rows->weight != NULL);
    for (size_t i = 0; i < rows->n; i++) {
        memcpy(table->x + (table->n + i) * table->n_fields, rows->x + i * rows->stride,
               table->n_fields * sizeof(double));
    }
    if (rows->weight != NULL) {
        memcpy(table->weight + table->n, rows->weight, rows->n * sizeof(double));
    }
    table->n += rows->n;
}

struct table table_read(struct task *task, struct failure *failure)
{
    struct table table = {.n_fields = task->mix.dimensions};
    struct mix_rows rows;
    while (task_rows(task, &rows, failure)) {
        add(&table, &rows);
        task_progress(task, table.n);
    }
    return table;
}

void table_clear(struct table *table)
{
    free(table->x);
    free(table->weight);
    *table = (struct table){.n_fields = table->n_fields};
}

struct mix_rows table_rows(const struct table *table)
{
    return (struct mix_rows){
        .x = table->x, .n = table->n, .stride = table->n_fields, .weight = table->weight};
}

struct table table_fold(const struct table *table, size_t n_folds, size_t fold,
                        bool is_held)
{
    struct table part = {.n_fields = table->n_fields};
    reserve(&part, table->n + 1, table->weight != NULL);
    for (size_t i = 0; i < table->n; i++) {
        if ((i % n_folds == fold) == is_held) {
            const struct mix_rows row = {
                .x = table->x + i * table->n_fields,
                .n = 1,
                .stride = table->n_fields,
                .weight = table->weight != NULL ? table->weight + i : NULL};
            add(&part, &row);
        }
    }
    return part;
}

double *table_score(const struct table *table, const struct mix_model *model,
                    struct failure *failure)
{
    double *scores = tool_need(calloc(table->n + 1, sizeof(double)));
    const struct mix_rows rows = table_rows(table);
    const enum mix_err err = mix_model_log_density(model, &rows, scores);
    if (err != MIX_OK) {
        failure_set(failure, EX_SOFTWARE, "score: %s", mix_strerror(err));
    }
    return scores;
}

static double weight_of(const struct table *table, size_t i)
{
    return table->weight != NULL ? table->weight[i] : 1;
}

struct table_mean table_mean(const struct table *table, const double *scores)
{
    struct table_mean out = {0};
    double sum = 0;
    for (size_t i = 0; i < table->n; i++) {
        if (isfinite(scores[i])) {
            sum += weight_of(table, i) * scores[i];
            out.weight += weight_of(table, i);
        }
    }
    out.mean = out.weight > 0 ? sum / out.weight : (double)NAN;
    return out;
}

struct table_difference table_difference(const struct table *table, const double *a,
                                         const double *b)
{
    double n = 0, weight = 0, sum = 0, squares = 0;
    for (size_t i = 0; i < table->n; i++) {
        if (isfinite(a[i]) && isfinite(b[i])) {
            n += weight_of(table, i) > 0;
            weight += weight_of(table, i);
            sum += weight_of(table, i) * (a[i] - b[i]);
        }
    }
    const double mean = sum / weight;
    for (size_t i = 0; i < table->n; i++) {
        if (isfinite(a[i]) && isfinite(b[i])) {
            const double off = a[i] - b[i] - mean;
            squares += weight_of(table, i) * off * off;
        }
    }
    return (struct table_difference){mean, sqrt(squares / weight / (n - 1))};
}
