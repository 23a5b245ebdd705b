/* SPDX-License-Identifier: MIT */
#include "capture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "imprint.h"
#include "intake.h"
#include "log.h"
#include "xalloc.h"

static const char IMPRINT[] = "imprint";
static const char STREAM[] = "stream";
static const char ROSTER[] = "roster";
static const char REJECTS[] = "rejects";
static const char SLOT[] = "slot";
static const char ROWS[] = "rows";
static const char RECORDING[] = "recording";

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

/* ---- Ledgers --------------------------------------------------------------- */

/* Reasons by label, so that the list may grow. */
static void pack_ledger(struct pack *pack, const struct ledger *ledger)
{
    uint64_t n = 0;
    pack_u64(pack, ledger->received);
    pack_u64(pack, ledger->duplicate);
    pack_u64(pack, ledger->lost);
    for (enum reason reason = REASON_NONE + 1; reason < REASON_COUNT; reason++) {
        n += ledger->rejected[reason] > 0;
    }
    pack_u64(pack, n);
    for (enum reason reason = REASON_NONE + 1; reason < REASON_COUNT; reason++) {
        if (ledger->rejected[reason] > 0) {
            pack_text(pack, reason_label(reason));
            pack_u64(pack, ledger->rejected[reason]);
        }
    }
}

static struct ledger unpack_ledger(struct unpack *unpack)
{
    struct ledger ledger = {0};
    ledger.received = unpack_u64(unpack);
    ledger.duplicate = unpack_u64(unpack);
    ledger.lost = unpack_u64(unpack);
    for (uint64_t n = unpack_u64(unpack); n > 0 && !unpack->is_short; n--) {
        const struct bytes label = unpack_bytes(unpack);
        const enum reason reason = reason_find(label.data, label.size);
        ledger.rejected[reason] += unpack_u64(unpack);
    }
    return ledger;
}

/* ---- Slots ----------------------------------------------------------------- */

/* A slot as it is kept; the learner's bytes are a view. */
struct slot_record {
    uint64_t index; /* in the order in which they were made */
    struct ledger counts;
    double last_time_s;
    uint64_t seq, published_updates, noted_unscorable, noted_frozen;
    bool has_started;
    struct bytes learner;
};

static char *slot_name(const struct stream *stream, const struct slot *slot)
{
    return slot->key != NULL ? xformat("%s/%s", stream->config->name, slot->key)
                             : xstrdup(stream->config->name);
}

static char *page_name(const char *slot, size_t page)
{
    return xformat("%s/%zu", slot, page);
}

static void add_page(struct capture *capture, const char *slot, size_t page,
                     const void *value, size_t size)
{
    char *name = page_name(slot, page);
    add(capture, ROWS, copy(capture, name, strlen(name) + 1), value, size);
    free(name);
}

/* The parts of its rows that changed, or hold nothing any more. */
static void capture_rows(struct capture *capture, const struct stream *stream,
                         const char *name, struct slot *slot)
{
    const struct mix_learner *learner = slot->learner;
    const size_t n = mix_parts(&stream->config->mix);
    for (size_t part = 1; part < n; part++) {
        if (slot->is_captured && !mix_learner_part_changed(learner, part, slot->captured)) {
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
    char *name = slot_name(stream, slot);
    capture->n_unbalanced += !ledger_holds(&ledger);
    pack_u64(pack, index);
    pack_ledger(pack, &slot->counts);
    pack_f64(pack, slot->last_time_s);
    pack_u64(pack, slot->seq);
    pack_u64(pack, slot->published_updates);
    pack_u64(pack, slot->noted_unscorable);
    pack_u64(pack, slot->noted_frozen);
    pack_u64(pack, slot->has_started);
    void *space = pack_space(pack, mix_learner_part_size(slot->learner, 0));
    mix_learner_encode_part(slot->learner, 0, space);
    add_scratch(capture, SLOT, name);
    capture_rows(capture, stream, name, slot);
    free(name);
    slot->is_changed = false;
}

static bool read_slot(const struct item *item, struct slot_record *record)
{
    struct unpack unpack = {item->value, item->size, false};
    record->index = unpack_u64(&unpack);
    record->counts = unpack_ledger(&unpack);
    record->last_time_s = unpack_f64(&unpack);
    record->seq = unpack_u64(&unpack);
    record->published_updates = unpack_u64(&unpack);
    record->noted_unscorable = unpack_u64(&unpack);
    record->noted_frozen = unpack_u64(&unpack);
    record->has_started = unpack_u64(&unpack) != 0;
    record->learner = unpack_bytes(&unpack);
    return unpack_is_done(&unpack);
}

/* The learner of a slot's record, with its rows among the items. NULL and *err. */
static struct mix_learner *read_learner(const struct stream_config *config,
                                        const struct items *items, const char *name,
                                        struct bytes head, enum mix_err *err)
{
    const size_t n = mix_parts(&config->mix);
    struct mix_part *part = xalloc(n, sizeof(part[0]));
    part[0] = (struct mix_part){head.data, head.size};
    for (size_t i = 1; i < n; i++) {
        char *page = page_name(name, i - 1);
        const struct item *item = items_get(items, ROWS, page);
        if (item != NULL) {
            part[i] = (struct mix_part){item->value, item->size};
        }
        free(page);
    }
    struct mix_learner *learner = mix_learner_decode_parts(&config->mix, part, n, err);
    free(part);
    return learner;
}

/* The key of a slot's item of that stream: {NULL, 0} for a stream without keys. False:
 * it is another stream's. */
static bool slot_key(const struct item *item, const char *stream, struct bytes *key)
{
    const size_t length = strlen(stream);
    if (strcmp(item->kind, SLOT) != 0 || strncmp(item->name, stream, length) != 0) {
        return false;
    }
    const char *rest = item->name + length;
    *key = *rest == '/' ? (struct bytes){rest + 1, strlen(rest + 1)}
                        : (struct bytes){NULL, 0};
    return *rest == '/' || *rest == '\0';
}

/* ---- Capturing ------------------------------------------------------------- */

static void capture_accounts(struct capture *capture, const struct stream *stream)
{
    struct pack *pack = begin(capture);
    capture->n_unbalanced += !ledger_holds(&stream->unkeyed);
    pack_ledger(pack, &stream->unkeyed);
    pack_u64(pack, stream->is_frozen);
    sources_pack(stream->sources, pack);
    add_scratch(capture, STREAM, stream->config->name);
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
    struct pack *pack = begin(capture);
    pack_text(pack, mark.id);
    pack_u64(pack, mark.rows);
    pack_u64(pack, mark.lost);
    add_scratch(capture, RECORDING, stream->config->name);
}

static bool read_recording(const struct item *item, struct recorder_mark *mark)
{
    struct unpack unpack = {item->value, item->size, false};
    const struct bytes id = unpack_bytes(&unpack);
    mark->rows = unpack_u64(&unpack);
    mark->lost = unpack_u64(&unpack);
    if (!unpack_is_done(&unpack) || id.size != sizeof(mark->id) - 1) {
        return false;
    }
    memcpy(mark->id, id.data, id.size);
    return true;
}

/* The sources go with the points that they brought. */
static void capture_roster(struct capture *capture, const struct stream *stream)
{
    roster_pack(intake_roster(stream->intake), begin(capture));
    add_scratch(capture, ROSTER, stream->config->name);
}

void capture_stream(struct capture *capture, struct stream *stream, int64_t now_ms)
{
    const char *name = stream->config->name;
    if (!stream->kept.is_imprinted) {
        char *imprint = imprint_write(stream->config);
        add(capture, IMPRINT, copy(capture, name, strlen(name) + 1),
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
        add_scratch(capture, REJECTS, name);
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

/* ---- Restoring ------------------------------------------------------------- */

static void restore_slot(struct stream *stream, const struct items *items,
                         const struct item *item, struct bytes key)
{
    struct slot_record record;
    if (!read_slot(item, &record)) {
        out_of_memory(); /* else it was not accepted */
    }
    struct slot *slot = router_put(stream->router, key);
    struct mix_learner *learner =
        read_learner(stream->config, items, item->name, record.learner, NULL);
    if (slot == NULL || learner == NULL) {
        out_of_memory(); /* as above */
    }
    mix_learner_destroy(&slot->learner);
    slot->learner = learner;
    slot->counts = record.counts;
    slot->last_time_s = record.last_time_s;
    slot->seq = record.seq;
    slot->published_updates = record.published_updates;
    slot->noted_unscorable = record.noted_unscorable;
    slot->noted_frozen = record.noted_frozen;
    slot->has_started = record.has_started;
    char *first = page_name(item->name, 0);
    slot->is_captured = items_get(items, ROWS, first) != NULL; /* else it was one part */
    slot->captured = mix_learner_mark(learner);
    free(first);
    if (slot_is_busy(slot)) {
        stream->busy = slot;
    }
}

/* Slots in the order in which they were made. */
struct ordered {
    uint64_t index;
    const struct item *item;
    struct bytes key;
};

static int compare_ordered(const void *a, const void *b)
{
    const uint64_t left = ((const struct ordered *)a)->index;
    const uint64_t right = ((const struct ordered *)b)->index;
    return left < right ? -1 : left > right;
}

static void restore_slots(struct stream *stream, const struct items *items)
{
    struct ordered *list = xalloc(items_count(items), sizeof(list[0]));
    size_t n = 0;
    for (size_t i = 0; i < items_count(items); i++) {
        const struct item *item = items_at(items, i);
        struct bytes key;
        if (item->value != NULL && slot_key(item, stream->config->name, &key)) {
            struct unpack unpack = {item->value, item->size, false};
            list[n++] = (struct ordered){unpack_u64(&unpack), item, key};
        }
    }
    qsort(list, n, sizeof(list[0]), compare_ordered);
    for (size_t i = 0; i < n; i++) {
        restore_slot(stream, items, list[i].item, list[i].key);
    }
    free(list);
}

void capture_restore(struct stream *stream, const struct items *items)
{
    const char *name = stream->config->name;
    const struct item *accounts = items_get(items, STREAM, name);
    const struct item *rejects = items_get(items, REJECTS, name);
    const struct item *roster = items_get(items, ROSTER, name);
    if (accounts == NULL) {
        return;
    }
    struct unpack unpack = {accounts->value, accounts->size, false};
    stream->unkeyed = unpack_ledger(&unpack);
    stream->is_frozen = unpack_u64(&unpack) != 0;
    sources_unpack(stream->sources, &unpack);
    if (rejects != NULL) {
        unpack = (struct unpack){rejects->value, rejects->size, false};
        rejects_unpack(stream->rejects, &unpack);
    }
    if (stream->intake != NULL && roster != NULL) {
        unpack = (struct unpack){roster->value, roster->size, false};
        roster_unpack(intake_roster(stream->intake), &unpack);
    }
    restore_slots(stream, items);
    const struct item *recording = items_get(items, RECORDING, name);
    if (recording != NULL && !read_recording(recording, &stream->kept.recording)) {
        abort(); /* it was accepted */
    }
    stream->received = stream_ledger(stream).received;
    stream->rate.received = stream->received;
}

/* ---- Judging --------------------------------------------------------------- */

static bool check_slot(const struct stream_config *config, const struct items *items,
                       const struct item *item, char *why)
{
    struct slot_record record;
    enum mix_err err = MIX_ECORRUPT;
    struct mix_learner *learner = NULL;
    if (read_slot(item, &record)) {
        learner = read_learner(config, items, item->name, record.learner, &err);
    }
    if (learner == NULL) {
        snprintf(why, DATABASE_WHY_SIZE, "learner of %s: %s", item->name,
                 mix_strerror(err));
        return false;
    }
    const struct slot slot = {.learner = learner, .counts = record.counts};
    const struct ledger ledger = slot_ledger(&slot);
    const bool holds = ledger_holds(&ledger);
    mix_learner_destroy(&learner);
    if (!holds) {
        snprintf(why, DATABASE_WHY_SIZE, "ledger of %s: points do not add up",
                 item->name);
    }
    return holds;
}

static bool check_accounts(const struct stream_config *config, const struct items *items,
                           char *why)
{
    const struct item *accounts = items_get(items, STREAM, config->name);
    const struct item *rejects = items_get(items, REJECTS, config->name);
    const struct item *marks = items_get(items, ROSTER, config->name);
    struct unpack unpack = {0};
    bool is_good = accounts != NULL;
    if (is_good) {
        struct sources *sources = sources_new();
        unpack = (struct unpack){accounts->value, accounts->size, false};
        const struct ledger ledger = unpack_ledger(&unpack);
        unpack_u64(&unpack);
        is_good = sources_unpack(sources, &unpack) && unpack_is_done(&unpack) &&
                  ledger_holds(&ledger);
        sources_destroy(&sources);
    }
    if (is_good && rejects != NULL) {
        struct rejects *letters = rejects_new();
        unpack = (struct unpack){rejects->value, rejects->size, false};
        is_good = rejects_unpack(letters, &unpack) && unpack_is_done(&unpack);
        rejects_destroy(&letters);
    }
    if (is_good && marks != NULL) {
        struct roster *roster = roster_new(0);
        unpack = (struct unpack){marks->value, marks->size, false};
        is_good = roster_unpack(roster, &unpack) && unpack_is_done(&unpack);
        roster_destroy(&roster);
    }
    const struct item *recording = items_get(items, RECORDING, config->name);
    struct recorder_mark mark = {0};
    is_good = is_good && (recording == NULL || read_recording(recording, &mark));
    if (!is_good) {
        snprintf(why, DATABASE_WHY_SIZE, "accounts of %s are damaged", config->name);
    }
    return is_good;
}

static bool check_slots(const struct stream_config *config, const struct items *items,
                        char *why)
{
    bool is_good = true;
    struct bytes key;
    for (size_t i = 0; i < items_count(items) && is_good; i++) {
        const struct item *item = items_at(items, i);
        if (item->value != NULL && slot_key(item, config->name, &key)) {
            is_good = check_slot(config, items, item, why);
        }
    }
    return is_good;
}

static enum store_verdict check_stream(const struct stream_config *config,
                                       const struct items *items, char *why)
{
    const struct item *imprint = items_get(items, IMPRINT, config->name);
    bool is_readable;
    if (imprint == NULL) { /* the stream is new */
        return STORE_ACCEPTED;
    }
    if (!imprint_agrees(imprint->value, imprint->size, config, &is_readable, why,
                        DATABASE_WHY_SIZE)) {
        if (!is_readable) {
            snprintf(why, DATABASE_WHY_SIZE, "imprint of %s is damaged", config->name);
        } else {
            const size_t length = strlen(why);
            snprintf(why + length, DATABASE_WHY_SIZE - length,
                     ": change it back, or give the stream another name to begin anew");
        }
        return is_readable ? STORE_MISMATCH : STORE_DAMAGED;
    }
    return check_accounts(config, items, why) && check_slots(config, items, why)
               ? STORE_ACCEPTED
               : STORE_DAMAGED;
}

/* A learner in one part is read as it is, and the first checkpoint after a start captures
 * everything anew; so nothing is lost of a stream that the configuration has no more. */
bool capture_migrate(const void *context, unsigned from, struct items *items, char *why)
{
    (void)context;
    (void)items;
    (void)why;
    return from == 1;
}

enum store_verdict capture_accept(const void *context, const struct items *items,
                                  char *why)
{
    const struct config *config = context;
    enum store_verdict verdict = STORE_ACCEPTED;
    for (size_t i = 0; i < config->n_streams && verdict == STORE_ACCEPTED; i++) {
        verdict = check_stream(&config->streams[i], items, why);
    }
    return verdict;
}
