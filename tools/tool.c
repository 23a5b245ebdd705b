/* SPDX-License-Identifier: MIT
 *
 * First and last steps of every tool. */
#include "autoconf.h" /* for the GNU functions: before every system header */

#include "tool.h"

#include <argp.h>
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* `mixwatch | head -3` is a good end of the program, whatever it was writing. */
static void leave_quietly(int signal_number)
{
    (void)signal_number;
    _exit(EX_OK);
}

void tool_start(char **argv)
{
    if (argv[0] != NULL) { /* getopt prints it */
        argv[0] = program_invocation_short_name;
    }
    struct sigaction action = {.sa_handler = leave_quietly};
    sigemptyset(&action.sa_mask);
    sigaction(SIGPIPE, &action, NULL);
    argp_err_exit_status = EX_USAGE;
}

int tool_end(int code)
{
    if (fflush(stdout) == 0 && ferror(stdout) == 0) {
        return code;
    }
    if (errno != EBADF) { /* closed before the start: nobody wants the output */
        fprintf(stderr, "%s: standard output: %s\n", program_invocation_short_name,
                strerror(errno));
        return code == EX_OK ? EX_IOERR : code;
    }
    return code;
}

int failure_set(struct failure *failure, int code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(failure->text, sizeof(failure->text), format, arguments);
    va_end(arguments);
    failure->code = code;
    return code;
}

int failure_print(const struct failure *failure)
{
    fflush(stdout);
    fprintf(stderr, "%s: %s\n", program_invocation_short_name, failure->text);
    return failure->code;
}

void *tool_need(void *p)
{
    if (p == NULL) {
        fprintf(stderr, "%s: out of memory\n", program_invocation_short_name);
        exit(EX_OSERR);
    }
    return p;
}

void tool_parse(const struct argp *argp, int argc, char **argv, void *input)
{
    /* Every other error ends the program where it is found. */
    const int error = argp_parse(argp, argc, argv, 0, NULL, input);
    tool_need(error == 0 ? input : NULL);
}

char *tool_text(const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    const int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    return tool_need(length == -1 ? NULL : text);
}

double tool_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

bool tool_read(const char *text, double low, double high, double *value)
{
    char *end;
    const double number = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(number) || number < low ||
        number > high) {
        return false;
    }
    *value = number;
    return true;
}

bool tool_parse_number(const struct tool_number *table, size_t n, int key,
                       const char *argument, struct argp_state *state)
{
    for (size_t i = 0; i < n; i++) {
        if (table[i].key == key) {
            char *member = (char *)state->input + table[i].offset;
            double *value = (double *)(void *)member;
            if (!tool_read(argument, table[i].low, table[i].high, value) ||
                (table[i].is_whole && *value != floor(*value))) {
                tool_usage(state, "%s: %s: not a %s from %.16g to %.16g", table[i].name,
                           argument, table[i].is_whole ? "whole number" : "number",
                           table[i].low, table[i].high);
            }
            return true;
        }
    }
    return false;
}
