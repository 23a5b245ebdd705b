/* SPDX-License-Identifier: MIT */
#include "capture_value.h"

#include <string.h>

#include "xalloc.h"

/* ---- Names ----------------------------------------------------------------- */

char *value_slot_name(const char *stream, const struct slot *slot)
{
    return slot->key != NULL ? xformat("%s/%s", stream, slot->key) : xstrdup(stream);
}

char *value_page_name(const char *slot, size_t page)
{
    return xformat("%s/%zu", slot, page);
}

bool value_slot_key(const struct item *item, const char *stream, struct bytes *key)
{
    const size_t length = strlen(stream);
    if (strcmp(item->kind, KIND_SLOT) != 0 || strncmp(item->name, stream, length) != 0) {
        return false;
    }
    const char *rest = item->name + length;
    *key = *rest == '/' ? (struct bytes){rest + 1, strlen(rest + 1)}
                        : (struct bytes){NULL, 0};
    return *rest == '/' || *rest == '\0';
}

/* ---- Ledgers --------------------------------------------------------------- */

/* Reasons by label, so that the list may grow. */
void value_pack_ledger(struct pack *pack, const struct ledger *ledger)
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

struct ledger value_unpack_ledger(struct unpack *unpack)
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

void value_pack_slot(struct pack *pack, const struct slot *slot, size_t index)
{
    pack_u64(pack, index);
    value_pack_ledger(pack, &slot->counts);
    pack_f64(pack, slot->last_time_s);
    pack_u64(pack, slot->seq);
    pack_u64(pack, slot->published_updates);
    pack_u64(pack, slot->noted_unscorable);
    pack_u64(pack, slot->noted_frozen);
    pack_u64(pack, slot->has_started);
    void *space = pack_space(pack, mix_learner_part_size(slot->learner, 0));
    mix_learner_encode_part(slot->learner, 0, space);
}

bool value_read_slot(const struct item *item, struct slot_record *record)
{
    struct unpack unpack = {item->value, item->size, false};
    record->index = unpack_u64(&unpack);
    record->counts = value_unpack_ledger(&unpack);
    record->last_time_s = unpack_f64(&unpack);
    record->seq = unpack_u64(&unpack);
    record->published_updates = unpack_u64(&unpack);
    record->noted_unscorable = unpack_u64(&unpack);
    record->noted_frozen = unpack_u64(&unpack);
    record->has_started = unpack_u64(&unpack) != 0;
    record->learner = unpack_bytes(&unpack);
    return unpack_is_done(&unpack);
}

/* ---- Recordings ------------------------------------------------------------ */

void value_pack_recording(struct pack *pack, const struct recorder_mark *mark)
{
    pack_text(pack, mark->id);
    pack_u64(pack, mark->rows);
    pack_u64(pack, mark->lost);
}

bool value_read_recording(const struct item *item, struct recorder_mark *mark)
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
