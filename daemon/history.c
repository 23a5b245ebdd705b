/* SPDX-License-Identifier: MIT */
#include "history.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "log.h"
#include "xalloc.h"

/* "mixh" in ASCII, and the version of the table. */
#define APPLICATION_ID 0x6d697868
#define VERSION 1

enum { ALL_S = 600, MINUTES_S = 86400 };

/* What is lost in a power cut is lost without harm, so nothing waits for the disk. */
static const char OPEN_SQL[] = "PRAGMA synchronous=OFF;"
                               "PRAGMA auto_vacuum=INCREMENTAL;";
/* tier: how often the frame has stood the thinning. */
static const char CREATE_SQL[] =
    "PRAGMA application_id=1835628648; PRAGMA user_version=1;"
    "CREATE TABLE frame(topic TEXT NOT NULL, time REAL NOT NULL, tier INTEGER NOT NULL,"
    " text TEXT NOT NULL);"
    "CREATE UNIQUE INDEX by_topic ON frame(topic, time);"
    "CREATE INDEX by_tier ON frame(tier, time);";
static const char ADD_SQL[] = "INSERT OR REPLACE INTO frame VALUES (?, ?, 0, ?)";
static const char LIST_SQL[] =
    "SELECT text FROM frame WHERE topic = ? AND time >= ? ORDER BY time LIMIT ?";
static const char FIND_SQL[] =
    "SELECT text FROM frame WHERE topic = ? AND time <= ? ORDER BY time DESC LIMIT 1";
/* ?1: tier, ?2: time, ?3: seconds of which the first frame stays. */
static const char THIN_SQL[] =
    "DELETE FROM frame WHERE tier = ?1 AND time < ?2 AND EXISTS (SELECT 1 FROM frame AS"
    " other WHERE other.topic = frame.topic AND other.time < frame.time AND other.time >="
    " ?3 * CAST(frame.time / ?3 AS INTEGER))";
static const char AGE_SQL[] =
    "UPDATE frame SET tier = ?1 + 1 WHERE tier = ?1 AND time < ?2";
static const char DROP_SQL[] = "DELETE FROM frame WHERE tier = ?1 AND time < ?2";

struct history {
    char *path;
    struct stat file; /* that is open: another one may take its place */
    struct database database;
    sqlite3_stmt *add;
};

struct history *history_new(const char *path)
{
    struct history *history = xalloc(1, sizeof(*history));
    history->path = xstrdup(path);
    return history;
}

static void close_file(struct history *history)
{
    sqlite3_finalize(history->add);
    sqlite3_close(history->database.db);
    history->add = NULL;
    history->database.db = NULL;
}

void history_destroy(struct history **history)
{
    if (*history == NULL) {
        return;
    }
    close_file(*history);
    free((*history)->path);
    free(*history);
    *history = NULL;
}

/* ---- Opening ------------------------------------------------------------------ */

static enum database_result prepare(struct history *history)
{
    struct database *database = &history->database;
    if (database_number(database, "PRAGMA schema_version") == 0) {
        const enum database_result result = database_run(database, "create", CREATE_SQL);
        if (result != DATABASE_OK) {
            return result;
        }
    }
    if (database_number(database, "PRAGMA application_id") != APPLICATION_ID ||
        database_number(database, "PRAGMA user_version") != VERSION) {
        return database_say(database, DATABASE_DAMAGED, "not a history of this mixd");
    }
    return sqlite3_prepare_v2(database->db, ADD_SQL, -1, &history->add, NULL) == SQLITE_OK
               ? DATABASE_OK
               : database_refuse(database, "prepare");
}

static enum database_result open_file(struct history *history)
{
    struct database *database = &history->database;
    struct stat status;
    if (lstat(history->path, &status) == 0 && !S_ISREG(status.st_mode)) {
        return database_say(database, DATABASE_DAMAGED, "not a regular file");
    }
    enum database_result result = database_open(
        database, history->path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    if (result == DATABASE_OK) {
        result = database_run(database, "open", OPEN_SQL);
    }
    if (result == DATABASE_OK) {
        result = prepare(history);
    }
    if (result != DATABASE_OK) {
        close_file(history);
    }
    return result;
}

/* The older FILE.bad goes: a history may be lost. */
static void set_aside(const struct history *history, const char *why)
{
    char *aside = xformat("%s.bad", history->path);
    char *journal = xformat("%s-journal", history->path);
    if (rename(history->path, aside) == 0) {
        log_warn("%s: %s: set aside as %s", history->path, why, aside);
    }
    remove(journal);
    free(journal);
    free(aside);
}

static bool need_open(struct history *history, char *why)
{
    struct stat now;
    history->database.why = why;
    why[0] = '\0';
    if (history->database.db != NULL && stat(history->path, &now) == 0 &&
        now.st_ino == history->file.st_ino && now.st_dev == history->file.st_dev) {
        return true;
    }
    close_file(history);
    enum database_result result = open_file(history);
    if (result == DATABASE_DAMAGED) {
        set_aside(history, why);
        why[0] = '\0';
        result = open_file(history);
    }
    return result == DATABASE_OK && stat(history->path, &history->file) == 0;
}

/* Closed, so that the next use opens it anew: what was damage then is set aside. */
static bool give_up(struct history *history, const char *step)
{
    database_refuse(&history->database, step);
    close_file(history);
    return false;
}

/* ---- Writing ------------------------------------------------------------------- */

bool history_begin(struct history *history, char *why)
{
    return need_open(history, why) &&
           (database_run(&history->database, "begin", "BEGIN IMMEDIATE") == DATABASE_OK ||
            give_up(history, "begin"));
}

bool history_add(struct history *history, const char *topic, double time_s,
                 const char *text, size_t size, char *why)
{
    sqlite3_stmt *row = history->add;
    history->database.why = why;
    why[0] = '\0';
    const bool is_added = database_bind_text(row, 1, topic) &&
                          sqlite3_bind_double(row, 2, time_s) == SQLITE_OK &&
                          sqlite3_bind_text64(row, 3, text, size, SQLITE_STATIC,
                                              SQLITE_UTF8) == SQLITE_OK &&
                          sqlite3_step(row) == SQLITE_DONE;
    if (!is_added) {
        return give_up(history, "write");
    }
    sqlite3_reset(row);
    return true;
}

bool history_end(struct history *history, char *why)
{
    history->database.why = why;
    why[0] = '\0';
    return database_run(&history->database, "commit", "COMMIT") == DATABASE_OK ||
           give_up(history, "commit");
}

static bool run_thinning(struct history *history, const char *sql, int tier,
                         double time_s, int step_s)
{
    sqlite3_stmt *row = NULL;
    bool is_done =
        sqlite3_prepare_v2(history->database.db, sql, -1, &row, NULL) == SQLITE_OK &&
        sqlite3_bind_int(row, 1, tier) == SQLITE_OK &&
        sqlite3_bind_double(row, 2, time_s) == SQLITE_OK;
    if (is_done && step_s > 0) {
        is_done = sqlite3_bind_int(row, 3, step_s) == SQLITE_OK;
    }
    is_done = is_done && sqlite3_step(row) == SQLITE_DONE;
    sqlite3_finalize(row);
    return is_done || give_up(history, "thin");
}

bool history_thin(struct history *history, double now_s, double keep_s, char *why)
{
    static const struct {
        int age_s, step_s;
    } tiers[] = {{ALL_S, 60}, {MINUTES_S, 3600}};
    bool is_done = need_open(history, why);
    for (int tier = 0; is_done && tier < 2; tier++) {
        const double time_s = now_s - tiers[tier].age_s;
        is_done = run_thinning(history, THIN_SQL, tier, time_s, tiers[tier].step_s) &&
                  run_thinning(history, AGE_SQL, tier, time_s, 0);
    }
    for (int tier = 0; is_done && tier <= 2; tier++) {
        is_done = run_thinning(history, DROP_SQL, tier, now_s - keep_s, 0);
    }
    return is_done && database_run(&history->database, "thin",
                                   "PRAGMA incremental_vacuum") == DATABASE_OK;
}

/* ---- Reading -------------------------------------------------------------------- */

static sqlite3_stmt *query(struct history *history, const char *sql, const char *topic,
                           double time_s)
{
    sqlite3_stmt *row = NULL;
    if (sqlite3_prepare_v2(history->database.db, sql, -1, &row, NULL) != SQLITE_OK ||
        !database_bind_text(row, 1, topic) ||
        sqlite3_bind_double(row, 2, time_s) != SQLITE_OK) {
        sqlite3_finalize(row);
        give_up(history, "read");
        return NULL;
    }
    return row;
}

static json_t *row_frame(sqlite3_stmt *row)
{
    const char *text = (const char *)sqlite3_column_text(row, 0);
    return text != NULL ? json_loads(text, 0, NULL) : NULL;
}

json_t *history_list(struct history *history, const char *topic, double since_s,
                     char *why)
{
    sqlite3_stmt *row =
        need_open(history, why) ? query(history, LIST_SQL, topic, since_s) : NULL;
    if (row == NULL) {
        return NULL;
    }
    json_t *list = json_array();
    size_t bytes = 0;
    bool has_more = false;
    sqlite3_bind_int(row, 3, HISTORY_FRAMES + 1);
    int step = sqlite3_step(row);
    while (step == SQLITE_ROW && !has_more) {
        bytes += (size_t)sqlite3_column_bytes(row, 0);
        has_more = json_array_size(list) == HISTORY_FRAMES ||
                   (bytes > HISTORY_BYTES && json_array_size(list) > 0);
        json_t *frame = has_more ? NULL : row_frame(row);
        if (frame != NULL) {
            json_array_append_new(list, frame);
        }
        step = sqlite3_step(row);
    }
    sqlite3_finalize(row);
    if (!has_more && step != SQLITE_DONE) {
        json_decref(list);
        give_up(history, "read");
        return NULL;
    }
    return json_pack("{s:o, s:b}", "history", list, "more", (int)has_more);
}

bool history_find(struct history *history, const char *topic, double at_s, json_t **frame,
                  char *why)
{
    sqlite3_stmt *row =
        need_open(history, why) ? query(history, FIND_SQL, topic, at_s) : NULL;
    *frame = NULL;
    if (row == NULL) {
        return false;
    }
    const int step = sqlite3_step(row);
    *frame = step == SQLITE_ROW ? row_frame(row) : NULL;
    sqlite3_finalize(row);
    return step == SQLITE_ROW || step == SQLITE_DONE || give_up(history, "read");
}
