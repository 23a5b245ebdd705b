/* SPDX-License-Identifier: MIT
 *
 * A source, the rows it gives, and which of them are wanted when. */
#include "supply.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stop.h"

/* Points of a message when nothing else was said, fewer where rows are wide: the daemon
 * takes messages of up to 1 MiB, and a number is at most 32 bytes of text. */
#define BATCH_DEFAULT 256
#define MESSAGE_BYTES (1 << 19)
#define NUMBER_BYTES 32

/* ---- Opening ------------------------------------------------------------- */

/* A recording is paced by the arrivals; its other times are columns like any other. */
static bool is_folder(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static bool open_source(struct supply *supply, const struct target *target,
                        struct failure *failure)
{
    const struct columns_options *columns = &supply->options->columns;
    struct source_options source = {
        .input = columns->input,
        .has_file_options = columns->is_given,
        .rate = supply->options->rate,
    };
    if (!columns->has_missing) {
        source.input.marginalize = target->keeps_missing;
    }
    if (source.input.time == NULL && !is_folder(supply->options->source)) {
        source.input.time = target->time;
    }
    supply->source = source_open(supply->options->source, &source, tool_clock(), failure);
    if (supply->source == NULL) {
        return false;
    }
    if (supply->options->speed > 0 && !supply->source->has_time) {
        failure_set(failure, EX_USAGE,
                    "--speed: the input has no time: name it with "
                    "--time COL, or pace it with --rate");
        return false;
    }
    if (supply->options->has_since && !supply->source->has_time) {
        failure_set(failure, EX_USAGE,
                    "--since: the input has no time: name it with --time COL");
        return false;
    }
    if (supply->source->note != NULL) {
        fprintf(stderr, "mixfeed: %s\n", supply->source->note);
    }
    return true;
}

bool supply_is_paced(const struct supply *supply)
{
    return supply->options->rate > 0 || supply->options->speed > 0 ||
           supply->source->interval_s > 0;
}

static size_t batch_size(const struct supply *supply, const struct target *target)
{
    if (supply->options->batch > 0) {
        return (size_t)supply->options->batch;
    }
    const size_t row_bytes = NUMBER_BYTES * target->layout->n_columns;
    const size_t fitting = MESSAGE_BYTES / row_bytes;
    return supply_is_paced(supply)   ? 1
           : fitting < BATCH_DEFAULT ? fitting
                                     : BATCH_DEFAULT;
}

bool supply_open(struct supply *supply, const struct feed_options *options,
                 struct target *target, struct failure *failure)
{
    *supply = (struct supply){
        .options = options,
        .first_time = (double)NAN,
        .last_time = (double)NAN,
    };
    if (!open_source(supply, target, failure)) {
        return false;
    }
    const struct source *source = supply->source;
    if (target->layout == NULL &&
        !target_make(target, source->fields, source->n_fields, failure)) {
        return false;
    }
    /* A file gives its fields as --fields orders them; the other sources do not know. */
    const char *chosen = options->columns.input.fields;
    const char *fields = source->kind == &source_file ? NULL : chosen;
    supply->gather = gather_new(source, target->layout, fields, chosen != NULL,
                                batch_size(supply, target), failure);
    supply->started_s = tool_clock();
    return supply->gather != NULL;
}

void supply_close(struct supply *supply)
{
    gather_destroy(&supply->gather);
    source_close(&supply->source);
}

/* ---- Rows ---------------------------------------------------------------- */

/* A live source is read when a point is due; readings that were missed are not made
 * up for. False when the end is asked for. */
static bool wait_reading(const struct supply *supply)
{
    const double interval_s = supply->source->interval_s;
    const double passed = (tool_clock() - supply->started_s) / interval_s;
    return !stop_wait(supply->started_s + interval_s * (floor(passed) + 1));
}

/* Reads on when all rows are used. False at the end, on an error, or when asked. */
static bool has_row(struct supply *supply, struct failure *failure)
{
    while (supply->used == supply->rows.n) {
        supply->used = 0;
        supply->rows.n = 0;
        if (supply->source->interval_s > 0 && !wait_reading(supply)) {
            return false;
        }
        if (!source_next(supply->source, tool_clock(), &supply->rows, failure)) {
            supply->rows.n = 0;
            return false;
        }
    }
    return true;
}

static bool wants_more(const struct supply *supply)
{
    return supply->options->count == 0 ||
           (double)supply->gathered < supply->options->count;
}

static void note_time(struct supply *supply, size_t row)
{
    if (supply->rows.time != NULL) {
        supply->last_time = supply->rows.time[row];
        if (isnan(supply->first_time)) {
            supply->first_time = supply->last_time;
        }
    }
}

/* Whether the row lies before the beginning that was asked for. */
static bool is_before(struct supply *supply, size_t row)
{
    const struct feed_options *options = supply->options;
    if (supply->has_begun) {
        return false;
    }
    const bool is_before =
        (double)supply->passed < options->skip ||
        (options->has_since && !(supply->rows.time[row] >= options->since));
    supply->has_begun = !is_before;
    supply->passed += is_before;
    return is_before;
}

/* Whether what was read is to be dealt with before more is: it cannot be read again. */
static bool is_enough(const struct supply *supply)
{
    return supply->is_eager && supply->used == supply->rows.n &&
           gather_rows(supply->gather).n > 0;
}

bool supply_next(struct supply *supply, struct failure *failure)
{
    gather_clear(supply->gather);
    while (wants_more(supply) && !is_enough(supply) && has_row(supply, failure)) {
        const size_t row = supply->used;
        if (supply->rows.reason != NULL && supply->rows.reason[row] != REASON_NONE) {
            supply->skipped++;
        } else if (is_before(supply, row)) {
            supply->used++;
            continue;
        } else if (gather_add(supply->gather, &supply->rows, row)) {
            supply->gathered++;
            note_time(supply, row);
        } else {
            break; /* full: this row begins the next message */
        }
        supply->used++;
    }
    return failure->code == EX_OK && gather_rows(supply->gather).n > 0;
}

/* A live source has its own pace. */
double supply_due_s(const struct supply *supply)
{
    double after_s = 0;
    if (supply->source->interval_s == 0 && supply->options->rate > 0) {
        after_s = (double)(supply->gathered - 1) / supply->options->rate;
    } else if (supply->options->speed > 0 && isfinite(supply->last_time)) {
        after_s = (supply->last_time - supply->first_time) / supply->options->speed;
    }
    return supply->started_s + fmax(after_s, 0);
}

void supply_warn(const struct supply *supply)
{
    if (supply->skipped > 0) {
        fprintf(stderr, "mixfeed: %s: %" PRIu64 " rows left out%s%s\n",
                supply->options->source, supply->skipped,
                supply->rows.detail != NULL ? ", the first at " : "",
                supply->rows.detail != NULL ? supply->rows.detail : "");
    }
}

void supply_check(const struct supply *supply, struct failure *failure)
{
    if (failure->code == EX_OK && supply->skipped > 0 && supply->gathered == 0) {
        failure_set(failure, EX_DATAERR,
                    "%s: no row can be read: is it the right format?",
                    supply->options->source);
    }
}
