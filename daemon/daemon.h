/* SPDX-License-Identifier: MIT
 *
 * The daemon: what the main thread holds, and the stages in which it starts and stops.
 * Only the ring around the loop knows this struct: daemon, loop, dispatch, here. */
#ifndef DAEMON_H
#define DAEMON_H

#include <czmq.h>
#include <stdbool.h>
#include <stddef.h>

#include "checkpoint.h"
#include "config.h"
#include "control.h"
#include "fault.h"
#include "moment.h"
#include "publisher.h"
#include "reload.h"
#include "state.h"
#include "worker.h"

/* Where requests for a stream go. */
struct route {
    const struct stream_config *config;
    struct stream *stream;    /* its worker's: here it is only handed on */
    struct strings endpoints; /* of its feed, as bound; owned */
    struct worker *worker;
};

struct daemon {
    const struct config *config; /* as it was at the start: nothing of it ever changes */
    const char *state_option;    /* --state, for a reload; NULL: none */
    struct config *renewed;      /* the last one that was reloaded; NULL: none */
    struct reload reload;
    char instance[37]; /* uuid of this start */
    struct moment started;
    zloop_t *loop;
    int signal_fd;
    unsigned n_stop_signals; /* SIGTERM and SIGINT so far; the third ends at once */
    struct state *state;
    bool start_afresh; /* --init */
    struct checkpoint checkpoint;
    struct archive *archive; /* history of models */
    struct publisher *publisher;
    bool is_showing; /* a timer sends last frames to new subscribers */
    struct control *control;
    size_t n_routes;
    struct route *routes; /* one a stream, in the order of the configuration */
    size_t n_workers;
    struct worker **workers;
    size_t n_stopped; /* workers that have */
    size_t n_pinged;  /* workers that have not answered the watchdog's ping */
    bool is_stopping;
    struct fault fault; /* why it ends, other than by request */
};

/* Starts all stages, runs until it is told to stop, and stops them in reverse. Returns
 * the exit code; the fault is filled in unless it is 0. */
int daemon_run(struct daemon *daemon);

/* Begins to stop in order: workers first, the loop ends when all of them have. */
void daemon_stop(struct daemon *daemon);

/* The configuration in effect. */
const struct config *daemon_config(const struct daemon *daemon);

/* Endpoints as bound: {"publish": […], "control": "…", "streams": {NAME: […]}}. */
json_t *daemon_endpoints(const struct daemon *daemon);

#endif
