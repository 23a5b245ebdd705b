/* SPDX-License-Identifier: MIT
 *
 * Reading what `streams` says of one of them. */
#include "target.h"

#include <stdlib.h>
#include <string.h>

static const char *text_of(const json_t *object, const char *member)
{
    return json_string_value(json_object_get(object, member));
}

static char *text_new(const char *text)
{
    return text != NULL ? tool_text("%s", text) : NULL;
}

/* The strings of an array, borrowed; the array itself is to be freed. */
static const char **strings_of(const json_t *array)
{
    const char **strings = tool_need(calloc(json_array_size(array) + 1, sizeof(char *)));
    size_t i;
    const json_t *item;
    json_array_foreach(array, i, item)
    {
        strings[i] = json_is_string(item) ? json_string_value(item) : "-";
    }
    return strings;
}

/* "a, b, c": the streams there are. */
static char *names_of(json_t *streams)
{
    char *names = tool_text("%s", "");
    const char *name;
    json_t *stream;
    json_object_foreach(streams, name, stream)
    {
        char *longer = tool_text("%s%s%s", names, names[0] != '\0' ? ", " : "", name);
        free(names);
        names = longer;
    }
    return names;
}

static const char *choose_stream(json_t *streams, const char *name,
                                 struct failure *failure)
{
    if (name == NULL && json_object_size(streams) == 1) {
        return json_object_iter_key(json_object_iter(streams));
    }
    if (name != NULL && json_object_get(streams, name) != NULL) {
        return name;
    }
    char *names = names_of(streams);
    if (name == NULL) {
        failure_set(failure, EX_USAGE, "--stream: not given: one of %s", names);
    } else {
        failure_set(failure, EX_NOINPUT, "%s: no such stream: the daemon has %s", name,
                    names);
    }
    free(names);
    return NULL;
}

static enum target_topic topic_of(const json_t *feed, bool is_sub)
{
    const char *topic = text_of(feed, "topic");
    if (topic == NULL) {
        return is_sub ? TARGET_TOPIC_FRAME : TARGET_NO_TOPIC;
    }
    if (strcmp(topic, "space") == 0) {
        return TARGET_TOPIC_SPACE;
    }
    return strcmp(topic, "frame") == 0 ? TARGET_TOPIC_FRAME : TARGET_NO_TOPIC;
}

static bool read_feed(struct target *target, const json_t *feed, struct failure *failure)
{
    const char *type = text_of(feed, "type");
    const char *direction = text_of(feed, "direction");
    const char *format = text_of(feed, "format");
    const char *endpoint =
        json_string_value(json_array_get(json_object_get(feed, "endpoints"), 0));
    if (type == NULL || direction == NULL || format == NULL || endpoint == NULL) {
        failure_set(failure, EX_SOFTWARE, "%s: the daemon does not describe its feed",
                    target->stream);
        return false;
    }
    target->endpoint = tool_text("%s", endpoint);
    target->binds = strcmp(direction, "connect") == 0;
    target->is_sub = strcmp(type, "sub") == 0;
    target->is_reliable = strcmp(type, "reliable") == 0;
    target->topic = topic_of(feed, target->is_sub);
    target->takes_lines = strcmp(format, "auto") == 0;
    target->format = format_find(target->takes_lines ? "array" : format);
    if (target->format == NULL ||
        (!target->is_sub && !target->is_reliable && strcmp(type, "pull") != 0)) {
        failure_set(failure, EX_UNAVAILABLE,
                    "%s: a %s feed of format %s: not known to this mixfeed",
                    target->stream, type, format);
        return false;
    }
    return true;
}

/* The column of the key; NULL: none, or the topic is the key. */
static const char *key_column(const json_t *stream)
{
    const char *key = text_of(stream, "key");
    size_t i;
    const json_t *column;
    json_array_foreach(json_object_get(stream, "columns"), i, column)
    {
        if (key != NULL && json_is_string(column) &&
            strcmp(json_string_value(column), key) == 0) {
            return key;
        }
    }
    return NULL;
}

static bool read_layout(struct target *target, const json_t *stream,
                        struct failure *failure)
{
    const json_t *columns = json_object_get(stream, "columns");
    const json_t *fields = json_object_get(stream, "fields");
    const char **column_names = strings_of(columns);
    const char **field_names = strings_of(fields);
    const char *what = NULL;
    const char *missing = text_of(stream, "missing");
    const char *key = text_of(stream, "key");
    target->time = text_new(text_of(stream, "time"));
    target->key_is_topic =
        key != NULL && strcmp(key, "topic") == 0 && key_column(stream) == NULL;
    target->keeps_missing = missing != NULL && strcmp(missing, "marginalize") == 0;
    target->layout = layout_new(column_names, json_array_size(columns), field_names,
                                json_array_size(fields), text_of(stream, "time"),
                                text_of(stream, "weight"), key_column(stream), &what);
    const bool is_good = target->layout != NULL && target->layout->n_fields > 0;
    if (!is_good) {
        failure_set(failure, EX_SOFTWARE, "%s: the daemon names no column %s",
                    target->stream, what != NULL ? what : "at all");
    }
    free(column_names);
    free(field_names);
    return is_good;
}

bool target_read(struct target *target, json_t *reply, const char *name,
                 struct failure *failure)
{
    *target = (struct target){0};
    json_t *streams = json_object_get(reply, "streams");
    const char *chosen = choose_stream(streams, name, failure);
    if (chosen == NULL) {
        return false;
    }
    const json_t *stream = json_object_get(streams, chosen);
    target->stream = tool_text("%s", chosen);
    if (read_feed(target, json_object_get(stream, "feed"), failure) &&
        read_layout(target, stream, failure)) {
        return true;
    }
    target_clear(target);
    return false;
}

bool target_make(struct target *target, const char *const *fields, size_t n_fields,
                 struct failure *failure)
{
    const char *what = NULL;
    char **names = tool_need(calloc(n_fields + 1, sizeof(char *)));
    for (size_t d = 0; d < n_fields; d++) {
        names[d] = fields != NULL ? tool_text("%s", fields[d]) : tool_text("x%zu", d);
    }
    const char *const *columns = (const char *const *)names;
    target->layout =
        layout_new(columns, n_fields, columns, n_fields, NULL, NULL, NULL, &what);
    if (target->layout == NULL) {
        failure_set(failure, EX_DATAERR, "%s: a column that stands twice",
                    what != NULL ? what : "input");
    }
    for (size_t d = 0; d < n_fields; d++) {
        free(names[d]);
    }
    free(names);
    return target->layout != NULL;
}

void target_clear(struct target *target)
{
    free(target->stream);
    free(target->endpoint);
    free(target->time);
    layout_destroy(&target->layout);
    *target = (struct target){0};
}
