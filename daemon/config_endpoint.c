/* SPDX-License-Identifier: MIT
 *
 * The types of configuration values that are endpoints. Every endpoint is noted with
 * its place, so that those which stand twice are found (config_check.c). */
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "config_text.h"
#include "config_value.h"
#include "endpoint.h"
#include "xalloc.h"

static void note(const struct setting *setting, const struct node *node,
                 const struct endpoint *endpoint, enum endpoint_use use)
{
    struct endpoint_entries *entries = setting->endpoints;
    /* A port that the system chooses is never the same. */
    if (endpoint->transport == ENDPOINT_TCP && endpoint->port == 0) {
        return;
    }
    if (entries->n == entries->capacity) {
        entries->capacity = entries->capacity > 0 ? 2 * entries->capacity : 16;
        entries->item =
            xrealloc(entries->item, entries->capacity, sizeof(*entries->item));
    }
    entries->item[entries->n] = (struct endpoint_entry){.text = xstrdup(endpoint->text),
                                                        .place = node->place,
                                                        .key = setting->key,
                                                        .base = setting->base,
                                                        .use = use,
                                                        .order = entries->n};
    entries->n++;
}

/* Reads one endpoint. False with a finding if it is none, or open to other hosts. */
static bool read_endpoint(const struct setting *setting, const struct node *node,
                          enum endpoint_use use, struct endpoint *endpoint)
{
    static const char needs_curve[] =
        "a bind that other hosts reach needs curve.secret and curve.allow, which this "
        "version does not have: use 127.0.0.1 or [::1]";
    const char *problem;
    if (!value_is_text(node)) {
        value_refuse(setting, node, "is not an endpoint",
                     "tcp://ADDRESS:PORT or ipc://PATH");
        return false;
    }
    if (!endpoint_parse(endpoint, node->text, use, setting->folder, &problem)) {
        const bool is_open = use == ENDPOINT_BIND && endpoint->is_named;
        value_refuse(setting, node, problem, is_open ? needs_curve : NULL);
        return false;
    }
    if (use == ENDPOINT_BIND && !endpoint->is_loopback) {
        value_refuse(setting, node, "is not a loopback address", needs_curve);
        return false;
    }
    note(setting, node, endpoint, use);
    return true;
}

static void set_list(const struct setting *setting, const struct node *node,
                     enum endpoint_use use, struct strings *endpoints)
{
    size_t n;
    const struct node *item = value_items(node, &n);
    strings_clear(endpoints);
    for (size_t i = 0; value_has_length(setting, node, n) && i < n; i++) {
        struct endpoint endpoint;
        if (read_endpoint(setting, &item[i], use, &endpoint)) {
            strings_add(endpoints, endpoint.text);
        }
    }
}

static void clear_list(const struct config_key *key, void *base)
{
    strings_clear(value_member(key, base));
}

static void set_binds(const struct setting *setting, const struct node *node)
{
    set_list(setting, node, ENDPOINT_BIND, value_member(setting->key, setting->base));
}

static bool print_binds(const struct config_key *key, const void *base, FILE *out)
{
    return strings_print(value_member_const(key, base), out);
}
const struct value_type value_binds = {"endpoint or list of endpoints", set_binds,
                                       print_binds, clear_list};

static void set_bind(const struct setting *setting, const struct node *node)
{
    struct endpoint endpoint;
    char **place = value_member(setting->key, setting->base);
    if (read_endpoint(setting, node, ENDPOINT_BIND, &endpoint)) {
        free(*place);
        *place = xstrdup(endpoint.text);
    }
}

static bool print_bind(const struct config_key *key, const void *base, FILE *out)
{
    char *const *endpoint = value_member_const(key, base);
    text_print(*endpoint, out);
    return true;
}

static void clear_bind(const struct config_key *key, void *base)
{
    char **place = value_member(key, base);
    free(*place);
    *place = NULL;
}
const struct value_type value_bind = {"endpoint", set_bind, print_bind, clear_bind};

/* feed.bind and feed.connect write the same list; each is absent where the other was
 * given. */
static void set_feed_bind(const struct setting *setting, const struct node *node)
{
    struct stream_config *stream = setting->base;
    stream->feed.binds = true;
    set_list(setting, node, ENDPOINT_BIND, &stream->feed.endpoints);
}

static bool print_feed_bind(const struct config_key *key, const void *base, FILE *out)
{
    const struct stream_config *stream = base;
    return stream->feed.binds && print_binds(key, base, out);
}
const struct value_type value_feed_bind = {"endpoint or list of endpoints", set_feed_bind,
                                           print_feed_bind, clear_list};

static void set_feed_connect(const struct setting *setting, const struct node *node)
{
    struct stream_config *stream = setting->base;
    stream->feed.binds = false;
    set_list(setting, node, ENDPOINT_CONNECT, &stream->feed.endpoints);
}

static bool print_feed_connect(const struct config_key *key, const void *base, FILE *out)
{
    const struct stream_config *stream = base;
    return !stream->feed.binds && print_binds(key, base, out);
}
const struct value_type value_feed_connect = {
    "endpoint or list of endpoints", set_feed_connect, print_feed_connect, clear_list};
