/* SPDX-License-Identifier: MIT
 *
 * A temporary folder without folders in it, and its files byte for byte. */
#ifndef FOLDER_H
#define FOLDER_H

#include <check.h>
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];

static inline void folder_make(void)
{
    snprintf(folder, sizeof(folder), "/tmp/mixd-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

/* A path inside; valid for the next three calls. */
static inline const char *folder_path(const char *name)
{
    static char paths[4][512];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

static inline bool folder_has(const char *name)
{
    struct stat status;
    return lstat(folder_path(name), &status) == 0;
}

/* Calls for every file; a NULL function counts them. */
static inline size_t folder_each(void (*visit)(const char *path, void *context),
                                 void *context)
{
    size_t n = 0;
    DIR *stream = opendir(folder);
    ck_assert_ptr_nonnull(stream);
    for (struct dirent *entry = readdir(stream); entry != NULL; entry = readdir(stream)) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            n++;
            if (visit != NULL) {
                visit(folder_path(entry->d_name), context);
            }
        }
    }
    closedir(stream);
    return n;
}

static inline void folder_unlink(const char *path, void *context)
{
    (void)context;
    unlink(path);
}

static inline void folder_clear(void)
{
    folder_each(folder_unlink, NULL);
}

static inline void folder_remove(void)
{
    folder_clear();
    ck_assert_int_eq(rmdir(folder), 0);
}

/* The bytes of a file, owned by the caller. */
static inline unsigned char *folder_read(const char *name, size_t *size)
{
    FILE *file = fopen(folder_path(name), "re");
    ck_assert_msg(file != NULL, "no file %s", name);
    unsigned char *bytes = malloc(1 << 20);
    *size = fread(bytes, 1, 1 << 20, file);
    fclose(file);
    return bytes;
}

static inline void folder_write(const char *name, const void *bytes, size_t size)
{
    FILE *file = fopen(folder_path(name), "we");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, size, file), size);
    ck_assert_int_eq(fclose(file), 0);
}

/* Turns one bit of a file. */
static inline void folder_flip(const char *name, size_t at, unsigned bit)
{
    FILE *file = fopen(folder_path(name), "r+e");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fseek(file, (long)at, SEEK_SET), 0);
    const int byte = fgetc(file);
    ck_assert_int_eq(fseek(file, (long)at, SEEK_SET), 0);
    ck_assert_int_ne(fputc(byte ^ (int)(1u << bit), file), EOF);
    ck_assert_int_eq(fclose(file), 0);
}

/* A number that changes when a name or a byte does, in whatever order they are listed. */
static inline void folder_add_file(const char *path, void *context)
{
    uint64_t hash = 14695981039346656037u;
    for (const char *c = path; *c != '\0'; c++) {
        hash = (hash ^ (unsigned char)*c) * 1099511628211u;
    }
    FILE *file = fopen(path, "re");
    if (file != NULL) {
        for (int c = getc_unlocked(file); c != EOF; c = getc_unlocked(file)) {
            hash = (hash ^ (unsigned)c) * 1099511628211u;
        }
        fclose(file);
    }
    *(uint64_t *)context += hash;
}

static inline uint64_t folder_hash(void)
{
    uint64_t hash = 0;
    folder_each(folder_add_file, &hash);
    return hash;
}

#endif
