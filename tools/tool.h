/* SPDX-License-Identifier: MIT
 *
 * What every tool does first and last, and how it says what went wrong. */
#ifndef TOOL_H
#define TOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <sysexits.h>

/* An exit code of sysexits.h, or EX_BUSY, with one line for people. */
struct failure {
    int code;        /* 0: nothing went wrong */
    char text[1024]; /* "place: what is wrong: what would be right" */
};

/* In use, not ready, or out of time; sysexits.h calls 75 EX_TEMPFAIL. */
#define EX_BUSY EX_TEMPFAIL

/* What --version says. The C library looks for the variable, so it must be visible. */
#define TOOL_VERSION(name)                                                               \
    __attribute__((visibility("default"))) const char *argp_program_version =            \
        name " (mixd) " PACKAGE_VERSION

/* Ends the parsing of the command line with one line, "program: text", and EX_USAGE. */
#define tool_usage(state, ...) argp_failure((state), EX_USAGE, 0, __VA_ARGS__)

/* Before anything else: a closed pipe on standard output ends the program with 0, and
 * messages begin with the name of the program alone. */
void tool_start(char **argv);

/* The last thing: writes standard output out and returns the exit code, EX_IOERR if
 * that failed after an otherwise good run. */
int tool_end(int code);

/* Fills a failure and returns its code, so that callers can `return failure_set(…)`. */
int failure_set(struct failure *failure, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Prints "program: text" to standard error and returns the code. */
int failure_print(const struct failure *failure);

/* Returns p, which came from an allocation; ends the program when it is NULL. */
void *tool_need(void *p) __attribute__((returns_nonnull));

/* printf into new memory, to be freed. */
char *tool_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Seconds of a clock that nobody sets, from an arbitrary start. */
double tool_clock(void);

/* Parses the command line into input, which is not NULL; without memory it ends the
 * program. */
struct argp;
void tool_parse(const struct argp *argp, int argc, char **argv, void *input);

/* Reads all of text as a number. False if it is none, not finite or outside the range. */
bool tool_read(const char *text, double low, double high, double *value)
    __attribute__((warn_unused_result));

/* Largest count that a JSON number holds exactly: 2^53. */
#define TOOL_COUNT_MAX 9007199254740992.0

/* An option whose argument is a number: a row of a tool's table. */
struct tool_number {
    int key;          /* of the option */
    const char *name; /* "--option", for errors */
    size_t offset;    /* of the double in the input of the parser */
    double low, high; /* range, both ends included */
    bool is_whole;
};

/* Reads the argument of an option of the table; a usage error if it is not as its row
 * says. False if the option is not there. */
struct argp_state;
bool tool_parse_number(const struct tool_number *table, size_t n, int key,
                       const char *argument, struct argp_state *state);

#endif
