/* SPDX-License-Identifier: MIT
 *
 * mixfeed: points from a source to a stream. It asks the daemon where the feed is and
 * what a row looks like, notes the ledger, sends, and leaves when every point is
 * accounted for. */
#include "autoconf.h"

#include <argp.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "account.h"
#include "client.h"
#include "columns.h"
#include "format.h"
#include "gather.h"
#include "outlet.h"
#include "progress.h"
#include "source.h"
#include "stop.h"
#include "target.h"

TOOL_VERSION("mixfeed");

/* Points of a message when nothing else was said, fewer where rows are wide: the daemon
 * takes messages of up to 1 MiB, and a number is at most 32 bytes of text. */
#define BATCH_DEFAULT 256
#define MESSAGE_BYTES (1 << 19)
#define NUMBER_BYTES 32

#define TIMEOUT_DEFAULT_S 10.0
#define COUNT_MAX 9007199254740992.0 /* 2^53 */

/* ---- Command line -------------------------------------------------------- */

struct options {
    struct place place;
    struct input_options input;
    const char *source; /* INPUT */
    const char *stream;
    const char *endpoint;
    bool binds;
    const char *format;
    double batch;   /* 0: found */
    double rate;    /* points a second; 0: not given */
    double speed;   /* times the pace of the time column; 0: not given */
    double count;   /* points; 0: all */
    double timeout_s;
    bool no_drain;
};

enum {
    OPTION_STREAM = 0x2000,
    OPTION_TO,
    OPTION_BIND,
    OPTION_FORMAT,
    OPTION_BATCH,
    OPTION_RATE,
    OPTION_SPEED,
    OPTION_COUNT,
    OPTION_NO_DRAIN,
    OPTION_TIMEOUT,
};

static const struct argp_option argp_options[] = {
    {"stream", OPTION_STREAM, "NAME", 0, "Stream to feed; needed when there are several", 1},
    {"to", OPTION_TO, "ENDPOINT", 0, "Connect there, whatever the daemon says", 1},
    {"bind", OPTION_BIND, "ENDPOINT", 0, "Bind there, for a daemon that connects", 1},
    {"format", OPTION_FORMAT, "F", 0,
     "Messages as array, npy, f64, f32, json or csv; with INPUT - the format of that", 1},
    {"batch", OPTION_BATCH, "N", 0, "Points in a message (256; 1 when paced)", 1},
    {"rate", OPTION_RATE, "R", 0, "Points a second", 1},
    {"speed", OPTION_SPEED, "X", 0, "X times the pace of the time column", 1},
    {"count", OPTION_COUNT, "N", 0, "Stop after N points", 1},
    {"no-drain", OPTION_NO_DRAIN, NULL, 0, "Leave without waiting for the ledger", 1},
    {"timeout", OPTION_TIMEOUT, "S", 0, "Give up after S seconds without progress (10)", 1},
    {0},
};

/* Options that are a number: where it goes and what it may be. */
static const struct {
    int key;
    size_t offset;
    double low, high;
} numbers[] = {
    {OPTION_BATCH, offsetof(struct options, batch), 1, 65536},
    {OPTION_RATE, offsetof(struct options, rate), 1e-6, 1e9},
    {OPTION_SPEED, offsetof(struct options, speed), 1e-6, 1e12},
    {OPTION_COUNT, offsetof(struct options, count), 1, COUNT_MAX},
    {OPTION_TIMEOUT, offsetof(struct options, timeout_s), 0.1, 86400},
};

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static bool parse_number(int key, const char *argument, struct argp_state *state)
{
    for (size_t i = 0; i < LENGTH(numbers); i++) {
        if (numbers[i].key == key) {
            char *options = state->input;
            double *value = (double *)(void *)(options + numbers[i].offset);
            if (!tool_number(argument, numbers[i].low, numbers[i].high, value)) {
                tool_usage(state, "%s: not a number from %g to %g", argument,
                           numbers[i].low, numbers[i].high);
            }
            return true;
        }
    }
    return false;
}

static void parse_endpoint(const char *argument, bool binds, struct argp_state *state)
{
    struct options *options = state->input;
    if (options->endpoint != NULL) {
        tool_usage(state, "%s: a second endpoint: give one of --to and --bind", argument);
    }
    options->endpoint = argument;
    options->binds = binds;
}

/* `-` says nothing about its format: --format does. */
static void check_options(struct argp_state *state)
{
    struct options *options = state->input;
    if (options->source == NULL) {
        tool_usage(state, "no INPUT: a file, -, host: or synth:");
    }
    if (options->rate > 0 && options->speed > 0) {
        tool_usage(state, "--rate and --speed exclude each other");
    }
    if (strcmp(options->source, "-") == 0 && options->input.format == NULL) {
        options->input.format = options->format;
        options->format = NULL;
    }
    if (options->format != NULL && format_find(options->format) == NULL) {
        tool_usage(state, "--format: %s: array, npy, f64, f32, json or csv",
                   options->format);
    }
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct options *options = state->input;
    if (parse_number(key, argument, state)) {
        return 0;
    }
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &options->input;
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
    case OPTION_NO_DRAIN:
        options->no_drain = true;
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
           "\vINPUT is a file (.csv, .ndjson, .npy, .f64, .f32), - for standard input, "
           "host: for this host's own counters, synth:KEY=VALUE,… (dims, components, "
           "seed, points, drift) for a made-up mixture, or synth:MODEL.json.",
    .children = children,
};

/* ---- Feeding ------------------------------------------------------------- */

struct feeding {
    const struct options *options;
    struct client *client;   /* NULL: the daemon is not asked */
    void *context;           /* ZeroMQ's, when there is no client */
    struct target target;
    struct source *source;
    struct gather *gather;
    struct parts *parts;
    struct outlet *outlet;
    struct account account;
    struct progress progress;
    struct source_rows rows; /* the source's last, of which `used` are gathered */
    size_t used;
    uint64_t skipped;        /* rows that could not be read */
    uint64_t gathered;       /* points taken from the source */
    uint64_t sent;
    double started_s;        /* of the first point */
    double first_time;       /* time of the first point, --speed */
    double last_time;        /* time of the last point gathered */
};

static bool asks_daemon(const struct options *options)
{
    return options->endpoint == NULL || !options->no_drain || options->stream != NULL;
}

/* Connects to the daemon and reads what it says of the stream. */
static bool open_target(struct feeding *feeding, struct failure *failure)
{
    const struct options *options = feeding->options;
    feeding->client = client_new(&options->place, failure);
    if (feeding->client == NULL) {
        return false;
    }
    json_t *reply = client_command(feeding->client, "streams", NULL, failure);
    const bool is_read =
        reply != NULL && target_read(&feeding->target, reply, options->stream, failure);
    json_decref(reply);
    return is_read && (options->no_drain ||
                       account_open(&feeding->account, feeding->client,
                                    feeding->target.stream, options->timeout_s, failure));
}

/* What the command line says comes before what the daemon says. */
static void override_target(struct feeding *feeding)
{
    const struct options *options = feeding->options;
    struct target *target = &feeding->target;
    if (options->endpoint != NULL) {
        free(target->endpoint);
        target->endpoint = tool_text("%s", options->endpoint);
        target->binds = options->binds;
    }
    if (options->format != NULL || target->format == NULL) {
        target->format = format_find(options->format != NULL ? options->format : "array");
    }
}

static bool open_source(struct feeding *feeding, struct failure *failure)
{
    struct source_options source = {
        .input = feeding->options->input,
        .rate = feeding->options->rate,
    };
    source.input.marginalize |= feeding->target.keeps_missing;
    if (source.input.time == NULL) {
        source.input.time = feeding->target.time;
    }
    feeding->source =
        source_open(feeding->options->source, &source, tool_clock(), failure);
    if (feeding->source == NULL) {
        return false;
    }
    if (feeding->options->speed > 0 && !feeding->source->has_time) {
        failure_set(failure, EX_USAGE, "--speed: the input has no time: name it with "
                                       "--time COL, or pace it with --rate");
        return false;
    }
    return true;
}

static bool is_paced(const struct feeding *feeding)
{
    return feeding->options->rate > 0 || feeding->options->speed > 0 ||
           feeding->source->interval_s > 0;
}

static size_t batch_size(const struct feeding *feeding)
{
    if (feeding->options->batch > 0) {
        return (size_t)feeding->options->batch;
    }
    const size_t row_bytes = NUMBER_BYTES * feeding->target.layout->n_columns;
    const size_t fitting = MESSAGE_BYTES / row_bytes;
    return is_paced(feeding) ? 1 : fitting < BATCH_DEFAULT ? fitting : BATCH_DEFAULT;
}

static bool open_path(struct feeding *feeding, struct failure *failure)
{
    const struct options *options = feeding->options;
    if (asks_daemon(options) && !open_target(feeding, failure)) {
        return false;
    }
    override_target(feeding);
    if (!open_source(feeding, failure)) {
        return false;
    }
    const struct source *source = feeding->source;
    if (feeding->target.layout == NULL &&
        !target_make(&feeding->target, source->fields, source->n_fields, failure)) {
        return false;
    }
    /* A file gives its fields as --fields orders them; the other sources do not know. */
    const char *fields = source->kind == &source_file ? NULL : options->input.fields;
    feeding->gather =
        gather_new(source, feeding->target.layout, fields, options->input.fields != NULL,
                   batch_size(feeding), failure);
    if (feeding->gather == NULL) {
        return false;
    }
    if (feeding->client == NULL) {
        feeding->context = tool_need(zmq_ctx_new());
    }
    feeding->parts = tool_need(parts_new());
    feeding->outlet =
        outlet_new(feeding->client != NULL ? client_context(feeding->client)
                                           : feeding->context,
                   &feeding->target, failure);
    return feeding->outlet != NULL;
}

static void close_path(struct feeding *feeding)
{
    account_close(&feeding->account);
    outlet_destroy(&feeding->outlet, feeding->options->timeout_s);
    parts_destroy(&feeding->parts);
    gather_destroy(&feeding->gather);
    source_close(&feeding->source);
    target_clear(&feeding->target);
    client_destroy(&feeding->client);
    if (feeding->context != NULL) {
        zmq_ctx_term(feeding->context);
    }
}

/* ---- Rows ---------------------------------------------------------------- */

/* A live source is read when a point is due; readings that were missed are not made
 * up for. False when the end is asked for. */
static bool wait_reading(const struct feeding *feeding)
{
    const double interval_s = feeding->source->interval_s;
    const double passed = (tool_clock() - feeding->started_s) / interval_s;
    return !stop_wait(feeding->started_s + interval_s * (floor(passed) + 1));
}

/* Reads on when all rows are used. False at the end, on an error, or when asked. */
static bool has_row(struct feeding *feeding, struct failure *failure)
{
    while (feeding->used == feeding->rows.n) {
        feeding->used = 0;
        feeding->rows.n = 0;
        if (feeding->source->interval_s > 0 && !wait_reading(feeding)) {
            return false;
        }
        if (!source_next(feeding->source, tool_clock(), &feeding->rows, failure)) {
            feeding->rows.n = 0;
            return false;
        }
    }
    return true;
}

static bool wants_more(const struct feeding *feeding)
{
    return feeding->options->count == 0 ||
           (double)feeding->gathered < feeding->options->count;
}

static void note_time(struct feeding *feeding, size_t row)
{
    if (feeding->rows.time != NULL) {
        feeding->last_time = feeding->rows.time[row];
        if (isnan(feeding->first_time)) {
            feeding->first_time = feeding->last_time;
        }
    }
}

/* Fills a message; false when there is nothing for another one. */
static bool gather_message(struct feeding *feeding, struct failure *failure)
{
    gather_clear(feeding->gather);
    while (wants_more(feeding) && has_row(feeding, failure)) {
        const size_t row = feeding->used;
        if (feeding->rows.reason != NULL && feeding->rows.reason[row] != REASON_NONE) {
            feeding->skipped++;
        } else if (gather_add(feeding->gather, &feeding->rows, row)) {
            feeding->gathered++;
            note_time(feeding, row);
        } else {
            break; /* full: this row begins the next message */
        }
        feeding->used++;
    }
    return failure->code == EX_OK && gather_rows(feeding->gather).n > 0;
}

/* ---- Sending ------------------------------------------------------------- */

/* When the last point of the message may go. A live source has its own pace. */
static double due_s(const struct feeding *feeding)
{
    double after_s = 0;
    if (feeding->source->interval_s == 0 && feeding->options->rate > 0) {
        after_s = (double)(feeding->gathered - 1) / feeding->options->rate;
    } else if (feeding->options->speed > 0 && isfinite(feeding->last_time)) {
        after_s = (feeding->last_time - feeding->first_time) / feeding->options->speed;
    }
    return feeding->started_s + fmax(after_s, 0);
}

static void show(struct feeding *feeding, const char *note, bool is_last)
{
    double share = source_share(feeding->source);
    if (feeding->options->count > 0) {
        share = fmax((double)feeding->sent / feeding->options->count,
                     isnan(share) ? 0 : share);
    }
    const struct progress_state state = {share, feeding->sent, note};
    progress_show(&feeding->progress, &state, is_last);
}

/* Nobody takes the message. False when it is time to give up. */
static bool is_worth_waiting(struct feeding *feeding, double blocked_s,
                             struct failure *failure)
{
    const double timeout_s = feeding->options->timeout_s;
    show(feeding, "waiting for the daemon", false);
    if (blocked_s < fmin(1, timeout_s)) {
        return true;
    }
    if (feeding->account.client != NULL) {
        return account_check(&feeding->account, feeding->sent, failure);
    }
    if (blocked_s >= timeout_s) {
        failure_set(failure, EX_IOERR, "%s: nobody takes the points for %g s",
                    feeding->target.endpoint, timeout_s);
    }
    return blocked_s < timeout_s;
}

/* Sends the message, waiting for room. False on a failure, or when asked to end. */
static bool send_message(struct feeding *feeding, struct failure *failure)
{
    double blocked_since = tool_clock();
    feeding->account.progress_s = blocked_since;
    for (;;) {
        const enum outlet_result result = outlet_send(feeding->outlet, feeding->parts);
        if (result == OUTLET_SENT) {
            feeding->sent += gather_rows(feeding->gather).n;
            return true;
        }
        if (result == OUTLET_FAILED) {
            failure_set(failure, EX_IOERR, "%s: %s", feeding->target.endpoint,
                        zmq_strerror(zmq_errno()));
            return false;
        }
        const double blocked_s = tool_clock() - blocked_since;
        if (stop_is_asked() || !is_worth_waiting(feeding, blocked_s, failure)) {
            return false;
        }
    }
}

static bool encode_message(struct feeding *feeding, struct failure *failure)
{
    const struct rows rows = gather_rows(feeding->gather);
    if (!feeding->target.format->encode(feeding->target.layout, &rows, feeding->parts)) {
        failure_set(failure, EX_OSERR, "out of memory for a message of %zu points", rows.n);
        return false;
    }
    return true;
}

static void send_all(struct feeding *feeding, struct failure *failure)
{
    feeding->started_s = tool_clock();
    while (!stop_is_asked() && gather_message(feeding, failure)) {
        if (stop_wait(due_s(feeding)) || !encode_message(feeding, failure) ||
            !send_message(feeding, failure)) {
            return;
        }
        show(feeding, NULL, false);
    }
    if (failure->code == EX_OK && feeding->skipped > 0 && feeding->gathered == 0) {
        failure_set(failure, EX_DATAERR, "%s: no row can be read: is it the right format?",
                    feeding->options->source);
    }
}

/* ---- Account ------------------------------------------------------------- */

static void warn(struct feeding *feeding)
{
    char *rejected =
        feeding->account.client != NULL ? account_rejected(&feeding->account) : NULL;
    if (rejected != NULL) {
        fprintf(stderr, "mixfeed: %s: rejected %s: see mixctl rejects %s\n",
                feeding->target.stream, rejected, feeding->target.stream);
    }
    if (feeding->skipped > 0) {
        fprintf(stderr, "mixfeed: %s: %" PRIu64 " rows left out: not readable, or with "
                        "missing values\n",
                feeding->options->source, feeding->skipped);
    }
    free(rejected);
}

/* Waits for the ledger and prints the result. */
static void finish(struct feeding *feeding, struct failure *failure)
{
    const bool is_asked = feeding->account.client != NULL;
    if (is_asked && failure->code == EX_OK) {
        show(feeding, "waiting for the ledger", true);
        account_drain(&feeding->account, feeding->sent, failure);
    } else {
        show(feeding, NULL, true);
    }
    progress_clear(&feeding->progress);
    if (is_asked) {
        printf("sent %" PRIu64 " accounted %" PRIu64 "\n", feeding->sent,
               account_received(&feeding->account));
    } else {
        printf("sent %" PRIu64 "\n", feeding->sent);
    }
    fflush(stdout);
    warn(feeding);
}

int main(int argc, char **argv)
{
    struct options options = {.timeout_s = TIMEOUT_DEFAULT_S};
    struct failure failure = {0};
    tool_start(argv);
    argp_parse(&argp, argc, argv, 0, NULL, &options);
    struct feeding feeding = {
        .options = &options,
        .progress = progress_start(),
        .first_time = (double)NAN,
        .last_time = (double)NAN,
    };
    stop_open();
    if (open_path(&feeding, &failure)) {
        send_all(&feeding, &failure);
        finish(&feeding, &failure);
    }
    close_path(&feeding);
    if (failure.code != EX_OK) {
        failure_print(&failure);
    }
    return tool_end(failure.code);
}
