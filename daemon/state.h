/* SPDX-License-Identifier: MIT
 *
 * The state folder: created 0700, our own, and locked for as long as the daemon runs.
 * It tells other programs the endpoints as bound. */
#ifndef STATE_H
#define STATE_H

#include <jansson.h>
#include <stdbool.h>

#include "fault.h"

struct state;

/* Opens and locks the folder, and makes it if its parent is there. NULL and a fault on
 * an error: EX_TEMPFAIL names the process that holds it, EX_NOPERM a folder that others
 * own or may write, EX_IOERR or EX_CANTCREAT the rest. */
struct state *state_open(const char *path, struct fault *fault);
/* Removes what told of the running daemon, and unlocks. */
void state_close(struct state **state);

/* Sees to it that the folder at the path is the one that is locked: one that took its
 * place is locked as well. False and a fault while there is none. */
bool state_hold(struct state *state, struct fault *fault);

/* Whether STATE/endpoints.json is there. */
bool state_has_endpoints(const struct state *state);
/* Writes STATE/endpoints.json, whole or not at all. */
bool state_write_endpoints(struct state *state, const json_t *endpoints,
                           struct fault *fault);

#endif
