/* SPDX-License-Identifier: MIT
 *
 * What the values of the durable state mean is the business of the one who keeps them
 * there: struct store_schema is what the store asks it. */
#ifndef SCHEMA_H
#define SCHEMA_H

#include <stdbool.h>

#include "database.h" /* DATABASE_WHY_SIZE */
#include "items.h"

enum store_verdict {
    STORE_ACCEPTED,
    STORE_DAMAGED,  /* cannot be: the other generation is tried */
    STORE_MISMATCH, /* of another configuration: the start is refused */
};

struct store_schema {
    unsigned version; /* of the values and their names, from 1 */
    /* Brings the items from a version to the next one. May be NULL while version is 1.
     * False and `why` when they cannot be. */
    bool (*migrate)(const void *context, unsigned from, struct items *items, char *why);
    /* Judges a state that is whole; called for the older one as well when it found the
     * newer one damaged. `why` has DATABASE_WHY_SIZE bytes. */
    enum store_verdict (*accept)(const void *context, const struct items *items,
                                 char *why);
    const void *context;
};

#endif
