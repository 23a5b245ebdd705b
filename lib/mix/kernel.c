/* SPDX-License-Identifier: MIT
 *
 * Which kernels this machine can run. */
#include "kernel.h"

#include <string.h>

extern const struct kernel kernel_ref;
extern const struct kernel kernel_baseline;
#ifdef __x86_64__
extern const struct kernel kernel_v3;
extern const struct kernel kernel_v4;
#endif

/* The only state of the library: what a test or a program's main() forced. */
static const struct kernel *forced;

const struct kernel *const *kernel_table(void)
{
#ifdef __x86_64__
    static const struct kernel *const table[] = {&kernel_v4, &kernel_v3, &kernel_baseline,
                                                 &kernel_ref, NULL};
    /* The features that the objects are compiled for, one by one: names of levels are
     * known to some compilers only. */
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) {
        return table + 2;
    }
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512dq")) {
        return table + 1;
    }
#else
    static const struct kernel *const table[] = {&kernel_baseline, &kernel_ref, NULL};
#endif
    return table;
}

const struct kernel *kernel_current(void)
{
    return forced != NULL ? forced : kernel_table()[0];
}

bool kernel_select(const char *name)
{
    forced = NULL;
    for (size_t i = 0; name != NULL && kernel_table()[i] != NULL; i++) {
        if (strcmp(kernel_table()[i]->name, name) == 0) {
            forced = kernel_table()[i];
        }
    }
    return name == NULL || forced != NULL;
}
