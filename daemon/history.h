/* SPDX-License-Identifier: MIT
 *
 * The history of published models: an SQLite file of its own, apart from the durable
 * state, that may be lost without harm. What is kept gets thinner with age:
 *
 *     younger than 10 minutes      all that came
 *     younger than a day           the first of each minute
 *     up to history.keep           the first of each hour
 */
#ifndef HISTORY_H
#define HISTORY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "database.h" /* DATABASE_WHY_SIZE */

/* Frames of one reply, and bytes of their text: a client asks again for what is more. */
enum { HISTORY_FRAMES = 1000, HISTORY_BYTES = 4 << 20 };

struct history;

/* Nothing is opened before it is needed. */
struct history *history_new(const char *path);
void history_destroy(struct history **history);

/* All false with `why` (DATABASE_WHY_SIZE). A file that is damaged, or is something else,
 * is renamed FILE.bad, and a new one begun. */

/* Adds a frame, the text of a JSON object of `size` bytes; from history_begin() to
 * history_end() many of them make one transaction. */
bool history_begin(struct history *history, char *why);
bool history_add(struct history *history, const char *topic, double time_s,
                 const char *text, size_t size, char *why);
bool history_end(struct history *history, char *why);

/* Drops what is older than keep_s, and thins the rest. */
bool history_thin(struct history *history, double now_s, double keep_s, char *why);

/* The frames of a topic from since_s on, oldest first, as {"history": […], "more": bool};
 * NULL on an error. */
json_t *history_list(struct history *history, const char *topic, double since_s,
                     char *why);
/* The newest frame that is not younger than at_s; *frame NULL: there is none. */
bool history_find(struct history *history, const char *topic, double at_s, json_t **frame,
                  char *why);

#endif
