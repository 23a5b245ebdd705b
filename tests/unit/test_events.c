/* SPDX-License-Identifier: MIT */
#include "events.h"

#include "unit.h"

START_TEST(events_come_out_in_order)
{
    struct events events = {0};
    struct mix_event event;
    ck_assert(!events_take(&events, &event));
    for (uint64_t i = 0; i < 10; i++) {
        events_add(&events, (struct mix_event){.kind = MIX_EVENT_SPLIT, .id = i});
    }
    for (uint64_t i = 0; i < 10; i++) {
        ck_assert(events_take(&events, &event));
        ck_assert(event.id == i && event.kind == MIX_EVENT_SPLIT);
    }
    ck_assert(!events_take(&events, &event));
}
END_TEST

START_TEST(a_full_ring_loses_the_oldest)
{
    struct events events = {0};
    struct mix_event event;
    for (uint64_t i = 0; i < 1000; i++) {
        events_add(&events, (struct mix_event){.id = i});
    }
    for (uint64_t i = 1000 - EVENTS_MAX; i < 1000; i++) {
        ck_assert(events_take(&events, &event));
        ck_assert_uint_eq(event.id, i);
    }
    ck_assert(!events_take(&events, &event));
}
END_TEST

START_TEST(every_kind_has_a_name)
{
    for (int kind = 0; kind < MIX_EVENT_KINDS; kind++) {
        ck_assert_ptr_nonnull(mix_event_name((enum mix_event_kind)kind));
    }
    ck_assert_ptr_null(mix_event_name(MIX_EVENT_KINDS));
    ck_assert_str_eq(mix_event_name(MIX_EVENT_DRIFT), "drift");
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(events_come_out_in_order),
        UNIT(a_full_ring_loses_the_oldest),
        UNIT(every_kind_has_a_name),
    };
    return unit_run("events", tests, COUNT(tests));
}
