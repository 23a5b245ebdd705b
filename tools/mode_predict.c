/* SPDX-License-Identifier: MIT
 *
 * Regression with a model file: every point as a line of CSV, what is missing replaced by
 * its mean given the rest. */
#include "autoconf.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "mode.h"

static void print_names(const struct task *task)
{
    const struct layout *layout = input_layout(task->input);
    const char **names = tool_need(calloc(layout->n_fields, sizeof(char *)));
    for (size_t c = 0; c < layout->n_columns; c++) {
        if (layout->columns[c].role == COLUMN_FIELD) {
            names[layout->columns[c].field] = layout->columns[c].name;
        }
    }
    for (size_t d = 0; d < layout->n_fields; d++) {
        printf("%s%s", d > 0 ? "," : "", names[d]);
    }
    putchar('\n');
    free(names);
}

/* The shortest number that reads as the same double. */
static void print_number(double value)
{
    char text[32];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, value);
        if (strtod(text, NULL) == value) {
            break;
        }
    }
    fputs(text, stdout);
}

/* A point that has no density is printed as it is: nothing can be said of its gaps. */
static void print_point(const struct mix_model *model, const double *x)
{
    const size_t dims = mix_model_dimensions(model);
    double mean[MIX_DIMENSIONS_MAX], variance[MIX_DIMENSIONS_MAX];
    const bool is_known = mix_model_predict(model, x, mean, variance) == MIX_OK;
    for (size_t d = 0; d < dims; d++) {
        const double value = is_known ? mean[d] : x[d];
        if (d > 0) {
            putchar(',');
        }
        if (isfinite(value)) {
            print_number(value);
        }
    }
    putchar('\n');
}

void mode_predict(struct task *task, struct outcome *outcome, struct failure *failure)
{
    struct mix_model *model = task_read_model(task, failure);
    struct mix_rows rows;
    (void)outcome;
    if (model == NULL) {
        return;
    }
    print_names(task);
    while (task_rows(task, &rows, failure)) {
        for (size_t i = 0; i < rows.n; i++) {
            print_point(model, rows.x + i * rows.stride);
        }
    }
    mix_model_destroy(&model);
}
