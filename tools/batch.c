/* SPDX-License-Identifier: MIT */
#include "autoconf.h"

#include "batch.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "frame.h"

/* ---- Trace --------------------------------------------------------------- */

struct trace {
    struct task *task;
    const char *label;
    json_t *starts; /* an array a start, and one for split and merge; NULL: not wanted */
};

/* What comes after the starts, split and merge and the last EM, has no share. */
static void show_pass(const struct trace *trace, size_t start, size_t pass,
                      double log_likelihood)
{
    struct task *task = trace->task;
    const double starts = (double)task->fit.starts;
    const double passes = (double)task->fit.max_iterations;
    const bool is_start = start < task->fit.starts;
    char stage[48] = "split and merge";
    if (is_start) {
        snprintf(stage, sizeof(stage), "start %zu/%zu", start + 1, task->fit.starts);
    }
    char note[128];
    snprintf(note, sizeof(note), "%s%s  pass %zu  %.6f nats", trace->label, stage, pass,
             log_likelihood);
    const struct progress_state state = {
        .share =
            is_start ? ((double)start + (double)pass / passes) / starts : (double)NAN,
        .note = note,
    };
    progress_show(&task->progress, &state, false);
}

static void note_pass(void *context, size_t start, size_t pass, double log_likelihood)
{
    const struct trace *trace = context;
    while (trace->starts != NULL && json_array_size(trace->starts) <= start) {
        json_array_append_new(trace->starts, json_array());
    }
    json_array_append_new(json_array_get(trace->starts, start),
                          json_real(log_likelihood));
    show_pass(trace, start, pass, log_likelihood);
}

/* ---- Fit ----------------------------------------------------------------- */

double batch_bic(double parameters, struct table_mean score)
{
    return parameters * log(score.weight) - 2 * score.weight * score.mean;
}

double batch_aic(double parameters, struct table_mean score)
{
    return 2 * parameters - 2 * score.weight * score.mean;
}

struct mix_model *batch_fit(struct task *task, const struct table *table,
                            const char *label, json_t *trace, struct failure *failure)
{
    struct trace context = {task, label, trace};
    const struct mix_rows rows = table_rows(table);
    const size_t components = task->mix.components;
    enum mix_err err = MIX_OK;
    if (table->n < components) {
        failure_set(failure, EX_DATAERR, "%zu points are too few for %zu components",
                    table->n, components);
        return NULL;
    }
    struct mix_model *model =
        mix_fit(&task->mix, &task->fit, &rows, note_pass, &context, &err);
    if (model == NULL) {
        failure_set(failure, EX_DATAERR, "%zu points, %zu components: %s", rows.n,
                    components, mix_strerror(err));
    }
    return model;
}

void batch_report(const struct task *task, const struct mix_model *model,
                  const struct table *table, struct outcome *outcome,
                  struct failure *failure)
{
    double *scores = table_score(table, model, failure);
    const struct table_mean score = table_mean(table, scores);
    const double parameters = (double)mix_model_parameters(model);
    free(scores);
    outcome->model = task_model(task, model, NULL, NULL);
    json_object_set_new(outcome->model, "points", json_integer((json_int_t)table->n));
    json_object_set_new(outcome->model, "log_likelihood", frame_number(score.mean));
    outcome->report = tool_need(json_pack(
        "{s:I, s:o, s:I, s:o, s:o}", "points", (json_int_t)table->n, "log_likelihood",
        frame_number(score.mean), "parameters", (json_int_t)parameters, "bic",
        frame_number(batch_bic(parameters, score)), "aic",
        frame_number(batch_aic(parameters, score))));
}
