/* SPDX-License-Identifier: MIT
 *
 * Requests that wait in a stream until their condition holds or their time is over:
 * `wait` and `drain`. Any number of clients wait at once; none holds up another. */
#ifndef WAITING_H
#define WAITING_H

#include <stdbool.h>
#include <stdint.h>

#include "moment.h"

struct request;
struct stream;

/* Requests that wait in one stream; one more is refused. */
#define WAITING_MAX 1000

/* Answers a request, or keeps it: false. An answered one is still the caller's. */
bool waiting_answer(struct stream *stream, struct request *request, struct moment now);

/* Sends what can be answered now, and a timeout to what has waited too long. */
void waiting_check(struct stream *stream, struct moment now);

/* When the first one will have waited too long, or MOMENT_NEVER. */
int64_t waiting_due(const struct stream *stream);

/* Refuses all, since the daemon stops. */
void waiting_refuse(struct stream *stream);

#endif
