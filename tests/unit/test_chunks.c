/* SPDX-License-Identifier: MIT */
#include "chunks.h"

#include <pthread.h>

#include "fake_receiver.h"
#include "unit.h"

enum { ROWS_MAX = 3000 };

static struct mixfeed_failure failure;

static void append(struct backlog *backlog, size_t n)
{
    static double rows[ROWS_MAX * FAKE_COLUMNS];
    fake_rows(rows, backlog->newest + 1, n);
    ck_assert_int_eq(backlog->kind->append(backlog, rows, n, &failure), MIXFEED_OK);
}

/* Reads rows and compares them with what their numbers say. */
static struct portion read_rows(struct backlog *backlog, uint64_t seq, size_t n)
{
    static double expected[ROWS_MAX * FAKE_COLUMNS];
    struct portion portion;
    ck_assert_int_eq(backlog->kind->read(backlog, seq, n, NULL, &portion, &failure),
                     MIXFEED_OK);
    ck_assert(portion.n >= 1 && portion.n <= n);
    fake_rows(expected, seq, portion.n);
    ck_assert_mem_eq(portion.rows, expected, portion.n * backlog->row_size);
    return portion;
}

static void check_rows(struct backlog *backlog, uint64_t seq, size_t n)
{
    while (n > 0) {
        const size_t n_read = read_rows(backlog, seq, n).n;
        seq += n_read;
        n -= n_read;
    }
}

/* Portions of many chunks in every phase, read from anywhere. */
START_TEST(what_is_not_trimmed_is_given_back)
{
    uint64_t random = unit_seed(1) * 0x9e3779b97f4a7c15u;
    struct backlog *backlog = chunks_new(FAKE_COLUMNS);
    for (size_t i = 0; i < 3000; i++) {
        const uint64_t held = backlog->newest - backlog->trimmed;
        if (held < 100000) {
            append(backlog, 1 + unit_random(&random) % ROWS_MAX);
        }
        const uint64_t trim = backlog->trimmed + unit_random(&random) % (held / 8 + 1);
        backlog->kind->trim(backlog, trim);
        ck_assert_uint_eq(backlog->trimmed, trim);
        const size_t n = (size_t)(backlog->newest - trim);
        const size_t skip = n > 0 ? unit_random(&random) % n : 0;
        check_rows(backlog, trim + 1 + skip, n - skip < ROWS_MAX ? n - skip : ROWS_MAX);
    }
    ck_assert_uint_gt(backlog->newest, 1000000);
    backlog->kind->trim(backlog, 5);
    ck_assert_uint_gt(backlog->trimmed, 5);
    backlog_destroy(&backlog);
    ck_assert_ptr_null(backlog);
    backlog_destroy(&backlog);
}
END_TEST

START_TEST(rows_of_a_call_stay_together)
{
    struct backlog *backlog = chunks_new(FAKE_COLUMNS);
    for (size_t i = 0; i < 1000; i++) {
        append(backlog, 100);
        ck_assert_uint_eq(read_rows(backlog, 100 * i + 1, 100).n, 100);
    }
    backlog_destroy(&backlog);
}
END_TEST

START_TEST(a_row_larger_than_a_chunk_has_one_of_its_own)
{
    enum { WIDE = 40000 };
    static double row[WIDE];
    struct backlog *backlog = chunks_new(WIDE);
    for (int i = 1; i <= 3; i++) {
        struct portion portion;
        row[0] = row[WIDE - 1] = i;
        ck_assert_int_eq(backlog->kind->append(backlog, row, 1, &failure), MIXFEED_OK);
        backlog->kind->read(backlog, (uint64_t)i, 1, NULL, &portion, &failure);
        ck_assert_uint_eq(portion.n, 1);
        ck_assert_mem_eq(portion.rows, row, sizeof(row));
    }
    backlog_destroy(&backlog);
}
END_TEST

static void *let_go(void *argument)
{
    struct portion *portion = argument;
    static double expected[100 * FAKE_COLUMNS];
    fake_rows(expected, 1, 100);
    ck_assert_mem_eq(portion->rows, expected, sizeof(expected));
    portion->release((void *)(uintptr_t)portion->rows, portion->holder);
    return NULL;
}

/* As ZeroMQ does it with a message that nobody has read yet. */
START_TEST(rows_that_are_held_outlive_trim_and_backlog)
{
    struct backlog *backlog = chunks_new(FAKE_COLUMNS);
    append(backlog, 100);
    struct portion portion = read_rows(backlog, 1, 100);
    portion.hold(portion.holder);
    backlog->kind->trim(backlog, 100);
    for (size_t i = 0; i < 200; i++) {
        append(backlog, ROWS_MAX);
        backlog->kind->trim(backlog, backlog->newest);
    }
    backlog_destroy(&backlog);
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, let_go, &portion), 0);
    pthread_join(thread, NULL);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(what_is_not_trimmed_is_given_back),
        UNIT(rows_of_a_call_stay_together),
        UNIT(a_row_larger_than_a_chunk_has_one_of_its_own),
        UNIT(rows_that_are_held_outlive_trim_and_backlog),
    };
    return unit_run("chunks", tests, COUNT(tests));
}
