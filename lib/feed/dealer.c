/* SPDX-License-Identifier: MIT
 *
 * The functions of mixfeed.h: a backlog, a sender, and the DEALER socket between it and
 * the daemon. */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zmq.h>

#include "chunks.h"
#include "mixfeed.h"
#include "reliable.h"
#include "sender.h"
#include "spool.h"

#define KEEP_MEMORY ((size_t)64 << 20)
#define KEEP_SPOOL ((size_t)1 << 30)
/* Messages of ours in ZeroMQ. What is there when a connection breaks is sent again; the
 * window limits it before this does, and less would wake threads more often. */
#define SEND_QUEUE 1000
/* Messages read or sent before the other way is looked at. */
#define ROUND_MAX 64
/* Who sends often reads what has come no more often than this: each look is a system
 * call, and an ACK comes once in thousands of messages. */
#define LOOK_S 0.001

/* So long the end waits for the daemon, and for what is still under way. */
#define FAREWELL_MS 250

struct mixfeed {
    struct backlog *backlog;
    struct sender *sender;
    size_t columns;
    size_t keep_bytes;
    void *context; /* owned, or NULL */
    void *socket;
    bool is_blocked; /* the socket takes nothing now */
    double look_s;   /* when it was last read */
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

/* The errors after which a feed goes on. */
static bool is_passing(enum mixfeed_err err)
{
    return err <= MIXFEED_EAGAIN;
}

static double clock_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
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

/* Options of the socket: a message waits for a connection and not in one that may never
 * come, a new connection asks for an answer, and one that is dead is noticed. */
static bool set_options(void *socket)
{
    static const struct {
        int option;
        int value;
    } table[] = {
        {ZMQ_LINGER, FAREWELL_MS},
        {ZMQ_IMMEDIATE, 1},
        {ZMQ_PROBE_ROUTER, 1},
        {ZMQ_SNDHWM, SEND_QUEUE},
        {ZMQ_MAXMSGSIZE, 4 * RELIABLE_SIZE},
        {ZMQ_HEARTBEAT_IVL, 500},
        {ZMQ_HEARTBEAT_TIMEOUT, 2000},
        {ZMQ_RECONNECT_IVL, 20},
        {ZMQ_RECONNECT_IVL_MAX, 1000},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        const int64_t wide = table[i].value; /* of ZMQ_MAXMSGSIZE */
        const bool is_wide = table[i].option == ZMQ_MAXMSGSIZE;
        if (zmq_setsockopt(socket, table[i].option,
                           is_wide ? (const void *)&wide : &table[i].value,
                           is_wide ? sizeof(wide) : sizeof(int)) == -1) {
            return false;
        }
    }
    return true;
}

static enum mixfeed_err open_socket(struct mixfeed *feed,
                                    const struct mixfeed_options *options,
                                    struct mixfeed_failure *failure)
{
    void *context = options->zmq_context;
    if (context == NULL) {
        context = feed->context = zmq_ctx_new();
    }
    feed->socket = context != NULL ? zmq_socket(context, ZMQ_DEALER) : NULL;
    if (feed->socket != NULL && set_options(feed->socket)) {
        if (options->prepare != NULL) {
            options->prepare(feed->socket, options->prepare_context);
        }
        if (zmq_connect(feed->socket, options->endpoint) == 0) {
            return MIXFEED_OK;
        }
    }
    return failure_fill(failure, MIXFEED_ESOCKET, "%s: %s", options->endpoint,
                        zmq_strerror(zmq_errno()));
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
    if (open_backlog(feed, options, failure) != MIXFEED_OK ||
        open_socket(feed, options, failure) != MIXFEED_OK) {
        mixfeed_close(&feed);
    }
    return feed;
}

/* Reads a message. True: it answers BYE, or there is nobody who would. */
static bool is_farewell(struct mixfeed *feed)
{
    unsigned char frame[RELIABLE_SIZE];
    struct reliable header;
    const int size = zmq_recv(feed->socket, frame, sizeof(frame), ZMQ_DONTWAIT);
    return size == (int)sizeof(frame) &&
           reliable_decode((struct bytes){frame, sizeof(frame)}, &header) ==
               RELIABLE_CODE_OK &&
           (header.type == RELIABLE_BYE || header.type == RELIABLE_ERR);
}

/* Says BYE if there is room for it at once, and waits for the answer: then all that was
 * sent has left. libzmq 4.3.4 ends the program (session_base.cpp, clean_pipes) where a
 * socket is closed while its connection breaks in the middle of a message of two parts.
 */
static void say_bye(struct mixfeed *feed)
{
    struct bytes part;
    size_t n_parts;
    sender_bye(feed->sender, &part, &n_parts);
    if (n_parts == 0 ||
        zmq_send(feed->socket, part.data, part.size, ZMQ_DONTWAIT) == -1) {
        return;
    }
    const double until_s = clock_s() + 1e-3 * FAREWELL_MS;
    zmq_pollitem_t item = {.socket = feed->socket, .events = ZMQ_POLLIN};
    bool is_over = false;
    while (!is_over) {
        const double left_s = until_s - clock_s();
        is_over = left_s <= 0 || zmq_poll(&item, 1, (long)ceil(1e3 * left_s)) == -1 ||
                  (item.revents != 0 && is_farewell(feed));
    }
}

void mixfeed_close(struct mixfeed **feed)
{
    struct mixfeed *self = *feed;
    if (self == NULL) {
        return;
    }
    if (self->socket != NULL) {
        if (self->sender != NULL) {
            say_bye(self);
        }
        zmq_close(self->socket);
    }
    if (self->context != NULL) {
        while (zmq_ctx_term(self->context) == -1 && zmq_errno() == EINTR) {
        }
    }
    sender_destroy(&self->sender);
    backlog_destroy(&self->backlog);
    free(self);
    *feed = NULL;
}

/* ---- One round ----------------------------------------------------------- */

/* Reads one message, of which more parts than there should be are left out. False: none
 * is there. */
static bool receive_message(struct mixfeed *feed, double now_s, enum mixfeed_err *err)
{
    zmq_msg_t parts[SENDER_PARTS_MAX];
    struct bytes bytes[SENDER_PARTS_MAX];
    size_t n = 0;
    bool is_last = false;
    while (!is_last) {
        zmq_msg_t *part = &parts[n < SENDER_PARTS_MAX ? n : SENDER_PARTS_MAX - 1];
        if (n >= SENDER_PARTS_MAX) {
            zmq_msg_close(part);
        }
        zmq_msg_init(part);
        if (zmq_msg_recv(part, feed->socket, ZMQ_DONTWAIT) == -1) {
            zmq_msg_close(part);
            break; /* only before the first part: the rest comes with it */
        }
        is_last = !zmq_msg_more(part);
        n++;
    }
    const size_t n_held = n < SENDER_PARTS_MAX ? n : SENDER_PARTS_MAX;
    for (size_t i = 0; i < n_held; i++) {
        bytes[i] = (struct bytes){zmq_msg_data(&parts[i]), zmq_msg_size(&parts[i])};
    }
    if (is_last) {
        *err = sender_receive(feed->sender, bytes, n, now_s, &feed->failure);
    }
    for (size_t i = 0; i < n_held; i++) {
        zmq_msg_close(&parts[i]);
    }
    return is_last && *err == MIXFEED_OK;
}

/* Sends rows without copying them, where their backlog keeps them. */
static bool send_rows(struct mixfeed *feed, struct bytes rows)
{
    const struct portion *portion = sender_portion(feed->sender);
    zmq_msg_t part;
    if (portion->holder == NULL) {
        return zmq_send(feed->socket, rows.data, rows.size, ZMQ_DONTWAIT) != -1;
    }
    /* ZeroMQ does not write to it, though it does not say so. */
    void *data = (void *)(uintptr_t)rows.data;
    if (zmq_msg_init_data(&part, data, rows.size, portion->release, portion->holder) ==
        -1) {
        return zmq_send(feed->socket, rows.data, rows.size, ZMQ_DONTWAIT) != -1;
    }
    portion->hold(portion->holder);
    if (zmq_msg_send(&part, feed->socket, ZMQ_DONTWAIT) == -1) {
        zmq_msg_close(&part);
        return false;
    }
    return true;
}

static bool send_parts(struct mixfeed *feed, const struct bytes *parts, size_t n)
{
    const int flags = ZMQ_DONTWAIT | (n > 1 ? ZMQ_SNDMORE : 0);
    /* Only the first part may be refused: ZeroMQ takes a message whole. */
    return zmq_send(feed->socket, parts[0].data, parts[0].size, flags) != -1 &&
           (n == 1 || send_rows(feed, parts[1]));
}

/* Sends one message. False: nothing is due, or the socket takes no more. */
static bool send_message(struct mixfeed *feed, double now_s, enum mixfeed_err *err)
{
    struct bytes parts[SENDER_PARTS_MAX];
    size_t n;
    *err = sender_due(feed->sender, now_s, parts, &n, &feed->failure);
    feed->is_blocked = false;
    if (*err != MIXFEED_OK || n == 0) {
        return false;
    }
    if (!send_parts(feed, parts, n)) {
        feed->is_blocked = true;
        return false;
    }
    sender_sent(feed->sender, now_s);
    return true;
}

/* Reads what there is. True: it came to the end of it. */
static bool read_all(struct mixfeed *feed, double now_s)
{
    enum mixfeed_err err = MIXFEED_OK;
    size_t n = 0;
    while (n < ROUND_MAX && receive_message(feed, now_s, &err)) {
        n++;
    }
    feed->look_s = now_s;
    return n < ROUND_MAX;
}

static bool send_all(struct mixfeed *feed, double now_s)
{
    enum mixfeed_err err = feed->failure.err;
    size_t n = 0;
    while (is_passing(err) && n < ROUND_MAX && send_message(feed, now_s, &err)) {
        n++;
    }
    return n < ROUND_MAX;
}

/* Reads and sends what there is. True: it came to an end of both. */
static bool pump(struct mixfeed *feed)
{
    const double now_s = clock_s();
    const bool is_read = read_all(feed, now_s);
    return send_all(feed, now_s) && is_read;
}

int mixfeed_patience_ms(const struct mixfeed *feed)
{
    const double left_s = sender_deadline_s(feed->sender) - clock_s();
    if (feed->is_blocked || isinf(left_s)) {
        return -1;
    }
    return left_s > 0 ? (int)fmin(ceil(1e3 * left_s), INT_MAX) : 0;
}

/* Waits until the socket has something to say. False: a signal came. */
static bool wait_socket(struct mixfeed *feed, int timeout_ms)
{
    const int patience_ms = mixfeed_patience_ms(feed);
    const bool is_less = patience_ms >= 0 && (timeout_ms < 0 || patience_ms < timeout_ms);
    zmq_pollitem_t item = {
        .socket = feed->socket,
        .events = (short)(ZMQ_POLLIN | (feed->is_blocked ? ZMQ_POLLOUT : 0)),
    };
    return zmq_poll(&item, 1, is_less ? patience_ms : timeout_ms) != -1 ||
           zmq_errno() != EINTR;
}

/* ---- What callers use ---------------------------------------------------- */

/* Milliseconds until a time; -1: none is set. */
static int left_ms(double until_s)
{
    const double left_s = until_s - clock_s();
    return isinf(left_s) ? -1 : left_s > 0 ? (int)fmin(ceil(1e3 * left_s), INT_MAX) : 0;
}

static double until(int timeout_ms)
{
    return timeout_ms < 0 ? (double)INFINITY : clock_s() + 1e-3 * timeout_ms;
}

enum mixfeed_err mixfeed_work(struct mixfeed *feed, int timeout_ms)
{
    if (!is_passing(feed->failure.err)) {
        return feed->failure.err;
    }
    if (pump(feed) && is_passing(feed->failure.err) && timeout_ms != 0) {
        wait_socket(feed, timeout_ms);
        pump(feed);
    }
    return is_passing(feed->failure.err) ? MIXFEED_OK : feed->failure.err;
}

/* Works until the condition holds. EAGAIN at the time, and when a signal came. */
static enum mixfeed_err
wait_until(struct mixfeed *feed, int timeout_ms,
           bool (*holds)(const struct mixfeed *feed, uint64_t value), uint64_t value)
{
    const double until_s = until(timeout_ms);
    for (;;) {
        const bool is_idle = pump(feed);
        if (!is_passing(feed->failure.err) || holds(feed, value)) {
            return is_passing(feed->failure.err) ? MIXFEED_OK : feed->failure.err;
        }
        const int ms = left_ms(until_s);
        if (ms == 0 || (is_idle && !wait_socket(feed, ms))) {
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
    enum mixfeed_err err = is_passing(feed->failure.err) ? MIXFEED_OK : feed->failure.err;
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
    const double now_s = clock_s();
    if (now_s - feed->look_s >= LOOK_S) {
        read_all(feed, now_s);
    }
    send_all(feed, now_s);
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
    int descriptor = -1;
    size_t size = sizeof(descriptor);
    zmq_getsockopt(feed->socket, ZMQ_FD, &descriptor, &size);
    return descriptor;
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
