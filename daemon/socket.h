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

#include "config.h" /* struct strings */
#include "fault.h"

struct socket_options {
    int type;           /* ZMQ_PULL, … */
    size_t max_message; /* bytes; a peer that sends more is cut off */
    int queue;          /* high-water mark of both directions, messages a peer */
    int linger_ms;      /* how long unsent messages are kept at the end */
};

/* NULL and a fault (EX_UNAVAILABLE) when there is no socket to be had. */
zsock_t *socket_new(const struct socket_options *options, struct fault *fault);

/* Binds to all endpoints; `place` names them in a fault (EX_UNAVAILABLE). *bound gets
 * the endpoints as the system has them, to be released with socket_strings_clear(). */
bool socket_bind(zsock_t *sock, const struct strings *endpoints, const char *place,
                 struct strings *bound, struct fault *fault);
bool socket_connect(zsock_t *sock, const struct strings *endpoints, const char *place,
                    struct strings *bound, struct fault *fault);
void socket_strings_clear(struct strings *strings);

#endif
