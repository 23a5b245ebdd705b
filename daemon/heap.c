/* SPDX-License-Identifier: MIT */
#include "heap.h"

#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

#define SLACK_BYTES ((size_t)64 << 20)

size_t heap_resident(void)
{
    size_t all, pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file != NULL) {
        if (fscanf(file, "%zu %zu", &all, &pages) != 2) {
            pages = 0;
        }
        fclose(file);
    }
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

void heap_trim(void)
{
    const size_t resident = heap_resident();
    if (resident <= SLACK_BYTES) {
        return;
    }
    const struct mallinfo2 info = mallinfo2();
    const size_t in_use = info.uordblks + info.hblkhd;
    if (resident > in_use + in_use / 2 + SLACK_BYTES) {
        malloc_trim(0);
    }
}
