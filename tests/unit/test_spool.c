/* SPDX-License-Identifier: MIT */
#include "spool.h"

#include <signal.h>
#include <sys/wait.h>

#include "fake_receiver.h"
#include "faultvfs.h"
#include "folder.h"
#include "unit.h"

static struct mixfeed_failure failure;

static struct backlog *try_open(void)
{
    return spool_new(folder_path("spool"), "s", FAKE_COLUMNS, &failure);
}

static struct backlog *open_spool(void)
{
    struct backlog *spool = try_open();
    ck_assert_msg(spool != NULL, "%s", failure.text);
    return spool;
}

static enum mixfeed_err append(struct backlog *spool, size_t n)
{
    double *rows = malloc(n * FAKE_COLUMNS * sizeof(double));
    fake_rows(rows, spool->newest + 1, n);
    const enum mixfeed_err err = spool->kind->append(spool, rows, n, &failure);
    free(rows);
    return err;
}

static enum mixfeed_err read_rows(struct backlog *spool, uint64_t seq, size_t n)
{
    double *found = malloc(n * FAKE_COLUMNS * sizeof(double));
    double *expected = malloc(n * FAKE_COLUMNS * sizeof(double));
    fake_rows(expected, seq, n);
    struct portion portion;
    const enum mixfeed_err err =
        spool->kind->read(spool, seq, n, found, &portion, &failure);
    if (err == MIXFEED_OK) {
        ck_assert_uint_eq(portion.n, n);
        ck_assert_mem_eq(portion.rows, expected, n * FAKE_COLUMNS * sizeof(double));
    }
    free(found);
    free(expected);
    return err;
}

static void run_sql(const char *sql)
{
    sqlite3 *db;
    ck_assert_int_eq(sqlite3_open(folder_path("spool"), &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

START_TEST(what_was_appended_is_there_when_opened_again)
{
    folder_make();
    struct backlog *spool = open_spool();
    const uint64_t incarnation = spool->incarnation;
    ck_assert_uint_eq(spool->newest, 0);
    ck_assert_int_eq(append(spool, 1), MIXFEED_OK);
    spool->note = UINT64_MAX;
    ck_assert_int_eq(append(spool, 40000), MIXFEED_OK); /* of several pieces */
    ck_assert_int_eq(read_rows(spool, 1, 40001), MIXFEED_OK);
    backlog_destroy(&spool);
    spool = open_spool();
    ck_assert_uint_eq(spool->incarnation, incarnation);
    ck_assert_uint_eq(spool->newest, 40001);
    ck_assert_uint_eq(spool->trimmed, 0);
    ck_assert_uint_eq(spool->note, UINT64_MAX);
    ck_assert_int_eq(read_rows(spool, 1, 40001), MIXFEED_OK);
    ck_assert_int_eq(read_rows(spool, 39000, 1001), MIXFEED_OK);
    backlog_destroy(&spool);
    folder_remove();
}
END_TEST

START_TEST(only_what_is_safe_is_deleted)
{
    folder_make();
    struct backlog *spool = open_spool();
    for (size_t i = 0; i < 10; i++) {
        ck_assert_int_eq(append(spool, 10), MIXFEED_OK);
    }
    spool->kind->trim(spool, 55);
    ck_assert_uint_eq(spool->trimmed, 55);
    ck_assert_int_eq(read_rows(spool, 56, 45), MIXFEED_OK);
    spool->kind->trim(spool, 20); /* backwards: nothing */
    backlog_destroy(&spool);
    spool = open_spool();
    ck_assert_uint_eq(spool->trimmed, 55);
    ck_assert_uint_eq(spool->newest, 100);
    ck_assert_int_eq(read_rows(spool, 56, 45), MIXFEED_OK);
    spool->kind->trim(spool, 100);
    backlog_destroy(&spool);
    spool = open_spool(); /* empty, and it goes on counting */
    ck_assert_uint_eq(spool->newest, 100);
    ck_assert_int_eq(append(spool, 5), MIXFEED_OK);
    ck_assert_int_eq(read_rows(spool, 101, 5), MIXFEED_OK);
    backlog_destroy(&spool);
    folder_remove();
}
END_TEST

/* The file does not grow as long as what is in it is taken away. */
START_TEST(space_is_used_again)
{
    folder_make();
    struct backlog *spool = open_spool();
    struct stat status;
    off_t early = 0;
    for (size_t i = 0; i < 200; i++) {
        ck_assert_int_eq(append(spool, 1000), MIXFEED_OK);
        spool->kind->trim(spool, spool->newest - 500);
        ck_assert_int_eq(stat(folder_path("spool-wal"), &status), 0);
        if (i == 100) {
            early = status.st_size;
        }
    }
    ck_assert_int_le(status.st_size, early + (1 << 20));
    ck_assert_int_eq(stat(folder_path("spool"), &status), 0);
    ck_assert_int_le(status.st_size, 1 << 20);
    backlog_destroy(&spool);
    folder_remove();
}
END_TEST

/* Statements that make another file of a good one, and what must be said then. */
static const struct {
    const char *sql;
    const char *text;
} spoiled[] = {
    {"PRAGMA application_id=5", "not a spool"},
    {"PRAGMA user_version=2", "version 2"},
    {"UPDATE spool SET source='t'", "spool of source t"},
    {"UPDATE spool SET columns=3", "3 columns"},
    {"DELETE FROM spool", "spool"},
    {"DROP TABLE piece", "piece"},
    {"DELETE FROM piece WHERE first=11", "damaged"},
    {"DELETE FROM piece WHERE first=1", "damaged"},
    {"UPDATE piece SET n=9 WHERE first=11", "damaged"},
};

START_TEST(what_is_no_spool_of_this_source_is_refused)
{
    folder_make();
    struct backlog *spool = open_spool();
    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(append(spool, 10), MIXFEED_OK);
    }
    backlog_destroy(&spool);
    run_sql(spoiled[_i].sql);
    ck_assert_ptr_null(try_open());
    ck_assert_int_eq(failure.err, MIXFEED_ESPOOL);
    ck_assert_msg(strstr(failure.text, spoiled[_i].text) != NULL, "%s", failure.text);
    folder_remove();
}
END_TEST

START_TEST(files_of_others_are_not_touched)
{
    folder_make();
    static const char text[] = "this is no database, and longer than a header of one is: "
                               "at least a hundred bytes, which these are by now, surely";
    folder_write("spool", text, sizeof(text));
    ck_assert_ptr_null(try_open());
    ck_assert_int_eq(failure.err, MIXFEED_ESPOOL);
    size_t size;
    unsigned char *bytes = folder_read("spool", &size);
    ck_assert_uint_eq(size, sizeof(text));
    ck_assert_mem_eq(bytes, text, size);
    free(bytes);
    folder_clear();
    run_sql("CREATE TABLE theirs (a); INSERT INTO theirs VALUES (1)");
    ck_assert_ptr_null(try_open());
    ck_assert_int_eq(failure.err, MIXFEED_ESPOOL);
    folder_clear();
    ck_assert_ptr_null(spool_new("/dev/null/spool", "s", 1, &failure));
    ck_assert_int_eq(failure.err, MIXFEED_EIO);
    folder_remove();
}
END_TEST

/* Points whose bytes have changed are never sent. */
START_TEST(damage_is_found_when_a_point_is_read)
{
    folder_make();
    struct backlog *spool = open_spool();
    ck_assert_int_eq(append(spool, 10), MIXFEED_OK);
    ck_assert_int_eq(append(spool, 10), MIXFEED_OK);
    backlog_destroy(&spool);
    run_sql("UPDATE piece SET rows = CAST(substr(rows, 1, 100) || x'01' || "
            "substr(rows, 102) AS BLOB) WHERE first = 11");
    spool = open_spool();
    ck_assert_int_eq(read_rows(spool, 1, 10), MIXFEED_OK);
    ck_assert_int_eq(read_rows(spool, 11, 1), MIXFEED_ESPOOL);
    ck_assert_ptr_nonnull(strstr(failure.text, "point 11"));
    backlog_destroy(&spool);
    folder_remove();
}
END_TEST

START_TEST(one_process_at_a_time)
{
    folder_make();
    struct backlog *spool = open_spool();
    const pid_t child = fork();
    if (child == 0) {
        const bool is_refused = try_open() == NULL && failure.err == MIXFEED_EBUSY &&
                                strstr(failure.text, "another process") != NULL;
        _exit(is_refused ? 0 : 1);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    backlog_destroy(&spool);
    folder_remove();
}
END_TEST

/* ---- Faults ------------------------------------------------------------------ */

/* Appends and trims until it is killed; tells after each append how far it is. */
static void write_on(int report)
{
    struct backlog *spool = try_open();
    while (spool != NULL) {
        if (append(spool, 1 + spool->newest % 7) != MIXFEED_OK ||
            write(report, &spool->newest, sizeof(uint64_t)) != sizeof(uint64_t)) {
            break;
        }
        if (spool->newest > 100) {
            spool->kind->trim(spool, spool->newest - 100);
        }
    }
    _exit(1);
}

START_TEST(a_writer_that_is_killed_loses_nothing_it_had_taken)
{
    uint64_t random = unit_seed(1) * 0x9e3779b97f4a7c15u;
    folder_make();
    uint64_t told = 0;
    for (size_t i = 0; i < 20; i++) {
        int report[2];
        ck_assert_int_eq(pipe(report), 0);
        const pid_t child = fork();
        if (child == 0) {
            write_on(report[1]);
        }
        close(report[1]);
        for (uint64_t left = unit_random(&random) % 60; left > 0; left--) {
            ck_assert_int_eq(read(report[0], &told, sizeof(told)), sizeof(told));
        }
        kill(child, SIGKILL);
        int status;
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert(WIFSIGNALED(status));
        while (read(report[0], &told, sizeof(told)) == sizeof(told)) {
        }
        close(report[0]);
        struct backlog *spool = open_spool();
        ck_assert_uint_ge(spool->newest, told);
        ck_assert_int_eq(read_rows(spool, spool->trimmed + 1,
                                   (size_t)(spool->newest - spool->trimmed)),
                         MIXFEED_OK);
        backlog_destroy(&spool);
    }
    ck_assert_uint_gt(told, 1000);
    folder_remove();
}
END_TEST

/* Every call below SQLite fails once, in append and in trim: what was not taken is not
 * there, what was taken is, and once the disk has room again all goes on. */
START_TEST(a_full_disk_takes_nothing_and_is_survived)
{
    folder_make();
    faultvfs_install();
    struct backlog *spool = open_spool();
    ck_assert_int_eq(append(spool, 10), MIXFEED_OK);
    size_t n_failed = 0;
    for (unsigned at = 1; at < 60; at++) {
        const uint64_t newest = spool->newest;
        faultvfs_set(FAULTVFS_FAIL_ON, at);
        faultvfs.write_error = SQLITE_FULL;
        faultvfs.error = ENOSPC;
        const enum mixfeed_err err = append(spool, 3000);
        spool->kind->trim(spool, newest - 5);
        faultvfs_set(FAULTVFS_PASS, 0);
        ck_assert_uint_eq(spool->newest, err == MIXFEED_OK ? newest + 3000 : newest);
        n_failed += err != MIXFEED_OK ? 1 : 0;
        if (err != MIXFEED_OK) {
            ck_assert_int_eq(err, MIXFEED_EIO);
        }
        ck_assert_int_eq(append(spool, 3), MIXFEED_OK);
        ck_assert_int_eq(read_rows(spool, spool->trimmed + 1,
                                   (size_t)(spool->newest - spool->trimmed)),
                         MIXFEED_OK);
        spool->kind->trim(spool, spool->newest - 10);
    }
    ck_assert_uint_gt(n_failed, 5);
    const uint64_t newest = spool->newest;
    backlog_destroy(&spool);
    spool = open_spool();
    ck_assert_uint_eq(spool->newest, newest);
    ck_assert_int_eq(read_rows(spool, newest - 9, 10), MIXFEED_OK);
    backlog_destroy(&spool);
    folder_remove();
}
END_TEST

/* Every call below SQLite fails once while a spool is opened and read from: refused with
 * a reason, or as if nothing had been; and nothing is lost by it. */
START_TEST(a_disk_that_fails_once_is_told_and_loses_nothing)
{
    folder_make();
    faultvfs_install();
    struct backlog *spool = open_spool();
    ck_assert_int_eq(append(spool, 3000), MIXFEED_OK);
    backlog_destroy(&spool);
    size_t n_refused = 0, n_unread = 0;
    for (unsigned at = 1; at < 60; at++) {
        faultvfs_set(FAULTVFS_FAIL_ONCE, at);
        spool = try_open();
        if (spool == NULL) {
            n_refused++;
            ck_assert_int_ne(failure.err, MIXFEED_OK);
            ck_assert_ptr_nonnull(strstr(failure.text, folder));
        } else {
            const enum mixfeed_err err = read_rows(spool, 1, 3000);
            n_unread += err != MIXFEED_OK ? 1 : 0;
            ck_assert(err == MIXFEED_OK || err == MIXFEED_EIO);
        }
        backlog_destroy(&spool);
        faultvfs_set(FAULTVFS_PASS, 0);
        spool = open_spool();
        ck_assert_uint_eq(spool->newest, 3000);
        ck_assert_int_eq(read_rows(spool, 1, 3000), MIXFEED_OK);
        backlog_destroy(&spool);
    }
    ck_assert(n_refused > 5 && n_unread > 0);
    folder_remove();
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(what_was_appended_is_there_when_opened_again),
        UNIT(only_what_is_safe_is_deleted),
        UNIT(space_is_used_again),
        UNIT_LOOP(what_is_no_spool_of_this_source_is_refused, spoiled),
        UNIT(files_of_others_are_not_touched),
        UNIT(damage_is_found_when_a_point_is_read),
        UNIT(one_process_at_a_time),
        UNIT(a_writer_that_is_killed_loses_nothing_it_had_taken),
        UNIT(a_full_disk_takes_nothing_and_is_survived),
        UNIT(a_disk_that_fails_once_is_told_and_loses_nothing),
    };
    return unit_run("spool", tests, COUNT(tests));
}
