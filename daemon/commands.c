/* SPDX-License-Identifier: MIT
 *
 * The table of commands and the reader of requests. */
#include "commands.h"

#include <math.h>
#include <string.h>

#include "listing.h"

/* clang-format off */
#define STREAM {"stream", ARGUMENT_TEXT, true}
#define KEY {"key", ARGUMENT_TEXT, false}
#define TIMEOUT {"timeout", ARGUMENT_SECONDS, false}

static const struct command commands[] = {
    {"status", COMMAND_EVERY, {{0}}, listing_status, here_status, 0,
     "version, uptime, endpoints as bound, every stream with state, rate and ledger"},
    {"streams", COMMAND_EVERY, {{0}}, listing_streams, NULL, 0,
     "feed, columns, fields and keys of every stream"},
    {"model", COMMAND_STREAM, {STREAM, KEY}, answer_model, NULL, 0, "the current model"},
    {"score", COMMAND_STREAM, {STREAM, KEY, {"point", ARGUMENT_POINT, true}}, answer_score,
     NULL, 0, "log density, responsibilities and tail of a point"},
    {"sample", COMMAND_STREAM,
     {STREAM, KEY, {"n", ARGUMENT_SOME, true}, {"seed", ARGUMENT_COUNT, false}},
     answer_sample, NULL, 0, "points drawn from the model"},
    {"conditional", COMMAND_STREAM, {STREAM, KEY, {"point", ARGUMENT_POINT, true}},
     answer_conditional, NULL, 0, "the fields that are null in a point, given the others"},
    {"marginal", COMMAND_STREAM, {STREAM, KEY, {"fields", ARGUMENT_NAMES, true}},
     answer_marginal, NULL, 0, "the mixture of some fields, whatever the others"},
    {"moments", COMMAND_STREAM, {STREAM, KEY}, answer_moments, NULL, 0,
     "mean and covariance of the whole mixture"},
    {"wait", COMMAND_STREAM,
     {STREAM, KEY, {"points", ARGUMENT_COUNT, false}, {"updates", ARGUMENT_COUNT, false},
      {"log_likelihood", ARGUMENT_NUMBER, false}, {"error", ARGUMENT_POSITIVE, false},
      TIMEOUT},
     answer_wait, NULL, 60, "the model, once it is as far as asked for"},
    {"drain", COMMAND_STREAM,
     {STREAM, KEY, {"sent", ARGUMENT_COUNT, true}, {"since", ARGUMENT_COUNT, false},
      TIMEOUT},
     answer_drain, NULL, 10, "the ledger, once `sent` points were received since `since`"},
    {"rejects", COMMAND_STREAM, {STREAM}, answer_rejects, NULL, 0,
     "the dead letters: time, reason, first bytes"},
    {"history", COMMAND_HISTORY,
     {STREAM, KEY, {"since", ARGUMENT_NUMBER, false}, {"at", ARGUMENT_NUMBER, false}},
     NULL, NULL, 0, "past models since a time, or the one of a time"},
    {"sources", COMMAND_STREAM, {STREAM, {"source", ARGUMENT_TEXT, false}}, answer_sources,
     NULL, 0, "sources of a reliable feed: what is safe, durable and applied of each"},
    {"forget-source", COMMAND_STREAM, {STREAM, {"source", ARGUMENT_TEXT, true}},
     answer_forget_source, NULL, 0, "let a source begin anew, wherever it likes"},
    {"freeze", COMMAND_STREAM, {STREAM, KEY}, answer_freeze, NULL, 0,
     "score points, but learn nothing from them"},
    {"thaw", COMMAND_STREAM, {STREAM, KEY}, answer_thaw, NULL, 0, "learn again"},
    {"reset", COMMAND_STREAM, {STREAM, KEY}, answer_reset, NULL, 0,
     "forget the model, keep the ledger"},
    {"config", COMMAND_HERE, {{0}}, NULL, here_config, 0,
     "every configuration key with its effective value"},
    {"reload", COMMAND_RELOAD, {{0}}, NULL, NULL, 0,
     "read the configuration again: all of it, or nothing"},
    {"checkpoint", COMMAND_CHECKPOINT, {{0}}, NULL, NULL, 0,
     "make everything durable that was learned until now"},
    {"backup", COMMAND_CHECKPOINT, {{"file", ARGUMENT_TEXT, true}}, NULL, NULL, 0,
     "write the whole state to a new file"},
    {"version", COMMAND_HERE, {{0}}, NULL, here_version, 0, "the version"},
    {"stop", COMMAND_HERE, {{0}}, NULL, here_stop, 0, "stop the daemon in order"},
    {0},
};
/* clang-format on */

const struct command *command_table(void)
{
    return commands;
}

const struct command *command_find(const char *name)
{
    for (const struct command *row = commands; row->name != NULL; row++) {
        if (strcmp(row->name, name) == 0) {
            return row;
        }
    }
    return NULL;
}

static const struct argument *find_argument(const struct command *command,
                                            const char *name)
{
    for (size_t i = 0; i < COMMAND_ARGUMENTS && command->arguments[i].name != NULL; i++) {
        if (strcmp(command->arguments[i].name, name) == 0) {
            return &command->arguments[i];
        }
    }
    return NULL;
}

static bool is_between(const json_t *value, double low, double high)
{
    return json_is_number(value) && json_number_value(value) >= low &&
           json_number_value(value) <= high;
}

/* From there to 2^53, which doubles still count exactly. */
static bool is_whole(const json_t *value, json_int_t low)
{
    const json_int_t high = (json_int_t)1 << 53;
    if (json_is_real(value)) { /* 10.0 and 1e3 are whole numbers, too */
        const double real = json_real_value(value);
        return real >= (double)low && real <= (double)high && real == floor(real);
    }
    return json_is_integer(value) && json_integer_value(value) >= low &&
           json_integer_value(value) <= high;
}

/* What the value should be, or NULL when it is. */
static const char *type_problem(enum argument_type type, const json_t *value)
{
    const double day_s = 86400;
    switch (type) {
    case ARGUMENT_TEXT:
        return json_is_string(value) ? NULL : "a string";
    case ARGUMENT_COUNT:
        return is_whole(value, 0) ? NULL : "a whole number from 0";
    case ARGUMENT_SOME:
        return is_whole(value, 1) ? NULL : "a whole number from 1";
    case ARGUMENT_NUMBER:
        return json_is_number(value) ? NULL : "a number";
    case ARGUMENT_POSITIVE:
        return json_is_number(value) && json_number_value(value) > 0 ? NULL
                                                                     : "a number above 0";
    case ARGUMENT_SECONDS:
        return is_between(value, 0, day_s) ? NULL : "seconds from 0 to 86400";
    case ARGUMENT_POINT:
        return json_is_array(value) ? NULL : "an array of numbers";
    case ARGUMENT_NAMES:
        return json_is_array(value) ? NULL : "an array of names";
    }
    return "of a known type";
}

/* Every member must be an argument of the command, with a value of its type. */
static void check_members(struct request *request)
{
    const struct command *command = request->command;
    const char *name;
    json_t *value;
    json_object_foreach(request->arguments, name, value)
    {
        if (strcmp(name, "command") == 0) {
            continue;
        }
        const struct argument *argument = find_argument(command, name);
        if (argument == NULL) {
            request_fail(request, CODE_ARGUMENT, "%s: %s takes no such argument", name,
                         command->name);
            return;
        }
        const char *problem = json_is_null(value) && !argument->is_required
                                  ? NULL
                                  : type_problem(argument->type, value);
        if (problem != NULL) {
            request_fail(request, CODE_ARGUMENT, "%s: must be %s", name, problem);
            return;
        }
    }
}

static void check_required(struct request *request)
{
    const struct argument *arguments = request->command->arguments;
    for (size_t i = 0; i < COMMAND_ARGUMENTS && arguments[i].name != NULL; i++) {
        if (arguments[i].is_required &&
            json_object_get(request->arguments, arguments[i].name) == NULL) {
            request_fail(request, CODE_ARGUMENT, "%s: missing: %s needs it",
                         arguments[i].name, request->command->name);
            return;
        }
    }
}

void command_read(struct request *request, const char *text, size_t size)
{
    if (size > COMMAND_SIZE_MAX) {
        request_fail(request, CODE_REFUSED, "a request of %zu bytes: at most %d", size,
                     COMMAND_SIZE_MAX);
        return;
    }
    json_error_t error;
    request->arguments = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    if (request->arguments == NULL) {
        request_fail(request, CODE_ARGUMENT, "not JSON: line %d column %d: %s",
                     error.line, error.column, error.text);
        return;
    }
    const char *name = json_string_value(json_object_get(request->arguments, "command"));
    if (name == NULL) {
        request_fail(
            request, CODE_ARGUMENT,
            "command: missing: a request is an object like {\"command\": \"status\"}");
        return;
    }
    request->command = command_find(name);
    if (request->command == NULL) {
        request_fail(request, CODE_UNKNOWN_COMMAND, "unknown command \"%s\"", name);
        return;
    }
    check_members(request);
    check_required(request);
}
