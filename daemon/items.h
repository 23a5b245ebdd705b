/* SPDX-License-Identifier: MIT
 *
 * The durable state in memory: named values, each with its digest and the generation
 * in which it was last changed. The whole state is kept, so that a file that was lost
 * or damaged can be written anew at any time. */
#ifndef ITEMS_H
#define ITEMS_H

#include <stddef.h>
#include <stdint.h>

struct item {
    char *kind;       /* what it is: "learner", "ledger", ... */
    char *name;       /* whose: "boiler", "boiler/pump 7", ... */
    void *value;      /* NULL: removed, kept until both files know */
    size_t size;      /* bytes of the value */
    size_t room;      /* bytes that there is room for */
    uint64_t digest;  /* of kind, name and value; 0 when removed */
    uint64_t changed; /* generation that is the first to hold it like this */
};

struct items;
struct items *items_new(void);
void items_destroy(struct items **items);

/* Sets a value, which is copied, as of a generation. Returns whether it differs from
 * what was there: an equal value stays as of its older generation. */
_Bool items_put(struct items *items, uint64_t generation, const char *kind,
                const char *name, const void *value, size_t size);
void items_remove(struct items *items, uint64_t generation, const char *kind,
                  const char *name);
/* Drops the memory of what was removed up to a generation. */
void items_forget(struct items *items, uint64_t generation);

/* NULL: none of that name, or removed. */
const struct item *items_get(const struct items *items, const char *kind,
                             const char *name);
/* All of them, removed ones as well, in the order in which they first came. */
size_t items_count(const struct items *items);
const struct item *items_at(const struct items *items, size_t i);

/* Values there are, and one digest of all of them. */
size_t items_present(const struct items *items);
uint64_t items_digest(const struct items *items);

/* The digest of one value. */
uint64_t items_digest_of(const char *kind, const char *name, const void *value,
                         size_t size);

#endif
