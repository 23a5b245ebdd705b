/* SPDX-License-Identifier: MIT
 *
 * The one log sink. Lines are put together on the stack and leave in one write():
 * nothing is allocated. */
#include "log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "utf8.h"

/* One row a level: its name, and the number of syslog(3) that journald reads as "<N>"
 * at the start of a line. */
static const struct {
    const char *name;
    int priority;
} levels[] = {
    [LEVEL_DEBUG] = {"debug", 7},
    [LEVEL_INFO] = {"info", 6},
    [LEVEL_WARN] = {"warn", 4},
    [LEVEL_ERROR] = {"error", 3},
};

/* The sink. Level and format change on a reload while other threads write. The mutex
 * is held for a poll() and a write() that do not wait: without it two threads could
 * see the same last room in a pipe, and one of them would wait for its reader. */
static struct {
    atomic_int level;
    atomic_int format;
    atomic_ullong dropped;
    pthread_mutex_t mutex;
    struct log_limit limit; /* of all lines, under the mutex */
} sink = {
    .level = LEVEL_INFO,
    .format = LOG_TEXT,
    .mutex = PTHREAD_MUTEX_INITIALIZER,
    .limit = {.lines = LOG_LINES_MAX, .period_ms = LOG_PERIOD_MS, .start_ms = INT64_MIN}};

void log_configure(enum log_level level, enum log_format format)
{
    atomic_store(&sink.level, (int)level);
    atomic_store(&sink.format, (int)format);
}

bool log_is_enabled(enum log_level level)
{
    return (int)level >= atomic_load(&sink.level);
}

uint64_t log_dropped(void)
{
    return atomic_load(&sink.dropped);
}

/* One character of text as it is, or one byte of it as \xNN, appended to out at *end
 * if it fits below size. Returns the bytes of text used, 0 when it does not fit. */
static size_t escape_one(char *out, size_t size, size_t *end, const char *text,
                         size_t length)
{
    const size_t n = utf8_size(text, length);
    const unsigned char byte = (unsigned char)text[0];
    const bool is_plain = n > 1 || (n == 1 && byte >= 0x20 && byte != 0x7f);
    const size_t need = is_plain ? n : 4;
    if (*end + need >= size) {
        return 0;
    }
    if (is_plain) {
        memcpy(out + *end, text, n);
    } else {
        snprintf(out + *end, size - *end, "\\x%02x", byte);
    }
    *end += need;
    return is_plain ? n : 1;
}

char *log_escape(char *out, size_t size, const char *text, size_t length)
{
    size_t end = 0;
    size_t cut = 0; /* where "..." still fits */
    for (size_t i = 0; i < length;) {
        const size_t used = escape_one(out, size, &end, text + i, length - i);
        if (used == 0) {
            memcpy(out + cut, "...", 4);
            return out;
        }
        i += used;
        if (end + 4 <= size) {
            cut = end;
        }
    }
    out[end] = '\0';
    return out;
}

/* True if standard error goes to the journal: systemd gives device and inode. */
static bool is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat about;
    unsigned long long device, inode;
    return stream != NULL && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
           fstat(STDERR_FILENO, &about) == 0 && about.st_dev == device &&
           about.st_ino == inode;
}

/* The message as a JSON string without its quotes. It is already free of control
 * bytes; what does not fit is cut. */
static void json_escape(char *out, size_t size, const char *text)
{
    size_t end = 0;
    for (const char *c = text; *c != '\0' && end + 3 < size; c++) {
        if (*c == '"' || *c == '\\') {
            out[end++] = '\\';
        }
        out[end++] = *c;
    }
    out[end] = '\0';
}

/* The message as a line in the format of the sink. Returns its length. */
static size_t format_line(char line[LOG_LINE_SIZE], enum log_level level,
                          const char *message)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    const unsigned ms = (unsigned)(now.tv_nsec / 1000000);
    if (atomic_load(&sink.format) == LOG_JSON) {
        char json[LOG_LINE_SIZE - 80]; /* 80: the longest frame around it */
        json_escape(json, sizeof(json), message);
        snprintf(line, LOG_LINE_SIZE,
                 "{\"time\": %lld.%03u, \"level\": \"%s\", \"message\": \"%s\"}\n",
                 (long long)now.tv_sec, ms, levels[level].name, json);
    } else if (is_journal()) {
        snprintf(line, LOG_LINE_SIZE, "<%d>%s\n", levels[level].priority, message);
    } else {
        struct tm utc;
        char date[24];
        gmtime_r(&now.tv_sec, &utc);
        strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &utc);
        snprintf(line, LOG_LINE_SIZE, "%s.%03uZ %s: %s\n", date, ms, levels[level].name,
                 message);
    }
    return strlen(line);
}

static void write_line(const char *line, size_t length)
{
    struct pollfd reader = {.fd = STDERR_FILENO, .events = POLLOUT};
    pthread_mutex_lock(&sink.mutex);
    const bool is_written = poll(&reader, 1, 0) == 1 && (reader.revents & POLLOUT) != 0 &&
                            write(STDERR_FILENO, line, length) == (ssize_t)length;
    pthread_mutex_unlock(&sink.mutex);
    if (!is_written) {
        atomic_fetch_add(&sink.dropped, 1);
    }
}

static void write_arguments(enum log_level level, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));
static void write_arguments(enum log_level level, const char *format, va_list arguments)
{
    char raw[LOG_LINE_SIZE];
    char message[LOG_LINE_SIZE - 80];
    char line[LOG_LINE_SIZE];
    vsnprintf(raw, sizeof(raw), format, arguments);
    log_escape(message, sizeof(message), raw, strlen(raw));
    write_line(line, format_line(line, level, message));
}

/* Past the limit of all lines. */
static void write_now(enum log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void write_now(enum log_level level, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    write_arguments(level, format, arguments);
    va_end(arguments);
}

/* ---- Limits ---------------------------------------------------------------- */

/* Begins a period when the last one is over. Returns what was left out in that. */
static uint64_t begin_period(struct log_limit *limit, int64_t now_ms)
{
    const uint64_t suppressed = limit->suppressed;
    if (limit->start_ms != INT64_MIN && now_ms - limit->start_ms < limit->period_ms) {
        return 0;
    }
    limit->start_ms = now_ms;
    limit->written = 0;
    limit->suppressed = 0;
    return suppressed;
}

static bool admit(struct log_limit *limit)
{
    const bool is_admitted = limit->written < limit->lines;
    limit->written += is_admitted;
    limit->suppressed += !is_admitted;
    return is_admitted;
}

static void tell_suppressed(uint64_t n)
{
    if (n > 0) {
        write_now(LEVEL_WARN, "log: suppressed %llu lines over %d a second",
                  (unsigned long long)n, LOG_LINES_MAX);
    }
}

void log_tick(int64_t now_ms)
{
    pthread_mutex_lock(&sink.mutex);
    const uint64_t n = begin_period(&sink.limit, now_ms);
    pthread_mutex_unlock(&sink.mutex);
    tell_suppressed(n);
}

static int64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Whether a line may leave, by the limit of all. */
static bool may_leave(enum log_level level)
{
    if (level == LEVEL_DEBUG || level == LEVEL_ERROR) {
        return true;
    }
    const int64_t now_ms = monotonic_ms();
    pthread_mutex_lock(&sink.mutex);
    const uint64_t n = begin_period(&sink.limit, now_ms);
    const bool is_admitted = admit(&sink.limit);
    pthread_mutex_unlock(&sink.mutex);
    tell_suppressed(n);
    return is_admitted;
}

void log_write(enum log_level level, const char *format, ...)
{
    if (!log_is_enabled(level) || !may_leave(level)) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    write_arguments(level, format, arguments);
    va_end(arguments);
}

void log_limit_tick(struct log_limit *limit, int64_t now_ms, enum log_level level)
{
    const uint64_t n = begin_period(limit, now_ms);
    if (n > 0) {
        log_write(level, "%s%ssuppressed %llu lines like the last one", limit->subject,
                  limit->subject[0] != '\0' ? ": " : "", (unsigned long long)n);
    }
}

void log_limited(struct log_limit *limit, int64_t now_ms, enum log_level level,
                 const char *format, ...)
{
    if (!log_is_enabled(level)) {
        return;
    }
    log_limit_tick(limit, now_ms, level);
    if (!admit(limit) || !may_leave(level)) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    write_arguments(level, format, arguments);
    va_end(arguments);
}
