/* SPDX-License-Identifier: MIT
 *
 * Every key has its slot, up to max_keys, and keeps it. */
#include "router.h"

#include <string.h>

#include "config_file.h"
#include "unit.h"

#define KEYED                                                                            \
    "streams:\n  s:\n    columns: [k, a]\n    fields: [a]\n    key: k\n"                 \
    "    feed: {bind: \"tcp://127.0.0.1:*\"}\n    model: {components: 1}\n"              \
    "    max_keys: "

static struct config *config;

static struct router *make(const char *text)
{
    file_start();
    config = file_read_good(text);
    return router_new(&config->streams[0], NULL);
}

static void unmake(struct router *router)
{
    router_destroy(&router);
    config_destroy(&config);
    file_stop();
}

static struct bytes key_of(const char *text)
{
    return (struct bytes){text, strlen(text)};
}

START_TEST(a_stream_without_keys_has_one_slot)
{
    struct router *router = make("streams:\n  s:\n    fields: [a]\n"
                                 "    feed: {bind: \"tcp://127.0.0.1:*\"}\n"
                                 "    model: {components: 1}\n");
    const struct bytes none = {NULL, 0};
    ck_assert_ptr_null(router_find(router, none));
    struct slot *slot = router_get(router, none);
    ck_assert_ptr_nonnull(slot);
    ck_assert_ptr_null(slot->key);
    ck_assert_ptr_eq(router_get(router, none), slot);
    ck_assert_ptr_eq(router_find(router, none), slot);
    ck_assert_uint_eq(router_count(router), 1);
    unmake(router);
}
END_TEST

START_TEST(a_thousand_keys_keep_their_slots)
{
    struct router *router = make(KEYED "1000\n");
    struct slot *slots[1000];
    char text[32];
    for (int i = 0; i < 1000; i++) {
        snprintf(text, sizeof(text), "key %d", i * 7919);
        ck_assert_ptr_null(router_find(router, key_of(text)));
        slots[i] = router_get(router, key_of(text));
        ck_assert_ptr_nonnull(slots[i]);
        ck_assert_str_eq(slots[i]->key, text);
    }
    for (int i = 0; i < 1000; i++) {
        snprintf(text, sizeof(text), "key %d", i * 7919);
        ck_assert_ptr_eq(router_get(router, key_of(text)), slots[i]);
        ck_assert_ptr_eq(router_slot(router, (size_t)i), slots[i]);
    }
    ck_assert_uint_eq(router_count(router), 1000);
    unmake(router);
}
END_TEST

START_TEST(a_key_too_many_gets_none_and_the_others_stay)
{
    struct router *router = make(KEYED "2\n");
    struct slot *a = router_get(router, key_of("a"));
    struct slot *b = router_get(router, key_of("b"));
    ck_assert_ptr_null(router_get(router, key_of("c")));
    ck_assert_ptr_eq(router_get(router, key_of("a")), a);
    ck_assert_ptr_eq(router_get(router, key_of("b")), b);
    ck_assert_ptr_ne(a, b);
    unmake(router);
}
END_TEST

static char long_key[ROUTER_KEY_MAX + 1];

static const struct {
    const char *bytes;
    size_t size;
    bool is_valid;
} keys[] = {
    {NULL, 0, false},
    {"", 0, false},
    {"a\0b", 3, false},
    {"\xff", 1, false},
    {"\xed\xa0\x80", 3, false}, /* a surrogate */
    {long_key, ROUTER_KEY_MAX + 1, false},
    {long_key, ROUTER_KEY_MAX, true},
    {" /%\xc3\xbc", 5, true},
};

START_TEST(a_key_is_text_of_bounded_length)
{
    struct router *router = make(KEYED "2\n");
    memset(long_key, 'k', sizeof(long_key));
    const struct bytes key = {keys[_i].bytes, keys[_i].size};
    ck_assert_int_eq(router_get(router, key) != NULL, keys[_i].is_valid);
    ck_assert_uint_eq(router_count(router), keys[_i].is_valid ? 1 : 0);
    unmake(router);
}
END_TEST

START_TEST(a_key_that_begins_another_is_another)
{
    struct router *router = make(KEYED "3\n");
    struct slot *ab = router_get(router, key_of("ab"));
    struct slot *a = router_get(router, (struct bytes){"ab", 1});
    ck_assert_ptr_ne(a, ab);
    ck_assert_str_eq(a->key, "a");
    ck_assert_ptr_eq(router_get(router, key_of("ab")), ab);
    unmake(router);
}
END_TEST

/* Around the length up to which a slot has room for its key. */
START_TEST(keys_of_any_length_are_kept_as_they_are)
{
    struct router *router = make(KEYED "300\n");
    char text[ROUTER_KEY_MAX + 1];
    for (size_t size = 1; size <= ROUTER_KEY_MAX; size++) {
        memset(text, 'k', size);
        text[size] = '\0';
        const struct slot *slot = router_get(router, (struct bytes){text, size});
        ck_assert_str_eq(slot->key, text);
        ck_assert_uint_eq(slot->key_size, size);
    }
    ck_assert_uint_eq(router_count(router), ROUTER_KEY_MAX);
    unmake(router);
}
END_TEST

/* It is to be fast only: whatever the keys are, nothing comes of it. */
START_TEST(looking_ahead_changes_nothing)
{
    struct router *router = make(KEYED "2\n");
    const struct bytes ahead[ROUTER_AHEAD + 1] = {
        key_of("a"), key_of("new"), {NULL, 0}, key_of(""), {long_key, sizeof(long_key)}};
    router_prefetch(router, ahead, ROUTER_AHEAD);
    ck_assert_uint_eq(router_count(router), 0);
    struct slot *a = router_get(router, key_of("a"));
    router_prefetch(router, ahead, ROUTER_AHEAD + 1);
    ck_assert_uint_eq(router_count(router), 1);
    ck_assert_ptr_null(router_find(router, key_of("new")));
    ck_assert_ptr_eq(router_find(router, key_of("a")), a);
    unmake(router);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(a_stream_without_keys_has_one_slot),
        UNIT(a_thousand_keys_keep_their_slots),
        UNIT(a_key_too_many_gets_none_and_the_others_stay),
        UNIT_LOOP(a_key_is_text_of_bounded_length, keys),
        UNIT(a_key_that_begins_another_is_another),
        UNIT(keys_of_any_length_are_kept_as_they_are),
        UNIT(looking_ahead_changes_nothing),
    };
    return unit_run("router", tests, COUNT(tests));
}
