/* SPDX-License-Identifier: MIT
 *
 * ncurses, in as few calls as will do. */
#include "autoconf.h"

#include "screen.h"

#ifdef HAVE_NCURSES

#include <langinfo.h>
#include <locale.h>
#include <ncurses.h>
#include <string.h>
#include <unistd.h>

bool screen_open(void)
{
    /* Only the characters: numbers keep their decimal points. */
    setlocale(LC_CTYPE, "");
    if (isatty(STDIN_FILENO) != 1 || isatty(STDOUT_FILENO) != 1 ||
        newterm(NULL, stdout, stdin) == NULL) {
        return false;
    }
    cbreak();
    noecho();
    curs_set(0);
    nodelay(stdscr, TRUE);
    keypad(stdscr, TRUE);
    return true;
}

void screen_close(void)
{
    endwin();
}

size_t screen_width(void)
{
    return (size_t)COLS;
}

bool screen_has_blocks(void)
{
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

/* The bytes of at most `columns` characters: those that begin one are counted. */
static int bytes_of_columns(const char *line, size_t length, int columns)
{
    int shown = 0;
    size_t i = 0;
    for (; i < length; i++) {
        const bool is_start = ((unsigned char)line[i] & 0xC0) != 0x80;
        if (is_start && shown++ == columns) {
            break;
        }
    }
    return (int)i;
}

void screen_draw(const char *text)
{
    erase();
    for (int y = 0; *text != '\0' && y < LINES; y++) {
        const size_t length = strcspn(text, "\n");
        attrset(y == 0 ? A_REVERSE : A_NORMAL);
        mvaddnstr(y, 0, text, bytes_of_columns(text, length, COLS - 1));
        text += length + (text[length] == '\n');
    }
    attrset(A_NORMAL);
    refresh();
}

bool screen_wants_quit(void)
{
    bool quits = false;
    for (int key = getch(); key != ERR; key = getch()) {
        quits |= key == 'q' || key == 'Q';
    }
    return quits;
}

#else

bool screen_open(void)
{
    return false;
}

void screen_close(void)
{
}

size_t screen_width(void)
{
    return 0;
}

bool screen_has_blocks(void)
{
    return false;
}

void screen_draw(const char *text)
{
    (void)text;
}

bool screen_wants_quit(void)
{
    return false;
}

#endif
