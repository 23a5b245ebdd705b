/* SPDX-License-Identifier: MIT
 *
 * Batch EM: all points in memory, several starts, the best one. */
#include "autoconf.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mode.h"

/* All points of the input. */
struct table {
    size_t n;
    size_t room;     /* rows allocated */
    size_t n_fields;
    double *x;       /* n x n_fields */
    double *weight;  /* n; NULL: the input has none */
};

static void table_reserve(struct table *table, size_t rows, bool has_weight)
{
    if (rows <= table->room) {
        return;
    }
    table->room = rows > 2 * table->room ? rows : 2 * table->room;
    table->x = tool_need(
        reallocarray(table->x, table->room, table->n_fields * sizeof(double)));
    if (has_weight) {
        table->weight =
            tool_need(reallocarray(table->weight, table->room, sizeof(double)));
    }
}

static void table_add(struct table *table, const struct mix_rows *rows)
{
    table_reserve(table, table->n + rows->n, rows->weight != NULL);
    for (size_t i = 0; i < rows->n; i++) {
        memcpy(table->x + (table->n + i) * table->n_fields, rows->x + i * rows->stride,
               table->n_fields * sizeof(double));
    }
    if (rows->weight != NULL) {
        memcpy(table->weight + table->n, rows->weight, rows->n * sizeof(double));
    }
    table->n += rows->n;
}

static struct table table_read(struct task *task, struct failure *failure)
{
    struct table table = {.n_fields = task->mix.dimensions};
    struct mix_rows rows;
    while (task_rows(task, &rows, failure)) {
        table_add(&table, &rows);
        task_progress(task, table.n);
    }
    return table;
}

static void table_clear(struct table *table)
{
    free(table->x);
    free(table->weight);
}

/* ---- Trace --------------------------------------------------------------- */

struct trace {
    struct task *task;
    json_t *starts; /* an array a start, and one for split and merge: log-likelihood after
                       every pass */
};

/* What comes after the starts, split and merge and the last EM, has no share. */
static void show_pass(struct task *task, size_t start, size_t pass, double log_likelihood)
{
    const double starts = (double)task->fit.starts;
    const double passes = (double)task->fit.max_iterations;
    const bool is_start = start < task->fit.starts;
    char stage[48] = "split and merge";
    if (is_start) {
        snprintf(stage, sizeof(stage), "start %zu/%zu", start + 1, task->fit.starts);
    }
    char note[96];
    snprintf(note, sizeof(note), "%s  pass %zu  %.6f nats", stage, pass, log_likelihood);
    const struct progress_state state = {
        .share = is_start ? ((double)start + (double)pass / passes) / starts : (double)NAN,
        .note = note,
    };
    progress_show(&task->progress, &state, false);
}

static void note_pass(void *context, size_t start, size_t pass, double log_likelihood)
{
    struct trace *trace = context;
    while (json_array_size(trace->starts) <= start) {
        json_array_append_new(trace->starts, json_array());
    }
    json_array_append_new(json_array_get(trace->starts, start),
                          json_real(log_likelihood));
    show_pass(trace->task, start, pass, log_likelihood);
}

/* ---- Fit ----------------------------------------------------------------- */

/* Weighted mean of the log densities: what EM maximises, in nats per point. */
static double mean_score(const struct mix_model *model, const struct mix_rows *rows,
                         double *total_weight, struct failure *failure)
{
    double *scores = tool_need(calloc(rows->n, sizeof(double)));
    const enum mix_err err = mix_model_log_density(model, rows, scores);
    double sum = 0;
    *total_weight = 0;
    for (size_t i = 0; i < rows->n; i++) {
        const double weight = rows->weight != NULL ? rows->weight[i] : 1;
        if (isfinite(scores[i])) {
            sum += weight * scores[i];
            *total_weight += weight;
        }
    }
    free(scores);
    if (err != MIX_OK) {
        failure_set(failure, EX_SOFTWARE, "score: %s", mix_strerror(err));
    }
    return sum / *total_weight;
}

static void report_fit(struct task *task, const struct mix_model *model,
                       const struct mix_rows *rows, struct outcome *outcome,
                       struct failure *failure)
{
    double weight;
    const double score = mean_score(model, rows, &weight, failure);
    outcome->model = task_model(task, model, NULL);
    json_object_set_new(outcome->model, "points", json_integer((json_int_t)rows->n));
    json_object_set_new(outcome->model, "log_likelihood", task_number(score));
    const double parameters = (double)mix_model_parameters(model);
    outcome->report = tool_need(json_pack(
        "{s:I, s:o, s:I, s:o, s:o}", "points", (json_int_t)rows->n, "log_likelihood",
        task_number(score), "parameters", (json_int_t)parameters, "bic",
        task_number(parameters * log(weight) - 2 * weight * score), "aic",
        task_number(2 * parameters - 2 * weight * score)));
}

static bool is_enough(const struct table *table, const struct task *task,
                      struct failure *failure)
{
    if (failure->code == EX_OK && table->n < task->mix.components) {
        failure_set(failure, EX_DATAERR, "%zu points are too few for %zu components",
                    table->n, task->mix.components);
    }
    return failure->code == EX_OK;
}

void mode_batch(struct task *task, struct outcome *outcome, struct failure *failure)
{
    struct trace trace = {task, NULL};
    struct table table = table_read(task, failure);
    if (is_enough(&table, task, failure)) {
        const struct mix_rows rows = {
            .x = table.x,
            .n = table.n,
            .stride = table.n_fields,
            .weight = table.weight,
        };
        enum mix_err err = MIX_OK;
        trace.starts = tool_need(json_array());
        struct mix_model *model =
            mix_fit(&task->mix, &task->fit, &rows, note_pass, &trace, &err);
        if (model != NULL) {
            report_fit(task, model, &rows, outcome, failure);
            json_object_set(outcome->report, "trace", trace.starts);
        } else {
            failure_set(failure, EX_DATAERR, "%zu points, %zu components: %s", rows.n,
                        task->mix.components, mix_strerror(err));
        }
        mix_model_destroy(&model);
    }
    json_decref(trace.starts);
    table_clear(&table);
}
