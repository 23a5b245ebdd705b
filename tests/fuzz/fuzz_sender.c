/* SPDX-License-Identifier: MIT
 *
 * The sender of the reliable feed. An even first byte: a course of events between it and
 * an honest receiver, two bytes a step, after which every point must have been applied
 * once and the feed recover. An odd one: headers of a liar, 88 bytes each; what is sent
 * must stay within what is held and the window. */
#include "fuzz.h"

#include "feed_world.h"

static void play(const uint8_t *data, size_t size)
{
    struct world *world = world_new();
    for (size_t i = 0; i + 1 < size && world->broken == NULL; i += 2) {
        world_step(world, data[i], data[i + 1]);
    }
    world_heal(world);
    if (world->broken != NULL) {
        fprintf(stderr, "broken: %s (%s)\n", world->broken, world->failure.text);
        abort();
    }
    world_destroy(&world);
}

/* Sends all there is to send after a lie. */
static void check_output(struct world *world)
{
    for (size_t i = 0; i < WORLD_HELD; i++) {
        struct bytes parts[SENDER_PARTS_MAX];
        struct reliable header;
        size_t n;
        FUZZ_CHECK(sender_due(world->sender, world->now_s, parts, &n, &world->failure) ==
                   MIXFEED_OK);
        if (n == 0) {
            return;
        }
        FUZZ_CHECK(reliable_decode(parts[0], &header) == RELIABLE_CODE_OK);
        if (header.type == RELIABLE_DATA) {
            const char *why;
            FUZZ_CHECK(n == 2 && header.a > world->backlog->trimmed);
            FUZZ_CHECK(header.a + header.count - 1 <= world->backlog->newest);
            FUZZ_CHECK(reliable_check_payload(&header, parts[1], FAKE_COLUMNS, &why) ==
                       RELIABLE_CODE_OK);
        }
        sender_sent(world->sender, world->now_s);
    }
}

/* The first half of a header says what else it is: small numbers, so that it is not
 * refused at the first look, and the right names. */
static void lie(const uint8_t *data, size_t size)
{
    struct world *world = world_new();
    bool is_over = false;
    for (; size >= RELIABLE_SIZE && !is_over;
         data += RELIABLE_SIZE, size -= RELIABLE_SIZE) {
        unsigned char bytes[RELIABLE_SIZE];
        struct reliable header;
        memcpy(bytes, data, sizeof(bytes));
        world_append(world, data[60]);
        world->now_s += data[61] / 64.0;
        if (reliable_decode((struct bytes){bytes, sizeof(bytes)}, &header) ==
                RELIABLE_CODE_OK &&
            data[62] % 4 != 0) {
            header.incarnation = world->backlog->incarnation;
            memcpy(header.source, "fake", 5);
            reliable_encode(&header, bytes);
        }
        const struct bytes part = {bytes, sizeof(bytes)};
        is_over = sender_receive(world->sender, &part, 1 + (data[63] == 255 ? 1u : 0u),
                                 world->now_s, &world->failure) != MIXFEED_OK;
        FUZZ_CHECK(world->backlog->trimmed <= world->backlog->newest);
        if (!is_over) {
            check_output(world);
        }
    }
    world_destroy(&world);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 0 && data[0] % 2 == 0) {
        play(data + 1, size - 1);
    } else if (size > 0) {
        lie(data + 1, size - 1);
    }
    return 0;
}
