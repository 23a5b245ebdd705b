/* SPDX-License-Identifier: MIT
 *
 * A ZeroMQ socket connected to one peer that is known to be there: connecting waits
 * for the handshake, so that a wrong endpoint is an error and not an endless wait,
 * and a peer that goes away is noticed. */
#ifndef LINK_H
#define LINK_H

#include <stdbool.h>

#include "tool.h"

struct link {
    void *socket;  /* for zmq_* calls; NULL: closed */
    void *monitor; /* readable when the connection changes: call link_has_fallen() */
    bool is_up;    /* the peer was there at the last look */
};

/* Makes a socket of that type, connects it and waits for the peer. prepare, unless
 * NULL, sets further options before the connection. On failure (EX_UNAVAILABLE,
 * EX_NOPERM, EX_USAGE) nothing stays open. */
bool link_open(struct link *link, void *context, int type, const char *endpoint,
               void (*prepare)(void *socket), struct failure *failure);
void link_close(struct link *link);

/* Reads what the monitor has to say. True if the connection was lost since the last
 * look, also when it is back: what was on its way may not have arrived. */
bool link_has_fallen(struct link *link);

#endif
