/* SPDX-License-Identifier: MIT */
#include "backlog.h"

#include "fake_receiver.h"
#include "unit.h"

static struct mixfeed_failure failure;

START_TEST(incarnations_differ_and_fit_sqlite)
{
    uint64_t last = 0;
    for (size_t i = 0; i < 100; i++) {
        const uint64_t incarnation = backlog_incarnation();
        ck_assert_uint_gt(incarnation, 0);
        ck_assert_uint_le(incarnation, INT64_MAX);
        ck_assert_uint_ne(incarnation, last);
        last = incarnation;
    }
}
END_TEST

static bool read_rows(void *context, uint64_t seq, size_t n, double *rows)
{
    fake_rows(rows, seq, n);
    return seq + n - 1 <= *(uint64_t *)context;
}

START_TEST(rows_of_the_caller_are_read_by_number_and_never_trimmed)
{
    uint64_t n_readable = 90;
    const struct mixfeed_rows rows = {7, 100, read_rows, &n_readable};
    struct backlog *backlog = backlog_rows_new(FAKE_COLUMNS, &rows);
    ck_assert_uint_eq(backlog->incarnation, 7);
    ck_assert_uint_eq(backlog->newest, 100);
    ck_assert_ptr_null(backlog->kind->append);
    backlog->kind->trim(backlog, 50);
    ck_assert_uint_eq(backlog->trimmed, 0);
    double found[90 * FAKE_COLUMNS];
    double expected[90 * FAKE_COLUMNS];
    struct portion portion;
    fake_rows(expected, 1, 90);
    ck_assert_int_eq(backlog->kind->read(backlog, 1, 90, found, &portion, &failure),
                     MIXFEED_OK);
    ck_assert(portion.rows == found && portion.n == 90 && portion.holder == NULL);
    ck_assert_mem_eq(found, expected, sizeof(expected));
    ck_assert_int_eq(backlog->kind->read(backlog, 91, 1, found, &portion, &failure),
                     MIXFEED_EIO);
    ck_assert_int_eq(failure.err, MIXFEED_EIO);
    backlog_destroy(&backlog);
}
END_TEST

START_TEST(numbers_on_the_wire_are_little_endian)
{
    const double numbers[] = {1.0, -2.0};
    static const unsigned char expected[] = {0, 0, 0, 0, 0, 0, 0xf0, 0x3f,
                                             0, 0, 0, 0, 0, 0, 0,    0xc0};
    unsigned char wire[sizeof(expected)];
    backlog_to_wire(numbers, wire, COUNT(numbers));
    ck_assert_mem_eq(wire, expected, sizeof(expected));
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(incarnations_differ_and_fit_sqlite),
        UNIT(rows_of_the_caller_are_read_by_number_and_never_trimmed),
        UNIT(numbers_on_the_wire_are_little_endian),
    };
    return unit_run("backlog", tests, COUNT(tests));
}
