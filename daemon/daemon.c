/* SPDX-License-Identifier: MIT */
#include "daemon.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "archive.h"
#include "config_text.h"
#include "listing.h"
#include "log.h"
#include "loop.h"
#include "notify.h"
#include "xalloc.h"

/* Stopping in order takes less than this, or something is stuck. */
enum { STOP_MS = 9000 };

/* ---- Stages ---------------------------------------------------------------- */

static bool start_loop(struct daemon *daemon)
{
    return loop_open(daemon);
}

static bool start_state(struct daemon *daemon)
{
    daemon->state = state_open(daemon->config->state_path, &daemon->fault);
    return daemon->state != NULL;
}

static void stop_state(struct daemon *daemon)
{
    state_close(&daemon->state);
}

static bool start_publisher(struct daemon *daemon)
{
    daemon->publisher = publisher_open(&daemon->config->publish_bind, &daemon->fault);
    if (daemon->publisher == NULL) {
        return false;
    }
    loop_add_publisher(daemon);
    return true;
}

static void stop_publisher(struct daemon *daemon)
{
    publisher_close(&daemon->publisher);
}

static bool start_control(struct daemon *daemon)
{
    daemon->control = control_open(daemon->config->control_bind, &daemon->fault);
    if (daemon->control == NULL) {
        return false;
    }
    loop_add_control(daemon);
    return true;
}

static void stop_control(struct daemon *daemon)
{
    control_close(&daemon->control);
}

/* Opens every feed here, so that a start that fails has a cause and a code, and all
 * endpoints are known; the sockets then go to their workers. */
static bool start_streams(struct daemon *daemon)
{
    const struct config *config = daemon->config;
    daemon->routes = xalloc(config->n_streams, sizeof(daemon->routes[0]));
    for (size_t i = 0; i < config->n_streams; i++) {
        struct stream *stream =
            stream_open(&config->streams[i], daemon->instance, &daemon->fault);
        if (stream == NULL) {
            return false;
        }
        daemon->routes[daemon->n_routes++] = (struct route){
            .config = &config->streams[i],
            .stream = stream,
        };
        checkpoint_restore(daemon, stream);
        if (!stream_begin(stream, &daemon->fault)) {
            return false;
        }
        strings_copy(&daemon->routes[i].endpoints, &stream->feed->attachment.now.bound);
    }
    return true;
}

/* Those that no worker has got. */
static void stop_streams(struct daemon *daemon)
{
    for (size_t i = 0; i < daemon->n_routes; i++) {
        if (daemon->routes[i].worker == NULL) {
            stream_close(&daemon->routes[i].stream);
        }
        strings_clear(&daemon->routes[i].endpoints);
    }
    free(daemon->routes);
    daemon->n_routes = 0;
}

/* Stream i belongs to worker i mod n. */
static bool start_worker(struct daemon *daemon, size_t index, size_t n_workers)
{
    struct stream **streams = xalloc(daemon->n_routes, sizeof(streams[0]));
    size_t n = 0;
    for (size_t i = index; i < daemon->n_routes; i += n_workers) {
        streams[n++] = daemon->routes[i].stream;
    }
    struct worker *worker = worker_start(streams, n, &daemon->fault);
    if (worker == NULL) {
        return false;
    }
    daemon->workers[daemon->n_workers++] = worker;
    for (size_t i = index; i < daemon->n_routes; i += n_workers) {
        daemon->routes[i].worker = worker;
    }
    return true;
}

static bool start_workers(struct daemon *daemon)
{
    const size_t wanted = daemon->config->workers;
    const size_t n = wanted < daemon->n_routes ? wanted : daemon->n_routes;
    daemon->workers = xalloc(n, sizeof(daemon->workers[0]));
    for (size_t i = 0; i < n; i++) {
        if (!start_worker(daemon, i, n)) {
            return false;
        }
    }
    loop_add_workers(daemon);
    return true;
}

static void stop_workers(struct daemon *daemon)
{
    for (size_t i = 0; i < daemon->n_workers; i++) {
        worker_end(&daemon->workers[i]);
    }
    free(daemon->workers);
    daemon->n_workers = 0;
}

static bool start_service(struct daemon *daemon)
{
    json_t *endpoints = daemon_endpoints(daemon);
    const bool is_written =
        state_write_endpoints(daemon->state, endpoints, &daemon->fault);
    json_decref(endpoints);
    if (!is_written) {
        return false;
    }
    loop_add_watchdog(daemon);
    notify_ready();
    log_info("ready: %zu stream%s, %zu worker%s, publishing on %s, control on %s",
             daemon->n_routes, daemon->n_routes == 1 ? "" : "s", daemon->n_workers,
             daemon->n_workers == 1 ? "" : "s",
             publisher_attachment(daemon->publisher)->now.bound.item[0],
             daemon->control->attachment.now.bound.item[0]);
    return true;
}

/* Started from the first to the last, stopped from the last to the first. */
static const struct stage {
    bool (*start)(struct daemon *daemon);
    void (*stop)(struct daemon *daemon); /* NULL: nothing to undo */
} stages[] = {
    {start_loop, loop_close},
    {start_state, stop_state},
    {checkpoint_open, checkpoint_clear},
    {start_publisher, stop_publisher},
    {start_control, stop_control},
    {archive_start, archive_end},
    {start_streams, stop_streams},
    {start_workers, stop_workers},
    {checkpoint_start, checkpoint_end},
    {start_service, NULL},
};

/* ---- Life ------------------------------------------------------------------ */

static void make_instance(char instance[static 37])
{
    zuuid_t *uuid = zuuid_new();
    snprintf(instance, 37, "%s", zuuid_str_canonical(uuid));
    zuuid_destroy(&uuid);
}

int daemon_run(struct daemon *daemon)
{
    const size_t n = sizeof(stages) / sizeof(stages[0]);
    size_t started = 0;
    make_instance(daemon->instance);
    reload_init(&daemon->reload);
    daemon->started = moment_now();
    while (started < n && stages[started].start(daemon)) {
        started++;
    }
    if (started == n) {
        loop_run(daemon);
    }
    /* A stage that fails part of its way is undone as well. */
    for (size_t i = started < n ? started + 1 : n; i > 0; i--) {
        if (stages[i - 1].stop != NULL) {
            stages[i - 1].stop(daemon);
        }
    }
    reload_clear(&daemon->reload);
    config_destroy(&daemon->renewed);
    return daemon->fault.code;
}

void daemon_stop(struct daemon *daemon)
{
    if (daemon->is_stopping) {
        return;
    }
    daemon->is_stopping = true;
    log_info("stopping");
    notify_stopping();
    loop_set_deadline(daemon, STOP_MS);
    for (size_t i = 0; i < daemon->n_workers; i++) {
        worker_ask(daemon->workers[i], request_new(REQUEST_STOP));
    }
}

const struct config *daemon_config(const struct daemon *daemon)
{
    return daemon->renewed != NULL ? daemon->renewed : daemon->config;
}

json_t *daemon_endpoints(const struct daemon *daemon)
{
    json_t *streams = json_object();
    for (size_t i = 0; i < daemon->n_routes; i++) {
        json_object_set_new(streams, daemon->routes[i].config->name,
                            listing_strings(&daemon->routes[i].endpoints));
    }
    return json_pack("{s:o, s:s, s:o}", "publish",
                     listing_strings(&publisher_attachment(daemon->publisher)->now.bound),
                     "control", daemon->control->attachment.now.bound.item[0], "streams",
                     streams);
}
