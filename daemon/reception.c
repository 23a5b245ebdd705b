/* SPDX-License-Identifier: MIT */
#include "reception.h"

#include <stdlib.h>
#include <sys/random.h>

#include "format.h"
#include "intake.h"
#include "stream.h"

/* Numbers of sessions fence off senders that have been replaced; nobody may guess one. */
static uint64_t random_session(void *context)
{
    (void)context;
    uint64_t value = 0;
    if (getrandom(&value, sizeof(value), 0) != (ssize_t)sizeof(value)) {
        abort(); /* only where the kernel has none at all */
    }
    return value;
}

struct intake *reception_new(const struct stream_config *config)
{
    if (config->feed.type != FEED_RELIABLE) {
        return NULL;
    }
    const size_t columns = config->layout->n_columns;
    const size_t points = config->feed.window / (columns * sizeof(double));
    return intake_new(&(struct intake_options){
        .columns = columns,
        .max_payload = config->feed.max_message,
        .window = points > 0 ? (uint32_t)points : 1,
        .max_sources = config->feed.max_sources,
        .random = random_session,
    });
}

/* ---- Replies --------------------------------------------------------------- */

static void send_reply(struct stream *stream, struct bytes route,
                       const struct reliable *reply)
{
    unsigned char frame[RELIABLE_SIZE];
    reliable_encode(reply, frame);
    feed_reply(stream->feed, route, frame, sizeof(frame));
}

static void send_to_row(struct stream *stream, const struct roster_row *row,
                        const struct reliable *message)
{
    send_reply(stream, (struct bytes){row->peer.id, row->peer.size}, message);
}

void reception_settle(struct stream *stream, const struct settlement *settlement)
{
    if (stream->intake == NULL) {
        return;
    }
    struct roster *roster = intake_roster(stream->intake);
    struct reliable ack;
    intake_settle(stream->intake, settlement);
    for (size_t i = 0; i < roster_count(roster); i++) {
        if (intake_ack(roster_at(roster, i), &ack)) {
            send_to_row(stream, roster_at(roster, i), &ack);
        }
    }
}

void reception_close(struct stream *stream)
{
    if (stream->intake == NULL) {
        return;
    }
    struct roster *roster = intake_roster(stream->intake);
    struct reliable farewell;
    intake_close(stream->intake);
    for (size_t i = 0; i < roster_count(roster); i++) {
        if (intake_farewell(roster_at(roster, i), &farewell)) {
            send_to_row(stream, roster_at(roster, i), &farewell);
        }
    }
}

/* ---- Messages -------------------------------------------------------------- */

static struct intake_message message_of(struct stream *stream, struct moment now)
{
    struct feed *feed = stream->feed;
    struct intake_message message = {.route = feed->route,
                                     .n_parts = feed->n_parts,
                                     .user = feed_user(feed),
                                     .time_s = now.wall_s};
    for (size_t i = 0; i < feed->n_parts && i < RELIABLE_PARTS_MAX; i++) {
        message.part[i] = feed->part[i];
    }
    return message;
}

/* What the message does to the ledger before any of its points is looked at. */
static void count(struct stream *stream, const struct intake_step *step,
                  struct moment now)
{
    struct slot *slot = router_find(stream->router, (struct bytes){NULL, 0});
    if (step->reason != REASON_NONE) {
        const struct feed *feed = stream->feed;
        stream_reject(stream, slot,
                      &(struct reject){.reason = step->reason,
                                       .time_s = now.wall_s,
                                       .points = 1,
                                       .origin = feed->part[feed->n_parts - 1],
                                       .detail = step->detail},
                      now);
    }
    if (step->skip > 0 || step->lost != 0) {
        struct ledger *counts = stream_counts(stream);
        counts->lost += step->lost;
        counts->received += step->skip;
        counts->duplicate += step->skip;
        stream->received += step->skip;
    }
}

bool reception_take(struct stream *stream, struct moment now)
{
    const struct intake_message message = message_of(stream, now);
    struct intake_step step;
    intake_take(stream->intake, &message, &step);
    if (step.has_reply) {
        send_reply(stream, message.route, &step.reply);
    }
    if (step.note != NULL) {
        log_limited(&stream->reject_log, now.ms, LEVEL_WARN, "stream %s: source %s: %s",
                    stream->config->name, step.reply.source, step.note);
    }
    count(stream, &step, now);
    stream->kept.is_changed |= intake_is_changed(stream->intake);
    if (step.row == NULL || step.skip == step.n) {
        return false;
    }
    const size_t row_size = stream->config->layout->n_columns * sizeof(double);
    const size_t skipped = (size_t)step.skip * row_size;
    const struct bytes fresh = {(const char *)message.part[1].data + skipped,
                                message.part[1].size - skipped};
    stream->source = step.row;
    reader_open(stream->reader, format_find("f64"), &fresh, 1);
    return true;
}

void reception_note(struct stream *stream, uint64_t n, bool is_rejected)
{
    if (stream->source != NULL) {
        intake_apply(stream->intake, stream->source, stream->source->applied + n,
                     is_rejected);
    }
}
