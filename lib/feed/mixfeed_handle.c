/* SPDX-License-Identifier: MIT
 *
 * The functions of mixfeed.h: a backlog, a sender, and the dealer between it and the
 * daemon. */
#include "mixfeed.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "chunks.h"
#include "dealer.h"
#include "reliable.h"
#include "spool.h"

#define KEEP_MEMORY ((size_t)64 << 20)
#define KEEP_SPOOL ((size_t)1 << 30)

struct mixfeed {
    struct backlog *backlog;
    struct sender *sender;
    struct dealer *dealer;
    size_t columns;
    size_t keep_bytes;
    struct mixfeed_failure failure;
};

/* ---- Words --------------------------------------------------------------- */

const char *mixfeed_strerror(enum mixfeed_err err)
{
    static const char *const sentences[] = {
#define X(name, sentence) sentence,
        MIXFEED_ERRORS(X)
#undef X
    };
    return (unsigned)err < sizeof(sentences) / sizeof(sentences[0]) ? sentences[err]
                                                                    : "unknown error";
}

const struct mixfeed_failure *mixfeed_failure(const struct mixfeed *feed)
{
    return &feed->failure;
}

/* ---- Opening ------------------------------------------------------------- */

void mixfeed_options_init(struct mixfeed_options *options, const char *endpoint,
                          const char *source, size_t columns)
{
    *options = (struct mixfeed_options){
        .endpoint = endpoint,
        .source = source,
        .columns = columns,
    };
}

static enum mixfeed_err check_options(const struct mixfeed_options *options,
                                      struct mixfeed_failure *failure)
{
    const char *source = options->source != NULL ? options->source : "";
    if (options->endpoint == NULL) {
        return failure_fill(failure, MIXFEED_EINVAL, "no endpoint");
    }
    if (!reliable_source_is_valid(source, strlen(source))) {
        return failure_fill(failure, MIXFEED_EINVAL,
                            "source %.64s: 1 to 31 of A-Z a-z 0-9 . _ - are needed",
                            source);
    }
    if (options->columns < 1 || options->columns > SENDER_COLUMNS_MAX) {
        return failure_fill(failure, MIXFEED_EINVAL, "%zu columns: 1 to %zu are possible",
                            options->columns, SENDER_COLUMNS_MAX);
    }
    if (options->rows != NULL && (options->spool != NULL || options->rows->read == NULL ||
                                  options->rows->incarnation == 0)) {
        return failure_fill(failure, MIXFEED_EINVAL,
                            "rows: without a spool, with a function and an incarnation");
    }
    return MIXFEED_OK;
}

static enum mixfeed_err open_backlog(struct mixfeed *feed,
                                     const struct mixfeed_options *options,
                                     struct mixfeed_failure *failure)
{
    *failure = (struct mixfeed_failure){.err = MIXFEED_OK};
    if (options->spool != NULL) {
        feed->backlog =
            spool_new(options->spool, options->source, options->columns, failure);
    } else if (options->rows != NULL) {
        feed->backlog = backlog_rows_new(options->columns, options->rows);
    } else {
        feed->backlog = chunks_new(options->columns);
    }
    if (feed->backlog != NULL) {
        const size_t room = feed->keep_bytes / feed->backlog->row_size;
        feed->backlog->room = options->rows != NULL ? 0 : room > 0 ? room : 1;
        feed->sender =
            sender_new(options->source, options->columns, options->batch, feed->backlog);
    }
    if (feed->sender == NULL && failure->err == MIXFEED_OK) {
        failure_fill(failure, MIXFEED_ENOMEM, "out of memory");
    }
    return failure->err;
}

struct mixfeed *mixfeed_open(const struct mixfeed_options *options,
                             struct mixfeed_failure *failure)
{
    if (check_options(options, failure) != MIXFEED_OK) {
        return NULL;
    }
    struct mixfeed *feed = calloc(1, sizeof(*feed));
    if (feed == NULL) {
        failure_fill(failure, MIXFEED_ENOMEM, "out of memory");
        return NULL;
    }
    feed->columns = options->columns;
    feed->keep_bytes = options->keep_bytes;
    if (feed->keep_bytes == 0) {
        feed->keep_bytes = options->spool != NULL ? KEEP_SPOOL : KEEP_MEMORY;
    }
    if (open_backlog(feed, options, failure) == MIXFEED_OK) {
        feed->dealer = dealer_new(options, feed->sender, failure);
    }
    if (feed->dealer == NULL) {
        mixfeed_close(&feed);
    }
    return feed;
}

void mixfeed_close(struct mixfeed **feed)
{
    struct mixfeed *self = *feed;
    if (self == NULL) {
        return;
    }
    dealer_destroy(&self->dealer);
    sender_destroy(&self->sender);
    backlog_destroy(&self->backlog);
    free(self);
    *feed = NULL;
}

/* ---- Sending and waiting ------------------------------------------------- */

/* Milliseconds until a time; -1: none is set. */
static int left_ms(double until_s)
{
    const double left_s = until_s - dealer_clock_s();
    return isinf(left_s) ? -1 : left_s > 0 ? (int)fmin(ceil(1e3 * left_s), INT_MAX) : 0;
}

static double until(int timeout_ms)
{
    return timeout_ms < 0 ? (double)INFINITY : dealer_clock_s() + 1e-3 * timeout_ms;
}

enum mixfeed_err mixfeed_work(struct mixfeed *feed, int timeout_ms)
{
    if (!failure_is_passing(feed->failure.err)) {
        return feed->failure.err;
    }
    if (dealer_pump(feed->dealer, &feed->failure) &&
        failure_is_passing(feed->failure.err) && timeout_ms != 0) {
        dealer_wait(feed->dealer, timeout_ms);
        dealer_pump(feed->dealer, &feed->failure);
    }
    return failure_is_passing(feed->failure.err) ? MIXFEED_OK : feed->failure.err;
}

/* Works until the condition holds. EAGAIN at the time, and when a signal came. */
static enum mixfeed_err
wait_until(struct mixfeed *feed, int timeout_ms,
           bool (*holds)(const struct mixfeed *feed, uint64_t value), uint64_t value)
{
    const double until_s = until(timeout_ms);
    for (;;) {
        const bool is_idle = dealer_pump(feed->dealer, &feed->failure);
        if (!failure_is_passing(feed->failure.err) || holds(feed, value)) {
            return failure_is_passing(feed->failure.err) ? MIXFEED_OK : feed->failure.err;
        }
        const int ms = left_ms(until_s);
        if (ms == 0 || (is_idle && !dealer_wait(feed->dealer, ms))) {
            const struct mixfeed_marks marks = sender_marks(feed->sender);
            return failure_fill(
                &feed->failure, MIXFEED_EAGAIN, "%s: applied %llu, safe %llu of %llu",
                mixfeed_strerror(MIXFEED_EAGAIN), (unsigned long long)marks.applied,
                (unsigned long long)marks.safe, (unsigned long long)marks.newest);
        }
    }
}

static bool has_room(const struct mixfeed *feed, uint64_t n)
{
    const uint64_t held = feed->backlog->newest - feed->backlog->trimmed;
    return held == 0 || held + n <= feed->backlog->room;
}

/* Appends the rows as they are on the wire. */
static enum mixfeed_err append(struct mixfeed *feed, const double *rows, size_t n)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return feed->backlog->kind->append(feed->backlog, rows, n, &feed->failure);
#else
    unsigned char *wire = malloc(n * feed->backlog->row_size);
    if (wire == NULL) {
        return failure_fill(&feed->failure, MIXFEED_ENOMEM, "out of memory");
    }
    backlog_to_wire(rows, wire, n * feed->columns);
    const enum mixfeed_err err =
        feed->backlog->kind->append(feed->backlog, wire, n, &feed->failure);
    free(wire);
    return err;
#endif
}

enum mixfeed_err mixfeed_send(struct mixfeed *feed, const double *rows, size_t n,
                              int timeout_ms)
{
    if (feed->backlog->kind->append == NULL || (rows == NULL && n > 0)) {
        return MIXFEED_EINVAL;
    }
    enum mixfeed_err err =
        failure_is_passing(feed->failure.err) ? MIXFEED_OK : feed->failure.err;
    if (err == MIXFEED_OK && (n == 0 || !has_room(feed, n))) {
        err = wait_until(feed, timeout_ms, has_room, n);
    }
    if (err != MIXFEED_OK || n == 0) {
        return err;
    }
    err = append(feed, rows, n);
    if (err != MIXFEED_OK) {
        /* None was taken, and the feed goes on: later there may be room. */
        feed->failure.err = MIXFEED_OK;
        return err;
    }
    dealer_send(feed->dealer, &feed->failure);
    return MIXFEED_OK; /* they are taken, whatever the daemon has said meanwhile */
}

static bool is_applied(const struct mixfeed *feed, uint64_t seq)
{
    return sender_marks(feed->sender).applied >= seq;
}

static bool is_durable(const struct mixfeed *feed, uint64_t seq)
{
    return sender_marks(feed->sender).durable >= seq;
}

static bool is_safe(const struct mixfeed *feed, uint64_t seq)
{
    return sender_marks(feed->sender).safe >= seq;
}

enum mixfeed_err mixfeed_flush_to(struct mixfeed *feed, enum mixfeed_mark mark,
                                  int timeout_ms)
{
    static bool (*const table[])(const struct mixfeed *, uint64_t) = {
        [MIXFEED_APPLIED] = is_applied,
        [MIXFEED_DURABLE] = is_durable,
        [MIXFEED_SAFE] = is_safe,
    };
    if ((unsigned)mark >= sizeof(table) / sizeof(table[0])) {
        return MIXFEED_EINVAL;
    }
    return wait_until(feed, timeout_ms, table[mark], feed->backlog->newest);
}

enum mixfeed_err mixfeed_flush(struct mixfeed *feed, int timeout_ms)
{
    return mixfeed_flush_to(feed, MIXFEED_SAFE, timeout_ms);
}

int mixfeed_descriptor(const struct mixfeed *feed)
{
    return dealer_descriptor(feed->dealer);
}

int mixfeed_patience_ms(const struct mixfeed *feed)
{
    return dealer_patience_ms(feed->dealer);
}

struct mixfeed_marks mixfeed_marks(const struct mixfeed *feed)
{
    return sender_marks(feed->sender);
}

void mixfeed_set_note(struct mixfeed *feed, uint64_t note)
{
    feed->backlog->note = note;
}

uint64_t mixfeed_note(const struct mixfeed *feed)
{
    return feed->backlog->note;
}
