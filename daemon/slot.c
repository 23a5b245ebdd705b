/* SPDX-License-Identifier: MIT */
#include "slot.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "xalloc.h"

/* Work units of a slice: a point-E-step costs about D^2 of them, plus what it costs
 * with few dimensions. Some milliseconds on any machine of today. */
enum { SLICE_UNITS = 1 << 22, SLICE_BASE = 8 };

static void copy_key(struct slot *slot, struct bytes key)
{
    if (key.data == NULL) {
        return;
    }
    const bool is_short = key.size < sizeof(slot->short_key);
    slot->key = is_short ? slot->short_key : xalloc(key.size + 1, 1);
    slot->key_size = key.size;
    memcpy(slot->key, key.data, key.size);
}

struct slot *slot_new(const struct stream_config *config, const struct mix_model *start,
                      struct bytes key, enum mix_err *err)
{
    struct mix_learner *learner = start != NULL
                                      ? mix_learner_start(&config->mix, start, 0, err)
                                      : mix_learner_new(&config->mix, err);
    if (learner == NULL) {
        return NULL;
    }
    struct slot *slot = xalloc(1, sizeof(*slot));
    copy_key(slot, key);
    slot->learner = learner;
    slot->last_time_s = NAN;
    const uint64_t dimensions = config->mix.dimensions;
    slot->slice = SLICE_UNITS / (dimensions * dimensions + SLICE_BASE);
    return slot;
}

void slot_destroy(struct slot **slot)
{
    if (*slot == NULL) {
        return;
    }
    mix_learner_destroy(&(*slot)->learner);
    if ((*slot)->key != (*slot)->short_key) {
        free((*slot)->key);
    }
    free(*slot);
    *slot = NULL;
}

static struct mix_rows rows_from(const struct mix_rows *rows, size_t first, size_t n)
{
    return (struct mix_rows){
        .x = rows->x + first * rows->stride,
        .n = n,
        .stride = rows->stride,
        .weight = rows->weight != NULL ? rows->weight + first : NULL,
        .time = rows->time != NULL ? rows->time + first : NULL,
    };
}

/* The rows that are not taken wait for work that is due, for which there may be no memory
 * now: it is tried again by slot_work(). */
static void hand_over(struct slot *slot, const struct mix_rows *rows, size_t *taken)
{
    const enum mix_err err = mix_learner_add(slot->learner, rows, taken);
    assert(err == MIX_OK || err == MIX_ENOMEM); /* the stride is the reader's */
    (void)err;
}

/* Row by row, since only the learner knows where its blocks end. */
static size_t learn_until(struct slot *slot, const struct mix_rows *rows,
                          uint64_t until_updates)
{
    struct mix_info info;
    size_t taken = 0;
    size_t one = 1;
    mix_learner_info(slot->learner, &info);
    while (taken < rows->n && one == 1 && info.updates < until_updates) {
        const struct mix_rows row = rows_from(rows, taken, 1);
        hand_over(slot, &row, &one);
        taken += one;
        mix_learner_info(slot->learner, &info);
    }
    return taken;
}

size_t slot_learn(struct slot *slot, const struct mix_rows *rows, uint64_t until_updates)
{
    size_t taken = 0;
    if (until_updates > 0) {
        taken = learn_until(slot, rows, until_updates);
    } else {
        hand_over(slot, rows, &taken);
    }
    slot->counts.received += taken;
    slot->has_news = true;
    slot->is_changed = true;
    return taken;
}

bool slot_is_busy(const struct slot *slot)
{
    return mix_learner_is_due(slot->learner);
}

bool slot_work(struct slot *slot)
{
    /* Asked for anew in every slice: a reset in between takes the job away. */
    struct mix_job *job = mix_learner_job(slot->learner);
    slot->lacks_memory = job == NULL && mix_learner_is_due(slot->learner);
    if (job == NULL) {
        return !slot->lacks_memory;
    }
    slot->is_changed = true;
    return mix_job_run(job, slot->slice) && !mix_learner_is_due(slot->learner);
}

bool slot_is_frozen(const struct slot *slot)
{
    struct mix_info info;
    mix_learner_info(slot->learner, &info);
    return info.state == MIX_FROZEN;
}

void slot_reset(struct slot *slot)
{
    struct mix_info info;
    mix_learner_info(slot->learner, &info);
    slot->counts.rejected[REASON_RESET] += info.queued;
    mix_learner_reset(slot->learner);
    slot->published_updates = 0;
    slot->has_started = false;
}

struct ledger slot_ledger(const struct slot *slot)
{
    struct mix_info info;
    mix_learner_info(slot->learner, &info);
    struct ledger ledger = slot->counts;
    /* The learner counts what it held at a reset as learned. */
    ledger.learned = info.learned - slot->counts.rejected[REASON_RESET];
    ledger.rejected[REASON_UNSCORABLE] += info.unscorable;
    ledger.rejected[REASON_FROZEN] += info.frozen;
    ledger.queued = info.queued;
    return ledger;
}
