/* SPDX-License-Identifier: MIT
 *
 * The handler writes into a pipe. Of what comes within the same second it takes notice
 * once: timeout(1) sends its signal to the program and then to the group it is in. */
#include "autoconf.h"

#include "stop.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

#include "tool.h"

#define ONCE_S 1

static int stop_pipe[2] = {-1, -1};
static volatile sig_atomic_t asked_s; /* when the first one came; 0: not yet */

static void ask(int signal_number)
{
    const int saved = errno;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (asked_s != 0 && now.tv_sec - asked_s > ONCE_S) {
        signal(signal_number, SIG_DFL);
        raise(signal_number);
    }
    if (asked_s == 0) {
        asked_s = (sig_atomic_t)now.tv_sec;
        const ssize_t written = write(stop_pipe[1], "", 1);
        (void)written; /* the pipe is empty: there is room */
    }
    errno = saved;
}

int stop_open(void)
{
    if (pipe2(stop_pipe, O_CLOEXEC | O_NONBLOCK) == -1) {
        return -1;
    }
    struct sigaction action = {.sa_handler = ask};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    return stop_pipe[0];
}

bool stop_is_asked(void)
{
    struct pollfd item = {.fd = stop_pipe[0], .events = POLLIN};
    return poll(&item, 1, 0) == 1;
}

bool stop_wait(double until_s)
{
    for (;;) {
        const double left_s = until_s - tool_clock();
        struct pollfd item = {.fd = stop_pipe[0], .events = POLLIN};
        if (poll(&item, 1, left_s > 0 ? (int)fmin(ceil(1e3 * left_s), 1e6) : 0) == 1) {
            return true;
        }
        if (left_s <= 0) {
            return false;
        }
    }
}
