/* SPDX-License-Identifier: MIT
 *
 * The points of an INPUT as rows of a stream: those that are asked for (--skip, --since,
 * --count), in portions, each with the time when it is due (--rate, --speed). */
#ifndef SUPPLY_H
#define SUPPLY_H

#include "feeding.h"
#include "gather.h"
#include "source.h"
#include "target.h"

struct supply {
    const struct feed_options *options;
    struct source *source;
    struct gather *gather;   /* the portion */
    bool is_eager;           /* a portion ends where more would have to be read */
    struct source_rows rows; /* the source's last, of which `used` are gathered */
    size_t used;
    uint64_t skipped;  /* rows that could not be read */
    uint64_t passed;   /* rows left out at the beginning, --skip and --since */
    bool has_begun;    /* a row was not */
    uint64_t gathered; /* points taken from the source */
    double started_s;  /* of the first point */
    double first_time; /* time of the first point, --speed */
    double last_time;  /* time of the last point gathered */
};

/* Opens the source. Where the target has no layout yet it is given that of the source.
 * False and the failure on an error; to be closed in any case. */
bool supply_open(struct supply *supply, const struct feed_options *options,
                 struct target *target, struct failure *failure);
void supply_close(struct supply *supply);

/* Whether points have to wait for their time. */
bool supply_is_paced(const struct supply *supply);

/* Gathers the next portion. False when there is none: at the end, on an error, then the
 * failure is set, or when the end is asked for. */
bool supply_next(struct supply *supply, struct failure *failure);
/* When the last point of the portion may go, by tool_clock(). */
double supply_due_s(const struct supply *supply);

/* Prints how many rows were left out, if there were. */
void supply_warn(const struct supply *supply);
/* Sets a failure when no row at all could be read. */
void supply_check(const struct supply *supply, struct failure *failure);

#endif
