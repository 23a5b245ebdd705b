/* SPDX-License-Identifier: MIT
 *
 * The commands of the control socket, one row each: name, where it is answered, which
 * arguments it takes, who answers, help. commands.c has the table; a test loops over
 * it. Adding a command is one row and its function. */
#ifndef COMMANDS_H
#define COMMANDS_H

#include <stdbool.h>
#include <stddef.h>

#include "answer.h"
#include "here.h"
#include "request.h"

enum argument_type {
    ARGUMENT_TEXT,   /* a string */
    ARGUMENT_COUNT,  /* a whole number, 0 to 2^53 */
    ARGUMENT_SOME,   /* a whole number, 1 to 2^53 */
    ARGUMENT_NUMBER, /* any number */
    ARGUMENT_POSITIVE,
    ARGUMENT_SECONDS, /* a number, 0 to a day */
    ARGUMENT_POINT,   /* an array; the stream checks its entries */
    ARGUMENT_NAMES,   /* the same, of strings */
};

struct argument {
    const char *name;
    enum argument_type type;
    bool is_required; /* else it may be absent or null */
};
#define COMMAND_ARGUMENTS 7

enum command_place {
    COMMAND_HERE,       /* the main thread answers */
    COMMAND_STREAM,     /* the worker of the stream that is named answers */
    COMMAND_RELOAD,     /* the main thread answers when the reload is through */
    COMMAND_CHECKPOINT, /* the state actor answers after the next checkpoint */
    COMMAND_HISTORY,    /* the actor of the history answers */
    COMMAND_EVERY,      /* all workers answer, the main thread adds what it knows */
};

struct command {
    const char *name;
    enum command_place place;
    struct argument arguments[COMMAND_ARGUMENTS]; /* beside `command` */
    answer_fn *ask;   /* COMMAND_STREAM, COMMAND_EVERY; NULL: none */
    here_fn *here;    /* the main thread's part; NULL: none */
    double timeout_s; /* how long it waits when the request does not say */
    const char *help;
};

/* The row of that name, or NULL. */
const struct command *command_find(const char *name);
/* The rows, ended by one without a name. */
const struct command *command_table(void);

/* Largest body of a request, bytes. */
#define COMMAND_SIZE_MAX 65536

/* Reads the body of a request into `command` and `arguments`, or makes it fail. */
void command_read(struct request *request, const char *text, size_t size);

#endif
