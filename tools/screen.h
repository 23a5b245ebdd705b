/* SPDX-License-Identifier: MIT
 *
 * The terminal as a page of text that is drawn anew. */
#ifndef SCREEN_H
#define SCREEN_H

#include <stdbool.h>
#include <stddef.h>

/* Takes the terminal over; false when it cannot (or mixd was built without ncurses). */
bool screen_open(void);
void screen_close(void);

/* Columns of the terminal, and whether it shows UTF-8. */
size_t screen_width(void);
bool screen_has_blocks(void);

/* Shows text from the upper left corner, as much as fits; its first line stands out. */
void screen_draw(const char *text);

/* Reads the keys that were pressed; true when one of them asks to quit. */
bool screen_wants_quit(void);

#endif
