/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source.h"
#include "unit.h"

static char folder[64];

static void put(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

static void setup(void)
{
    char path[80];
    snprintf(folder, sizeof(folder), "/tmp/mixd-proc-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/net", folder);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    put("stat", "cpu  100 0 50 800 50 0 0 0 0 0\ncpu0 1 2 3 4\nintr 5000 1 2\nctxt 900\n"
                "processes 10\n");
    put("meminfo", "MemTotal:  1000 kB\nMemFree: 10 kB\nMemAvailable:  600 kB\n");
    put("vmstat", "pgpgin 40\npgpgout 80\n");
    put("net/dev", "Inter-| Receive | Transmit\n face |bytes\n"
                   "    lo: 100 1 0 0 0 0 0 0 100 1 0 0 0 0 0 0\n"
                   "  eth0:1000 1 0 0 0 0 0 0 2000 1 0 0 0 0 0 0\n");
}

static void teardown(void)
{
    static const char *const names[] = {"stat", "meminfo", "vmstat", "net/dev"};
    char path[128];
    for (size_t i = 0; i < COUNT(names); i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        unlink(path);
    }
    snprintf(path, sizeof(path), "%s/net", folder);
    rmdir(path);
    rmdir(folder);
}

/* A source over the folder, read at second 0 for the first time. */
static struct source *open_host(double rate)
{
    const struct source_options options = {.rate = rate};
    struct failure failure = {0};
    char name[96];
    snprintf(name, sizeof(name), "host:%s", folder);
    struct source *source = source_open(name, &options, 0, &failure);
    ck_assert_msg(source != NULL, "%s", failure.text);
    return source;
}

/* Reads a row at that second and returns one of its fields. */
static struct source_rows read_at(struct source *source, double now_s)
{
    struct failure failure = {0};
    struct source_rows rows;
    ck_assert(source_next(source, now_s, &rows, &failure));
    ck_assert_uint_eq(rows.n, 1);
    return rows;
}

static double value(const struct source *source, const struct source_rows *rows,
                    const char *field)
{
    const long d = source_field(source, field);
    ck_assert_msg(d >= 0, "%s", field);
    return rows->x[d];
}

static void move_counters(void)
{
    put("stat", "cpu  130 0 60 850 60 0 0 0 0 0\nintr 5040 1 2\nctxt 1000\nprocesses 12\n");
    put("vmstat", "pgpgin 41\npgpgout 90\n");
    put("net/dev", "Inter-| Receive | Transmit\n face |bytes\n"
                   "    lo: 200 1 0 0 0 0 0 0 200 1 0 0 0 0 0 0\n"
                   "  eth0:1500 1 0 0 0 0 0 0 2010 1 0 0 0 0 0 0\n");
}

START_TEST(counters_become_rates_of_the_nominal_interval)
{
    setup();
    struct source *source = open_host(0);
    ck_assert_double_eq(source->interval_s, 0.1);
    move_counters();
    /* 13 ms late: what counts is the interval as it should be. */
    const struct source_rows rows = read_at(source, 0.113);
    ck_assert_double_eq_tol(value(source, &rows, "interrupts"), 400, 1e-9);
    ck_assert_double_eq_tol(value(source, &rows, "switches"), 1000, 1e-9);
    ck_assert_double_eq_tol(value(source, &rows, "forks"), 20, 1e-9);
    ck_assert_double_eq_tol(value(source, &rows, "disk_read"), 10240, 1e-9);
    ck_assert_double_eq_tol(value(source, &rows, "disk_written"), 102400, 1e-9);
    ck_assert_double_eq_tol(value(source, &rows, "network_in"), 6000, 1e-9);
    ck_assert_double_eq_tol(value(source, &rows, "network_out"), 1100, 1e-9);
    ck_assert_double_eq_tol(value(source, &rows, "network"), 7100, 1e-9);
    ck_assert_double_eq_tol(value(source, &rows, "log_network"), log1p(7100), 1e-12);
    /* 100 ticks passed, 40 of them busy */
    ck_assert_double_eq_tol(value(source, &rows, "busy"), 0.4, 1e-12);
    ck_assert_double_eq_tol(value(source, &rows, "memory"), 400 * 1024, 1e-9);
    source_close(&source);
    teardown();
}
END_TEST

START_TEST(missed_readings_spread_over_the_intervals_that_passed)
{
    setup();
    struct source *source = open_host(2);
    ck_assert_double_eq(source->interval_s, 0.5);
    move_counters();
    const struct source_rows rows = read_at(source, 2.02); /* four intervals of 0.5 s */
    ck_assert_double_eq_tol(value(source, &rows, "switches"), 50, 1e-12);
    source_close(&source);
    teardown();
}
END_TEST

START_TEST(a_counter_set_back_is_missing_once)
{
    setup();
    struct source *source = open_host(0);
    put("stat", "cpu  1 0 1 1 1 0 0 0 0 0\nintr 5\nctxt 990\nprocesses 10\n");
    struct source_rows rows = read_at(source, 0.1);
    ck_assert_double_nan(value(source, &rows, "interrupts"));
    ck_assert_double_nan(value(source, &rows, "log_interrupts"));
    ck_assert_double_nan(value(source, &rows, "busy"));
    ck_assert_double_eq_tol(value(source, &rows, "switches"), 900, 1e-9);
    put("stat", "cpu  2 0 2 2 2 0 0 0 0 0\nintr 7\nctxt 990\nprocesses 10\n");
    rows = read_at(source, 0.2);
    ck_assert_double_eq_tol(value(source, &rows, "interrupts"), 20, 1e-9);
    ck_assert_double_eq_tol(value(source, &rows, "busy"), 0.5, 1e-12);
    source_close(&source);
    teardown();
}
END_TEST

START_TEST(a_reading_between_two_ticks_keeps_the_share)
{
    setup();
    struct source *source = open_host(1000);
    struct source_rows rows = read_at(source, 0.001);
    ck_assert_double_eq_tol(value(source, &rows, "busy"), 0.15, 1e-12); /* since boot */
    move_counters();
    rows = read_at(source, 0.002);
    ck_assert_double_eq_tol(value(source, &rows, "busy"), 0.4, 1e-12);
    rows = read_at(source, 0.003);
    ck_assert_double_eq_tol(value(source, &rows, "busy"), 0.4, 1e-12);
    ck_assert_double_eq(value(source, &rows, "switches"), 0);
    source_close(&source);
    teardown();
}
END_TEST

START_TEST(what_a_container_does_not_show_is_missing)
{
    setup();
    char path[128];
    snprintf(path, sizeof(path), "%s/net/dev", folder);
    unlink(path);
    put("stat", "cpu  1 0 1 1\n"); /* an old kernel, and no interrupts */
    struct source *source = open_host(0);
    const struct source_rows rows = read_at(source, 0.1);
    ck_assert_double_nan(value(source, &rows, "network"));
    ck_assert_double_nan(value(source, &rows, "interrupts"));
    ck_assert_double_eq_tol(value(source, &rows, "memory"), 400 * 1024, 1e-9);
    source_close(&source);
    teardown();
}
END_TEST

START_TEST(a_line_of_many_interrupts_hides_nothing)
{
    setup();
    char *text = calloc(1, 40000);
    strcpy(text, "cpu  100 0 50 800 50 0 0 0 0 0\nintr 5010");
    for (size_t i = 0; i < 8000; i++) {
        strcat(text + 40 + 2 * i, " 7");
    }
    strcat(text, "\nctxt 910\nprocesses 10\n");
    struct source *source = open_host(0);
    put("stat", text);
    const struct source_rows rows = read_at(source, 0.1);
    ck_assert_double_eq_tol(value(source, &rows, "interrupts"), 100, 1e-9);
    ck_assert_double_eq_tol(value(source, &rows, "switches"), 100, 1e-9);
    source_close(&source);
    free(text);
    teardown();
}
END_TEST

START_TEST(a_folder_that_is_no_proc_is_refused)
{
    const struct source_options options = {0};
    struct failure failure = {0};
    ck_assert_ptr_null(source_open("host:/nowhere", &options, 0, &failure));
    ck_assert_int_eq(failure.code, EX_NOINPUT);
    ck_assert_ptr_nonnull(strstr(failure.text, "/nowhere/stat"));
}
END_TEST

START_TEST(this_host_has_the_fields_of_the_example)
{
    static const char *const fields[] = {"busy", "interrupts", "log_switches",
                                         "log_network"};
    const struct source_options options = {0};
    struct failure failure = {0};
    struct source *source = source_open("host:", &options, 0, &failure);
    ck_assert_msg(source != NULL, "%s", failure.text);
    const struct source_rows rows = read_at(source, 0.1);
    for (size_t i = 0; i < COUNT(fields); i++) {
        const double x = value(source, &rows, fields[i]);
        ck_assert_msg(x >= 0, "%s %g", fields[i], x);
    }
    ck_assert_double_gt(rows.time[0], 1.5e9);
    source_close(&source);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(counters_become_rates_of_the_nominal_interval),
        UNIT(missed_readings_spread_over_the_intervals_that_passed),
        UNIT(a_counter_set_back_is_missing_once),
        UNIT(a_reading_between_two_ticks_keeps_the_share),
        UNIT(what_a_container_does_not_show_is_missing),
        UNIT(a_line_of_many_interrupts_hides_nothing),
        UNIT(a_folder_that_is_no_proc_is_refused),
        UNIT(this_host_has_the_fields_of_the_example),
    };
    return unit_run("source_host", tests, COUNT(tests));
}
