/* SPDX-License-Identifier: MIT
 *
 * The backlog in an SQLite file, for one source and one process at a time:
 *
 *     spool   one row: source, columns, incarnation, trimmed, note
 *     piece   first, n, crc, rows: n points from number `first` on, and their CRC-32C
 *
 * What was appended is on the disk (WAL with synchronous=FULL: one sync per call). The
 * same file serves tools/mixfeed.py. */
#ifndef SPOOL_H
#define SPOOL_H

#include "backlog.h"

/* Opens or makes a spool. NULL and the failure (ESPOOL: of another source, of another
 * kind, damaged; EBUSY; EIO: the system refuses) on an error. */
struct backlog *spool_new(const char *path, const char *source, size_t columns,
                          struct mixfeed_failure *failure);

#endif
