/* SPDX-License-Identifier: MIT
 *
 * A moment on both clocks, read once a round and handed down, so that no point costs
 * a system call and tests choose the time. */
#ifndef MOMENT_H
#define MOMENT_H

#include <stdint.h>

struct moment {
    int64_t ms;    /* monotonic, milliseconds: for every timer */
    double wall_s; /* seconds since 1970: only printed, or the arrival time of points */
};
struct moment moment_now(void);

#define MOMENT_NEVER INT64_MAX

#endif
