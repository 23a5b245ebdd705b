/* SPDX-License-Identifier: MIT */
#include "flow.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

/* A file of n bytes: byte i is i % 251, so that no shift by a power of two looks right.
 */
static char path[] = "/tmp/mixd-flow-XXXXXX";

static void write_file(size_t n)
{
    const int descriptor = mkstemp(path);
    FILE *file = fdopen(descriptor, "w");
    ck_assert_ptr_nonnull(file);
    for (size_t i = 0; i < n; i++) {
        putc((int)(i % 251), file);
    }
    fclose(file);
}

static void check_front(const struct flow *flow, uint64_t place)
{
    const struct bytes bytes = flow_bytes(flow);
    const unsigned char *data = bytes.data;
    ck_assert_uint_eq(flow_taken(flow), place);
    for (size_t i = 0; i < bytes.size; i += 97) {
        ck_assert_uint_eq(data[i], (place + i) % 251);
    }
}

START_TEST(bytes_come_once_and_in_order_however_they_are_taken)
{
    const size_t n = 3 * FLOW_SIZE + 12345;
    const uint64_t seed = unit_seed(20260401);
    uint64_t state = seed;
    write_file(n);
    struct flow *flow = flow_open(path);
    unlink(path);
    ck_assert_uint_eq(flow_total(flow), n);
    uint64_t place = 0;
    while (flow_fill(flow) || flow_bytes(flow).size > 0) {
        check_front(flow, place);
        const size_t size = flow_bytes(flow).size;
        const size_t take = flow_at_end(flow) ? size : unit_random(&state) % (size + 1);
        flow_take(flow, take);
        place += take;
    }
    ck_assert_uint_eq(place, n);
    ck_assert(flow_at_end(flow));
    ck_assert_int_eq(flow_error(flow), 0);
    flow_close(&flow);
    ck_assert_ptr_null(flow);
}
END_TEST

START_TEST(so_many_bytes_as_are_wanted_are_there_at_once)
{
    write_file(2 * FLOW_SIZE);
    struct flow *flow = flow_open(path);
    unlink(path);
    ck_assert(flow_want(flow, 100));
    flow_take(flow, 100);
    ck_assert(flow_want(flow, FLOW_SIZE));
    check_front(flow, 100);
    flow_take(flow, FLOW_SIZE);
    ck_assert(!flow_want(flow, FLOW_SIZE)); /* 100 are missing */
    check_front(flow, 100 + FLOW_SIZE);
    ck_assert_uint_eq(flow_bytes(flow).size, FLOW_SIZE - 100);
    flow_close(&flow);
}
END_TEST

START_TEST(a_full_buffer_takes_no_more)
{
    write_file(2 * FLOW_SIZE);
    struct flow *flow = flow_open(path);
    unlink(path);
    while (flow_fill(flow)) {
    }
    ck_assert_uint_eq(flow_bytes(flow).size, FLOW_SIZE);
    ck_assert(!flow_at_end(flow));
    flow_close(&flow);
}
END_TEST

START_TEST(what_was_taken_since_the_pin_comes_once_more)
{
    write_file(2 * FLOW_SIZE);
    struct flow *flow = flow_open(path);
    unlink(path);
    ck_assert(flow_want(flow, 1000));
    flow_take(flow, 1000);
    flow_pin(flow);
    size_t n = 0;
    while (flow_want(flow, 500)) { /* until the buffer is full of pinned bytes */
        flow_take(flow, 500);
        n += 500;
    }
    ck_assert_uint_gt(n, FLOW_SIZE / 2);
    flow_rewind(flow);
    check_front(flow, 1000);
    flow_take(flow, n);
    ck_assert(flow_fill(flow));
    check_front(flow, 1000 + n);
    flow_close(&flow);
}
END_TEST

START_TEST(files_are_read_at_any_place)
{
    unsigned char bytes[8];
    write_file(1000);
    struct flow *flow = flow_open(path);
    unlink(path);
    ck_assert(flow_read_at(flow, 500, bytes, sizeof(bytes)));
    ck_assert_uint_eq(bytes[0], 500 % 251);
    ck_assert_uint_eq(bytes[7], 507 % 251);
    ck_assert(!flow_read_at(flow, 999, bytes, sizeof(bytes)));
    flow_close(&flow);
}
END_TEST

START_TEST(a_pipe_gives_what_has_come)
{
    int ends[2];
    unsigned char byte;
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_ne(dup2(ends[0], STDIN_FILENO), -1);
    struct flow *flow = flow_open("-");
    ck_assert_int_eq(write(ends[1], "abc", 3), 3);
    ck_assert(flow_fill(flow));
    ck_assert_uint_eq(flow_bytes(flow).size, 3);
    ck_assert_uint_eq(flow_total(flow), 0);
    ck_assert(!flow_read_at(flow, 0, &byte, 1));
    close(ends[1]);
    ck_assert(!flow_fill(flow));
    ck_assert(flow_at_end(flow));
    flow_close(&flow);
}
END_TEST

START_TEST(what_cannot_be_opened_says_why)
{
    ck_assert_ptr_null(flow_open("/nonexistent"));
    ck_assert_int_eq(errno, ENOENT);
    ck_assert_ptr_null(flow_open("/tmp"));
    ck_assert_int_eq(errno, EISDIR);
}
END_TEST

START_TEST(a_read_that_fails_is_an_error)
{
    /* Reading at the edge of /proc/self/mem, which is not mapped, is EIO. */
    struct flow *flow = flow_open("/proc/self/mem");
    ck_assert_ptr_nonnull(flow);
    ck_assert(!flow_fill(flow));
    ck_assert_int_eq(flow_error(flow), EIO);
    ck_assert(!flow_at_end(flow));
    flow_close(&flow);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(bytes_come_once_and_in_order_however_they_are_taken),
        UNIT(so_many_bytes_as_are_wanted_are_there_at_once),
        UNIT(a_full_buffer_takes_no_more),
        UNIT(what_was_taken_since_the_pin_comes_once_more),
        UNIT(files_are_read_at_any_place),
        UNIT(a_pipe_gives_what_has_come),
        UNIT(what_cannot_be_opened_says_why),
        UNIT(a_read_that_fails_is_an_error),
    };
    return unit_run("flow", tests, COUNT(tests));
}
