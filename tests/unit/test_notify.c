/* SPDX-License-Identifier: MIT
 *
 * What systemd hears, through a socket as systemd has it. */
#include "notify.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "autoconf.h"
#include "unit.h"

#ifdef HAVE_SYSTEMD

static char path[64];

static int manager(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(path, sizeof(path), "/tmp/mixd-notify-%d", (int)getpid());
    memcpy(address.sun_path, path, strlen(path));
    const int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    setenv("NOTIFY_SOCKET", path, 1);
    return fd;
}

static void expect(int fd, const char *text)
{
    char heard[256];
    const ssize_t n = recv(fd, heard, sizeof(heard) - 1, MSG_DONTWAIT);
    ck_assert_int_ge(n, 0);
    heard[n] = '\0';
    ck_assert_str_eq(heard, text);
}

START_TEST(start_stop_and_life_are_told)
{
    const int fd = manager();
    notify_ready();
    expect(fd, "READY=1");
    notify_watchdog();
    expect(fd, "WATCHDOG=1");
    notify_stopping();
    expect(fd, "STOPPING=1");
    close(fd);
    unlink(path);
}
END_TEST

START_TEST(the_watchdog_names_its_period)
{
    char pid[32];
    snprintf(pid, sizeof(pid), "%d", (int)getpid());
    unsetenv("WATCHDOG_USEC");
    ck_assert_int_eq(notify_watchdog_ms(), 0);
    setenv("WATCHDOG_USEC", "20000000", 1);
    setenv("WATCHDOG_PID", pid, 1);
    ck_assert_int_eq(notify_watchdog_ms(), 20000);
    setenv("WATCHDOG_PID", "1", 1); /* meant for somebody else */
    ck_assert_int_eq(notify_watchdog_ms(), 0);
}
END_TEST

#endif

START_TEST(without_a_manager_nothing_happens)
{
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    notify_ready();
    notify_stopping();
    notify_watchdog();
    ck_assert_int_eq(notify_watchdog_ms(), 0);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
#ifdef HAVE_SYSTEMD
        UNIT(start_stop_and_life_are_told),
        UNIT(the_watchdog_names_its_period),
#endif
        UNIT(without_a_manager_nothing_happens),
    };
    return unit_run("notify", tests, COUNT(tests));
}
