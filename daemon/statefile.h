/* SPDX-License-Identifier: MIT
 *
 * One SQLite file that holds a complete state of one generation. Reading never changes
 * it; writing is one transaction that takes it from its own generation to a newer one.
 * The file is open only meanwhile. */
#ifndef STATEFILE_H
#define STATEFILE_H

#include "database.h"
#include "items.h"
#include "statehead.h"

/* Reads and verifies everything. head is filled in as far as it could be read, *items
 * (owned by the caller) only when the result is DATABASE_OK, `why` (of
 * DATABASE_WHY_SIZE) when it is neither that nor DATABASE_ABSENT. A file with a journal,
 * left by a crash, is judged by a copy, so it stays as it was found. */
enum database_result statefile_read(const char *path, unsigned version,
                                    struct statehead *head, struct items **items,
                                    char *why);

/* Makes the file hold the items as of `next`, whose digest is filled in: what changed
 * since the file was as `known` says, or everything if it is otherwise now. Returns
 * DATABASE_OK once it is on the disk; DAMAGED or FOREIGN when what lies at that path must
 * be moved out of the way first; else FAILED, and the file still holds its old generation
 * or already the next one, whole. */
enum database_result statefile_write(const char *path, struct statehead *next,
                                     const struct statehead *known,
                                     const struct items *items, char *why);

#endif
