/* SPDX-License-Identifier: MIT
 *
 * What no single row of the table can say: keys that are needed, that exclude each
 * other or need each other, and values that must fit together. */
#ifndef CONFIG_CHECK_H
#define CONFIG_CHECK_H

#include "config.h"
#include "config_value.h"

/* Checks a configuration that was read whole, and fills in what follows from other
 * values: layouts, the default state and control endpoint. */
void config_check(struct config *config, const char *state_override, const char *folder,
                  struct endpoint_entries *endpoints, struct findings *findings);

/* The part of it for one stream, and for the model of a stream that has its layout. */
void config_check_stream(struct stream_config *stream, struct findings *findings);
void config_check_model(struct stream_config *stream, struct findings *findings);

/* Where the value of a key of the stream stands; line 0 if it was not given. */
struct place config_place(const struct stream_config *stream, const char *path);
bool config_is_given(const struct stream_config *stream, const char *path);

/* Room for an excerpt of the file in a message. */
#define EXCERPT_SIZE 64
/* The start of text, without control characters; returns out. */
const char *config_excerpt(char out[EXCERPT_SIZE], const char *text);

#endif
