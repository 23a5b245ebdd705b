/* SPDX-License-Identifier: MIT
 *
 * What backlogs have in common, and the one whose rows are the caller's. */
#include "backlog.h"

#include <endian.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

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

bool failure_is_passing(enum mixfeed_err err)
{
    return err <= MIXFEED_EAGAIN;
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

/* ---- With the caller ----------------------------------------------------- */

struct pull {
    struct backlog backlog;
    struct mixfeed_rows rows;
};

static enum mixfeed_err pull_read(struct backlog *backlog, uint64_t seq, size_t n,
                                  void *buffer, struct portion *portion,
                                  struct mixfeed_failure *failure)
{
    struct pull *pull = (struct pull *)backlog;
    *portion = (struct portion){.rows = buffer, .n = n};
    if (!pull->rows.read(pull->rows.context, seq, n, buffer)) {
        return failure_fill(failure, MIXFEED_EIO, "points from %llu on cannot be read",
                            (unsigned long long)seq);
    }
    backlog_to_wire(buffer, buffer, n * backlog->row_size / sizeof(double));
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
