/* SPDX-License-Identifier: MIT
 *
 * Where points go: the feed of a stream, as the daemon describes it. */
#ifndef TARGET_H
#define TARGET_H

#include <jansson.h>
#include <stdbool.h>

#include "format.h"
#include "layout.h"
#include "tool.h"

enum target_topic { TARGET_NO_TOPIC, TARGET_TOPIC_FRAME, TARGET_TOPIC_SPACE };

struct target {
    char *stream; /* name; NULL: nobody was asked */
    char *endpoint;
    bool binds;                  /* mixfeed binds, since the daemon connects */
    bool is_sub;                 /* the daemon subscribes; else it pulls */
    bool is_reliable;            /* or neither: tools/delivery.h */
    enum target_topic topic;     /* where its messages have the topic */
    const struct format *format; /* of the messages */
    bool takes_lines;            /* JSON lines as well: its feed.format is auto */
    struct layout *layout;       /* the columns of a row */
    char *time;                  /* name of the time column; NULL: none */
    bool key_is_topic;           /* the topic of a message selects the model */
    bool keeps_missing;          /* the stream takes missing values */
};

/* Reads the reply to `streams`. name NULL: the only stream there is. False and the
 * failure on an error (EX_NOINPUT: no such stream). */
bool target_read(struct target *target, json_t *reply, const char *name,
                 struct failure *failure);

/* Without a daemon: rows of these fields, called x0, x1, … where fields is NULL. */
bool target_make(struct target *target, const char *const *fields, size_t n_fields,
                 struct failure *failure);

void target_clear(struct target *target);

#endif
