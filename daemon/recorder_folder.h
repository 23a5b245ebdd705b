/* SPDX-License-Identifier: MIT
 *
 * The folder of a recording at a start: cut to what the state knows, or cleared for a
 * new recording. Nothing is deleted. */
#ifndef RECORDER_FOLDER_H
#define RECORDER_FOLDER_H

#include <stdint.h>

#include "recording.h"

/* Moves what the files have past *rows to files beside them, NNNNNN.npy.tail; *rows gets
 * fewer where the files have fewer. NULL, or the step that failed, with errno. */
const char *recorder_folder_cut(const char *folder, const struct recording *about,
                                uint64_t *rows);

/* Moves a recording that is there to FOLDER/old-N, as it is. The same. */
const char *recorder_folder_set_aside(const char *folder);

#endif
