/* SPDX-License-Identifier: MIT
 *
 * What no single row of the table can say about a stream: keys that need or exclude
 * each other, and its columns. */
#include <stdlib.h>
#include <string.h>

#include "config_check.h"
#include "config_text.h"
#include "log.h"
#include "xalloc.h"

/* The default of max_keys; models of a stream with more keys are kept small. */
enum { ROOMY_KEYS = 1000 };

const char *config_excerpt(char out[EXCERPT_SIZE], const char *text)
{
    return log_escape(out, EXCERPT_SIZE, text, strlen(text));
}

struct place config_place(const struct stream_config *stream, const char *path)
{
    return stream->places[config_key_find(path) - config_keys];
}

bool config_is_given(const struct stream_config *stream, const char *path)
{
    return config_place(stream, path).line > 0;
}

/* ---- Keys that need or exclude each other -------------------------------- */

/* A finding at the later one of two keys that are both given. */
static void check_exclusion(const struct stream_config *stream, const char *path_a,
                            const char *path_b, struct findings *findings)
{
    const struct place a = config_place(stream, path_a), b = config_place(stream, path_b);
    if (a.line == 0 || b.line == 0) {
        return;
    }
    const bool is_b_later = b.line > a.line || (b.line == a.line && b.column > a.column);
    const struct config_key *key = config_key_find(path_a);
    const struct config_key *other = config_key_find(path_b);
    findings_add(findings, is_b_later ? b : a, "%s excludes %s on line %d",
                 config_key_name(is_b_later ? other : key),
                 config_key_name(is_b_later ? key : other), is_b_later ? a.line : b.line);
}

static void check_presence(const struct stream_config *stream, struct findings *findings)
{
    /* One key of each row is needed, and only one is allowed. */
    static const char *const one_of[][2] = {
        {"streams.*.fields", "streams.*.dimensions"},
        {"streams.*.feed.bind", "streams.*.feed.connect"},
        {"streams.*.model.components", NULL},
    };
    for (size_t i = 0; i < sizeof(one_of) / sizeof(one_of[0]); i++) {
        const struct config_key *key = config_key_find(one_of[i][0]);
        const struct config_key *other =
            one_of[i][1] != NULL ? config_key_find(one_of[i][1]) : NULL;
        const struct place a = stream->places[key - config_keys];
        const struct place b =
            other != NULL ? stream->places[other - config_keys] : (struct place){0};
        if (a.line == 0 && b.line == 0) {
            findings_add(findings, stream->place, "stream '%s' needs %s%s%s",
                         stream->name, config_key_name(key), other != NULL ? " or " : "",
                         other != NULL ? config_key_name(other) : "");
        } else if (other != NULL) {
            check_exclusion(stream, one_of[i][0], one_of[i][1], findings);
        }
    }
}

/* A sender holds as many bytes as the window has, in memory most often, and a checkpoint
 * is taken for every quarter of it at least: 16 MiB of points cost much more to learn. */
enum { FEED_WINDOW = 64 << 20, FEED_SOURCES = 1024 };

/* What only it has. */
static void fill_reliable(struct stream_config *stream, struct findings *findings)
{
    static const char *const paths[] = {"streams.*.feed.window",
                                        "streams.*.feed.max_sources"};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        if (stream->feed.type != FEED_RELIABLE && config_is_given(stream, paths[i])) {
            findings_add(findings, config_place(stream, paths[i]),
                         "%s needs feed.type: reliable",
                         config_key_name(config_key_find(paths[i])));
        }
    }
    if (stream->feed.type == FEED_RELIABLE) {
        struct feed_config *feed = &stream->feed;
        feed->window = feed->window > 0 ? feed->window : FEED_WINDOW;
        feed->max_sources = feed->max_sources > 0 ? feed->max_sources : FEED_SOURCES;
    }
}

/* Its messages have one form. */
static void check_reliable(const struct stream_config *stream, struct findings *findings)
{
    static const char *const paths[] = {"streams.*.feed.topic", "streams.*.feed.format"};
    const bool has_other[] = {stream->feed.topic != TOPIC_NONE,
                              stream->feed.format != NULL};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        if (stream->feed.type == FEED_RELIABLE && has_other[i]) {
            findings_add(findings, config_place(stream, paths[i]),
                         "%s has no meaning with feed.type: reliable: leave it out",
                         config_key_name(config_key_find(paths[i])));
        }
    }
}

static void check_feed(struct stream_config *stream, struct findings *findings)
{
    const bool is_sub = stream->feed.type == FEED_SUB;
    if (!config_is_given(stream, "streams.*.feed.topic")) {
        stream->feed.topic = is_sub ? TOPIC_FRAME : TOPIC_NONE;
    }
    if (!is_sub && config_is_given(stream, "streams.*.feed.subscribe")) {
        findings_add(findings, config_place(stream, "streams.*.feed.subscribe"),
                     "feed.subscribe needs feed.type: sub");
    }
    check_reliable(stream, findings);
    fill_reliable(stream, findings);
    stream->key_is_topic = stream->key != NULL && strcmp(stream->key, "topic") == 0;
    if (!stream->key_is_topic) {
        return;
    }
    free(stream->key);
    stream->key = NULL;
    if (!is_sub || stream->feed.topic == TOPIC_NONE) {
        findings_add(findings, config_place(stream, "streams.*.key"),
                     "key 'topic' needs feed.type: sub and a feed.topic");
    }
}

static void check_step(const struct stream_config *stream, struct findings *findings)
{
    if (config_is_given(stream, "streams.*.learn.step.offset") &&
        !config_is_given(stream, "streams.*.learn.step.exponent")) {
        findings_add(findings, config_place(stream, "streams.*.learn.step.offset"),
                     "learn.step.offset needs learn.step.exponent");
    }
}

/* A memory that is asked for excludes the textbook step, and both exclude adapt, which is
 * off then unless it is given. */
static void check_memory(struct stream_config *stream, struct findings *findings)
{
    static const char adapt[] = "streams.*.learn.adapt";
    static const char exponent[] = "streams.*.learn.step.exponent";
    static const char *const memories[] = {"streams.*.learn.window",
                                           "streams.*.learn.half_life", exponent};
    const bool is_asked = config_is_given(stream, adapt) && stream->mix.adapt;
    for (size_t i = 0; i < sizeof(memories) / sizeof(memories[0]); i++) {
        if (memories[i] != exponent) {
            check_exclusion(stream, exponent, memories[i], findings);
        }
        if (is_asked) {
            check_exclusion(stream, adapt, memories[i], findings);
        } else if (config_is_given(stream, memories[i])) {
            stream->mix.adapt = false;
        }
    }
}

/* ---- Columns ------------------------------------------------------------- */

/* The columns that are not fields. */
struct role {
    const char *path;
    const char *column; /* NULL: none */
};

#define N_ROLES 3

static void roles_of(const struct stream_config *stream, struct role roles[N_ROLES])
{
    roles[0] = (struct role){"streams.*.time", stream->time};
    roles[1] = (struct role){"streams.*.weight", stream->weight};
    roles[2] = (struct role){"streams.*.key", stream->key};
}

/* Without columns: the fields, then time, weight and key where they are named. */
static void fill_columns(struct stream_config *stream, const struct role roles[N_ROLES])
{
    for (size_t d = 0; d < stream->fields.n; d++) {
        strings_add(&stream->columns, stream->fields.item[d]);
    }
    for (size_t i = 0; i < N_ROLES; i++) {
        if (roles[i].column != NULL) {
            strings_add(&stream->columns, roles[i].column);
        }
    }
}

/* False with findings if a name has two uses or no column. */
static bool check_columns(const struct stream_config *stream,
                          const struct role roles[N_ROLES], struct findings *findings)
{
    const size_t n_before = findings->n;
    const struct place place = config_place(stream, "streams.*.columns");
    char name[EXCERPT_SIZE];
    for (size_t i = 0; i < N_ROLES; i++) {
        bool is_used =
            roles[i].column != NULL && strings_have(&stream->fields, roles[i].column);
        for (size_t j = 0; j < i && roles[i].column != NULL; j++) {
            is_used = is_used || (roles[j].column != NULL &&
                                  strcmp(roles[i].column, roles[j].column) == 0);
        }
        if (is_used) {
            findings_add(findings, config_place(stream, roles[i].path),
                         "column '%s' has another use already",
                         config_excerpt(name, roles[i].column));
        }
        if (roles[i].column != NULL && !strings_have(&stream->columns, roles[i].column)) {
            findings_add(findings, place, "columns lacks '%s', which %s names",
                         config_excerpt(name, roles[i].column),
                         config_key_name(config_key_find(roles[i].path)));
        }
    }
    for (size_t d = 0; d < stream->fields.n; d++) {
        if (!strings_have(&stream->columns, stream->fields.item[d])) {
            findings_add(findings, place, "columns lacks the field '%s'",
                         config_excerpt(name, stream->fields.item[d]));
        }
    }
    return findings->n == n_before;
}

static void make_layout(struct stream_config *stream, struct findings *findings)
{
    struct role roles[N_ROLES];
    roles_of(stream, roles);
    if (stream->fields.n == 0) {
        return;
    }
    if (!config_is_given(stream, "streams.*.columns")) {
        fill_columns(stream, roles);
    }
    if (!check_columns(stream, roles, findings)) {
        return;
    }
    const char *what = "";
    stream->layout =
        layout_new((const char *const *)stream->columns.item, stream->columns.n,
                   (const char *const *)stream->fields.item, stream->fields.n,
                   stream->time, stream->weight, stream->key, &what);
    if (stream->layout == NULL && what == NULL) {
        out_of_memory();
    }
    if (stream->layout == NULL) {
        char name[EXCERPT_SIZE];
        findings_add(findings, config_place(stream, "streams.*.columns"),
                     "columns and fields do not fit together at '%s'",
                     config_excerpt(name, what));
        return;
    }
    stream->layout->marginalize = stream->mix.marginalize;
    stream->layout->has_topic = stream->key_is_topic;
    stream->mix.compact =
        (stream->key != NULL || stream->key_is_topic) && stream->max_keys > ROOMY_KEYS;
}

void config_check_stream(struct stream_config *stream, struct findings *findings)
{
    check_presence(stream, findings);
    check_feed(stream, findings);
    check_step(stream, findings);
    check_memory(stream, findings);
    make_layout(stream, findings);
    config_check_model(stream, findings);
}
