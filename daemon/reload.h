/* SPDX-License-Identifier: MIT
 *
 * Reading the configuration again while the daemon runs: all of it takes effect, or
 * nothing does. The main thread reads and compares; a key that is not live refuses the
 * reload. Then every worker tries what can fail (renewal.h), and when all have answered
 * they change over, or undo. Models, points and accounts are not touched. */
#ifndef RELOAD_H
#define RELOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "log.h"
#include "renewal.h"
#include "request.h"

struct daemon;

struct reload {
    struct config *next; /* what is being changed to; NULL: no reload is under way */
    struct config_changes changes;
    struct request *request; /* who asked, replied to at the end; NULL: a signal */
    enum renewal_step step;
    size_t n_waiting;           /* workers that have not answered this step */
    char *error;                /* the first thing that failed; NULL: nothing */
    bool is_wanted_again;       /* a signal came meanwhile */
    uint64_t n_done, n_refused; /* since the start */
    struct log_limit log;       /* signals may come thousands a second */
};

void reload_init(struct reload *reload);
/* Begins a reload, and takes the request over (NULL: a signal asked for it). */
void reload_begin(struct daemon *daemon, struct request *request);
/* Takes over what a worker answered to a step. */
void reload_answer(struct daemon *daemon, struct request *request);
/* At the end: releases all that is held. */
void reload_clear(struct reload *reload);

#endif
