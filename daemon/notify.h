/* SPDX-License-Identifier: MIT
 *
 * What the service manager is told, where there is one: systemd's sd_notify(3). All of
 * it does nothing without systemd. */
#ifndef NOTIFY_H
#define NOTIFY_H

#include <stdint.h>

void notify_ready(void);
/* Between this and the next notify_ready() a reload is under way. */
void notify_reloading(void);
void notify_stopping(void);
/* The program is getting on: to be called more often than every notify_watchdog_ms(). */
void notify_watchdog(void);
/* 0: nobody watches. */
int64_t notify_watchdog_ms(void);

#endif
