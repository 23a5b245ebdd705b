/* SPDX-License-Identifier: MIT
 *
 * Requests on their way through the main thread: to the worker that can answer, to all
 * of them with the replies gathered, or to here.c; and back to the client. */
#ifndef DISPATCH_H
#define DISPATCH_H

struct daemon;
struct request;

/* Takes a request over as control_receive() gave it. */
void dispatch_request(struct daemon *daemon, struct request *request);

/* Takes over what a worker answered. */
void dispatch_answer(struct daemon *daemon, struct request *request);

#endif
