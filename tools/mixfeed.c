/* SPDX-License-Identifier: MIT
 *
 * mixfeed: points from a source to a stream. It asks the daemon where the feed is and
 * what a row looks like, notes the ledger, sends, and leaves when every point is
 * accounted for. */
#include "autoconf.h"

#include <argp.h>
#include <string.h>

#include "client.h"
#include "feeding.h"
#include "format.h"
#include "isotime.h"
#include "stop.h"

TOOL_VERSION("mixfeed");

#define TIMEOUT_DEFAULT_S 10.0

/* ---- Command line -------------------------------------------------------- */

enum {
    OPTION_STREAM = 0x2000,
    OPTION_TO,
    OPTION_BIND,
    OPTION_FORMAT,
    OPTION_BATCH,
    OPTION_RATE,
    OPTION_SPEED,
    OPTION_COUNT,
    OPTION_SKIP,
    OPTION_SINCE,
    OPTION_NO_DRAIN,
    OPTION_TIMEOUT,
    OPTION_RELIABLE,
    OPTION_SOURCE,
    OPTION_SPOOL,
};

static const struct argp_option argp_options[] = {
    {"stream", OPTION_STREAM, "NAME", 0, "Stream to feed; needed when there are several",
     1},
    {"to", OPTION_TO, "ENDPOINT", 0, "Connect there, whatever the daemon says", 1},
    {"bind", OPTION_BIND, "ENDPOINT", 0, "Bind there, for a daemon that connects", 1},
    {"format", OPTION_FORMAT, "F", 0,
     "Messages as array, npy, f64, f32, json or csv; with INPUT - the format of that", 1},
    {"batch", OPTION_BATCH, "N", 0, "Points in a message (256; 1 when paced)", 1},
    {"rate", OPTION_RATE, "R", 0, "Points a second", 1},
    {"speed", OPTION_SPEED, "X", 0, "X times the pace of the time column", 1},
    {"count", OPTION_COUNT, "N", 0, "Stop after N points", 1},
    {"skip", OPTION_SKIP, "N", 0, "Begin after N rows", 1},
    {"since", OPTION_SINCE, "TIME", 0,
     "Begin with the first row of that time or later: seconds or ISO 8601", 1},
    {"no-drain", OPTION_NO_DRAIN, NULL, 0, "Leave without waiting for the ledger", 1},
    {"timeout", OPTION_TIMEOUT, "S", 0, "Give up after S seconds without progress (10)",
     1},
    {"reliable", OPTION_RELIABLE, NULL, 0,
     "Each point exactly once, whoever is killed; for feed.type reliable", 1},
    {"source", OPTION_SOURCE, "NAME", 0, "With --reliable: the name of the source", 1},
    {"spool", OPTION_SPOOL, "FILE", 0,
     "With --reliable: keeps what can be read but once until it is safe", 1},
    {0},
};

/* Options that are a number: where it goes and what it may be. */
static const struct tool_number numbers[] = {
    {OPTION_BATCH, "--batch", offsetof(struct feed_options, batch), 1, 65536, true},
    {OPTION_RATE, "--rate", offsetof(struct feed_options, rate), 1e-6, 1e9, false},
    {OPTION_SPEED, "--speed", offsetof(struct feed_options, speed), 1e-6, 1e12, false},
    {OPTION_COUNT, "--count", offsetof(struct feed_options, count), 1, TOOL_COUNT_MAX,
     true},
    {OPTION_SKIP, "--skip", offsetof(struct feed_options, skip), 0, TOOL_COUNT_MAX, true},
    {OPTION_TIMEOUT, "--timeout", offsetof(struct feed_options, timeout_s), 0.1, 86400,
     false},
};

static void parse_endpoint(const char *argument, bool binds, struct argp_state *state)
{
    struct feed_options *options = state->input;
    if (options->endpoint != NULL) {
        tool_usage(state, "%s: a second endpoint: give one of --to and --bind", argument);
    }
    options->endpoint = argument;
    options->binds = binds;
}

static void check_reliable(struct argp_state *state)
{
    const struct feed_options *options = state->input;
    const char *other = options->name != NULL    ? "--source"
                        : options->spool != NULL ? "--spool"
                                                 : NULL;
    if (options->is_reliable && options->name == NULL) {
        tool_usage(state, "--reliable: --source NAME is missing");
    }
    if (!options->is_reliable && other != NULL) {
        tool_usage(state, "%s: only with --reliable", other);
    }
    if (options->is_reliable && options->binds) {
        tool_usage(state, "--bind: not with --reliable, where the daemon binds");
    }
    if (options->is_reliable && options->format != NULL) {
        tool_usage(state, "--format: not with --reliable, which has one of its own");
    }
}

/* `-` says nothing about its format: --format does. */
static void check_options(struct argp_state *state)
{
    struct feed_options *options = state->input;
    if (options->source == NULL) {
        tool_usage(state, "no INPUT: a file, -, host: or synth:");
    }
    if (options->rate > 0 && options->speed > 0) {
        tool_usage(state, "--rate and --speed exclude each other");
    }
    if (strcmp(options->source, "-") == 0 && options->columns.input.format == NULL) {
        options->columns.input.format = options->format;
        options->format = NULL;
    }
    if (options->format != NULL && format_find(options->format) == NULL) {
        tool_usage(state, "--format: %s: array, npy, f64, f32, json or csv",
                   options->format);
    }
    check_reliable(state);
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct feed_options *options = state->input;
    if (tool_parse_number(numbers, sizeof(numbers) / sizeof(numbers[0]), key, argument,
                          state)) {
        return 0;
    }
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &options->columns;
        state->child_inputs[1] = &options->place;
        return 0;
    case OPTION_STREAM:
        options->stream = argument;
        return 0;
    case OPTION_FORMAT:
        options->format = argument;
        return 0;
    case OPTION_TO:
    case OPTION_BIND:
        parse_endpoint(argument, key == OPTION_BIND, state);
        return 0;
    case OPTION_SINCE:
        options->has_since = true;
        if (!isotime_read(argument, strlen(argument), &options->since)) {
            tool_usage(state, "--since: %s: seconds since 1970 or YYYY-MM-DDTHH:MM:SSZ",
                       argument);
        }
        return 0;
    case OPTION_NO_DRAIN:
        options->no_drain = true;
        return 0;
    case OPTION_RELIABLE:
        options->is_reliable = true;
        return 0;
    case OPTION_SOURCE:
        options->name = argument;
        return 0;
    case OPTION_SPOOL:
        options->spool = argument;
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 0) {
            tool_usage(state, "%s: a second INPUT", argument);
        }
        options->source = argument;
        return 0;
    case ARGP_KEY_END:
        check_options(state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {
    {&columns_argp, 0, NULL, 0},
    {&client_argp, 0, NULL, 0},
    {0},
};
static const struct argp argp = {
    .options = argp_options,
    .parser = parse,
    .args_doc = "INPUT",
    .doc = "Sends points to a running mixd and waits until all are accounted for."
           "\vINPUT is a file (.csv, .ndjson, .npy, .f64, .f32), the folder of a "
           "recording, - for standard input, host: for this host's own counters, "
           "synth:KEY=VALUE,… (dims, components, seed, points, drift) for a made-up "
           "mixture, or synth:MODEL.json.\n\n"
           "  mixfeed --time timestamp --speed 60 pump.csv\n"
           "  mixfeed --stream host host:\n"
           "  mixfeed --reliable --source pump-3 pump.csv\n"
           "  sensor | "
           "mixfeed --reliable --source pump-3 --spool pump-3.spool --format csv -",
    .children = children,
};

int main(int argc, char **argv)
{
    struct feed_options options = {.timeout_s = TIMEOUT_DEFAULT_S};
    struct failure failure = {0};
    tool_start(argv);
    tool_parse(&argp, argc, argv, &options);
    stop_open();
    feeding_run(&options, &failure);
    if (failure.code != EX_OK) {
        failure_print(&failure);
    }
    return tool_end(failure.code);
}
