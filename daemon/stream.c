/* SPDX-License-Identifier: MIT
 *
 * feed -> reader -> router -> slot. Per message nothing is allocated, no clock is read
 * and nothing is locked; rows of an array go to the learner in one call, as views of
 * the message where they can. */
#include "stream.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "bulletin.h"
#include "crc32c.h"
#include "crew.h"
#include "intake.h"
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
    if (stream_is_keyed(config)) { /* one model at work at a time, and there may be many */
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

/* The slot that a rejected row or message is accounted to: never a new one. */
static struct slot *slot_for_reject(const struct stream *stream, struct bytes key)
{
    return router_find(stream->router, key);
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
    stream_reject(stream, slot_for_reject(stream, key), &letter, now);
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

/* ---- Numbers --------------------------------------------------------------- */

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

/* So many rows were dealt with. Gaps before them are lost points, gaps that they fill are
 * not. */
static void pass_numbers(struct stream *stream, uint64_t n)
{
    if (stream->numbered != NULL && n > 0) {
        const uint64_t lost = source_pass(stream->numbered, stream->number, n);
        stream->number += n;
        if (lost != 0) {
            stream_counts(stream)->lost += lost;
        }
    }
}

/* Who numbered the message, from its first batch. Without a number there is nothing to
 * follow. */
static void find_source(struct stream *stream)
{
    const struct batch *batch = &stream->batch;
    const char *name = reader_source(stream->reader, &stream->number);
    stream->numbered = NULL;
    if (name == NULL || stream->number == 0) {
        return;
    }
    const size_t size = stream->config->fields.n * sizeof(double);
    uint32_t print = crc32c(batch->x, size);
    if (batch->time != NULL) {
        print ^= crc32c(batch->time, sizeof(double));
    }
    stream->numbered = sources_find(stream->sources, name);
    if (stream->numbered != NULL &&
        !source_begin(stream->numbered, stream->number, print)) {
        log_warn("streams.%s: source %s: seq %" PRIu64 " is too far ahead: not followed",
                 stream->config->name, name, stream->number);
        stream->numbered = NULL;
    }
}

/* True: the rows that came next are repeats, and counted. */
static bool skip_repeats(struct stream *stream)
{
    if (stream->numbered == NULL) {
        return false;
    }
    const struct source_run run =
        source_look(stream->numbered, stream->number, stream->batch.n - stream->row);
    stream->alike = stream->row + (size_t)run.n;
    if (run.is_repeat) {
        struct ledger *counts = stream_counts(stream);
        counts->received += run.n;
        counts->duplicate += run.n;
        stream->received += run.n;
        stream->row = stream->alike;
        pass_numbers(stream, run.n);
    }
    return run.is_repeat;
}

/* ---- Rows ------------------------------------------------------------------ */

static struct bytes row_key(const struct stream *stream, size_t i)
{
    if (stream->config->key_is_topic) {
        return stream->feed->topic;
    }
    return stream->batch.key != NULL ? stream->batch.key[i] : (struct bytes){NULL, 0};
}

static void reject_row(struct stream *stream, enum reason reason, struct moment now)
{
    const struct batch *batch = &stream->batch;
    const size_t i = stream->row++;
    const struct bytes key = row_key(stream, i);
    const bool is_reader = batch->reason[i] != REASON_NONE;
    const char *detail = "not a key, or one more than max_keys";
    if (is_reader) { /* which tells about the last one of the batch only */
        stream->batch_rejects++;
        detail = stream->batch_rejects == batch->n_rejected ? batch->detail : NULL;
    }
    stream_reject(stream, slot_for_reject(stream, key),
                  &(struct reject){
                      .reason = reason,
                      .time_s = now.wall_s,
                      .points = 1,
                      .origin = is_reader ? batch->origin[i] : key,
                      .detail = detail,
                  },
                  now);
    reception_note(stream, 1, true);
    pass_numbers(stream, 1);
}

/* The end of the run of accepted rows from `first` on that have the same key, and numbers
 * that are all new. */
static size_t run_end(const struct stream *stream, size_t first)
{
    const struct batch *batch = &stream->batch;
    const size_t n = stream->numbered != NULL ? stream->alike : batch->n;
    if (batch->n_rejected == 0 && batch->key == NULL) {
        return n;
    }
    size_t end = first + 1;
    while (end < n && batch->reason[end] == REASON_NONE &&
           (batch->key == NULL || (batch->key[end].size == batch->key[first].size &&
                                   memcmp(batch->key[end].data, batch->key[first].data,
                                          batch->key[first].size) == 0))) {
        end++;
    }
    return end;
}

static void note_time(struct slot *slot, const struct mix_rows *rows, size_t taken,
                      struct moment now)
{
    if (rows->time == NULL) {
        slot->last_time_s = now.wall_s;
        return;
    }
    for (size_t i = 0; i < taken; i++) {
        if (!(slot->last_time_s >= rows->time[i])) { /* it is NaN before the first */
            slot->last_time_s = rows->time[i];
        }
    }
}

/* Without a column of its own the time of a row is that of its arrival, where the model
 * forgets by time; for as many rows as `time` holds. */
static void stamp(const struct stream *stream, struct mix_rows *rows, double *time,
                  size_t size, struct moment now)
{
    if (rows->time != NULL || stream->config->mix.half_life == 0) {
        return;
    }
    rows->n = rows->n < size ? rows->n : size;
    for (size_t i = 0; i < rows->n; i++) {
        time[i] = now.wall_s;
    }
    rows->time = time;
}

static void learn_run(struct stream *stream, struct slot *slot, struct moment now)
{
    const struct batch *batch = &stream->batch;
    const size_t first = stream->row;
    double time[256];
    struct mix_rows rows = {
        .x = batch->x + first * batch->stride,
        .n = run_end(stream, first) - first,
        .stride = batch->stride,
        .weight = batch->weight != NULL ? batch->weight + first : NULL,
        .time = batch->time != NULL ? batch->time + first : NULL,
    };
    stamp(stream, &rows, time, sizeof(time) / sizeof(time[0]), now);
    const uint64_t updates = stream->config->publish_updates;
    const size_t taken =
        slot_learn(slot, &rows, updates > 0 ? slot->published_updates + updates : 0);
    note_time(slot, &rows, taken, now);
    if (stream->recorder != NULL && !slot_is_frozen(slot)) {
        recorder_add(stream->recorder, batch, first, taken, stream->router, slot->index,
                     now);
    }
    stream->row += taken;
    stream->received += taken;
    reception_note(stream, taken, false);
    pass_numbers(stream, taken);
    if (updates > 0) {
        bulletin_after_updates(stream, slot, now);
    }
    bulletin_after_changes(stream, slot, now);
    if (slot_is_busy(slot)) {
        stream->busy = slot;
    }
}

/* Learns the rest of the batch; stops where work is due. */
static void learn_batch(struct stream *stream, struct moment now)
{
    const struct batch *batch = &stream->batch;
    while (stream->row < batch->n && stream->busy == NULL) {
        const enum reason reason = batch->reason[stream->row];
        if (skip_repeats(stream)) {
            continue;
        }
        if (reason != REASON_NONE) {
            reject_row(stream, reason, now);
            continue;
        }
        struct slot *slot = router_get(stream->router, row_key(stream, stream->row));
        if (slot == NULL) {
            reject_row(stream, REASON_KEY, now);
            continue;
        }
        if (stream->is_frozen) {
            mix_learner_freeze(slot->learner); /* one that has just been made, too */
        }
        learn_run(stream, slot, now);
    }
}

/* ---- Messages -------------------------------------------------------------- */

/* True with a message at hand: the one before, or the next of the feed. */
static bool take_message(struct stream *stream, struct moment now)
{
    if (stream->has_message) {
        return true;
    }
    struct feed *feed = stream->feed;
    if (!feed_receive(feed)) {
        return false;
    }
    stream->has_message = true;
    stream->is_begun = false;
    stream->batch.n = 0;
    stream->row = 0;
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
    const struct format *format = feed->config->format;
    reader_open(stream->reader, format != NULL ? format : format_auto(feed->n_parts),
                feed->part, feed->n_parts);
    return true;
}

static void finish_message(struct stream *stream)
{
    feed_release(stream->feed);
    stream->has_message = false;
    stream->source = NULL;
    stream->numbered = NULL;
}

/* Learns from the message at hand until its end, until work is due, or until so many
 * points were received. */
static void learn_message(struct stream *stream, uint64_t end, struct moment now)
{
    while (stream->has_message && stream->busy == NULL && stream->received < end) {
        if (stream->row < stream->batch.n) {
            learn_batch(stream, now);
        } else if (reader_next(stream->reader, &stream->batch)) {
            stream->row = 0;
            stream->batch_rejects = 0;
            if (!stream->is_begun) {
                stream->is_begun = true;
                find_source(stream);
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
    for (int i = 0; i < DRAIN_MESSAGES && stream->busy == NULL &&
                    stream->received < end && take_message(stream, now);
         i++) {
        learn_message(stream, end, now);
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
