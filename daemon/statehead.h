/* SPDX-License-Identifier: MIT
 *
 * What a state file says of itself: the one row of its table `store`, which every
 * version keeps. */
#ifndef STATEHEAD_H
#define STATEHEAD_H

#include <stdint.h>

#include "database.h"
#include "items.h"

#define STATEHEAD_INSTANCE_SIZE 37 /* a uuid as text */

/* "mixd" in ASCII: tells our files from any other SQLite file. */
#define STATEHEAD_APPLICATION_ID 0x6d697864

struct statehead {
    unsigned version;    /* of the schema: what the tables and the items look like */
    uint64_t generation; /* 0: there is no file, or it is not known */
    char instance[STATEHEAD_INSTANCE_SIZE]; /* whose state it is */
    uint64_t digest;                        /* of the items and of the above */
};

uint64_t statehead_digest(const struct statehead *head, const struct items *items);

/* Whether a path has something that SQLite may open: ABSENT, EMPTY, DAMAGED or OK. */
enum database_result statehead_check_start(struct database *database, const char *path);
/* Whether it is one of our files. */
enum database_result statehead_check_kind(struct database *database);
enum database_result statehead_read(struct database *database, struct statehead *head);
enum database_result statehead_write(struct database *database,
                                     const struct statehead *head);

#endif
