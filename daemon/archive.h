/* SPDX-License-Identifier: MIT
 *
 * The actor of the history (history.h): a thread that writes what the main thread has
 * collected and answers questions about it. Nobody waits for it: while it is slow,
 * frames are left out. */
#ifndef ARCHIVE_H
#define ARCHIVE_H

#include <stdbool.h>

#include "post.h"
#include "request.h"

struct daemon;

/* Frames of one topic that are this close in seconds are left out: of a stream, and of
 * one of many keys. */
#define ARCHIVE_SPACING_S 1.0
#define ARCHIVE_KEY_SPACING_S 3600.0
/* And so are large ones: a topic has about so many bytes a second. */
#define ARCHIVE_BYTES_A_SECOND 8192.0

bool archive_start(struct daemon *daemon);
void archive_end(struct daemon *daemon);

/* Collects a published frame that is due for the history, copied. */
void archive_note(struct daemon *daemon, const struct post *post);
/* The command `history`; takes the request over. */
void archive_ask(struct daemon *daemon, struct request *request);

#endif
