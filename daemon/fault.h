/* SPDX-License-Identifier: MIT
 *
 * Why a start failed: an exit code of sysexits.h and one line "PLACE: what is wrong:
 * what would be right". Filled in where it is known, printed once, by main(). */
#ifndef FAULT_H
#define FAULT_H

#define FAULT_SIZE 1024

struct fault {
    int code; /* 0: none */
    char text[FAULT_SIZE];
};

/* Always returns false, so that a failing function can return it. */
_Bool fault_set(struct fault *fault, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
