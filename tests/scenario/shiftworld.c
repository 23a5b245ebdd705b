/* SPDX-License-Identifier: MIT
 *
 * For LD_PRELOAD: a wall clock that is wrong and a disk that is slow, as the test says.
 *
 * $SHIFTWORLD names a file of two native doubles, mapped and shared with the test: seconds
 * that CLOCK_REALTIME is ahead, and seconds that a synchronisation of a file takes. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile const struct {
    double ahead_s, sync_s;
} *shared;

__attribute__((constructor)) static void attach(void)
{
    const char *path = getenv("SHIFTWORLD");
    const int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd != -1) {
        void *map = mmap(NULL, sizeof(*shared), PROT_READ, MAP_SHARED, fd, 0);
        shared = map != MAP_FAILED ? map : NULL;
        close(fd);
    }
}

static time_t ahead_s(void)
{
    return shared != NULL ? (time_t)shared->ahead_s : 0;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    const int result = (int)syscall(SYS_clock_gettime, clock, now);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        now->tv_sec += ahead_s();
    }
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    const int result = (int)syscall(SYS_gettimeofday, now, zone);
    now->tv_sec += result == 0 ? ahead_s() : 0;
    return result;
}

time_t time(time_t *now)
{
    struct timespec wall;
    clock_gettime(CLOCK_REALTIME, &wall);
    if (now != NULL) {
        *now = wall.tv_sec;
    }
    return wall.tv_sec;
}

static void linger(void)
{
    const double wait = shared != NULL ? shared->sync_s : 0;
    if (wait > 0) {
        const time_t whole = (time_t)wait;
        nanosleep(&(struct timespec){whole, (long)(1e9 * (wait - (double)whole))}, NULL);
    }
}

int fsync(int fd)
{
    linger();
    return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    linger();
    return (int)syscall(SYS_fdatasync, fd);
}
