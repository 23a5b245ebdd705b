/* SPDX-License-Identifier: MIT
 *
 * journal_mode=DELETE, unless it is chosen otherwise, with synchronous=EXTRA syncs the
 * journal, the file, and the folder after the journal is gone (PERSIST: the journal, once
 * its head is zeros): with less, a power cut could bring the journal back and
 * undo what was acknowledged. */
#include "database.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char OPEN_SQL[] = "PRAGMA locking_mode=EXCLUSIVE;"
                               "PRAGMA journal_mode=DELETE;"
                               "PRAGMA synchronous=EXTRA;"
                               "PRAGMA mmap_size=0;"
                               /* Changed pages go out at the end, in one go. */
                               "PRAGMA cache_spill=OFF;"
                               "PRAGMA trusted_schema=OFF;"
                               "PRAGMA cell_size_check=ON;";

/* ---- Errors ---------------------------------------------------------------- */

enum database_result database_say(struct database *database, enum database_result result,
                                  const char *format, ...)
{
    if (database->why[0] == '\0') {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(database->why, DATABASE_WHY_SIZE, format, arguments);
        va_end(arguments);
    }
    return result;
}

enum database_result database_refuse(struct database *database, const char *step)
{
    const int code = sqlite3_errcode(database->db) & 0xff;
    const bool is_system = code == SQLITE_IOERR || code == SQLITE_CANTOPEN;
    const int error = is_system ? sqlite3_system_errno(database->db) : 0;
    const bool is_damage = code == SQLITE_CORRUPT || code == SQLITE_NOTADB ||
                           code == SQLITE_ERROR || code == SQLITE_CONSTRAINT ||
                           code == SQLITE_MISMATCH ||
                           (code == SQLITE_IOERR && database->is_reading);
    return database_say(database, is_damage ? DATABASE_DAMAGED : DATABASE_FAILED,
                        "%s: %s%s%s", step, sqlite3_errmsg(database->db),
                        error != 0 ? ": " : "", error != 0 ? strerror(error) : "");
}

/* ---- Use ------------------------------------------------------------------- */

enum database_result database_run(struct database *database, const char *step,
                                  const char *sql)
{
    return sqlite3_exec(database->db, sql, NULL, NULL, NULL) == SQLITE_OK
               ? DATABASE_OK
               : database_refuse(database, step);
}

enum database_result database_open(struct database *database, const char *path, int flags)
{
    /* Not SQLITE_OPEN_NOFOLLOW: it refuses a link anywhere on the way as well, and
     * systemd makes the state folder one. Callers look at the file itself before. */
    flags |= SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
    if (sqlite3_open_v2(path, &database->db, flags, NULL) != SQLITE_OK) {
        return database->db != NULL
                   ? database_refuse(database, "open")
                   : database_say(database, DATABASE_FAILED, "open: out of memory");
    }
    /* What a file brings along of its own is not run. */
    sqlite3_db_config(database->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(database->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_db_config(database->db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    return database_run(database, "open", OPEN_SQL);
}

sqlite3_int64 database_number(struct database *database, const char *sql)
{
    sqlite3_stmt *row = NULL;
    sqlite3_int64 value = -1;
    if (sqlite3_prepare_v2(database->db, sql, -1, &row, NULL) == SQLITE_OK &&
        sqlite3_step(row) == SQLITE_ROW) {
        value = sqlite3_column_int64(row, 0);
    }
    sqlite3_finalize(row);
    return value;
}

bool database_bind_text(sqlite3_stmt *row, int at, const char *text)
{
    return sqlite3_bind_text(row, at, text, -1, SQLITE_STATIC) == SQLITE_OK;
}
