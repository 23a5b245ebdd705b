/* SPDX-License-Identifier: MIT
 *
 * The state folder: made, owned, locked, and refused to a second daemon. */
#include "state.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "unit.h"

static char parent[64];
static char path[96];

static void make(void)
{
    snprintf(parent, sizeof(parent), "/tmp/mixd-state-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(parent));
    snprintf(path, sizeof(path), "%s/state", parent);
}

static void unmake(void)
{
    char lock[128];
    snprintf(lock, sizeof(lock), "%s/lock", path);
    unlink(lock);
    rmdir(path);
    ck_assert_int_eq(rmdir(parent), 0); /* nothing else was left */
}

static unsigned mode_of(const char *name)
{
    struct stat status;
    ck_assert_int_eq(stat(name, &status), 0);
    return status.st_mode & 07777;
}

START_TEST(the_folder_is_made_for_its_own_user)
{
    struct fault fault = {0};
    make();
    umask(0);
    struct state *state = state_open(path, &fault);
    ck_assert_msg(state != NULL, "%s", fault.text);
    ck_assert_uint_eq(mode_of(path), 0700);
    state_close(&state);
    ck_assert_ptr_null(state);
    chmod(path, 0755); /* as somebody may have made it */
    state = state_open(path, &fault);
    ck_assert_uint_eq(mode_of(path), 0700);
    state_close(&state);
    unmake();
}
END_TEST

START_TEST(a_second_holder_is_told_who_is_the_first)
{
    struct fault fault = {0};
    char pid[32];
    make();
    struct state *state = state_open(path, &fault);
    ck_assert_ptr_nonnull(state);
    ck_assert_ptr_null(state_open(path, &fault));
    ck_assert_int_eq(fault.code, EX_TEMPFAIL);
    snprintf(pid, sizeof(pid), "process %d:", (int)getpid());
    ck_assert_ptr_nonnull(strstr(fault.text, pid));
    ck_assert_ptr_nonnull(strstr(fault.text, path));
    state_close(&state);
    state = state_open(path, &fault); /* and may have it afterwards */
    ck_assert_ptr_nonnull(state);
    state_close(&state);
    unmake();
}
END_TEST

START_TEST(a_holder_that_was_killed_leaves_no_lock)
{
    struct fault fault = {0};
    make();
    const pid_t child = fork();
    if (child == 0) {
        struct state *state = state_open(path, &fault);
        _exit(state == NULL); /* with the lock held, and its number in the file */
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    struct state *state = state_open(path, &fault);
    ck_assert_msg(state != NULL, "%s", fault.text);
    state_close(&state);
    unmake();
}
END_TEST

static void in_the_way_of_a_file(void)
{
    close(open(path, O_CREAT | O_WRONLY, 0600));
}

static void a_link_to_what_others_may_write(void)
{
    ck_assert_int_eq(symlink("/tmp", path), 0);
}

static void writable_by_others(void)
{
    mkdir(path, 0700);
    chmod(path, 0777);
}

static void without_a_parent(void)
{
    snprintf(path, sizeof(path), "%s/no/state", parent);
}

static void of_another_user(void)
{
    mkdir(path, 0700);
    if (chown(path, 1, 1) == -1) { /* not root: a folder of root will do */
        rmdir(path);
        ck_assert_int_eq(symlink("/usr", path), 0);
    }
}

static void lock_is_a_link(void)
{
    char lock[128];
    snprintf(lock, sizeof(lock), "%s/lock", path);
    mkdir(path, 0700);
    ck_assert_int_eq(symlink("/dev/null", lock), 0);
}

/* Folders that are refused, and left as they are. */
static const struct {
    void (*prepare)(void);
    int code;
} refused[] = {
    {in_the_way_of_a_file, EX_CANTCREAT},
    {a_link_to_what_others_may_write, EX_NOPERM},
    {writable_by_others, EX_NOPERM},
    {without_a_parent, EX_CANTCREAT},
    {of_another_user, EX_NOPERM},
    {lock_is_a_link, EX_IOERR},
};

START_TEST(what_is_no_folder_of_ours_is_refused)
{
    struct fault fault = {0};
    make();
    umask(0);
    refused[_i].prepare();
    ck_assert_ptr_null(state_open(path, &fault));
    ck_assert_msg(fault.code == refused[_i].code, "%d: %s", fault.code, fault.text);
    ck_assert_ptr_nonnull(strstr(fault.text, path));
    unlink(path);
    unmake();
}
END_TEST

START_TEST(endpoints_are_there_while_it_is_open)
{
    struct fault fault = {0};
    char name[128];
    make();
    snprintf(name, sizeof(name), "%s/endpoints.json", path);
    struct state *state = state_open(path, &fault);
    for (int i = 0; i < 2; i++) { /* the second one replaces the first */
        json_t *endpoints = json_pack("{s:i}", "publish", i);
        ck_assert(state_write_endpoints(state, endpoints, &fault));
        json_t *read = json_load_file(name, 0, NULL);
        ck_assert(json_equal(read, endpoints));
        json_decref(read);
        json_decref(endpoints);
    }
    ck_assert_uint_eq(mode_of(name) & 077, 0);
    state_close(&state);
    ck_assert_int_eq(access(name, F_OK), -1);
    unmake();
}
END_TEST

/* Gone, or with something in the way: told, and written when it can be again. */
START_TEST(endpoints_that_cannot_be_written_are_told)
{
    struct fault fault = {0};
    char name[128];
    make();
    snprintf(name, sizeof(name), "%s/endpoints.json", path);
    struct state *state = state_open(path, &fault);
    json_t *endpoints = json_pack("{s:i}", "publish", 1);
    ck_assert_int_eq(mkdir(name, 0700), 0);
    ck_assert(!state_write_endpoints(state, endpoints, &fault));
    ck_assert_int_eq(fault.code, EX_IOERR);
    ck_assert_ptr_nonnull(strstr(fault.text, name));
    ck_assert_int_eq(rmdir(name), 0);
    ck_assert(state_write_endpoints(state, endpoints, &fault));
    json_decref(endpoints);
    state_close(&state);
    unmake();
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(the_folder_is_made_for_its_own_user),
        UNIT(a_second_holder_is_told_who_is_the_first),
        UNIT(a_holder_that_was_killed_leaves_no_lock),
        UNIT_LOOP(what_is_no_folder_of_ours_is_refused, refused),
        UNIT(endpoints_are_there_while_it_is_open),
        UNIT(endpoints_that_cannot_be_written_are_told),
    };
    return unit_run("state", tests, COUNT(tests));
}
