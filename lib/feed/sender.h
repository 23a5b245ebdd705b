/* SPDX-License-Identifier: MIT
 *
 * The sender's side of the reliable feed without a socket: which message is next, and
 * what follows from an answer.
 *
 *            ERR 6, patience            WELCOME
 *     DOWN ------------------> GREETING ---------> RUNNING ---> DATA
 *       ^                       ^    |                |  ^       |
 *       |  ERR 9, BYE           '----'                |  '- ACK, NAK
 *       '---------------------- patience,             |
 *                               ERR 6 of a new        |  ERR 6, no progress:
 *                               connection            '-> GREETING
 *
 * Answers to what was sent in an older session are ignored. Times are seconds of any
 * clock that only goes forward. */
#ifndef SENDER_H
#define SENDER_H

#include "backlog.h"
#include "reader.h" /* struct bytes */

#define SENDER_PARTS_MAX 2
/* Points and bytes of a message. The daemon takes 1 MiB by default, and half a message
 * in the making is memory there as well. */
#define SENDER_POINTS_MAX 4096
#define SENDER_BYTES_MAX ((size_t)1 << 18)
#define SENDER_COLUMNS_MAX (SENDER_BYTES_MAX / 8)

struct sender;

/* The backlog stays the caller's and must outlive the sender. batch: points in a message
 * at most, 0: as many as fit. NULL without memory. */
struct sender *sender_new(const char *source, size_t columns, size_t batch,
                          struct backlog *backlog);
void sender_destroy(struct sender **sender);

/* Takes a message of the daemon, of any bytes. An error ends the feed; the failure says
 * why. */
enum mixfeed_err sender_receive(struct sender *sender, const struct bytes *parts,
                                size_t n_parts, double now_s,
                                struct mixfeed_failure *failure);

/* Sets *n_parts, 0: nothing is to be sent now. The parts are the sender's and the same
 * until sender_sent() or sender_receive(). */
enum mixfeed_err sender_due(struct sender *sender, double now_s,
                            struct bytes parts[SENDER_PARTS_MAX], size_t *n_parts,
                            struct mixfeed_failure *failure);
/* The second part of it as its backlog gave it. */
const struct portion *sender_portion(const struct sender *sender);
/* The message of sender_due() was taken by the transport. */
void sender_sent(struct sender *sender, double now_s);

/* When sender_due() has something to say if nothing arrives; INFINITY: never. */
double sender_deadline_s(const struct sender *sender);

/* The orderly end, for the last message; n_parts 0: there is no session to end. */
void sender_bye(struct sender *sender, struct bytes *part, size_t *n_parts);

struct mixfeed_marks sender_marks(const struct sender *sender);
/* Points that were sent once more. */
uint64_t sender_resent(const struct sender *sender);

#endif
