/* SPDX-License-Identifier: MIT
 *
 * An array of pointers, and a hash table with open addressing over it: a stream has a
 * hundred values or so, and there may be a thousand keys. The digest of all is the sum
 * of theirs, so it follows every change without reading the rest. */
#include "items.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "xalloc.h"

enum {
    TABLE_MIN = 64, /* a power of two */
    ROOM_STEP = 512 /* bytes by which the room of larger values grows */
};

struct items {
    size_t n;
    size_t room;
    struct item **item;  /* in the order in which they came */
    size_t n_table;      /* a power of two, more than 4/3 n; 0: none yet */
    struct item **table; /* n_table places; NULL: free */
    size_t present;
    uint64_t digest;
};

struct items *items_new(void)
{
    return xalloc(1, sizeof(struct items));
}

static void destroy_item(struct item *item)
{
    free(item->kind);
    free(item->name);
    free(item->value);
    free(item);
}

void items_destroy(struct items **items)
{
    if (*items == NULL) {
        return;
    }
    for (size_t i = 0; i < (*items)->n; i++) {
        destroy_item((*items)->item[i]);
    }
    free((*items)->item);
    free((*items)->table);
    free(*items);
    *items = NULL;
}

uint64_t items_digest_of(const char *kind, const char *name, const void *value,
                         size_t size)
{
    uint64_t digest = digest_add(DIGEST_START, kind, strlen(kind));
    digest = digest_add(digest, name, strlen(name));
    return digest_add(digest, value, size);
}

static bool is_named(const struct item *item, const char *kind, const char *name)
{
    return strcmp(item->name, name) == 0 && strcmp(item->kind, kind) == 0;
}

/* The place of the item of that name, or the free one where it would be. */
static struct item **find_place(const struct items *items, const char *kind,
                                const char *name)
{
    const uint64_t digest = items_digest_of(kind, name, NULL, 0);
    size_t place = digest & (items->n_table - 1);
    while (items->table[place] != NULL && !is_named(items->table[place], kind, name)) {
        place = (place + 1) & (items->n_table - 1);
    }
    return &items->table[place];
}

static struct item *find(const struct items *items, const char *kind, const char *name)
{
    return items->n_table > 0 ? *find_place(items, kind, name) : NULL;
}

static void fill_table(struct items *items, size_t n_table)
{
    free(items->table);
    items->n_table = n_table;
    items->table = xalloc(n_table, sizeof(items->table[0]));
    for (size_t i = 0; i < items->n; i++) {
        *find_place(items, items->item[i]->kind, items->item[i]->name) = items->item[i];
    }
}

static struct item *insert(struct items *items, const char *kind, const char *name)
{
    if (items->n == items->room) {
        items->room = 2 * items->room + 16;
        items->item = xrealloc(items->item, items->room, sizeof(items->item[0]));
    }
    if (4 * (items->n + 1) > 3 * items->n_table) {
        fill_table(items, items->n_table > 0 ? 2 * items->n_table : TABLE_MIN);
    }
    struct item *item = xalloc(1, sizeof(*item));
    item->kind = xstrdup(kind);
    item->name = xstrdup(name);
    *find_place(items, kind, name) = item;
    items->item[items->n++] = item;
    return item;
}

/* Takes a value out of the sums. */
static void discount(struct items *items, const struct item *item)
{
    if (item->value != NULL) {
        items->digest -= item->digest;
        items->present--;
    }
}

/* A value of about the size of the one before takes its place: most do. Those that hold
 * the rows of an open block differ every time; with room in steps what they give back is
 * of a few sizes only, and can be taken again. */
static void make_room(struct items *items, struct item *item, size_t size)
{
    const size_t steps = (size + ROOM_STEP - 1) / ROOM_STEP;
    const size_t room = size < ROOM_STEP ? size : steps * ROOM_STEP;
    discount(items, item);
    if (item->value == NULL || item->room != room) {
        free(item->value);
        item->value = xalloc(room, 1);
        item->room = room;
    }
}

static void clear_value(struct items *items, struct item *item)
{
    discount(items, item);
    free(item->value);
    item->value = NULL;
    item->size = item->room = 0;
    item->digest = 0;
}

_Bool items_put(struct items *items, uint64_t generation, const char *kind,
                const char *name, const void *value, size_t size)
{
    const uint64_t digest = items_digest_of(kind, name, value, size);
    struct item *item = find(items, kind, name);
    if (item == NULL) {
        item = insert(items, kind, name);
    } else if (item->value != NULL && item->digest == digest && item->size == size &&
               memcmp(item->value, value, size) == 0) {
        return false;
    }
    make_room(items, item, size);
    memcpy(item->value, value, size);
    item->size = size;
    item->digest = digest;
    item->changed = generation;
    items->digest += digest;
    items->present++;
    return true;
}

void items_remove(struct items *items, uint64_t generation, const char *kind,
                  const char *name)
{
    struct item *item = find(items, kind, name);
    if (item != NULL && item->value != NULL) {
        clear_value(items, item);
        item->changed = generation;
    }
}

void items_forget(struct items *items, uint64_t generation)
{
    size_t kept = 0;
    for (size_t i = 0; i < items->n; i++) {
        struct item *item = items->item[i];
        if (item->value == NULL && item->changed <= generation) {
            destroy_item(item);
        } else {
            items->item[kept++] = item;
        }
    }
    if (kept < items->n) {
        items->n = kept;
        fill_table(items, items->n_table);
    }
}

const struct item *items_get(const struct items *items, const char *kind,
                             const char *name)
{
    const struct item *item = find(items, kind, name);
    return item != NULL && item->value != NULL ? item : NULL;
}

size_t items_count(const struct items *items)
{
    return items->n;
}

const struct item *items_at(const struct items *items, size_t i)
{
    return items->item[i];
}

size_t items_present(const struct items *items)
{
    return items->present;
}

uint64_t items_digest(const struct items *items)
{
    return items->digest;
}
