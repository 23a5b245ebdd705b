/* SPDX-License-Identifier: MIT
 *
 * What no single row of the table can say. */
#define _GNU_SOURCE /* sched_getaffinity(), since sysconf() does not see it */
#include "config_check.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config_text.h"
#include "log.h"
#include "xalloc.h"

/* Room for an excerpt of the file in a message. */
#define EXCERPT_SIZE 64

static const char *excerpt(char out[EXCERPT_SIZE], const char *text)
{
    return log_escape(out, EXCERPT_SIZE, text, strlen(text));
}

/* Where the value of a key of the stream stands; line 0 if it was not given. */
static struct place place_of(const struct stream_config *stream, const char *path)
{
    return stream->places[config_key_find(path) - config_keys];
}

static bool is_given(const struct stream_config *stream, const char *path)
{
    return place_of(stream, path).line > 0;
}

/* Models of a stream up to so many keys are as large as others: the default of max_keys. */
enum { ROOMY_KEYS = 1000 };

/* ---- Keys that need or exclude each other -------------------------------- */

/* A finding at the later one of two keys that are both given. */
static void check_exclusion(const struct stream_config *stream, const char *path_a,
                            const char *path_b, struct findings *findings)
{
    const struct place a = place_of(stream, path_a), b = place_of(stream, path_b);
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
        if (stream->feed.type != FEED_RELIABLE && is_given(stream, paths[i])) {
            findings_add(findings, place_of(stream, paths[i]),
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
            findings_add(findings, place_of(stream, paths[i]),
                         "%s has no meaning with feed.type: reliable: leave it out",
                         config_key_name(config_key_find(paths[i])));
        }
    }
}

static void check_feed(struct stream_config *stream, struct findings *findings)
{
    const bool is_sub = stream->feed.type == FEED_SUB;
    if (!is_given(stream, "streams.*.feed.topic")) {
        stream->feed.topic = is_sub ? TOPIC_FRAME : TOPIC_NONE;
    }
    if (!is_sub && is_given(stream, "streams.*.feed.subscribe")) {
        findings_add(findings, place_of(stream, "streams.*.feed.subscribe"),
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
        findings_add(findings, place_of(stream, "streams.*.key"),
                     "key 'topic' needs feed.type: sub and a feed.topic");
    }
}

static void check_step(const struct stream_config *stream, struct findings *findings)
{
    if (is_given(stream, "streams.*.learn.step.offset") &&
        !is_given(stream, "streams.*.learn.step.exponent")) {
        findings_add(findings, place_of(stream, "streams.*.learn.step.offset"),
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
    const bool is_asked = is_given(stream, adapt) && stream->mix.adapt;
    for (size_t i = 0; i < sizeof(memories) / sizeof(memories[0]); i++) {
        if (memories[i] != exponent) {
            check_exclusion(stream, exponent, memories[i], findings);
        }
        if (is_asked) {
            check_exclusion(stream, adapt, memories[i], findings);
        } else if (is_given(stream, memories[i])) {
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
    const struct place place = place_of(stream, "streams.*.columns");
    char name[EXCERPT_SIZE];
    for (size_t i = 0; i < N_ROLES; i++) {
        bool is_used =
            roles[i].column != NULL && strings_have(&stream->fields, roles[i].column);
        for (size_t j = 0; j < i && roles[i].column != NULL; j++) {
            is_used = is_used || (roles[j].column != NULL &&
                                  strcmp(roles[i].column, roles[j].column) == 0);
        }
        if (is_used) {
            findings_add(findings, place_of(stream, roles[i].path),
                         "column '%s' has another use already",
                         excerpt(name, roles[i].column));
        }
        if (roles[i].column != NULL && !strings_have(&stream->columns, roles[i].column)) {
            findings_add(findings, place, "columns lacks '%s', which %s names",
                         excerpt(name, roles[i].column),
                         config_key_name(config_key_find(roles[i].path)));
        }
    }
    for (size_t d = 0; d < stream->fields.n; d++) {
        if (!strings_have(&stream->columns, stream->fields.item[d])) {
            findings_add(findings, place, "columns lacks the field '%s'",
                         excerpt(name, stream->fields.item[d]));
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
    if (!is_given(stream, "streams.*.columns")) {
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
        findings_add(findings, place_of(stream, "streams.*.columns"),
                     "columns and fields do not fit together at '%s'",
                     excerpt(name, what));
        return;
    }
    stream->layout->marginalize = stream->mix.marginalize;
    stream->mix.compact =
        (stream->key != NULL || stream->key_is_topic) && stream->max_keys > ROOMY_KEYS;
}

/* ---- Model --------------------------------------------------------------- */

/* The place of a field by its name, or D. */
static size_t find_field(const struct stream_config *stream, const char *name)
{
    size_t d = 0;
    while (d < stream->fields.n && strcmp(stream->fields.item[d], name) != 0) {
        d++;
    }
    return d;
}

/* The family of each field; those that the map does not name are gaussian. */
static void fill_families(struct stream_config *stream, struct findings *findings)
{
    struct family_config *family = &stream->family;
    const size_t dims = stream->fields.n;
    char name[EXCERPT_SIZE];
    bool is_gaussian = true;
    family->each = xalloc(dims + 1, sizeof(*family->each));
    for (size_t d = 0; d < dims; d++) {
        family->each[d] = family->n > 0 ? MIX_GAUSSIAN : family->all;
    }
    for (size_t i = 0; i < family->n && dims > 0; i++) {
        const struct family_item *item = &family->item[i];
        const size_t d = find_field(stream, item->field);
        if (d < dims) {
            family->each[d] = item->family;
        } else {
            findings_add(findings, item->place, "model.family has '%s': not a field",
                         excerpt(name, item->field));
        }
    }
    for (size_t d = 0; d < dims; d++) {
        is_gaussian = is_gaussian && family->each[d] == MIX_GAUSSIAN;
    }
    if (is_gaussian) {
        free(family->each);
        family->each = NULL;
    } else if (is_given(stream, "streams.*.model.covariance") &&
               stream->mix.covariance != MIX_DIAG) {
        findings_add(findings, place_of(stream, "streams.*.model.covariance"),
                     "model.covariance '%s' needs gaussian fields alone: fields of other "
                     "families are independent given the component",
                     mix_covariance_name(stream->mix.covariance));
    } else {
        stream->mix.covariance = MIX_DIAG; /* as it is printed */
    }
    stream->mix.families = family->each;
}

/* What the families cannot have is refused where it is read. */
static void pass_families(struct stream_config *stream)
{
    struct layout *layout = stream->layout;
    if (stream->family.each != NULL && layout != NULL) {
        layout->families = xalloc(layout->n_fields, sizeof(*layout->families));
        memcpy(layout->families, stream->family.each,
               layout->n_fields * sizeof(*layout->families));
        layout->categories = stream->mix.categories;
    }
}

/* A model file has one number of components. */
static void check_start(const struct stream_config *stream, struct findings *findings)
{
    if (stream->start_path != NULL && stream->mix.components_max > 0) {
        findings_add(findings, place_of(stream, "streams.*.start"),
                     "start has no meaning with a range of model.components: give one "
                     "number");
    }
}

static void check_size(const struct stream_config *stream, struct findings *findings)
{
    const uint64_t last = stream->mix.components_max;
    const uint64_t k = last > 0 ? last : stream->mix.components;
    const uint64_t d = stream->fields.n;
    if (k == 0 || d == 0) {
        return;
    }
    const uint64_t factor = (d + 1) * (d + 2) / 2;
    if (k * factor > MODEL_SIZE_MAX) {
        findings_add(
            findings, place_of(stream, "streams.*.model.components"),
            "model.components '%llu' is too large: K(D+1)(D+2)/2 may be 2^20, with "
            "%llu fields K may be %llu",
            (unsigned long long)k, (unsigned long long)d,
            (unsigned long long)(MODEL_SIZE_MAX / factor));
    }
    const uint64_t warmup = stream->mix.warmup;
    if (warmup > 0 && warmup < k * (d + 1)) {
        findings_add(findings, place_of(stream, "streams.*.learn.warmup"),
                     "learn.warmup '%llu' is too small: K(D+1) = %llu at least",
                     (unsigned long long)warmup, (unsigned long long)(k * (d + 1)));
    }
}

/* One number stands for all fields. */
static void fill_resolution(struct stream_config *stream, struct findings *findings)
{
    struct numbers *resolution = &stream->resolution;
    const size_t d = stream->fields.n;
    if (resolution->n == 1 && d > 1) {
        resolution->item = xrealloc(resolution->item, d, sizeof(double));
        for (; resolution->n < d; resolution->n++) {
            resolution->item[resolution->n] = resolution->item[0];
        }
    }
    if (resolution->n > 0 && d > 0 && resolution->n != d) {
        findings_add(
            findings, place_of(stream, "streams.*.model.resolution"),
            "model.resolution has %zu numbers: one, or one for each of %zu fields",
            resolution->n, d);
    }
    stream->mix.resolution = resolution->n > 0 ? resolution->item : NULL;
}

static void check_stream(struct stream_config *stream, struct findings *findings)
{
    check_presence(stream, findings);
    check_feed(stream, findings);
    check_step(stream, findings);
    check_memory(stream, findings);
    make_layout(stream, findings);
    check_size(stream, findings);
    check_start(stream, findings);
    fill_resolution(stream, findings);
    fill_families(stream, findings);
    pass_families(stream);
    stream->mix.dimensions = stream->fields.n;
}

/* ---- Global -------------------------------------------------------------- */

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
                findings_add(findings, place_of(stream, path),
                             "record '%s' stands twice, first on line %d",
                             stream->record_path, place_of(other, path).line);
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
        check_stream(&config->streams[i], findings);
    }
    check_endpoints(endpoints, findings);
    check_recordings(config, findings);
}
