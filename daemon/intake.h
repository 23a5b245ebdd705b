/* SPDX-License-Identifier: MIT
 *
 * The receiving side of the reliable feed as a state machine without sockets: a message
 * goes in; what is to be answered, and which points are to be learned, comes out.
 * reliable.h has the messages, mixd(8), RELIABLE FEED, the rules.
 *
 *     intake_take(intake, &message, &step);     step.reply, step.row, step.skip
 *     ... the points after step.skip are learned, or rejected, one by one ...
 *     intake_apply(intake, step.row, seq);      up to that number, as often as you like
 *     intake_capture(), intake_settle()         a checkpoint; then intake_ack() for each
 *
 * Every point of a source is applied once: what came before is a duplicate, what comes
 * too early is not taken at all (NAK), and applied, statistics and ledger go into a
 * checkpoint, and back to one, together. */
#ifndef INTAKE_H
#define INTAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pack.h"
#include "reader.h" /* struct bytes */
#include "reason.h"
#include "reliable.h"
#include "roster.h"

struct intake_options {
    size_t columns;     /* numbers of a point */
    size_t max_payload; /* bytes */
    uint32_t window;    /* points that a sender may have under way: up to safe + window */
    size_t max_sources;
    uint64_t (*random)(void *context); /* for sessions: not to be guessed */
    void *context;                     /* of random */
};

struct intake;
struct intake *intake_new(const struct intake_options *options);
void intake_destroy(struct intake **intake);
struct roster *intake_roster(const struct intake *intake);

/* A message as it came. */
struct intake_message {
    struct bytes route; /* the peer's routing id */
    struct bytes part[RELIABLE_PARTS_MAX];
    size_t n_parts;   /* may be more */
    const char *user; /* whom the peer proved to be (ZAP), NULL: not known */
    double time_s;    /* when, seconds since 1970 */
};

struct intake_step {
    bool has_reply;
    struct reliable reply;
    enum reason reason; /* not REASON_NONE: the message counts as one rejected point, */
    const char *detail; /* because (static) */
    const char *note;   /* to be logged (static) with the source's name; NULL: nothing */
    struct roster_row *row; /* not NULL: points to be counted and learned */
    uint64_t first;         /* number of the first one in the message */
    uint64_t skip;          /* so many of them came before */
    uint64_t n;             /* all of the message, with those */
    uint64_t lost;          /* to be added to the ledger, modulo 2^64: what was counted
                               as lost and is not is taken off again */
};

void intake_take(struct intake *intake, const struct intake_message *message,
                 struct intake_step *step);

/* The points up to this number are in the model or the ledger; the one that came last
 * was rejected or not. They are in order, so each call goes on from the one before. */
void intake_apply(struct intake *intake, struct roster_row *row, uint64_t seq,
                  bool is_rejected);

/* True if a sender is blocked or soon may be: a checkpoint now would help it. */
bool intake_wants_checkpoint(const struct intake *intake);

void intake_capture(struct intake *intake);
/* Ends the wish for a checkpoint. */
void intake_settle(struct intake *intake, const struct settlement *settlement);
/* The ACK for a row; false: it has no session. */
bool intake_ack(const struct roster_row *row, struct reliable *ack);

/* From now on every message is answered with ERR 9; *farewell gets the one for a row's
 * session, false: it has none. */
void intake_close(struct intake *intake);
bool intake_farewell(struct roster_row *row, struct reliable *farewell);

/* The source is unknown from now on, and may begin wherever it likes. False: it is. */
bool intake_forget(struct intake *intake, const char *source);

/* Rows changed, by messages without points, since this was last asked. */
bool intake_is_changed(struct intake *intake);

#endif
