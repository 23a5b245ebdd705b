/* SPDX-License-Identifier: MIT
 *
 * mixfit: mixtures of files of points, without a daemon. */
#include "autoconf.h"

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "columns.h"
#include "frame.h"
#include "mode.h"

TOOL_VERSION("mixfit");

/* ---- Command line -------------------------------------------------------- */

struct options {
    struct columns_options columns;
    const char *path;          /* INPUT */
    const char *output;        /* NULL: standard output */
    const char *model;         /* --score */
    bool is_online;
    bool is_json;
    bool is_per_point;
    bool no_finish;
    double components;         /* 0: not given */
    double seed;
    double starts;             /* 0: the library's default, as the next ones */
    double max_iterations;
    double tolerance;          /* negative: the default */
    enum mix_covariance covariance;
};

enum {
    OPTION_COVARIANCE = 0x2000,
    OPTION_ONLINE,
    OPTION_NO_FINISH,
    OPTION_SCORE,
    OPTION_PER_POINT,
    OPTION_JSON,
    OPTION_OUTPUT,
    OPTION_FORMAT,
    OPTION_COMPONENTS,
    OPTION_SEED,
    OPTION_STARTS,
    OPTION_MAX_ITERATIONS,
    OPTION_TOLERANCE,
};

static const struct argp_option argp_options[] = {
    {"components", OPTION_COMPONENTS, "K", 0, "Number of components", 1},
    {"covariance", OPTION_COVARIANCE, "T", 0, "full (default), diag, spherical or tied", 1},
    {"seed", OPTION_SEED, "N", 0, "The only source of randomness (1)", 1},
    {"starts", OPTION_STARTS, "R", 0, "k-means++ starts, the best is kept (5)", 1},
    {"max-iterations", OPTION_MAX_ITERATIONS, "N", 0, "EM passes of a start (300)", 1},
    {"tolerance", OPTION_TOLERANCE, "T", 0,
     "Stop when a pass gains less, nats a point (1e-6); 0 never stops early", 1},
    {"online", OPTION_ONLINE, NULL, 0, "The daemon's learner, in one pass", 1},
    {"no-finish", OPTION_NO_FINISH, NULL, 0,
     "With --online: leave the open block open, as the daemon does", 1},
    {"score", OPTION_SCORE, "MODEL", 0, "Mean log-likelihood under a model file", 2},
    {"per-point", OPTION_PER_POINT, NULL, 0, "With --score: one line each", 2},
    {"output", OPTION_OUTPUT, "FILE", 0, "Write the model there, not to standard output", 3},
    {"json", OPTION_JSON, NULL, 0, "Print a report as a JSON object", 3},
    {"format", OPTION_FORMAT, "F", 0, "Format of INPUT -", 3},
    {0},
};

/* Options that are a number: where it goes and what it may be. */
static const struct tool_number numbers[] = {
    {OPTION_COMPONENTS, offsetof(struct options, components), 1, 1 << 20, true},
    {OPTION_SEED, offsetof(struct options, seed), 0, TOOL_COUNT_MAX, true},
    {OPTION_STARTS, offsetof(struct options, starts), 1, 1000000, true},
    {OPTION_MAX_ITERATIONS, offsetof(struct options, max_iterations), 1, 1e9, true},
    {OPTION_TOLERANCE, offsetof(struct options, tolerance), 0, 1e9, false},
};

static void parse_covariance(const char *argument, struct argp_state *state)
{
    struct options *options = state->input;
    for (int c = 0; c < MIX_COVARIANCES; c++) {
        if (strcmp(argument, mix_covariance_name((enum mix_covariance)c)) == 0) {
            options->covariance = (enum mix_covariance)c;
            return;
        }
    }
    tool_usage(state, "--covariance: %s: full, diag, spherical or tied", argument);
}

static void check_options(struct argp_state *state)
{
    struct options *options = state->input;
    const bool is_score = options->model != NULL;
    const bool is_batch = options->starts > 0 || options->max_iterations > 0 ||
                          options->tolerance >= 0;
    if (options->path == NULL) {
        tool_usage(state, "no INPUT: a file, or - for standard input");
    } else if (is_score && (options->is_online || options->components > 0 ||
                            is_batch || options->output != NULL)) {
        tool_usage(state, "--score fits nothing: leave out the options of a fit");
    } else if (!is_score && options->components == 0) {
        tool_usage(state, "--components: not given: how many components to fit");
    } else if (!is_score && options->is_per_point) {
        tool_usage(state, "--per-point goes with --score MODEL");
    } else if (!options->is_online && options->no_finish) {
        tool_usage(state, "--no-finish goes with --online");
    } else if (options->is_online && is_batch) {
        tool_usage(state, "--online makes one pass: leave out --starts, --max-iterations "
                          "and --tolerance");
    }
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct options *options = state->input;
    if (tool_parse_number(numbers, sizeof(numbers) / sizeof(numbers[0]), key, argument,
                          state)) {
        return 0;
    }
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &options->columns;
        return 0;
    case OPTION_COVARIANCE:
        parse_covariance(argument, state);
        return 0;
    case OPTION_ONLINE:
        options->is_online = true;
        return 0;
    case OPTION_NO_FINISH:
        options->no_finish = true;
        return 0;
    case OPTION_SCORE:
        options->model = argument;
        return 0;
    case OPTION_PER_POINT:
        options->is_per_point = true;
        return 0;
    case OPTION_JSON:
        options->is_json = true;
        return 0;
    case OPTION_OUTPUT:
        options->output = argument;
        return 0;
    case OPTION_FORMAT:
        options->columns.input.format = argument;
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 0) {
            tool_usage(state, "%s: a second INPUT", argument);
        }
        options->path = argument;
        return 0;
    case ARGP_KEY_END:
        check_options(state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&columns_argp, 0, NULL, 0}, {0}};
static const struct argp argp = {
    .options = argp_options,
    .parser = parse,
    .args_doc = "INPUT",
    .doc = "Fits a mixture to a file of points by batch EM, or runs the daemon's learner "
           "over it, or scores it."
           "\vINPUT is a .csv, .ndjson, .npy, .f64 or .f32 file, or - for standard input. "
           "The model file goes to standard output.",
    .children = children,
};

/* ---- Task ---------------------------------------------------------------- */

/* The library's options from those of the command line. */
static bool set_options(struct task *task, const struct options *options,
                        struct failure *failure)
{
    const size_t n_fields = input_layout(task->input)->n_fields;
    const size_t n_components = options->model != NULL ? 1 : (size_t)options->components;
    mix_options_init(&task->mix, n_fields, n_components);
    task->mix.covariance = options->covariance;
    task->mix.seed = (uint64_t)options->seed;
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
        failure_set(failure, EX_USAGE, "--%s: %s: %zu components of %zu fields", what,
                    mix_strerror(err), n_components, n_fields);
    }
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
    char *written = is_replaced ? tool_text("%s.%d.tmp", path, (int)getpid())
                                : tool_text("%s", path);
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

static void print_score(const struct options *options, const json_t *report)
{
    const json_t *score = json_object_get(report, "log_likelihood");
    if (options->is_json) {
        print_object(report);
    } else if (!options->is_per_point && json_is_number(score)) {
        printf("%.17g\n", json_number_value(score));
    } else if (!options->is_per_point) {
        puts("-inf");
    }
}

/* The model to its file or to standard output, where a report may take its place. */
static void print_outcome(const struct options *options, struct outcome *outcome,
                          struct failure *failure)
{
    if (outcome->model == NULL) {
        print_score(options, outcome->report);
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

static void run(const struct options *options, struct failure *failure)
{
    struct outcome outcome = {0};
    struct task task = {
        .model_path = options->model,
        .is_per_point = options->is_per_point,
        .leaves_open = options->no_finish,
        .progress = progress_start(),
    };
    mode_fn *mode = options->model != NULL ? mode_score
                    : options->is_online   ? mode_online
                                           : mode_batch;
    task.input = input_open(options->path, &options->columns.input, failure->text,
                            sizeof(failure->text), &failure->code);
    if (task.input == NULL) {
        return;
    }
    if (set_options(&task, options, failure)) {
        mode(&task, &outcome, failure);
    }
    progress_clear(&task.progress);
    if (failure->code == EX_OK) {
        print_outcome(options, &outcome, failure);
    }
    if (task.skipped > 0) {
        fprintf(stderr, "mixfit: %s: %" PRIu64 " rows left out, the first at %s\n",
                options->path, task.skipped, input_first_rejected(task.input));
    }
    json_decref(outcome.model);
    json_decref(outcome.report);
    input_close(&task.input);
}

int main(int argc, char **argv)
{
    struct options options = {.seed = 1, .tolerance = -1};
    struct failure failure = {0};
    tool_start(argv);
    argp_parse(&argp, argc, argv, 0, NULL, &options);
    run(&options, &failure);
    if (failure.code != EX_OK) {
        failure_print(&failure);
    }
    return tool_end(failure.code);
}
