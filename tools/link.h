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
    void *monitor; /* readable when the connection changes; see link_is_lost() */
};

/* Makes a socket of that type, connects it and waits for the peer. prepare, unless
 * NULL, sets further options before the connection. On failure (EX_UNAVAILABLE,
 * EX_NOPERM, EX_USAGE) nothing stays open. */
bool link_open(struct link *link, void *context, int type, const char *endpoint,
               void (*prepare)(void *socket), struct failure *failure);
void link_close(struct link *link);

/* Reads what the monitor has to say: true once the peer is gone. */
bool link_is_lost(struct link *link);

#endif
