/* SPDX-License-Identifier: MIT */
#include "rejects.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "xalloc.h"

enum { DETAIL_SIZE = 160 };

struct letter {
    enum reason reason;
    double time_s;
    uint64_t points;
    size_t size; /* of the origin, may exceed what is kept */
    char detail[DETAIL_SIZE];
    char data[REJECT_BYTES];
};

struct rejects {
    uint64_t written; /* letters ever; the newest is [(written - 1) % REJECTS_KEPT] */
    struct letter ring[REJECTS_KEPT];
};

struct rejects *rejects_new(void)
{
    return xalloc(1, sizeof(struct rejects));
}

void rejects_destroy(struct rejects **rejects)
{
    free(*rejects);
    *rejects = NULL;
}

static size_t kept_bytes(size_t size)
{
    return size < REJECT_BYTES ? size : REJECT_BYTES;
}

void rejects_add(struct rejects *rejects, const struct reject *reject)
{
    struct letter *letter = &rejects->ring[rejects->written++ % REJECTS_KEPT];
    letter->reason = reject->reason;
    letter->time_s = reject->time_s;
    letter->points = reject->points;
    letter->size = reject->origin.size;
    snprintf(letter->detail, sizeof(letter->detail), "%s",
             reject->detail != NULL ? reject->detail : reason_meaning(reject->reason));
    if (reject->origin.size > 0) {
        memcpy(letter->data, reject->origin.data, kept_bytes(reject->origin.size));
    }
}

static json_t *letter_json(const struct letter *letter)
{
    /* Every byte may become \xNN. */
    char data[4 * REJECT_BYTES + 4];
    char detail[4 * DETAIL_SIZE];
    log_escape(data, sizeof(data), letter->data, kept_bytes(letter->size));
    log_escape(detail, sizeof(detail), letter->detail, strlen(letter->detail));
    return json_pack("{s:f, s:s, s:I, s:I, s:s, s:s}", "time", letter->time_s, "reason",
                     reason_label(letter->reason), "points", (json_int_t)letter->points,
                     "size", (json_int_t)letter->size, "data", data, "detail", detail);
}

json_t *rejects_json(const struct rejects *rejects)
{
    json_t *array = json_array();
    const uint64_t kept =
        rejects->written < REJECTS_KEPT ? rejects->written : REJECTS_KEPT;
    for (uint64_t i = rejects->written - kept; i < rejects->written; i++) {
        json_array_append_new(array, letter_json(&rejects->ring[i % REJECTS_KEPT]));
    }
    return array;
}
