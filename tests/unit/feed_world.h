/* SPDX-License-Identifier: MIT
 *
 * A sender, its points, a receiver, and a connection between them that keeps the order
 * but may lose and repeat messages, break, and take either side down. Every step checks
 * what must hold at any time: each point is applied once, as what it is, in its turn,
 * and none is given up before the receiver has it safe. */
#ifndef FEED_WORLD_H
#define FEED_WORLD_H

#include <stdlib.h>

#include "chunks.h"
#include "fake_receiver.h"
#include "sender.h"

enum { WORLD_QUEUE = 8, WORLD_BATCH = 8, WORLD_HELD = 100, WORLD_WINDOW = 30 };

struct world_message {
    unsigned char header[RELIABLE_SIZE];
    unsigned char payload[WORLD_BATCH * FAKE_COLUMNS * sizeof(double)];
    size_t payload_size;
    size_t n_parts;
};

struct world_queue {
    struct world_message messages[WORLD_QUEUE];
    size_t n;
};

struct world {
    struct backlog *backlog;
    struct sender *sender;
    struct fake_receiver fake;
    struct world_queue up, down;
    double now_s;
    struct mixfeed_failure failure;
    const char *broken; /* what did not hold, or NULL */
};

#define WORLD_CHECK(world, condition)                                                    \
    do {                                                                                 \
        if (!(condition) && (world)->broken == NULL) {                                   \
            (world)->broken = #condition;                                                \
        }                                                                                \
    } while (0)

/* ---- The connection ---------------------------------------------------------- */

static inline void world_drop(struct world_queue *queue)
{
    if (queue->n > 0) {
        queue->n--;
        memmove(queue->messages, queue->messages + 1,
                queue->n * sizeof(queue->messages[0]));
    }
}

static inline void world_answer(struct world *world, const struct reliable *answer)
{
    if (world->down.n < WORLD_QUEUE) { /* a full one drops, as a ROUTER does */
        struct world_message *message = &world->down.messages[world->down.n++];
        reliable_encode(answer, message->header);
        message->n_parts = 1;
    }
}

/* What was on its way is gone; the empty message of the new connection is answered. */
static inline void world_break(struct world *world)
{
    world->up.n = world->down.n = 0;
    const struct reliable answer = fake_error(&world->fake, RELIABLE_CODE_SESSION, 0);
    world_answer(world, &answer);
}

/* ---- Steps ------------------------------------------------------------------- */

static inline void world_append(struct world *world, size_t n)
{
    double rows[WORLD_BATCH * FAKE_COLUMNS];
    n = 1 + n % WORLD_BATCH;
    if (world->backlog->newest - world->backlog->trimmed + n <= WORLD_HELD) {
        fake_rows(rows, world->backlog->newest + 1, n);
        WORLD_CHECK(world, world->backlog->kind->append(world->backlog, rows, n,
                                                        &world->failure) == MIXFEED_OK);
    }
}

static inline void world_send(struct world *world)
{
    struct bytes parts[SENDER_PARTS_MAX];
    size_t n;
    WORLD_CHECK(world, sender_due(world->sender, world->now_s, parts, &n,
                                  &world->failure) == MIXFEED_OK);
    if (n == 0 || world->up.n == WORLD_QUEUE) {
        return;
    }
    struct world_message *message = &world->up.messages[world->up.n++];
    memcpy(message->header, parts[0].data, RELIABLE_SIZE);
    message->n_parts = n;
    message->payload_size = n > 1 ? parts[1].size : 0;
    WORLD_CHECK(world, message->payload_size <= sizeof(message->payload));
    if (world->broken == NULL) {
        memcpy(message->payload, n > 1 ? parts[1].data : "", message->payload_size);
        sender_sent(world->sender, world->now_s);
    }
}

static inline void world_deliver_up(struct world *world)
{
    struct reliable answer;
    if (world->up.n > 0) {
        const struct world_message *message = &world->up.messages[0];
        const struct bytes parts[] = {{message->header, RELIABLE_SIZE},
                                      {message->payload, message->payload_size}};
        if (fake_receive(&world->fake, parts, message->n_parts, &answer)) {
            world_answer(world, &answer);
        }
    }
}

static inline void world_deliver_down(struct world *world)
{
    if (world->down.n > 0) {
        const struct bytes part = {world->down.messages[0].header, RELIABLE_SIZE};
        WORLD_CHECK(world, sender_receive(world->sender, &part, 1, world->now_s,
                                          &world->failure) == MIXFEED_OK);
    }
}

static inline void world_checkpoint(struct world *world)
{
    struct reliable answer;
    if (fake_checkpoint(&world->fake, &answer)) {
        world_answer(world, &answer);
    }
}

/* The sender is killed and started again; its points are in a spool. */
static inline void world_restart(struct world *world)
{
    sender_destroy(&world->sender);
    world->sender = sender_new("fake", FAKE_COLUMNS, WORLD_BATCH, world->backlog);
    world_break(world);
}

static inline void world_check(struct world *world)
{
    const struct mixfeed_marks marks = sender_marks(world->sender);
    WORLD_CHECK(world, !world->fake.is_wrong);
    WORLD_CHECK(world, marks.safe <= world->fake.safe);
    WORLD_CHECK(world, world->backlog->trimmed <= world->fake.safe);
    WORLD_CHECK(world, marks.safe <= marks.durable && marks.durable <= marks.applied);
    WORLD_CHECK(world, world->fake.applied <= world->backlog->newest);
}

enum {
    WORLD_APPEND,
    WORLD_SEND,
    WORLD_UP,
    WORLD_DOWN,
    WORLD_CHECKPOINT,
    WORLD_CLOCK,
    WORLD_CRASH,
    WORLD_BREAK,
    WORLD_DROP_UP,
    WORLD_DROP_DOWN,
    WORLD_TWICE_UP,
    WORLD_TWICE_DOWN,
    WORLD_RESTART,
    WORLD_STEPS
};

/* One step; value says how much of it. */
static inline void world_step(struct world *world, unsigned step, unsigned value)
{
    switch (step % WORLD_STEPS) {
    case WORLD_APPEND:
        world_append(world, value);
        break;
    case WORLD_SEND:
        world_send(world);
        break;
    case WORLD_UP:
    case WORLD_TWICE_UP:
        world_deliver_up(world);
        break;
    case WORLD_DOWN:
    case WORLD_TWICE_DOWN:
        world_deliver_down(world);
        break;
    case WORLD_CHECKPOINT:
        world_checkpoint(world);
        break;
    case WORLD_CLOCK:
        world->now_s += (value % 16) / 8.0;
        break;
    case WORLD_CRASH:
        fake_crash(&world->fake);
        world_break(world);
        break;
    case WORLD_BREAK:
        world_break(world);
        break;
    case WORLD_RESTART:
        world_restart(world);
        break;
    default:
        break; /* what is only dropped */
    }
    if (step % WORLD_STEPS == WORLD_UP || step % WORLD_STEPS == WORLD_DROP_UP) {
        world_drop(&world->up);
    }
    if (step % WORLD_STEPS == WORLD_DOWN || step % WORLD_STEPS == WORLD_DROP_DOWN) {
        world_drop(&world->down);
    }
    world_check(world);
}

/* ---- Beginning and end --------------------------------------------------------- */

static inline struct world *world_new(void)
{
    struct world *world = calloc(1, sizeof(*world));
    world->fake.window = WORLD_WINDOW;
    world->backlog = chunks_new(FAKE_COLUMNS);
    world->sender = sender_new("fake", FAKE_COLUMNS, WORLD_BATCH, world->backlog);
    return world;
}

/* From whatever has happened the feed recovers by itself: in the end all is safe. */
static inline void world_heal(struct world *world)
{
    for (unsigned i = 0; i < 20000 && world->broken == NULL &&
                         world->backlog->trimmed < world->backlog->newest;
         i++) {
        world_step(world, WORLD_SEND, 0);
        world_step(world, WORLD_UP, 0);
        world_step(world, WORLD_DOWN, 0);
        if (i % 8 == 0) {
            world_step(world, WORLD_CHECKPOINT, 0);
            world_step(world, WORLD_CLOCK, 1); /* with an ACK more often than patience */
        }
    }
    WORLD_CHECK(world, world->fake.safe == world->backlog->newest);
    WORLD_CHECK(world, world->backlog->trimmed == world->backlog->newest);
}

static inline void world_destroy(struct world **world)
{
    sender_destroy(&(*world)->sender);
    backlog_destroy(&(*world)->backlog);
    free(*world);
    *world = NULL;
}

#endif
