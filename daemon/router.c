/* SPDX-License-Identifier: MIT
 *
 * Open addressing with linear probing over indices into the array of slots; the table
 * is at most half full and slots are never removed. The hash is FNV-1a:
 * the number of keys is bounded by max_keys, so a sender who makes keys collide can
 * cost at most that many comparisons a row. */
#include "router.h"

#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "utf8.h"
#include "xalloc.h"

enum { TABLE_MIN = 16 }; /* power of two */

/* The hash is here so that a search touches no slot but the one that it finds. */
struct entry {
    uint32_t hash;
    uint32_t slot; /* 1 + index into slots; 0: empty */
};

struct router {
    const struct stream_config *config;
    const struct mix_model *start;
    struct slot **slots; /* with room for as many as the table may hold */
    size_t n_slots;
    struct entry *table;
    size_t table_size; /* power of two */
    struct slot *last; /* rows of one key often come together */
};

static bool is_keyed(const struct router *router)
{
    return router->config->key != NULL || router->config->key_is_topic;
}

struct router *router_new(const struct stream_config *config,
                          const struct mix_model *start)
{
    struct router *router = xalloc(1, sizeof(*router));
    router->config = config;
    router->start = start;
    router->table_size = TABLE_MIN;
    router->table = xalloc(router->table_size, sizeof(router->table[0]));
    router->slots = xalloc(router->table_size / 2, sizeof(router->slots[0]));
    return router;
}

void router_destroy(struct router **router)
{
    if (*router == NULL) {
        return;
    }
    for (size_t i = 0; i < (*router)->n_slots; i++) {
        slot_destroy(&(*router)->slots[i]);
    }
    free((*router)->slots);
    free((*router)->table);
    free(*router);
    *router = NULL;
}

static bool slot_has_key(const struct slot *slot, struct bytes key)
{
    return slot->key_size == key.size &&
           (key.size == 0 || memcmp(slot->key, key.data, key.size) == 0);
}

static uint32_t hash_key(struct bytes key)
{
    const unsigned char *byte = key.data;
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < key.size; i++) {
        hash = (hash ^ byte[i]) * 16777619u;
    }
    return hash;
}

/* The entry of the key in the table, or the empty one where it would go. */
static struct entry *find_entry(const struct router *router, struct bytes key,
                                uint32_t hash)
{
    const size_t mask = router->table_size - 1;
    struct entry *entry = &router->table[hash & mask];
    while (entry->slot != 0 &&
           (entry->hash != hash || !slot_has_key(router->slots[entry->slot - 1], key))) {
        entry = &router->table[(size_t)(entry - router->table + 1) & mask];
    }
    return entry;
}

/* Into the table, which has no such key and room for it. */
static void put_entry(struct router *router, size_t index)
{
    const struct slot *slot = router->slots[index];
    const struct bytes key = {slot->key, slot->key_size};
    const uint32_t hash = hash_key(key);
    *find_entry(router, key, hash) = (struct entry){hash, (uint32_t)index + 1};
}

static void grow(struct router *router)
{
    free(router->table);
    router->table_size *= 2;
    router->table = xalloc(router->table_size, sizeof(router->table[0]));
    router->slots =
        xrealloc(router->slots, router->table_size / 2, sizeof(router->slots[0]));
    for (size_t i = 0; i < router->n_slots; i++) {
        put_entry(router, i);
    }
}

static struct slot *add_slot(struct router *router, struct bytes key)
{
    enum mix_err err;
    struct slot *slot = slot_new(router->config, router->start, key, &err);
    if (slot == NULL) {
        log_warn("stream %s: no learner for one more key: %s", router->config->name,
                 mix_strerror(err));
        return NULL;
    }
    if (2 * (router->n_slots + 1) > router->table_size) {
        grow(router);
    }
    slot->index = router->n_slots;
    router->slots[router->n_slots++] = slot;
    put_entry(router, slot->index);
    return slot;
}

static bool key_is_valid(const struct router *router, struct bytes key)
{
    if (!is_keyed(router)) {
        return key.data == NULL;
    }
    return key.data != NULL && key.size > 0 && key.size <= ROUTER_KEY_MAX &&
           memchr(key.data, '\0', key.size) == NULL && utf8_is_valid(key.data, key.size);
}

struct slot *router_find(const struct router *router, struct bytes key)
{
    const struct entry *entry = find_entry(router, key, hash_key(key));
    return entry->slot != 0 ? router->slots[entry->slot - 1] : NULL;
}

/* The first entry with that hash, or an empty one. */
static const struct entry *guess_entry(const struct router *router, uint32_t hash)
{
    const size_t mask = router->table_size - 1;
    size_t i = hash & mask;
    while (router->table[i].slot != 0 && router->table[i].hash != hash) {
        i = (i + 1) & mask;
    }
    return &router->table[i];
}

void router_prefetch(const struct router *router, const struct bytes *key, size_t n)
{
    struct slot *const *place[ROUTER_AHEAD];
    uint32_t hash[ROUTER_AHEAD];
    n = n < ROUTER_AHEAD ? n : ROUTER_AHEAD;
    for (size_t i = 0; i < n; i++) {
        hash[i] = hash_key(key[i]);
        __builtin_prefetch(&router->table[hash[i] & (router->table_size - 1)]);
    }
    for (size_t i = 0; i < n; i++) {
        const struct entry *entry = guess_entry(router, hash[i]);
        place[i] = entry->slot != 0 ? &router->slots[entry->slot - 1] : NULL;
        __builtin_prefetch(place[i]);
    }
    for (size_t i = 0; i < n; i++) {
        __builtin_prefetch(place[i] != NULL ? *place[i] : NULL);
        __builtin_prefetch(place[i] != NULL ? &(*place[i])->counts : NULL);
    }
    for (size_t i = 0; i < n; i++) {
        if (place[i] != NULL) {
            mix_learner_prefetch((*place[i])->learner);
        }
    }
    for (size_t i = 0; i < n; i++) {
        if (place[i] != NULL) {
            mix_learner_prefetch_row((*place[i])->learner);
        }
    }
}

struct slot *router_get(struct router *router, struct bytes key)
{
    if (router->last != NULL && slot_has_key(router->last, key)) {
        return router->last;
    }
    struct slot *slot = router_find(router, key);
    if (slot == NULL && key_is_valid(router, key) &&
        router->n_slots < (is_keyed(router) ? router->config->max_keys : 1)) {
        slot = add_slot(router, key);
    }
    if (slot != NULL) {
        router->last = slot;
    }
    return slot;
}

struct slot *router_put(struct router *router, struct bytes key)
{
    struct slot *slot = router_find(router, key);
    return slot != NULL ? slot : key_is_valid(router, key) ? add_slot(router, key) : NULL;
}

size_t router_count(const struct router *router)
{
    return router->n_slots;
}

struct slot *router_slot(const struct router *router, size_t i)
{
    return router->slots[i];
}
