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

#endif
