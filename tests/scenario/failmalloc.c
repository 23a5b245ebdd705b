/* SPDX-License-Identifier: MIT
 *
 * For LD_PRELOAD: lets one allocation of the program fail. Counted are those that the
 * program makes, also by strdup(), and those that jansson, libyaml and SQLite make for it;
 * libzmq, czmq and libstdc++ abort without memory, and nothing can be done about it here.
 *
 * $FAILMALLOC names a file of two native 64-bit numbers, mapped and shared with the test:
 * allocations so far, and the one that is to fail (from 1; 0: none). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *old, size_t size);

static struct {
    _Atomic uint64_t count, fail_at;
} *shared;

__attribute__((constructor)) static void attach(void)
{
    const char *path = getenv("FAILMALLOC");
    const int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd != -1) {
        void *map = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        shared = map != MAP_FAILED ? map : NULL;
        close(fd);
    }
}

static bool is_counted(const void *caller)
{
    static const char *const names[] = {"/mixd", "/libmix", "/libjansson", "/libyaml",
                                        "/libsqlite3"};
    Dl_info info;
    if (dladdr(caller, &info) == 0 || info.dli_fname == NULL) {
        return false;
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strstr(info.dli_fname, names[i]) != NULL) {
            return true;
        }
    }
    return strchr(info.dli_fname, '/') == NULL; /* the program, started by its name */
}

static bool is_to_fail(const void *caller)
{
    if (shared == NULL || !is_counted(caller)) {
        return false;
    }
    if (++shared->count != shared->fail_at) {
        return false;
    }
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size)
{
    return is_to_fail(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    return is_to_fail(__builtin_return_address(0)) ? NULL : __libc_calloc(n, size);
}

void *realloc(void *old, size_t size)
{
    return is_to_fail(__builtin_return_address(0)) ? NULL : __libc_realloc(old, size);
}

void *reallocarray(void *old, size_t n, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return is_to_fail(__builtin_return_address(0)) ? NULL : __libc_realloc(old, bytes);
}

char *strndup(const char *text, size_t most)
{
    const size_t size = strnlen(text, most);
    char *copy = is_to_fail(__builtin_return_address(0)) ? NULL : __libc_malloc(size + 1);
    if (copy != NULL) {
        memcpy(copy, text, size);
        copy[size] = '\0';
    }
    return copy;
}

char *strdup(const char *text)
{
    const size_t size = strlen(text) + 1;
    char *copy = is_to_fail(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
    return copy != NULL ? memcpy(copy, text, size) : NULL;
}
