/* SPDX-License-Identifier: MIT
 *
 * Changes of a folder that survive a power cut once they have returned. */
#ifndef DURABLE_H
#define DURABLE_H

#include <stdbool.h>

/* Writes a small file whole or not at all: PATH.tmp, fsync, rename, fsync of the folder.
 * Returns NULL, or the step that failed, with errno. */
const char *durable_write(const char *path, const char *text);

/* Brings a file, and the folder that names it, to the disk. The same. */
const char *durable_sync(const char *path);

/* Renames within a folder, never over something that exists (EEXIST). Returns NULL, or
 * the step that failed, with errno. */
const char *durable_rename(const char *from, const char *to);

#endif
