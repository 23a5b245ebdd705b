/* SPDX-License-Identifier: MIT
 *
 * The one log sink: lines on standard error, as text or JSON. Every line is one
 * write(), so threads do not mix theirs; a reader that is gone or does not read
 * neither ends nor holds up the program: the line is dropped, and counted. */
#ifndef LOG_H
#define LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* <syslog.h>, which czmq.h includes, takes LOG_INFO and its like as macros. */
enum log_level { LEVEL_DEBUG, LEVEL_INFO, LEVEL_WARN, LEVEL_ERROR };
enum log_format { LOG_TEXT, LOG_JSON };

/* Longest line, longer ones end in "..."; less than PIPE_BUF, so that a line written
 * to a pipe is written whole. */
#define LOG_LINE_SIZE 2048

/* Sets what is written from now on: lines below the level are dropped. At start and
 * on a reload. Before the first call: info, text. */
void log_configure(enum log_level level, enum log_format format);
bool log_is_enabled(enum log_level level);

/* Writes a line. The message is one sentence without a full stop: object, value,
 * reason. Control bytes and invalid UTF-8 are written as \xNN, so a message cannot
 * forge a line. */
void log_write(enum log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
#define log_debug(...) log_write(LEVEL_DEBUG, __VA_ARGS__)
#define log_info(...) log_write(LEVEL_INFO, __VA_ARGS__)
#define log_warn(...) log_write(LEVEL_WARN, __VA_ARGS__)
#define log_error(...) log_write(LEVEL_ERROR, __VA_ARGS__)

/* Lines that could not be written since the start. */
uint64_t log_dropped(void);

/* Of lines between debug, which somebody asked for, and error, so many leave in a second,
 * whoever writes them: a thousand streams that are each within their limit would fill a
 * disk. How many were left out is written when the second is over. */
enum { LOG_LINES_MAX = 100, LOG_PERIOD_MS = 1000 };
/* Tells what was left out if the second is over; from a timer, so that the last count is
 * told as well. now_ms: monotonic. */
void log_tick(int64_t now_ms);

/* Within that, lets at most `lines` lines pass in `period_ms`; how many were left out is
 * written when the period is over. One for each kind of message that outsiders can cause.
 */
struct log_limit {
    unsigned lines;      /* in a period */
    unsigned period_ms;  /* length of the period */
    int64_t start_ms;    /* when the current period began, monotonic */
    unsigned written;    /* lines in the current period */
    uint64_t suppressed; /* lines left out in it */
    char subject[96];    /* whose lines they are, told with the count; may be "" */
};
#define LOG_LIMIT_INIT                                                                   \
    {                                                                                    \
        .lines = 10, .period_ms = 1000, .start_ms = INT64_MIN                            \
    }

/* Writes the line unless the limit is reached. now_ms: monotonic clock. */
void log_limited(struct log_limit *limit, int64_t now_ms, enum log_level level,
                 const char *format, ...) __attribute__((format(printf, 4, 5)));
/* Tells what was left out if the period is over; from a timer, so that the last count
 * is told as well. */
void log_limit_tick(struct log_limit *limit, int64_t now_ms, enum log_level level);

/* The text with control bytes, backslashes in \x form and invalid UTF-8 as \xNN, cut
 * to fit into size (>= 4) with "..." at its end. Returns out. */
char *log_escape(char *out, size_t size, const char *text, size_t length);

#endif
