/* SPDX-License-Identifier: MIT
 *
 * Two models: how far each is from the other, and which of them says more of points. */
#include "autoconf.h"

#include <stdio.h>
#include <stdlib.h>

#include "frame.h"
#include "modelfile.h"
#include "table.h"

/* Points drawn for a divergence: its standard error is about the thousandth part of the
 * spread of the log ratio. */
#define DRAWN 1000000

static void report_divergence(json_t *report, const char *name, const struct task *task,
                              const struct mix_model *from, const struct mix_model *to,
                              struct failure *failure)
{
    double nats, error;
    const enum mix_err err =
        mix_model_divergence(from, to, task->mix.seed, DRAWN, &nats, &error);
    if (err != MIX_OK) {
        failure_set(failure, EX_SOFTWARE, "divergence: %s", mix_strerror(err));
    } else {
        json_object_set_new(report, name,
                            json_pack("{s:o, s:o}", "nats", frame_number(nats), "error",
                                      frame_number(error)));
    }
}

/* The points of the input under both. */
static void report_points(json_t *report, struct task *task, const struct mix_model *a,
                          const struct mix_model *b, struct failure *failure)
{
    struct table table = table_read(task, failure);
    if (failure->code == EX_OK && table.n < 2) {
        failure_set(failure, EX_DATAERR, "%zu points are too few to compare by", table.n);
    }
    if (failure->code == EX_OK) {
        double *of_a = table_score(&table, a, failure);
        double *of_b = table_score(&table, b, failure);
        const struct table_difference by = table_difference(&table, of_b, of_a);
        json_object_set_new(report, "points", json_integer((json_int_t)table.n));
        json_object_set_new(report, "log_likelihood",
                            json_pack("[o, o]",
                                      frame_number(table_mean(&table, of_a).mean),
                                      frame_number(table_mean(&table, of_b).mean)));
        json_object_set_new(report, "second_better_by",
                            json_pack("{s:o, s:o}", "nats", frame_number(by.mean), "error",
                                      frame_number(by.error)));
        free(of_a);
        free(of_b);
    }
    table_clear(&table);
}

static bool are_comparable(const struct task *task, const struct mix_model *a,
                           const struct mix_model *b, struct failure *failure)
{
    if (mix_model_dimensions(a) != mix_model_dimensions(b)) {
        failure_set(failure, EX_DATAERR, "%s: %zu dimensions, %s: %zu", task->model_path,
                    mix_model_dimensions(a), task->other_path, mix_model_dimensions(b));
    } else if (task->input != NULL && mix_model_dimensions(a) != task->mix.dimensions) {
        failure_set(failure, EX_DATAERR,
                    "%s: a model of %zu dimensions for points of %zu: choose them with "
                    "--fields",
                    task->model_path, mix_model_dimensions(a), task->mix.dimensions);
    }
    return failure->code == EX_OK;
}

/* The same of their names, and of those of the input. */
static bool are_in_order(const struct task *task, const json_t *a, const json_t *b,
                         struct failure *failure)
{
    return modelfile_is_in_order(json_object_get(a, "fields"), task->model_path,
                                 json_object_get(b, "fields"), task->other_path,
                                 failure) &&
           (task->input == NULL ||
            task_is_in_order(task, a, task->model_path, failure));
}

void mode_compare(struct task *task, struct outcome *outcome, struct failure *failure)
{
    json_t *file_a = NULL, *file_b = NULL;
    struct mix_model *a = modelfile_read(task->model_path, &file_a, failure);
    struct mix_model *b =
        a != NULL ? modelfile_read(task->other_path, &file_b, failure) : NULL;
    if (b != NULL && are_comparable(task, a, b, failure) &&
        are_in_order(task, file_a, file_b, failure)) {
        outcome->report = tool_need(json_object());
        report_divergence(outcome->report, "divergence", task, a, b, failure);
        report_divergence(outcome->report, "divergence_back", task, b, a, failure);
        if (task->input != NULL) {
            report_points(outcome->report, task, a, b, failure);
        }
    }
    mix_model_destroy(&a);
    mix_model_destroy(&b);
    json_decref(file_a);
    json_decref(file_b);
}
