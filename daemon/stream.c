/* SPDX-License-Identifier: MIT
 *
 * feed -> reader here, and from there -> router -> slot in lesson.c. Per message nothing
 * is allocated, no clock is read and nothing is locked; rows of an array go to the
 * learner in one call, as views of the message where they can, or copied together with
 * those of the next messages where these are of a few rows. */
#include "stream.h"

#include <math.h>
#include <stdio.h>
#include <sysexits.h>

#include "bulletin.h"
#include "crew.h"
#include "intake.h"
#include "lesson.h"
#include "reception.h"
#include "start.h"
#include "xalloc.h"

enum {
    DRAIN_MESSAGES = 1000, /* of a round: about a full queue */
    /* Bounds of the points of a round, which is to take some milliseconds whatever the
     * model costs: a point costs about K(D + 2)^2 units of a nanosecond. */
    DRAIN_UNITS = 1 << 24,
    DRAIN_POINTS_MIN = 256,
    DRAIN_POINTS_MAX = 65536,
};

/* Seconds over which the rate of a stream is averaged. */
static const double RATE_SECONDS = 10;

bool stream_is_keyed(const struct stream_config *config)
{
    return config->key != NULL || config->key_is_topic;
}

static uint64_t drain_points(const struct mix_options *mix)
{
    const uint64_t side = mix->dimensions + 2;
    uint64_t components = mix->components;
    for (uint64_t k = components + 1; k <= mix->components_max; k++) {
        components += k; /* of all learners side by side */
    }
    const uint64_t points = DRAIN_UNITS / (components * side * side);
    return points < DRAIN_POINTS_MIN   ? DRAIN_POINTS_MIN
           : points > DRAIN_POINTS_MAX ? DRAIN_POINTS_MAX
                                       : points;
}

/* ---- Opening --------------------------------------------------------------- */

/* Makes the learner of a stream without keys; with keys, tries one, so that options
 * and model are known to fit before the first key comes. */
static bool make_router(struct stream *stream, struct fault *fault)
{
    const struct stream_config *config = stream->config;
    enum mix_err err = MIX_OK;
    if (config->start_path != NULL) {
        stream->start = start_read(config, fault);
        if (stream->start == NULL) {
            return false;
        }
    }
    struct slot *trial = slot_new(config, stream->start, (struct bytes){NULL, 0}, &err);
    if (trial == NULL && stream->start != NULL) {
        return fault_set(
            fault, EX_DATAERR,
            "streams.%s.start: %s: %s: choose a model as `model` describes it",
            config->name, config->start_path, mix_strerror(err));
    }
    if (trial == NULL) {
        return fault_set(fault, EX_OSERR, "streams.%s.model: %s", config->name,
                         mix_strerror(err));
    }
    slot_destroy(&trial);
    stream->router = router_new(config, stream->start);
    if (!stream_is_keyed(config)) {
        router_get(stream->router, (struct bytes){NULL, 0});
    }
    return true;
}

static bool open_recorder(struct stream *stream, struct fault *fault)
{
    if (stream->config->record_path != NULL) {
        stream->recorder = recorder_open(stream->config, RECORDER_FILE_BYTES, fault);
    }
    return stream->config->record_path == NULL || stream->recorder != NULL;
}

bool stream_begin(struct stream *stream, struct fault *fault)
{
    const struct recorder_mark *mark = &stream->kept.recording;
    const struct ledger ledger = stream_ledger(stream);
    return stream->recorder == NULL ||
           recorder_begin(stream->recorder, mark->id[0] != '\0' ? mark : NULL,
                          ledger.learned + ledger.queued, fault);
}

/* The threads of the stream. */
static bool hire(struct stream *stream, struct fault *fault)
{
    if (stream->own.threads > 1) {
        stream->crew = crew_new(stream->own.threads);
        stream->own.mix.executor = crew_executor(stream->crew);
    }
    return stream->own.threads <= 1 || stream->crew != NULL ||
           fault_set(fault, EX_OSERR, "streams.%s.learn.threads: cannot start %u threads",
                     stream->own.name, stream->own.threads);
}

struct stream *stream_open(const struct stream_config *config, const char *instance,
                           struct fault *fault)
{
    struct stream *stream = xalloc(1, sizeof(*stream));
    stream->own = *config;
    config = &stream->own;
    stream->config = config;
    const bool is_staffed = hire(stream, fault);
    if (stream_is_keyed(config)) {
        /* One model is at work at a time, and there may be many. */
        stream->workspace = mix_workspace_new(&config->mix);
        stream->own.mix.workspace = stream->workspace;
    }
    stream->instance = instance;
    stream->reject_log = (struct log_limit)LOG_LIMIT_INIT;
    snprintf(stream->reject_log.subject, sizeof(stream->reject_log.subject), "stream %s",
             config->name);
    stream->rejects = rejects_new();
    stream->sources = sources_new();
    stream->intake = reception_new(config);
    stream->drain_points = drain_points(&config->mix);
    stream->newest_ms = moment_now().ms;
    stream->rate.since_ms = stream->newest_ms;
    stream->reader = reader_new(config->layout);
    if (stream->reader == NULL) {
        fault_set(fault, EX_OSERR, "streams.%s: out of memory", config->name);
    } else if (is_staffed && make_router(stream, fault) && open_recorder(stream, fault)) {
        stream->feed = feed_open(&config->feed, config->name, fault);
    }
    if (stream->feed == NULL) {
        stream_close(&stream);
    }
    return stream;
}

void stream_close(struct stream **stream)
{
    if (*stream == NULL) {
        return;
    }
    feed_close(&(*stream)->feed);
    reader_destroy(&(*stream)->reader);
    router_destroy(&(*stream)->router);
    mix_workspace_destroy(&(*stream)->workspace);
    crew_destroy(&(*stream)->crew);
    rejects_destroy(&(*stream)->rejects);
    sources_destroy(&(*stream)->sources);
    recorder_close(&(*stream)->recorder);
    intake_destroy(&(*stream)->intake);
    mix_model_destroy(&(*stream)->start);
    free(*stream);
    *stream = NULL;
}

/* ---- Rejects --------------------------------------------------------------- */

void stream_reject(struct stream *stream, struct slot *slot, const struct reject *reject,
                   struct moment now)
{
    struct ledger *counts = slot != NULL ? &slot->counts : &stream->unkeyed;
    counts->received++;
    counts->rejected[reject->reason]++;
    stream->received++;
    if (slot != NULL) {
        slot->has_news = true;
        slot->is_changed = true;
    }
    rejects_add(stream->rejects, reject);
    log_limited(&stream->reject_log, now.ms, LEVEL_WARN, "stream %s: rejected: %s: %s",
                stream->config->name, reason_label(reject->reason),
                reject->detail != NULL ? reject->detail : reason_meaning(reject->reason));
}

static void reject_message(struct stream *stream, struct moment now)
{
    const struct feed *feed = stream->feed;
    const struct bytes none = {NULL, 0};
    const struct reject letter = {
        .reason = feed->reason,
        .time_s = now.wall_s,
        .points = 1,
        .origin = feed->n_parts > 0 ? feed->part[0] : none,
        .detail = feed->detail,
    };
    const struct bytes key = stream->config->key_is_topic ? feed->topic : none;
    stream_reject(stream, router_find(stream->router, key), &letter, now);
}

void stream_note_skipped(struct stream *stream, struct slot *slot, double wall_s)
{
    struct mix_info info;
    mix_learner_info(slot->learner, &info);
    const struct {
        enum reason reason;
        uint64_t count;
        uint64_t *noted;
        const char *detail;
    } rows[] = {
        {REASON_UNSCORABLE, info.unscorable, &slot->noted_unscorable,
         "no finite density under the model"},
        {REASON_FROZEN, info.frozen, &slot->noted_frozen, "arrived while frozen"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].count > *rows[i].noted) {
            rejects_add(stream->rejects, &(struct reject){
                                             .reason = rows[i].reason,
                                             .time_s = wall_s,
                                             .points = rows[i].count - *rows[i].noted,
                                             .detail = rows[i].detail,
                                         });
            *rows[i].noted = rows[i].count;
        }
    }
}

/* ---- Messages -------------------------------------------------------------- */

static const struct format *format_of(const struct feed *feed)
{
    const struct format *format = feed->config->format;
    return format != NULL ? format : format_auto(feed->n_parts);
}

/* True with a message at hand: the one before, or the next of the feed. */
static bool take_message(struct stream *stream, struct moment now)
{
    if (stream->has_message) {
        return true;
    }
    struct feed *feed = stream->feed;
    if (!stream->has_next && !feed_receive(feed)) {
        return false;
    }
    stream->has_next = false;
    stream->has_message = true;
    stream->is_begun = false;
    stream->batch.n = 0;
    stream->row = stream->scored = 0;
    if (stream->intake != NULL) {
        stream->has_message = reception_take(stream, now);
        if (!stream->has_message) {
            feed_release(feed);
        }
        return true;
    }
    if (feed->reason != REASON_NONE) {
        reject_message(stream, now);
        feed_release(feed);
        stream->has_message = false;
        return true;
    }
    reader_set_topic(stream->reader, feed->topic);
    reader_open(stream->reader, format_of(feed), feed->part, feed->n_parts);
    return true;
}

/* Takes messages of a few points that are there in one go: what a batch costs is then
 * shared by them. The first that does not join waits. */
static void take_more(struct stream *stream, int *left)
{
    struct feed *feed = stream->feed;
    if (stream->intake != NULL) {
        return;
    }
    while (*left > 0 && reader_is_open(stream->reader) && feed_receive(feed)) {
        reader_set_topic(stream->reader, feed->topic);
        stream->has_next = feed->reason != REASON_NONE ||
                           !reader_join(stream->reader, format_of(feed), feed->part,
                                        feed->n_parts, &stream->batch);
        if (stream->has_next) {
            return;
        }
        --*left;
    }
}

static void finish_message(struct stream *stream)
{
    if (!stream->has_next) {
        feed_release(stream->feed);
    }
    stream->has_message = false;
    stream->source = NULL;
    stream->numbered = NULL;
}

/* Learns from the message at hand until its end, until work is due, or until so many
 * points were received; and from others, `left` of them at the most, that can be taken
 * with it. */
static void learn_message(struct stream *stream, uint64_t end, int *left,
                          struct moment now)
{
    while (stream->has_message && stream->busy == NULL && stream->received < end) {
        if (stream->row < stream->batch.n) {
            lesson_learn(stream, now);
        } else if (reader_next(stream->reader, &stream->batch)) {
            stream->row = stream->scored = 0;
            if (!stream->is_begun) {
                stream->is_begun = true;
                lesson_begin(stream);
                take_more(stream, left);
            }
        } else {
            finish_message(stream);
        }
    }
}

bool stream_drain(struct stream *stream, struct moment now)
{
    const uint64_t before = stream->received;
    const uint64_t end = before + stream->drain_points;
    int left = DRAIN_MESSAGES;
    while (left > 0 && stream->busy == NULL && stream->received < end &&
           take_message(stream, now)) {
        left--;
        learn_message(stream, end, &left, now);
    }
    if (stream->received == before) {
        return false;
    }
    stream->kept.is_changed = true;
    bulletin_note_points(stream, now);
    return true;
}

bool stream_is_busy(const struct stream *stream)
{
    return stream->busy != NULL;
}

/* The points stay where they are, in the socket's queue, until there is memory again.
 * Nothing in this thread gets on without: it may as well pause. */
static void wait_for_memory(struct stream *stream, struct moment now)
{
    enum { PAUSE_MS = 20, TELL_EVERY_MS = 60000 };
    if (now.ms >= stream->starved_until_ms) {
        log_warn("stream %s: no memory to fit the model: trying again",
                 stream->config->name);
        stream->starved_until_ms = now.ms + TELL_EVERY_MS;
    }
    zclock_sleep(PAUSE_MS);
}

void stream_work(struct stream *stream, struct moment now)
{
    struct slot *slot = stream->busy;
    if (slot == NULL) {
        return;
    }
    const bool is_done = slot_work(slot);
    if (slot->lacks_memory) {
        wait_for_memory(stream, now);
    }
    if (!is_done) {
        return;
    }
    stream->busy = NULL;
    bulletin_after_work(stream, slot, now);
}

/* ---- Accounts -------------------------------------------------------------- */

struct ledger *stream_counts(struct stream *stream)
{
    struct slot *slot = router_find(stream->router, (struct bytes){NULL, 0});
    if (slot == NULL) {
        return &stream->unkeyed;
    }
    slot->has_news = true;
    slot->is_changed = true;
    return &slot->counts;
}

struct ledger stream_ledger(const struct stream *stream)
{
    struct ledger sum = stream->unkeyed;
    for (size_t i = 0; i < router_count(stream->router); i++) {
        const struct ledger ledger = slot_ledger(router_slot(stream->router, i));
        ledger_add(&sum, &ledger);
    }
    return sum;
}

double stream_rate(struct stream *stream, int64_t now_ms)
{
    struct rate *rate = &stream->rate;
    const double seconds = 1e-3 * (double)(now_ms - rate->since_ms);
    if (seconds > 0) {
        const double mean = (double)(stream->received - rate->received) / seconds;
        rate->value += (1 - exp(-seconds / RATE_SECONDS)) * (mean - rate->value);
        rate->since_ms = now_ms;
        rate->received = stream->received;
    }
    return rate->value;
}

enum mix_state stream_state(const struct stream *stream)
{
    enum mix_state state = MIX_WARMUP;
    for (size_t i = 0; i < router_count(stream->router) && state == MIX_WARMUP; i++) {
        struct mix_info info;
        mix_learner_info(router_slot(stream->router, i)->learner, &info);
        state = info.state;
    }
    return stream->is_frozen ? MIX_FROZEN : state;
}

const char *stream_state_name(enum mix_state state)
{
    static const char *const names[] = {"warmup", "learning", "frozen"};
    return names[state];
}
