/* SPDX-License-Identifier: MIT */
#include "events.h"

#include <stdlib.h>

const char *mix_event_name(enum mix_event_kind kind)
{
    static const char *const names[MIX_EVENT_KINDS] = {
#define X(upper, lower) [MIX_EVENT_##upper] = lower,
        MIX_EVENTS(X)
#undef X
    };
    return (size_t)kind < MIX_EVENT_KINDS ? names[kind] : NULL;
}

void events_clear(struct events *events)
{
    free(events->ring);
    *events = (struct events){0};
}

bool events_reserve(struct events *events)
{
    if (events->ring == NULL) {
        events->ring = malloc(EVENTS_MAX * sizeof(*events->ring));
    }
    return events->ring != NULL;
}

void events_add(struct events *events, struct mix_event event)
{
    if (!events_reserve(events)) {
        return;
    }
    events->ring[events->next++ % EVENTS_MAX] = event;
    if (events->next - events->first > EVENTS_MAX) {
        events->first = events->next - EVENTS_MAX;
    }
}

bool events_take(struct events *events, struct mix_event *event)
{
    if (events->first == events->next) {
        return false;
    }
    *event = events->ring[events->first++ % EVENTS_MAX];
    if (events->first == events->next) {
        events_clear(events);
    }
    return true;
}
