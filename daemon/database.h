/* SPDX-License-Identifier: MIT
 *
 * An SQLite file of ours, opened so that what was committed is on the disk, and so that
 * nothing a damaged or foreign file brings along is run. */
#ifndef DATABASE_H
#define DATABASE_H

#include <sqlite3.h>
#include <stdbool.h>

#define DATABASE_WHY_SIZE 256

enum database_result {
    DATABASE_OK,
    DATABASE_ABSENT,  /* nothing there */
    DATABASE_EMPTY,   /* nothing in it: its first transaction did not end */
    DATABASE_DAMAGED, /* not what was once written */
    DATABASE_NEWER,   /* whole, but of a newer version */
    DATABASE_FOREIGN, /* whole, but of another instance */
    DATABASE_FAILED,  /* the system refused; may work later */
};

struct database {
    sqlite3 *db;
    bool is_reading; /* then what cannot be read is damage */
    char *why;       /* of DATABASE_WHY_SIZE: the first cause, "" while there is none */
};

/* flags: as of sqlite3_open_v2. To be closed with sqlite3_close() in any case, which
 * rolls back what is not committed. */
enum database_result database_open(struct database *database, const char *path,
                                   int flags);

/* Runs statements that give no rows; step is their name in words. */
enum database_result database_run(struct database *database, const char *step,
                                  const char *sql);
/* The number that a statement gives, or -1. */
sqlite3_int64 database_number(struct database *database, const char *sql);
/* The text must live until the statement has run. */
bool database_bind_text(sqlite3_stmt *row, int at, const char *text);

/* Both note a cause and return the result: the one given, or what SQLite's last error
 * stands for. */
enum database_result database_say(struct database *database, enum database_result result,
                                  const char *format, ...)
    __attribute__((format(printf, 3, 4)));
enum database_result database_refuse(struct database *database, const char *step);

#endif
