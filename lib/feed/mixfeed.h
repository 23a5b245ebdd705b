/* SPDX-License-Identifier: MIT
 *
 * libmixfeed: points into a stream of mixd whose feed is `reliable`. Every point that
 * was taken changes the model exactly once, through any number of crashes of either
 * side. In short:
 *
 *     struct mixfeed_options options;
 *     mixfeed_options_init(&options, "tcp://127.0.0.1:5570", "pump-3", 2);
 *     options.spool = "pump-3.spool";
 *     struct mixfeed *feed = mixfeed_open(&options, &failure);
 *     err = mixfeed_send(feed, rows, n, -1);          n x 2 doubles: on the disk now
 *     err = mixfeed_flush(feed, -1);                  waits until nothing can be lost
 *     mixfeed_close(&feed);
 *
 * mixfeed_example.c beside this file is a whole program. A feed keeps every point until
 * the daemon has it in both generations of its state: in a spool, an SQLite file that
 * outlives the program; in memory; or with the caller, who can read rows again by their
 * number. Points are numbered from 1.
 *
 * The library starts no thread: the daemon is talked to within mixfeed_send(),
 * mixfeed_flush() and mixfeed_work(). A program that has nothing to send for a while
 * calls mixfeed_work() where it waits, or when mixfeed_descriptor() is readable. A feed
 * may be used by one thread at a time. It depends on libzmq and SQLite.
 */
#ifndef MIXFEED_H
#define MIXFEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MIXFEED_API __attribute__((visibility("default")))
#define MIXFEED_CHECKED __attribute__((warn_unused_result))

/* Every error: X(name, sentence). Those up to EAGAIN leave a feed as it was, the others
 * end it: nothing is lost by closing it and opening it again. */
#define MIXFEED_ERRORS(X)                                                                \
    X(OK, "no error")                                                                    \
    X(EAGAIN, "the daemon did not get on in the time given")                             \
    X(EINVAL, "an argument is outside its range")                                        \
    X(ENOMEM, "out of memory")                                                           \
    X(EIO, "the spool, or the caller's rows, cannot be written or read")                 \
    X(ESPOOL, "not a spool of this source, damaged, or older than what was sent")        \
    X(EBUSY, "another process has the spool open")                                       \
    X(ESOCKET, "the endpoint cannot be connected to")                                    \
    X(EREFUSED, "the daemon refuses this source")                                        \
    X(ELOSS, "the daemon has lost points that were safe")

enum mixfeed_err {
#define X(name, sentence) MIXFEED_##name,
    MIXFEED_ERRORS(X)
#undef X
};

/* One sentence for an error, without a full stop. Never NULL. */
MIXFEED_API const char *mixfeed_strerror(enum mixfeed_err err);

/* What went wrong, in detail. */
struct mixfeed_failure {
    enum mixfeed_err err;
    unsigned code;        /* EREFUSED: that of the daemon's message, 1..9 */
    uint64_t first, last; /* ELOSS: the points that are gone */
    char text[512];       /* "place: what is wrong: what would be right" */
};

/* ---- Options ------------------------------------------------------------- */

/* Rows that are kept elsewhere and can be read again by their number. */
struct mixfeed_rows {
    /* Other than 0; always the same for the same rows, and never for others. */
    uint64_t incarnation;
    uint64_t n; /* rows there are: numbers 1..n */
    /* Writes rows seq..seq + n - 1 of the caller's, n x columns. False: they cannot be
     * read, which ends the feed with EIO. */
    bool (*read)(void *context, uint64_t seq, size_t n, double *rows);
    void *context;
};

struct mixfeed_options {
    const char *endpoint; /* of the stream's feed */
    const char *source;   /* its name: 1..31 of A-Z a-z 0-9 . _ - */
    size_t columns;       /* numbers in a row, time and weight included; >= 1 */
    const char *spool;    /* path, made where there is none; NULL: none */
    const struct mixfeed_rows *rows; /* NULL: none; excludes spool; copied */
    size_t keep_bytes; /* limit of what is kept; 0: 64 MiB, of a spool 1 GiB */
    size_t batch;      /* points in a message at most; 0: 4096, or 256 KiB */
    void *zmq_context; /* NULL: its own */
    /* Called with the socket before it connects, for CURVE keys; may be NULL. */
    void (*prepare)(void *socket, void *context);
    void *prepare_context;
};

/* The three that have no default; the strings must live until mixfeed_open(). */
MIXFEED_API void mixfeed_options_init(struct mixfeed_options *options,
                                      const char *endpoint, const char *source,
                                      size_t columns);

/* ---- The feed ------------------------------------------------------------ */

struct mixfeed;

/* Opens the spool and connects. The daemon need not be there. Without a spool or rows
 * a source begins anew, which the daemon refuses if it knows the name (EREFUSED, 4).
 * NULL and the failure on an error. */
MIXFEED_API struct mixfeed *mixfeed_open(const struct mixfeed_options *options,
                                         struct mixfeed_failure *failure) MIXFEED_CHECKED;

/* Leaves as soon as the daemon knows, or after a quarter of a second. What is not safe
 * stays in the spool, and is gone without one. Accepts NULL and nulls the caller's
 * pointer. */
MIXFEED_API void mixfeed_close(struct mixfeed **feed);

/* Takes n rows (n x columns, row-major), all or none. With a spool they are on the disk
 * when it returns, so few calls with many rows are faster. Waits while keep_bytes are
 * not yet safe: EAGAIN after timeout_ms (-1: never), and when a signal came. EIO when
 * the disk is full: then they may be sent once more later. EINVAL for a feed of rows. */
MIXFEED_API enum mixfeed_err mixfeed_send(struct mixfeed *feed, const double *rows,
                                          size_t n, int timeout_ms) MIXFEED_CHECKED;

/* How far a point must be. */
enum mixfeed_mark {
    MIXFEED_APPLIED, /* in the model */
    MIXFEED_DURABLE, /* in the newest generation of the daemon's state */
    MIXFEED_SAFE     /* in both: nothing can lose it, and it is kept no longer */
};

/* Waits until all points are as far as that; EAGAIN as above. */
MIXFEED_API enum mixfeed_err mixfeed_flush_to(struct mixfeed *feed,
                                              enum mixfeed_mark mark,
                                              int timeout_ms) MIXFEED_CHECKED;
MIXFEED_API enum mixfeed_err mixfeed_flush(struct mixfeed *feed,
                                           int timeout_ms) MIXFEED_CHECKED;

/* Does what there is to do, and waits at most timeout_ms (-1: no limit) for something
 * to happen if there is nothing. OK, or the error that ended the feed. */
MIXFEED_API enum mixfeed_err mixfeed_work(struct mixfeed *feed,
                                          int timeout_ms) MIXFEED_CHECKED;

/* For a caller's own loop: to be polled for reading, and mixfeed_work() called with 0
 * whenever it is readable, after each mixfeed_send(), and after mixfeed_patience_ms()
 * (-1: no limit) at the latest. */
MIXFEED_API int mixfeed_descriptor(const struct mixfeed *feed);
MIXFEED_API int mixfeed_patience_ms(const struct mixfeed *feed);

/* How far the points are: the last number each. safe <= durable <= applied; applied and
 * durable fall back when the daemon was killed, until they are there again. */
struct mixfeed_marks {
    uint64_t safe, durable, applied;
    uint64_t sent;     /* given to ZeroMQ */
    uint64_t newest;   /* taken by mixfeed_send(), also in an earlier run */
    bool is_connected; /* the daemon knows the source, at the last look */
};
MIXFEED_API struct mixfeed_marks mixfeed_marks(const struct mixfeed *feed);

/* A number of the caller's own, kept in the spool together with the rows that are sent
 * next: how far its input was read, say. 0 at first. */
MIXFEED_API void mixfeed_set_note(struct mixfeed *feed, uint64_t note);
MIXFEED_API uint64_t mixfeed_note(const struct mixfeed *feed);

/* The last failure. */
MIXFEED_API const struct mixfeed_failure *mixfeed_failure(const struct mixfeed *feed);

#ifdef __cplusplus
}
#endif

#endif
