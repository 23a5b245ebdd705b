/* SPDX-License-Identifier: MIT
 *
 * How the values of a capture are named and laid out; the table is in capture.h. Each is
 * written and read here, side by side: capture.c takes them from streams, recovery.c puts
 * streams where they say. */
#ifndef CAPTURE_VALUE_H
#define CAPTURE_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "items.h"
#include "ledger.h"
#include "pack.h"
#include "recorder.h"
#include "slot.h"

#define KIND_IMPRINT "imprint"
#define KIND_STREAM "stream"
#define KIND_ROSTER "roster"
#define KIND_REJECTS "rejects"
#define KIND_SLOT "slot"
#define KIND_ROWS "rows"
#define KIND_RECORDING "recording"

/* Names of a slot, and of a page of its learner's rows. The caller frees them. */
char *value_slot_name(const char *stream, const struct slot *slot);
char *value_page_name(const char *slot, size_t page);
/* The key of a slot's item of that stream: {NULL, 0} for a stream without keys. False:
 * it is another stream's. */
bool value_slot_key(const struct item *item, const char *stream, struct bytes *key);

void value_pack_ledger(struct pack *pack, const struct ledger *ledger);
struct ledger value_unpack_ledger(struct unpack *unpack);

/* A slot as it is kept; the learner's bytes are a view. */
struct slot_record {
    uint64_t index; /* in the order in which they were made */
    struct ledger counts;
    double last_time_s;
    uint64_t seq, published_updates, noted_unscorable, noted_frozen;
    bool has_started;
    struct bytes learner;
};

/* Part 0 of the learner goes behind its other members. index: its place among the slots
 * of the stream. */
void value_pack_slot(struct pack *pack, const struct slot *slot, size_t index);
/* False: it is damaged. */
bool value_read_slot(const struct item *item, struct slot_record *record);

void value_pack_recording(struct pack *pack, const struct recorder_mark *mark);
bool value_read_recording(const struct item *item, struct recorder_mark *mark);

#endif
