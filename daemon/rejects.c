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

/* ---- For the durable state ------------------------------------------------- */

uint64_t rejects_written(const struct rejects *rejects)
{
    return rejects->written;
}

static uint64_t first_kept(const struct rejects *rejects)
{
    return rejects->written > REJECTS_KEPT ? rejects->written - REJECTS_KEPT : 0;
}

void rejects_pack(const struct rejects *rejects, struct pack *pack)
{
    pack_u64(pack, rejects->written);
    for (uint64_t i = first_kept(rejects); i < rejects->written; i++) {
        const struct letter *letter = &rejects->ring[i % REJECTS_KEPT];
        pack_text(pack, reason_label(letter->reason));
        pack_f64(pack, letter->time_s);
        pack_u64(pack, letter->points);
        pack_u64(pack, letter->size);
        pack_text(pack, letter->detail);
        pack_bytes(pack, letter->data, kept_bytes(letter->size));
    }
}

static bool unpack_letter(struct letter *letter, struct unpack *unpack)
{
    const struct bytes label = unpack_bytes(unpack);
    letter->reason = reason_find(label.data, label.size);
    letter->time_s = unpack_f64(unpack);
    letter->points = unpack_u64(unpack);
    letter->size = (size_t)unpack_u64(unpack);
    const struct bytes detail = unpack_bytes(unpack);
    const struct bytes data = unpack_bytes(unpack);
    if (unpack->is_short || detail.size >= DETAIL_SIZE ||
        data.size != kept_bytes(letter->size)) {
        return false;
    }
    memcpy(letter->detail, detail.data, detail.size);
    letter->detail[detail.size] = '\0';
    memcpy(letter->data, data.data, data.size);
    return letter->reason != REASON_NONE;
}

bool rejects_unpack(struct rejects *rejects, struct unpack *unpack)
{
    bool is_good = true;
    rejects->written = unpack_u64(unpack);
    for (uint64_t i = first_kept(rejects); i < rejects->written && is_good; i++) {
        is_good = unpack_letter(&rejects->ring[i % REJECTS_KEPT], unpack);
    }
    return is_good;
}

/* ---- For people ------------------------------------------------------------ */

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
    for (uint64_t i = first_kept(rejects); i < rejects->written; i++) {
        json_array_append_new(array, letter_json(&rejects->ring[i % REJECTS_KEPT]));
    }
    return array;
}
