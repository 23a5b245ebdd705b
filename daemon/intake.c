/* SPDX-License-Identifier: MIT
 *
 * Rules are checked from the outside in: frames, header, who may send, session,
 * payload, number; nothing is touched before all of them hold. */
#include "intake.h"

#include <stdlib.h>
#include <string.h>

#include "xalloc.h"

/* A checkpoint is wanted when more than seven sixteenths of the window are not durable;
 * and when more than twice that is not safe, which takes one more. The last eighth is
 * what may come while the checkpoint is written, before the sender has to wait. */
enum { SHARE = 7, SHARES = 16 };

struct intake {
    struct intake_options options;
    struct roster *roster;
    bool is_wanting; /* a checkpoint */
    bool is_changed;
    bool is_closing;
};

struct intake *intake_new(const struct intake_options *options)
{
    struct intake *intake = xalloc(1, sizeof(*intake));
    intake->options = *options;
    intake->roster = roster_new(options->max_sources);
    return intake;
}

void intake_destroy(struct intake **intake)
{
    if (*intake == NULL) {
        return;
    }
    roster_destroy(&(*intake)->roster);
    free(*intake);
    *intake = NULL;
}

struct roster *intake_roster(const struct intake *intake)
{
    return intake->roster;
}

/* ---- Replies --------------------------------------------------------------- */

static struct reliable reply_to(enum reliable_type type, const struct reliable *header)
{
    struct reliable reply = {
        .type = type, .incarnation = header->incarnation, .session = header->session};
    memcpy(reply.source, header->source, sizeof(reply.source));
    return reply;
}

static void answer(struct intake_step *step, const struct reliable *reply)
{
    step->has_reply = true;
    step->reply = *reply;
}

/* Nobody answers an ERR with an ERR: two that do never stop. */
static void refuse(struct intake_step *step, const struct reliable *header,
                   enum reliable_code code)
{
    struct reliable reply = reply_to(RELIABLE_ERR, header);
    reply.code = (uint16_t)code;
    reply.a = header->session;
    if (header->type != RELIABLE_ERR) {
        answer(step, &reply);
    }
}

static void reject(struct intake_step *step, enum reason reason, const char *detail)
{
    step->reason = reason;
    step->detail = detail;
}

static struct reliable marks_of(const struct roster_row *row, enum reliable_type type)
{
    struct reliable header = {.type = type,
                              .incarnation = row->incarnation,
                              .session = row->session,
                              .a = row->safe,
                              .b = row->durable,
                              .c = row->applied};
    memcpy(header.source, row->name, sizeof(header.source));
    return header;
}

/* ---- Checkpoints ----------------------------------------------------------- */

static void consider_checkpoint(struct intake *intake, const struct roster_row *row)
{
    const uint64_t share = (uint64_t)row->window * SHARE / SHARES;
    if (row->applied - row->durable > share || row->applied - row->safe > 2 * share) {
        intake->is_wanting = true;
    }
}

bool intake_wants_checkpoint(const struct intake *intake)
{
    return intake->is_wanting;
}

void intake_capture(struct intake *intake)
{
    roster_capture(intake->roster);
}

void intake_settle(struct intake *intake, const struct settlement *settlement)
{
    roster_settle(intake->roster, settlement);
    intake->is_wanting = false;
    for (size_t i = 0; i < roster_count(intake->roster); i++) {
        const struct roster_row *row = roster_at(intake->roster, i);
        if (row->session != 0) {
            consider_checkpoint(intake, row);
        }
    }
}

bool intake_ack(const struct roster_row *row, struct reliable *ack)
{
    *ack = marks_of(row, RELIABLE_ACK);
    return row->session != 0;
}

bool intake_is_changed(struct intake *intake)
{
    const bool is_changed = intake->is_changed;
    intake->is_changed = false;
    return is_changed;
}

/* ---- HELLO ----------------------------------------------------------------- */

/* Who can keep less than the window says so in HELLO, and gets a smaller one: so it is
 * known when such a sender is blocked. */
static uint32_t window_for(const struct intake *intake, const struct reliable *hello)
{
    enum { LEAST = 1024 }; /* what asks for less asks for a checkpoint a message */
    const uint32_t wanted = hello->count > LEAST ? hello->count : LEAST;
    return hello->count > 0 && wanted < intake->options.window ? wanted
                                                               : intake->options.window;
}

static void end_session(struct roster_row *row)
{
    row->session = 0;
    row->peer.size = 0;
}

static void begin_session(struct intake *intake, struct roster_row *row,
                          const struct intake_message *message)
{
    const size_t size = message->route.size <= PEER_MAX ? message->route.size : PEER_MAX;
    row->takeovers += row->session != 0;
    do {
        row->session = intake->options.random(intake->options.context);
    } while (row->session == 0);
    row->nak = 0;
    row->peer.size = size;
    if (size > 0) {
        memcpy(row->peer.id, message->route.data, size);
    }
}

/* How many points before the first one that the source still holds are with nobody, if
 * `known` of them came here. */
static uint64_t gap_before(const struct reliable *hello, uint64_t known)
{
    return hello->a > known + 1 ? hello->a - known - 1 : 0;
}

/* A source that the operator had forgotten begins with what it holds. What is missing
 * before that is lost, once. */
static void begin_anew(struct roster_row *row, const struct reliable *hello,
                       struct intake_step *step)
{
    const bool is_same = row->incarnation == hello->incarnation;
    const uint64_t known = is_same ? row->applied + row->missing : 0;
    const uint64_t lost = gap_before(hello, known);
    const uint64_t base = hello->a > 0 ? hello->a - 1 : 0;
    row->incarnation = hello->incarnation;
    row->safe = row->durable = row->applied = row->captured = base;
    row->missing = 0;
    row->lost += lost;
    step->lost += lost;
    row->is_forgotten = false;
}

/* The row of a source that says HELLO, new if need be; NULL: no room. */
static struct roster_row *greet(struct intake *intake, const struct reliable *hello,
                                struct intake_step *step)
{
    struct roster_row *row = roster_find(intake->roster, hello->source);
    if (row == NULL) {
        row = roster_add(intake->roster, hello->source);
        if (row != NULL) {
            row->incarnation = hello->incarnation;
        }
    } else if (row->is_forgotten) {
        begin_anew(row, hello, step);
    }
    return row;
}

/* Points that are gone are counted at once; if they turn up again, they are not lost. */
static void count_missing(struct roster_row *row, uint64_t missing,
                          struct intake_step *step)
{
    const uint64_t change = missing - row->missing; /* modulo 2^64 */
    row->missing = missing;
    row->lost += change;
    step->lost += change;
}

static void take_hello(struct intake *intake, const struct reliable *hello,
                       const struct intake_message *message, struct intake_step *step)
{
    struct roster_row *row = greet(intake, hello, step);
    if (row == NULL) {
        step->note = "one source more than are kept: refused";
        refuse(step, hello, RELIABLE_CODE_SOURCES);
        return;
    }
    if (row->incarnation != hello->incarnation) {
        step->note = "known with another incarnation: refused until forget-source";
        refuse(step, hello, RELIABLE_CODE_INCARNATION);
        return;
    }
    intake->is_changed = true;
    row->last_s = message->time_s;
    count_missing(row, gap_before(hello, row->applied), step);
    if (row->missing > 0) {
        step->note = "points are lost, nobody holds them: refused until forget-source";
        end_session(row);
        refuse(step, hello, RELIABLE_CODE_LOSS);
        step->reply.c = row->applied;
        return;
    }
    if (row->session != 0) {
        step->note = "another sender took over";
    }
    begin_session(intake, row, message);
    row->window = window_for(intake, hello);
    struct reliable welcome = marks_of(row, RELIABLE_WELCOME);
    welcome.count = row->window;
    welcome.columns = (uint32_t)intake->options.columns;
    answer(step, &welcome);
    /* One that asks again may have waited in vain for points to become safe. */
    intake->is_wanting |= row->safe < row->applied;
}

/* ---- DATA and BYE ---------------------------------------------------------- */

/* The row whose session it is; NULL: ERR 6. */
static struct roster_row *find_session(const struct intake *intake,
                                       const struct reliable *header)
{
    struct roster_row *row = roster_find(intake->roster, header->source);
    return row != NULL && row->session != 0 && row->session == header->session &&
                   row->incarnation == header->incarnation
               ? row
               : NULL;
}

static void ask_for(struct roster_row *row, const struct reliable *data,
                    struct intake_step *step)
{
    const uint64_t expected = row->applied + 1;
    if (row->nak != expected) {
        struct reliable nak = reply_to(RELIABLE_NAK, data);
        nak.a = expected;
        answer(step, &nak);
        row->nak = expected;
    }
}

static void take_data(struct intake *intake, const struct reliable *data,
                      const struct intake_message *message, struct intake_step *step)
{
    struct roster_row *row = find_session(intake, data);
    const struct bytes payload = message->part[1];
    const char *why = "a payload over feed.max_message";
    if (row == NULL) {
        refuse(step, data, RELIABLE_CODE_SESSION);
        return;
    }
    row->last_s = message->time_s;
    if (payload.size > intake->options.max_payload ||
        reliable_check_payload(data, payload, intake->options.columns, &why) !=
            RELIABLE_CODE_OK) {
        const bool is_large = payload.size > intake->options.max_payload;
        reject(step, is_large ? REASON_SIZE : REASON_SHAPE, why);
        refuse(step, data, RELIABLE_CODE_PAYLOAD);
        return;
    }
    if (data->a > row->applied + 1) {
        ask_for(row, data, step);
        return;
    }
    const uint64_t seen = row->applied + 1 - data->a;
    step->row = row;
    step->first = data->a;
    step->n = data->count;
    step->skip = seen < data->count ? seen : data->count;
    row->received += step->skip;
    row->duplicate += step->skip;
}

static void take_bye(struct intake *intake, const struct reliable *bye,
                     const struct intake_message *message, struct intake_step *step)
{
    struct roster_row *row = find_session(intake, bye);
    if (row == NULL) {
        refuse(step, bye, RELIABLE_CODE_SESSION);
        return;
    }
    row->last_s = message->time_s;
    end_session(row);
    const struct reliable reply = reply_to(RELIABLE_BYE, bye);
    answer(step, &reply);
}

/* ---- Messages -------------------------------------------------------------- */

typedef void take_fn(struct intake *intake, const struct reliable *header,
                     const struct intake_message *message, struct intake_step *step);

/* What a sender may send. */
static const struct {
    enum reliable_type type;
    size_t n_parts;
    take_fn *take;
} kinds[] = {
    {RELIABLE_HELLO, 1, take_hello},
    {RELIABLE_DATA, 2, take_data},
    {RELIABLE_BYE, 1, take_bye},
};
enum { N_KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static void take_header(struct intake *intake, const struct reliable *header,
                        const struct intake_message *message, struct intake_step *step)
{
    size_t i = 0;
    while (i < N_KINDS && kinds[i].type != header->type) {
        i++;
    }
    if (i == N_KINDS) {
        reject(step, REASON_HEADER, "a message that only the daemon sends");
        refuse(step, header, RELIABLE_CODE_HEADER);
    } else if (message->n_parts != kinds[i].n_parts) {
        reject(step, REASON_FRAMES, NULL);
        refuse(step, header, RELIABLE_CODE_FRAMES);
    } else if (intake->is_closing) {
        refuse(step, header, RELIABLE_CODE_CLOSING);
    } else if (message->user != NULL && strcmp(message->user, header->source) != 0) {
        step->note = "the peer's key is of another name: refused";
        refuse(step, header, RELIABLE_CODE_DENIED);
    } else {
        kinds[i].take(intake, header, message, step);
    }
}

void intake_take(struct intake *intake, const struct intake_message *message,
                 struct intake_step *step)
{
    struct reliable header = {0};
    *step = (struct intake_step){0};
    if (message->n_parts == 1 && message->part[0].size == 0) { /* ZMQ_PROBE_ROUTER */
        refuse(step, &header,
               intake->is_closing ? RELIABLE_CODE_CLOSING : RELIABLE_CODE_SESSION);
        return;
    }
    const bool has_header =
        message->n_parts > 0 &&
        reliable_decode(message->part[0], &header) == RELIABLE_CODE_OK;
    if (message->n_parts < 1 || message->n_parts > RELIABLE_PARTS_MAX) {
        reject(step, REASON_FRAMES, NULL);
        refuse(step, &header, RELIABLE_CODE_FRAMES);
    } else if (!has_header) {
        reject(step, REASON_HEADER, "not a valid header of 88 bytes");
        refuse(step, &header, RELIABLE_CODE_HEADER);
    } else {
        take_header(intake, &header, message, step);
    }
}

void intake_apply(struct intake *intake, struct roster_row *row, uint64_t seq,
                  bool is_rejected)
{
    row->received += seq - row->applied;
    row->rejected += is_rejected;
    row->applied = seq;
    consider_checkpoint(intake, row);
}

/* ---- The end --------------------------------------------------------------- */

void intake_close(struct intake *intake)
{
    intake->is_closing = true;
}

bool intake_farewell(struct roster_row *row, struct reliable *farewell)
{
    *farewell = marks_of(row, RELIABLE_ERR);
    farewell->code = RELIABLE_CODE_CLOSING;
    farewell->a = row->session;
    farewell->b = farewell->c = 0;
    return row->session != 0;
}

bool intake_forget(struct intake *intake, const char *source)
{
    struct roster_row *row = roster_find(intake->roster, source);
    if (row == NULL || row->is_forgotten) {
        return false;
    }
    row->is_forgotten = true;
    end_session(row);
    intake->is_changed = true;
    return true;
}
