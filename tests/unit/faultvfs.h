/* SPDX-License-Identifier: MIT
 *
 * A layer below SQLite that counts its system calls and, at the n-th, fails, or stops
 * everything as a crash would. For a power cut it remembers what each file held when it
 * was last synced and what was written since: faultvfs_cut_power() leaves some of that
 * out. Without a plan, calls go through, but sync costs nothing. */
#ifndef FAULTVFS_H
#define FAULTVFS_H

#include <check.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unit.h"

enum faultvfs_plan {
    FAULTVFS_PASS,
    FAULTVFS_FAIL_ONCE, /* the n-th call fails */
    FAULTVFS_FAIL_ON,   /* the n-th and all later ones fail, those that write */
    FAULTVFS_STOP,      /* as above, and all others as well: the process is gone */
};

static struct {
    enum faultvfs_plan plan;
    unsigned at;     /* the call that it begins with, from 1 */
    unsigned calls;  /* so far */
    int write_error; /* what xWrite, xTruncate return: SQLITE_FULL, SQLITE_IOERR_WRITE */
    int error;       /* errno meanwhile */
    sqlite3_vfs *unix_vfs;
} faultvfs;

static inline void faultvfs_set(enum faultvfs_plan plan, unsigned at)
{
    faultvfs.plan = plan;
    faultvfs.at = at;
    faultvfs.calls = 0;
    faultvfs.write_error = SQLITE_IOERR_WRITE;
    faultvfs.error = EIO;
}

/* Counts a call; true: it is to fail. */
static inline bool faultvfs_hits(bool is_change)
{
    faultvfs.calls++;
    const bool is_hit =
        (faultvfs.plan == FAULTVFS_FAIL_ONCE && faultvfs.calls == faultvfs.at) ||
        (faultvfs.plan == FAULTVFS_FAIL_ON && faultvfs.calls >= faultvfs.at &&
         is_change) ||
        (faultvfs.plan == FAULTVFS_STOP && faultvfs.calls >= faultvfs.at);
    if (is_hit) {
        errno = faultvfs.error;
    }
    return is_hit;
}

/* ---- What a power cut leaves ------------------------------------------------- */

struct faultvfs_write {
    sqlite3_int64 offset; /* -1: truncated to `size` */
    size_t size;
    unsigned char *bytes;
};

struct faultvfs_disk {
    char path[256];
    bool exists; /* on the disk for sure */
    size_t size; /* as last synced */
    unsigned char *bytes;
    size_t n_writes; /* since then */
    struct faultvfs_write writes[4096];
};

static struct faultvfs_disk faultvfs_disks[8];
static size_t faultvfs_n_disks;

static inline void faultvfs_forget_writes(struct faultvfs_disk *disk)
{
    for (size_t i = 0; i < disk->n_writes; i++) {
        free(disk->writes[i].bytes);
    }
    disk->n_writes = 0;
}

static inline void faultvfs_load(struct faultvfs_disk *disk)
{
    FILE *file = fopen(disk->path, "re");
    free(disk->bytes);
    disk->bytes = malloc(1 << 20);
    disk->exists = file != NULL;
    disk->size = file != NULL ? fread(disk->bytes, 1, 1 << 20, file) : 0;
    if (file != NULL) {
        fclose(file);
    }
    faultvfs_forget_writes(disk);
}

/* The record of a path; before the file is first opened for writing. */
static inline struct faultvfs_disk *faultvfs_disk(const char *path)
{
    for (size_t i = 0; i < faultvfs_n_disks; i++) {
        if (strcmp(faultvfs_disks[i].path, path) == 0) {
            return &faultvfs_disks[i];
        }
    }
    ck_assert_uint_lt(faultvfs_n_disks, COUNT(faultvfs_disks));
    struct faultvfs_disk *disk = &faultvfs_disks[faultvfs_n_disks++];
    snprintf(disk->path, sizeof(disk->path), "%s", path);
    faultvfs_load(disk);
    return disk;
}

static inline void faultvfs_forget_disks(void)
{
    for (size_t i = 0; i < faultvfs_n_disks; i++) {
        faultvfs_forget_writes(&faultvfs_disks[i]);
        free(faultvfs_disks[i].bytes);
        faultvfs_disks[i].bytes = NULL;
    }
    faultvfs_n_disks = 0;
}

static inline void faultvfs_note(struct faultvfs_disk *disk, const void *bytes,
                                 size_t size, sqlite3_int64 offset)
{
    ck_assert_uint_lt(disk->n_writes, COUNT(disk->writes));
    struct faultvfs_write *write = &disk->writes[disk->n_writes++];
    *write = (struct faultvfs_write){.offset = offset, .size = size};
    if (bytes != NULL) {
        write->bytes = malloc(size);
        memcpy(write->bytes, bytes, size);
    }
}

/* One file as the next start finds it: sectors of 512 bytes of what was not synced may
 * be there or not. */
static inline void faultvfs_cut_file(struct faultvfs_disk *disk, uint64_t *random)
{
    if (!disk->exists && (disk->n_writes == 0 || unit_random(random) % 2 == 0)) {
        unlink(disk->path);
        return;
    }
    FILE *file = fopen(disk->path, "we");
    ck_assert_ptr_nonnull(file);
    fwrite(disk->bytes, 1, disk->size, file);
    fflush(file);
    for (size_t i = 0; i < disk->n_writes; i++) {
        const struct faultvfs_write *write = &disk->writes[i];
        if (write->offset == -1) {
            if (unit_random(random) % 2 == 0) {
                ck_assert_int_eq(ftruncate(fileno(file), (off_t)write->size), 0);
            }
            continue;
        }
        for (size_t at = 0; at < write->size; at += 512) {
            const size_t n = write->size - at < 512 ? write->size - at : 512;
            if (unit_random(random) % 2 == 0) {
                ck_assert_int_eq(pwrite(fileno(file), write->bytes + at, n,
                                        (off_t)(write->offset + (sqlite3_int64)at)),
                                 n);
            }
        }
    }
    fclose(file);
}

static inline void faultvfs_cut_power(uint64_t *random)
{
    for (size_t i = 0; i < faultvfs_n_disks; i++) {
        faultvfs_cut_file(&faultvfs_disks[i], random);
    }
    faultvfs_forget_disks();
}

/* ---- Files ------------------------------------------------------------------- */

struct faultvfs_file {
    sqlite3_file base;
    struct faultvfs_disk *disk; /* NULL: only read */
    sqlite3_file real[];
};

static inline sqlite3_file *faultvfs_real(sqlite3_file *file)
{
    return ((struct faultvfs_file *)file)->real;
}

static int faultvfs_close(sqlite3_file *file)
{
    sqlite3_file *real = faultvfs_real(file);
    return real->pMethods != NULL ? real->pMethods->xClose(real) : SQLITE_OK;
}

static int faultvfs_read(sqlite3_file *file, void *bytes, int n, sqlite3_int64 offset)
{
    sqlite3_file *real = faultvfs_real(file);
    return faultvfs_hits(false) ? SQLITE_IOERR_READ
                                : real->pMethods->xRead(real, bytes, n, offset);
}

static int faultvfs_write(sqlite3_file *file, const void *bytes, int n,
                          sqlite3_int64 offset)
{
    sqlite3_file *real = faultvfs_real(file);
    struct faultvfs_disk *disk = ((struct faultvfs_file *)file)->disk;
    const bool is_hit = faultvfs_hits(true);
    if (is_hit && faultvfs.plan == FAULTVFS_STOP) {
        return faultvfs.write_error;
    }
    /* A disk that is full takes the first part. */
    n = is_hit ? n / 2 : n;
    if (disk != NULL) {
        faultvfs_note(disk, bytes, (size_t)n, offset);
    }
    const int code = real->pMethods->xWrite(real, bytes, n, offset);
    errno = faultvfs.error;
    return is_hit ? faultvfs.write_error : code;
}

static int faultvfs_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    sqlite3_file *real = faultvfs_real(file);
    struct faultvfs_disk *disk = ((struct faultvfs_file *)file)->disk;
    if (faultvfs_hits(true)) {
        return SQLITE_IOERR_TRUNCATE;
    }
    if (disk != NULL) {
        faultvfs_note(disk, NULL, (size_t)size, -1);
    }
    return real->pMethods->xTruncate(real, size);
}

static int faultvfs_sync(sqlite3_file *file, int flags)
{
    struct faultvfs_disk *disk = ((struct faultvfs_file *)file)->disk;
    (void)flags;
    if (faultvfs_hits(true)) {
        return SQLITE_IOERR_FSYNC;
    }
    if (disk != NULL) {
        faultvfs_load(disk);
    }
    return SQLITE_OK;
}

static int faultvfs_size(sqlite3_file *file, sqlite3_int64 *size)
{
    sqlite3_file *real = faultvfs_real(file);
    return faultvfs_hits(false) ? SQLITE_IOERR_FSTAT
                                : real->pMethods->xFileSize(real, size);
}

static int faultvfs_lock(sqlite3_file *file, int level)
{
    sqlite3_file *real = faultvfs_real(file);
    return faultvfs_hits(false) ? SQLITE_IOERR_LOCK : real->pMethods->xLock(real, level);
}

static int faultvfs_unlock(sqlite3_file *file, int level)
{
    sqlite3_file *real = faultvfs_real(file);
    return real->pMethods->xUnlock(real, level);
}

static int faultvfs_reserved(sqlite3_file *file, int *result)
{
    sqlite3_file *real = faultvfs_real(file);
    return faultvfs_hits(false) ? SQLITE_IOERR_CHECKRESERVEDLOCK
                                : real->pMethods->xCheckReservedLock(real, result);
}

static int faultvfs_control(sqlite3_file *file, int operation, void *argument)
{
    sqlite3_file *real = faultvfs_real(file);
    return real->pMethods->xFileControl(real, operation, argument);
}

static int faultvfs_sector(sqlite3_file *file)
{
    (void)file;
    return 512;
}

/* Nothing is safe by itself: no powersafe overwrite. */
static int faultvfs_device(sqlite3_file *file)
{
    (void)file;
    return 0;
}

static const sqlite3_io_methods faultvfs_methods = {
    .iVersion = 1,
    .xClose = faultvfs_close,
    .xRead = faultvfs_read,
    .xWrite = faultvfs_write,
    .xTruncate = faultvfs_truncate,
    .xSync = faultvfs_sync,
    .xFileSize = faultvfs_size,
    .xLock = faultvfs_lock,
    .xUnlock = faultvfs_unlock,
    .xCheckReservedLock = faultvfs_reserved,
    .xFileControl = faultvfs_control,
    .xSectorSize = faultvfs_sector,
    .xDeviceCharacteristics = faultvfs_device,
};

static int faultvfs_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file,
                         int flags, int *out)
{
    struct faultvfs_file *self = (struct faultvfs_file *)file;
    (void)vfs;
    self->base.pMethods = NULL;
    if (faultvfs_hits((flags & SQLITE_OPEN_CREATE) != 0)) {
        return SQLITE_CANTOPEN;
    }
    self->disk =
        path != NULL && (flags & SQLITE_OPEN_READWRITE) != 0 ? faultvfs_disk(path) : NULL;
    const int code =
        faultvfs.unix_vfs->xOpen(faultvfs.unix_vfs, path, self->real, flags, out);
    if (self->real->pMethods != NULL) {
        self->base.pMethods = &faultvfs_methods;
    }
    return code;
}

static int faultvfs_delete(sqlite3_vfs *vfs, const char *path, int is_synced)
{
    (void)vfs;
    if (faultvfs_hits(true)) {
        return SQLITE_IOERR_DELETE;
    }
    const int code = faultvfs.unix_vfs->xDelete(faultvfs.unix_vfs, path, 0);
    if (code == SQLITE_OK && is_synced) {
        faultvfs_load(faultvfs_disk(path));
    }
    return code;
}

static int faultvfs_access(sqlite3_vfs *vfs, const char *path, int flags, int *result)
{
    (void)vfs;
    return faultvfs_hits(false)
               ? SQLITE_IOERR_ACCESS
               : faultvfs.unix_vfs->xAccess(faultvfs.unix_vfs, path, flags, result);
}

/* Puts the layer under every file that SQLite opens from now on. */
static inline void faultvfs_install(void)
{
    static sqlite3_vfs vfs;
    faultvfs.unix_vfs = sqlite3_vfs_find("unix");
    ck_assert_ptr_nonnull(faultvfs.unix_vfs);
    vfs = *faultvfs.unix_vfs;
    vfs.zName = "fault";
    vfs.pNext = NULL;
    vfs.szOsFile = (int)sizeof(struct faultvfs_file) + faultvfs.unix_vfs->szOsFile;
    vfs.xOpen = faultvfs_open;
    vfs.xDelete = faultvfs_delete;
    vfs.xAccess = faultvfs_access;
    ck_assert_int_eq(sqlite3_vfs_register(&vfs, 1), SQLITE_OK);
}

#endif
