/* SPDX-License-Identifier: MIT
 *
 * Ctrl-C and SIGTERM as a readable descriptor. The first one asks for an orderly end,
 * the second one ends the program. */
#ifndef STOP_H
#define STOP_H

#include <stdbool.h>

/* Installs the handlers; returns the descriptor, readable once the end is asked for. */
int stop_open(void);

/* Whether the end was asked for. */
bool stop_is_asked(void);

/* Sleeps until tool_clock() is at that time; true at once when the end is asked for. */
bool stop_wait(double until_s);

#endif
