/* SPDX-License-Identifier: MIT
 *
 * Allocation that cannot fail. */
#include "xalloc.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

/* Nothing here may allocate, so neither stdio nor the log is used. */
_Noreturn void out_of_memory(void)
{
    static const char message[] = "mixd: out of memory\n";
    if (write(STDERR_FILENO, message, sizeof(message) - 1) == -1) {
        /* There is nobody left to tell. */
    }
    _exit(EX_OSERR);
}

void *xalloc(size_t n, size_t size)
{
    void *object = calloc(n > 0 ? n : 1, size);
    if (object == NULL) {
        out_of_memory();
    }
    return object;
}

void *xrealloc(void *old, size_t n, size_t size)
{
    if (size > 0 && n > SIZE_MAX / size) {
        out_of_memory();
    }
    void *object = realloc(old, n * size > 0 ? n * size : 1);
    if (object == NULL) {
        out_of_memory();
    }
    return object;
}

char *xstrdup(const char *text)
{
    char *copy = strdup(text);
    if (copy == NULL) {
        out_of_memory();
    }
    return copy;
}

char *xformat_list(const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    const int length = vsnprintf(NULL, 0, format, arguments);
    char *text = xalloc((size_t)length + 1, 1);
    vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}

char *xformat(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = xformat_list(format, arguments);
    va_end(arguments);
    return text;
}
