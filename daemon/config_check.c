/* SPDX-License-Identifier: MIT
 *
 * What no single row of the table can say: about the daemon, and streams together. */
#define _GNU_SOURCE /* sched_getaffinity(), since sysconf() does not see it */
#include "config_check.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config_text.h"
#include "xalloc.h"

static unsigned default_workers(void)
{
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    const int n = sched_getaffinity(0, sizeof(cpus), &cpus) == 0 ? CPU_COUNT(&cpus) : 1;
    return n > 1 ? (unsigned)n - 1 : 1;
}

/* The first folder of $STATE_DIRECTORY, which systemd separates by colons. */
static char *state_from_environment(void)
{
    const char *folders = getenv("STATE_DIRECTORY");
    if (folders == NULL || folders[0] != '/') {
        return NULL;
    }
    return xformat("%.*s", (int)strcspn(folders, ":"), folders);
}

static char *state_from_option(const char *option)
{
    char *here = getcwd(NULL, 0);
    char *path = path_in_folder(here != NULL ? here : "/", option);
    free(here);
    return path;
}

static void fill_state(struct config *config, const char *override, const char *folder)
{
    if (override != NULL) {
        free(config->state_path);
        config->state_path = state_from_option(override);
    }
    if (config->state_path == NULL) {
        config->state_path = state_from_environment();
    }
    if (config->state_path == NULL) {
        config->state_path = path_in_folder(folder, "mixd-state");
    }
}

/* control.bind lies in the state unless it is given. */
static void fill_control(struct config *config, struct endpoint_entries *endpoints,
                         struct findings *findings)
{
    const struct config_key *key = config_key_find("control.bind");
    struct place *place = &config->places[key - config_keys];
    if (place->line > 0) {
        return;
    }
    char *text = xformat("ipc://%s/control.sock", config->state_path);
    const struct place state = config->places[config_key_find("state") - config_keys];
    struct node node = {.kind = NODE_SCALAR, .place = state, .text = text};
    const struct setting setting = {.key = key,
                                    .base = config,
                                    .folder = "/",
                                    .findings = findings,
                                    .endpoints = endpoints};
    key->type->set(&setting, &node);
    free(text);
}

static int compare_endpoints(const void *left, const void *right)
{
    const struct endpoint_entry *a = left;
    const struct endpoint_entry *b = right;
    const int order = strcmp(a->text, b->text);
    if (order != 0) {
        return order;
    }
    if (a->place.line != b->place.line) {
        return a->place.line < b->place.line ? -1 : 1;
    }
    return a->order < b->order ? -1 : 1;
}

/* Two subscriptions of different streams to one publisher are as ZeroMQ means it; two
 * pulling from one sender would each get half of the points, unseen. */
static bool may_share(const struct endpoint_entry *a, const struct endpoint_entry *b)
{
    if (a->use != ENDPOINT_CONNECT || b->use != ENDPOINT_CONNECT || a->base == b->base) {
        return false;
    }
    const struct stream_config *one = a->base;
    const struct stream_config *other = b->base;
    return one->feed.type == FEED_SUB && other->feed.type == FEED_SUB;
}

static void check_endpoints(struct endpoint_entries *endpoints, struct findings *findings)
{
    if (endpoints->n > 0) {
        qsort(endpoints->item, endpoints->n, sizeof(*endpoints->item), compare_endpoints);
    }
    for (size_t i = 1; i < endpoints->n; i++) {
        const struct endpoint_entry *a = &endpoints->item[i - 1];
        const struct endpoint_entry *b = &endpoints->item[i];
        if (strcmp(a->text, b->text) != 0 || may_share(a, b)) {
            continue;
        }
        /* A default has no line and comes first. */
        if (a->place.line > 0) {
            findings_add(findings, b->place, "%s '%s' stands twice, first on line %d",
                         config_key_name(b->key), b->text, a->place.line);
        } else {
            findings_add(findings, b->place, "%s '%s' is the default of %s",
                         config_key_name(b->key), b->text, config_key_name(a->key));
        }
    }
}

/* Two streams that record into one folder. */
static void check_recordings(const struct config *config, struct findings *findings)
{
    static const char path[] = "streams.*.record";
    for (size_t i = 0; i < config->n_streams; i++) {
        const struct stream_config *stream = &config->streams[i];
        for (size_t j = 0; j < i && stream->record_path != NULL; j++) {
            const struct stream_config *other = &config->streams[j];
            if (other->record_path != NULL &&
                strcmp(stream->record_path, other->record_path) == 0) {
                findings_add(findings, config_place(stream, path),
                             "record '%s' stands twice, first on line %d",
                             stream->record_path, config_place(other, path).line);
            }
        }
    }
}

void config_check(struct config *config, const char *state_override, const char *folder,
                  struct endpoint_entries *endpoints, struct findings *findings)
{
    if (config->workers == 0) {
        config->workers = default_workers();
    }
    fill_state(config, state_override, folder);
    fill_control(config, endpoints, findings);
    for (size_t i = 0; i < config->n_streams; i++) {
        config_check_stream(&config->streams[i], findings);
    }
    check_endpoints(endpoints, findings);
    check_recordings(config, findings);
}
