/* SPDX-License-Identifier: MIT
 *
 * Topics of published frames: KIND/NAME or KIND/NAME/KEY, bytes of the key outside
 * [A-Za-z0-9._~-] as %XX. */
#ifndef TOPIC_H
#define TOPIC_H

#include <stddef.h>

/* "model/", a name of 64, a key of 255 bytes escaped, and the end. */
#define TOPIC_SIZE 1024

/* kind is "model", "score" or "event"; key may be NULL. Always ends with a zero. */
void topic_write(char topic[TOPIC_SIZE], const char *kind, const char *stream,
                 const char *key);

#endif
