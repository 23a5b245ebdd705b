/* SPDX-License-Identifier: MIT */
#include "capture.h"

#include <stdlib.h>
#include <string.h>

#include "capture_value.h"
#include "imprint.h"
#include "intake.h"
#include "log.h"
#include "xalloc.h"

/* ---- Values ---------------------------------------------------------------- */

struct capture *capture_new(void)
{
    return xalloc(1, sizeof(struct capture));
}

void capture_destroy(struct capture **capture)
{
    while (*capture != NULL) {
        struct capture *next = (*capture)->next;
        arena_clear(&(*capture)->arena);
        free((*capture)->scratch.bytes);
        free((*capture)->item);
        free((*capture)->synced);
        free(*capture);
        *capture = next;
    }
}

/* Name and value are the arena's. */
static void add(struct capture *capture, const char *kind, const char *name,
                const void *value, size_t size)
{
    if (capture->n == capture->room) {
        capture->room = 2 * capture->room + 16;
        capture->item = xrealloc(capture->item, capture->room, sizeof(capture->item[0]));
    }
    capture->item[capture->n++] = (struct captured){kind, name, value, size};
}

static void *copy(struct capture *capture, const void *bytes, size_t size)
{
    return memcpy(arena_take(&capture->arena, size), bytes, size);
}

static struct pack *begin(struct capture *capture)
{
    capture->scratch.size = 0;
    return &capture->scratch;
}

/* The value in the scratch, under that name, which is copied as well. */
static void add_scratch(struct capture *capture, const char *kind, const char *name)
{
    const struct pack *pack = &capture->scratch;
    add(capture, kind, copy(capture, name, strlen(name) + 1),
        copy(capture, pack->bytes, pack->size), pack->size);
}

/* ---- Slots ----------------------------------------------------------------- */

static void add_page(struct capture *capture, const char *slot, size_t page,
                     const void *value, size_t size)
{
    char *name = value_page_name(slot, page);
    add(capture, KIND_ROWS, copy(capture, name, strlen(name) + 1), value, size);
    free(name);
}

/* The parts of its rows that changed, or hold nothing any more. */
static void capture_rows(struct capture *capture, const struct stream *stream,
                         const char *name, struct slot *slot)
{
    const struct mix_learner *learner = slot->learner;
    const size_t n = mix_parts(&stream->config->mix);
    for (size_t part = 1; part < n; part++) {
        if (slot->is_captured &&
            !mix_learner_part_changed(learner, part, slot->captured)) {
            continue;
        }
        const size_t size = mix_learner_part_size(learner, part);
        void *value = size > 0 ? arena_take(&capture->arena, size) : NULL;
        if (value != NULL) {
            mix_learner_encode_part(learner, part, value);
        }
        if (value != NULL || slot->is_captured) {
            add_page(capture, name, part - 1, value, size);
        }
    }
    slot->is_captured = true;
    slot->captured = mix_learner_mark(learner);
}

static void capture_slot(struct capture *capture, const struct stream *stream,
                         struct slot *slot, size_t index)
{
    struct pack *pack = begin(capture);
    const struct ledger ledger = slot_ledger(slot);
    char *name = value_slot_name(stream->config->name, slot);
    capture->n_unbalanced += !ledger_holds(&ledger);
    value_pack_slot(pack, slot, index);
    add_scratch(capture, KIND_SLOT, name);
    capture_rows(capture, stream, name, slot);
    free(name);
    slot->is_changed = false;
}

/* ---- Capturing ------------------------------------------------------------- */

static void capture_accounts(struct capture *capture, const struct stream *stream)
{
    struct pack *pack = begin(capture);
    capture->n_unbalanced += !ledger_holds(&stream->unkeyed);
    value_pack_ledger(pack, &stream->unkeyed);
    pack_u64(pack, stream->is_frozen);
    sources_pack(stream->sources, pack);
    add_scratch(capture, KIND_STREAM, stream->config->name);
}

static void add_synced(void *context, char *path)
{
    struct capture *capture = context;
    capture->synced =
        xrealloc(capture->synced, capture->n_synced + 1, sizeof(capture->synced[0]));
    capture->synced[capture->n_synced++] = copy(capture, path, strlen(path) + 1);
}

/* The rows that the learners have, and no more. */
static void capture_recording(struct capture *capture, const struct stream *stream,
                              int64_t now_ms)
{
    struct recorder *recorder = stream->recorder;
    recorder_flush(recorder, now_ms);
    recorder_sync(recorder, add_synced, capture);
    const struct recorder_mark mark = recorder_mark(recorder);
    value_pack_recording(begin(capture), &mark);
    add_scratch(capture, KIND_RECORDING, stream->config->name);
}

/* The sources go with the points that they brought. */
static void capture_roster(struct capture *capture, const struct stream *stream)
{
    roster_pack(intake_roster(stream->intake), begin(capture));
    add_scratch(capture, KIND_ROSTER, stream->config->name);
}

void capture_stream(struct capture *capture, struct stream *stream, int64_t now_ms)
{
    const char *name = stream->config->name;
    if (!stream->kept.is_imprinted) {
        char *imprint = imprint_write(stream->config);
        add(capture, KIND_IMPRINT, copy(capture, name, strlen(name) + 1),
            copy(capture, imprint, strlen(imprint)), strlen(imprint));
        free(imprint);
    }
    if (stream->kept.is_changed || !stream->kept.is_imprinted) {
        capture_accounts(capture, stream);
        if (stream->intake != NULL) {
            capture_roster(capture, stream);
        }
    }
    if (stream->intake != NULL) {
        intake_capture(stream->intake);
    }
    if (stream->recorder != NULL &&
        (stream->kept.is_changed || !stream->kept.is_imprinted ||
         stream->recorder->problem[0] != '\0')) {
        capture_recording(capture, stream, now_ms);
    }
    if (rejects_written(stream->rejects) != stream->kept.rejects) {
        rejects_pack(stream->rejects, begin(capture));
        add_scratch(capture, KIND_REJECTS, name);
        stream->kept.rejects = rejects_written(stream->rejects);
    }
    for (size_t i = 0; i < router_count(stream->router); i++) {
        struct slot *slot = router_slot(stream->router, i);
        if (slot->is_changed || !stream->kept.is_imprinted) {
            capture_slot(capture, stream, slot, i);
        }
    }
    stream->kept.is_imprinted = true;
    stream->kept.is_changed = false;
}
