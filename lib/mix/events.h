/* SPDX-License-Identifier: MIT
 *
 * What happened to a model, for those who watch it: a ring that keeps the newest. */
#ifndef EVENTS_H
#define EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mix.h"

#define EVENTS_MAX 64

struct events {
    uint64_t first, next; /* events [first, next) are held, at index modulo EVENTS_MAX */
    struct mix_event ring[EVENTS_MAX];
};

/* Adds an event; when the ring is full the oldest is lost. */
void events_add(struct events *events, struct mix_event event);
/* Takes the oldest; false when there is none. */
bool events_take(struct events *events, struct mix_event *event);

#endif
