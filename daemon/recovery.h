/* SPDX-License-Identifier: MIT
 *
 * The way back from the durable state: whether values of a capture can be gone on from,
 * and streams put where they say. */
#ifndef RECOVERY_H
#define RECOVERY_H

#include <stdbool.h>

#include "config.h"
#include "items.h"
#include "schema.h"
#include "stream.h"

/* Puts the stream where its values say. items were accepted by recovery_accept(). */
void recovery_restore(struct stream *stream, const struct items *items);

/* Makes version `from` of the values the next one. A schema's `migrate`. */
bool recovery_migrate(const void *context, unsigned from, struct items *items, char *why);

/* Judges the values of a state: context is the struct config. A schema's `accept`. */
enum store_verdict recovery_accept(const void *context, const struct items *items,
                                   char *why);

#endif
