/* SPDX-License-Identifier: MIT
 *
 * Talking to a running daemon: requests and replies of mixd(8), CONTROL. */
#ifndef CLIENT_H
#define CLIENT_H

#include <argp.h>
#include <jansson.h>

#include "locate.h"

/* The options --control and -c, for `children` of a tool's argp; its child input is a
 * struct place. */
extern const struct argp client_argp;

struct client;

/* Finds the daemon and connects. NULL and the failure on an error. */
struct client *client_new(const struct place *place, struct failure *failure);
void client_destroy(struct client **client);

/* The ZeroMQ context it lives in. */
void *client_context(struct client *client);

/* How long to wait for a reply: the daemon answers most commands at once, drain and
 * wait when they are done. */
#define CLIENT_TIMEOUT_S 10.0
#define CLIENT_NO_TIMEOUT 0.0

/* Sends a request and returns the whole reply, new reference, also where it says
 * "ok": false; then the failure has its error and exit code. NULL: no reply came. */
json_t *client_ask(struct client *client, const json_t *request, double timeout_s,
                   struct failure *failure);

/* The reply to a command about a stream (NULL: none), or NULL and the failure. */
json_t *client_command(struct client *client, const char *command, const char *stream,
                       struct failure *failure);

/* Where model frames come from, to be freed: MIXD_PUBLISH, else as the daemon says. */
char *client_publisher(struct client *client, struct failure *failure);

#endif
