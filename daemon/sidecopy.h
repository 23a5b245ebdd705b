/* SPDX-License-Identifier: MIT
 *
 * A copy of an SQLite file and its journal beside it, so that what a crash left behind
 * can be judged without changing it. */
#ifndef SIDECOPY_H
#define SIDECOPY_H

#include <stdbool.h>

/* True if the file has a journal that is to be rolled back. */
bool sidecopy_is_needed(const char *path);
/* The path of the copy, or NULL: there is no room, or the like. */
char *sidecopy_make(const char *path);
/* Removes the copy and its journal, and frees the path. */
void sidecopy_remove(char **path);

#endif
