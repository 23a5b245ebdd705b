/* SPDX-License-Identifier: MIT */
#include "sidecopy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "xalloc.h"

static bool copy_bytes(int from, int to)
{
    char bytes[65536];
    for (;;) {
        ssize_t n = read(from, bytes, sizeof(bytes));
        if (n == -1 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n == 0;
        }
        for (ssize_t done = 0; done < n;) {
            const ssize_t written = write(to, bytes + done, (size_t)(n - done));
            if (written == -1 && errno != EINTR) {
                return false;
            }
            done += written > 0 ? written : 0;
        }
    }
}

static bool copy_file(const char *from, const char *to)
{
    const int in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (in == -1) {
        return false;
    }
    /* What an earlier start left is of no use. */
    unlink(to);
    const int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool is_copied = out != -1 && copy_bytes(in, out);
    close(in);
    if (out != -1 && close(out) == -1) {
        is_copied = false;
    }
    return is_copied;
}

/* As SQLite judges it: one that is over begins with a zero. What cannot be read is taken
 * for one that is not. */
bool sidecopy_is_needed(const char *path)
{
    char *journal = xformat("%s-journal", path);
    const int fd = open(journal, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    char first = 1;
    const bool is_needed =
        fd == -1 ? errno != ENOENT : read(fd, &first, 1) != 0 && first != 0;
    if (fd != -1) {
        close(fd);
    }
    free(journal);
    return is_needed;
}

char *sidecopy_make(const char *path)
{
    char *journal = xformat("%s-journal", path);
    char *copy = xformat("%s.check", path);
    char *copy_journal = xformat("%s-journal", copy);
    const bool is_copied = copy_file(path, copy) && copy_file(journal, copy_journal);
    free(copy_journal);
    free(journal);
    if (!is_copied) {
        sidecopy_remove(&copy);
    }
    return copy;
}

void sidecopy_remove(char **path)
{
    if (*path == NULL) {
        return;
    }
    char *journal = xformat("%s-journal", *path);
    unlink(*path);
    unlink(journal);
    free(journal);
    free(*path);
    *path = NULL;
}
