/* SPDX-License-Identifier: MIT */
#include "lesson.h"

#include <inttypes.h>
#include <string.h>

#include "bulletin.h"
#include "crc32c.h"
#include "reception.h"
#include "scores.h"
#include "stream.h"

/* ---- Numbers --------------------------------------------------------------- */

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

void lesson_begin(struct stream *stream)
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
    return stream->batch.key != NULL ? stream->batch.key[i] : (struct bytes){NULL, 0};
}

static void reject_row(struct stream *stream, enum reason reason, struct moment now)
{
    const struct batch *batch = &stream->batch;
    const size_t i = stream->row++;
    const struct bytes key = row_key(stream, i);
    const bool is_reader = batch->reason[i] != REASON_NONE;
    stream_reject(stream, router_find(stream->router, key),
                  &(struct reject){
                      .reason = reason,
                      .time_s = now.wall_s,
                      .points = 1,
                      .origin = is_reader ? batch->origin[i] : key,
                      .detail = is_reader ? batch->detail
                                          : "not a key, or one more than max_keys",
                  },
                  now);
    reception_note(stream, 1, true);
    pass_numbers(stream, 1);
}

/* Rows of one topic share its bytes. */
static bool is_same(struct bytes a, struct bytes b)
{
    return a.size == b.size &&
           (a.data == b.data || memcmp(a.data, b.data, a.size) == 0);
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
           (batch->key == NULL || is_same(batch->key[end], batch->key[first]))) {
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

/* What the model says of the rows before it learns them: of at most so many, so that it
 * has learned all before them. Rows that were scored and not taken are not scored again.
 */
static void score_run(struct stream *stream, struct slot *slot, struct mix_rows *rows,
                      struct moment now)
{
    const size_t first = stream->row;
    const size_t done = stream->scored > first ? stream->scored - first : 0;
    if (mix_learner_model(slot->learner) == NULL) {
        return;
    }
    rows->n = rows->n < SCORES_ROWS ? rows->n : SCORES_ROWS;
    if (done < rows->n) {
        const struct mix_rows rest = {.x = rows->x + done * rows->stride,
                                      .n = rows->n - done,
                                      .stride = rows->stride,
                                      .time =
                                          rows->time != NULL ? rows->time + done : NULL};
        bulletin_scores(stream, slot, &rest, now);
        stream->scored = first + rows->n;
    }
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
    if (stream->config->publish_scores != SCORES_OFF) {
        score_run(stream, slot, &rows, now);
    }
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

/* Looks ahead from the rows before *end. */
static void look_ahead(const struct stream *stream, size_t *end)
{
    const struct batch *batch = &stream->batch;
    if (batch->key == NULL || stream->row < *end) {
        return;
    }
    const size_t left = batch->n - stream->row;
    const size_t n = left < ROUTER_AHEAD ? left : ROUTER_AHEAD;
    if (n > 1) {
        router_prefetch(stream->router, batch->key + stream->row, n);
    }
    *end = stream->row + n;
}

void lesson_learn(struct stream *stream, struct moment now)
{
    const struct batch *batch = &stream->batch;
    size_t seen = 0;
    while (stream->row < batch->n && stream->busy == NULL) {
        const enum reason reason = batch->reason[stream->row];
        if (skip_repeats(stream)) {
            continue;
        }
        if (reason != REASON_NONE) {
            reject_row(stream, reason, now);
            continue;
        }
        look_ahead(stream, &seen);
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
