/* SPDX-License-Identifier: MIT
 *
 * The two state files of a folder and the name of the instance they belong to, and which
 * of them a start goes on from. */
#ifndef PAIR_H
#define PAIR_H

#include <stdbool.h>
#include <stddef.h>

#include "fault.h"
#include "items.h"
#include "schema.h"
#include "statehead.h"

struct pair {
    char *path[2];            /* FOLDER/state.0, FOLDER/state.1 */
    char *instance_path;      /* FOLDER/instance: tells that there was a state */
    struct statehead head[2]; /* as we read or wrote them; generation 0: not known */
    char instance[STATEHEAD_INSTANCE_SIZE];
};

void pair_init(struct pair *pair, const char *folder);
void pair_clear(struct pair *pair);

/* The newest state that is whole and accepted, or an empty one where there never was a
 * state. A file that does not load is renamed if the other one does. On an error NULL
 * and a fault, and nothing was touched. */
struct items *pair_load(struct pair *pair, const struct store_schema *schema,
                        struct fault *fault);

/* Renames both files, whatever they hold, and takes another instance. */
bool pair_start_afresh(struct pair *pair, struct fault *fault);

/* Renames file i and its journal to FILE.WORD-GENERATION, never over something. Logs
 * what it did; false: it could not, *problem tells why. */
bool pair_set_aside(struct pair *pair, size_t i, const char *word, const char *why,
                    const char **problem);

/* Writes the instance file unless it is there. NULL, or the step that failed, with
 * errno. */
const char *pair_keep_instance(const struct pair *pair);

/* Of the newer of the two, or 0; and of the older one. */
uint64_t pair_newest(const struct pair *pair);
uint64_t pair_oldest(const struct pair *pair);

#endif
