/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* renameat2() */
#include "durable.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "xalloc.h"

/* False with errno. */
static bool sync_folder_of(const char *path)
{
    char *copy = xstrdup(path);
    const int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(copy);
    if (fd == -1) {
        return false;
    }
    const bool is_synced = fsync(fd) == 0;
    const int error = errno;
    close(fd);
    errno = error;
    return is_synced;
}

static bool write_all(int fd, const char *text)
{
    size_t left = strlen(text);
    while (left > 0) {
        const ssize_t n = write(fd, text, left);
        if (n == -1 && errno != EINTR) {
            return false;
        }
        text += n > 0 ? n : 0;
        left -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

static const char *write_new(const char *path, const char *text)
{
    unlink(path);
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd == -1) {
        return "open";
    }
    const char *failed = !write_all(fd, text) ? "write"
                         : fsync(fd) == -1    ? "fsync"
                                              : NULL;
    const int error = errno;
    if (close(fd) == -1 && failed == NULL) {
        return "close";
    }
    errno = error;
    return failed;
}

const char *durable_write(const char *path, const char *text)
{
    char *temporary = xformat("%s.tmp", path);
    const char *failed = write_new(temporary, text);
    if (failed == NULL && rename(temporary, path) == -1) {
        failed = "rename";
    }
    if (failed != NULL) {
        const int error = errno;
        unlink(temporary);
        errno = error;
    } else if (!sync_folder_of(path)) {
        failed = "fsync of the folder";
    }
    free(temporary);
    return failed;
}

const char *durable_sync(const char *path)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd == -1) {
        return "open";
    }
    const bool is_synced = fdatasync(fd) == 0;
    const int error = errno;
    close(fd);
    errno = error;
    return !is_synced ? "fdatasync" : sync_folder_of(path) ? NULL : "fsync of the folder";
}

const char *durable_rename(const char *from, const char *to)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == -1) {
        return "rename";
    }
    return sync_folder_of(to) ? NULL : "fsync of the folder";
}
