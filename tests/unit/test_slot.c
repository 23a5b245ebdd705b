/* SPDX-License-Identifier: MIT
 *
 * A slot hands rows to its learner as it can take them, and its accounts add up. */
#include "slot.h"

#include <sys/resource.h>

#include "config_file.h"
#include "unit.h"

#define STREAM                                                                           \
    "streams:\n  s:\n    fields: [a, b]\n    feed: {bind: \"tcp://127.0.0.1:*\"}\n"      \
    "    model: {components: 2}\n"

enum { ROWS = 4096 };

static struct config *config;
static double x[ROWS * 2];

static struct slot *make(void)
{
    uint64_t state = unit_seed(11);
    enum mix_err err;
    file_start();
    config = file_read_good(STREAM);
    for (size_t i = 0; i < COUNT(x); i++) {
        x[i] = 0x1p-64 * (double)unit_random(&state) + (i / 2 % 3 == 0 ? 5 : 0);
    }
    struct slot *slot =
        slot_new(&config->streams[0], NULL, (struct bytes){NULL, 0}, &err);
    ck_assert_ptr_nonnull(slot);
    return slot;
}

static void unmake(struct slot *slot)
{
    slot_destroy(&slot);
    config_destroy(&config);
    file_stop();
}

static size_t learn(struct slot *slot, size_t first, size_t n, uint64_t until)
{
    const struct mix_rows rows = {.x = x + 2 * first, .n = n, .stride = 2};
    const size_t taken = slot_learn(slot, &rows, until);
    const struct ledger ledger = slot_ledger(slot);
    ck_assert(ledger_holds(&ledger));
    return taken;
}

START_TEST(rows_are_taken_until_work_is_due)
{
    struct slot *slot = make();
    const size_t taken = learn(slot, 0, ROWS, 0);
    ck_assert_uint_lt(taken, ROWS);
    ck_assert(slot_is_busy(slot));
    ck_assert_uint_eq(learn(slot, taken, ROWS - taken, 0), 0);
    while (!slot_work(slot)) {
    }
    ck_assert(!slot_is_busy(slot));
    ck_assert_ptr_nonnull(mix_learner_model(slot->learner));
    ck_assert_uint_gt(learn(slot, taken, ROWS - taken, 0), 0);
    unmake(slot);
}
END_TEST

START_TEST(slices_and_limits_leave_no_trace_in_the_model)
{
    struct slot *whole = make();
    enum mix_err err;
    struct slot *cut = slot_new(&config->streams[0], NULL, (struct bytes){NULL, 0}, &err);
    for (size_t done = 0; done < ROWS;) {
        done += learn(whole, done, ROWS - done, 0);
        mix_learner_work(whole->learner);
    }
    uint64_t updates = 0;
    for (size_t done = 0; done < ROWS;) {
        struct mix_info info;
        const size_t n = ROWS - done < 100 ? ROWS - done : 100;
        done += learn(cut, done, n, updates + 1);
        slot_work(cut);
        mix_learner_info(cut->learner, &info);
        updates = info.updates;
    }
    while (!slot_work(cut)) {
    }
    const size_t size = mix_learner_encoded_size(whole->learner);
    ck_assert_uint_eq(mix_learner_encoded_size(cut->learner), size);
    char *a = malloc(size), *b = malloc(size);
    mix_learner_encode(whole->learner, a);
    mix_learner_encode(cut->learner, b);
    ck_assert_mem_eq(a, b, size);
    free(a);
    free(b);
    slot_destroy(&cut);
    unmake(whole);
}
END_TEST

START_TEST(a_limit_of_updates_stops_at_the_update)
{
    struct slot *slot = make();
    size_t done = 0;
    struct mix_info info = {0};
    for (uint64_t until = 1; until < 10 && done < ROWS;) {
        done += learn(slot, done, ROWS - done, until);
        mix_learner_info(slot->learner, &info);
        if (slot_is_busy(slot)) {
            mix_learner_work(slot->learner);
            mix_learner_info(slot->learner, &info);
            until = info.updates + 1;
        } else {
            ck_assert_uint_eq(info.updates, until);
            until++;
        }
    }
    ck_assert_uint_ge(info.updates, 9);
    unmake(slot);
}
END_TEST

/* Blocks of memory, each of which begins with the address of the next. */
struct hog {
    struct hog *next;
};

/* All that is free in the process. */
static struct hog *take_all_memory(void)
{
    struct hog *hogs = NULL;
    for (size_t size = 1 << 20; size >= sizeof(struct hog);) {
        struct hog *hog = malloc(size);
        if (hog == NULL) {
            size /= 2;
        } else {
            hog->next = hogs;
            hogs = hog;
        }
    }
    return hogs;
}

static void give_back(struct hog *hogs)
{
    while (hogs != NULL) {
        struct hog *next = hogs->next;
        free(hogs);
        hogs = next;
    }
}

/* Without memory for a fit the points wait, and it is made once there is. */
START_TEST(work_waits_for_memory)
{
    struct slot *slot = make();
    struct rlimit before, none;
    ck_assert_int_eq(getrlimit(RLIMIT_AS, &before), 0);
    none = (struct rlimit){.rlim_cur = 0, .rlim_max = before.rlim_max};
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &none), 0);
    struct hog *hogs = take_all_memory();
    struct mix_rows rows = {.x = x, .n = ROWS, .stride = 2};
    const size_t taken = slot_learn(slot, &rows, 0); /* Check itself needs memory */
    const bool was_busy = slot_is_busy(slot), was_done = slot_work(slot);
    const bool lacked = slot->lacks_memory;
    rows = (struct mix_rows){.x = x + 2 * taken, .n = ROWS - taken, .stride = 2};
    const size_t more = slot_learn(slot, &rows, 0);
    setrlimit(RLIMIT_AS, &before);
    give_back(hogs);
    ck_assert(was_busy && !was_done && lacked);
    ck_assert_uint_eq(more, 0);
    while (!slot_work(slot)) {
    }
    ck_assert(!slot->lacks_memory);
    ck_assert_ptr_nonnull(mix_learner_model(slot->learner));
    unmake(slot);
}
END_TEST

START_TEST(the_ledger_has_what_the_learner_skipped)
{
    struct slot *slot = make();
    for (size_t done = 0; done < 2000;) {
        done += learn(slot, done, 2000 - done, 0);
        mix_learner_work(slot->learner);
    }
    mix_learner_freeze(slot->learner);
    ck_assert_uint_eq(learn(slot, 2000, 100, 0), 100);
    slot->counts.received += 3;
    slot->counts.rejected[REASON_PARSE] += 3;
    const struct ledger ledger = slot_ledger(slot);
    ck_assert_uint_eq(ledger.received, 2103);
    ck_assert_uint_eq(ledger.rejected[REASON_FROZEN], 100);
    ck_assert_uint_eq(ledger.rejected[REASON_PARSE], 3);
    ck_assert_uint_eq(ledger.learned + ledger.queued, 2000);
    ck_assert(ledger_holds(&ledger));
    unmake(slot);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(rows_are_taken_until_work_is_due),
        UNIT(slices_and_limits_leave_no_trace_in_the_model),
        UNIT(a_limit_of_updates_stops_at_the_update),
        {work_waits_for_memory, UNIT_IS_SANITIZED ? 0 : 1},
        UNIT(the_ledger_has_what_the_learner_skipped),
    };
    return unit_run("slot", tests, COUNT(tests));
}
