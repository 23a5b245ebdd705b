/* SPDX-License-Identifier: MIT
 *
 * The durable state in memory: values by kind and name, the generation that changed them,
 * and one digest of all. */
#include "items.h"

#include <string.h>

#include "unit.h"

static void put(struct items *items, uint64_t generation, const char *name,
                const char *value)
{
    (void)items_put(items, generation, "learner", name, value, strlen(value));
}

static const char *value_of(const struct items *items, const char *name)
{
    static char text[3000];
    const struct item *item = items_get(items, "learner", name);
    if (item == NULL) {
        return NULL;
    }
    ck_assert_uint_lt(item->size, sizeof(text));
    memcpy(text, item->value, item->size);
    text[item->size] = '\0';
    return text;
}

START_TEST(a_value_is_copied_and_keeps_its_generation_until_it_differs)
{
    struct items *items = items_new();
    char value[] = "abc";
    ck_assert(items_put(items, 3, "learner", "pump", value, 3));
    value[0] = 'x';
    ck_assert_str_eq(value_of(items, "pump"), "abc");
    ck_assert(!items_put(items, 4, "learner", "pump", "abc", 3));
    ck_assert_uint_eq(items_get(items, "learner", "pump")->changed, 3);
    ck_assert(items_put(items, 5, "learner", "pump", "ab", 2));
    ck_assert(items_put(items, 5, "ledger", "pump", "ab", 2));
    ck_assert_uint_eq(items_get(items, "learner", "pump")->changed, 5);
    ck_assert_uint_eq(items_present(items), 2);
    items_destroy(&items);
    ck_assert_ptr_null(items);
}
END_TEST

START_TEST(what_was_removed_is_known_until_it_is_forgotten)
{
    struct items *items = items_new();
    put(items, 1, "a", "1");
    put(items, 1, "b", "2");
    const uint64_t digest = items_digest(items);
    put(items, 2, "c", "3");
    items_remove(items, 7, "learner", "c");
    items_remove(items, 7, "learner", "never");
    ck_assert_ptr_null(items_get(items, "learner", "c"));
    ck_assert_uint_eq(items_present(items), 2);
    ck_assert_uint_eq(items_digest(items), digest);
    items_forget(items, 6);
    ck_assert_uint_eq(items_count(items), 3);
    ck_assert_uint_eq(items_at(items, 2)->changed, 7);
    items_forget(items, 7);
    ck_assert_uint_eq(items_count(items), 2);
    put(items, 8, "c", "4");
    ck_assert_str_eq(value_of(items, "c"), "4");
    ck_assert_str_eq(value_of(items, "b"), "2");
    items_destroy(&items);
}
END_TEST

/* Thousands of them, put, changed and removed at random, against an array. */
START_TEST(all_are_found_however_many_come_and_go)
{
    enum { NAMES = 700, TURNS = 20000 };
    const uint64_t seed = unit_seed(9);
    uint64_t random = seed;
    static char value[NAMES][2600]; /* of several steps of room */
    struct items *items = items_new(), *twin = items_new();
    char name[16];
    size_t present = 0;
    for (size_t turn = 0; turn < TURNS; turn++) {
        const size_t i = unit_random(&random) % NAMES;
        snprintf(name, sizeof(name), "n%zu", i);
        present -= value[i][0] != '\0' ? 1 : 0;
        value[i][0] = '\0';
        if (unit_random(&random) % 3 == 0) {
            items_remove(items, turn, "learner", name);
        } else {
            const size_t size = 1 + unit_random(&random) % (sizeof(value[0]) - 1);
            memset(value[i], 'a' + (int)(turn % 26), size);
            value[i][size] = '\0';
            put(items, turn, name, value[i]);
            present++;
        }
        if (turn % 1000 == 999) {
            items_forget(items, turn - 500);
        }
    }
    for (size_t i = NAMES; i-- > 0;) {
        snprintf(name, sizeof(name), "n%zu", i);
        const char *found = value_of(items, name);
        ck_assert_msg((found == NULL) == (value[i][0] == '\0') &&
                          (found == NULL || strcmp(found, value[i]) == 0),
                      "%s, seed %llu", name, (unsigned long long)seed);
        if (found != NULL) {
            put(twin, 1, name, found);
        }
    }
    ck_assert_uint_eq(items_present(items), present);
    ck_assert_uint_eq(items_present(twin), present);
    ck_assert_uint_eq(items_digest(twin), items_digest(items)); /* in any order */
    items_destroy(&items);
    items_destroy(&twin);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(a_value_is_copied_and_keeps_its_generation_until_it_differs),
        UNIT(what_was_removed_is_known_until_it_is_forgotten),
        UNIT(all_are_found_however_many_come_and_go),
    };
    return unit_run("items", tests, COUNT(tests));
}
