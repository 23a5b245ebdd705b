/* SPDX-License-Identifier: MIT */
#include "dispatch.h"

#include <string.h>

#include "archive.h"
#include "commands.h"
#include "daemon.h"
#include "notify.h"
#include "reload.h"

/* Requests that may queue for one worker; further ones are refused. */
enum { LOAD_MAX = 10000 };

static const struct route *find_route(const struct daemon *daemon, const char *name)
{
    for (size_t i = 0; i < daemon->n_routes; i++) {
        if (strcmp(daemon->routes[i].config->name, name) == 0) {
            return &daemon->routes[i];
        }
    }
    return NULL;
}

/* NULL: the request has failed and can be replied to. */
static const struct route *need_route(const struct daemon *daemon,
                                      struct request *request)
{
    const char *name = json_string_value(json_object_get(request->arguments, "stream"));
    const struct route *route = find_route(daemon, name);
    if (route == NULL) {
        request_fail(request, CODE_UNKNOWN_STREAM, "stream: there is no stream \"%s\"",
                     name);
    }
    return route;
}

/* To the worker of the stream; false: it has failed and can be replied to. */
static bool ask_stream(struct daemon *daemon, struct request *request)
{
    const struct route *route = need_route(daemon, request);
    if (route == NULL) {
        return false;
    }
    if (worker_load(route->worker) >= LOAD_MAX) {
        request_fail(request, CODE_REFUSED, "too many requests wait: try again later");
        return false;
    }
    request->stream = route->stream;
    worker_ask(route->worker, request);
    return true;
}

/* A part to every worker; the request itself waits for them. */
static void ask_every(struct daemon *daemon, struct request *request)
{
    request->n_parts = daemon->n_workers;
    for (size_t i = 0; i < daemon->n_workers; i++) {
        struct request *part = request_new(REQUEST_COMMAND);
        part->command = request->command;
        part->gather = request;
        worker_ask(daemon->workers[i], part);
    }
}

/* The streams of the configuration's order come out in the order of the workers, which
 * is no promise: JSON objects have none. */
static void merge_part(struct request *whole, struct request *part)
{
    if (whole->reply == NULL) {
        whole->reply = json_incref(part->reply);
    } else if (part->reply != NULL) {
        json_object_update(json_object_get(whole->reply, "streams"),
                           json_object_get(part->reply, "streams"));
    }
    if (part->code != CODE_OK) {
        request_fail(whole, part->code, "%s", part->error);
    }
    request_destroy(&part);
    whole->n_parts--;
}

/* The main thread's part, and the reply. */
static void complete(struct daemon *daemon, struct request *request)
{
    if (request->code == CODE_OK && request->command->here != NULL) {
        request->command->here(daemon, request);
    }
    control_reply(daemon->control, &request);
}

void dispatch_request(struct daemon *daemon, struct request *request)
{
    if (request->code != CODE_OK) {
        control_reply(daemon->control, &request);
        return;
    }
    if (daemon->is_stopping && request->command->place != COMMAND_HERE) {
        request_fail(request, CODE_REFUSED, "the daemon stops");
        control_reply(daemon->control, &request);
        return;
    }
    switch (request->command->place) {
    case COMMAND_HERE:
        complete(daemon, request);
        break;
    case COMMAND_RELOAD:
        reload_begin(daemon, request);
        break;
    case COMMAND_CHECKPOINT:
        checkpoint_ask(daemon, request);
        break;
    case COMMAND_HISTORY:
        if (need_route(daemon, request) != NULL) {
            archive_ask(daemon, request);
        } else {
            control_reply(daemon->control, &request);
        }
        break;
    case COMMAND_STREAM:
        if (!ask_stream(daemon, request)) {
            control_reply(daemon->control, &request);
        }
        break;
    case COMMAND_EVERY:
        ask_every(daemon, request);
        break;
    }
}

void dispatch_answer(struct daemon *daemon, struct request *request)
{
    if (request->kind == REQUEST_SETTLE) {
        request_destroy(&request);
    } else if (request->kind == REQUEST_PING) {
        request_destroy(&request);
        if (--daemon->n_pinged == 0) {
            notify_watchdog();
        }
    } else if (request->kind == REQUEST_RENEW) {
        reload_answer(daemon, request);
    } else if (request->kind == REQUEST_CAPTURE) {
        checkpoint_answer(daemon, request);
    } else if (request->gather == NULL) {
        complete(daemon, request);
    } else {
        struct request *whole = request->gather;
        merge_part(whole, request);
        if (whole->n_parts == 0) {
            complete(daemon, whole);
        }
    }
}
