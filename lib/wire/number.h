/* SPDX-License-Identifier: MIT
 *
 * Decimal text to double and back, correctly rounded and the same under every locale.
 */
#ifndef NUMBER_H
#define NUMBER_H

#include <stddef.h>

/* Reads a number of JSON's grammar (RFC 8259 section 6) that begins at `at`. Returns
 * where it ends, or NULL when there is none; what follows is the caller's to check.
 * *value is the nearest double, ties to even: an underflow gives a denormal or a zero
 * with its sign, an overflow (1e400) an infinity, which no text can name otherwise. */
const char *number_read(const char *at, const char *end, double *value);

/* Room for every double as text, and the end. */
#define NUMBER_SIZE 32

/* Writes a finite value with as many digits as bring the same bits back (17 at most)
 * and returns the length. Integers below 2^53 are written without a point. */
size_t number_write(char text[NUMBER_SIZE], double value);

#endif
