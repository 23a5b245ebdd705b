/* SPDX-License-Identifier: MIT
 *
 * The sources of a reliable feed: who they are, how far their points got, and what
 * became of them. Points of a source are numbered from 1:
 *
 *     safe <= durable <= applied
 *      |       |          in memory
 *      |       in the newest committed checkpoint
 *      in both generations of the checkpoint
 *
 * A checkpoint takes `applied` along with the statistics (roster_capture()); when it has
 * been committed, the marks follow (roster_settle()). A restart goes back to what is
 * durable, of both alike. */
#ifndef ROSTER_H
#define ROSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pack.h"
#include "reliable.h"

/* ZeroMQ's longest routing id. */
#define PEER_MAX 255

/* Where replies go. */
struct peer {
    size_t size; /* 0: nowhere */
    unsigned char id[PEER_MAX];
};

struct roster_row {
    char name[RELIABLE_SOURCE_MAX + 1];
    uint64_t incarnation;
    uint64_t safe, durable, applied;
    uint64_t captured; /* applied when a checkpoint last took it */
    uint64_t missing;  /* points that neither side has: the source is refused; 0: it is
                          not. They are part of `lost` */
    uint64_t received, rejected, duplicate, lost; /* points; those applied are
                                                     received - duplicate */
    double last_s;     /* when its last message came, seconds since 1970 */
    bool is_forgotten; /* next it begins anew, wherever it likes */

    /* Only in memory. */
    uint64_t session;   /* 0: none */
    uint32_t window;    /* of the session, points */
    uint64_t nak;       /* the number that was last asked for; 0: none */
    uint64_t takeovers; /* sessions that ended with a newer one */
    struct peer peer;   /* of the session */
};

struct roster;
/* max: rows that roster_add() goes up to; a state may hold more. */
struct roster *roster_new(size_t max);
void roster_destroy(struct roster **roster);

/* Rows in the order of their names, forgotten ones as well. They stay where they are
 * until their place is given away by roster_add(). */
size_t roster_count(const struct roster *roster);
struct roster_row *roster_at(const struct roster *roster, size_t i);
/* NULL: none. */
struct roster_row *roster_find(const struct roster *roster, const char *name);
/* A new row, in the place of one that is forgotten if need be; NULL: there is none. */
struct roster_row *roster_add(struct roster *roster, const char *name);

/* A checkpoint takes everything that is applied. */
void roster_capture(struct roster *roster);
/* What the store says about that checkpoint, which was committed. */
struct settlement {
    uint64_t generation; /* the newest one */
    uint64_t safe;       /* the older one, 0: there is none */
    bool is_settled;     /* both hold all that was captured */
};
void roster_settle(struct roster *roster, const struct settlement *settlement);

/* For the durable state; false: not what was packed. */
void roster_pack(const struct roster *roster, struct pack *pack);
bool roster_unpack(struct roster *roster, struct unpack *unpack);

#endif
