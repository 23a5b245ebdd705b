/* SPDX-License-Identifier: MIT
 *
 * Times as text: seconds since 1970, or a date and time of ISO 8601. */
#ifndef ISOTIME_H
#define ISOTIME_H

#include <stdbool.h>
#include <stddef.h>

/* YYYY-MM-DD, then optionally `T`, `t` or one blank and HH:MM[:SS[.fraction]], then
 * optionally `Z`, `z`, +HH:MM, +HHMM or +HH. Without a zone the time is UTC. Second 60
 * is the first of the next minute. A number is taken as seconds as it stands. */
bool isotime_read(const char *text, size_t size, double *seconds);

#endif
