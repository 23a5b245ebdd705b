/* SPDX-License-Identifier: MIT */
#include "moment.h"

#include <time.h>

struct moment moment_now(void)
{
    struct timespec mono, wall;
    clock_gettime(CLOCK_MONOTONIC, &mono);
    clock_gettime(CLOCK_REALTIME, &wall);
    return (struct moment){
        .ms = (int64_t)mono.tv_sec * 1000 + mono.tv_nsec / 1000000,
        .wall_s = (double)wall.tv_sec + 1e-9 * (double)wall.tv_nsec,
    };
}
