/* SPDX-License-Identifier: MIT */
#include "store.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "durable.h"
#include "log.h"
#include "pair.h"
#include "statefile.h"
#include "xalloc.h"

/* Soon enough after a hiccup, seldom enough for a disk that stays full. */
enum { RETRY_FIRST_MS = 100, RETRY_LAST_MS = 30000 };

struct store {
    const struct store_schema *schema;
    char *folder;
    struct pair pair;
    struct items *items;
    uint64_t generation;             /* newest on the disk */
    uint64_t next;                   /* the one that is being made */
    uint64_t changed;                /* the last one in which a value changed */
    int64_t retry_ms;                /* no try before this */
    int64_t delay_ms;                /* the last back-off; 0: the last try succeeded */
    char problem[DATABASE_WHY_SIZE]; /* why the last try failed */
};

/* The next generation goes to the file that does not hold the newest one. Only where a
 * backup was brought back as the other file are they not numbered in turn. */
static uint64_t number_next(const struct pair *pair)
{
    const uint64_t newest = pair_newest(pair);
    const uint64_t next = newest + 1;
    return newest > 0 && pair->head[next % 2].generation == newest ? next + 1 : next;
}

/* ---- Life ------------------------------------------------------------------ */

struct store *store_open(const char *folder, const struct store_schema *schema,
                         bool start_afresh, struct fault *fault)
{
    struct store *store = xalloc(1, sizeof(*store));
    store->schema = schema;
    store->folder = xstrdup(folder);
    store->retry_ms = INT64_MIN;
    pair_init(&store->pair, folder);
    if (!start_afresh) {
        store->items = pair_load(&store->pair, schema, fault);
    } else if (pair_start_afresh(&store->pair, fault)) {
        store->items = items_new();
    }
    if (store->items == NULL) {
        store_close(&store);
        return NULL;
    }
    store->generation = pair_newest(&store->pair);
    store->next = number_next(&store->pair);
    store->changed = store->generation;
    return store;
}

void store_close(struct store **store)
{
    if (*store == NULL) {
        return;
    }
    items_destroy(&(*store)->items);
    pair_clear(&(*store)->pair);
    free((*store)->folder);
    free(*store);
    *store = NULL;
}

/* ---- Values ---------------------------------------------------------------- */

const struct items *store_items(const struct store *store)
{
    return store->items;
}

void store_put(struct store *store, const char *kind, const char *name, const void *value,
               size_t size)
{
    if (items_put(store->items, store->next, kind, name, value, size)) {
        store->changed = store->next;
    }
}

void store_remove(struct store *store, const char *kind, const char *name)
{
    items_remove(store->items, store->next, kind, name);
    store->changed = store->next;
}

/* ---- Writing --------------------------------------------------------------- */

static struct statehead make_head(const struct store *store)
{
    struct statehead head = {.version = store->schema->version,
                             .generation = store->next};
    memcpy(head.instance, store->pair.instance, sizeof(head.instance));
    return head;
}

/* What is in the way is renamed, and the file written anew. */
static enum database_result write_generation(struct store *store, size_t i, char *why)
{
    struct pair *pair = &store->pair;
    struct statehead head = make_head(store);
    enum database_result result =
        statefile_write(pair->path[i], &head, &pair->head[i], store->items, why);
    if (result == DATABASE_DAMAGED || result == DATABASE_FOREIGN) {
        const char *problem;
        if (!pair_set_aside(pair, i, "bad", why, &problem)) {
            snprintf(why, DATABASE_WHY_SIZE, "%s: %s", problem, strerror(errno));
            return DATABASE_FAILED;
        }
        result = statefile_write(pair->path[i], &head, &pair->head[i], store->items, why);
    }
    if (result == DATABASE_OK) {
        const char *failed = pair_keep_instance(pair);
        if (failed == NULL) {
            pair->head[i] = head;
            return DATABASE_OK;
        }
        snprintf(why, DATABASE_WHY_SIZE, "instance: %s: %s", failed, strerror(errno));
    }
    /* The file holds one generation or the other, whole: it is to be written in full. */
    pair->head[i].digest = 0;
    return DATABASE_FAILED;
}

static void note_failure(struct store *store, int64_t now_ms, const char *why)
{
    if (store->delay_ms == 0) {
        log_warn("%s: checkpoint: %s: generation %" PRIu64 " stays", store->folder, why,
                 store->generation);
    }
    store->delay_ms = store->delay_ms == 0 ? RETRY_FIRST_MS : 2 * store->delay_ms;
    if (store->delay_ms > RETRY_LAST_MS) {
        store->delay_ms = RETRY_LAST_MS;
    }
    store->retry_ms = now_ms + store->delay_ms;
    snprintf(store->problem, sizeof(store->problem), "%s", why);
}

static void note_success(struct store *store)
{
    store->generation = store->next;
    store->next = number_next(&store->pair);
    if (store->delay_ms > 0) {
        log_info("%s: checkpoints work again: generation %" PRIu64, store->folder,
                 store->generation);
    }
    store->delay_ms = 0;
    store->retry_ms = INT64_MIN;
    store->problem[0] = '\0';
    items_forget(store->items, pair_oldest(&store->pair));
}

enum store_outcome store_commit(struct store *store, int64_t now_ms)
{
    char why[DATABASE_WHY_SIZE];
    if (now_ms < store->retry_ms) {
        return STORE_WAITS;
    }
    if (write_generation(store, store->next % 2, why) != DATABASE_OK) {
        note_failure(store, now_ms, why);
        return STORE_FAILED;
    }
    note_success(store);
    return STORE_WRITTEN;
}

enum store_outcome store_refuse(struct store *store, int64_t now_ms, const char *why)
{
    if (now_ms < store->retry_ms) {
        return STORE_WAITS;
    }
    note_failure(store, now_ms, why);
    return STORE_FAILED;
}

void store_hurry(struct store *store)
{
    store->retry_ms = INT64_MIN;
}

bool store_is_settled(const struct store *store)
{
    return store->problem[0] == '\0' && store->generation > 0 &&
           pair_oldest(&store->pair) >= store->changed;
}

bool store_backup(const struct store *store, const char *path, char *why)
{
    const struct statehead none = {0};
    struct statehead head = make_head(store);
    char *temporary = xformat("%s.tmp", path);
    char *journal = xformat("%s-journal", temporary);
    unlink(temporary);
    unlink(journal);
    bool is_written =
        statefile_write(temporary, &head, &none, store->items, why) == DATABASE_OK;
    if (is_written) {
        const char *failed = durable_rename(temporary, path);
        is_written = failed == NULL;
        if (!is_written) {
            snprintf(why, DATABASE_WHY_SIZE, "%s: %s", failed, strerror(errno));
        }
    }
    if (!is_written) {
        unlink(temporary);
    }
    unlink(journal); /* which is over */
    free(journal);
    free(temporary);
    return is_written;
}

/* ---- What it says ---------------------------------------------------------- */

uint64_t store_generation(const struct store *store)
{
    return store->generation;
}

uint64_t store_safe_generation(const struct store *store)
{
    return pair_oldest(&store->pair);
}

const char *store_problem(const struct store *store)
{
    return store->problem[0] != '\0' ? store->problem : NULL;
}

int64_t store_retry_ms(const struct store *store)
{
    return store->retry_ms;
}
