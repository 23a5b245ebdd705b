/* SPDX-License-Identifier: MIT */
#include "dealer.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <time.h>
#include <zmq.h>

#include "reliable.h"

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

struct dealer {
    struct sender *sender;
    void *context; /* owned, or NULL */
    void *socket;
    bool is_blocked; /* the socket takes nothing now */
    double look_s;   /* when it was last read */
};

double dealer_clock_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* ---- Opening and closing ------------------------------------------------- */

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

static enum mixfeed_err open_socket(struct dealer *dealer,
                                    const struct mixfeed_options *options,
                                    struct mixfeed_failure *failure)
{
    void *context = options->zmq_context;
    if (context == NULL) {
        context = dealer->context = zmq_ctx_new();
    }
    dealer->socket = context != NULL ? zmq_socket(context, ZMQ_DEALER) : NULL;
    if (dealer->socket != NULL && set_options(dealer->socket)) {
        if (options->prepare != NULL) {
            options->prepare(dealer->socket, options->prepare_context);
        }
        if (zmq_connect(dealer->socket, options->endpoint) == 0) {
            return MIXFEED_OK;
        }
    }
    return failure_fill(failure, MIXFEED_ESOCKET, "%s: %s", options->endpoint,
                        zmq_strerror(zmq_errno()));
}

struct dealer *dealer_new(const struct mixfeed_options *options, struct sender *sender,
                          struct mixfeed_failure *failure)
{
    struct dealer *dealer = calloc(1, sizeof(*dealer));
    if (dealer == NULL) {
        failure_fill(failure, MIXFEED_ENOMEM, "out of memory");
        return NULL;
    }
    dealer->sender = sender;
    if (open_socket(dealer, options, failure) != MIXFEED_OK) {
        dealer_destroy(&dealer);
    }
    return dealer;
}

/* Reads a message. True: it answers BYE, or there is nobody who would. */
static bool is_farewell(struct dealer *dealer)
{
    unsigned char frame[RELIABLE_SIZE];
    struct reliable header;
    const int size = zmq_recv(dealer->socket, frame, sizeof(frame), ZMQ_DONTWAIT);
    return size == (int)sizeof(frame) &&
           reliable_decode((struct bytes){frame, sizeof(frame)}, &header) ==
               RELIABLE_CODE_OK &&
           (header.type == RELIABLE_BYE || header.type == RELIABLE_ERR);
}

/* Says BYE if there is room for it at once, and waits for the answer: then all that was
 * sent has left. libzmq 4.3.4 ends the program (session_base.cpp, clean_pipes) where a
 * socket is closed while its connection breaks in the middle of a message of two parts.
 */
static void say_bye(struct dealer *dealer)
{
    struct bytes part;
    size_t n_parts;
    sender_bye(dealer->sender, &part, &n_parts);
    if (n_parts == 0 ||
        zmq_send(dealer->socket, part.data, part.size, ZMQ_DONTWAIT) == -1) {
        return;
    }
    const double until_s = dealer_clock_s() + 1e-3 * FAREWELL_MS;
    zmq_pollitem_t item = {.socket = dealer->socket, .events = ZMQ_POLLIN};
    bool is_over = false;
    while (!is_over) {
        const double left_s = until_s - dealer_clock_s();
        is_over = left_s <= 0 || zmq_poll(&item, 1, (long)ceil(1e3 * left_s)) == -1 ||
                  (item.revents != 0 && is_farewell(dealer));
    }
}

void dealer_destroy(struct dealer **dealer)
{
    struct dealer *self = *dealer;
    if (self == NULL) {
        return;
    }
    if (self->socket != NULL) {
        say_bye(self);
        zmq_close(self->socket);
    }
    if (self->context != NULL) {
        while (zmq_ctx_term(self->context) == -1 && zmq_errno() == EINTR) {
        }
    }
    free(self);
    *dealer = NULL;
}

/* ---- One round ----------------------------------------------------------- */

/* Reads one message, of which more parts than there should be are left out. False: none
 * is there. */
static bool receive_message(struct dealer *dealer, double now_s, enum mixfeed_err *err,
                            struct mixfeed_failure *failure)
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
        if (zmq_msg_recv(part, dealer->socket, ZMQ_DONTWAIT) == -1) {
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
        *err = sender_receive(dealer->sender, bytes, n, now_s, failure);
    }
    for (size_t i = 0; i < n_held; i++) {
        zmq_msg_close(&parts[i]);
    }
    return is_last && *err == MIXFEED_OK;
}

/* Sends rows without copying them, where their backlog keeps them. */
static bool send_rows(struct dealer *dealer, struct bytes rows)
{
    const struct portion *portion = sender_portion(dealer->sender);
    zmq_msg_t part;
    if (portion->holder == NULL) {
        return zmq_send(dealer->socket, rows.data, rows.size, ZMQ_DONTWAIT) != -1;
    }
    /* ZeroMQ does not write to it, though it does not say so. */
    void *data = (void *)(uintptr_t)rows.data;
    if (zmq_msg_init_data(&part, data, rows.size, portion->release, portion->holder) ==
        -1) {
        return zmq_send(dealer->socket, rows.data, rows.size, ZMQ_DONTWAIT) != -1;
    }
    portion->hold(portion->holder);
    if (zmq_msg_send(&part, dealer->socket, ZMQ_DONTWAIT) == -1) {
        zmq_msg_close(&part);
        return false;
    }
    return true;
}

static bool send_parts(struct dealer *dealer, const struct bytes *parts, size_t n)
{
    const int flags = ZMQ_DONTWAIT | (n > 1 ? ZMQ_SNDMORE : 0);
    /* Only the first part may be refused: ZeroMQ takes a message whole. */
    return zmq_send(dealer->socket, parts[0].data, parts[0].size, flags) != -1 &&
           (n == 1 || send_rows(dealer, parts[1]));
}

/* Sends one message. False: nothing is due, or the socket takes no more. */
static bool send_message(struct dealer *dealer, double now_s, enum mixfeed_err *err,
                         struct mixfeed_failure *failure)
{
    struct bytes parts[SENDER_PARTS_MAX];
    size_t n;
    *err = sender_due(dealer->sender, now_s, parts, &n, failure);
    dealer->is_blocked = false;
    if (*err != MIXFEED_OK || n == 0) {
        return false;
    }
    if (!send_parts(dealer, parts, n)) {
        dealer->is_blocked = true;
        return false;
    }
    sender_sent(dealer->sender, now_s);
    return true;
}

/* Reads what there is. True: it came to the end of it. */
static bool read_all(struct dealer *dealer, double now_s, struct mixfeed_failure *failure)
{
    enum mixfeed_err err = MIXFEED_OK;
    size_t n = 0;
    while (n < ROUND_MAX && receive_message(dealer, now_s, &err, failure)) {
        n++;
    }
    dealer->look_s = now_s;
    return n < ROUND_MAX;
}

static bool send_all(struct dealer *dealer, double now_s, struct mixfeed_failure *failure)
{
    enum mixfeed_err err = failure->err;
    size_t n = 0;
    while (failure_is_passing(err) && n < ROUND_MAX &&
           send_message(dealer, now_s, &err, failure)) {
        n++;
    }
    return n < ROUND_MAX;
}

bool dealer_pump(struct dealer *dealer, struct mixfeed_failure *failure)
{
    const double now_s = dealer_clock_s();
    const bool is_read = read_all(dealer, now_s, failure);
    return send_all(dealer, now_s, failure) && is_read;
}

void dealer_send(struct dealer *dealer, struct mixfeed_failure *failure)
{
    const double now_s = dealer_clock_s();
    if (now_s - dealer->look_s >= LOOK_S) {
        read_all(dealer, now_s, failure);
    }
    send_all(dealer, now_s, failure);
}

/* ---- Waiting ------------------------------------------------------------- */

int dealer_patience_ms(const struct dealer *dealer)
{
    const double left_s = sender_deadline_s(dealer->sender) - dealer_clock_s();
    if (dealer->is_blocked || isinf(left_s)) {
        return -1;
    }
    return left_s > 0 ? (int)fmin(ceil(1e3 * left_s), INT_MAX) : 0;
}

bool dealer_wait(struct dealer *dealer, int timeout_ms)
{
    const int patience_ms = dealer_patience_ms(dealer);
    const bool is_less = patience_ms >= 0 && (timeout_ms < 0 || patience_ms < timeout_ms);
    zmq_pollitem_t item = {
        .socket = dealer->socket,
        .events = (short)(ZMQ_POLLIN | (dealer->is_blocked ? ZMQ_POLLOUT : 0)),
    };
    return zmq_poll(&item, 1, is_less ? patience_ms : timeout_ms) != -1 ||
           zmq_errno() != EINTR;
}

int dealer_descriptor(const struct dealer *dealer)
{
    int descriptor = -1;
    size_t size = sizeof(descriptor);
    zmq_getsockopt(dealer->socket, ZMQ_FD, &descriptor, &size);
    return descriptor;
}
