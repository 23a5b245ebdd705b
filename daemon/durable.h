/* SPDX-License-Identifier: MIT
 *
 * Changes of a folder that survive a power cut once they have returned. */
#ifndef DURABLE_H
#define DURABLE_H

#include <stdbool.h>

/* Writes a small file whole or not at all: PATH.tmp, fsync, rename, fsync of the folder.
 * Returns NULL, or the step that failed, with errno. */
const char *durable_write(const char *path, const char *text);

/* Renames within a folder, never over something that exists (EEXIST). Returns NULL, or
 * the step that failed, with errno. */
const char *durable_rename(const char *from, const char *to);

#endif
