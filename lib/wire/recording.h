/* SPDX-License-Identifier: MIT
 *
 * A recording: a folder of .npy files with what a stream learned, in the order of
 * learning, and recording.json, which says what the columns are:
 *
 *     000000.npy   rows 0 .. rows_per_file - 1, n x C float64, the newest file shorter
 *     000001.npy   ...
 *
 * A header has 128 bytes whatever the number of rows, so it is rewritten in place after
 * the rows. Column 0 is the time of arrival in seconds since 1970; the columns of the
 * stream follow. A key column holds indices into `keys`. */
#ifndef RECORDING_H
#define RECORDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECORDING_HEADER 128
#define RECORDING_NAME "recording.json"
#define RECORDING_ID_SIZE 37 /* a uuid as text */

/* Rows that were learned and could not be written. */
struct recording_gap {
    uint64_t row; /* of the recording, before which they are missing */
    uint64_t lost;
};

/* What recording.json says. */
struct recording {
    char id[RECORDING_ID_SIZE];
    char *stream;
    uint64_t first;         /* points that the stream had learned before row 0 */
    uint64_t rows_per_file; /* of every file but the last one */
    size_t n_columns;
    char **columns; /* names; [0] is the time of arrival */
    size_t n_fields;
    char **fields;             /* names of those that are the model's dimensions */
    char *time, *weight, *key; /* names of the stream's own columns; NULL: none */
    size_t n_keys;
    char **keys; /* UTF-8 */
    size_t n_gaps;
    struct recording_gap *gaps;
};

/* Reads FOLDER/recording.json. NULL on an error, with "PATH: what is wrong" in error. */
struct recording *recording_read(const char *folder, char *error, size_t size);
/* The text of the file, to be freed; NULL without memory. */
char *recording_text(const struct recording *recording);
void recording_destroy(struct recording **recording);

/* FOLDER/NNNNNN.npy, to be freed; NULL without memory. */
char *recording_path(const char *folder, uint64_t file);

/* The header of a file of so many rows. */
void recording_header(char header[static RECORDING_HEADER], uint64_t n_rows,
                      size_t n_columns);

#endif
