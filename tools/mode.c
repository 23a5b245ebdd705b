/* SPDX-License-Identifier: MIT
 *
 * What the modes of mixfit share: rows in, model file out. */
#include "autoconf.h"

#include "mode.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "frame.h"
#include "modelfile.h"

/* ---- Rows ---------------------------------------------------------------- */

static const char *field_name(const struct task *task, size_t d)
{
    const struct column *column = input_layout(task->input)->columns;
    while (column->role != COLUMN_FIELD || column->field != d) {
        column++;
    }
    return column->name;
}

/* The first field of row i whose family cannot have what is there, or D. */
static size_t find_unfit(const struct task *task, size_t i)
{
    const double *x = task->batch.x + i * task->batch.stride;
    size_t d = 0;
    while (d < task->mix.dimensions &&
           (task->families[d] == MIX_GAUSSIAN || isnan(x[d]) ||
            mix_family_accepts(task->families[d], task->mix.categories, x[d]))) {
        d++;
    }
    return d;
}

/* Whether row i can be read, and its families can have what is there. */
static bool is_good(const struct task *task, size_t i)
{
    return task->batch.reason[i] == REASON_NONE &&
           find_unfit(task, i) == task->mix.dimensions;
}

/* Notes the first of rows [begin, end) that was read but does not fit, for a summary. */
static void note_unfit(struct task *task, size_t begin, size_t end)
{
    const double *x = task->batch.x;
    for (size_t i = begin; i < end && task->unfit[0] == '\0'; i++) {
        const size_t d = find_unfit(task, i);
        if (task->batch.reason[i] == REASON_NONE && d < task->mix.dimensions) {
            const enum mix_family family = task->families[d];
            snprintf(task->unfit, sizeof(task->unfit), "%s %g: %s takes %s",
                     field_name(task, d), x[i * task->batch.stride + d],
                     mix_family_name(family), mix_family_values(family));
        }
    }
}

/* The run of good rows that begins at or after `from`: its start, and its length in n. */
static size_t find_run(const struct task *task, size_t from, size_t *n)
{
    const struct batch *batch = &task->batch;
    size_t first = from;
    while (first < batch->n && !is_good(task, first)) {
        first++;
    }
    size_t end = first;
    while (end < batch->n && is_good(task, end)) {
        end++;
    }
    *n = end - first;
    return first;
}

/* Gives out what is left of the last batch, up to the next bad row. */
static bool rows_left(struct task *task, struct mix_rows *rows)
{
    const struct batch *batch = &task->batch;
    size_t n;
    const size_t first = find_run(task, task->used, &n);
    note_unfit(task, task->used, first);
    task->skipped += first - task->used;
    task->used = first + n;
    if (n == 0) {
        return false;
    }
    *rows = (struct mix_rows){
        .x = batch->x + first * batch->stride,
        .n = n,
        .stride = batch->stride,
        .weight = batch->weight != NULL ? batch->weight + first : NULL,
        .time = batch->time != NULL ? batch->time + first : NULL,
    };
    return true;
}

bool task_rows(struct task *task, struct mix_rows *rows, struct failure *failure)
{
    while (!rows_left(task, rows)) {
        task->used = 0;
        task->batch.n = 0;
        if (!input_next(task->input, &task->batch)) {
            task->batch.n = 0;
            const char *error = input_error(task->input);
            if (error != NULL) {
                failure_set(failure, EX_IOERR, "%s", error);
            }
            return false;
        }
    }
    return true;
}

void task_progress(struct task *task, uint64_t points)
{
    uint64_t done;
    uint64_t total;
    input_progress(task->input, &done, &total);
    const struct progress_state state = {
        .share = total > 0 ? (double)done / (double)total : (double)NAN,
        .points = points,
    };
    progress_show(&task->progress, &state, false);
}

/* ---- Model --------------------------------------------------------------- */

double task_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

json_t *task_model(const struct task *task, const struct mix_model *model,
                   const struct mix_info *info, const struct mix_learner *learner)
{
    const struct layout *layout = input_layout(task->input);
    const char **fields = tool_need(calloc(layout->n_fields, sizeof(char *)));
    for (size_t d = 0; d < layout->n_fields; d++) {
        fields[d] = field_name(task, d);
    }
    const struct frame frame = {
        .time = task_clock(),
        .last_time = (double)NAN,
        .fields = fields,
        .n_fields = layout->n_fields,
        .n_components = mix_model_components(model),
        .covariance = mix_model_covariance(model),
        .model = model,
        .info = info,
        .learner = learner,
    };
    json_t *object = tool_need(frame_json(&frame));
    free(fields);
    return object;
}

bool task_is_in_order(const struct task *task, const json_t *model, const char *path,
                      struct failure *failure)
{
    if (task->is_chosen) {
        return true;
    }
    json_t *names = tool_need(json_array());
    for (size_t d = 0; d < task->mix.dimensions; d++) {
        json_array_append_new(names, tool_need(json_string(field_name(task, d))));
    }
    const bool is_good = modelfile_is_in_order(json_object_get(model, "fields"), path,
                                               names, "the input", failure);
    json_decref(names);
    return is_good;
}

struct mix_model *task_read_model(const struct task *task, struct failure *failure)
{
    const char *path = task->model_path;
    json_t *object = NULL;
    struct mix_model *model = modelfile_read(path, &object, failure);
    bool is_good = model != NULL;
    if (is_good && mix_model_dimensions(model) != task->mix.dimensions) {
        failure_set(failure, EX_DATAERR,
                    "%s: a model of %zu dimensions for points of %zu: choose them with "
                    "--fields",
                    path, mix_model_dimensions(model), task->mix.dimensions);
        is_good = false;
    }
    if (is_good && !task_is_in_order(task, object, path, failure)) {
        is_good = false;
    }
    if (!is_good) {
        mix_model_destroy(&model);
    }
    json_decref(object);
    return model;
}
