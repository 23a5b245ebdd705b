/* SPDX-License-Identifier: MIT
 *
 * The socket that points leave by: PUSH to a feed that pulls, XPUB to one that
 * subscribes. Neither drops a message: where the daemon does not keep up, sending
 * waits. */
#ifndef OUTLET_H
#define OUTLET_H

#include "format.h"
#include "target.h"

struct outlet;

/* NULL and the failure on an error (EX_UNAVAILABLE: cannot bind). */
struct outlet *outlet_new(void *context, const struct target *target,
                          struct failure *failure);

/* Closes the socket once what was sent has left, at most after linger_s. */
void outlet_destroy(struct outlet **outlet, double linger_s);

enum outlet_result {
    OUTLET_SENT,
    OUTLET_BLOCKED, /* nobody took it within OUTLET_WAIT_MS: look around, try again */
    OUTLET_FAILED   /* errno of ZeroMQ says why */
};
#define OUTLET_WAIT_MS 100

/* Sends one message, which stays the caller's; topic NULL: the one subscribed to. */
enum outlet_result outlet_send(struct outlet *outlet, const char *topic,
                               const struct parts *parts);

#endif
