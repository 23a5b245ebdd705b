/* SPDX-License-Identifier: MIT */
#include "events.h"

const char *mix_event_name(enum mix_event_kind kind)
{
    static const char *const names[MIX_EVENT_KINDS] = {
#define X(upper, lower) [MIX_EVENT_##upper] = lower,
        MIX_EVENTS(X)
#undef X
    };
    return (size_t)kind < MIX_EVENT_KINDS ? names[kind] : NULL;
}

void events_add(struct events *events, struct mix_event event)
{
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
    return true;
}
