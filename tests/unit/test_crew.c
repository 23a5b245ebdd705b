/* SPDX-License-Identifier: MIT */
#include "crew.h"

#include <sched.h>
#include <stdatomic.h>

#include "mixture.h"

/* Counts what it is called with. */
struct tally {
    size_t threads;
    atomic_size_t calls;
    atomic_int of_part[100000];
    atomic_int inside[CREW_MAX]; /* calls of a thread under way */
    atomic_bool is_wrong;
};

static void count(void *argument, size_t part, size_t thread)
{
    struct tally *tally = argument;
    atomic_fetch_add(&tally->calls, 1);
    atomic_fetch_add(&tally->of_part[part], 1);
    if (thread >= tally->threads || atomic_fetch_add(&tally->inside[thread], 1) != 0) {
        atomic_store(&tally->is_wrong, true);
    }
    atomic_fetch_sub(&tally->inside[thread], 1);
}

START_TEST(every_part_runs_once)
{
    static const size_t parts[] = {1, 2, 3, 8, 100, 65535, 65536, 100000};
    static const size_t threads[] = {1, 2, 3, 8};
    static struct tally tally;
    struct crew *crew = crew_new(threads[_i]);
    ck_assert_ptr_nonnull(crew);
    const struct mix_executor *executor = crew_executor(crew);
    ck_assert_uint_eq(executor->threads, threads[_i]);
    for (size_t i = 0; i < COUNT(parts); i++) {
        memset(&tally, 0, sizeof(tally));
        tally.threads = threads[_i];
        executor->run(executor, parts[i], count, &tally);
        ck_assert_uint_eq(tally.calls, parts[i]);
        for (size_t part = 0; part < parts[i]; part++) {
            ck_assert_int_eq(tally.of_part[part], 1);
        }
        ck_assert(!tally.is_wrong);
    }
    crew_destroy(&crew);
    ck_assert_ptr_null(crew);
}
END_TEST

static void add_one(void *argument, size_t part, size_t thread)
{
    (void)thread;
    ((size_t *)argument)[part]++; /* unguarded: what run() promises is enough */
}

START_TEST(what_parts_wrote_is_there_afterwards)
{
    enum { ROUNDS = 20000, PARTS = 5 };
    size_t sums[PARTS] = {0};
    struct crew *crew = crew_new(3);
    const struct mix_executor *executor = crew_executor(crew);
    for (size_t round = 1; round <= ROUNDS; round++) {
        executor->run(executor, PARTS, add_one, sums);
        ck_assert_uint_eq(sums[round % PARTS], round);
    }
    crew_destroy(&crew);
}
END_TEST

START_TEST(helpers_without_work_sleep)
{
    size_t sums[3] = {0};
    struct crew *crew = crew_new(3);
    const struct mix_executor *executor = crew_executor(crew);
    executor->run(executor, 3, add_one, sums);
    while (crew_asleep(crew) < 2) {
        sched_yield();
    }
    /* One now and then wakes nobody. */
    executor->run(executor, 3, add_one, sums);
    ck_assert_uint_eq(crew_asleep(crew), 2);
    ck_assert_uint_eq(sums[2], 2);
    crew_destroy(&crew);
}
END_TEST

static void step_aside(void *argument, size_t part, size_t thread)
{
    (void)part;
    if (thread > 0) {
        atomic_store((atomic_bool *)argument, true);
    }
}

START_TEST(sleepers_are_woken_by_a_busy_leader)
{
    atomic_bool has_helped = false;
    struct crew *crew = crew_new(2);
    const struct mix_executor *executor = crew_executor(crew);
    while (crew_asleep(crew) < 1) {
        sched_yield();
    }
    while (!has_helped) { /* a hang is the failure */
        executor->run(executor, 2, step_aside, &has_helped);
    }
    crew_destroy(&crew);
}
END_TEST

START_TEST(nobody_is_a_crew_without_threads)
{
    struct crew *none = NULL;
    crew_destroy(&none);
    ck_assert_ptr_null(crew_executor(NULL));
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        {every_part_runs_once, 4},
        UNIT(what_parts_wrote_is_there_afterwards),
        UNIT(helpers_without_work_sleep),
        UNIT(sleepers_are_woken_by_a_busy_leader),
        UNIT(nobody_is_a_crew_without_threads),
    };
    return unit_run("crew", tests, COUNT(tests));
}
