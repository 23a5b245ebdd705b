/* SPDX-License-Identifier: MIT
 *
 * Messages of the reliable feed (DEALER to ROUTER): bytes <-> header, for both sides. A
 * message is one header frame and, for DATA alone, one frame of n x columns float64,
 * row-major. Everything is little-endian:
 *
 *      0  u8   version         16  u64 session         48  u32  crc32c(payload)
 *      1  u8   type            24  u64 a               52  u32  columns
 *      2  u16  code            32  u64 b               56  char source[32], NUL-padded
 *      4  u32  count           40  u64 c               88
 *      8  u64  incarnation
 *
 * Points of a source are numbered from 1. `safe <= durable <= applied` are the last
 * numbers that are in both generations of the checkpoint, in the newest one, and in
 * memory; a sender may forget what is safe, and nothing else.
 *
 *     HELLO    to daemon   a = oldest point the sender still holds, b = newest one;
 *                          nothing is held when a = b + 1 (or both 0); no session yet;
 *                          count = points it can hold, 0: does not say
 *     WELCOME  to sender   a, b, c = safe, durable, applied; session, for all that
 *                          follows; count = window: points up to safe + count may be sent
 *     DATA     to daemon   a = number of the first point, count = points, columns, crc
 *     ACK      to sender   a, b, c = safe, durable, applied; any may be lost
 *     NAK      to sender   a = the number expected; once per gap until progress
 *     ERR      to sender   code; a = session of the message that it answers; c = applied
 *                          with code LOSS
 *     BYE      both        an orderly end
 *
 * ZMQ_PROBE_ROUTER's empty message, which has no header, is answered with ERR 6. */
#ifndef RELIABLE_H
#define RELIABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reader.h" /* struct bytes */

#define RELIABLE_VERSION 1
#define RELIABLE_SIZE 88       /* bytes of a header */
#define RELIABLE_SOURCE_MAX 31 /* characters of a source's name, without its NUL */
#define RELIABLE_PARTS_MAX 2

/* The last number a point may have: one more is still a number. */
#define RELIABLE_SEQ_MAX (UINT64_MAX - 1)

/* X(NAME, value on the wire) */
#define RELIABLE_TYPES(X)                                                                \
    X(HELLO, 1)                                                                          \
    X(WELCOME, 2)                                                                        \
    X(DATA, 3)                                                                           \
    X(ACK, 4)                                                                            \
    X(NAK, 5)                                                                            \
    X(ERR, 6)                                                                            \
    X(BYE, 7)

enum reliable_type {
#define X(name, value) RELIABLE_##name = value,
    RELIABLE_TYPES(X)
#undef X
};

/* X(NAME, code on the wire, "what it means") */
#define RELIABLE_CODES(X)                                                                \
    X(OK, 0, "no error")                                                                 \
    X(FRAMES, 1, "a message of the wrong number of frames")                              \
    X(HEADER, 2, "a header that is not valid")                                           \
    X(SOURCES, 3, "one source more than the daemon keeps")                               \
    X(INCARNATION, 4, "the source is known with another incarnation")                    \
    X(LOSS, 5, "the sender no longer holds points that the daemon does not have")        \
    X(SESSION, 6, "no session, or not the newest one of the source")                     \
    X(PAYLOAD, 7, "a payload that does not fit its header or the stream")                \
    X(DENIED, 8, "this peer may not send as this source")                                \
    X(CLOSING, 9, "the daemon is shutting down")

enum reliable_code {
#define X(name, value, meaning) RELIABLE_CODE_##name = value,
    RELIABLE_CODES(X)
#undef X
};

/* A header in memory. */
struct reliable {
    enum reliable_type type;
    uint16_t code;        /* ERR: enum reliable_code, or one of a later version */
    uint32_t count;       /* DATA: points; WELCOME, HELLO: window in points */
    uint64_t incarnation; /* random, made with the sender's spool */
    uint64_t session;     /* random, made by the daemon for a WELCOME; 0: none */
    uint64_t a, b, c;     /* as above */
    uint32_t crc;         /* crc32c of the payload, 0 without one */
    uint32_t columns;     /* DATA: numbers per point, with time and weight */
    char source[RELIABLE_SOURCE_MAX + 1]; /* NUL-terminated */
};

/* Writes a header. The source must be valid, or empty in an ERR that answers a message
 * without one. */
void reliable_encode(const struct reliable *header, unsigned char to[RELIABLE_SIZE]);

/* Reads and checks one from a frame, which need not be aligned. RELIABLE_CODE_OK, or
 * RELIABLE_CODE_HEADER; then the members are as far as they could be read, and source is
 * empty if it is not valid. What is checked: size, version, type, source (an ERR may
 * have none), the numbers of HELLO and DATA; a count of 0 in DATA is left to
 * reliable_check_payload(). */
enum reliable_code reliable_decode(struct bytes frame, struct reliable *header);

/* Judges the frame that came with a DATA header against it and the columns of the
 * stream: RELIABLE_CODE_OK, or RELIABLE_CODE_PAYLOAD with *why (static) telling. */
enum reliable_code reliable_check_payload(const struct reliable *header,
                                          struct bytes payload, size_t columns,
                                          const char **why);

/* 1..31 of [A-Za-z0-9._-]. */
bool reliable_source_is_valid(const char *source, size_t size);

/* "HELLO", …; NULL: no such type. */
const char *reliable_type_name(unsigned type);
/* The meaning of a code; "an error of a later version" if it is not known. */
const char *reliable_code_meaning(unsigned code);

#endif
