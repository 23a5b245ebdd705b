/* SPDX-License-Identifier: MIT
 *
 * The set-up of every ZeroMQ socket of the daemon: its options, and binds that do not
 * take over what somebody else uses. A socket is opened in the main thread and then
 * belongs to one thread and one module. */
#ifndef SOCKET_H
#define SOCKET_H

#include <czmq.h>
#include <stdbool.h>
#include <stddef.h>

#include "fault.h"

struct socket_options {
    int type;           /* ZMQ_PULL, … */
    size_t max_message; /* bytes; a peer that sends more is cut off */
    int queue;          /* high-water mark of both directions, messages a peer */
    int linger_ms;      /* how long unsent messages are kept at the end */
};

/* NULL and a fault (EX_UNAVAILABLE) when there is no socket to be had. */
zsock_t *socket_new(const struct socket_options *options, struct fault *fault);

/* Binds to an endpoint or connects to it. Returns the endpoint as the system has it,
 * owned by the caller; NULL and a fault (EX_UNAVAILABLE), in which `place` names it. */
char *socket_attach(zsock_t *sock, bool binds, const char *endpoint, const char *place,
                    struct fault *fault);
/* Undoes that; `bound` is what socket_attach() returned. */
void socket_detach(zsock_t *sock, bool binds, const char *bound);

#endif
