/* SPDX-License-Identifier: MIT
 *
 * A trim that fails, on a disk that is full for one, leaves the points in the file:
 * then the daemon is offered more than it needs, and the next trim takes them too. */
#include "spool.h"

#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crc32c.h"

#define SPOOL_ID 0x4d585350 /* "MXSP", SQLite's application_id */
#define SPOOL_VERSION 1
/* Bytes of a piece at most: what is read at once. */
#define PIECE_BYTES ((size_t)1 << 18)

#define TEXT_OF(number) #number
#define TEXT(number) TEXT_OF(number)

static const char OPEN_SQL[] = "PRAGMA locking_mode=EXCLUSIVE;"
                               "PRAGMA journal_mode=WAL;"
                               "PRAGMA synchronous=FULL;"
                               "PRAGMA trusted_schema=OFF;"
                               "PRAGMA cell_size_check=ON;";
static const char MAKE_SQL[] =
    "CREATE TABLE spool (id INTEGER PRIMARY KEY CHECK (id = 1), source TEXT NOT NULL,"
    " columns INTEGER NOT NULL, incarnation INTEGER NOT NULL, trimmed INTEGER NOT NULL,"
    " note INTEGER NOT NULL);"
    "CREATE TABLE piece (first INTEGER PRIMARY KEY, n INTEGER NOT NULL,"
    " crc INTEGER NOT NULL, rows BLOB NOT NULL);"
    "PRAGMA application_id=" TEXT(SPOOL_ID) ";"
                                            "PRAGMA user_version=" TEXT(
                                                SPOOL_VERSION) ";";

/* Statements that are used again and again. */
enum { INSERT, NOTE, FIND, DELETE, TRIM, N_STATEMENTS };
static const char *const statements[N_STATEMENTS] = {
    [INSERT] = "INSERT INTO piece VALUES (?, ?, ?, ?)",
    [NOTE] = "UPDATE spool SET note = ?",
    [FIND] = "SELECT first, n, crc, rows FROM piece WHERE first <= ? ORDER BY 1 DESC",
    [DELETE] = "DELETE FROM piece WHERE first <= ?1 AND first + n - 1 <= ?1",
    [TRIM] = "UPDATE spool SET trimmed = ?",
};

struct spool {
    struct backlog backlog;
    char *path;
    sqlite3 *db;
    sqlite3_stmt *run[N_STATEMENTS];
    uint64_t note;        /* as it is in the file */
    uint64_t piece_first; /* the piece last read; 0: none */
    uint64_t piece_n;
    unsigned char *piece; /* PIECE_BYTES, or one row */
};

/* ---- Errors -------------------------------------------------------------- */

/* What SQLite's last error stands for. */
static enum mixfeed_err refuse(struct spool *spool, const char *step,
                               struct mixfeed_failure *failure)
{
    const int code = sqlite3_errcode(spool->db) & 0xff;
    const bool is_used = code == SQLITE_BUSY || code == SQLITE_LOCKED;
    const bool is_file = code == SQLITE_NOTADB || code == SQLITE_CORRUPT ||
                         code == SQLITE_ERROR || code == SQLITE_CONSTRAINT;
    const int error = sqlite3_system_errno(spool->db);
    const bool tells = (code == SQLITE_IOERR || code == SQLITE_CANTOPEN) && error != 0;
    return failure_fill(failure,
                        is_used   ? MIXFEED_EBUSY
                        : is_file ? MIXFEED_ESPOOL
                                  : MIXFEED_EIO,
                        "%s: %s: %s%s%s%s", spool->path, step, sqlite3_errmsg(spool->db),
                        tells ? ": " : "", tells ? strerror(error) : "",
                        is_used ? ": another process has it open" : "");
}

static enum mixfeed_err say_damage(const struct spool *spool, uint64_t seq,
                                   struct mixfeed_failure *failure)
{
    return failure_fill(failure, MIXFEED_ESPOOL,
                        "%s: the spool is damaged: point %" PRIu64 " cannot be read",
                        spool->path, seq);
}

static void roll_back(struct spool *spool)
{
    if (!sqlite3_get_autocommit(spool->db)) {
        sqlite3_exec(spool->db, "ROLLBACK", NULL, NULL, NULL);
    }
}

/* ---- Statements ---------------------------------------------------------- */

static bool execute(struct spool *spool, const char *sql)
{
    return sqlite3_exec(spool->db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

/* Runs a statement that gives no row, with one number. */
static bool run_number(struct spool *spool, int statement, uint64_t number)
{
    sqlite3_stmt *const run = spool->run[statement];
    sqlite3_bind_int64(run, 1, (sqlite3_int64)number);
    sqlite3_step(run);
    return sqlite3_reset(run) == SQLITE_OK;
}

static bool insert_piece(struct spool *spool, uint64_t first, size_t n, const void *rows)
{
    sqlite3_stmt *const run = spool->run[INSERT];
    const size_t size = n * spool->backlog.row_size;
    sqlite3_bind_int64(run, 1, (sqlite3_int64)first);
    sqlite3_bind_int64(run, 2, (sqlite3_int64)n);
    sqlite3_bind_int64(run, 3, crc32c(rows, size));
    sqlite3_bind_blob64(run, 4, rows, size, SQLITE_STATIC);
    sqlite3_step(run);
    const bool is_done = sqlite3_reset(run) == SQLITE_OK;
    sqlite3_clear_bindings(run);
    return is_done;
}

/* The number that a statement gives. False: none. */
static bool ask_number(struct spool *spool, const char *sql, uint64_t *number)
{
    sqlite3_stmt *run = NULL;
    const bool is_there =
        sqlite3_prepare_v2(spool->db, sql, -1, &run, NULL) == SQLITE_OK &&
        sqlite3_step(run) == SQLITE_ROW;
    if (is_there) {
        *number = (uint64_t)sqlite3_column_int64(run, 0);
    }
    sqlite3_finalize(run);
    return is_there;
}

/* ---- Points -------------------------------------------------------------- */

static size_t piece_rows(const struct spool *spool)
{
    const size_t n = PIECE_BYTES / spool->backlog.row_size;
    return n > 0 ? n : 1;
}

static bool append_pieces(struct spool *spool, const void *rows, size_t n)
{
    const size_t n_max = piece_rows(spool);
    uint64_t first = spool->backlog.newest + 1;
    const unsigned char *at = rows;
    for (size_t done = 0; done < n;) {
        const size_t n_piece = n - done < n_max ? n - done : n_max;
        if (!insert_piece(spool, first + done, n_piece, at)) {
            return false;
        }
        done += n_piece;
        at += n_piece * spool->backlog.row_size;
    }
    return true;
}

static enum mixfeed_err spool_append(struct backlog *backlog, const void *rows, size_t n,
                                     struct mixfeed_failure *failure)
{
    struct spool *spool = (struct spool *)backlog;
    const bool is_noted = backlog->note != spool->note;
    if (!execute(spool, "BEGIN") || !append_pieces(spool, rows, n) ||
        (is_noted && !run_number(spool, NOTE, backlog->note)) ||
        !execute(spool, "COMMIT")) {
        refuse(spool, "write", failure);
        roll_back(spool);
        return failure->err;
    }
    spool->note = backlog->note;
    backlog->newest += n;
    return MIXFEED_OK;
}

/* Reads the piece that holds a point, and checks all of it. */
static enum mixfeed_err load_piece(struct spool *spool, uint64_t seq,
                                   struct mixfeed_failure *failure)
{
    sqlite3_stmt *const run = spool->run[FIND];
    const size_t size = spool->backlog.row_size;
    enum mixfeed_err err = MIXFEED_OK;
    sqlite3_bind_int64(run, 1, (sqlite3_int64)seq);
    spool->piece_first = 0;
    const int code = sqlite3_step(run);
    if (code == SQLITE_ROW) {
        const uint64_t first = (uint64_t)sqlite3_column_int64(run, 0);
        const uint64_t n = (uint64_t)sqlite3_column_int64(run, 1);
        const void *rows = sqlite3_column_blob(run, 3);
        const size_t n_bytes = (size_t)sqlite3_column_bytes(run, 3);
        const bool is_whole = rows != NULL && n_bytes % size == 0 &&
                              n_bytes / size == n && seq - first < n &&
                              n <= piece_rows(spool) &&
                              crc32c(rows, n_bytes) == sqlite3_column_int64(run, 2);
        if (is_whole) {
            memcpy(spool->piece, rows, n_bytes);
            spool->piece_first = first;
            spool->piece_n = n;
        }
    } else if (code != SQLITE_DONE) {
        err = refuse(spool, "read", failure);
    }
    sqlite3_reset(run);
    return err == MIXFEED_OK && spool->piece_first == 0 ? say_damage(spool, seq, failure)
                                                        : err;
}

/* Rows of one piece are given where they lie, others put together. */
static enum mixfeed_err spool_read(struct backlog *backlog, uint64_t seq, size_t n,
                                   void *buffer, struct portion *portion,
                                   struct mixfeed_failure *failure)
{
    struct spool *spool = (struct spool *)backlog;
    size_t n_copied = 0;
    while (n_copied < n) {
        if (spool->piece_first == 0 || seq - spool->piece_first >= spool->piece_n) {
            const enum mixfeed_err err = load_piece(spool, seq, failure);
            if (err != MIXFEED_OK) {
                return err;
            }
        }
        const size_t skipped = (size_t)(seq - spool->piece_first);
        const size_t left = (size_t)spool->piece_n - skipped;
        const unsigned char *rows = spool->piece + skipped * backlog->row_size;
        const size_t taken = n - n_copied < left ? n - n_copied : left;
        if (taken == n) {
            *portion = (struct portion){.rows = rows, .n = n};
            return MIXFEED_OK;
        }
        memcpy((unsigned char *)buffer + n_copied * backlog->row_size, rows,
               taken * backlog->row_size);
        seq += taken;
        n_copied += taken;
    }
    *portion = (struct portion){.rows = buffer, .n = n};
    return MIXFEED_OK;
}

static void spool_trim(struct backlog *backlog, uint64_t safe)
{
    struct spool *spool = (struct spool *)backlog;
    if (safe <= backlog->trimmed) {
        return;
    }
    if (execute(spool, "BEGIN") && run_number(spool, DELETE, safe) &&
        run_number(spool, TRIM, safe) && execute(spool, "COMMIT")) {
        backlog->trimmed = safe;
    }
    roll_back(spool);
}

static void spool_destroy(struct backlog *backlog)
{
    struct spool *spool = (struct spool *)backlog;
    for (size_t i = 0; i < N_STATEMENTS; i++) {
        sqlite3_finalize(spool->run[i]);
    }
    sqlite3_close(spool->db);
    free(spool->path);
    free(spool->piece);
    free(spool);
}

/* ---- Opening ------------------------------------------------------------- */

static bool make(struct spool *spool, const char *source, size_t columns)
{
    sqlite3_stmt *run = NULL;
    const uint64_t incarnation = backlog_incarnation();
    const bool is_made =
        incarnation != 0 && execute(spool, MAKE_SQL) &&
        sqlite3_prepare_v2(spool->db, "INSERT INTO spool VALUES (1, ?, ?, ?, 0, 0)", -1,
                           &run, NULL) == SQLITE_OK &&
        sqlite3_bind_text(run, 1, source, -1, SQLITE_STATIC) == SQLITE_OK &&
        sqlite3_bind_int64(run, 2, (sqlite3_int64)columns) == SQLITE_OK &&
        sqlite3_bind_int64(run, 3, (sqlite3_int64)incarnation) == SQLITE_OK &&
        sqlite3_step(run) == SQLITE_DONE;
    sqlite3_finalize(run);
    return is_made;
}

/* Reads the one row of the spool, and refuses that of another source. */
static enum mixfeed_err read_head(struct spool *spool, const char *source, size_t columns,
                                  struct mixfeed_failure *failure)
{
    sqlite3_stmt *run = NULL;
    const char *sql = "SELECT source, columns, incarnation, trimmed, note FROM spool";
    enum mixfeed_err err = MIXFEED_OK;
    if (sqlite3_prepare_v2(spool->db, sql, -1, &run, NULL) != SQLITE_OK ||
        sqlite3_step(run) != SQLITE_ROW) {
        /* Without a row there is no error, but no spool either. */
        refuse(spool, "read", failure);
        failure->err =
            sqlite3_errcode(spool->db) == SQLITE_DONE ? MIXFEED_ESPOOL : failure->err;
        sqlite3_finalize(run);
        return failure->err;
    }
    const char *name = (const char *)sqlite3_column_text(run, 0);
    const sqlite3_int64 n = sqlite3_column_int64(run, 1);
    if (name == NULL || strcmp(name, source) != 0 || n != (sqlite3_int64)columns) {
        err = failure_fill(failure, MIXFEED_ESPOOL,
                           "%s: the spool of source %.40s with %lld columns: this is %s "
                           "with %zu",
                           spool->path, name != NULL ? name : "?", (long long)n, source,
                           columns);
    }
    spool->backlog.incarnation = (uint64_t)sqlite3_column_int64(run, 2);
    spool->backlog.trimmed = (uint64_t)sqlite3_column_int64(run, 3);
    spool->note = spool->backlog.note = (uint64_t)sqlite3_column_int64(run, 4);
    sqlite3_finalize(run);
    return err;
}

/* Whether the pieces follow on one another from the first that is held. */
static enum mixfeed_err read_pieces(struct spool *spool, struct mixfeed_failure *failure)
{
    uint64_t first = 0;
    uint64_t newest = 0;
    uint64_t count = 0;
    if (!ask_number(spool, "SELECT coalesce(min(first), 0) FROM piece", &first) ||
        !ask_number(spool, "SELECT coalesce(max(first + n - 1), 0) FROM piece",
                    &newest) ||
        !ask_number(spool, "SELECT coalesce(sum(n), 0) FROM piece", &count)) {
        return refuse(spool, "read", failure);
    }
    const uint64_t trimmed = spool->backlog.trimmed;
    spool->backlog.newest = newest > trimmed ? newest : trimmed;
    const bool is_whole =
        count == 0 || (first >= 1 && first <= trimmed + 1 && newest - first + 1 == count);
    return is_whole ? MIXFEED_OK : say_damage(spool, trimmed + 1, failure);
}

/* Makes the tables in a file that has nothing; what else it may be is refused. */
static enum mixfeed_err open_tables(struct spool *spool, const char *source,
                                    size_t columns, struct mixfeed_failure *failure)
{
    uint64_t id = 0;
    uint64_t version = 0;
    uint64_t n_tables = 0;
    if (!execute(spool, OPEN_SQL) || !execute(spool, "BEGIN EXCLUSIVE") ||
        !ask_number(spool, "PRAGMA application_id", &id) ||
        !ask_number(spool, "SELECT count(*) FROM sqlite_master", &n_tables) ||
        (id == 0 && n_tables == 0 && !make(spool, source, columns)) ||
        !ask_number(spool, "PRAGMA application_id", &id) ||
        !ask_number(spool, "PRAGMA user_version", &version) ||
        !execute(spool, "COMMIT")) {
        return refuse(spool, "open", failure);
    }
    if (id != SPOOL_ID) {
        return failure_fill(failure, MIXFEED_ESPOOL, "%s: not a spool: name another file",
                            spool->path);
    }
    if (version != SPOOL_VERSION) {
        return failure_fill(failure, MIXFEED_ESPOOL,
                            "%s: a spool of version %" PRIu64 ": this program reads "
                            "version %d",
                            spool->path, version, SPOOL_VERSION);
    }
    return MIXFEED_OK;
}

static enum mixfeed_err prepare_all(struct spool *spool, struct mixfeed_failure *failure)
{
    for (size_t i = 0; i < N_STATEMENTS; i++) {
        if (sqlite3_prepare_v3(spool->db, statements[i], -1, SQLITE_PREPARE_PERSISTENT,
                               &spool->run[i], NULL) != SQLITE_OK) {
            return refuse(spool, "open", failure);
        }
    }
    return MIXFEED_OK;
}

static enum mixfeed_err open_file(struct spool *spool, const char *source, size_t columns,
                                  struct mixfeed_failure *failure)
{
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
                      SQLITE_OPEN_PRIVATECACHE;
    if (sqlite3_open_v2(spool->path, &spool->db, flags, NULL) != SQLITE_OK) {
        return spool->db == NULL ? failure_fill(failure, MIXFEED_ENOMEM, "out of memory")
                                 : refuse(spool, "open", failure);
    }
    sqlite3_db_config(spool->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(spool->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_db_config(spool->db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    enum mixfeed_err err = open_tables(spool, source, columns, failure);
    if (err == MIXFEED_OK) {
        err = read_head(spool, source, columns, failure);
    }
    if (err == MIXFEED_OK) {
        err = read_pieces(spool, failure);
    }
    return err == MIXFEED_OK ? prepare_all(spool, failure) : err;
}

/* SQLite takes ":memory:" and "" for something else than files. */
static char *path_new(const char *path)
{
    const char *folder = path[0] == ':' || path[0] == '\0' ? "./" : "";
    const size_t size = strlen(folder) + strlen(path) + 1;
    char *whole = malloc(size);
    if (whole != NULL) {
        snprintf(whole, size, "%s%s", folder, path);
    }
    return whole;
}

struct backlog *spool_new(const char *path, const char *source, size_t columns,
                          struct mixfeed_failure *failure)
{
    static const struct backlog_kind kind = {spool_append, spool_read, spool_trim,
                                             spool_destroy};
    struct spool *spool = calloc(1, sizeof(*spool));
    if (spool == NULL) {
        failure_fill(failure, MIXFEED_ENOMEM, "out of memory");
        return NULL;
    }
    spool->backlog.kind = &kind;
    spool->backlog.row_size = columns * sizeof(double);
    spool->path = path_new(path);
    spool->piece = malloc(piece_rows(spool) * spool->backlog.row_size);
    struct backlog *backlog = &spool->backlog;
    if (spool->path == NULL || spool->piece == NULL) {
        failure_fill(failure, MIXFEED_ENOMEM, "out of memory");
        backlog_destroy(&backlog);
    } else if (open_file(spool, source, columns, failure) != MIXFEED_OK) {
        backlog_destroy(&backlog);
    }
    return backlog;
}
