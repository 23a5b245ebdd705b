/* SPDX-License-Identifier: MIT */
#include "reload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_text.h"
#include "daemon.h"
#include "log.h"
#include "notify.h"
#include "xalloc.h"

enum {
    LINES_MAX = 50,       /* more lines of one reload are not logged, */
    LINES_A_SECOND = 100, /* and more of all reloads neither */
};

#define say(reload, level, ...)                                                          \
    log_limited(&(reload)->log, moment_now().ms, level, __VA_ARGS__)

/* ---- The end of a reload --------------------------------------------------- */

static json_t *changes_json(const struct config_changes *changes)
{
    json_t *list = json_array();
    for (size_t i = 0; i < changes->n; i++) {
        const struct config_change *change = &changes->item[i];
        json_array_append_new(list, json_pack("{s:s, s:s?, s:s?}", "key", change->path,
                                              "from", change->from, "to", change->to));
    }
    return list;
}

static void log_changes(struct reload *reload)
{
    const struct config_changes *changes = &reload->changes;
    for (size_t i = 0; i < changes->n && i < LINES_MAX; i++) {
        const struct config_change *change = &changes->item[i];
        say(reload, LEVEL_INFO, "reload: %s: %s -> %s", change->path,
            change->from != NULL ? change->from : "absent",
            change->to != NULL ? change->to : "absent");
    }
    say(reload, LEVEL_INFO, "reloaded: %zu key%s changed", changes->n,
        changes->n == 1 ? "" : "s");
}

/* Replies, and is ready for the next reload. */
static void finish(struct daemon *daemon)
{
    struct reload *reload = &daemon->reload;
    const bool is_done = reload->error == NULL;
    reload->n_done += is_done ? 1 : 0;
    reload->n_refused += is_done ? 0 : 1;
    if (reload->request != NULL && is_done) {
        reload->request->reply =
            json_pack("{s:o}", "changes", changes_json(&reload->changes));
    } else if (reload->request != NULL) {
        request_fail(reload->request, CODE_REFUSED, "%s", reload->error);
    }
    if (reload->request != NULL) {
        control_reply(daemon->control, &reload->request);
    }
    reload_clear(reload);
    notify_ready();
    if (reload->is_wanted_again) {
        reload->is_wanted_again = false;
        reload_begin(daemon, NULL);
    }
}

static void refuse(struct daemon *daemon, const char *error, size_t n_more)
{
    struct reload *reload = &daemon->reload;
    say(reload, LEVEL_WARN, "reload refused, the configuration stays as it is");
    reload->error =
        n_more == 0 ? xstrdup(error) : xformat("%s (and %zu more)", error, n_more);
    finish(daemon);
}

/* ---- Steps ----------------------------------------------------------------- */

/* The main thread's sockets take their step first. */
static bool take_here(struct daemon *daemon, enum renewal_step step, struct fault *fault)
{
    struct attachment *publish = publisher_attachment(daemon->publisher);
    struct attachment *control = &daemon->control->attachment;
    if (step != RENEWAL_TRY) {
        attachment_settle(publish, step == RENEWAL_DONE);
        attachment_settle(control, step == RENEWAL_DONE);
        return true;
    }
    const struct config *next = daemon->reload.next;
    struct strings list = {0};
    strings_add(&list, next->control_bind);
    const bool is_moved = attachment_move(publish, true, &next->publish_bind, fault) &&
                          attachment_move(control, true, &list, fault);
    strings_clear(&list);
    return is_moved;
}

static void note_error(struct reload *reload, const char *error)
{
    say(reload, LEVEL_WARN, "reload: %s", error);
    if (reload->error == NULL) {
        reload->error = xstrdup(error);
    }
}

static void take_step(struct daemon *daemon, enum renewal_step step)
{
    struct reload *reload = &daemon->reload;
    struct fault fault = {0};
    reload->step = step;
    if (!take_here(daemon, step, &fault)) {
        note_error(reload, fault.text);
    }
    reload->n_waiting = daemon->n_workers;
    for (size_t i = 0; i < daemon->n_workers; i++) {
        struct request *request = request_new(REQUEST_RENEW);
        request->step = step;
        request->renewal = reload->next;
        worker_ask(daemon->workers[i], request);
    }
}

/* Endpoints as bound, as a worker tells them: {NAME: [...]}. */
static void note_endpoints(struct daemon *daemon, const json_t *streams)
{
    for (size_t i = 0; i < daemon->n_routes; i++) {
        struct route *route = &daemon->routes[i];
        const json_t *list = json_object_get(streams, route->config->name);
        if (list == NULL) {
            continue;
        }
        size_t index;
        json_t *endpoint;
        strings_clear(&route->endpoints);
        json_array_foreach(list, index, endpoint)
        {
            strings_add(&route->endpoints, json_string_value(endpoint));
        }
    }
}

/* All have changed over: the new configuration is the current one. */
static void change_over(struct daemon *daemon)
{
    struct reload *reload = &daemon->reload;
    struct fault fault = {0};
    log_changes(reload); /* at the level that was asked for until now */
    log_configure(reload->next->log_level, reload->next->log_format);
    config_destroy(&daemon->renewed);
    daemon->renewed = reload->next;
    reload->next = NULL;
    json_t *endpoints = daemon_endpoints(daemon);
    if (!state_write_endpoints(daemon->state, endpoints, &fault)) {
        say(reload, LEVEL_WARN, "%s", fault.text);
    }
    json_decref(endpoints);
}

void reload_answer(struct daemon *daemon, struct request *request)
{
    struct reload *reload = &daemon->reload;
    if (request->code != CODE_OK) {
        note_error(reload, request->error);
    }
    note_endpoints(daemon, request->reply);
    request_destroy(&request);
    reload->n_waiting--;
    if (reload->n_waiting > 0) {
        return;
    }
    if (reload->step == RENEWAL_TRY) {
        take_step(daemon, reload->error == NULL ? RENEWAL_DONE : RENEWAL_UNDO);
        return;
    }
    if (reload->step == RENEWAL_DONE) {
        change_over(daemon);
    } else {
        say(reload, LEVEL_WARN, "reload refused, the configuration stays as it is");
    }
    finish(daemon);
}

/* ---- The beginning --------------------------------------------------------- */

/* Refuses a change that is not live, with its line in the file. */
static bool check_changes(struct daemon *daemon)
{
    struct reload *reload = &daemon->reload;
    size_t n_refused = 0;
    char *first = NULL;
    for (size_t i = 0; i < reload->changes.n; i++) {
        const struct config_change *change = &reload->changes.item[i];
        if (change->is_live) {
            continue;
        }
        char line[16] = ""; /* what is gone has none */
        if (change->line > 0) {
            snprintf(line, sizeof(line), "%d:", change->line);
        }
        char *text =
            xformat("%s:%s %s: from %s to %s needs a restart", daemon->config->path, line,
                    change->path, change->from != NULL ? change->from : "absent",
                    change->to != NULL ? change->to : "absent");
        if (n_refused++ < LINES_MAX) {
            say(reload, LEVEL_WARN, "reload: %s", text);
        }
        if (first == NULL) {
            first = text;
        } else {
            free(text);
        }
    }
    if (first != NULL) {
        refuse(daemon, first, n_refused - 1);
        free(first);
    }
    return n_refused == 0;
}

static bool read_config(struct daemon *daemon)
{
    struct reload *reload = &daemon->reload;
    struct config_errors errors;
    int code;
    reload->next =
        config_read(daemon->config->path, daemon->state_option, &errors, &code);
    for (size_t i = 0; i < errors.n && i < LINES_MAX; i++) {
        say(reload, LEVEL_WARN, "reload: %s", errors.item[i]);
    }
    if (reload->next == NULL) {
        refuse(daemon, errors.item[0], errors.n - 1);
    }
    config_errors_clear(&errors);
    return reload->next != NULL;
}

void reload_begin(struct daemon *daemon, struct request *request)
{
    struct reload *reload = &daemon->reload;
    if (request != NULL && (reload->next != NULL || daemon->is_stopping)) {
        request_fail(request, CODE_REFUSED, "%s: try again later",
                     daemon->is_stopping ? "the daemon stops" : "a reload is under way");
        control_reply(daemon->control, &request);
        return;
    }
    if (reload->next != NULL || daemon->is_stopping) {
        reload->is_wanted_again = reload->next != NULL;
        return;
    }
    reload->request = request;
    notify_reloading();
    if (!read_config(daemon)) {
        return;
    }
    reload->changes = config_compare(daemon_config(daemon), reload->next);
    if (check_changes(daemon)) {
        take_step(daemon, RENEWAL_TRY);
    }
}

void reload_init(struct reload *reload)
{
    *reload = (struct reload){.log = LOG_LIMIT_INIT};
    reload->log.lines = LINES_A_SECOND;
}

void reload_clear(struct reload *reload)
{
    request_destroy(&reload->request);
    config_changes_clear(&reload->changes);
    config_destroy(&reload->next);
    free(reload->error);
    reload->error = NULL;
}
