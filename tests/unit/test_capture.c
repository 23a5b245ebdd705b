/* SPDX-License-Identifier: MIT
 *
 * What a stream keeps: captured, put among the items and restored, it is the stream; what
 * did not change is not captured again; damage is refused. */
#include "capture.h"

#include <stdlib.h>

#include "recovery.h"
#include "stream_fixture.h"

#define PLAIN "    fields: [x, y]\n    model: {components: 2}\n    learn: {warmup: 300}\n"
#define KEYED                                                                            \
    "    fields: [x, y]\n    columns: [id, x, y]\n    key: id\n"                         \
    "    model: {components: 1}\n"

/* Captures, and puts the values where the state actor would. */
static size_t take(struct stream *stream, struct items *items, uint64_t generation)
{
    struct capture *capture = capture_new();
    capture_stream(capture, stream, 0);
    const size_t n = capture->n;
    ck_assert_uint_eq(capture->n_unbalanced, 0);
    for (size_t i = 0; i < n; i++) {
        const struct captured *item = &capture->item[i];
        if (item->value != NULL) {
            items_put(items, generation, item->kind, item->name, item->value, item->size);
        } else {
            items_remove(items, generation, item->kind, item->name);
        }
    }
    capture_destroy(&capture);
    return n;
}

static void assert_same_slot(const struct slot *a, const struct slot *b)
{
    const size_t size = mix_learner_encoded_size(a->learner);
    ck_assert_uint_eq(mix_learner_encoded_size(b->learner), size);
    unsigned char *one = malloc(size), *other = malloc(size);
    mix_learner_encode(a->learner, one);
    mix_learner_encode(b->learner, other);
    ck_assert_mem_eq(one, other, size);
    free(one);
    free(other);
    ck_assert_uint_eq(a->seq, b->seq);
    ck_assert_uint_eq(a->index, b->index);
    ck_assert_uint_eq(a->counts.received, b->counts.received);
    ck_assert(a->last_time_s == b->last_time_s);
}

/* A stream restored from the items is the one that was captured. */
static void assert_restores(const struct fixture *f, const struct items *items)
{
    char why[DATABASE_WHY_SIZE] = "";
    struct fault fault = {0};
    ck_assert_msg(recovery_accept(f->config, items, why) == STORE_ACCEPTED, "%s", why);
    struct stream *copy = stream_open(&f->config->streams[0], "other", &fault);
    ck_assert_msg(copy != NULL, "%s", fault.text);
    recovery_restore(copy, items);
    const struct ledger a = stream_ledger(f->stream), b = stream_ledger(copy);
    ck_assert_mem_eq(&a, &b, sizeof(a));
    ck_assert_uint_eq(router_count(copy->router), router_count(f->stream->router));
    for (size_t i = 0; i < router_count(copy->router); i++) {
        assert_same_slot(router_slot(f->stream->router, i), router_slot(copy->router, i));
    }
    ck_assert_uint_eq(rejects_written(copy->rejects),
                      rejects_written(f->stream->rejects));
    stream_close(&copy);
}

START_TEST(a_stream_is_restored_as_it_was)
{
    struct fixture *f = fixture_new("format: f64", PLAIN);
    struct items *items = items_new();
    for (uint64_t n = 1; n <= 8; n++) {
        fixture_points(f, 61);
        take(f->stream, items, n);
        assert_restores(f, items);
    }
    items_destroy(&items);
    fixture_destroy(f);
}
END_TEST

START_TEST(what_did_not_change_is_not_captured)
{
    struct fixture *f = fixture_new("format: f64", PLAIN);
    struct items *items = items_new();
    ck_assert_uint_eq(take(f->stream, items, 1), 3); /* imprint, stream, slot */
    ck_assert_uint_eq(take(f->stream, items, 2), 0);
    fixture_points(f, 256);
    ck_assert_uint_eq(take(f->stream, items, 3), 2 + 4); /* stream, slot, four pages */
    ck_assert_uint_eq(take(f->stream, items, 4), 0);
    fixture_points(f, 64);
    ck_assert_uint_eq(take(f->stream, items, 5), 2 + 1);
    assert_restores(f, items);
    items_destroy(&items);
    fixture_destroy(f);
}
END_TEST

START_TEST(only_slots_that_changed_are_captured)
{
    struct fixture *f = fixture_new("format: csv", KEYED);
    struct items *items = items_new();
    fixture_text(f, "a,1,2\nb/7,1,2\nc,1,2\n");
    ck_assert_uint_eq(take(f->stream, items, 1), 2 + 3 + 3); /* a page of each */
    fixture_text(f, "b/7,3,4\n");
    ck_assert_uint_eq(take(f->stream, items, 2), 1 + 1 + 1);
    fixture_text(f, "what\n");
    ck_assert_uint_eq(take(f->stream, items, 3), 2); /* accounts, dead letters */
    assert_restores(f, items);
    items_destroy(&items);
    fixture_destroy(f);
}
END_TEST

START_TEST(rows_that_were_forgotten_are_removed)
{
    struct fixture *f = fixture_new("format: f64", PLAIN);
    struct items *items = items_new();
    fixture_points(f, 266); /* of which some wait */
    take(f->stream, items, 1);
    ck_assert_uint_eq(items_present(items), 3 + 4);
    struct slot *slot = router_slot(f->stream->router, 0);
    slot_reset(slot);
    slot->is_changed = true;
    take(f->stream, items, 2);
    ck_assert_uint_eq(items_present(items), 3);
    ck_assert_uint_gt(slot_ledger(slot).rejected[REASON_RESET], 0);
    assert_restores(f, items); /* with its ledger */
    fixture_points(f, 70);
    take(f->stream, items, 3);
    assert_restores(f, items);
    items_destroy(&items);
    fixture_destroy(f);
}
END_TEST

/* A value of any kind that is cut or changed is refused, or harmless. */
START_TEST(damaged_values_are_refused)
{
    struct fixture *f = fixture_new("format: csv", KEYED);
    struct items *items = items_new();
    char why[DATABASE_WHY_SIZE];
    fixture_text(f, "a,1,2\nwhat\nb,1,2\n");
    take(f->stream, items, 1);
    for (size_t i = 0; i < items_count(items); i++) {
        const struct item *item = items_at(items, i);
        const size_t size = item->size;
        unsigned char *value = malloc(size + 1), *damaged = malloc(size + 1);
        memcpy(value, item->value, size);
        for (size_t at = 0; at < size; at += 1 + size / 200) {
            memcpy(damaged, value, size);
            damaged[at] ^= (unsigned char)(1u << at % 8);
            items_put(items, 2, item->kind, item->name, damaged, size);
            recovery_accept(f->config, items, why);
            items_put(items, 2, item->kind, item->name, value, at);
            /* Without its last number, of no sources, it is what earlier versions wrote.
             */
            const bool is_earlier = strcmp(item->kind, "stream") == 0 && at == size - 8;
            ck_assert_msg(is_earlier ||
                              recovery_accept(f->config, items, why) != STORE_ACCEPTED,
                          "%s %s cut to %zu of %zu", item->kind, item->name, at, size);
            items_put(items, 2, item->kind, item->name, value, size);
        }
        free(value);
        free(damaged);
    }
    ck_assert_int_eq(recovery_accept(f->config, items, why), STORE_ACCEPTED);
    items_remove(items, 3, "rows", "s/a/0");
    ck_assert_int_eq(recovery_accept(f->config, items, why), STORE_DAMAGED);
    items_destroy(&items);
    fixture_destroy(f);
}
END_TEST

START_TEST(a_state_of_another_model_is_a_mismatch)
{
    struct fixture *f = fixture_new("format: f64", PLAIN);
    struct items *items = items_new();
    char why[DATABASE_WHY_SIZE];
    take(f->stream, items, 1);
    f->config->streams[0].mix.components = 3;
    ck_assert_int_eq(recovery_accept(f->config, items, why), STORE_MISMATCH);
    ck_assert_msg(strstr(why, "components: the state has 2") != NULL, "%s", why);
    f->config->streams[0].mix.components = 2;
    items_destroy(&items);
    fixture_destroy(f);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(a_stream_is_restored_as_it_was),
        UNIT(what_did_not_change_is_not_captured),
        UNIT(only_slots_that_changed_are_captured),
        UNIT(rows_that_were_forgotten_are_removed),
        UNIT(damaged_values_are_refused),
        UNIT(a_state_of_another_model_is_a_mismatch),
    };
    return unit_run("capture", tests, COUNT(tests));
}
