/* SPDX-License-Identifier: MIT */
#include "listing.h"

#include <math.h>

#include "stream.h"

/* The part of one stream goes to {"streams": {NAME: part}}. */
static enum answered reply_part(struct stream *stream, struct request *request,
                                json_t *part)
{
    if (request->reply == NULL) {
        request->reply = json_pack("{s:{}}", "streams");
    }
    json_object_set_new(json_object_get(request->reply, "streams"), stream->config->name,
                        part);
    return ANSWERED;
}

json_t *listing_strings(const struct strings *strings)
{
    json_t *array = json_array();
    for (size_t i = 0; i < strings->n; i++) {
        json_array_append_new(array, json_string(strings->item[i]));
    }
    return array;
}

/* Whether no model of the stream has seen two values of the field. */
static bool is_dormant(const struct stream *stream, size_t d)
{
    const size_t n = router_count(stream->router);
    for (size_t i = 0; i < n; i++) {
        struct mix_info info;
        mix_learner_info(router_slot(stream->router, i)->learner, &info);
        if (info.dormant == NULL || !isfinite(info.dormant[d])) {
            return false;
        }
    }
    return n > 0;
}

static json_t *dormant_json(const struct stream *stream)
{
    const struct strings *fields = &stream->config->fields;
    json_t *array = json_array();
    for (size_t d = 0; d < fields->n; d++) {
        if (is_dormant(stream, d)) {
            json_array_append_new(array, json_string(fields->item[d]));
        }
    }
    return array;
}

/* NULL where none are published. */
static json_t *scores_sent_json(const struct stream *stream)
{
    return stream->config->publish_scores == SCORES_OFF
               ? NULL
               : json_pack("{s:I, s:I}", "sent", (json_int_t)stream->scores_sent,
                           "skipped", (json_int_t)stream->scores_skipped);
}

enum answered listing_status(struct stream *stream, struct request *request,
                             struct moment now)
{
    const struct ledger ledger = stream_ledger(stream);
    return reply_part(
        stream, request,
        json_pack("{s:s, s:f, s:I, s:b, s:o, s:o, s:o*, s:o*}", "state",
                  stream_state_name(stream_state(stream)), "rate",
                  stream_rate(stream, now.ms), "models",
                  (json_int_t)router_count(stream->router), "stale",
                  (int)stream->is_stale, "dormant", dormant_json(stream), "ledger",
                  ledger_json(&ledger), "recording",
                  stream->recorder != NULL ? recorder_json(stream->recorder) : NULL,
                  "scores", scores_sent_json(stream)));
}

static const char *format_name(const struct feed_config *config)
{
    const bool is_reliable = config->type == FEED_RELIABLE;
    return is_reliable ? "f64" : config->format != NULL ? config->format->name : "auto";
}

static json_t *feed_json(const struct feed *feed)
{
    static const char *const types[] = {"pull", "sub", "reliable"};
    static const char *const topics[] = {"none", "frame", "space"};
    const struct feed_config *config = feed->config;
    return json_pack("{s:s, s:o, s:s, s:s, s:s, s:o*, s:I}", "type", types[config->type],
                     "endpoints", listing_strings(&feed->attachment.now.bound),
                     "direction", config->binds ? "bind" : "connect", "format",
                     format_name(config), "topic", topics[config->topic], "subscribe",
                     config->type == FEED_SUB ? listing_strings(&config->subscribe)
                                              : NULL,
                     "max_message", (json_int_t)config->max_message);
}

static json_t *columns_json(const struct layout *layout)
{
    json_t *array = json_array();
    for (size_t i = 0; i < layout->n_columns; i++) {
        json_array_append_new(array, json_string(layout->columns[i].name));
    }
    return array;
}

/* The keys that came, or null for a stream without keys. */
static json_t *keys_json(const struct stream *stream)
{
    if (!stream_is_keyed(stream->config)) {
        return json_null();
    }
    json_t *array = json_array();
    for (size_t i = 0; i < router_count(stream->router); i++) {
        json_array_append_new(array, json_string(router_slot(stream->router, i)->key));
    }
    return array;
}

enum answered listing_streams(struct stream *stream, struct request *request,
                              struct moment now)
{
    (void)now;
    const struct stream_config *config = stream->config;
    return reply_part(
        stream, request,
        json_pack("{s:o, s:o, s:o, s:o, s:s, s:s?, s:s?, s:s?, s:s}", "feed",
                  feed_json(stream->feed), "columns", columns_json(config->layout),
                  "fields", listing_strings(&config->fields), "keys", keys_json(stream),
                  "state", stream_state_name(stream_state(stream)), "time", config->time,
                  "weight", config->weight, "key",
                  config->key_is_topic ? "topic" : config->key, "missing",
                  config->mix.marginalize ? "marginalize" : "reject"));
}
