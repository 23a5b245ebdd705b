/* SPDX-License-Identifier: MIT
 *
 * Two senders of one source would take the session from each other for ever: whoever
 * lost it without having got on waits before it greets again. */
#include "sender.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "crc32c.h"
#include "reliable.h"

/* HELLO is said again after so long without an answer or an ACK, and the time doubled
 * while nothing comes of it. A new connection is noticed at once, by ERR 6 to the empty
 * message of ZMQ_PROBE_ROUTER: this is for what nobody foresaw. */
#define PATIENCE_FIRST_S 1.0
#define PATIENCE_LAST_S 8.0
/* The same where it is known that HELLO may have been lost. */
#define WELCOME_S 0.25

enum state { DOWN, GREETING, RUNNING };

struct sender {
    char source[RELIABLE_SOURCE_MAX + 1];
    size_t columns;
    size_t points_max; /* of a message */
    struct backlog *backlog;
    enum state state;
    uint64_t session; /* RUNNING: what the daemon gave it */
    uint64_t window;  /* points up to safe + window may be sent */
    uint64_t safe, durable, applied;
    uint64_t next;       /* the point to be sent next */
    uint64_t reach;      /* the last one the daemon may have */
    bool has_progressed; /* since HELLO */
    double hello_s;      /* of the last HELLO */
    double patience_s;
    double deadline_s;  /* of the next HELLO */
    uint64_t n_resent;  /* points that were sent once more */
    size_t n_parts;     /* of the message that is due; 0: none */
    uint64_t following; /* what `next` will be then; 0: it is HELLO */
    unsigned char header[RELIABLE_SIZE];
    struct portion portion; /* the rows of DATA */
    unsigned char *buffer;  /* points_max rows, for a backlog that needs it */
};

struct sender *sender_new(const char *source, size_t columns, size_t batch,
                          struct backlog *backlog)
{
    struct sender *sender = calloc(1, sizeof(*sender));
    if (sender == NULL) {
        return NULL;
    }
    const size_t fitting = SENDER_BYTES_MAX / backlog->row_size;
    const size_t wanted =
        batch > 0 && batch < SENDER_POINTS_MAX ? batch : SENDER_POINTS_MAX;
    memcpy(sender->source, source, strnlen(source, RELIABLE_SOURCE_MAX));
    sender->columns = columns;
    sender->points_max = wanted < fitting ? wanted : fitting;
    sender->backlog = backlog;
    sender->safe = sender->durable = sender->applied = backlog->trimmed;
    sender->next = backlog->trimmed + 1;
    sender->reach = backlog->newest;
    sender->patience_s = PATIENCE_FIRST_S;
    sender->buffer = malloc(sender->points_max * backlog->row_size);
    if (sender->buffer == NULL) {
        sender_destroy(&sender);
    }
    return sender;
}

void sender_destroy(struct sender **sender)
{
    if (*sender != NULL) {
        free((*sender)->buffer);
        free(*sender);
        *sender = NULL;
    }
}

/* ---- What is said -------------------------------------------------------- */

static void encode(struct sender *sender, struct reliable *header)
{
    header->incarnation = sender->backlog->incarnation;
    header->columns = (uint32_t)sender->columns;
    memcpy(header->source, sender->source, sizeof(sender->source));
    reliable_encode(header, sender->header);
}

static void prepare_hello(struct sender *sender)
{
    const uint64_t room = sender->backlog->room;
    struct reliable header = {
        .type = RELIABLE_HELLO,
        .count = (uint32_t)(room < UINT32_MAX ? room : UINT32_MAX),
        .a = sender->backlog->trimmed + 1,
        .b = sender->backlog->newest,
    };
    encode(sender, &header);
    sender->state = GREETING;
    sender->n_parts = 1;
    sender->following = 0;
}

/* Points that may be sent now. */
static size_t points_due(const struct sender *sender)
{
    const uint64_t newest = sender->backlog->newest;
    const uint64_t room = UINT64_MAX - sender->safe;
    const uint64_t window = sender->window < room ? sender->window : room;
    const uint64_t last = newest < sender->safe + window ? newest : sender->safe + window;
    if (sender->state != RUNNING || sender->next > last) {
        return 0;
    }
    const uint64_t n = last - sender->next + 1;
    return n < sender->points_max ? (size_t)n : sender->points_max;
}

static size_t payload_size(const struct sender *sender)
{
    return sender->portion.n * sender->backlog->row_size;
}

static enum mixfeed_err prepare_data(struct sender *sender, size_t n,
                                     struct mixfeed_failure *failure)
{
    struct portion *portion = &sender->portion;
    const enum mixfeed_err err = sender->backlog->kind->read(
        sender->backlog, sender->next, n, sender->buffer, portion, failure);
    if (err != MIXFEED_OK) {
        return err;
    }
    struct reliable header = {
        .type = RELIABLE_DATA,
        .count = (uint32_t)portion->n,
        .session = sender->session,
        .a = sender->next,
        .crc = crc32c(portion->rows, payload_size(sender)),
    };
    encode(sender, &header);
    sender->n_parts = 2;
    sender->following = sender->next + portion->n;
    return MIXFEED_OK;
}

enum mixfeed_err sender_due(struct sender *sender, double now_s,
                            struct bytes parts[SENDER_PARTS_MAX], size_t *n_parts,
                            struct mixfeed_failure *failure)
{
    enum mixfeed_err err = MIXFEED_OK;
    if (sender->n_parts == 0 && now_s >= sender->deadline_s) {
        prepare_hello(sender);
    }
    const size_t n = sender->n_parts == 0 ? points_due(sender) : 0;
    if (n > 0) {
        err = prepare_data(sender, n, failure);
    }
    parts[0] = (struct bytes){sender->header, RELIABLE_SIZE};
    parts[1] = (struct bytes){sender->portion.rows, payload_size(sender)};
    *n_parts = sender->n_parts;
    return err;
}

const struct portion *sender_portion(const struct sender *sender)
{
    return &sender->portion;
}

void sender_sent(struct sender *sender, double now_s)
{
    if (sender->following == 0) {
        sender->has_progressed = false;
        sender->hello_s = now_s;
        sender->deadline_s = now_s + sender->patience_s;
        sender->patience_s = fmin(2 * sender->patience_s, PATIENCE_LAST_S);
    } else {
        const uint64_t last = sender->following - 1;
        const uint64_t old = sender->reach < last ? sender->reach : last;
        sender->n_resent += old >= sender->next ? old - sender->next + 1 : 0;
        sender->reach = last > sender->reach ? last : sender->reach;
        sender->next = sender->following;
        if (isinf(sender->deadline_s)) {
            sender->deadline_s = now_s + sender->patience_s;
        }
    }
    sender->n_parts = 0;
}

void sender_bye(struct sender *sender, struct bytes *part, size_t *n_parts)
{
    struct reliable header = {.type = RELIABLE_BYE, .session = sender->session};
    *n_parts = sender->state == RUNNING ? 1 : 0;
    if (sender->state == RUNNING) {
        encode(sender, &header);
        *part = (struct bytes){sender->header, RELIABLE_SIZE};
        sender->state = DOWN;
        sender->n_parts = 0;
        sender->deadline_s = (double)INFINITY;
    }
}

/* ---- What is answered ---------------------------------------------------- */

/* The marks of a WELCOME or ACK. The daemon can have no more than what it was given: if
 * it does, this spool is a copy from before, and what it numbers next would be taken for
 * a repeat. */
static enum mixfeed_err take_marks(struct sender *sender, const struct reliable *header,
                                   struct mixfeed_failure *failure)
{
    if (header->a > header->b || header->b > header->c || header->c > sender->reach) {
        return failure_fill(failure, MIXFEED_ESPOOL,
                            "%s: the daemon has points up to %" PRIu64 " (safe %" PRIu64
                            "), from here it had them up to %" PRIu64
                            ": the spool is older than what was sent from it: mixctl "
                            "forget-source, and a new spool",
                            sender->source, header->c, header->a, sender->reach);
    }
    if (header->a > sender->safe || header->c > sender->applied) {
        sender->patience_s = PATIENCE_FIRST_S;
        sender->has_progressed = true;
    }
    sender->safe = header->a;
    sender->durable = header->b;
    sender->applied = header->c;
    sender->backlog->kind->trim(sender->backlog, sender->safe);
    if (sender->next <= sender->safe) { /* of an earlier session, or a lie */
        sender->next = sender->safe + 1;
        sender->n_parts = 0;
    }
    return MIXFEED_OK;
}

static void wait_for_ack(struct sender *sender, double now_s)
{
    const bool is_done = sender->safe + 1 >= sender->next;
    sender->deadline_s = is_done ? (double)INFINITY : now_s + sender->patience_s;
}

static enum mixfeed_err say_loss(struct sender *sender, uint64_t has,
                                 struct mixfeed_failure *failure)
{
    const uint64_t trimmed = sender->backlog->trimmed;
    const uint64_t last = trimmed > has ? trimmed : has + 1;
    failure_fill(failure, MIXFEED_ELOSS,
                 "%s: points %" PRIu64 " to %" PRIu64 " (%" PRIu64
                 ") are lost: the daemon's state was lost or replaced by an older one: "
                 "mixctl forget-source lets the source begin anew",
                 sender->source, has + 1, last, last - has);
    failure->first = has + 1;
    failure->last = last;
    return failure->err;
}

static enum mixfeed_err take_welcome(struct sender *sender, const struct reliable *header,
                                     double now_s, struct mixfeed_failure *failure)
{
    /* Of two, after a HELLO that was repeated, the later one counts. */
    if (sender->state == DOWN || header->incarnation != sender->backlog->incarnation) {
        return MIXFEED_OK;
    }
    if (header->b < sender->backlog->trimmed) {
        return say_loss(sender, header->b, failure);
    }
    const enum mixfeed_err err = take_marks(sender, header, failure);
    if (err == MIXFEED_OK) {
        sender->state = RUNNING;
        sender->session = header->session;
        sender->window = header->count;
        sender->next = sender->applied + 1;
        sender->n_parts = 0;
        wait_for_ack(sender, now_s);
    }
    return err;
}

static enum mixfeed_err take_ack(struct sender *sender, const struct reliable *header,
                                 double now_s, struct mixfeed_failure *failure)
{
    if (header->a < sender->safe || header->c < sender->applied) {
        return MIXFEED_OK; /* overtaken by another one */
    }
    const bool is_news = header->a > sender->safe || header->c > sender->applied;
    const enum mixfeed_err err = take_marks(sender, header, failure);
    /* One without news, as every checkpoint gives, must not put off HELLO for ever. */
    if (err == MIXFEED_OK && is_news) {
        wait_for_ack(sender, now_s);
    }
    return err;
}

/* Goes back to what the daemon expects. */
static void take_nak(struct sender *sender, const struct reliable *header)
{
    if (header->a > sender->backlog->trimmed && header->a < sender->next) {
        sender->next = header->a;
        sender->n_parts = 0;
    }
}

/* The daemon leaves, or gave the session to another one. */
static void leave(struct sender *sender, double until_s)
{
    sender->state = DOWN;
    sender->n_parts = 0;
    sender->deadline_s = until_s;
}

static void take_session_error(struct sender *sender, const struct reliable *header,
                               double now_s)
{
    if (header->a == 0 && sender->state == GREETING) {
        /* A new connection. HELLO may have been in time for it, or lost with the old. */
        sender->deadline_s = fmax(now_s, sender->hello_s + WELCOME_S);
    } else if (header->a == 0) {
        leave(sender, now_s);
    } else if (sender->state == RUNNING && header->a == sender->session) {
        leave(sender,
              sender->has_progressed ? now_s : sender->hello_s + sender->patience_s);
    }
}

/* What to do about a refusal, by its code. */
static const char *const advice[] = {
    [RELIABLE_CODE_SOURCES] = ": mixctl forget-source",
    [RELIABLE_CODE_INCARNATION] =
        ": another spool or input under the same name: name the "
        "source anew, or mixctl forget-source",
    [RELIABLE_CODE_PAYLOAD] =
        ": are the columns right, and messages not over max_message?",
};

static enum mixfeed_err take_error(struct sender *sender, const struct reliable *header,
                                   double now_s, struct mixfeed_failure *failure)
{
    switch (header->code) {
    case RELIABLE_CODE_SESSION:
        take_session_error(sender, header, now_s);
        return MIXFEED_OK;
    case RELIABLE_CODE_CLOSING:
        leave(sender, now_s + sender->patience_s);
        return MIXFEED_OK;
    case RELIABLE_CODE_LOSS:
        return say_loss(sender, header->c, failure);
    default:
        failure_fill(failure, MIXFEED_EREFUSED,
                     "%s: refused by the daemon: %s (ERR %u)%s", sender->source,
                     reliable_code_meaning(header->code), header->code,
                     header->code < sizeof(advice) / sizeof(advice[0]) &&
                             advice[header->code] != NULL
                         ? advice[header->code]
                         : "");
        failure->code = header->code;
        return failure->err;
    }
}

enum mixfeed_err sender_receive(struct sender *sender, const struct bytes *parts,
                                size_t n_parts, double now_s,
                                struct mixfeed_failure *failure)
{
    struct reliable header;
    if (n_parts != 1 || reliable_decode(parts[0], &header) != RELIABLE_CODE_OK) {
        return MIXFEED_OK; /* not of a daemon; nothing that it says can be relied on */
    }
    if (header.type == RELIABLE_ERR) {
        return take_error(sender, &header, now_s, failure);
    }
    if (strcmp(header.source, sender->source) != 0) {
        return MIXFEED_OK;
    }
    if (header.type == RELIABLE_WELCOME) {
        return take_welcome(sender, &header, now_s, failure);
    }
    if (sender->state != RUNNING || header.session != sender->session) {
        return MIXFEED_OK; /* of a session that is over */
    }
    if (header.type == RELIABLE_ACK) {
        return take_ack(sender, &header, now_s, failure);
    }
    if (header.type == RELIABLE_NAK) {
        take_nak(sender, &header);
    } else if (header.type == RELIABLE_BYE) {
        leave(sender, now_s + sender->patience_s);
    }
    return MIXFEED_OK;
}

/* ---- Looks --------------------------------------------------------------- */

double sender_deadline_s(const struct sender *sender)
{
    return sender->deadline_s;
}

struct mixfeed_marks sender_marks(const struct sender *sender)
{
    return (struct mixfeed_marks){
        .safe = sender->safe,
        .durable = sender->durable,
        .applied = sender->applied,
        .sent = sender->next - 1,
        .newest = sender->backlog->newest,
        .is_connected = sender->state == RUNNING,
    };
}

uint64_t sender_resent(const struct sender *sender)
{
    return sender->n_resent;
}
