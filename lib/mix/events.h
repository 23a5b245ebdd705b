/* SPDX-License-Identifier: MIT
 *
 * What happened to a model, for those who watch it: a ring that keeps the newest. It is
 * there while it holds something, which is seldom. */
#ifndef EVENTS_H
#define EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mix.h"

#define EVENTS_MAX 64

/* All 0: none. */
struct events {
    uint64_t first, next; /* events [first, next) are held, at index modulo EVENTS_MAX */
    struct mix_event *ring; /* EVENTS_MAX, owned; NULL: none are held */
};

void events_clear(struct events *events);
/* Takes the ring. False without memory. */
bool events_reserve(struct events *events);
/* Adds an event; when the ring is full the oldest is lost, without memory this one. */
void events_add(struct events *events, struct mix_event event);
/* Takes the oldest; false when there is none. */
bool events_take(struct events *events, struct mix_event *event);

#endif
