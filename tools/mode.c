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

/* Whether row i can be read, and its families can have what is there. */
static bool is_good(const struct task *task, size_t i)
{
    const struct batch *batch = &task->batch;
    const double *x = batch->x + i * batch->stride;
    bool is_accepted = batch->reason[i] == REASON_NONE;
    for (size_t d = 0; is_accepted && d < task->mix.dimensions; d++) {
        is_accepted = task->families[d] == MIX_GAUSSIAN || isnan(x[d]) ||
                      mix_family_accepts(task->families[d], task->mix.categories, x[d]);
    }
    return is_accepted;
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
    for (size_t c = 0; c < layout->n_columns; c++) {
        if (layout->columns[c].role == COLUMN_FIELD) {
            fields[layout->columns[c].field] = layout->columns[c].name;
        }
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

json_t *task_number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

struct mix_model *task_read_model(const struct task *task, struct failure *failure)
{
    struct mix_model *model = modelfile_read(task->model_path, NULL, failure);
    if (model != NULL && mix_model_dimensions(model) != task->mix.dimensions) {
        failure_set(failure, EX_DATAERR,
                    "%s: a model of %zu dimensions for points of %zu: choose them with "
                    "--fields",
                    task->model_path, mix_model_dimensions(model), task->mix.dimensions);
        mix_model_destroy(&model);
    }
    return model;
}
