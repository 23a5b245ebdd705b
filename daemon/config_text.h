/* SPDX-License-Identifier: MIT
 *
 * Texts of the configuration: how they are printed, and lists of them. */
#ifndef CONFIG_TEXT_H
#define CONFIG_TEXT_H

#include <stdbool.h>
#include <stdio.h>

struct strings;

/* Prints a text as YAML: plain where every reader takes it for a text, else quoted. */
void text_print(const char *text, FILE *out);
/* Appends a text, which is copied. */
void strings_add(struct strings *strings, const char *text);
/* What `to` held is released. */
void strings_copy(struct strings *to, const struct strings *from);
void strings_clear(struct strings *strings);
bool strings_have(const struct strings *strings, const char *text);
/* Prints them as a YAML list. False, and nothing printed, if there are none. */
bool strings_print(const struct strings *strings, FILE *out);
/* A path made absolute: as it is, or in the folder. Owned by the caller. */
char *path_in_folder(const char *folder, const char *path);

#endif
