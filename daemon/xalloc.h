/* SPDX-License-Identifier: MIT
 *
 * Allocation that cannot fail: without memory the program says so and ends with
 * EX_OSERR; what a checkpoint holds is safe. For start-up and configuration, never per
 * point or per block. */
#ifndef XALLOC_H
#define XALLOC_H

#include <stdarg.h>
#include <stddef.h>

/* Says so and ends the program: for what failed without memory elsewhere. */
_Noreturn void out_of_memory(void);

/* n objects of that size, zeroed; n * size is checked. Release with free(). */
void *xalloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull));
/* An array of n objects from an older one (NULL: none); what is new is not zeroed. */
void *xrealloc(void *old, size_t n, size_t size) __attribute__((returns_nonnull));
char *xstrdup(const char *text) __attribute__((malloc, returns_nonnull));
/* The text that printf() and vprintf() would print. */
char *xformat(const char *format, ...)
    __attribute__((malloc, returns_nonnull, format(printf, 1, 2)));
char *xformat_list(const char *format, va_list arguments)
    __attribute__((malloc, returns_nonnull, format(printf, 1, 0)));

#endif
