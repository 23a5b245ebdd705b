/* SPDX-License-Identifier: MIT */
#include "autoconf.h"

#include "fit_options.h"

#include <argp.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "crew.h"
#include "tool.h"

/* What `auto` goes up to, here and in mixd.yaml(5). */
#define AUTO_COMPONENTS 8

enum {
    OPTION_COMPONENTS = 0x2000,
    OPTION_COVARIANCE,
    OPTION_FAMILY,
    OPTION_CATEGORIES,
    OPTION_NOISE,
    OPTION_SEED,
    OPTION_THREADS,
    OPTION_STARTS,
    OPTION_MAX_ITERATIONS,
    OPTION_TOLERANCE,
    OPTION_CROSS_VALIDATE,
    OPTION_ONLINE,
    OPTION_ADAPT,
    OPTION_NO_FINISH,
    OPTION_SCORE,
    OPTION_PER_POINT,
    OPTION_PREDICT,
    OPTION_COMPARE,
    OPTION_MERGE,
    OPTION_OUTPUT,
    OPTION_JSON,
    OPTION_FORMAT,
};

static const struct argp_option argp_options[] = {
    {"components", OPTION_COMPONENTS, "K|A..B|auto", 0,
     "Number of components, or a range of which the best is chosen; auto is 1..8", 1},
    {"covariance", OPTION_COVARIANCE, "T", 0, "full (default), diag, spherical or tied",
     1},
    {"family", OPTION_FAMILY, "F", 0,
     "Family of all fields, or FIELD=F,… of some; the others are gaussian (gaussian)", 1},
    {"categories", OPTION_CATEGORIES, "N", 0,
     "Values of a categorical field: 0 to N - 1 (16)", 1},
    {"noise", OPTION_NOISE, NULL, 0,
     "A broad component for outliers, of which only the weight is fitted", 1},
    {"seed", OPTION_SEED, "N", 0, "The only source of randomness (1)", 1},
    {"threads", OPTION_THREADS, "N", 0,
     "Threads that share the work; they change no bit of the model (1)", 1},
    {"starts", OPTION_STARTS, "R", 0, "k-means++ starts, the best is kept (5)", 1},
    {"max-iterations", OPTION_MAX_ITERATIONS, "N", 0, "EM passes of a start (300)", 1},
    {"tolerance", OPTION_TOLERANCE, "T", 0,
     "Stop when a pass gains less, nats a point (1e-6); 0 never stops early", 1},
    {"cross-validate", OPTION_CROSS_VALIDATE, "F", 0,
     "Score every point by a fit that did not see it, in F folds", 1},
    {"online", OPTION_ONLINE, NULL, 0, "The daemon's learner, in one pass", 1},
    {"adapt", OPTION_ADAPT, "on|off", 0,
     "With --online: start afresh after a detected change (on)", 1},
    {"no-finish", OPTION_NO_FINISH, NULL, 0,
     "With --online: leave the open block open, as the daemon does", 1},
    {"score", OPTION_SCORE, "MODEL", 0, "Mean log-likelihood under a model file", 2},
    {"per-point", OPTION_PER_POINT, NULL, 0, "With --score: one line each", 2},
    {"predict", OPTION_PREDICT, "MODEL", 0,
     "Print the points with missing values replaced by their means given the others", 2},
    {"compare", OPTION_COMPARE, NULL, 0,
     "How far two model files are from each other, and which suits INPUT better", 2},
    {"merge", OPTION_MERGE, NULL, 0,
     "One model of two or more of parts of the data, weighted by their points", 2},
    {"output", OPTION_OUTPUT, "FILE", 0, "Write the model there, not to standard output",
     3},
    {"json", OPTION_JSON, NULL, 0, "Print a report as a JSON object", 3},
    {"format", OPTION_FORMAT, "F", 0, "Format of INPUT -", 3},
    {0},
};

/* Options that are a number: where it goes and what it may be. */
static const struct tool_number numbers[] = {
    {OPTION_CATEGORIES, "--categories", offsetof(struct fit_options, categories), 2,
     MIX_CATEGORIES_MAX, true},
    {OPTION_SEED, "--seed", offsetof(struct fit_options, seed), 0, TOOL_COUNT_MAX, true},
    {OPTION_THREADS, "--threads", offsetof(struct fit_options, threads), 1, CREW_MAX,
     true},
    {OPTION_STARTS, "--starts", offsetof(struct fit_options, starts), 1, 1000000, true},
    {OPTION_MAX_ITERATIONS, "--max-iterations",
     offsetof(struct fit_options, max_iterations), 1, 1e9, true},
    {OPTION_TOLERANCE, "--tolerance", offsetof(struct fit_options, tolerance), 0, 1e9,
     false},
    {OPTION_CROSS_VALIDATE, "--cross-validate", offsetof(struct fit_options, folds), 2,
     1000, true},
};

/* Where an option has an effect; what is not listed has one everywhere. */
static const struct scope {
    int key;
    const char *name;
    unsigned tasks;
} scopes[] = {
    {OPTION_COMPONENTS, "--components", LEARN},
    {OPTION_COVARIANCE, "--covariance", LEARN},
    {OPTION_FAMILY, "--family", LEARN},
    {OPTION_CATEGORIES, "--categories", LEARN},
    {OPTION_NOISE, "--noise", LEARN},
    {OPTION_SEED, "--seed", LEARN | COMPARE},
    {OPTION_THREADS, "--threads", LEARN},
    {OPTION_STARTS, "--starts", FIT},
    {OPTION_MAX_ITERATIONS, "--max-iterations", FIT},
    {OPTION_TOLERANCE, "--tolerance", FIT},
    {OPTION_CROSS_VALIDATE, "--cross-validate", FIT},
    {OPTION_ADAPT, "--adapt", ONLINE},
    {OPTION_NO_FINISH, "--no-finish", ONLINE},
    {OPTION_PER_POINT, "--per-point", SCORE},
    {OPTION_OUTPUT, "--output", LEARN | MERGE},
    {OPTION_JSON, "--json", ANY & ~(unsigned)PREDICT},
};

static const char *task_name(unsigned task)
{
    switch (task) {
    case ONLINE:
        return "--online";
    case SCORE:
        return "--score";
    case COMPARE:
        return "--compare";
    case PREDICT:
        return "--predict";
    case MERGE:
        return "--merge";
    default:
        return "a batch fit";
    }
}

static void set_task(struct argp_state *state, unsigned task)
{
    struct fit_options *options = state->input;
    if (options->task != 0 && options->task != task) {
        tool_usage(state, "%s and %s exclude each other", task_name(options->task),
                   task_name(task));
    }
    options->task = task;
}

static void note_given(struct fit_options *options, int key)
{
    for (size_t i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++) {
        if (scopes[i].key == key) {
            options->given |= (uint64_t)1 << i;
        }
    }
}

static void check_scopes(struct argp_state *state)
{
    const struct fit_options *options = state->input;
    for (size_t i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++) {
        if ((options->given >> i & 1) != 0 && (scopes[i].tasks & options->task) == 0) {
            tool_usage(state, "%s has no effect with %s: leave it out", scopes[i].name,
                       task_name(options->task));
        }
    }
}

static void parse_covariance(const char *argument, struct argp_state *state)
{
    struct fit_options *options = state->input;
    for (int c = 0; c < MIX_COVARIANCES; c++) {
        if (strcmp(argument, mix_covariance_name((enum mix_covariance)c)) == 0) {
            options->covariance = (enum mix_covariance)c;
            options->has_covariance = true;
            return;
        }
    }
    tool_usage(state, "--covariance: %s: full, diag, spherical or tied", argument);
}

/* K, A..B, or auto, which is the range that it is in the configuration of mixd. */
static void parse_components(const char *argument, struct argp_state *state)
{
    struct fit_options *options = state->input;
    if (strcmp(argument, "auto") == 0) {
        options->first = 1;
        options->last = AUTO_COMPONENTS;
        return;
    }
    const char *dots = strstr(argument, "..");
    char *first = tool_need(
        strndup(argument, dots != NULL ? (size_t)(dots - argument) : strlen(argument)));
    const char *last = dots != NULL ? dots + 2 : first;
    if (!tool_read(first, 1, 1 << 20, &options->first) ||
        !tool_read(last, options->first, 1 << 20, &options->last) ||
        options->first != floor(options->first) ||
        options->last != floor(options->last)) {
        tool_usage(state,
                   "--components: %s: a number from 1 on, a range as 1..8, or auto",
                   argument);
    }
    free(first);
}

static void parse_adapt(const char *argument, struct argp_state *state)
{
    struct fit_options *options = state->input;
    options->adapt = strcmp(argument, "on") == 0;
    if (!options->adapt && strcmp(argument, "off") != 0) {
        tool_usage(state, "--adapt: %s: on or off", argument);
    }
}

/* How many paths each task takes, and what they are. */
static void check_paths(struct argp_state *state)
{
    const struct fit_options *options = state->input;
    if (options->task == COMPARE && options->n_paths < 2) {
        tool_usage(state, "--compare: two model files, and INPUT or not");
    } else if (options->task == COMPARE && options->n_paths > 3) {
        tool_usage(state, "%s: one argument too many", options->paths[3]);
    } else if (options->task == MERGE) {
        if (options->n_paths < 2) {
            tool_usage(state, "--merge: two model files or more");
        }
    } else if (options->task != COMPARE && options->n_paths == 0) {
        tool_usage(state, "no INPUT: a file, or - for standard input");
    } else if (options->task != COMPARE && options->n_paths > 1) {
        tool_usage(state, "%s: a second INPUT", options->paths[1]);
    }
}

static void check_options(struct argp_state *state)
{
    struct fit_options *options = state->input;
    if (options->task == 0) {
        options->task = FIT;
    }
    check_paths(state);
    check_scopes(state);
    if ((options->task & LEARN) != 0 && options->first == 0) {
        tool_usage(state, "--components: not given: how many components to fit");
    } else if (options->task == ONLINE &&
               options->last - options->first >= MIX_RANGE_MAX) {
        tool_usage(state, "--components: with --online a range of at most %d numbers",
                   MIX_RANGE_MAX);
    }
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct fit_options *options = state->input;
    note_given(options, key);
    if (tool_parse_number(numbers, sizeof(numbers) / sizeof(numbers[0]), key, argument,
                          state)) {
        return 0;
    }
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &options->columns;
        return 0;
    case OPTION_COMPONENTS:
        parse_components(argument, state);
        return 0;
    case OPTION_COVARIANCE:
        parse_covariance(argument, state);
        return 0;
    case OPTION_FAMILY:
        options->family = argument;
        return 0;
    case OPTION_NOISE:
        options->noise = true;
        return 0;
    case OPTION_ONLINE:
        set_task(state, ONLINE);
        return 0;
    case OPTION_ADAPT:
        parse_adapt(argument, state);
        return 0;
    case OPTION_NO_FINISH:
        options->no_finish = true;
        return 0;
    case OPTION_SCORE:
        set_task(state, SCORE);
        options->model = argument;
        return 0;
    case OPTION_PER_POINT:
        options->is_per_point = true;
        return 0;
    case OPTION_PREDICT:
        set_task(state, PREDICT);
        options->model = argument;
        return 0;
    case OPTION_COMPARE:
        set_task(state, COMPARE);
        return 0;
    case OPTION_MERGE:
        set_task(state, MERGE);
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
        if (options->n_paths == PATHS_MAX) {
            tool_usage(state, "%s: one argument too many", argument);
        }
        options->paths[options->n_paths++] = argument;
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
    .args_doc = "INPUT\n--compare MODEL MODEL [INPUT]\n--merge MODEL MODEL…",
    .doc =
        "Fits a mixture to a file of points by batch EM, or runs the daemon's learner "
        "over it, scores it, or fills its gaps; compares two models; merges models."
        "\vINPUT is a .csv, .ndjson, .npy, .f64 or .f32 file, or - for standard input. "
        "The model file goes to standard output.",
    .children = children,
};

struct fit_options fit_options_parse(int argc, char **argv)
{
    struct fit_options options = {
        .seed = 1, .threads = 1, .tolerance = -1, .adapt = true};
    tool_parse(&argp, argc, argv, &options);
    options.columns.input.marginalize |= options.task == PREDICT;
    return options;
}
