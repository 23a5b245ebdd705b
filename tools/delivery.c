/* SPDX-License-Identifier: MIT
 *
 * Rows that can be read again are read twice: once for their number and checksum, once
 * to be sent; what the daemon asks for again is read from the beginning again. */
#include "delivery.h"

#include <inttypes.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "mixfeed.h"
#include "progress.h"
#include "stop.h"
#include "supply.h"

/* How long one wait for the daemon lasts, before the clock and signals are looked at. */
#define WAIT_MS 100

struct delivery {
    const struct feed_options *options;
    struct target *target;
    struct supply supply;
    struct mixfeed *feed;
    struct progress progress;
    struct failure *failure;
    uint64_t base;            /* points that were safe before; they are not this run's */
    bool is_own_spool;        /* the input can be read again, and no spool was named */
    uint64_t n_rows;          /* then: how many it has */
    uint64_t whole;           /* and their checksum */
    uint64_t portion_end;     /* number of the last row of the portion at hand */
    size_t n_passed;          /* rows of it that are dealt with */
    uint64_t checksum;        /* of the rows read so far */
    uint64_t checksum_before; /* of those before the portion */
    bool is_late;             /* the pace is to begin with the portion */
    struct mixfeed_marks seen;
    double seen_s; /* tool_clock() of the last progress */
};

/* ---- Errors -------------------------------------------------------------- */

static int exit_code(const struct mixfeed_failure *why)
{
    static const int codes[] = {
        [MIXFEED_OK] = EX_OK,         [MIXFEED_EAGAIN] = EX_IOERR,
        [MIXFEED_EINVAL] = EX_USAGE,  [MIXFEED_ENOMEM] = EX_OSERR,
        [MIXFEED_EIO] = EX_IOERR,     [MIXFEED_ESPOOL] = EX_DATAERR,
        [MIXFEED_EBUSY] = EX_BUSY,    [MIXFEED_ESOCKET] = EX_UNAVAILABLE,
        [MIXFEED_ELOSS] = EX_DATAERR, [MIXFEED_EREFUSED] = EX_DATAERR,
    };
    enum { ERR_NOT_ALLOWED = 8 };
    return why->err == MIXFEED_EREFUSED && why->code == ERR_NOT_ALLOWED ? EX_NOPERM
                                                                        : codes[why->err];
}

/* An error of the feed. The failure of a row that could not be read is there already. */
static void fail(struct delivery *delivery, const struct mixfeed_failure *why)
{
    if (delivery->failure->code == EX_OK && !stop_is_asked()) {
        failure_set(delivery->failure, exit_code(why), "%s", why->text);
    }
}

/* ---- Checksums ----------------------------------------------------------- */

/* Of what was before and of these numbers: a multiplication and a rotation each, so that
 * the order counts. */
static uint64_t add_rows(uint64_t checksum, const double *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t bits;
        memcpy(&bits, &values[i], sizeof(bits));
        checksum = (checksum ^ bits) * 0x9e3779b97f4a7c15u;
        checksum = (checksum << 29) | (checksum >> 35);
    }
    return checksum;
}

/* Two sources, or rows of another shape, are never the same. */
static uint64_t first_checksum(const struct delivery *delivery)
{
    uint64_t checksum = delivery->target->layout->n_columns;
    for (const char *c = delivery->options->name; *c != '\0'; c++) {
        checksum = (checksum ^ (unsigned char)*c) * 0x100000001b3u;
    }
    return checksum;
}

/* ---- Rows ---------------------------------------------------------------- */

/* Opens the input, anew if it is open. */
static bool rewind_input(struct delivery *delivery)
{
    supply_close(&delivery->supply);
    delivery->portion_end = 0;
    delivery->checksum = delivery->checksum_before = first_checksum(delivery);
    delivery->is_late = true;
    return supply_open(&delivery->supply, delivery->options, delivery->target,
                       delivery->failure);
}

/* Reads the next portion. False at the end, on an error, or when asked to end. */
static bool read_portion(struct delivery *delivery)
{
    if (stop_is_asked() || !supply_next(&delivery->supply, delivery->failure)) {
        return false;
    }
    const struct rows rows = gather_rows(delivery->supply.gather);
    delivery->checksum_before = delivery->checksum;
    delivery->checksum = add_rows(delivery->checksum, rows.values,
                                  rows.n * delivery->target->layout->n_columns);
    delivery->portion_end += rows.n;
    delivery->n_passed = 0;
    return true;
}

/* When the portion may go. After rows that were only passed the pace begins anew. */
static double due_s(struct delivery *delivery)
{
    struct supply *supply = &delivery->supply;
    if (delivery->is_late) {
        supply->started_s += tool_clock() - supply_due_s(supply);
        delivery->is_late = false;
    }
    return supply_due_s(supply);
}

/* Reads up to the portion that holds a row; false if the input ends before, or is not
 * what it was. */
static bool seek_row(struct delivery *delivery, uint64_t seq)
{
    const struct rows rows = gather_rows(delivery->supply.gather);
    if (seq + rows.n <= delivery->portion_end && !rewind_input(delivery)) {
        return false;
    }
    while (delivery->portion_end < seq) {
        if (!read_portion(delivery)) {
            return false;
        }
    }
    return delivery->portion_end != delivery->n_rows ||
           delivery->checksum == delivery->whole;
}

/* The failure of an input that is other than when its rows were counted. */
static bool say_change(struct delivery *delivery)
{
    if (delivery->failure->code == EX_OK && !stop_is_asked()) {
        failure_set(delivery->failure, EX_DATAERR,
                    "%s: it was changed while it was sent: give it another --source",
                    delivery->options->source);
    }
    return false;
}

/* Rows by number, for the feed. */
static bool read_rows(void *context, uint64_t seq, size_t n, double *to)
{
    struct delivery *delivery = context;
    const size_t columns = delivery->target->layout->n_columns;
    while (n > 0) {
        if (!seek_row(delivery, seq)) {
            return say_change(delivery);
        }
        const struct rows rows = gather_rows(delivery->supply.gather);
        const size_t skipped = rows.n - (size_t)(delivery->portion_end - seq + 1);
        const size_t taken = n < rows.n - skipped ? n : rows.n - skipped;
        if (supply_is_paced(&delivery->supply) && stop_wait(due_s(delivery))) {
            return false;
        }
        memcpy(to, rows.values + skipped * columns, taken * columns * sizeof(double));
        to += taken * columns;
        seq += taken;
        n -= taken;
    }
    return true;
}

/* Counts the rows and sums them up, unpaced. */
static bool survey(struct delivery *delivery, struct mixfeed_rows *rows)
{
    while (read_portion(delivery)) {
    }
    if (delivery->failure->code != EX_OK || stop_is_asked()) {
        return false;
    }
    supply_check(&delivery->supply, delivery->failure);
    delivery->n_rows = delivery->portion_end;
    delivery->whole = delivery->checksum;
    *rows = (struct mixfeed_rows){
        .incarnation = (delivery->checksum ^ delivery->n_rows) | 1,
        .n = delivery->n_rows,
        .read = read_rows,
        .context = delivery,
    };
    return delivery->failure->code == EX_OK && rewind_input(delivery);
}

/* ---- Progress ------------------------------------------------------------ */

static uint64_t sent_of(const struct delivery *delivery)
{
    const struct mixfeed_marks marks = mixfeed_marks(delivery->feed);
    const uint64_t sent = delivery->is_own_spool ? marks.sent : marks.newest;
    return sent > delivery->base ? sent - delivery->base : 0;
}

static uint64_t accounted_of(const struct delivery *delivery)
{
    return mixfeed_marks(delivery->feed).safe - delivery->base;
}

static void show(struct delivery *delivery, const char *note, bool is_last)
{
    const uint64_t done = accounted_of(delivery);
    const double share = delivery->is_own_spool && delivery->n_rows > 0
                             ? (double)done / (double)delivery->n_rows
                             : source_share(delivery->supply.source);
    const struct progress_state state = {share, done, note};
    progress_show(&delivery->progress, &state, is_last);
}

/* Looks whether anything moved. False when it is time to give up. */
static bool is_patient(struct delivery *delivery)
{
    const struct mixfeed_marks marks = mixfeed_marks(delivery->feed);
    const struct mixfeed_marks *seen = &delivery->seen;
    if (marks.safe != seen->safe || marks.applied != seen->applied ||
        marks.newest != seen->newest || marks.sent > seen->sent) {
        delivery->seen = marks;
        delivery->seen_s = tool_clock();
    }
    if (tool_clock() - delivery->seen_s < delivery->options->timeout_s) {
        return true;
    }
    failure_set(delivery->failure, EX_IOERR,
                "%s: no progress for %g s: %s: sent %" PRIu64 ", applied %" PRIu64
                ", durable %" PRIu64 ", safe %" PRIu64 ": start it again to go on",
                delivery->options->name, delivery->options->timeout_s,
                marks.is_connected ? "the daemon does not get on" : "the daemon is away",
                marks.sent, marks.applied, marks.durable, marks.safe);
    return false;
}

/* Waits until all points are as far as that. False on a failure, or when asked to end
 * while the input is not yet read to its end. */
static bool wait_for_all(struct delivery *delivery, enum mixfeed_mark mark)
{
    delivery->seen_s = tool_clock();
    for (;;) {
        const enum mixfeed_err err = mixfeed_flush_to(delivery->feed, mark, WAIT_MS);
        if (err == MIXFEED_OK) {
            return true;
        }
        if (err != MIXFEED_EAGAIN) {
            fail(delivery, mixfeed_failure(delivery->feed));
            return false;
        }
        show(delivery, "waiting for the daemon", false);
        if ((delivery->is_own_spool && stop_is_asked()) || !is_patient(delivery)) {
            return false;
        }
    }
}

/* ---- Through the spool --------------------------------------------------- */

/* Goes past the rows of an input that were taken in an earlier run, which must be the
 * same ones; a file that has grown goes on behind them. */
static bool pass_taken(struct delivery *delivery)
{
    const uint64_t n_taken = mixfeed_marks(delivery->feed).newest;
    while (delivery->portion_end < n_taken && read_portion(delivery)) {
    }
    if (n_taken == 0) {
        return true;
    }
    if (delivery->portion_end >= n_taken) {
        const struct rows rows = gather_rows(delivery->supply.gather);
        delivery->n_passed = rows.n - (size_t)(delivery->portion_end - n_taken);
        const uint64_t checksum =
            add_rows(delivery->checksum_before, rows.values,
                     delivery->n_passed * delivery->target->layout->n_columns);
        if (checksum == mixfeed_note(delivery->feed)) {
            return true;
        }
    }
    if (delivery->failure->code == EX_OK && !stop_is_asked()) {
        failure_set(delivery->failure, EX_DATAERR,
                    "%s: its first %" PRIu64 " rows are not those of spool %s: give it "
                    "another --source and --spool",
                    delivery->options->source, n_taken, delivery->options->spool);
    }
    return false;
}

/* Puts the portion into the spool, waiting for room, on the disk as well. */
static bool take_portion(struct delivery *delivery)
{
    const struct rows rows = gather_rows(delivery->supply.gather);
    const double *values =
        rows.values + delivery->n_passed * delivery->target->layout->n_columns;
    delivery->seen_s = tool_clock();
    mixfeed_set_note(delivery->feed, delivery->checksum);
    for (;;) {
        const enum mixfeed_err err =
            mixfeed_send(delivery->feed, values, rows.n - delivery->n_passed, WAIT_MS);
        if (err == MIXFEED_OK) {
            return true;
        }
        show(delivery, "waiting for room", false);
        if (err != MIXFEED_EAGAIN && err != MIXFEED_EIO) {
            fail(delivery, mixfeed_failure(delivery->feed));
            return false;
        }
        const bool is_disk = err == MIXFEED_EIO;
        if (is_disk && !stop_wait(tool_clock() + 1e-3 * WAIT_MS) &&
            is_patient(delivery)) {
            continue;
        }
        if (is_disk) { /* says more than that nothing gets on */
            failure_set(delivery->failure, EX_IOERR, "%s",
                        mixfeed_failure(delivery->feed)->text);
        }
        if (is_disk || stop_is_asked() || !is_patient(delivery)) {
            return false;
        }
    }
}

/* Talks to the daemon until the portion is due, or the end is asked for. */
static void wait_due(struct delivery *delivery)
{
    const double until_s = due_s(delivery);
    for (double left_s = until_s - tool_clock(); left_s > 0 && !stop_is_asked();
         left_s = until_s - tool_clock()) {
        const int left_ms = (int)fmin(ceil(1e3 * left_s), WAIT_MS);
        if (mixfeed_work(delivery->feed, left_ms) != MIXFEED_OK) {
            return; /* the next send says so */
        }
    }
}

/* Standard input may have nothing more for long: what was taken leaves before. */
static void send_before_reading(struct delivery *delivery)
{
    const double until_s = tool_clock() + 1;
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    struct mixfeed_marks marks = mixfeed_marks(delivery->feed);
    while (marks.sent < marks.newest && poll(&input, 1, 0) == 0 &&
           tool_clock() < until_s && !stop_is_asked() &&
           mixfeed_work(delivery->feed, 10) == MIXFEED_OK) {
        marks = mixfeed_marks(delivery->feed);
    }
}

static void spool_all(struct delivery *delivery)
{
    const bool is_repeatable = delivery->supply.source->is_repeatable;
    if (is_repeatable && !pass_taken(delivery)) {
        return;
    }
    delivery->supply.is_eager = !is_repeatable;
    delivery->supply.started_s = tool_clock();
    bool is_there = gather_rows(delivery->supply.gather).n > delivery->n_passed;
    while (is_there || read_portion(delivery)) {
        is_there = false;
        wait_due(delivery);
        if (!take_portion(delivery)) {
            return;
        }
        show(delivery, NULL, false);
        if (delivery->supply.is_eager) {
            send_before_reading(delivery);
        }
    }
    supply_check(&delivery->supply, delivery->failure);
}

/* ---- The whole ----------------------------------------------------------- */

/* Whether the rows can be numbered by reading them again. */
static bool can_be_own_spool(const struct delivery *delivery)
{
    const struct source *source = delivery->supply.source;
    return source->is_repeatable && delivery->options->spool == NULL &&
           (!source->is_endless || delivery->options->count > 0);
}

static bool open_feed(struct delivery *delivery)
{
    struct mixfeed_options options;
    struct mixfeed_rows rows;
    struct mixfeed_failure why;
    mixfeed_options_init(&options, delivery->target->endpoint, delivery->options->name,
                         delivery->target->layout->n_columns);
    options.spool = delivery->options->spool;
    options.batch = (size_t)delivery->options->batch;
    delivery->is_own_spool = can_be_own_spool(delivery);
    if (delivery->is_own_spool) {
        if (!survey(delivery, &rows)) {
            return false;
        }
        options.rows = &rows;
        options.batch = supply_is_paced(&delivery->supply) ? 1 : options.batch;
    } else if (options.spool == NULL) {
        failure_set(delivery->failure, EX_USAGE,
                    "%s: it can be read but once: name a file with --spool",
                    delivery->options->source);
        return false;
    }
    delivery->feed = mixfeed_open(&options, &why);
    if (delivery->feed == NULL) {
        fail(delivery, &why);
        return false;
    }
    delivery->base = delivery->is_own_spool ? 0 : mixfeed_marks(delivery->feed).safe;
    delivery->seen = mixfeed_marks(delivery->feed);
    return true;
}

static void finish(struct delivery *delivery)
{
    const bool is_drained = !delivery->options->no_drain;
    const enum mixfeed_mark mark = is_drained ? MIXFEED_SAFE : MIXFEED_APPLIED;
    if (delivery->failure->code == EX_OK) {
        wait_for_all(delivery, mark);
    }
    show(delivery, NULL, true);
    progress_clear(&delivery->progress);
    printf(is_drained ? "sent %" PRIu64 " accounted %" PRIu64 "\n" : "sent %" PRIu64 "\n",
           sent_of(delivery), accounted_of(delivery));
    fflush(stdout);
    supply_warn(&delivery->supply);
}

void delivery_run(const struct feed_options *options, struct target *target,
                  struct failure *failure)
{
    struct delivery delivery = {
        .options = options,
        .target = target,
        .progress = progress_start(),
        .failure = failure,
    };
    if (rewind_input(&delivery) && open_feed(&delivery)) {
        if (!delivery.is_own_spool) {
            spool_all(&delivery);
        }
        finish(&delivery);
    }
    mixfeed_close(&delivery.feed);
    supply_close(&delivery.supply);
}
