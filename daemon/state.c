/* SPDX-License-Identifier: MIT */
#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "frame.h"
#include "log.h"
#include "xalloc.h"

struct state {
    char *path;
    int folder_fd; /* everything inside is opened relative to it */
    int lock_fd;
};

static const char LOCK_NAME[] = "lock";
static const char ENDPOINTS_NAME[] = "endpoints.json";
static const char ENDPOINTS_TEMP[] = "endpoints.json.tmp";

/* ---- The folder ------------------------------------------------------------ */

static bool make_folder(const char *path, struct fault *fault)
{
    if (mkdir(path, 0700) == 0 || errno == EEXIST) {
        return true;
    }
    const int code = errno == EACCES || errno == EPERM ? EX_NOPERM : EX_CANTCREAT;
    return fault_set(fault, code, "%s: cannot make the state folder: %s", path,
                     strerror(errno));
}

static bool check_owner(const char *path, const struct stat *status, struct fault *fault)
{
    if (status->st_uid != geteuid()) {
        return fault_set(fault, EX_NOPERM,
                         "%s: belongs to user %u: choose a state folder of user %u", path,
                         (unsigned)status->st_uid, (unsigned)geteuid());
    }
    if ((status->st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        return fault_set(fault, EX_NOPERM, "%s: others may write here: chmod 0700", path);
    }
    return true;
}

static bool open_folder(struct state *state, struct fault *fault)
{
    struct stat status;
    /* Links are followed: systemd makes one where it chooses the user. */
    state->folder_fd = open(state->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (state->folder_fd == -1 || fstat(state->folder_fd, &status) == -1) {
        const int code = errno == EACCES ? EX_NOPERM : EX_CANTCREAT;
        return fault_set(fault, code, "%s: cannot open the state folder: %s", state->path,
                         strerror(errno));
    }
    if (!check_owner(state->path, &status, fault)) {
        return false;
    }
    if ((status.st_mode & 0777) != 0700 && fchmod(state->folder_fd, 0700) == -1) {
        return fault_set(fault, EX_NOPERM, "%s: cannot set mode 0700: %s", state->path,
                         strerror(errno));
    }
    return true;
}

/* ---- The lock -------------------------------------------------------------- */

static bool refuse_held(struct state *state, struct fault *fault)
{
    char pid[32] = "";
    const ssize_t n = pread(state->lock_fd, pid, sizeof(pid) - 1, 0);
    pid[n > 0 ? n : 0] = '\0';
    pid[strcspn(pid, "\n")] = '\0';
    return fault_set(fault, EX_TEMPFAIL,
                     "%s: in use by process %s: stop it or choose another state folder",
                     state->path, pid[0] != '\0' ? pid : "unknown");
}

/* The lock is the kernel's, not the file's existence: it cannot be left behind. */
static bool take_lock(struct state *state, struct fault *fault)
{
    state->lock_fd = openat(state->folder_fd, LOCK_NAME,
                            O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (state->lock_fd == -1) {
        return fault_set(fault, errno == EACCES ? EX_NOPERM : EX_IOERR, "%s/%s: %s",
                         state->path, LOCK_NAME, strerror(errno));
    }
    if (flock(state->lock_fd, LOCK_EX | LOCK_NB) == -1) {
        return errno == EWOULDBLOCK ? refuse_held(state, fault)
                                    : fault_set(fault, EX_IOERR, "%s/%s: cannot lock: %s",
                                                state->path, LOCK_NAME, strerror(errno));
    }
    if (ftruncate(state->lock_fd, 0) == -1 ||
        dprintf(state->lock_fd, "%d\n", getpid()) < 0) {
        return fault_set(fault, EX_IOERR, "%s/%s: %s", state->path, LOCK_NAME,
                         strerror(errno));
    }
    return true;
}

struct state *state_open(const char *path, struct fault *fault)
{
    struct state *state = xalloc(1, sizeof(*state));
    state->path = xstrdup(path);
    state->folder_fd = -1;
    state->lock_fd = -1;
    if (!make_folder(path, fault) || !open_folder(state, fault) ||
        !take_lock(state, fault)) {
        /* Not state_close(): what is in the folder is the holder's. */
        if (state->lock_fd != -1) {
            close(state->lock_fd);
        }
        if (state->folder_fd != -1) {
            close(state->folder_fd);
        }
        free(state->path);
        free(state);
        return NULL;
    }
    return state;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Whether path and lock file are still those that are held. */
static bool is_held(const struct state *state)
{
    struct stat folder, held_folder, lock, held_lock;
    return stat(state->path, &folder) == 0 && /* through a link, as it was opened */
           fstat(state->folder_fd, &held_folder) == 0 && is_same(&folder, &held_folder) &&
           fstatat(state->folder_fd, LOCK_NAME, &lock, AT_SYMLINK_NOFOLLOW) == 0 &&
           fstat(state->lock_fd, &held_lock) == 0 && is_same(&lock, &held_lock);
}

bool state_hold(struct state *state, struct fault *fault)
{
    struct state now = {.path = state->path, .folder_fd = -1, .lock_fd = -1};
    if (is_held(state)) {
        return true;
    }
    const bool is_locked = open_folder(&now, fault) && take_lock(&now, fault);
    struct state *old = is_locked ? state : &now;
    if (old->lock_fd != -1) {
        close(old->lock_fd);
    }
    if (old->folder_fd != -1) {
        close(old->folder_fd);
    }
    if (is_locked) {
        *state = now;
        log_warn("%s: the folder was replaced: this one is locked now", state->path);
    }
    return is_locked;
}

void state_close(struct state **state)
{
    if (*state == NULL) {
        return;
    }
    unlinkat((*state)->folder_fd, ENDPOINTS_NAME, 0);
    if (ftruncate((*state)->lock_fd, 0) == -1) {
        log_warn("%s/%s: %s", (*state)->path, LOCK_NAME, strerror(errno));
    }
    close((*state)->lock_fd);
    close((*state)->folder_fd);
    free((*state)->path);
    free(*state);
    *state = NULL;
}

/* ---- Endpoints ------------------------------------------------------------- */

static bool write_all(int fd, const char *text, size_t size)
{
    while (size > 0) {
        const ssize_t n = write(fd, text, size);
        if (n == -1 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        text += n;
        size -= (size_t)n;
    }
    return true;
}

/* Returns NULL, or the step that failed, with errno. */
static const char *replace_file(int folder_fd, const char *text)
{
    const char *failed = NULL;
    int fd = openat(folder_fd, ENDPOINTS_TEMP,
                    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd == -1) {
        return "open";
    }
    if (!write_all(fd, text, strlen(text))) {
        failed = "write";
    } else if (fsync(fd) == -1) {
        failed = "fsync";
    }
    const int error = errno;
    if (close(fd) == -1 && failed == NULL) {
        return "close";
    }
    errno = error;
    if (failed == NULL &&
        renameat(folder_fd, ENDPOINTS_TEMP, folder_fd, ENDPOINTS_NAME) == -1) {
        failed = "rename";
    } else if (failed == NULL && fsync(folder_fd) == -1) {
        failed = "fsync folder";
    }
    return failed;
}

bool state_has_endpoints(const struct state *state)
{
    return faccessat(state->folder_fd, ENDPOINTS_NAME, F_OK, 0) == 0;
}

bool state_write_endpoints(struct state *state, const json_t *endpoints,
                           struct fault *fault)
{
    char *text = frame_text(endpoints);
    if (text == NULL) {
        return fault_set(fault, EX_OSERR, "out of memory");
    }
    const char *failed = replace_file(state->folder_fd, text);
    if (failed != NULL) {
        fault_set(fault, EX_IOERR, "%s/%s: %s: %s", state->path, ENDPOINTS_NAME, failed,
                  strerror(errno));
        unlinkat(state->folder_fd, ENDPOINTS_TEMP, 0);
    }
    free(text);
    return failed == NULL;
}
