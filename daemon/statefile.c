/* SPDX-License-Identifier: MIT
 *
 * Two tables: `store` has one row, the head; `item` has the values. Each value carries
 * its digest, so that damage is told by name; the head's digest covers the sum of those,
 * so that no value can be missing, left over or exchanged. */
#include "statefile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sidecopy.h"
#include "xalloc.h"

static const char CREATE_SQL[] =
    "DROP TABLE IF EXISTS store;"
    "DROP TABLE IF EXISTS item;"
    "CREATE TABLE store(id INTEGER PRIMARY KEY CHECK (id = 0), version INTEGER NOT NULL,"
    " generation INTEGER NOT NULL, instance TEXT NOT NULL, digest INTEGER NOT NULL);"
    "CREATE TABLE item(kind TEXT NOT NULL, name TEXT NOT NULL, value BLOB NOT NULL,"
    " digest INTEGER NOT NULL, PRIMARY KEY (kind, name));";

/* The journal stays, with a head of zeros that says it is over: to make it anew, take its
 * blocks and give them back is a sixth of a checkpoint. One of a whole rewriting is cut.
 */
static const char WRITE_SQL[] = "PRAGMA journal_mode=PERSIST;"
                                "PRAGMA journal_size_limit=67108864;";

static const char ITEMS_SQL[] =
    "SELECT kind, name, value, digest FROM item ORDER BY kind, name";
static const char PUT_SQL[] =
    "INSERT INTO item VALUES (?, ?, ?, ?) ON CONFLICT (kind, name)"
    " DO UPDATE SET value = excluded.value, digest = excluded.digest";
static const char REMOVE_SQL[] = "DELETE FROM item WHERE kind = ? AND name = ?";

/* ---- Reading --------------------------------------------------------------- */

/* A newer version may have other items, so only the head can be judged; both places
 * that tell the version must agree, or else it is damage. */
static enum database_result check_version(struct database *database, unsigned version,
                                          const struct statehead *head)
{
    const sqlite3_int64 stored = database_number(database, "PRAGMA user_version");
    if (stored != (sqlite3_int64)head->version || head->version == 0) {
        return database_say(database, DATABASE_DAMAGED, "its two version numbers differ");
    }
    if (head->version > version) {
        return database_say(database, DATABASE_NEWER,
                            "written with schema %u, this program knows up to %u",
                            head->version, version);
    }
    return DATABASE_OK;
}

static enum database_result check_pages(struct database *database)
{
    sqlite3_stmt *row = NULL;
    enum database_result result = DATABASE_OK;
    if (sqlite3_prepare_v2(database->db, "PRAGMA quick_check(1)", -1, &row, NULL) !=
            SQLITE_OK ||
        sqlite3_step(row) != SQLITE_ROW) {
        result = database_refuse(database, "quick_check");
    } else {
        const char *verdict = (const char *)sqlite3_column_text(row, 0);
        if (verdict == NULL) { /* a row of one text has it, unless memory ran out */
            result = database_refuse(database, "quick_check");
        } else if (strcmp(verdict, "ok") != 0) {
            result = database_say(database, DATABASE_DAMAGED, "quick_check: %s", verdict);
        }
    }
    sqlite3_finalize(row);
    return result;
}

static enum database_result read_item(struct database *database, sqlite3_stmt *row,
                                      uint64_t generation, struct items *items)
{
    const char *kind = (const char *)sqlite3_column_text(row, 0);
    const char *name = (const char *)sqlite3_column_text(row, 1);
    const void *blob = sqlite3_column_blob(row, 2);
    const size_t size = (size_t)sqlite3_column_bytes(row, 2);
    if (sqlite3_errcode(database->db) == SQLITE_NOMEM) {
        return database_refuse(database, "items");
    }
    if (kind == NULL || name == NULL || (blob == NULL && size > 0)) {
        return database_say(database, DATABASE_DAMAGED, "an item is not readable");
    }
    if (items_digest_of(kind, name, blob, size) !=
        (uint64_t)sqlite3_column_int64(row, 3)) {
        return database_say(database, DATABASE_DAMAGED, "checksum of %s of %s is wrong",
                            kind, name);
    }
    items_put(items, generation, kind, name, size > 0 ? blob : "", size);
    return DATABASE_OK;
}

static enum database_result read_items(struct database *database, uint64_t generation,
                                       struct items *items)
{
    sqlite3_stmt *row = NULL;
    enum database_result result = DATABASE_OK;
    if (sqlite3_prepare_v2(database->db, ITEMS_SQL, -1, &row, NULL) != SQLITE_OK) {
        return database_refuse(database, "items");
    }
    int step = sqlite3_step(row);
    while (result == DATABASE_OK && step == SQLITE_ROW) {
        result = read_item(database, row, generation, items);
        step = sqlite3_step(row);
    }
    if (result == DATABASE_OK && step != SQLITE_DONE) {
        result = database_refuse(database, "items");
    }
    sqlite3_finalize(row);
    return result;
}

static enum database_result read_all(struct database *database, unsigned version,
                                     struct statehead *head, struct items *items)
{
    enum database_result result = statehead_check_kind(database);
    if (result == DATABASE_OK) {
        result = statehead_read(database, head);
    }
    if (result == DATABASE_OK) {
        result = check_version(database, version, head);
    }
    if (result == DATABASE_OK) {
        result = check_pages(database);
    }
    if (result == DATABASE_OK) {
        result = read_items(database, head->generation, items);
    }
    if (result == DATABASE_OK &&
        (head->generation == 0 || head->digest != statehead_digest(head, items))) {
        result =
            database_say(database, DATABASE_DAMAGED, "checksum of the whole is wrong");
    }
    return result;
}

static enum database_result open_and_read(struct database *database, const char *path,
                                          unsigned version, struct statehead *head,
                                          struct items *items)
{
    /* SQLite rolls a journal back, and then it is gone: let it do that to a copy. Where
     * there is no room for one, the file itself has to do. */
    char *copy = sidecopy_is_needed(path) ? sidecopy_make(path) : NULL;
    enum database_result result = database_open(
        database, copy != NULL ? copy : path,
        sidecopy_is_needed(path) ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY);
    if (result == DATABASE_OK) {
        result = read_all(database, version, head, items);
    }
    sqlite3_close(database->db);
    sidecopy_remove(&copy);
    return result;
}

enum database_result statefile_read(const char *path, unsigned version,
                                    struct statehead *head, struct items **items,
                                    char *why)
{
    struct database database = {.is_reading = true, .why = why};
    why[0] = '\0';
    memset(head, 0, sizeof(*head));
    enum database_result result = statehead_check_start(&database, path);
    if (result != DATABASE_OK) {
        return result;
    }
    struct items *loaded = items_new();
    result = open_and_read(&database, path, version, head, loaded);
    if (result == DATABASE_OK) {
        *items = loaded;
    } else {
        items_destroy(&loaded);
    }
    return result;
}

/* ---- Writing --------------------------------------------------------------- */

static bool bind_item(sqlite3_stmt *row, const struct item *item)
{
    return database_bind_text(row, 1, item->kind) &&
           database_bind_text(row, 2, item->name) &&
           (item->value == NULL ||
            (sqlite3_bind_blob64(row, 3, item->value, item->size, SQLITE_STATIC) ==
                 SQLITE_OK &&
             sqlite3_bind_int64(row, 4, (sqlite3_int64)item->digest) == SQLITE_OK));
}

static enum database_result write_rows(struct database *database,
                                       const struct items *items, uint64_t since,
                                       sqlite3_stmt *put, sqlite3_stmt *remove)
{
    for (size_t i = 0; i < items_count(items); i++) {
        const struct item *item = items_at(items, i);
        if (item->changed <= since) {
            continue;
        }
        sqlite3_stmt *row = item->value != NULL ? put : remove;
        if (!bind_item(row, item) || sqlite3_step(row) != SQLITE_DONE) {
            return database_refuse(database, "write");
        }
        sqlite3_reset(row);
    }
    return DATABASE_OK;
}

static enum database_result write_items(struct database *database,
                                        const struct items *items, uint64_t since)
{
    sqlite3_stmt *put = NULL;
    sqlite3_stmt *remove = NULL;
    const bool is_ready =
        sqlite3_prepare_v2(database->db, PUT_SQL, -1, &put, NULL) == SQLITE_OK &&
        sqlite3_prepare_v2(database->db, REMOVE_SQL, -1, &remove, NULL) == SQLITE_OK;
    const enum database_result result =
        is_ready ? write_rows(database, items, since, put, remove)
                 : database_refuse(database, "write");
    sqlite3_finalize(put);
    sqlite3_finalize(remove);
    return result;
}

static enum database_result create_tables(struct database *database, unsigned version)
{
    char sql[sizeof(CREATE_SQL) + 128];
    snprintf(sql, sizeof(sql), "PRAGMA application_id=%d; PRAGMA user_version=%u; %s",
             STATEHEAD_APPLICATION_ID, version, CREATE_SQL);
    return database_run(database, "create", sql);
}

/* What the file at the path is now. *since gets the generation from which on changes
 * have to be written, or 0 for everything. */
static enum database_result find_base(struct database *database,
                                      const struct statehead *next,
                                      const struct statehead *known, uint64_t *since)
{
    struct statehead found = {0};
    *since = 0;
    if (database_number(database, "PRAGMA schema_version") == 0) {
        return DATABASE_OK; /* a file just made, or one whose making was undone */
    }
    enum database_result result = statehead_check_kind(database);
    if (result == DATABASE_OK) {
        result = statehead_read(database, &found);
    }
    if (result != DATABASE_OK) {
        return result;
    }
    if (strcmp(found.instance, next->instance) != 0) {
        return database_say(database, DATABASE_FOREIGN, "it belongs to instance %s",
                            found.instance);
    }
    if (found.version > next->version) {
        return database_say(database, DATABASE_FOREIGN, "it has schema %u",
                            found.version);
    }
    if (found.version == next->version && found.generation == known->generation &&
        found.digest == known->digest) {
        *since = found.generation;
    }
    return DATABASE_OK;
}

static enum database_result write_all(struct database *database,
                                      const struct statehead *next,
                                      const struct statehead *known,
                                      const struct items *items)
{
    uint64_t since;
    enum database_result result = database_run(database, "begin", "BEGIN IMMEDIATE");
    if (result == DATABASE_OK) {
        result = find_base(database, next, known, &since);
    }
    if (result == DATABASE_OK && since == 0) {
        result = create_tables(database, next->version);
    }
    if (result == DATABASE_OK) {
        result = write_items(database, items, since);
    }
    if (result == DATABASE_OK) {
        result = statehead_write(database, next);
    }
    return result == DATABASE_OK ? database_run(database, "commit", "COMMIT") : result;
}

enum database_result statefile_write(const char *path, struct statehead *next,
                                     const struct statehead *known,
                                     const struct items *items, char *why)
{
    struct database database = {.why = why};
    why[0] = '\0';
    next->digest = statehead_digest(next, items);
    enum database_result result = statehead_check_start(&database, path);
    if (result == DATABASE_OK || result == DATABASE_ABSENT || result == DATABASE_EMPTY) {
        why[0] = '\0';
        result =
            database_open(&database, path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
        if (result == DATABASE_OK) {
            result = database_run(&database, "open", WRITE_SQL);
        }
        if (result == DATABASE_OK) {
            result = write_all(&database, next, known, items);
        }
        /* A transaction that is still open is rolled back by this. */
        sqlite3_close(database.db);
    }
    return result;
}
