/* SPDX-License-Identifier: MIT
 *
 * A progress line on standard error: bar, rate and time left. On a terminal only;
 * elsewhere nothing is printed. */
#ifndef PROGRESS_H
#define PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress {
    bool is_shown;    /* standard error is a terminal */
    bool is_drawn;    /* a line stands there that must be cleared */
    double started_s; /* tool_clock() of the start */
    double drawn_s;   /* tool_clock() of the last line */
};

/* What there is to show. */
struct progress_state {
    double share;     /* done of all, 0..1; NaN: unknown */
    uint64_t points;  /* done; 0: nothing is counted, and no pace shown */
    const char *note; /* shown at the end of the line, or NULL */
};

struct progress progress_start(void);
/* Draws the line, at most ten times a second unless is_last. */
void progress_show(struct progress *progress, const struct progress_state *state,
                   bool is_last);
/* Takes the line away, before something else is printed. */
void progress_clear(struct progress *progress);

/* The line itself, at most width columns and without an end of line: what has been
 * done in elapsed_s seconds. */
void progress_text(const struct progress_state *state, double elapsed_s, size_t width,
                   char *text, size_t size);

#endif
