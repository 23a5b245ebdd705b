/* SPDX-License-Identifier: MIT
 *
 * A recording in small files: turned over, cut, gone on with, set aside. */
#include "recorder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config_file.h"
#include "folder.h"
#include "unit.h"

enum { PER_FILE = 10, COLUMNS = 3, FILE_BYTES = PER_FILE * COLUMNS * 8 };

static struct config *settings;
static struct router *router;

static void start(void)
{
    folder_make();
    file_start();
    char text[256];
    snprintf(text, sizeof(text),
             "streams: {s: {fields: [x, y], feed: {bind: \"tcp://127.0.0.1:*\"}, "
             "model: {components: 1}, record: %s}}\n",
             folder);
    settings = file_read_good(text);
    log_configure(LEVEL_ERROR, LOG_TEXT);
    router = router_new(&settings->streams[0], NULL);
    router_get(router, (struct bytes){NULL, 0});
}

static void stop(void)
{
    router_destroy(&router);
    config_destroy(&settings);
    file_stop();
    folder_remove();
}

static struct recorder *begin(const struct recorder_mark *mark)
{
    struct fault fault = {0};
    struct recorder *recorder = recorder_open(&settings->streams[0], FILE_BYTES, &fault);
    ck_assert_msg(recorder != NULL, "%s", fault.text);
    ck_assert_msg(recorder_begin(recorder, mark, 0, &fault), "%s", fault.text);
    return recorder;
}

/* Rows [first, end): x counts them. */
static void add(struct recorder *recorder, size_t first, size_t end)
{
    const struct moment now = {.ms = 5, .wall_s = 100};
    for (size_t i = first; i < end; i++) {
        const double x[2] = {(double)i, -1};
        const struct batch batch = {.n = 1, .x = x, .stride = 2};
        recorder_add(recorder, &batch, 0, 1, router, 0, now);
    }
}

static struct recorder_mark flush(struct recorder *recorder)
{
    recorder_flush(recorder, 10);
    ck_assert_str_eq(recorder->problem, "");
    return recorder_mark(recorder);
}

/* Rows of a file by its header; each must be the row of that number from `first` on. */
static size_t rows_of(const char *name, size_t first)
{
    size_t size;
    unsigned long rows, columns;
    unsigned char *bytes = folder_read(name, &size);
    ck_assert_uint_ge(size, RECORDING_HEADER);
    ck_assert_mem_eq(bytes, "\x93NUMPY\x01\x00\x76\x00", 10);
    ck_assert_int_eq(bytes[RECORDING_HEADER - 1], '\n');
    ck_assert_int_eq(sscanf((char *)bytes + 10,
                            "{'descr': '<f8', 'fortran_order': False, 'shape': "
                            "(%lu, %lu), }",
                            &rows, &columns),
                     2);
    ck_assert_uint_eq(columns, COLUMNS);
    ck_assert_uint_eq(size, RECORDING_HEADER + rows * COLUMNS * 8);
    for (size_t i = 0; i < rows; i++) {
        double row[COLUMNS];
        memcpy(row, bytes + RECORDING_HEADER + i * sizeof(row), sizeof(row));
        ck_assert(row[0] == 100 && row[1] == (double)(first + i) && row[2] == -1);
    }
    free(bytes);
    return rows;
}

START_TEST(files_are_turned_over_when_full)
{
    start();
    struct recorder *recorder = begin(NULL);
    add(recorder, 0, 7);
    flush(recorder);
    ck_assert_uint_eq(rows_of("000000.npy", 0), 7);
    add(recorder, 7, 30);
    const struct recorder_mark mark = flush(recorder);
    ck_assert_uint_eq(mark.rows, 30);
    ck_assert_uint_eq(rows_of("000000.npy", 0), 10);
    ck_assert_uint_eq(rows_of("000001.npy", 10), 10);
    ck_assert_uint_eq(rows_of("000002.npy", 20), 10);
    ck_assert(!folder_has("000003.npy"));
    recorder_close(&recorder);
    stop();
}
END_TEST

static void count_path(void *context, char *path)
{
    (void)path;
    ++*(size_t *)context;
}

START_TEST(every_file_written_is_named_once_for_the_disk)
{
    start();
    struct recorder *recorder = begin(NULL);
    size_t n = 0;
    recorder_sync(recorder, count_path, &n);
    ck_assert_uint_eq(n, 0);
    add(recorder, 0, 25);
    flush(recorder);
    recorder_sync(recorder, count_path, &n);
    ck_assert_uint_eq(n, 3);
    add(recorder, 25, 26);
    flush(recorder);
    n = 0;
    recorder_sync(recorder, count_path, &n);
    ck_assert_uint_eq(n, 1);
    recorder_close(&recorder);
    stop();
}
END_TEST

/* Whatever the number of rows that the state knows, the rest is beside, and it goes on.
 */
START_TEST(a_recording_is_cut_anywhere)
{
    start();
    struct recorder *recorder = begin(NULL);
    const size_t keep = (size_t)_i;
    add(recorder, 0, keep);
    const struct recorder_mark mark = flush(recorder);
    add(recorder, keep, 35);
    recorder_close(&recorder);
    recorder = begin(&mark);
    ck_assert_uint_eq(recorder->rows, keep);
    ck_assert_uint_eq(recorder_mark(recorder).lost, 0);
    const size_t part = keep % PER_FILE;
    if (part > 0) {
        char name[32];
        snprintf(name, sizeof(name), "%06zu.npy", keep / PER_FILE);
        ck_assert_uint_eq(rows_of(name, keep - part), part);
    }
    size_t beside = 0;
    for (size_t i = 0; i < 4; i++) {
        char name[32];
        snprintf(name, sizeof(name), "%06zu.npy.tail", i);
        beside +=
            folder_has(name) ? rows_of(name, i == keep / PER_FILE ? keep : 10 * i) : 0;
    }
    ck_assert_uint_eq(beside, 35 - keep);
    add(recorder, keep, 40);
    ck_assert_uint_eq(flush(recorder).rows, 40);
    for (size_t i = 0; i < 4; i++) {
        char name[32];
        snprintf(name, sizeof(name), "%06zu.npy", i);
        ck_assert_uint_eq(rows_of(name, 10 * i), 10);
    }
    recorder_close(&recorder);
    stop();
}
END_TEST

/* Rows that were counted and are not there: a power cut, or a hand. */
START_TEST(missing_rows_are_a_gap)
{
    start();
    struct recorder *recorder = begin(NULL);
    add(recorder, 0, 16);
    const struct recorder_mark mark = flush(recorder);
    recorder_close(&recorder);
    ck_assert_int_eq(
        truncate(folder_path("000001.npy"), RECORDING_HEADER + 2 * COLUMNS * 8 + 5), 0);
    recorder = begin(&mark);
    ck_assert_uint_eq(recorder->rows, 12);
    ck_assert_uint_eq(recorder_mark(recorder).lost, 4);
    recorder_close(&recorder);
    char error[128];
    struct recording *about = recording_read(folder, error, sizeof(error));
    ck_assert_msg(about != NULL, "%s", error);
    ck_assert_uint_eq(about->n_gaps, 1);
    ck_assert_uint_eq(about->gaps[0].row, 12);
    ck_assert_uint_eq(about->gaps[0].lost, 4);
    recording_destroy(&about);
    ck_assert_uint_eq(rows_of("000001.npy", 10), 2);
    stop();
}
END_TEST

START_TEST(a_folder_has_one_writer)
{
    start();
    struct recorder *recorder = begin(NULL);
    struct fault fault = {0};
    ck_assert_ptr_null(recorder_open(&settings->streams[0], FILE_BYTES, &fault));
    ck_assert_int_eq(fault.code, 75);
    recorder_close(&recorder);
    stop();
}
END_TEST

static void describe_badly(const char *text)
{
    char error[256] = "";
    folder_write(RECORDING_NAME, text, strlen(text));
    ck_assert_ptr_null(recording_read(folder, error, sizeof(error)));
    ck_assert_msg(strstr(error, RECORDING_NAME) != NULL, "%s", error);
}

START_TEST(a_description_is_checked)
{
    start();
    describe_badly("");
    describe_badly("[]");
    describe_badly("{\"version\": 2}");
    describe_badly("{\"version\": 1, \"stream\": \"s\", \"first\": -1, "
                   "\"rows_per_file\": 5, \"columns\": [\"time\", \"x\"]}");
    describe_badly("{\"version\": 1, \"stream\": \"s\", \"first\": 0, "
                   "\"rows_per_file\": 0, \"columns\": [\"time\", \"x\"]}");
    describe_badly("{\"version\": 1, \"stream\": \"s\", \"first\": 0, "
                   "\"rows_per_file\": 5, \"columns\": [\"time\", 3]}");
    describe_badly("{\"version\": 1, \"stream\": \"s\", \"first\": 0, "
                   "\"rows_per_file\": 5, \"columns\": [\"time\", \"x\"], "
                   "\"gaps\": [{\"row\": \"a\"}]}");
    stop();
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(files_are_turned_over_when_full),
        UNIT(every_file_written_is_named_once_for_the_disk),
        {a_recording_is_cut_anywhere, 35},
        UNIT(missing_rows_are_a_gap),
        UNIT(a_folder_has_one_writer),
        UNIT(a_description_is_checked),
    };
    return unit_run("recorder", tests, COUNT(tests));
}
