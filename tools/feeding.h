/* SPDX-License-Identifier: MIT
 *
 * The way of the points through mixfeed: source, message, socket, ledger. */
#ifndef FEEDING_H
#define FEEDING_H

#include <stdbool.h>

#include "columns.h"
#include "locate.h"
#include "tool.h"

/* What the command line says. */
struct feed_options {
    struct place place;
    struct columns_options columns; /* of files */
    const char *source;             /* INPUT */
    const char *stream;             /* NULL: the only one */
    const char *endpoint;           /* NULL: as the daemon says */
    bool binds;                     /* there, instead of connecting */
    const char *format;             /* of the messages; NULL: as the stream has it */
    double batch;                   /* 0: found */
    double rate;                    /* points a second; 0: not given */
    double speed;                   /* times the pace of the time column; 0: not given */
    double count;                   /* points; 0: all */
    double skip;                    /* rows left out at the beginning */
    bool has_since;
    double since;      /* rows with an earlier time are left out, seconds since 1970 */
    double timeout_s;  /* patience without progress */
    bool no_drain;     /* leave without waiting for the ledger */
    bool is_reliable;  /* --reliable, with: */
    const char *name;  /* --source */
    const char *spool; /* NULL: none */
};

/* Opens the way, sends all points of the source, waits for the ledger, prints "sent N
 * accounted N", and closes the way. The failure says what went wrong. */
void feeding_run(const struct feed_options *options, struct failure *failure);

#endif
