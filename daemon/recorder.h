/* SPDX-License-Identifier: MIT
 *
 * Writes what a stream learns to its recording (recording.h), in the order of learning.
 * The worker writes, which the system takes into memory; the state actor makes it durable
 * before the checkpoint that counts the rows. When the disk does not take rows, the
 * stream goes on: what does not fit in the buffer is counted as lost and named as a gap,
 * and writing is tried again after 0.1 s, twice that, ... 30 s. */
#ifndef RECORDER_H
#define RECORDER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "fault.h"
#include "moment.h"
#include "reader.h"
#include "recording.h"
#include "router.h"

/* Bytes of a file, about, before the next one begins. */
#define RECORDER_FILE_BYTES ((size_t)64 << 20)

/* What the durable state has of a recording. */
struct recorder_mark {
    char id[RECORDING_ID_SIZE];
    uint64_t rows; /* in the files */
    uint64_t lost; /* learned and not in the files */
};

struct recorder {
    const struct stream_config *config; /* borrowed */
    char *folder;
    int folder_fd;           /* locked: two streams must not write here */
    struct recording *about; /* recording.json */
    size_t file_bytes;
    size_t row_bytes;

    int fd; /* of the file that is written, or -1 */
    uint64_t file;
    uint64_t rows;     /* in the files */
    uint64_t unsynced; /* first file that was written since recorder_sync() */
    double *buffer;    /* n_room rows */
    size_t n_buffered, n_room;

    uint64_t n_dropped; /* since the buffer was full: the next gap */
    uint64_t lost;      /* of all gaps */
    bool is_described;  /* recording.json says what `about` does */
    char problem[256];  /* "": none */
    int64_t retry_ms, delay_ms;
};

/* Makes and locks the folder. NULL and a fault: EX_CANTCREAT, EX_NOPERM, EX_TEMPFAIL. */
struct recorder *recorder_open(const struct stream_config *config, size_t file_bytes,
                               struct fault *fault);
/* Writes what is buffered. */
void recorder_close(struct recorder **recorder);

/* Goes on after the rows of the mark; what the files have beyond them is moved to
 * NNNNNN.npy.tail. Without a mark (NULL), or where the folder holds another recording,
 * that is moved to FOLDER/old-N and a new one begins; `first`: points learned before.
 * False and a fault, EX_IOERR, when the folder cannot be put in order. */
bool recorder_begin(struct recorder *recorder, const struct recorder_mark *mark,
                    uint64_t first, struct fault *fault);

/* Rows [first, first + n) of the batch were learned by the slot of that index. */
void recorder_add(struct recorder *recorder, const struct batch *batch, size_t first,
                  size_t n, const struct router *router, size_t slot, struct moment now);
/* Writes what is buffered, unless a retry is not due. */
void recorder_flush(struct recorder *recorder, int64_t now_ms);
struct recorder_mark recorder_mark(const struct recorder *recorder);
/* Calls for each file that was written since the last time. */
void recorder_sync(struct recorder *recorder, void (*visit)(void *context, char *path),
                   void *context);

/* For `status`. New reference. */
json_t *recorder_json(const struct recorder *recorder);

#endif
