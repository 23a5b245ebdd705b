/* SPDX-License-Identifier: MIT
 *
 * What is wrong with a text, with its place: collected in any order, told in the order
 * of the text. */
#ifndef FINDING_H
#define FINDING_H

#include <stddef.h>

/* A place in a text, counted from 1 in characters; line 0: no place in particular. */
struct place {
    int line, column;
};

struct finding {
    struct place place;
    char *text;   /* owned */
    size_t order; /* of discovery, for findings at one place */
};

struct findings {
    size_t n, capacity;
    struct finding *item;
};

void findings_add(struct findings *findings, struct place place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* By place, then by discovery. */
void findings_sort(struct findings *findings);
void findings_clear(struct findings *findings);

#endif
