/* SPDX-License-Identifier: MIT
 *
 * Where the daemon is: the places a tool looks for a control endpoint. */
#ifndef LOCATE_H
#define LOCATE_H

#include "tool.h"

/* Named by the user; NULL where not given. */
struct place {
    const char *control; /* --control ENDPOINT */
    const char *config;  /* -c FILE: the configuration the daemon runs with */
};

/* The control endpoint, to be freed: the first that is given of --control,
 * MIXD_CONTROL and -c FILE, else the first socket that exists of
 * ./mixd-state/control.sock and /run/mixd/control.sock. NULL: none, and the failure
 * names every place. */
char *locate_control(const struct place *place, struct failure *failure);

/* The control endpoint that a daemon with this configuration has. */
char *locate_config(const char *path, struct failure *failure);

#endif
