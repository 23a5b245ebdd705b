/* SPDX-License-Identifier: MIT
 *
 * Rows of sources: kept in order, found, given up, and written down and read back. */
#include "roster.h"

#include <string.h>

#include "unit.h"

START_TEST(rows_are_found_by_name_in_whatever_order_they_came)
{
    const uint64_t seed = unit_seed(3);
    uint64_t random = seed;
    struct roster *roster = roster_new(200);
    char name[32];
    for (int i = 0; i < 200; i++) {
        do {
            snprintf(name, sizeof(name), "s%u", (unsigned)(unit_random(&random) % 10000));
        } while (roster_find(roster, name) != NULL);
        ck_assert_ptr_nonnull(roster_add(roster, name));
        ck_assert_str_eq(roster_find(roster, name)->name, name);
    }
    ck_assert_uint_eq(roster_count(roster), 200);
    ck_assert_ptr_null(roster_add(roster, "x"));
    ck_assert_ptr_null(roster_find(roster, "x"));
    for (size_t i = 1; i < 200; i++) {
        ck_assert_msg(strcmp(roster_at(roster, i - 1)->name, roster_at(roster, i)->name) <
                          0,
                      "seed %llu", (unsigned long long)seed);
    }
    roster_at(roster, 77)->is_forgotten = true;
    ck_assert_ptr_nonnull(roster_add(roster, "x"));
    ck_assert_uint_eq(roster_count(roster), 200);
    ck_assert_ptr_null(roster_add(roster, "y"));
    roster_destroy(&roster);
    ck_assert_ptr_null(roster);
}
END_TEST

static struct roster_row *add_row(struct roster *roster, const char *name)
{
    struct roster_row *row = roster_add(roster, name);
    row->incarnation = UINT64_MAX;
    row->applied = 1000;
    row->durable = 900;
    row->safe = 800;
    row->received = 1100;
    row->rejected = 3;
    row->duplicate = 100;
    row->lost = row->missing = 7;
    row->last_s = 1.5;
    row->session = 5;
    return row;
}

START_TEST(what_was_applied_is_durable_after_a_restart)
{
    struct roster *roster = roster_new(4);
    struct roster *back = roster_new(4);
    struct pack pack = {0};
    add_row(roster, "b");
    add_row(roster, "a")->is_forgotten = true;
    roster_pack(roster, &pack);
    struct unpack unpack = {pack.bytes, pack.size, false};
    ck_assert(roster_unpack(back, &unpack) && unpack_is_done(&unpack));
    ck_assert_uint_eq(roster_count(back), 2);
    const struct roster_row *row = roster_find(back, "b");
    ck_assert(row->applied == 1000 && row->durable == 1000 && row->captured == 1000);
    ck_assert(row->safe == 800 && row->missing == 7 && row->lost == 7);
    ck_assert(row->received == 1100 && row->rejected == 3 && row->duplicate == 100);
    ck_assert(row->incarnation == UINT64_MAX && row->session == 0 && !row->is_forgotten);
    ck_assert_double_eq(row->last_s, 1.5);
    ck_assert(roster_find(back, "a")->is_forgotten);
    free(pack.bytes);
    roster_destroy(&roster);
    roster_destroy(&back);
}
END_TEST

START_TEST(what_is_cut_off_is_not_loaded)
{
    struct roster *roster = roster_new(4);
    struct pack pack = {0};
    add_row(roster, "b");
    add_row(roster, "a");
    roster_pack(roster, &pack);
    for (size_t size = 0; size < pack.size; size++) {
        struct roster *back = roster_new(4);
        struct unpack unpack = {pack.bytes, size, false};
        ck_assert_msg(!roster_unpack(back, &unpack), "%zu bytes", size);
        roster_destroy(&back);
    }
    free(pack.bytes);
    roster_destroy(&roster);
}
END_TEST

/* What cannot be. */
static void spoil_name(struct roster_row *row)
{
    row->name[0] = '/';
}
static void spoil_twice(struct roster_row *row)
{
    row->name[0] = 'a';
}
static void spoil_safe(struct roster_row *row)
{
    row->safe = row->applied + 1;
}
static void spoil_applied(struct roster_row *row)
{
    row->applied = UINT64_MAX;
}
static void spoil_missing(struct roster_row *row)
{
    row->missing = UINT64_MAX - 5;
}
static void spoil_counts(struct roster_row *row)
{
    row->rejected = 1001;
}
static void (*const spoilers[])(struct roster_row *row) = {
    spoil_name, spoil_twice, spoil_safe, spoil_applied, spoil_missing, spoil_counts,
};

START_TEST(what_cannot_be_is_not_loaded)
{
    struct roster *roster = roster_new(4);
    struct roster *back = roster_new(4);
    struct pack pack = {0};
    add_row(roster, "a");
    spoilers[_i](add_row(roster, "b"));
    roster_pack(roster, &pack);
    struct unpack unpack = {pack.bytes, pack.size, false};
    ck_assert(!roster_unpack(back, &unpack));
    free(pack.bytes);
    roster_destroy(&roster);
    roster_destroy(&back);
}
END_TEST

/* The limit was lowered meanwhile. */
START_TEST(a_state_may_hold_more_rows_than_may_be_added)
{
    struct roster *roster = roster_new(40);
    struct roster *back = roster_new(2);
    struct pack pack = {0};
    char name[32];
    for (int i = 0; i < 40; i++) {
        snprintf(name, sizeof(name), "s%d", i);
        add_row(roster, name);
    }
    roster_pack(roster, &pack);
    struct unpack unpack = {pack.bytes, pack.size, false};
    ck_assert(roster_unpack(back, &unpack));
    ck_assert_uint_eq(roster_count(back), 40);
    ck_assert_ptr_null(roster_add(back, "x"));
    free(pack.bytes);
    roster_destroy(&roster);
    roster_destroy(&back);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(rows_are_found_by_name_in_whatever_order_they_came),
        UNIT(what_was_applied_is_durable_after_a_restart),
        UNIT(what_is_cut_off_is_not_loaded),
        UNIT(a_state_may_hold_more_rows_than_may_be_added),
        UNIT_LOOP(what_cannot_be_is_not_loaded, spoilers),
    };
    return unit_run("roster", tests, COUNT(tests));
}
