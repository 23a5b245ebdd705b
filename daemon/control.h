/* SPDX-License-Identifier: MIT
 *
 * The control socket: a ROUTER that takes one JSON object per message and sends one
 * back to the same client, whether it is a REQ, or a DEALER with or without the empty
 * delimiter: the frames before the last one are repeated as they came. */
#ifndef CONTROL_H
#define CONTROL_H

#include <czmq.h>

#include "attachment.h"
#include "fault.h"
#include "log.h"
#include "request.h"

struct control {
    zsock_t *sock;
    struct attachment attachment;
    struct log_limit log;
};

struct control *control_open(const char *endpoint, struct fault *fault);
void control_close(struct control **control);

/* Binds the socket file anew when it is gone, as somebody removed or replaced its folder.
 * False and a fault while it cannot be. */
bool control_keep(struct control *control, struct fault *fault);

/* The next request, read by command_read(), so it may have failed already. NULL: there
 * is none. */
struct request *control_receive(struct control *control, struct moment now);

/* Sends the reply and destroys the request. A client that is gone is no error. */
void control_reply(struct control *control, struct request **request);

#endif
