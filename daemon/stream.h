/* SPDX-License-Identifier: MIT
 *
 * One stream: its feed, its learners, its accounts, and the way of a message through
 * them. Opened by the main thread, then owned by one worker, which calls:
 *
 *     stream_drain()    messages -> rows -> learners, until nothing is left or a bound
 *     stream_work()     a slice of the long work of the learner that is due
 *     bulletin_tick()   frames and events that are due (bulletin.h)
 *     waiting_check()   requests that wait for something of the stream (waiting.h)
 *
 * While a learner has work due the stream is not read, so the socket pushes back; the
 * rest of the message at hand stays where it is and is taken up again afterwards. */
#ifndef STREAM_H
#define STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "fault.h"
#include "feed.h"
#include "ledger.h"
#include "log.h"
#include "moment.h"
#include "post.h"
#include "reader.h"
#include "recorder.h"
#include "rejects.h"
#include "request.h"
#include "router.h"
#include "sources.h"

struct crew;
struct intake;
struct roster_row;

struct stream {
    struct stream_config own; /* a reload changes some values; lists are borrowed */
    const struct stream_config *config; /* it, to be read */
    struct mix_workspace *workspace;    /* of all learners of a keyed stream, else NULL */
    struct crew *crew;                  /* threads beside its worker; NULL: none */
    const char *instance;               /* uuid of this start, borrowed */
    struct outlet outlet;               /* where frames and events go */
    struct mix_model *start;            /* model of `start:`; NULL: none */
    struct feed *feed;
    struct reader *reader;
    struct router *router;
    struct rejects *rejects;
    struct sources *sources;
    struct recorder *recorder; /* NULL: nothing is recorded */
    struct intake *intake;     /* of a reliable feed; NULL: it is another */
    struct ledger unkeyed;     /* points that belong to no key */
    uint64_t received;         /* points, of all keys and none */
    uint64_t drain_points;     /* points of one round, see stream_drain() */
    bool is_frozen;            /* also for keys that are yet to come */
    struct log_limit reject_log;

    /* The message at hand, partly learned. */
    bool has_message;
    bool has_next; /* the feed holds the message after it, not yet looked into */
    bool is_begun; /* its first batch was read */
    struct batch batch;
    size_t row;                /* next row of the batch; batch.n: take the next batch */
    size_t scored;             /* rows before this one were scored, if scores are published */
    struct slot *busy;         /* learner whose work is due; NULL: none */
    struct roster_row *source; /* reliable: whose message it is */
    int64_t starved_until_ms;  /* when a lack of memory for it is logged again */
    struct source *numbered;   /* another: who numbered it; NULL: nobody */
    uint64_t number;           /* then, of the next row, */
    size_t alike;              /* and the rows before this one are new, or repeats */

    /* Publishing, bulletin.c. */
    bool has_news;      /* some slot has */
    int64_t publish_ms; /* no frame before this */
    int64_t newest_ms;  /* when the last point came, at first the start */
    bool is_stale;      /* the event was sent */
    uint64_t scores_sent, scores_skipped; /* points in score frames, and in those that found
                                             the way full */

    struct rate {
        int64_t since_ms;  /* when value was brought up to date */
        uint64_t received; /* points then */
        double value;      /* points a second, mean over the last ten seconds or so */
    } rate;

    struct request_queue waiting; /* requests that wait, waiting.c */

    /* What the durable state has of it, capture.c. */
    struct {
        bool is_imprinted;              /* all of it, once since the start */
        bool is_changed;                /* the accounts, since they were last captured */
        uint64_t rejects;               /* dead letters ever, then */
        struct recorder_mark recording; /* as it was restored; without an id: none was */
    } kept;
};

/* Opens the feed and loads the starting model. NULL and a fault on an error. config
 * and instance must outlive the stream. */
struct stream *stream_open(const struct stream_config *config, const char *instance,
                           struct fault *fault);
void stream_close(struct stream **stream);

/* Begins what goes on from the state, once that was restored: the recording. False and a
 * fault. */
bool stream_begin(struct stream *stream, struct fault *fault);

/* Takes messages until there is none, work is due, or the bound of a round is reached.
 * True: something was taken. */
bool stream_drain(struct stream *stream, struct moment now);
/* True while the feed must not be read. */
bool stream_is_busy(const struct stream *stream);
/* A slice of the work that is due, and afterwards the rest of the message at hand. */
void stream_work(struct stream *stream, struct moment now);

/* The sum over all keys and none. */
struct ledger stream_ledger(const struct stream *stream);
/* Points a second. */
double stream_rate(struct stream *stream, int64_t now_ms);

bool stream_is_keyed(const struct stream_config *config);
/* "warmup", "learning" or "frozen": with keys, learning if any of them is. */
enum mix_state stream_state(const struct stream *stream);
const char *stream_state_name(enum mix_state state);

/* Counts one point, line or message as rejected. slot: whose it would have been, or
 * NULL. */
void stream_reject(struct stream *stream, struct slot *slot, const struct reject *reject,
                   struct moment now);
/* The ledger of what belongs to no key, which is about to change. */
struct ledger *stream_counts(struct stream *stream);
/* Dead letters for points that the learners skipped since the last call. */
void stream_note_skipped(struct stream *stream, struct slot *slot, double wall_s);

#endif
