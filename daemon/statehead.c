/* SPDX-License-Identifier: MIT */
#include "statehead.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "digest.h"
#include "sidecopy.h"

static const char HEAD_SQL[] = "SELECT version, generation, instance, digest FROM store";
static const char SET_HEAD_SQL[] = "INSERT OR REPLACE INTO store VALUES (0, ?, ?, ?, ?)";

uint64_t statehead_digest(const struct statehead *head, const struct items *items)
{
    char text[128];
    const int n = snprintf(text, sizeof(text), "%u %" PRIu64 " %s %zu %" PRIx64,
                           head->version, head->generation, head->instance,
                           items_present(items), items_digest(items));
    return digest_add(DIGEST_START, text, (size_t)n);
}

enum database_result statehead_read(struct database *database, struct statehead *head)
{
    sqlite3_stmt *row = NULL;
    enum database_result result = DATABASE_OK;
    if (sqlite3_prepare_v2(database->db, HEAD_SQL, -1, &row, NULL) != SQLITE_OK) {
        result = database_refuse(database, "head");
    } else if (sqlite3_step(row) != SQLITE_ROW) {
        result = sqlite3_errcode(database->db) == SQLITE_DONE
                     ? database_say(database, DATABASE_DAMAGED, "it has no head")
                     : database_refuse(database, "head");
    } else {
        const unsigned char *instance = sqlite3_column_text(row, 2);
        head->version = (unsigned)sqlite3_column_int64(row, 0);
        head->generation = (uint64_t)sqlite3_column_int64(row, 1);
        snprintf(head->instance, sizeof(head->instance), "%s",
                 instance != NULL ? (const char *)instance : "");
        head->digest = (uint64_t)sqlite3_column_int64(row, 3);
    }
    sqlite3_finalize(row);
    return result;
}

/* After a making that was undone the file is empty, or would be after its rollback. */
enum database_result statehead_check_kind(struct database *database)
{
    const sqlite3_int64 pages = database_number(database, "PRAGMA page_count");
    if (pages == 0) {
        return database_say(database, DATABASE_EMPTY, "it is empty");
    }
    const sqlite3_int64 id = database_number(database, "PRAGMA application_id");
    if (pages == -1 || id == -1) {
        return database_refuse(database, "read");
    }
    return id == STATEHEAD_APPLICATION_ID
               ? DATABASE_OK
               : database_say(database, DATABASE_DAMAGED, "not a state of mixd");
}

/* The first bytes, before SQLite sees the file: it would turn to another journal mode,
 * and leave files behind, if they say so. Skipped when there is a journal, since a
 * crash may have torn the first page. */
enum database_result statehead_check_start(struct database *database, const char *path)
{
    static const char magic[16] = "SQLite format 3";
    unsigned char start[20];
    struct stat status;
    if (lstat(path, &status) == -1) {
        return errno == ENOENT
                   ? DATABASE_ABSENT
                   : database_say(database, DATABASE_FAILED, "%s", strerror(errno));
    }
    if (!S_ISREG(status.st_mode)) {
        return database_say(database, DATABASE_DAMAGED, "not a regular file");
    }
    if (sidecopy_is_needed(path)) {
        return DATABASE_OK;
    }
    if (status.st_size == 0) {
        return database_say(database, DATABASE_EMPTY, "it is empty");
    }
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd == -1) {
        return database_say(database, DATABASE_FAILED, "%s", strerror(errno));
    }
    const ssize_t n = read(fd, start, sizeof(start));
    close(fd);
    return n == sizeof(start) && memcmp(start, magic, sizeof(magic)) == 0 &&
                   start[18] == 1 && start[19] == 1
               ? DATABASE_OK
               : database_say(database, DATABASE_DAMAGED, "not a state of mixd");
}

enum database_result statehead_write(struct database *database,
                                     const struct statehead *head)
{
    sqlite3_stmt *row = NULL;
    enum database_result result = DATABASE_OK;
    if (sqlite3_prepare_v2(database->db, SET_HEAD_SQL, -1, &row, NULL) != SQLITE_OK ||
        sqlite3_bind_int64(row, 1, head->version) != SQLITE_OK ||
        sqlite3_bind_int64(row, 2, (sqlite3_int64)head->generation) != SQLITE_OK ||
        !database_bind_text(row, 3, head->instance) ||
        sqlite3_bind_int64(row, 4, (sqlite3_int64)head->digest) != SQLITE_OK ||
        sqlite3_step(row) != SQLITE_DONE) {
        result = database_refuse(database, "head");
    }
    sqlite3_finalize(row);
    return result;
}
