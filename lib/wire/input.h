/* SPDX-License-Identifier: MIT
 *
 * Files of points for the tools: .csv .ndjson .npy .f64 .f32, the folder of a recording,
 * or standard input with a format, read with bounded memory and given out in batches.
 * Rows are decoded by the row readers of the feeds. */
#ifndef INPUT_H
#define INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "layout.h"
#include "reader.h"

/* How a caller wants a file read; strings are borrowed for the call of input_open. */
struct input_options {
    const char *format;  /* NULL: by the ending of the name; needed for "-" */
    const char *columns; /* "a,b,c" or a number N; NULL: from the file */
    const char *fields;  /* "a,b" by name or number (from 0); NULL: every column that is
                            a number and has no other role */
    const char *time;    /* column of the time; NULL: none */
    const char *weight;  /* column of the weight; NULL: none */
    const char *rate_of; /* comma-separated fields turned from counter into rate: growth
                            per second, over the nominal interval of the rows */
    double interval_s; /* that interval; 0: the median of the first 16, for which as many
                          rows are waited for, or 1 without a time column */
    const char *delta; /* comma-separated fields turned into differences */
    const char *log;   /* comma-separated fields turned into log(1 + x) */
    bool marginalize;  /* keep rows with missing entries */
    bool is_replay;    /* a recording: all columns are fields, but time and key */
};

struct input;

/* NULL on an error, with "PLACE: what is wrong: what would be right" in error[size]
 * and *code an exit code of sysexits.h (EX_NOINPUT, EX_DATAERR, EX_USAGE, EX_IOERR). */
struct input *input_open(const char *path, const struct input_options *options,
                         char *error, size_t size, int *code);
void input_close(struct input **input);

/* The columns of the file (of JSON, those of its first line) and what they mean. Columns
 * without a name that were not chosen are skipped; where neither the file nor the options
 * have names, they are x0, x1, … */
const struct layout *input_layout(const struct input *input);

/* The next points, or false at the end, on an error (then input_error()), or when a
 * signal ended the wait for standard input. Bad rows are in the batch with their reason;
 * a batch ends with its first bad row, so that `detail` ("FILE:LINE:COL: …") and
 * input_line(), the line of the last row of the batch, always belong to it. */
bool input_next(struct input *input, struct batch *batch);
const char *input_error(const struct input *input); /* NULL: none */
uint64_t input_line(const struct input *input);
/* What a recording is short of, or NULL. */
const char *input_note(const struct input *input);
/* The detail of the first bad row so far, or NULL: what a summary names. */
const char *input_first_rejected(const struct input *input);
/* Bytes read and bytes in all (0 where unknown), for a progress bar. */
void input_progress(const struct input *input, uint64_t *done, uint64_t *total);

#endif
