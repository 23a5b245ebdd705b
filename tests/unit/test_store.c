/* SPDX-License-Identifier: MIT
 *
 * The durable state: what was committed is found again, whatever fails or stops in
 * between, and damage never passes for a state. */
#include "store.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "faultvfs.h"
#include "folder.h"
#include "log.h"
#include "statefile.h"
#include "unit.h"
#include "xalloc.h"

/* ---- A caller of the store -------------------------------------------------- */

static enum store_verdict verdict;  /* what the next states are judged to be */
static uint64_t refused_generation; /* judged damaged; 0: none */

static enum store_verdict accept(const void *context, const struct items *items,
                                 char *why)
{
    (void)context;
    const struct item *mark = items_get(items, "mark", "generation");
    if (mark != NULL && refused_generation != 0 &&
        *(const unsigned char *)mark->value == refused_generation) {
        snprintf(why, DATABASE_WHY_SIZE, "the ledger does not hold");
        return STORE_DAMAGED;
    }
    if (verdict != STORE_ACCEPTED) {
        snprintf(why, DATABASE_WHY_SIZE,
                 "components: the state has 3, the configuration 4");
    }
    return verdict;
}

static const struct store_schema schema = {.version = 1, .accept = accept};

static struct fault fault;

static struct store *open_store(void)
{
    return store_open(folder, &schema, false, &fault);
}

static struct store *open_good(void)
{
    struct store *store = open_store();
    ck_assert_msg(store != NULL, "%s", fault.text);
    return store;
}

static void put_text(struct store *store, const char *kind, const char *name,
                     const char *text)
{
    store_put(store, kind, name, text, strlen(text));
}

/* Changes one value a generation, some of several pages, and removes and adds one. */
static void change(struct store *store, unsigned generation)
{
    char name[32];
    const size_t size = 40 + (size_t)(generation * 2711) % 9000;
    char *bytes = xalloc(size, 1);
    memset(bytes, (int)generation, size);
    bytes[size - 1] = (char)(generation * 7);
    snprintf(name, sizeof(name), "stream-%u", generation % 3);
    store_put(store, "learner", name, bytes, size);
    free(bytes);
    const unsigned char mark = (unsigned char)generation;
    store_put(store, "mark", "generation", &mark, 1);
    snprintf(name, sizeof(name), "key %u", generation);
    put_text(store, "ledger", name, "");
    snprintf(name, sizeof(name), "key %u", generation - 2);
    store_remove(store, "ledger", name);
}

/* Commits `generation` and returns the digest of what it holds. */
static uint64_t commit(struct store *store, unsigned generation)
{
    change(store, generation);
    ck_assert_int_eq(store_commit(store, 0), STORE_WRITTEN);
    ck_assert_uint_eq(store_generation(store), generation);
    return items_digest(store_items(store));
}

static const char *const names[] = {"state.0", "state.1", "instance"};

/* A folder with the generations 1 to 3; digest[1] is of the last, digest[0] of the one
 * before it. Made once and then copied. */
static void make_generations(uint64_t digest[2])
{
    static unsigned char *bytes[COUNT(names)];
    static size_t size[COUNT(names)];
    static uint64_t known[2];
    folder_clear();
    if (bytes[0] == NULL) {
        struct store *store = open_good();
        commit(store, 1);
        known[0] = commit(store, 2);
        known[1] = commit(store, 3);
        store_close(&store);
        for (size_t i = 0; i < COUNT(names); i++) {
            bytes[i] = folder_read(names[i], &size[i]);
        }
    }
    for (size_t i = 0; i < COUNT(names); i++) {
        folder_write(names[i], bytes[i], size[i]);
    }
    memcpy(digest, known, sizeof(known));
    faultvfs_forget_disks();
}

static void setup(void)
{
    faultvfs_install();
    faultvfs_set(FAULTVFS_PASS, 0);
    folder_make();
    log_configure(LEVEL_ERROR, LOG_TEXT); /* what fails on purpose is not told */
    verdict = STORE_ACCEPTED;
    refused_generation = 0;
}

static void expect_file(const char *name, uint64_t generation)
{
    struct statehead head;
    struct items *items = NULL;
    char why[DATABASE_WHY_SIZE];
    const enum database_result result =
        statefile_read(folder_path(name), 1, &head, &items, why);
    ck_assert_msg(result == DATABASE_OK, "%s: %s", name, why);
    ck_assert_uint_eq(head.generation, generation);
    items_destroy(&items);
}

/* ---- Keeping ---------------------------------------------------------------- */

START_TEST(a_new_folder_begins_without_values)
{
    setup();
    struct store *store = open_good();
    ck_assert_uint_eq(store_generation(store), 0);
    ck_assert_uint_eq(items_present(store_items(store)), 0);
    ck_assert_uint_eq(folder_each(NULL, NULL), 0);
    store_close(&store);
    folder_remove();
}
END_TEST

START_TEST(every_generation_is_found_again)
{
    setup();
    for (unsigned g = 1; g <= 9; g++) {
        struct store *store = open_good();
        ck_assert_uint_eq(store_generation(store), g - 1);
        const uint64_t digest = commit(store, g);
        store_close(&store);
        store = open_good();
        ck_assert_uint_eq(items_digest(store_items(store)), digest);
        store_close(&store);
    }
    folder_remove();
}
END_TEST

START_TEST(generations_go_to_the_files_in_turn)
{
    setup();
    struct store *store = open_good();
    for (unsigned g = 1; g <= 6; g++) {
        commit(store, g);
        expect_file(g % 2 == 1 ? "state.1" : "state.0", g);
        ck_assert_uint_eq(store_safe_generation(store), g == 1 ? 0 : g - 1);
    }
    /* Each is complete: the older one serves as well. */
    unlink(folder_path("state.0"));
    store_close(&store);
    store = open_good();
    ck_assert_uint_eq(store_generation(store), 5);
    commit(store, 6);
    expect_file("state.0", 6);
    store_close(&store);
    folder_remove();
}
END_TEST

START_TEST(empty_values_and_odd_names_are_kept)
{
    setup();
    struct store *store = open_good();
    put_text(store, "key", "boiler/pump 7 'a\"; DROP TABLE item;--", "x");
    put_text(store, "key", "\xc3\xa4\xe2\x82\xac", "");
    ck_assert_int_eq(store_commit(store, 0), STORE_WRITTEN);
    store_close(&store);
    store = open_good();
    const struct item *item =
        items_get(store_items(store), "key", "\xc3\xa4\xe2\x82\xac");
    ck_assert_ptr_nonnull(item);
    ck_assert_uint_eq(item->size, 0);
    ck_assert_ptr_nonnull(
        items_get(store_items(store), "key", "boiler/pump 7 'a\"; DROP TABLE item;--"));
    store_close(&store);
    folder_remove();
}
END_TEST

/* ---- Failures --------------------------------------------------------------- */

/* Calls that a commit on top of three generations makes. */
static unsigned count_calls(void)
{
    uint64_t digest[2];
    make_generations(digest);
    struct store *store = open_good();
    commit(store, 4);
    change(store, 5);
    faultvfs_set(FAULTVFS_PASS, 0);
    ck_assert_int_eq(store_commit(store, 0), STORE_WRITTEN);
    const unsigned calls = faultvfs.calls;
    store_close(&store);
    faultvfs_forget_disks();
    ck_assert_uint_gt(calls, 20);
    return calls;
}

static const struct failure {
    enum faultvfs_plan plan;
    int write_error, error;
} failures[] = {
    {FAULTVFS_FAIL_ONCE, SQLITE_IOERR_WRITE, EIO},
    {FAULTVFS_FAIL_ON, SQLITE_FULL, ENOSPC},
    {FAULTVFS_FAIL_ON, SQLITE_IOERR_WRITE, EROFS},
    {FAULTVFS_FAIL_ON, SQLITE_IOERR_WRITE, EDQUOT},
    {FAULTVFS_FAIL_ON, SQLITE_IOERR_WRITE, EFBIG},
};

static void fail_at(const struct failure *failure, unsigned n)
{
    uint64_t digest[2];
    make_generations(digest);
    struct store *store = open_good();
    commit(store, 4);
    change(store, 5);
    faultvfs_set(failure->plan, n);
    faultvfs.write_error = failure->write_error;
    faultvfs.error = failure->error;
    const enum store_outcome outcome = store_commit(store, 1000);
    faultvfs_set(FAULTVFS_PASS, 0);
    if (outcome == STORE_FAILED) {
        ck_assert_ptr_nonnull(store_problem(store));
        ck_assert_uint_eq(store_generation(store), 4);
        ck_assert_int_eq(store_commit(store, 1099), STORE_WAITS);
        expect_file("state.0", 4);
        change(store, 6); /* the learners went on meanwhile */
        ck_assert_int_eq(store_commit(store, 1100), STORE_WRITTEN);
    }
    ck_assert_ptr_null(store_problem(store));
    const uint64_t last = items_digest(store_items(store));
    expect_file("state.1", 5);
    store_close(&store);
    store = open_good();
    ck_assert_uint_eq(store_generation(store), 5);
    ck_assert_msg(items_digest(store_items(store)) == last, "call %u", n);
    store_close(&store);
    faultvfs_forget_disks();
}

START_TEST(any_call_that_fails_leaves_the_old_generation)
{
    setup();
    const unsigned calls = count_calls();
    for (unsigned n = 1; n <= calls; n++) {
        fail_at(&failures[_i], n);
    }
    folder_remove();
}
END_TEST

/* ---- System calls ------------------------------------------------------------- */

/* What SQLite asks of the system itself, below its own retries. fsync is not among them:
 * it fails in the layer above. */
enum { N_CALLS = 7 };
static const char *const call_names[N_CALLS] = {"open",   "pwrite64",  "pread64", "fstat",
                                                "unlink", "ftruncate", "fcntl"};
static sqlite3_syscall_ptr real_calls[N_CALLS];
static struct {
    unsigned at, calls; /* the one that fails, from 1, and how many there were */
    int error;          /* 0: it is short */
    bool is_for_good;   /* all later ones that write fail as well */
} interruption;

/* Of a call: it may write, and a signal may end it. */
enum { CHANGES = 1, WAITS = 2 };

/* Counts a call; true: it is to fail. */
static bool is_hit(unsigned traits)
{
    const bool is_change = (traits & CHANGES) != 0;
    interruption.calls++;
    const bool is_later =
        interruption.is_for_good && is_change && interruption.calls > interruption.at;
    if (interruption.at == 0 || (interruption.calls != interruption.at && !is_later)) {
        return false;
    }
    errno = interruption.error;
    return interruption.error != 0 &&
           (interruption.error != EINTR || (traits & WAITS) != 0);
}

static bool is_cut(void)
{
    return interruption.error == 0 && interruption.calls == interruption.at;
}

static int failing_open(const char *path, int flags, int mode)
{
    int (*real)(const char *, int, int) = (int (*)(const char *, int, int))real_calls[0];
    return is_hit(WAITS | ((flags & O_CREAT) != 0 ? CHANGES : 0))
               ? -1
               : real(path, flags, mode);
}

static ssize_t failing_pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
    if (is_hit(CHANGES | WAITS)) {
        return -1;
    }
    return pwrite(fd, bytes, is_cut() && size > 1 ? size / 2 : size, offset);
}

static ssize_t failing_pread(int fd, void *bytes, size_t size, off_t offset)
{
    if (is_hit(WAITS)) {
        return -1;
    }
    return pread(fd, bytes, is_cut() && size > 1 ? size / 2 : size, offset);
}

static int failing_fstat(int fd, struct stat *status)
{
    return is_hit(0) ? -1 : fstat(fd, status);
}

static int failing_unlink(const char *path)
{
    return is_hit(CHANGES) ? -1 : unlink(path);
}

static int failing_ftruncate(int fd, off_t size)
{
    return is_hit(CHANGES | WAITS) ? -1 : ftruncate(fd, size);
}

static int failing_fcntl(int fd, int command, void *argument)
{
    return is_hit(0) ? -1 : fcntl(fd, command, argument);
}

static const sqlite3_syscall_ptr failing_calls[N_CALLS] = {
    (sqlite3_syscall_ptr)failing_open,   (sqlite3_syscall_ptr)failing_pwrite,
    (sqlite3_syscall_ptr)failing_pread,  (sqlite3_syscall_ptr)failing_fstat,
    (sqlite3_syscall_ptr)failing_unlink, (sqlite3_syscall_ptr)failing_ftruncate,
    (sqlite3_syscall_ptr)failing_fcntl};

/* NULL puts the system's own back. */
static void replace_calls(const sqlite3_syscall_ptr *calls)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find("unix");
    for (size_t i = 0; i < N_CALLS; i++) {
        if (real_calls[i] == NULL) {
            real_calls[i] = vfs->xGetSystemCall(vfs, call_names[i]);
            ck_assert_ptr_nonnull(real_calls[i]);
        }
        ck_assert_int_eq(
            vfs->xSetSystemCall(vfs, call_names[i], calls != NULL ? calls[i] : NULL),
            SQLITE_OK);
    }
}

/* A commit of which the at-th call fails; how many calls it made. */
static unsigned interrupt_commit(unsigned at, int error, bool is_for_good)
{
    uint64_t digest[2];
    make_generations(digest);
    struct store *store = open_good();
    commit(store, 4);
    change(store, 5);
    interruption.at = at;
    interruption.calls = 0;
    interruption.error = error;
    interruption.is_for_good = is_for_good;
    const enum store_outcome outcome = store_commit(store, 1000);
    const unsigned calls = interruption.calls;
    interruption.at = 0;
    if (outcome == STORE_FAILED) {
        ck_assert_msg(error != 0 && error != EINTR, "call %u", at);
        ck_assert_ptr_nonnull(store_problem(store));
        expect_file("state.0", 4);
        ck_assert_int_eq(store_commit(store, 1100), STORE_WRITTEN);
    }
    ck_assert_ptr_null(store_problem(store));
    expect_file("state.1", 5);
    expect_file("state.0", 4);
    const uint64_t last = items_digest(store_items(store));
    store_close(&store);
    store = open_good();
    ck_assert_uint_eq(store_generation(store), 5);
    ck_assert_uint_eq(items_digest(store_items(store)), last);
    store_close(&store);
    faultvfs_forget_disks();
    return calls;
}

static const struct {
    int error;
    bool is_for_good;
} interruptions[] = {{EIO, false},   {EIO, true},    {ENOSPC, true}, {EROFS, true},
                     {EDQUOT, true}, {EINTR, false}, {0, false}};

/* EINTR and a call that does half of it are no failures at all. */
START_TEST(any_system_call_may_fail)
{
    setup();
    replace_calls(failing_calls);
    const unsigned calls = interrupt_commit(0, 0, false);
    ck_assert_uint_gt(calls, 15);
    for (unsigned at = 1; at <= calls; at++) {
        interrupt_commit(at, interruptions[_i].error, interruptions[_i].is_for_good);
    }
    replace_calls(NULL);
    folder_remove();
}
END_TEST

START_TEST(a_failing_disk_is_tried_less_and_less_often)
{
    static const int64_t waits[] = {100,  200,   400,   800,   1600,  3200,
                                    6400, 12800, 25600, 30000, 30000, 30000};
    setup();
    struct store *store = open_good();
    commit(store, 1);
    change(store, 2);
    faultvfs_set(FAULTVFS_FAIL_ON, 1);
    int64_t now_ms = 5000;
    for (size_t i = 0; i < COUNT(waits); i++) {
        ck_assert_int_eq(store_commit(store, now_ms), STORE_FAILED);
        ck_assert_int_eq(store_commit(store, now_ms + waits[i] - 1), STORE_WAITS);
        now_ms += waits[i];
        ck_assert_int_eq(store_retry_ms(store), now_ms);
    }
    faultvfs_set(FAULTVFS_PASS, 0);
    ck_assert_int_eq(store_commit(store, now_ms), STORE_WRITTEN);
    store_close(&store);
    folder_remove();
}
END_TEST

/* ---- Crashes ---------------------------------------------------------------- */

/* Stops generation 5 at call n; the files are then as a killed process leaves them, or
 * with is_power_cut as a power cut might. */
static void stop_at(unsigned n, bool is_power_cut, uint64_t seed)
{
    uint64_t digest[2];
    make_generations(digest);
    struct store *store = open_good();
    digest[0] = commit(store, 4);
    change(store, 5);
    digest[1] = items_digest(store_items(store));
    faultvfs_set(FAULTVFS_STOP, n);
    const enum store_outcome outcome = store_commit(store, 0);
    faultvfs_set(FAULTVFS_PASS, 0);
    store_close(&store);
    if (is_power_cut) {
        uint64_t random = seed;
        faultvfs_cut_power(&random);
    }
    struct statehead head;
    struct items *items = NULL;
    char why[DATABASE_WHY_SIZE];
    ck_assert_msg(statefile_read(folder_path("state.1"), 1, &head, &items, why) ==
                      DATABASE_OK,
                  "state.1 at call %u, seed %" PRIu64 ": %s", n, seed, why);
    ck_assert(head.generation == 3 || head.generation == 5);
    ck_assert(head.generation == 5 || outcome != STORE_WRITTEN);
    items_destroy(&items);
    store = open_good();
    const bool is_new = store_generation(store) == 5;
    ck_assert_int_eq(is_new, head.generation == 5);
    ck_assert_msg(items_digest(store_items(store)) == digest[is_new], "call %u", n);
    const unsigned next = (unsigned)store_generation(store) + 1;
    commit(store, next);
    store_close(&store);
    store = open_good();
    ck_assert_uint_eq(store_generation(store), next);
    store_close(&store);
    faultvfs_forget_disks();
}

START_TEST(a_kill_at_any_call_leaves_one_generation_or_the_next)
{
    setup();
    const unsigned calls = count_calls();
    for (unsigned n = 1; n <= calls; n++) {
        stop_at(n, false, 1);
    }
    folder_remove();
}
END_TEST

START_TEST(a_power_cut_at_any_call_leaves_one_generation_or_the_next)
{
    setup();
    const uint64_t seed = unit_seed(20261123);
    const unsigned calls = count_calls();
    for (unsigned n = 1; n <= calls + 1; n++) {
        for (unsigned run = 0; run < 5; run++) {
            stop_at(n, true, seed + 5 * n + run);
        }
    }
    folder_remove();
}
END_TEST

/* The very first checkpoints, before there is anything to fall back to. */
START_TEST(a_crash_during_the_first_checkpoints_is_no_lost_state)
{
    setup();
    uint64_t random = unit_seed(7);
    for (unsigned n = 1; n <= 80; n++) {
        folder_clear();
        struct store *store = open_good();
        faultvfs_set(FAULTVFS_STOP, n);
        for (unsigned g = 1; g <= 2; g++) {
            change(store, g);
            store_commit(store, 0);
        }
        faultvfs_set(FAULTVFS_PASS, 0);
        const uint64_t generation = store_generation(store);
        store_close(&store);
        if (_i == 1) {
            faultvfs_cut_power(&random);
        }
        store = open_good();
        ck_assert_uint_ge(store_generation(store), generation);
        store_close(&store);
        faultvfs_forget_disks();
    }
    folder_remove();
}
END_TEST

/* ---- Damage ----------------------------------------------------------------- */

static const struct damage {
    const char *text;
    size_t size;
    const char *why;
} damages[] = {
    {"", 0, "it is empty"},
    {"hello\n", 6, "not a state of mixd"},
    {"SQLite format 3\0\20\0\1\1", 20, "file is not a database"},
    {"SQLite format 3\0\20\0\2\2", 20, "not a state of mixd"},
};

START_TEST(a_file_that_does_not_load_is_set_aside_for_the_other)
{
    setup();
    uint64_t digest[2];
    make_generations(digest);
    const struct damage *damage = &damages[_i];
    folder_write("state.1", damage->text, damage->size);
    folder_write("state.1-journal", "", 0);
    struct store *store = open_good();
    ck_assert_uint_eq(store_generation(store), 2);
    ck_assert_uint_eq(items_digest(store_items(store)), digest[0]);
    if (damage->size > 0) {
        size_t size;
        unsigned char *bytes = folder_read("state.1.bad-unknown", &size);
        ck_assert_uint_eq(size, damage->size);
        ck_assert_mem_eq(bytes, damage->text, size);
        free(bytes);
        ck_assert(!folder_has("state.1.bad-unknown-journal")); /* it is over */
        ck_assert(!folder_has("state.1"));
    }
    commit(store, 3);
    expect_file("state.1", 3);
    store_close(&store);
    folder_remove();
}
END_TEST

START_TEST(a_file_set_aside_never_replaces_another)
{
    setup();
    uint64_t digest[2];
    make_generations(digest);
    folder_write("state.1.bad-unknown", "first", 5);
    folder_write("state.1", "second", 6);
    folder_write("state.1-journal", "torn", 4);
    struct store *store = open_good();
    store_close(&store);
    size_t size;
    unsigned char *bytes = folder_read("state.1.bad-unknown", &size);
    ck_assert_uint_eq(size, 5);
    free(bytes);
    bytes = folder_read("state.1.bad-unknown.2", &size);
    ck_assert_uint_eq(size, 6);
    ck_assert(folder_has("state.1.bad-unknown.2-journal"));
    free(bytes);
    folder_remove();
}
END_TEST

START_TEST(two_files_that_do_not_load_are_named_and_left_alone)
{
    setup();
    uint64_t digest[2];
    make_generations(digest);
    folder_write("state.0", damages[_i].text, damages[_i].size);
    folder_write("state.0-journal", "torn", 4);
    folder_write("state.1", "hello", 5);
    const uint64_t hash = folder_hash();
    ck_assert_ptr_null(open_store());
    ck_assert_int_eq(fault.code, EX_DATAERR);
    ck_assert_ptr_nonnull(strstr(fault.text, "state.0"));
    ck_assert_ptr_nonnull(strstr(fault.text, "state.1"));
    ck_assert_ptr_nonnull(strstr(fault.text, "--init"));
    ck_assert_uint_eq(folder_hash(), hash);
    folder_remove();
}
END_TEST

START_TEST(a_lost_state_is_not_a_first_start)
{
    setup();
    uint64_t digest[2];
    make_generations(digest);
    unlink(folder_path("state.0"));
    unlink(folder_path("state.1"));
    ck_assert_ptr_null(open_store());
    ck_assert_int_eq(fault.code, EX_DATAERR);
    ck_assert_ptr_nonnull(strstr(fault.text, "state lost"));
    struct store *store = store_open(folder, &schema, true, &fault);
    ck_assert_ptr_nonnull(store);
    ck_assert_uint_eq(store_generation(store), 0);
    commit(store, 1);
    store_close(&store);
    store = open_good();
    store_close(&store);
    folder_remove();
}
END_TEST

START_TEST(starting_afresh_keeps_the_old_files)
{
    setup();
    uint64_t digest[2];
    make_generations(digest);
    struct store *store = store_open(folder, &schema, true, &fault);
    ck_assert_uint_eq(items_present(store_items(store)), 0);
    commit(store, 1);
    store_close(&store);
    expect_file("state.0.old-2", 2);
    expect_file("state.1.old-3", 3);
    store = open_good();
    ck_assert_uint_eq(store_generation(store), 1);
    store_close(&store);
    folder_remove();
}
END_TEST

/* ---- Judgement -------------------------------------------------------------- */

START_TEST(a_state_of_another_configuration_is_refused_untouched)
{
    setup();
    uint64_t digest[2];
    make_generations(digest);
    const uint64_t hash = folder_hash();
    verdict = STORE_MISMATCH;
    ck_assert_ptr_null(open_store());
    ck_assert_int_eq(fault.code, EX_DATAERR);
    ck_assert_ptr_nonnull(strstr(fault.text, "the state has 3, the configuration 4"));
    ck_assert_uint_eq(folder_hash(), hash);
    folder_remove();
}
END_TEST

START_TEST(a_state_that_cannot_be_gives_way_to_the_older_one)
{
    setup();
    uint64_t digest[2];
    make_generations(digest);
    refused_generation = 3;
    struct store *store = open_good();
    ck_assert_uint_eq(store_generation(store), 2);
    ck_assert(folder_has("state.1.bad-3"));
    store_close(&store);
    verdict = STORE_DAMAGED;
    const uint64_t hash = folder_hash();
    ck_assert_ptr_null(open_store());
    ck_assert_int_eq(fault.code, EX_DATAERR);
    ck_assert_uint_eq(folder_hash(), hash);
    folder_remove();
}
END_TEST

START_TEST(a_newer_schema_is_refused_untouched)
{
    static const struct store_schema newer = {.version = 2, .accept = accept};
    setup();
    struct store *store = store_open(folder, &newer, false, &fault);
    commit(store, 1);
    commit(store, 2);
    store_close(&store);
    const uint64_t hash = folder_hash();
    ck_assert_ptr_null(open_store());
    ck_assert_int_eq(fault.code, EX_DATAERR);
    ck_assert_ptr_nonnull(strstr(fault.text, "schema 2, this program knows up to 1"));
    ck_assert_uint_eq(folder_hash(), hash);
    folder_remove();
}
END_TEST

/* Version 2 gives values another kind, version 3 doubles them. */
static bool migrate(const void *context, unsigned from, struct items *items, char *why)
{
    (void)context;
    (void)why;
    const struct item *old = items_get(items, from == 1 ? "key" : "name", "a");
    if (old == NULL) {
        return false;
    }
    char *value =
        xformat("%.*s%s", (int)old->size, (const char *)old->value, from == 1 ? "" : "!");
    items_put(items, old->changed, "name", "a", value, strlen(value));
    free(value);
    items_remove(items, old->changed, "key", "a");
    return true;
}

START_TEST(an_older_schema_is_brought_up_step_by_step)
{
    static const struct store_schema third = {
        .version = 3, .migrate = migrate, .accept = accept};
    setup();
    struct store *store = open_good();
    put_text(store, "key", "a", "hello");
    ck_assert_int_eq(store_commit(store, 0), STORE_WRITTEN);
    ck_assert_int_eq(store_commit(store, 0), STORE_WRITTEN);
    store_close(&store);
    const uint64_t hash = folder_hash();
    for (unsigned run = 0; run < 2; run++) {
        store = store_open(folder, &third, false, &fault);
        ck_assert_msg(store != NULL, "%s", fault.text);
        const struct item *item = items_get(store_items(store), "name", "a");
        ck_assert_ptr_nonnull(item);
        ck_assert_uint_eq(item->size, 6);
        ck_assert_mem_eq(item->value, "hello!", 6);
        ck_assert_ptr_null(items_get(store_items(store), "key", "a"));
        if (run == 0) {
            /* The old program can still go back until something is written. */
            ck_assert_uint_eq(folder_hash(), hash);
            ck_assert_int_eq(store_commit(store, 0), STORE_WRITTEN);
            ck_assert_int_eq(store_commit(store, 0), STORE_WRITTEN);
        }
        store_close(&store);
    }
    folder_remove();
}
END_TEST

/* ---- While it runs ---------------------------------------------------------- */

START_TEST(a_folder_that_is_gone_and_comes_back_is_written_again)
{
    setup();
    char elsewhere[64];
    snprintf(elsewhere, sizeof(elsewhere), "%.50s.away", folder);
    struct store *store = open_good();
    commit(store, 1);
    commit(store, 2);
    ck_assert_int_eq(rename(folder, elsewhere), 0);
    change(store, 3);
    ck_assert_int_eq(store_commit(store, 0), STORE_FAILED);
    if (_i == 0) {
        ck_assert_int_eq(rename(elsewhere, folder), 0); /* it is back */
    } else {
        ck_assert_int_eq(mkdir(folder, 0700), 0); /* an empty one in its place */
    }
    ck_assert_int_eq(store_commit(store, 100), STORE_WRITTEN);
    const uint64_t digest = items_digest(store_items(store));
    store_close(&store);
    faultvfs_forget_disks();
    store = open_good();
    ck_assert_uint_eq(store_generation(store), 3);
    ck_assert_uint_eq(items_digest(store_items(store)), digest);
    ck_assert(folder_has("instance"));
    store_close(&store);
    folder_remove();
    if (_i == 1) {
        snprintf(folder, sizeof(folder), "%s", elsewhere);
        folder_remove();
    }
}
END_TEST

/* What somebody puts in place of our file is not overwritten. */
START_TEST(a_foreign_file_in_the_way_is_set_aside)
{
    setup();
    uint64_t digest[2];
    size_t size;
    make_generations(digest);
    unsigned char *foreign = folder_read("state.1", &size);
    folder_clear();
    struct store *store = open_good();
    commit(store, 1);
    commit(store, 2);
    if (_i == 0) {
        folder_write("state.1", foreign, size); /* of another instance */
    } else {
        folder_write("state.1", "text", 4);
    }
    commit(store, 3);
    ck_assert(folder_has("state.1.bad-1"));
    store_close(&store);
    store = open_good();
    ck_assert_uint_eq(store_generation(store), 3);
    store_close(&store);
    free(foreign);
    folder_remove();
}
END_TEST

START_TEST(a_backup_is_a_state_and_never_overwrites)
{
    setup();
    char why[DATABASE_WHY_SIZE];
    struct store *store = open_good();
    commit(store, 1);
    const uint64_t digest = commit(store, 2);
    ck_assert_msg(store_backup(store, folder_path("saved"), why), "%s", why);
    ck_assert(!store_backup(store, folder_path("saved"), why));
    ck_assert_ptr_nonnull(strstr(why, "exists"));
    ck_assert(!store_backup(store, "/nowhere/saved", why));
    /* Two files of the state with their journals, the instance, and this. */
    ck_assert_uint_eq(folder_each(NULL, NULL), 6);
    ck_assert(folder_has("saved") && !folder_has("saved.tmp-journal"));
    store_close(&store);
    /* Brought back as either file it is the state to go on from. */
    unlink(folder_path("state.0"));
    unlink(folder_path("state.1"));
    ck_assert_int_eq(
        rename(folder_path("saved"), folder_path(_i == 0 ? "state.0" : "state.1")), 0);
    store = open_good();
    ck_assert_uint_eq(items_digest(store_items(store)), digest);
    const uint64_t generation = store_generation(store);
    change(store, 9);
    ck_assert_int_eq(store_commit(store, 0), STORE_WRITTEN);
    expect_file(_i == 0 ? "state.0" : "state.1", generation);
    store_close(&store);
    folder_remove();
}
END_TEST

/* ---- Random histories ------------------------------------------------------- */

START_TEST(random_histories_are_kept)
{
    setup();
    const uint64_t seed = unit_seed(99);
    uint64_t random = seed;
    struct store *store = open_good();
    uint64_t digest = items_digest(store_items(store));
    int64_t now_ms = 0;
    for (unsigned step = 0; step < 400; step++) {
        char name[16];
        snprintf(name, sizeof(name), "%u", (unsigned)(unit_random(&random) % 12));
        const uint64_t choice = unit_random(&random) % 10;
        if (choice < 4) {
            const size_t size = unit_random(&random) % 6000;
            char *value = xalloc(size, 1);
            memset(value, (int)step, size);
            store_put(store, "learner", name, value, size);
            free(value);
        } else if (choice < 5) {
            store_remove(store, "learner", name);
        } else if (choice < 9) {
            now_ms += 60000;
            faultvfs_set(choice == 8 ? FAULTVFS_FAIL_ON : FAULTVFS_PASS,
                         1 + (unsigned)(unit_random(&random) % 40));
            if (store_commit(store, now_ms) == STORE_WRITTEN) {
                digest = items_digest(store_items(store));
            }
            faultvfs_set(FAULTVFS_PASS, 0);
        } else {
            const uint64_t generation = store_generation(store);
            const bool is_certain = store_problem(store) == NULL;
            store_close(&store);
            store = open_good();
            ck_assert_msg(!is_certain || (store_generation(store) == generation &&
                                          items_digest(store_items(store)) == digest),
                          "seed %" PRIu64 " step %u", seed, step);
            digest = items_digest(store_items(store));
            faultvfs_forget_disks();
        }
    }
    store_close(&store);
    folder_remove();
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(a_new_folder_begins_without_values),
        UNIT(every_generation_is_found_again),
        UNIT(generations_go_to_the_files_in_turn),
        UNIT(empty_values_and_odd_names_are_kept),
        UNIT_LOOP(any_call_that_fails_leaves_the_old_generation, failures),
        UNIT_LOOP(any_system_call_may_fail, interruptions),
        UNIT(a_failing_disk_is_tried_less_and_less_often),
        UNIT(a_kill_at_any_call_leaves_one_generation_or_the_next),
        UNIT(a_power_cut_at_any_call_leaves_one_generation_or_the_next),
        {a_crash_during_the_first_checkpoints_is_no_lost_state, 2},
        UNIT_LOOP(a_file_that_does_not_load_is_set_aside_for_the_other, damages),
        UNIT(a_file_set_aside_never_replaces_another),
        UNIT_LOOP(two_files_that_do_not_load_are_named_and_left_alone, damages),
        UNIT(a_lost_state_is_not_a_first_start),
        UNIT(starting_afresh_keeps_the_old_files),
        UNIT(a_state_of_another_configuration_is_refused_untouched),
        UNIT(a_state_that_cannot_be_gives_way_to_the_older_one),
        UNIT(a_newer_schema_is_refused_untouched),
        UNIT(an_older_schema_is_brought_up_step_by_step),
        {a_folder_that_is_gone_and_comes_back_is_written_again, 2},
        {a_foreign_file_in_the_way_is_set_aside, 2},
        {a_backup_is_a_state_and_never_overwrites, 2},
        UNIT(random_histories_are_kept),
    };
    return unit_run("store", tests, COUNT(tests));
}
