/* SPDX-License-Identifier: MIT
 *
 * mixfeed --reliable: every point of the INPUT changes the model exactly once, through
 * any number of ends of mixfeed and of the daemon. An INPUT that can be read again is
 * its own spool: its rows are numbered, and a checksum over all of them is the
 * incarnation, so that other rows are never taken for these. What can be read but once
 * goes through the spool file. */
#ifndef DELIVERY_H
#define DELIVERY_H

#include "feeding.h"
#include "target.h"

/* Sends all points, waits until the daemon has them safe, and prints "sent N accounted
 * N". The failure says what went wrong. */
void delivery_run(const struct feed_options *options, struct target *target,
                  struct failure *failure);

#endif
