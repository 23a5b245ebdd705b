/* SPDX-License-Identifier: MIT
 *
 * What became of every point: received = learned + rejected + duplicate + queued.
 * lost are points that never came: gaps in the numbers of a source. */
#ifndef LEDGER_H
#define LEDGER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "reason.h"

struct ledger {
    uint64_t received;
    uint64_t learned;
    uint64_t rejected[REASON_COUNT]; /* by reason; [REASON_NONE] stays 0 */
    uint64_t duplicate;
    uint64_t queued;
    uint64_t lost;
};

uint64_t ledger_rejected(const struct ledger *ledger); /* sum over the reasons */
bool ledger_holds(const struct ledger *ledger);        /* the identity above */
void ledger_add(struct ledger *sum, const struct ledger *ledger);
/* The `ledger` object of a frame; reasons that are 0 are left out. New reference. */
json_t *ledger_json(const struct ledger *ledger);

#endif
