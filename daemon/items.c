/* SPDX-License-Identifier: MIT
 *
 * A sorted array of pointers: values are replaced all the time, names are added rarely,
 * and a loaded file gives them in order. The digest of all is the sum of theirs, so it
 * follows every change without reading the rest. */
#include "items.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "xalloc.h"

struct items {
    size_t n;
    size_t room;
    struct item **item; /* by kind, then name */
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

static int compare(const struct item *item, const char *kind, const char *name)
{
    const int by_kind = strcmp(item->kind, kind);
    return by_kind != 0 ? by_kind : strcmp(item->name, name);
}

/* The first place whose item is not less. */
static size_t find_place(const struct items *items, const char *kind, const char *name)
{
    size_t low = 0;
    size_t high = items->n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (compare(items->item[middle], kind, name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static struct item *find(const struct items *items, const char *kind, const char *name)
{
    const size_t place = find_place(items, kind, name);
    return place < items->n && compare(items->item[place], kind, name) == 0
               ? items->item[place]
               : NULL;
}

static struct item *insert(struct items *items, const char *kind, const char *name)
{
    const size_t place = find_place(items, kind, name);
    if (items->n == items->room) {
        items->room = 2 * items->room + 16;
        items->item = xrealloc(items->item, items->room, sizeof(items->item[0]));
    }
    memmove(&items->item[place + 1], &items->item[place],
            (items->n - place) * sizeof(items->item[0]));
    struct item *item = xalloc(1, sizeof(*item));
    item->kind = xstrdup(kind);
    item->name = xstrdup(name);
    items->item[place] = item;
    items->n++;
    return item;
}

/* Takes a value out of the sums. */
static void clear_value(struct items *items, struct item *item)
{
    if (item->value != NULL) {
        items->digest -= item->digest;
        items->present--;
    }
    free(item->value);
    item->value = NULL;
    item->size = 0;
    item->digest = 0;
}

_Bool items_put(struct items *items, uint64_t generation, const char *kind,
                const char *name, void *value, size_t size)
{
    const uint64_t digest = items_digest_of(kind, name, value, size);
    struct item *item = find(items, kind, name);
    if (item == NULL) {
        item = insert(items, kind, name);
    } else if (item->value != NULL && item->digest == digest && item->size == size &&
               memcmp(item->value, value, size) == 0) {
        free(value);
        return false;
    }
    clear_value(items, item);
    item->value = value;
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
    items->n = kept;
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
