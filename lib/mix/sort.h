/* SPDX-License-Identifier: MIT
 *
 * Values in ascending order. */
#ifndef SORT_H
#define SORT_H

#include <stddef.h>

/* A value and the weight of its point. */
struct weighted {
    double value, weight;
};

/* Sorts n values that are not NaN; equal ones keep their order. Time linear in n: radix
 * sort from the lowest digit (Knuth, The Art of Computer Programming 3, 1973, 5.2.5).
 * scratch: n. */
void sort_values(struct weighted *values, size_t n, struct weighted *scratch);

#endif
