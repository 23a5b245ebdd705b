/* SPDX-License-Identifier: MIT
 *
 * mixfit: mixtures of files of points, without a daemon. */
#include "autoconf.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crew.h"
#include "families.h"
#include "fit_options.h"
#include "frame.h"
#include "mode.h"

TOOL_VERSION("mixfit");

/* ---- Task ---------------------------------------------------------------- */

/* The families of the fields. */
static bool set_families(struct task *task, const struct fit_options *options,
                         struct failure *failure)
{
    if (options->family == NULL) {
        return true;
    }
    if (!families_read(options->family, input_layout(task->input), task->families,
                       failure)) {
        return false;
    }
    const bool is_gaussian = families_are_gaussian(task->families, task->mix.dimensions);
    task->mix.families = is_gaussian ? NULL : task->families;
    if (options->categories > 0) {
        task->mix.categories = (size_t)options->categories;
    }
    if (options->has_covariance && options->covariance != MIX_DIAG && !is_gaussian) {
        failure_set(failure, EX_USAGE,
                    "--covariance: %s needs gaussian fields alone: leave it out",
                    mix_covariance_name(options->covariance));
        return false;
    }
    return true;
}

/* The library's options from those of the command line. */
static bool set_options(struct task *task, const struct fit_options *options,
                        struct failure *failure)
{
    const size_t n_fields = task->input != NULL ? input_layout(task->input)->n_fields : 1;
    const size_t n_components = options->first > 0 ? (size_t)options->last : 1;
    mix_options_init(&task->mix, n_fields, n_components);
    task->mix.covariance = options->covariance;
    task->mix.seed = (uint64_t)options->seed;
    task->mix.adapt = options->adapt;
    task->mix.noise = options->noise;
    task->mix.marginalize = options->columns.input.marginalize;
    mix_fit_options_init(&task->fit);
    if (options->starts > 0) {
        task->fit.starts = (size_t)options->starts;
    }
    if (options->max_iterations > 0) {
        task->fit.max_iterations = (size_t)options->max_iterations;
    }
    if (options->tolerance >= 0) {
        task->fit.tolerance = options->tolerance;
    }
    /* Exactly so many passes of the one start that there is. */
    task->fit.split_merge = !(options->starts == 1 && options->max_iterations > 0);
    const char *what = NULL;
    const enum mix_err err = mix_options_check(&task->mix, &what);
    if (err != MIX_OK) {
        failure_set(failure, EX_USAGE, "%s: %s: %zu components of %zu fields, at most %d fields and "
                    "K(D+1)(D+2)/2 of 2^20",
                    what, mix_strerror(err), n_components, n_fields, MIX_DIMENSIONS_MAX);
    }
    task->mix.components = options->first > 0 ? (size_t)options->first : 1;
    task->components_end = n_components;
    if (options->task == ONLINE && options->last > options->first) {
        task->mix.components_max = n_components;
    }
    task->folds = (size_t)options->folds;
    return err == MIX_OK;
}

/* ---- Output -------------------------------------------------------------- */

/* A file that is not a regular one, /dev/stdout say, is written and not replaced. */
static bool is_replaceable(const char *path)
{
    struct stat status;
    return lstat(path, &status) == -1 || S_ISREG(status.st_mode);
}

/* Writes one line; the old file stays until the new one is whole. */
static void write_file(const char *path, const char *text, struct failure *failure)
{
    const bool is_replaced = is_replaceable(path);
    char *written =
        is_replaced ? tool_text("%s.%d.tmp", path, (int)getpid()) : tool_text("%s", path);
    FILE *file = fopen(written, "we");
    bool is_good = file != NULL;
    if (is_good) {
        is_good = fprintf(file, "%s\n", text) > 0 && fflush(file) == 0 &&
                  (!is_replaced || fsync(fileno(file)) == 0);
        is_good = fclose(file) == 0 && is_good;
    }
    if (is_good && is_replaced) {
        is_good = rename(written, path) == 0;
    }
    if (!is_good) {
        failure_set(failure, errno == EACCES ? EX_NOPERM : EX_IOERR, "%s: %s", path,
                    strerror(errno));
        if (is_replaced) {
            unlink(written);
        }
    }
    free(written);
}

static void print_object(const json_t *object)
{
    char *text = tool_need(frame_text(object));
    puts(text);
    free(text);
}

static void print_score(const struct fit_options *options, const json_t *report)
{
    const json_t *score = json_object_get(report, "log_likelihood");
    if (!options->is_per_point && json_is_number(score)) {
        printf("%.17g\n", json_number_value(score));
    } else if (!options->is_per_point) {
        puts("-inf");
    }
}

/* {"nats": a, "error": b} under a label. */
static void print_nats(const char *label, const json_t *value)
{
    const json_t *nats = json_object_get(value, "nats");
    const json_t *error = json_object_get(value, "error");
    if (json_is_number(nats)) {
        printf("%-24s %.6f +- %.6f nats\n", label, json_number_value(nats),
               json_number_value(error));
    } else if (value != NULL) {
        printf("%-24s infinite\n", label);
    }
}

static void print_comparison(const struct fit_options *options, const json_t *report)
{
    (void)options;
    print_nats("divergence of 2 from 1", json_object_get(report, "divergence"));
    print_nats("divergence of 1 from 2", json_object_get(report, "divergence_back"));
    print_nats("2 better on the points by", json_object_get(report, "second_better_by"));
}

static void print_nothing(const struct fit_options *options, const json_t *report)
{
    (void)options;
    (void)report;
}

/* What to run for a task, and how its report is printed where there is no model. */
static const struct activity {
    unsigned task;
    mode_fn *run;
    void (*print)(const struct fit_options *options, const json_t *report);
} activities[] = {
    {FIT, mode_batch, print_nothing},       {ONLINE, mode_online, print_nothing},
    {SCORE, mode_score, print_score},       {COMPARE, mode_compare, print_comparison},
    {PREDICT, mode_predict, print_nothing}, {MERGE, mode_merge, print_nothing},
};

static const struct activity *activity_of(const struct fit_options *options)
{
    const struct activity *activity = activities;
    while (activity->task != options->task) {
        activity++;
    }
    return activity;
}

/* The model to its file or to standard output, where a report may take its place. */
static void print_outcome(const struct fit_options *options, struct outcome *outcome,
                          struct failure *failure)
{
    if (outcome->model == NULL) {
        if (options->is_json) {
            print_object(outcome->report);
        } else {
            activity_of(options)->print(options, outcome->report);
        }
        return;
    }
    if (options->output != NULL) {
        char *text = tool_need(frame_text(outcome->model));
        write_file(options->output, text, failure);
        free(text);
    }
    if (options->is_json) {
        json_object_set(outcome->report, "model", outcome->model);
        print_object(outcome->report);
    } else if (options->output == NULL) {
        print_object(outcome->model);
    }
}

/* The table of a choice goes where the model does not. */
static FILE *table_file(const struct fit_options *options)
{
    return options->is_json ? NULL : options->output != NULL ? stdout : stderr;
}

/* The threads that were asked for; NULL: this one is enough. */
static struct crew *hire(const struct fit_options *options, struct failure *failure)
{
    struct crew *crew =
        options->threads > 1 ? crew_new((size_t)options->threads) : NULL;
    if (options->threads > 1 && crew == NULL) {
        failure_set(failure, EX_OSERR, "--threads: cannot start %.0f threads",
                    options->threads);
    }
    return crew;
}

static void run(const struct fit_options *options, struct crew *crew,
                struct failure *failure)
{
    const size_t input = options->task == COMPARE ? 2 : 0;
    const char *path = options->task == MERGE ? NULL : options->paths[input];
    struct outcome outcome = {0};
    struct task task = {
        .model_path = options->task == COMPARE ? options->paths[0] : options->model,
        .other_path = options->paths[1],
        .merge_paths = options->paths,
        .n_merge = options->n_paths,
        .is_chosen = options->columns.input.fields != NULL,
        .is_per_point = options->is_per_point,
        .leaves_open = options->no_finish,
        .table = table_file(options),
        .progress = progress_start(),
    };
    if (path != NULL) {
        task.input = input_open(path, &options->columns.input, failure->text,
                                sizeof(failure->text), &failure->code);
        if (task.input == NULL) {
            return;
        }
    }
    if (set_options(&task, options, failure) && set_families(&task, options, failure)) {
        task.mix.executor = crew_executor(crew);
        activity_of(options)->run(&task, &outcome, failure);
    }
    progress_clear(&task.progress);
    if (failure->code == EX_OK) {
        print_outcome(options, &outcome, failure);
    }
    if (task.skipped > 0) {
        const char *place = input_first_rejected(task.input);
        fprintf(stderr, "mixfit: %s: %" PRIu64 " rows left out, the first %s%s\n", path,
                task.skipped, place != NULL ? "at " : "for ",
                place != NULL ? place : task.unfit);
    }
    json_decref(outcome.model);
    json_decref(outcome.report);
    input_close(&task.input);
}

int main(int argc, char **argv)
{
    struct failure failure = {0};
    tool_start(argv);
    const struct fit_options options = fit_options_parse(argc, argv);
    struct crew *crew = hire(&options, &failure);
    if (failure.code == EX_OK) {
        run(&options, crew, &failure);
    }
    crew_destroy(&crew);
    if (failure.code != EX_OK) {
        failure_print(&failure);
    }
    return tool_end(failure.code);
}
