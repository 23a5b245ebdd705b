/* SPDX-License-Identifier: MIT
 *
 * The table of configuration keys. Rows of one group stand together. */
#include "config_keys.h"

#include <stdio.h>
#include <string.h>

#include "config.h"
#include "config_value.h"
#include "crew.h"

#define GLOBAL(member)                                                                   \
    .offset = offsetof(struct config, member),                                           \
    .size = sizeof(((struct config *)NULL)->member)
#define STREAM(member)                                                                   \
    .offset = offsetof(struct stream_config, member),                                    \
    .size = sizeof(((struct stream_config *)NULL)->member)

#define DAY 86400.0
#define KIB 1024.0
#define GIB (KIB * KIB * KIB)

/* In the order of the enumerations that they name. */
static const char *const log_levels[] = {"debug", "info", "warn", "error", NULL};
static const char *const log_formats[] = {"text", "json", NULL};
static const char *const feed_types[] = {"pull", "sub", "reliable", NULL};
static const char *const feed_topics[] = {"none", "frame", "space", NULL};
static const char *const missing_ways[] = {"reject", "marginalize", NULL};
static const char *const score_ways[] = {"off", "all", "outliers", NULL};
static const char *const switches[] = {"off", "on", NULL};
static const char *const covariances[] = {"full", "diag", "spherical", "tied", NULL};

/* clang-format off */
const struct config_key config_keys[] = {
    {.path = "state", .type = &value_path, GLOBAL(state_path),
     .help = "folder of the durable state"},
    {.path = "publish.bind", .type = &value_binds, GLOBAL(publish_bind),
     .preset = "tcp://127.0.0.1:5571", .min = 1, .max = 16,
     .is_live = true, .help = "endpoint or endpoints where frames are published"},
    {.path = "control.bind", .type = &value_bind, GLOBAL(control_bind),
     .is_live = true, .help = "endpoint of the control socket"},
    {.path = "workers", .type = &value_count, GLOBAL(workers), .min = 1, .max = 1024,
     .unit = "threads", .help = "learner threads; a stream belongs to exactly one"},
    {.path = "checkpoint.every", .type = &value_duration, GLOBAL(checkpoint_every_s),
     .preset = "1s", .min = 1e-3, .max = DAY, .is_live = true,
     .help = "time between two durable checkpoints"},
    {.path = "history.keep", .type = &value_retention, GLOBAL(history_keep_s),
     .preset = "30d", .min = 60, .max = 3660 * DAY, .is_live = true,
     .help = "how long published models are kept, or off"},
    {.path = "log.level", .type = &value_choice, GLOBAL(log_level), .preset = "info",
     .choices = log_levels, .is_live = true, .help = "what is logged, and all above it"},
    {.path = "log.format", .type = &value_choice, GLOBAL(log_format), .preset = "text",
     .choices = log_formats, .is_live = true, .help = "form of a line of the log"},

    {.path = "streams.*.fields", .type = &value_names, STREAM(fields), .min = 1,
     .max = MIX_DIMENSIONS_MAX, .help = "names of the dimensions of the model"},
    {.path = "streams.*.dimensions", .type = &value_dimensions, STREAM(fields), .min = 1,
     .max = MIX_DIMENSIONS_MAX, .help = "in place of fields: their number, named x0, x1"},
    {.path = "streams.*.columns", .type = &value_columns, STREAM(columns), .min = 1,
     .max = 1024, .help = "names of the columns of numeric rows; - skips one"},
    {.path = "streams.*.time", .type = &value_name, STREAM(time),
     .help = "column of the event time"},
    {.path = "streams.*.weight", .type = &value_name, STREAM(weight),
     .help = "column of the weight of the point"},
    {.path = "streams.*.key", .type = &value_key, STREAM(key),
     .help = "column that selects one of many models, or topic"},
    {.path = "streams.*.max_keys", .type = &value_count, STREAM(max_keys),
     .preset = "1000", .min = 1, .max = 1e6, .unit = "keys",
     .is_live = true, .help = "points of more keys are rejected"},
    {.path = "streams.*.missing", .type = &value_choice, STREAM(mix.marginalize),
     .preset = "reject", .choices = missing_ways,
     .help = "what is done with a point that lacks a value"},
    {.path = "streams.*.stale_after", .type = &value_duration, STREAM(stale_after_s),
     .min = 1e-3, .max = 366 * DAY, .is_live = true,
     .help = "event stale when no point came for this long"},
    {.path = "streams.*.feed.type", .type = &value_choice, STREAM(feed.type),
     .preset = "pull", .choices = feed_types, .help = "socket that points come from"},
    {.path = "streams.*.feed.bind", .type = &value_feed_bind, STREAM(feed.endpoints),
     .min = 1, .max = 64, .is_live = true, .help = "endpoint or endpoints that senders connect to"},
    {.path = "streams.*.feed.connect", .type = &value_feed_connect, STREAM(feed.endpoints),
     .min = 1, .max = 64, .is_live = true, .help = "endpoint or endpoints of senders that bind"},
    {.path = "streams.*.feed.subscribe", .type = &value_prefixes, STREAM(feed.subscribe),
     .preset = "", .min = 1, .max = 1024, .is_live = true, .help = "prefix or prefixes of topics"},
    {.path = "streams.*.feed.topic", .type = &value_choice, STREAM(feed.topic),
     .choices = feed_topics, .help = "where the topic is in a message"},
    {.path = "streams.*.feed.format", .type = &value_format, STREAM(feed.format),
     .preset = "auto", .help = "how points are written in a message"},
    {.path = "streams.*.feed.queue", .type = &value_count, STREAM(feed.queue),
     .preset = "1000", .min = 1, .max = 1e6, .unit = "messages",
     .help = "messages held for each peer"},
    {.path = "streams.*.feed.max_message", .type = &value_size, STREAM(feed.max_message),
     .preset = "1MiB", .min = 64, .max = GIB, .help = "larger messages are rejected"},
    {.path = "streams.*.feed.window", .type = &value_size, STREAM(feed.window),
     .min = KIB, .max = GIB,
     .help = "points that a sender of a reliable feed may have under way"},
    {.path = "streams.*.feed.max_sources", .type = &value_count, STREAM(feed.max_sources),
     .min = 1, .max = 65536, .unit = "sources",
     .help = "sources of a reliable feed; more are refused"},
    {.path = "streams.*.model.family", .type = &value_family, STREAM(family),
     .preset = "gaussian", .help = "family of the components, or of each field"},
    {.path = "streams.*.model.categories", .type = &value_count, STREAM(mix.categories),
     .preset = "16", .min = 2, .max = MIX_CATEGORIES_MAX, .unit = "categories",
     .help = "values of a categorical field: 0 to categories - 1"},
    {.path = "streams.*.model.components", .type = &value_components, STREAM(mix),
     .help = "number of components, K, or a range of which one is chosen"},
    {.path = "streams.*.model.covariance", .type = &value_choice, STREAM(mix.covariance),
     .preset = "full", .choices = covariances, .help = "form of the covariance matrices"},
    {.path = "streams.*.model.noise", .type = &value_choice, STREAM(mix.noise),
     .preset = "off", .choices = switches,
     .help = "a broad component beside the others, of which only the weight is learned"},
    {.path = "streams.*.model.resolution", .type = &value_numbers, STREAM(resolution),
     .min = 0, .max = 1e150, .help = "smallest step of the sensor of each field"},
    {.path = "streams.*.learn.block", .type = &value_count, STREAM(mix.block),
     .preset = "256", .min = 1, .max = 65536, .unit = "points",
     .help = "points for one update of the model"},
    {.path = "streams.*.learn.adapt", .type = &value_choice, STREAM(mix.adapt),
     .preset = "on", .choices = switches,
     .help = "start afresh from the last points after a change; off with step, window or "
             "half_life"},
    {.path = "streams.*.learn.step.exponent", .type = &value_real,
     STREAM(mix.step_exponent), .min = 0.5, .is_above = true, .max = 1,
     .help = "the textbook step (t + offset)^-exponent in place of two timescales"},
    {.path = "streams.*.learn.step.offset", .type = &value_real, STREAM(mix.step_offset),
     .min = 0, .max = 1e9, .help = "offset of that step, 0 when absent"},
    {.path = "streams.*.learn.window", .type = &value_count, STREAM(mix.window), .min = 1,
     .max = 1e15, .unit = "points", .help = "constant memory of so many points"},
    {.path = "streams.*.learn.half_life", .type = &value_duration, STREAM(mix.half_life),
     .min = 1e-3, .max = 36600 * DAY,
     .help = "time after which a point counts half, event or arrival time"},
    {.path = "streams.*.learn.warmup", .type = &value_count, STREAM(mix.warmup), .min = 1,
     .max = 1e6, .unit = "points", .help = "points held before the final start"},
    {.path = "streams.*.learn.seed", .type = &value_count, STREAM(mix.seed),
     .preset = "1", .min = 0, .max = 0x1p64, .help = "the only source of randomness"},
    {.path = "streams.*.learn.threads", .type = &value_count, STREAM(threads),
     .preset = "1", .min = 1, .max = CREW_MAX, .unit = "threads",
     .help = "cores that share the work on a block; changes no bit"},
    {.path = "streams.*.start", .type = &value_path, STREAM(start_path),
     .help = "model file to start from in place of a warm-up"},
    {.path = "streams.*.publish.every", .type = &value_duration, STREAM(publish_every_s),
     .preset = "1s", .min = 1e-3, .max = DAY, .is_live = true,
     .help = "time between two frames while points arrive"},
    {.path = "streams.*.publish.updates", .type = &value_count, STREAM(publish_updates),
     .min = 1, .max = 1e9, .unit = "updates", .is_live = true,
     .help = "a frame after so many updates as well"},
    {.path = "streams.*.publish.scores", .type = &value_choice, STREAM(publish_scores),
     .preset = "off", .choices = score_ways, .is_live = true,
     .help = "what the model says of each point before it is learned, or of outliers"},
    {.path = "streams.*.record", .type = &value_path, STREAM(record_path),
     .help = "folder in which every learned point is recorded"},
};
/* clang-format on */
const size_t config_keys_n = sizeof(config_keys) / sizeof(config_keys[0]);

static const char stream_prefix[] = "streams.*.";

const struct config_key *config_key_find(const char *path)
{
    for (size_t i = 0; i < config_keys_n; i++) {
        if (strcmp(config_keys[i].path, path) == 0) {
            return &config_keys[i];
        }
    }
    return NULL;
}

bool config_key_is_group(const char *path)
{
    const size_t length = strlen(path);
    for (size_t i = 0; i < config_keys_n; i++) {
        if (strncmp(config_keys[i].path, path, length) == 0 &&
            config_keys[i].path[length] == '.') {
            return true;
        }
    }
    return false;
}

bool config_key_is_of_stream(const struct config_key *key)
{
    return strncmp(key->path, stream_prefix, sizeof(stream_prefix) - 1) == 0;
}

const char *config_key_name(const struct config_key *key)
{
    return config_key_is_of_stream(key) ? key->path + sizeof(stream_prefix) - 1
                                        : key->path;
}

/* Longer keys are not compared. */
#define WORD_MAX 32

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Edits from a, of na bytes, to b: insert, delete, replace, swap two neighbours. The
 * restricted distance of F. Damerau, A technique for computer detection and correction
 * of spelling errors, CACM 7 (1964) 171-176. */
static size_t edit_distance(const char *a, size_t na, const char *b, size_t nb)
{
    size_t edits[WORD_MAX + 1][WORD_MAX + 1]; /* from the first i bytes to the first j */
    for (size_t i = 0; i <= na; i++) {
        for (size_t j = 0; j <= nb; j++) {
            if (i == 0 || j == 0) {
                edits[i][j] = i + j;
                continue;
            }
            edits[i][j] = least(least(edits[i - 1][j], edits[i][j - 1]) + 1,
                                edits[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                edits[i][j] = least(edits[i][j], edits[i - 2][j - 2] + 1);
            }
        }
    }
    return edits[na][nb];
}

/* The nearest word of a group, its length in *length; NULL if none is near. */
static const char *nearest_in_group(const char *group, const char *key, size_t *length)
{
    const char *nearest = NULL;
    /* A third of the letters may differ: "componets", but not "foo" for "key". */
    size_t best = strlen(key) / 3 + 1;
    for (size_t i = 0; i < config_keys_n; i++) {
        const char *path = config_keys[i].path;
        if (strncmp(path, group, strlen(group)) != 0) {
            continue;
        }
        const char *word = path + strlen(group);
        const size_t word_length = strcspn(word, ".");
        const size_t edits = edit_distance(key, strlen(key), word, word_length);
        if (edits < best) {
            best = edits;
            nearest = word;
            *length = word_length;
        }
    }
    return nearest;
}

void config_key_suggest(char *out, size_t size, const char *group, const char *key)
{
    out[0] = '\0';
    if (strlen(key) > WORD_MAX) {
        return;
    }
    size_t length = 0;
    const char *word = nearest_in_group(group, key, &length);
    if (word != NULL) {
        const size_t shown = strncmp(group, stream_prefix, sizeof(stream_prefix) - 1) == 0
                                 ? sizeof(stream_prefix) - 1
                                 : 0;
        snprintf(out, size, "%s%.*s", group + shown, (int)length, word);
        return;
    }
    for (size_t i = 0; i < config_keys_n; i++) {
        const char *last = strrchr(config_keys[i].path, '.');
        if (last != NULL && strcmp(last + 1, key) == 0) {
            snprintf(out, size, "%s", config_key_name(&config_keys[i]));
            return;
        }
    }
}
