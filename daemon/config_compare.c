/* SPDX-License-Identifier: MIT
 *
 * What a reload would change: the values of the table's keys as they are printed, and
 * streams that came or went. */
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "config_keys.h"
#include "config_value.h"
#include "xalloc.h"

static void add(struct config_changes *changes, struct config_change change)
{
    changes->item = xrealloc(changes->item, changes->n + 1, sizeof(*changes->item));
    changes->item[changes->n++] = change;
}

static bool is_equal(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Where a key is in the configuration or in a stream. */
struct scope {
    const char *stream; /* NULL: the configuration itself */
    const void *base;
    const struct place *places;
};

static void compare_keys(struct config_changes *changes, const struct scope *from,
                         const struct scope *to)
{
    for (size_t i = 0; i < config_keys_n; i++) {
        const struct config_key *key = &config_keys[i];
        if (config_key_is_of_stream(key) != (from->stream != NULL)) {
            continue;
        }
        char *before = config_key_value(key, from->base);
        char *after = config_key_value(key, to->base);
        if (is_equal(before, after)) {
            free(before);
            free(after);
            continue;
        }
        add(changes,
            (struct config_change){
                .path = from->stream != NULL
                            ? xformat("streams.%s.%s", from->stream, config_key_name(key))
                            : xstrdup(key->path),
                .from = before,
                .to = after,
                .is_live = key->is_live,
                .line = to->places[i].line,
            });
    }
}

/* The stream of that name, most often in the same place. */
static const struct stream_config *find_stream(const struct config *config,
                                               const char *name, size_t guess)
{
    if (guess < config->n_streams && strcmp(config->streams[guess].name, name) == 0) {
        return &config->streams[guess];
    }
    for (size_t i = 0; i < config->n_streams; i++) {
        if (strcmp(config->streams[i].name, name) == 0) {
            return &config->streams[i];
        }
    }
    return NULL;
}

const struct stream_config *config_find_stream(const struct config *config,
                                               const char *name)
{
    return find_stream(config, name, 0);
}

void config_adopt(struct stream_config *stream, const struct stream_config *from)
{
    for (size_t i = 0; i < config_keys_n; i++) {
        const struct config_key *key = &config_keys[i];
        if (config_key_is_of_stream(key) && key->is_live && key->type->clear == NULL) {
            memcpy((char *)stream + key->offset, (const char *)from + key->offset,
                   key->size);
        }
    }
}
static struct scope scope_of(const struct stream_config *stream)
{
    return (struct scope){stream->name, stream, stream->places};
}

/* A stream that goes takes its model with it, and one that comes needs its place among
 * the workers: both need a restart. */
static void compare_streams(struct config_changes *changes, const struct config *from,
                            const struct config *to)
{
    for (size_t i = 0; i < from->n_streams; i++) {
        const struct stream_config *before = &from->streams[i];
        const struct stream_config *after = find_stream(to, before->name, i);
        if (after == NULL) {
            add(changes,
                (struct config_change){.path = xformat("streams.%s", before->name),
                                       .from = xstrdup("a stream")});
            continue;
        }
        const struct scope old_scope = scope_of(before);
        const struct scope new_scope = scope_of(after);
        compare_keys(changes, &old_scope, &new_scope);
    }
    for (size_t i = 0; i < to->n_streams; i++) {
        const struct stream_config *after = &to->streams[i];
        if (find_stream(from, after->name, i) == NULL) {
            add(changes,
                (struct config_change){.path = xformat("streams.%s", after->name),
                                       .to = xstrdup("a stream"),
                                       .line = after->place.line});
        }
    }
}

struct config_changes config_compare(const struct config *from, const struct config *to)
{
    struct config_changes changes = {0};
    const struct scope old_scope = {NULL, from, from->places};
    const struct scope new_scope = {NULL, to, to->places};
    compare_keys(&changes, &old_scope, &new_scope);
    compare_streams(&changes, from, to);
    return changes;
}

void config_changes_clear(struct config_changes *changes)
{
    for (size_t i = 0; i < changes->n; i++) {
        free(changes->item[i].path);
        free(changes->item[i].from);
        free(changes->item[i].to);
    }
    free(changes->item);
    *changes = (struct config_changes){0};
}
