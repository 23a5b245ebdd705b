/* SPDX-License-Identifier: MIT
 *
 * One state file: what is read is what was written, or nothing, whichever bit turns and
 * wherever it is cut. MIXD_TEST_LONG turns every bit instead of one in each byte. */
#include "statefile.h"

#include <inttypes.h>

#include "digest.h"
#include "faultvfs.h"
#include "folder.h"
#include "unit.h"
#include "xalloc.h"

static const char INSTANCE[] = "00000000-1111-2222-3333-444444444444";

static void setup(void)
{
    faultvfs_install();
    faultvfs_set(FAULTVFS_PASS, 0);
    folder_make();
}

static struct statehead make_head(uint64_t generation)
{
    struct statehead head = {.version = 1, .generation = generation};
    snprintf(head.instance, sizeof(head.instance), "%s", INSTANCE);
    return head;
}

/* Small values, and one that does not fit into a page. */
static void put_values(struct items *items, uint64_t generation, int byte)
{
    static const size_t sizes[] = {5000, 100, 8, 0};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        char name[16];
        unsigned char *value = xalloc(sizes[i], 1);
        memset(value, byte, sizes[i]);
        snprintf(name, sizeof(name), "boiler/%zu", i);
        items_put(items, generation, i % 2 == 0 ? "learner" : "ledger", name, value,
                  sizes[i]);
        free(value);
    }
}

static struct statehead write_file(const char *name, const struct statehead *known,
                                   const struct items *items, uint64_t generation)
{
    struct statehead head = make_head(generation);
    char why[DATABASE_WHY_SIZE];
    ck_assert_msg(statefile_write(folder_path(name), &head, known, items, why) ==
                      DATABASE_OK,
                  "%s", why);
    return head;
}

/* The digest of what is loaded, or 0. */
static uint64_t read_digest(const char *name, uint64_t *generation)
{
    struct statehead head;
    struct items *items = NULL;
    char why[DATABASE_WHY_SIZE];
    if (statefile_read(folder_path(name), 1, &head, &items, why) != DATABASE_OK) {
        ck_assert_ptr_null(items);
        return 0;
    }
    const uint64_t digest = items_digest(items);
    *generation = head.generation;
    items_destroy(&items);
    return digest;
}

/* Under a sanitizer every load costs many times as much: only some bytes then. */
#define STEP (UNIT_IS_SANITIZED ? 13 : 1)

static unsigned bits_tried(void)
{
    return getenv("MIXD_TEST_LONG") != NULL ? 8 : 1;
}

START_TEST(a_flipped_bit_is_never_loaded)
{
    setup();
    const struct statehead none = {0};
    struct items *items = items_new();
    put_values(items, 41, 'x');
    write_file("state", &none, items, 41);
    struct stat status;
    ck_assert_int_eq(stat(folder_path("state"), &status), 0);
    size_t harmless = 0;
    for (size_t i = 0; i < (size_t)status.st_size * bits_tried(); i += STEP) {
        const size_t at = i / bits_tried();
        uint64_t generation;
        folder_flip("state", at, i % 8);
        const uint64_t digest = read_digest("state", &generation);
        ck_assert_msg(digest == 0 || (digest == items_digest(items) && generation == 41),
                      "a wrong state was loaded: byte %zu bit %zu", at, i % 8);
        harmless += digest != 0;
        folder_flip("state", at, i % 8);
    }
    /* Free space of pages; but not everything is. */
    ck_assert_uint_lt(harmless, (size_t)status.st_size * bits_tried() * 9 / 10);
    items_destroy(&items);
    folder_remove();
}
END_TEST

START_TEST(a_truncated_file_is_never_loaded)
{
    setup();
    const struct statehead none = {0};
    struct items *items = items_new();
    put_values(items, 41, 'x');
    write_file("state", &none, items, 41);
    struct stat status;
    ck_assert_int_eq(stat(folder_path("state"), &status), 0);
    uint64_t generation;
    ck_assert_uint_eq(read_digest("state", &generation), items_digest(items));
    for (off_t size = status.st_size - 1; size >= 0; size -= STEP) {
        ck_assert_int_eq(truncate(folder_path("state"), size), 0);
        ck_assert_msg(read_digest("state", &generation) == 0, "loaded with %ld bytes",
                      (long)size);
    }
    items_destroy(&items);
    folder_remove();
}
END_TEST

/* Stops a commit after some pages of the file itself were written. */
static void stop_in_the_middle(struct items *items, const struct statehead *known)
{
    size_t size;
    unsigned char *before = folder_read("state", &size);
    bool is_changed = false;
    for (unsigned n = 1; !is_changed; n++) {
        struct statehead head = make_head(43);
        char why[DATABASE_WHY_SIZE];
        size_t size_after;
        unlink(folder_path("state-journal"));
        folder_write("state", before, size);
        faultvfs_set(FAULTVFS_STOP, n);
        statefile_write(folder_path("state"), &head, known, items, why);
        faultvfs_set(FAULTVFS_PASS, 0);
        unsigned char *after = folder_read("state", &size_after);
        is_changed = size != size_after || memcmp(before, after, size) != 0;
        free(after);
    }
    free(before);
}

START_TEST(a_damaged_journal_is_never_loaded)
{
    setup();
    const struct statehead none = {0};
    struct items *items = items_new();
    put_values(items, 41, 'x');
    const struct statehead known = write_file("state", &none, items, 41);
    const uint64_t old = items_digest(items);
    put_values(items, 42, 'y');
    stop_in_the_middle(items, &known);
    uint64_t generation;
    ck_assert_uint_eq(read_digest("state", &generation), old);
    struct stat status;
    ck_assert_int_eq(stat(folder_path("state-journal"), &status), 0);
    ck_assert_int_gt(status.st_size, 4096);
    size_t n_refused = 0;
    for (size_t at = 0; at < (size_t)status.st_size; at += STEP) {
        folder_flip("state-journal", at, at % 8);
        const uint64_t digest = read_digest("state", &generation);
        ck_assert_msg(digest == 0 || (digest == old && generation == 41),
                      "a wrong state was loaded: byte %zu", at);
        n_refused += digest == 0;
        folder_flip("state-journal", at, at % 8);
    }
    ck_assert_uint_gt(n_refused, 100 / STEP);
    items_destroy(&items);
    folder_remove();
}
END_TEST

START_TEST(reading_changes_nothing)
{
    setup();
    const struct statehead none = {0};
    struct items *items = items_new();
    put_values(items, 41, 'x');
    const struct statehead known = write_file("state", &none, items, 41);
    put_values(items, 42, 'y');
    stop_in_the_middle(items, &known);
    const uint64_t hash = folder_hash();
    uint64_t generation;
    ck_assert_uint_ne(read_digest("state", &generation), 0);
    ck_assert_uint_eq(folder_hash(), hash);
    folder_flip("state", 5000, 1);
    const uint64_t damaged = folder_hash();
    read_digest("state", &generation);
    ck_assert_uint_eq(folder_hash(), damaged);
    items_destroy(&items);
    folder_remove();
}
END_TEST

/* Only what changed is written, unless the file is not as it was left. */
START_TEST(a_write_goes_on_from_what_is_there)
{
    setup();
    const struct statehead none = {0};
    struct items *items = items_new();
    put_values(items, 1, 'x');
    struct statehead known = write_file("state", &none, items, 1);
    items_remove(items, 3, "ledger", "boiler/1");
    known = write_file("state", &known, items, 3);
    uint64_t generation;
    ck_assert_uint_eq(read_digest("state", &generation), items_digest(items));
    unlink(folder_path("state"));
    write_file("state", &known, items, 5);
    ck_assert_uint_eq(read_digest("state", &generation), items_digest(items));
    ck_assert_uint_eq(generation, 5);
    items_destroy(&items);
    folder_remove();
}
END_TEST

START_TEST(things_that_are_no_files_are_refused)
{
    setup();
    struct statehead head;
    struct items *items = NULL;
    char why[DATABASE_WHY_SIZE];
    ck_assert_int_eq(statefile_read(folder_path("none"), 1, &head, &items, why),
                     DATABASE_ABSENT);
    ck_assert_int_eq(mkfifo(folder_path("fifo"), 0600), 0);
    ck_assert_int_eq(statefile_read(folder_path("fifo"), 1, &head, &items, why),
                     DATABASE_DAMAGED);
    ck_assert_int_eq(symlink("none", folder_path("link")), 0);
    ck_assert_int_eq(statefile_read(folder_path("link"), 1, &head, &items, why),
                     DATABASE_DAMAGED);
    folder_remove();
}
END_TEST

/* The golden files hold what put_values() puts, of every version there ever was. */
static const char *const golden[] = {"state-1.sqlite"};

START_TEST(files_of_every_version_are_loaded)
{
    setup();
    struct items *expected = items_new();
    put_values(expected, 41, 'x');
    struct statehead head;
    struct items *items = NULL;
    char why[DATABASE_WHY_SIZE];
    char *path = xformat("%s/tests/golden/%s", getenv("abs_srcdir"), golden[_i]);
    ck_assert_msg(statefile_read(path, 1, &head, &items, why) == DATABASE_OK, "%s: %s",
                  path, why);
    ck_assert_uint_eq(head.generation, 41);
    ck_assert_str_eq(head.instance, INSTANCE);
    ck_assert_uint_eq(items_digest(items), items_digest(expected));
    free(path);
    items_destroy(&items);
    items_destroy(&expected);
    folder_remove();
}
END_TEST

/* Known values: a digest that changes is a format that changes. */
START_TEST(digests_stay_as_they_are)
{
    ck_assert_uint_eq(digest_add(DIGEST_START, "", 0), UINT64_C(17861975320802989733));
    ck_assert_uint_eq(digest_add(DIGEST_START, "hello, world", 12),
                      UINT64_C(3494981923099417367));
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(a_flipped_bit_is_never_loaded),
        UNIT(a_truncated_file_is_never_loaded),
        UNIT(a_damaged_journal_is_never_loaded),
        UNIT(reading_changes_nothing),
        UNIT(a_write_goes_on_from_what_is_there),
        UNIT(things_that_are_no_files_are_refused),
        UNIT_LOOP(files_of_every_version_are_loaded, golden),
        UNIT(digests_stay_as_they_are),
    };
    return unit_run("statefile", tests, COUNT(tests));
}
