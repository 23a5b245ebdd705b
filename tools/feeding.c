/* SPDX-License-Identifier: MIT
 *
 * One loop: fill a message with rows, wait until it is due, send it. Whoever does not
 * take it is waited for as long as the ledger grows. */
#include "autoconf.h"

#include "feeding.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zmq.h>

#include "account.h"
#include "client.h"
#include "format.h"
#include "gather.h"
#include "outlet.h"
#include "progress.h"
#include "source.h"
#include "stop.h"
#include "target.h"

/* Points of a message when nothing else was said, fewer where rows are wide: the daemon
 * takes messages of up to 1 MiB, and a number is at most 32 bytes of text. */
#define BATCH_DEFAULT 256
#define MESSAGE_BYTES (1 << 19)
#define NUMBER_BYTES 32

struct feeding {
    const struct feed_options *options;
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
    uint64_t passed;         /* rows left out at the beginning, --skip and --since */
    bool has_begun;          /* a row was not */
    uint64_t gathered;       /* points taken from the source */
    uint64_t sent;
    double started_s;        /* of the first point */
    double first_time;       /* time of the first point, --speed */
    double last_time;        /* time of the last point gathered */
};

/* ---- The way ------------------------------------------------------------- */

static bool asks_daemon(const struct feed_options *options)
{
    return options->endpoint == NULL || !options->no_drain || options->stream != NULL;
}

/* Connects to the daemon and reads what it says of the stream. */
static bool open_target(struct feeding *feeding, struct failure *failure)
{
    const struct feed_options *options = feeding->options;
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
    const struct feed_options *options = feeding->options;
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

/* A recording is paced by the arrivals; its other times are columns like any other. */
static bool is_folder(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static bool open_source(struct feeding *feeding, struct failure *failure)
{
    const struct columns_options *columns = &feeding->options->columns;
    struct source_options source = {
        .input = columns->input,
        .has_file_options = columns->is_given,
        .rate = feeding->options->rate,
    };
    if (!columns->has_missing) {
        source.input.marginalize = feeding->target.keeps_missing;
    }
    if (source.input.time == NULL && !is_folder(feeding->options->source)) {
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
    if (feeding->options->has_since && !feeding->source->has_time) {
        failure_set(failure, EX_USAGE,
                    "--since: the input has no time: name it with --time COL");
        return false;
    }
    if (feeding->source->note != NULL) {
        fprintf(stderr, "mixfeed: %s\n", feeding->source->note);
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

static bool open_way(struct feeding *feeding, struct failure *failure)
{
    const struct feed_options *options = feeding->options;
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
    const char *fields = source->kind == &source_file ? NULL : options->columns.input.fields;
    feeding->gather =
        gather_new(source, feeding->target.layout, fields, options->columns.input.fields != NULL,
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

static void close_way(struct feeding *feeding)
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

/* Whether the row lies before the beginning that was asked for. */
static bool is_before(struct feeding *feeding, size_t row)
{
    const struct feed_options *options = feeding->options;
    if (feeding->has_begun) {
        return false;
    }
    const bool is_before =
        (double)feeding->passed < options->skip ||
        (options->has_since && !(feeding->rows.time[row] >= options->since));
    feeding->has_begun = !is_before;
    feeding->passed += is_before;
    return is_before;
}

/* Fills a message; false when there is nothing for another one. */
static bool gather_message(struct feeding *feeding, struct failure *failure)
{
    gather_clear(feeding->gather);
    while (wants_more(feeding) && has_row(feeding, failure)) {
        const size_t row = feeding->used;
        if (feeding->rows.reason != NULL && feeding->rows.reason[row] != REASON_NONE) {
            feeding->skipped++;
        } else if (is_before(feeding, row)) {
            feeding->used++;
            continue;
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
        fprintf(stderr, "mixfeed: %s: %" PRIu64 " rows left out%s%s\n",
                feeding->options->source, feeding->skipped,
                feeding->rows.detail != NULL ? ", the first at " : "",
                feeding->rows.detail != NULL ? feeding->rows.detail : "");
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

void feeding_run(const struct feed_options *options, struct failure *failure)
{
    struct feeding feeding = {
        .options = options,
        .progress = progress_start(),
        .first_time = (double)NAN,
        .last_time = (double)NAN,
    };
    if (open_way(&feeding, failure)) {
        send_all(&feeding, failure);
        finish(&feeding, failure);
    }
    close_way(&feeding);
}
