/* SPDX-License-Identifier: MIT
 *
 * Records of CSV (RFC 4180), the same in messages and files. */
#ifndef CSV_H
#define CSV_H

#include <stdbool.h>
#include <stddef.h>

#include "reader.h"

/* Where a record is being read. */
struct csv {
    const char *at;
    const char *end; /* of the record, its line end left out */
    char delimiter;
    char *scratch;     /* as many bytes as the record, for cells with "" in them */
    const char *error; /* what is wrong at `at`; NULL: nothing so far */
};

/* The next cell: without blanks around, or without its quotes. False with an error if
 * its quotes do not match. Then csv_more() takes the delimiter, false at the end. */
bool csv_cell(struct csv *csv, struct bytes *cell);
bool csv_more(struct csv *csv);

/* Past the next cell, where `end` need not be the end of the record: to its delimiter,
 * its line end (LF), or `end`. */
enum csv_step {
    CSV_CELL,   /* a whole cell, as far as can be seen */
    CSV_OPEN,   /* `end` came before the quote that closes it */
    CSV_BROKEN, /* text after the quote that closes it */
};
enum csv_step csv_skip_cell(struct csv *csv);

/* A cell as a number: empty and `nan` are NaN. False if it is something else. */
bool csv_number(struct bytes cell, double *value);

/* Makes the record the next point of the reader's batch. Its columns are the cells. */
void csv_read_record(struct reader *reader, struct bytes record, char delimiter);

#endif
