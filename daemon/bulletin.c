/* SPDX-License-Identifier: MIT */
#include "bulletin.h"

#include <stdlib.h>

#include "archive.h"
#include "frame.h"
#include "scores.h"
#include "stream.h"
#include "topic.h"

enum {
    RETRY_MS = 20,   /* after the way to the main thread was found full */
    BUSY_SHARE = 10, /* writing frames takes at most about a tenth of the time: very large
                        models are published less often than asked for */
};

json_t *bulletin_frame(const struct stream *stream, const struct slot *slot, bool is_next,
                       struct moment now)
{
    const struct stream_config *config = stream->config;
    const struct ledger ledger = slot_ledger(slot);
    const struct mix_model *model = mix_learner_model(slot->learner);
    struct mix_info info;
    mix_learner_info(slot->learner, &info);
    return frame_json(&(struct frame){
        .stream = config->name,
        .key = slot->key,
        .instance = stream->instance,
        .seq = slot->seq + (is_next ? 1 : 0),
        .time = now.wall_s,
        .last_time = slot->last_time_s,
        .fields = (const char *const *)config->fields.item,
        .n_fields = config->fields.n,
        .n_components =
            model != NULL ? mix_model_components(model) : config->mix.components,
        .covariance = config->mix.covariance,
        .families = config->mix.families,
        .model = model,
        .info = &info,
        .learner = slot->learner,
        .ledger = &ledger,
    });
}

/* An object, taken over, as text. NULL without memory. */
static char *text_of(json_t *object)
{
    char *text = object != NULL ? frame_text(object) : NULL;
    json_decref(object);
    return text;
}

/* Takes the text over. NULL without memory, or without text. */
static struct post *make_post(const struct stream *stream, const char *kind,
                              const char *key, char *text, bool may_be_skipped)
{
    char topic[TOPIC_SIZE];
    if (text == NULL) {
        return NULL;
    }
    topic_write(topic, kind, stream->config->name, key);
    struct post *post = post_frame(topic, text, may_be_skipped);
    free(text);
    return post;
}

/* False: the way is full, or there is no memory for the frame; to be tried again. */
static bool send_post(struct stream *stream, struct post *post)
{
    if (post == NULL) {
        return false;
    }
    if (!stream->outlet.send(stream->outlet.context, post)) {
        post_destroy(&post);
        return false;
    }
    return true;
}

static void send_text(struct stream *stream, const char *kind, const char *key,
                      json_t *object)
{
    send_post(stream, make_post(stream, kind, key, text_of(object), false));
}

static bool send_model(struct stream *stream, struct slot *slot, struct moment now)
{
    stream_note_skipped(stream, slot, now.wall_s);
    struct post *post = make_post(stream, "model", slot->key,
                                  text_of(bulletin_frame(stream, slot, true, now)), true);
    if (post != NULL && mix_learner_model(slot->learner) != NULL) {
        post->spacing_s = slot->key != NULL ? ARCHIVE_KEY_SPACING_S : ARCHIVE_SPACING_S;
        post->time_s = now.wall_s;
    }
    if (!send_post(stream, post)) {
        return false;
    }
    struct mix_info info;
    mix_learner_info(slot->learner, &info);
    slot->published_updates = info.updates;
    slot->seq++;
    slot->is_changed = true;
    slot->has_news = false;
    return true;
}

void bulletin_event(struct stream *stream, const struct slot *slot, const char *event,
                    struct moment now)
{
    const char *key = slot != NULL ? slot->key : NULL;
    send_text(stream, "event", key,
              json_pack("{s:s, s:f, s:s, s:s?}", "event", event, "time", now.wall_s,
                        "stream", stream->config->name, "key", key));
}

/* What an event of the model says beside its name. */
static json_t *change_json(const struct stream *stream, const struct slot *slot,
                           const struct mix_event *event, struct moment now)
{
    json_t *object =
        json_pack("{s:s, s:f, s:s, s:s?, s:I, s:f}", "event", mix_event_name(event->kind),
                  "time", now.wall_s, "stream", stream->config->name, "key", slot->key,
                  "points", (json_int_t)event->added, "value", event->value);
    if (event->kind == MIX_EVENT_SPLIT || event->kind == MIX_EVENT_MERGED) {
        json_object_set_new(object, "id", json_integer((json_int_t)event->id));
        json_object_set_new(object, event->kind == MIX_EVENT_SPLIT ? "from" : "into",
                            json_integer((json_int_t)event->other));
    }
    if (event->kind == MIX_EVENT_COMPONENTS) {
        json_object_set_new(object, "components", json_integer((json_int_t)event->id));
        json_object_set_new(object, "before", json_integer((json_int_t)event->other));
    }
    if (event->kind == MIX_EVENT_WOKE) {
        json_object_set_new(object, "field",
                            json_string(stream->config->fields.item[event->id]));
    }
    return object;
}

void bulletin_after_changes(struct stream *stream, struct slot *slot, struct moment now)
{
    struct mix_event event;
    while (mix_learner_event(slot->learner, &event)) {
        send_text(stream, "event", slot->key, change_json(stream, slot, &event, now));
    }
}

void bulletin_scores(struct stream *stream, const struct slot *slot,
                     const struct mix_rows *rows, struct moment now)
{
    const bool has_all = stream->config->publish_scores == SCORES_ALL;
    size_t n;
    char *text = scores_lines(slot, rows, has_all, now.wall_s, &n);
    const bool is_sent =
        n == 0 || send_post(stream, make_post(stream, "score", slot->key, text, true));
    *(is_sent ? &stream->scores_sent : &stream->scores_skipped) += n;
}

void bulletin_want_all(struct stream *stream, struct moment now)
{
    for (size_t i = 0; i < router_count(stream->router); i++) {
        router_slot(stream->router, i)->has_news = true;
        stream->has_news = true;
    }
    stream->publish_ms = now.ms;
}

bool bulletin_is_done(const struct stream *stream)
{
    return !stream->has_news;
}

void bulletin_note_points(struct stream *stream, struct moment now)
{
    stream->has_news = true;
    stream->newest_ms = now.ms;
    stream->is_stale = false;
}

void bulletin_after_updates(struct stream *stream, struct slot *slot, struct moment now)
{
    const uint64_t every = stream->config->publish_updates;
    struct mix_info info;
    mix_learner_info(slot->learner, &info);
    if (every == 0 || info.updates < slot->published_updates + every) {
        return;
    }
    send_model(stream, slot, now);
    slot->published_updates = info.updates; /* a frame that found no way is skipped */
}

void bulletin_after_work(struct stream *stream, struct slot *slot, struct moment now)
{
    bulletin_after_updates(stream, slot, now);
    bulletin_after_changes(stream, slot, now);
    /* A frame may have shown the same points before the work on them was done. */
    slot->has_news = true;
    stream->has_news = true;
    if (!slot->has_started && mix_learner_model(slot->learner) != NULL) {
        slot->has_started = true;
        stream->publish_ms = now.ms;
        bulletin_event(stream, slot, "started", now);
    }
}

static void publish(struct stream *stream, struct moment now)
{
    const int64_t begin_ms = moment_now().ms;
    for (size_t i = 0; i < router_count(stream->router); i++) {
        struct slot *slot = router_slot(stream->router, i);
        if (slot->has_news && !send_model(stream, slot, now)) {
            stream->publish_ms = now.ms + RETRY_MS;
            return;
        }
    }
    stream->has_news = false;
    const int64_t every_ms = (int64_t)(1000 * stream->config->publish_every_s);
    const int64_t spent_ms = moment_now().ms - begin_ms;
    stream->publish_ms =
        now.ms + (every_ms > BUSY_SHARE * spent_ms ? every_ms : BUSY_SHARE * spent_ms);
}

static int64_t stale_ms(const struct stream *stream)
{
    if (stream->config->stale_after_s <= 0 || stream->is_stale) {
        return MOMENT_NEVER;
    }
    return stream->newest_ms + (int64_t)(1000 * stream->config->stale_after_s);
}

void bulletin_tick(struct stream *stream, struct moment now)
{
    if (stream->has_news && now.ms >= stream->publish_ms) {
        publish(stream, now);
    }
    if (now.ms >= stale_ms(stream)) {
        stream->is_stale = true;
        bulletin_event(stream, NULL, "stale", now);
    }
}

int64_t bulletin_due(const struct stream *stream)
{
    const int64_t publish_ms = stream->has_news ? stream->publish_ms : MOMENT_NEVER;
    const int64_t stale = stale_ms(stream);
    return publish_ms < stale ? publish_ms : stale;
}
