/* SPDX-License-Identifier: MIT
 *
 * What of a stream's configuration its state depends on: kept with the state, so that a
 * start with another model is refused with both values. */
#ifndef IMPRINT_H
#define IMPRINT_H

#include <stdbool.h>
#include <stddef.h>

#include "config.h"

/* A JSON object by key of the configuration, on one line. Owned by the caller. */
char *imprint_write(const struct stream_config *config);

/* False and `why` ("streams.NAME.KEY: the state has …, the configuration …") when the
 * configuration is not that of the imprint; *is_readable says whether it is one. */
bool imprint_agrees(const char *text, size_t length, const struct stream_config *config,
                    bool *is_readable, char *why, size_t size);

#endif
