/* SPDX-License-Identifier: MIT
 *
 * The publishing socket: an XPUB that keeps the last frame of each topic and shows it
 * to every new subscriber. A frame is encoded once and shared from then on. */
#ifndef PUBLISHER_H
#define PUBLISHER_H

#include <czmq.h>
#include <stdbool.h>
#include <stddef.h>

#include "attachment.h"
#include "fault.h"
#include "post.h"

/* Frames sent to new subscribers in one turn of the loop. */
#define PUBLISHER_SLICE 100

struct publisher;
struct publisher *publisher_open(const struct strings *endpoints, struct fault *fault);
void publisher_close(struct publisher **publisher);

zsock_t *publisher_sock(const struct publisher *publisher);
struct attachment *publisher_attachment(struct publisher *publisher);

/* Sends a frame to the subscribers of its topic, and keeps it for new ones. The text of
 * the post becomes the publisher's. True: there is something to show. */
bool publisher_send(struct publisher *publisher, struct post *post);

/* Reads subscriptions, when the socket is readable. True: there is something to show. */
bool publisher_receive(struct publisher *publisher);
/* Shows one slice of last frames. True: there is more to show, in the next turn. */
bool publisher_show(struct publisher *publisher);

#endif
