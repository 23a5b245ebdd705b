/* SPDX-License-Identifier: MIT
 *
 * Sums over what became of the points. */
#include "ledger.h"

uint64_t ledger_rejected(const struct ledger *ledger)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < REASON_COUNT; i++) {
        sum += ledger->rejected[i];
    }
    return sum;
}

bool ledger_holds(const struct ledger *ledger)
{
    return ledger->rejected[REASON_NONE] == 0 &&
           ledger->received == ledger->learned + ledger_rejected(ledger) +
                                   ledger->duplicate + ledger->queued;
}

void ledger_add(struct ledger *sum, const struct ledger *ledger)
{
    sum->received += ledger->received;
    sum->learned += ledger->learned;
    for (size_t i = 0; i < REASON_COUNT; i++) {
        sum->rejected[i] += ledger->rejected[i];
    }
    sum->duplicate += ledger->duplicate;
    sum->queued += ledger->queued;
    sum->lost += ledger->lost;
}

static json_t *rejected_json(const struct ledger *ledger)
{
    json_t *object = json_object();
    for (enum reason reason = REASON_NONE + 1; reason < REASON_COUNT; reason++) {
        const uint64_t n = ledger->rejected[reason];
        if (n > 0 && json_object_set_new(object, reason_label(reason),
                                         json_integer((json_int_t)n)) == -1) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

/* Only lost points can be so many: a source may skip to any number. */
static json_int_t clamp(uint64_t count)
{
    return count <= INT64_MAX ? (json_int_t)count : INT64_MAX;
}

json_t *ledger_json(const struct ledger *ledger)
{
    return json_pack("{s:I, s:I, s:o, s:I, s:I, s:I}", "received",
                     (json_int_t)ledger->received, "learned", (json_int_t)ledger->learned,
                     "rejected", rejected_json(ledger), "duplicate",
                     (json_int_t)ledger->duplicate, "queued", (json_int_t)ledger->queued,
                     "lost", clamp(ledger->lost));
}
