/* SPDX-License-Identifier: MIT
 *
 * The daemon's side of a reliable feed for one source, without a socket, for tests of
 * the sender. Point n is expected to be the row (n, -n). */
#ifndef FAKE_RECEIVER_H
#define FAKE_RECEIVER_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "crc32c.h"
#include "reliable.h"

#define FAKE_COLUMNS 2

struct fake_receiver {
    char source[RELIABLE_SOURCE_MAX + 1];
    uint64_t incarnation;         /* 0: the source is not known yet */
    uint64_t session, n_sessions; /* session 0: none */
    uint64_t safe, durable, applied;
    uint64_t duplicates;
    uint32_t window;
    bool has_gap;  /* NAK was said */
    bool is_wrong; /* a point came that is not what its number says */
};

static inline struct reliable fake_answer(const struct fake_receiver *fake,
                                          enum reliable_type type)
{
    struct reliable answer = {
        .type = type,
        .incarnation = fake->incarnation,
        .session = fake->session,
        .a = fake->safe,
        .b = fake->durable,
        .c = fake->applied,
        .count = fake->window,
    };
    memcpy(answer.source, fake->source, sizeof(answer.source));
    return answer;
}

static inline struct reliable fake_error(const struct fake_receiver *fake,
                                         enum reliable_code code, uint64_t session)
{
    struct reliable answer = {.type = RELIABLE_ERR, .code = code, .a = session};
    memcpy(answer.source, fake->source, sizeof(answer.source));
    answer.c = code == RELIABLE_CODE_LOSS ? fake->applied : 0;
    return answer;
}

/* The next generation of the state; ACK if there is a session. */
static inline bool fake_checkpoint(struct fake_receiver *fake, struct reliable *answer)
{
    fake->safe = fake->durable;
    fake->durable = fake->applied;
    *answer = fake_answer(fake, RELIABLE_ACK);
    return fake->session != 0;
}

/* Killed and started again; the connection is new with it. */
static inline void fake_crash(struct fake_receiver *fake)
{
    fake->applied = fake->durable;
    fake->session = 0;
}

static inline bool fake_hello(struct fake_receiver *fake, const struct reliable *header,
                              struct reliable *answer)
{
    if (fake->incarnation == 0) {
        memcpy(fake->source, header->source, sizeof(fake->source));
        fake->incarnation = header->incarnation;
    }
    if (fake->incarnation != header->incarnation) {
        *answer = fake_error(fake, RELIABLE_CODE_INCARNATION, 0);
    } else if (header->a > fake->applied + 1) {
        *answer = fake_error(fake, RELIABLE_CODE_LOSS, 0);
    } else {
        fake->session = ++fake->n_sessions;
        fake->has_gap = false;
        *answer = fake_answer(fake, RELIABLE_WELCOME);
    }
    return true;
}

static inline bool fake_data(struct fake_receiver *fake, const struct reliable *header,
                             struct bytes payload, struct reliable *answer)
{
    const char *why;
    if (reliable_check_payload(header, payload, FAKE_COLUMNS, &why) != RELIABLE_CODE_OK) {
        *answer = fake_error(fake, RELIABLE_CODE_PAYLOAD, header->session);
        return true;
    }
    if (header->a > fake->applied + 1) {
        const bool is_said = fake->has_gap;
        *answer = fake_answer(fake, RELIABLE_NAK);
        answer->a = fake->applied + 1;
        fake->has_gap = true;
        return !is_said;
    }
    for (uint32_t i = 0; i < header->count; i++) {
        const uint64_t seq = header->a + i;
        double row[FAKE_COLUMNS];
        memcpy(row, (const char *)payload.data + i * sizeof(row), sizeof(row));
        fake->is_wrong |= row[0] != (double)seq || row[1] != -(double)seq ||
                          seq > fake->safe + fake->window;
        fake->duplicates += seq <= fake->applied ? 1 : 0;
        fake->applied = seq > fake->applied ? seq : fake->applied;
    }
    fake->has_gap = false;
    return false;
}

/* Takes a message. True: there is an answer. */
static inline bool fake_receive(struct fake_receiver *fake, const struct bytes *parts,
                                size_t n_parts, struct reliable *answer)
{
    struct reliable header;
    if (reliable_decode(parts[0], &header) != RELIABLE_CODE_OK) {
        *answer = fake_error(fake, RELIABLE_CODE_HEADER, 0);
        return true;
    }
    if (header.type == RELIABLE_HELLO) {
        return fake_hello(fake, &header, answer);
    }
    if (fake->session == 0 || header.session != fake->session) {
        *answer = fake_error(fake, RELIABLE_CODE_SESSION, header.session);
        return true;
    }
    if (header.type == RELIABLE_BYE) {
        fake->session = 0;
        return false;
    }
    return header.type == RELIABLE_DATA && n_parts == 2 &&
           fake_data(fake, &header, parts[1], answer);
}

/* Rows first..first + n - 1. */
static inline void fake_rows(double *rows, uint64_t first, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        rows[FAKE_COLUMNS * i] = (double)(first + i);
        rows[FAKE_COLUMNS * i + 1] = -(double)(first + i);
    }
}

#endif
