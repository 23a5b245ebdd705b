/* SPDX-License-Identifier: MIT
 *
 * The backlogs that are no file: a ring of rows in memory, and rows of the caller's. */
#include "backlog.h"

#include <endian.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* Rows of the ring at first; it doubles when it is full. */
#define RING_FIRST 64

/* ---- Common -------------------------------------------------------------- */

enum mixfeed_err failure_fill(struct mixfeed_failure *failure, enum mixfeed_err err,
                              const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    *failure = (struct mixfeed_failure){.err = err};
    vsnprintf(failure->text, sizeof(failure->text), format, arguments);
    va_end(arguments);
    return err;
}

uint64_t backlog_incarnation(void)
{
    uint64_t random = 0;
    if (getrandom(&random, sizeof(random), 0) != sizeof(random)) {
        return 0;
    }
    return (random >> 2) + 1;
}

void backlog_to_wire(const double *from, void *to, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t bits;
        memcpy(&bits, from + i, sizeof(bits));
        bits = htole64(bits);
        memcpy((unsigned char *)to + i * sizeof(bits), &bits, sizeof(bits));
    }
}

void backlog_destroy(struct backlog **backlog)
{
    if (*backlog != NULL) {
        (*backlog)->kind->destroy(*backlog);
        *backlog = NULL;
    }
}

/* ---- In memory ----------------------------------------------------------- */

/* Point seq is row (seq - 1) mod capacity. */
struct ring {
    struct backlog backlog;
    unsigned char *rows;
    size_t capacity;
};

/* Copies n rows from seq on between the ring and a buffer, in the two pieces that the
 * end of the ring makes of them. */
static void copy_rows(struct ring *ring, uint64_t seq, size_t n, void *to,
                      const void *from)
{
    const size_t size = ring->backlog.row_size;
    size_t done = 0;
    while (done < n) {
        const size_t at = (size_t)((seq + done - 1) % ring->capacity);
        const size_t room = ring->capacity - at;
        const size_t piece = n - done < room ? n - done : room;
        if (from != NULL) {
            memcpy(ring->rows + at * size, (const char *)from + done * size,
                   piece * size);
        } else {
            memcpy((char *)to + done * size, ring->rows + at * size, piece * size);
        }
        done += piece;
    }
}

/* Makes room for n rows more. */
static bool grow(struct ring *ring, size_t n)
{
    const size_t held = (size_t)(ring->backlog.newest - ring->backlog.trimmed);
    if (held + n <= ring->capacity) {
        return true;
    }
    struct ring bigger = *ring;
    while (bigger.capacity < held + n) {
        bigger.capacity *= 2;
    }
    bigger.rows = malloc(bigger.capacity * ring->backlog.row_size);
    if (bigger.rows == NULL) {
        return false;
    }
    for (uint64_t seq = ring->backlog.trimmed + 1; seq <= ring->backlog.newest;) {
        const size_t at = (size_t)((seq - 1) % ring->capacity);
        const uint64_t left = ring->backlog.newest - seq + 1;
        const size_t room = ring->capacity - at;
        const size_t piece = left < room ? (size_t)left : room;
        copy_rows(&bigger, seq, piece, NULL, ring->rows + at * ring->backlog.row_size);
        seq += piece;
    }
    free(ring->rows);
    *ring = bigger;
    return true;
}

static enum mixfeed_err ring_append(struct backlog *backlog, const void *rows, size_t n,
                                    struct mixfeed_failure *failure)
{
    struct ring *ring = (struct ring *)backlog;
    if (!grow(ring, n)) {
        return failure_fill(failure, MIXFEED_ENOMEM, "out of memory for %zu points", n);
    }
    copy_rows(ring, backlog->newest + 1, n, NULL, rows);
    backlog->newest += n;
    return MIXFEED_OK;
}

static enum mixfeed_err ring_read(struct backlog *backlog, uint64_t seq, size_t n,
                                  void *rows, struct mixfeed_failure *failure)
{
    (void)failure;
    copy_rows((struct ring *)backlog, seq, n, rows, NULL);
    return MIXFEED_OK;
}

static void ring_trim(struct backlog *backlog, uint64_t safe)
{
    backlog->trimmed = safe > backlog->trimmed ? safe : backlog->trimmed;
}

static void ring_destroy(struct backlog *backlog)
{
    struct ring *ring = (struct ring *)backlog;
    free(ring->rows);
    free(ring);
}

struct backlog *backlog_memory_new(size_t columns)
{
    static const struct backlog_kind kind = {ring_append, ring_read, ring_trim,
                                             ring_destroy};
    struct ring *ring = calloc(1, sizeof(*ring));
    if (ring == NULL) {
        return NULL;
    }
    ring->backlog = (struct backlog){
        .kind = &kind,
        .row_size = columns * sizeof(double),
        .incarnation = backlog_incarnation(),
    };
    ring->capacity = RING_FIRST;
    ring->rows = malloc(RING_FIRST * ring->backlog.row_size);
    if (ring->rows == NULL || ring->backlog.incarnation == 0) {
        ring_destroy(&ring->backlog);
        return NULL;
    }
    return &ring->backlog;
}

/* ---- With the caller ----------------------------------------------------- */

struct pull {
    struct backlog backlog;
    struct mixfeed_rows rows;
};

static enum mixfeed_err pull_read(struct backlog *backlog, uint64_t seq, size_t n,
                                  void *rows, struct mixfeed_failure *failure)
{
    struct pull *pull = (struct pull *)backlog;
    if (!pull->rows.read(pull->rows.context, seq, n, rows)) {
        return failure_fill(failure, MIXFEED_EIO, "points from %llu on cannot be read",
                            (unsigned long long)seq);
    }
    backlog_to_wire(rows, rows, n * backlog->row_size / sizeof(double));
    return MIXFEED_OK;
}

/* The rows stay where they are, so the daemon may ask for all of them again. */
static void pull_trim(struct backlog *backlog, uint64_t safe)
{
    (void)backlog;
    (void)safe;
}

static void pull_destroy(struct backlog *backlog)
{
    free(backlog);
}

struct backlog *backlog_rows_new(size_t columns, const struct mixfeed_rows *rows)
{
    static const struct backlog_kind kind = {NULL, pull_read, pull_trim, pull_destroy};
    struct pull *pull = calloc(1, sizeof(*pull));
    if (pull == NULL) {
        return NULL;
    }
    pull->rows = *rows;
    pull->backlog = (struct backlog){
        .kind = &kind,
        .row_size = columns * sizeof(double),
        .incarnation = rows->incarnation,
        .newest = rows->n,
    };
    return &pull->backlog;
}
