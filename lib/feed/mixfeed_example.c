/* SPDX-License-Identifier: MIT
 *
 * Numbers from standard input into a stream of mixd, one row a line:
 *
 *     mixfeed_example tcp://127.0.0.1:5570 pump-3 2 pump-3.spool <readings
 *
 * Killed at any moment and started again with the same input it goes on where it was:
 * the note in the spool says how many lines it had taken. */
#include <stdio.h>
#include <stdlib.h>

#include "mixfeed.h"

/* Reads the numbers of a line. False at the end. */
static bool read_row(double *row, size_t columns)
{
    for (size_t i = 0; i < columns; i++) {
        if (scanf("%lf", &row[i]) != 1) {
            return false;
        }
    }
    return true;
}

/* Sends what standard input has beyond the rows that were taken in an earlier run. */
static enum mixfeed_err send_all(struct mixfeed *feed, double *row, size_t columns)
{
    const uint64_t n_taken = mixfeed_note(feed);
    for (uint64_t n = 1; read_row(row, columns); n++) {
        if (n <= n_taken) {
            continue;
        }
        mixfeed_set_note(feed, n);
        const enum mixfeed_err err = mixfeed_send(feed, row, 1, -1);
        if (err != MIXFEED_OK) {
            return err;
        }
    }
    return mixfeed_flush(feed, -1);
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: mixfeed_example ENDPOINT SOURCE COLUMNS SPOOL\n");
        return 64;
    }
    const size_t columns = strtoul(argv[3], NULL, 10);
    struct mixfeed_options options;
    struct mixfeed_failure failure;
    mixfeed_options_init(&options, argv[1], argv[2], columns);
    options.spool = argv[4];
    struct mixfeed *feed = mixfeed_open(&options, &failure);
    if (feed == NULL) {
        fprintf(stderr, "mixfeed_example: %s\n", failure.text);
        return EXIT_FAILURE;
    }
    double *row = calloc(columns, sizeof(double));
    const enum mixfeed_err err =
        row != NULL ? send_all(feed, row, columns) : MIXFEED_ENOMEM;
    if (err != MIXFEED_OK) {
        fprintf(stderr, "mixfeed_example: %s\n", mixfeed_failure(feed)->text);
    } else {
        printf("%llu points are safe\n", (unsigned long long)mixfeed_marks(feed).safe);
    }
    free(row);
    mixfeed_close(&feed);
    return err == MIXFEED_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
