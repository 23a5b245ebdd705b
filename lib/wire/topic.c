/* SPDX-License-Identifier: MIT
 *
 * Topics and the escaping of keys. */
#include "topic.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* RFC 3986 section 2.3, by value: isalnum() would ask the locale. */
static bool is_unreserved(unsigned char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("._~-", c) != NULL);
}

void topic_write(char topic[TOPIC_SIZE], const char *kind, const char *stream,
                 const char *key)
{
    static const char hex[] = "0123456789ABCDEF";
    const int prefix =
        snprintf(topic, TOPIC_SIZE, "%s/%s%s", kind, stream, key == NULL ? "" : "/");
    if (key == NULL || prefix < 0 || prefix >= TOPIC_SIZE) {
        return;
    }
    size_t at = (size_t)prefix;
    for (; *key != '\0' && at + 4 <= TOPIC_SIZE; key++) {
        const unsigned char c = (unsigned char)*key;
        if (is_unreserved(c)) {
            topic[at++] = (char)c;
        } else {
            topic[at++] = '%';
            topic[at++] = hex[c >> 4];
            topic[at++] = hex[c & 15];
        }
    }
    topic[at] = '\0';
}
