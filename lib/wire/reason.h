/* SPDX-License-Identifier: MIT
 *
 * Why a point, a line or a message was rejected: one list for decoders, ledger,
 * frames and metrics. */
#ifndef REASON_H
#define REASON_H

#include <stddef.h>

/* X(NAME, "label", "what it means") */
#define REASONS(X)                                                                       \
    X(FRAMES, "frames", "a message of the wrong number of parts")                        \
    X(HEADER, "header", "an array header that is not the JSON object it should be")      \
    X(DTYPE, "dtype", "an array of a type that is not known")                            \
    X(SHAPE, "shape", "a body that does not hold the stream's columns")                  \
    X(SIZE, "size", "a message over feed.max_message, or a line over 64 KiB")            \
    X(PARSE, "parse", "a line that is not one complete value of its format")             \
    X(VALUE, "value", "an infinite value")                                               \
    X(RANGE, "range", "a value over 1e150 in size, or not of its family")                \
    X(MISSING, "missing", "a missing value where none is allowed")                       \
    X(UNSCORABLE, "unscorable", "all values missing, or no finite density")              \
    X(WEIGHT, "weight", "a weight that is missing, negative or not finite")              \
    X(TIME, "time", "a time that cannot be read")                                        \
    X(KEY, "key", "a key that is empty, too long, not UTF-8, or past max_keys")          \
    X(FROZEN, "frozen", "arrived while frozen: scored, not learned")                     \
    X(RESET, "reset", "waited to be learned when the model was forgotten")

enum reason {
    REASON_NONE,
#define X(name, label, meaning) REASON_##name,
    REASONS(X)
#undef X
        REASON_COUNT
};

/* "frames", "header", …; "" for REASON_NONE. Never NULL within the list. */
const char *reason_label(enum reason reason);
/* The reason with that label, or REASON_NONE. */
enum reason reason_find(const char *label, size_t length);
const char *reason_meaning(enum reason reason);

#endif
