/* SPDX-License-Identifier: MIT */
#include "recorder_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "durable.h"
#include "log.h"
#include "xalloc.h"

enum {
    COPY_BYTES = 64 << 10,
    NAMES_MAX = 10000, /* tails of a file, recordings set aside */
};

/* ---- Names ------------------------------------------------------------------- */

/* The first of FORMAT with 1, 2, ... that nothing has; NULL with errno. */
static char *find_name(const char *prefix, const char *what)
{
    struct stat status;
    for (unsigned n = 1; n <= NAMES_MAX; n++) {
        char *name = n == 1 && what[0] == '.' ? xformat("%s%s", prefix, what)
                                              : xformat("%s%s-%u", prefix, what, n);
        if (lstat(name, &status) == -1 && errno == ENOENT) {
            return name;
        }
        free(name);
    }
    errno = EEXIST;
    return NULL;
}

/* NNNNNN.npy and what belongs to it. */
static bool is_recorded(const char *name)
{
    return strncmp(name, RECORDING_NAME, strlen(RECORDING_NAME)) == 0 ||
           (strspn(name, "0123456789") >= 6 &&
            strncmp(name + strspn(name, "0123456789"), ".npy", 4) == 0);
}

/* ---- Cutting ------------------------------------------------------------------- */

/* Copies n bytes from the place in one file to that in the other. */
static const char *copy_bytes(int from, off_t from_place, int to, off_t to_place, off_t n)
{
    char bytes[COPY_BYTES];
    while (n > 0) {
        const size_t wanted = n < COPY_BYTES ? (size_t)n : COPY_BYTES;
        const ssize_t got = pread(from, bytes, wanted, from_place);
        if (got <= 0) {
            return "read";
        }
        for (ssize_t written = 0; written < got;) {
            const ssize_t one =
                pwrite(to, bytes + written, (size_t)(got - written), to_place + written);
            if (one == -1 && errno != EINTR) {
                return "write";
            }
            written += one > 0 ? one : 0;
        }
        from_place += got;
        to_place += got;
        n -= got;
    }
    return NULL;
}

/* The rows past `keep` go to a file of their own, complete as the others. */
static const char *copy_tail(int fd, const char *path, uint64_t keep, uint64_t rows,
                             size_t n_columns)
{
    const off_t row = (off_t)(n_columns * sizeof(double));
    char header[RECORDING_HEADER];
    char *name = find_name(path, ".tail");
    if (name == NULL) {
        return "tail";
    }
    const int tail = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    const char *failed = tail == -1 ? "tail" : NULL;
    recording_header(header, rows - keep, n_columns);
    if (failed == NULL && pwrite(tail, header, sizeof(header), 0) != sizeof(header)) {
        failed = "write";
    }
    if (failed == NULL) {
        failed = copy_bytes(fd, RECORDING_HEADER + (off_t)keep * row, tail,
                            RECORDING_HEADER, (off_t)(rows - keep) * row);
    }
    if (failed == NULL && fsync(tail) == -1) {
        failed = "fsync";
    }
    if (tail != -1) {
        close(tail);
    }
    if (failed == NULL) {
        log_info("%s: %llu rows that no checkpoint has are kept as %s", path,
                 (unsigned long long)(rows - keep), name);
    }
    free(name);
    return failed;
}

/* Cuts an open file of `size` bytes to so many rows; *keep gets fewer where it has
 * fewer. */
static const char *cut_open(int fd, const char *path, off_t size, size_t n_columns,
                            uint64_t *keep)
{
    const off_t row = (off_t)(n_columns * sizeof(double));
    const uint64_t there =
        size > RECORDING_HEADER ? (uint64_t)((size - RECORDING_HEADER) / row) : 0;
    const char *failed = NULL;
    char header[RECORDING_HEADER];
    if (there > *keep) {
        failed = copy_tail(fd, path, *keep, there, n_columns);
    }
    *keep = there < *keep ? there : *keep;
    if (failed == NULL && ftruncate(fd, RECORDING_HEADER + (off_t)*keep * row) == -1) {
        failed = "truncate";
    }
    recording_header(header, *keep, n_columns);
    if (failed == NULL && pwrite(fd, header, sizeof(header), 0) != sizeof(header)) {
        failed = "write";
    }
    return failed == NULL && fsync(fd) == -1 ? "fsync" : failed;
}

static const char *cut_file(const char *path, size_t n_columns, uint64_t *keep)
{
    struct stat status;
    const int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd == -1) {
        *keep = errno == ENOENT ? 0 : *keep;
        return errno == ENOENT ? NULL : "open";
    }
    const char *failed = fstat(fd, &status) == -1
                             ? "stat"
                             : cut_open(fd, path, status.st_size, n_columns, keep);
    const int error = errno;
    close(fd);
    errno = error;
    return failed;
}

/* Files that no checkpoint knows, from that number on. */
static const char *move_files(const char *folder, uint64_t file)
{
    const char *failed = NULL;
    struct stat status;
    for (;; file++) {
        char *path = recording_path(folder, file);
        if (path == NULL || lstat(path, &status) == -1) {
            free(path);
            return NULL;
        }
        char *name = find_name(path, ".tail");
        failed = name == NULL ? "tail" : durable_rename(path, name);
        free(name);
        free(path);
        if (failed != NULL) {
            return failed;
        }
    }
}

const char *recorder_folder_cut(const char *folder, const struct recording *about,
                                uint64_t *rows)
{
    const uint64_t file = *rows > 0 ? (*rows - 1) / about->rows_per_file : 0;
    uint64_t keep = *rows - file * about->rows_per_file;
    if (*rows == 0) {
        return move_files(folder, 0);
    }
    char *path = recording_path(folder, file);
    const char *failed = path == NULL ? "name" : move_files(folder, file + 1);
    if (failed == NULL) {
        failed = cut_file(path, about->n_columns, &keep);
        *rows = file * about->rows_per_file + keep;
    }
    free(path);
    return failed;
}

/* ---- Setting aside ---------------------------------------------------------------- */

/* Moves all files of a recording; *n counts them. */
static const char *move_all(const char *folder, const char *to, unsigned *n)
{
    const char *failed = NULL;
    DIR *stream = opendir(folder);
    if (stream == NULL) {
        return "open";
    }
    for (struct dirent *entry = readdir(stream); entry != NULL && failed == NULL;
         entry = readdir(stream)) {
        if (!is_recorded(entry->d_name)) {
            continue;
        }
        if ((*n)++ == 0 && mkdir(to, 0700) == -1) {
            failed = "mkdir";
            break;
        }
        char *from_path = xformat("%s/%s", folder, entry->d_name);
        char *to_path = xformat("%s/%s", to, entry->d_name);
        failed = durable_rename(from_path, to_path);
        free(from_path);
        free(to_path);
    }
    closedir(stream);
    return failed;
}

const char *recorder_folder_set_aside(const char *folder)
{
    unsigned n = 0;
    char *prefix = xformat("%s/old", folder);
    char *to = find_name(prefix, "");
    const char *failed = to == NULL ? "old" : move_all(folder, to, &n);
    if (failed == NULL && n > 0) {
        log_warn("%s: it holds another recording: set aside as %s", folder, to);
    }
    free(to);
    free(prefix);
    return failed;
}
