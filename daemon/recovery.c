/* SPDX-License-Identifier: MIT */
#include "recovery.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture_value.h"
#include "database.h" /* DATABASE_WHY_SIZE */
#include "imprint.h"
#include "intake.h"
#include "xalloc.h"

/* The learner of a slot's record, with its rows among the items. NULL and *err. */
static struct mix_learner *read_learner(const struct stream_config *config,
                                        const struct items *items, const char *name,
                                        struct bytes head, enum mix_err *err)
{
    const size_t n = mix_parts(&config->mix);
    struct mix_part *part = xalloc(n, sizeof(part[0]));
    part[0] = (struct mix_part){head.data, head.size};
    for (size_t i = 1; i < n; i++) {
        char *page = value_page_name(name, i - 1);
        const struct item *item = items_get(items, KIND_ROWS, page);
        if (item != NULL) {
            part[i] = (struct mix_part){item->value, item->size};
        }
        free(page);
    }
    struct mix_learner *learner = mix_learner_decode_parts(&config->mix, part, n, err);
    free(part);
    return learner;
}

/* ---- Restoring ------------------------------------------------------------- */

static void restore_slot(struct stream *stream, const struct items *items,
                         const struct item *item, struct bytes key)
{
    struct slot_record record;
    if (!value_read_slot(item, &record)) {
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
    char *first = value_page_name(item->name, 0);
    slot->is_captured =
        items_get(items, KIND_ROWS, first) != NULL; /* else it was one part */
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
        if (item->value != NULL && value_slot_key(item, stream->config->name, &key)) {
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

void recovery_restore(struct stream *stream, const struct items *items)
{
    const char *name = stream->config->name;
    const struct item *accounts = items_get(items, KIND_STREAM, name);
    const struct item *rejects = items_get(items, KIND_REJECTS, name);
    const struct item *roster = items_get(items, KIND_ROSTER, name);
    if (accounts == NULL) {
        return;
    }
    struct unpack unpack = {accounts->value, accounts->size, false};
    stream->unkeyed = value_unpack_ledger(&unpack);
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
    const struct item *recording = items_get(items, KIND_RECORDING, name);
    if (recording != NULL && !value_read_recording(recording, &stream->kept.recording)) {
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
    if (value_read_slot(item, &record)) {
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
    const struct item *accounts = items_get(items, KIND_STREAM, config->name);
    const struct item *rejects = items_get(items, KIND_REJECTS, config->name);
    const struct item *marks = items_get(items, KIND_ROSTER, config->name);
    struct unpack unpack = {0};
    bool is_good = accounts != NULL;
    if (is_good) {
        struct sources *sources = sources_new();
        unpack = (struct unpack){accounts->value, accounts->size, false};
        const struct ledger ledger = value_unpack_ledger(&unpack);
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
    const struct item *recording = items_get(items, KIND_RECORDING, config->name);
    struct recorder_mark mark = {0};
    is_good = is_good && (recording == NULL || value_read_recording(recording, &mark));
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
        if (item->value != NULL && value_slot_key(item, config->name, &key)) {
            is_good = check_slot(config, items, item, why);
        }
    }
    return is_good;
}

static enum store_verdict check_stream(const struct stream_config *config,
                                       const struct items *items, char *why)
{
    const struct item *imprint = items_get(items, KIND_IMPRINT, config->name);
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
bool recovery_migrate(const void *context, unsigned from, struct items *items, char *why)
{
    (void)context;
    (void)items;
    (void)why;
    return from == 1;
}

enum store_verdict recovery_accept(const void *context, const struct items *items,
                                   char *why)
{
    const struct config *config = context;
    enum store_verdict verdict = STORE_ACCEPTED;
    for (size_t i = 0; i < config->n_streams && verdict == STORE_ACCEPTED; i++) {
        verdict = check_stream(&config->streams[i], items, why);
    }
    return verdict;
}
