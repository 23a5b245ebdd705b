/* SPDX-License-Identifier: MIT
 *
 * The points of a source that the daemon may still ask for, by number. Where they lie is
 * one row of functions each: in memory, in a spool, with the caller. Rows are as on the
 * wire: little-endian float64. */
#ifndef BACKLOG_H
#define BACKLOG_H

#include "mixfeed.h"

struct backlog;

/* Rows of a backlog. They stay where they are until it is used again, or, where there is
 * a holder, until that was released as often as held, by any thread. */
struct portion {
    const void *rows;
    size_t n;
    void *holder; /* NULL: the rows are to be copied */
    void (*hold)(void *holder);
    void (*release)(void *rows, void *holder); /* a zmq_free_fn */
};

struct backlog_kind {
    /* Takes n rows as newest + 1, …; they are as durable as they get when it returns.
     * On an error none was taken. NULL: nothing can be added. */
    enum mixfeed_err (*append)(struct backlog *backlog, const void *rows, size_t n,
                               struct mixfeed_failure *failure);
    /* Gives rows from seq on, 1 to n of them, which are all there: where they lie, or
     * in the buffer, which has room for n. */
    enum mixfeed_err (*read)(struct backlog *backlog, uint64_t seq, size_t n,
                             void *buffer, struct portion *portion,
                             struct mixfeed_failure *failure);
    /* Points up to safe need not be kept. Where that fails they are kept. */
    void (*trim)(struct backlog *backlog, uint64_t safe);
    void (*destroy)(struct backlog *backlog);
};

/* The head of every backlog. */
struct backlog {
    const struct backlog_kind *kind;
    size_t row_size; /* bytes */
    uint64_t incarnation;
    uint64_t trimmed; /* the last one that may be gone */
    uint64_t newest;  /* the last one there is */
    uint64_t note;    /* the caller's own */
    uint64_t room;    /* points it may hold; 0: as many as there are */
};

/* How much a backlog may hold is its user's to limit. */
void backlog_destroy(struct backlog **backlog);

/* The one of the caller's rows. NULL without memory. */
struct backlog *backlog_rows_new(size_t columns, const struct mixfeed_rows *rows);

/* n numbers to the order of bytes on the wire; `to` may be `from`. */
void backlog_to_wire(const double *from, void *to, size_t n);

/* Random, other than 0, below 2^63 as SQLite keeps it. 0 if the system has none. */
uint64_t backlog_incarnation(void);

/* Fills a failure and returns its error. */
enum mixfeed_err failure_fill(struct mixfeed_failure *failure, enum mixfeed_err err,
                              const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The errors after which a feed goes on. */
bool failure_is_passing(enum mixfeed_err err);

#endif
