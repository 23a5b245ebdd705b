/* SPDX-License-Identifier: MIT
 *
 * mixctl: one command to a running daemon. Commands and their arguments are rows of two
 * tables; an argument is a member of the request of the same name. */
#include "autoconf.h"

#include <argp.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "frame.h"
#include "isotime.h"
#include "report.h"

TOOL_VERSION("mixctl");

/* ---- Tables -------------------------------------------------------------- */

enum argument_type { COUNT, REAL, TIME };

static const struct argument {
    const char *name; /* of the option; of the member with _ for - */
    const char *placeholder;
    enum argument_type type;
    const char *help;
    const char *standard; /* what is sent where it is not given; NULL: nothing */
} arguments[] = {
    {"points", "N", COUNT, "wait: until so many points are learned", NULL},
    {"updates", "N", COUNT, "wait: until so many updates are made", NULL},
    {"log-likelihood", "NATS", REAL, "wait: until it is at least this", NULL},
    {"error", "SD", REAL, "wait: until no mean's standard error is larger", NULL},
    {"timeout", "S", REAL, "wait, drain: give up after so many seconds", NULL},
    {"sent", "N", COUNT, "drain: until so many points are accounted for", NULL},
    {"since", "N|TIME", TIME,
     "drain: counted from this ledger.received (0); history: from that time on", NULL},
    {"at", "TIME", TIME, "history: the model of that time, as a model file", NULL},
    {"n", "N", COUNT, "sample: how many points (1)", "1"},
    {"seed", "N", COUNT, "sample: seed of the draw (1)", NULL},
};
#define N_ARGUMENTS (sizeof(arguments) / sizeof(arguments[0]))

/* Positional arguments. */
enum form {
    NOTHING,
    STREAM,
    STREAM_AND_POINT,
    STREAM_AND_FIELDS,
    NEW_FILE,
    SOME_SOURCE,
    ONE_SOURCE
};

static const struct command {
    const char *name;
    enum form form;
    const char *takes; /* names of the arguments it takes, each between blanks */
    report_fn *print;
    const char *help;
} commands[] = {
    {"status", NOTHING, "", report_status, "version, uptime, endpoints, every stream"},
    {"streams", NOTHING, "", report_streams, "feeds, columns and fields"},
    {"model", STREAM, "", report_model, "the current model as a model file"},
    {"score", STREAM_AND_POINT, "", report_score, "log density of a point"},
    {"conditional", STREAM_AND_POINT, "", report_conditional,
     "what is null in a point, given the rest"},
    {"marginal", STREAM_AND_FIELDS, "", report_model, "the model of some fields"},
    {"moments", STREAM, "", report_moments, "mean and covariance of the mixture"},
    {"sample", STREAM, " n seed ", report_sample, "points drawn from the model"},
    {"wait", STREAM, " points updates log-likelihood error timeout ", report_wait,
     "until the model has come so far"},
    {"drain", STREAM, " sent since timeout ", report_ledger,
     "until all that was sent is accounted for"},
    {"rejects", STREAM, "", report_rejects, "the points and messages rejected last"},
    {"history", STREAM, " since at ", report_history,
     "past models, or the one of a time"},
    {"sources", SOME_SOURCE, "", report_sources, "how far each reliable source got"},
    {"forget-source", ONE_SOURCE, "", report_forgotten, "let a source begin anew"},
    {"freeze", STREAM, "", report_state, "score, do not learn"},
    {"thaw", STREAM, "", report_state, "learn again"},
    {"reset", STREAM, "", report_state, "forget the model, keep the ledger"},
    {"checkpoint", NOTHING, "", report_checkpoint, "make durable what was learned"},
    {"backup", NEW_FILE, "", report_backup, "the whole state as a new file"},
    {"config", NOTHING, "", report_config, "every key with its value"},
    {"reload", NOTHING, "", report_reload, "read the configuration again"},
    {"version", NOTHING, "", report_version, "version of the daemon"},
    {"stop", NOTHING, "", report_done, "publish a last frame and leave"},
};
#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

/* ---- Command line -------------------------------------------------------- */

struct invocation {
    struct place place;
    bool is_json;
    const struct command *command;
    const char *stream;             /* NAME or NAME/KEY */
    const char *given[N_ARGUMENTS]; /* values; NULL where not given */
    const char *file;               /* a new one, for the daemon */
    size_t n_point;
    char **point; /* words: numbers, or names of fields */
    const char *source;
};

enum { OPTION_JSON = 0x2000, OPTION_ARGUMENT = 0x3000 };

static const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < N_COMMANDS; i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}

static bool command_takes(const struct command *command, const char *argument)
{
    char *word = tool_text(" %s ", argument);
    const bool takes = strstr(command->takes, word) != NULL;
    free(word);
    return takes;
}

/* Any number of words after the stream. */
static bool takes_words(const struct command *command)
{
    return command->form == STREAM_AND_POINT || command->form == STREAM_AND_FIELDS;
}

static error_t parse_word(struct argp_state *state, char *word)
{
    struct invocation *invocation = state->input;
    if (state->arg_num == 0) {
        invocation->command = command_find(word);
        if (invocation->command == NULL) {
            tool_usage(state, "%s: no such command: mixctl --help lists them", word);
        }
    } else if (state->arg_num == 1 && invocation->command->form == NEW_FILE) {
        invocation->file = word;
    } else if (state->arg_num == 1 && invocation->command->form != NOTHING) {
        invocation->stream = word;
    } else if (state->arg_num == 2 && (invocation->command->form == SOME_SOURCE ||
                                       invocation->command->form == ONE_SOURCE)) {
        invocation->source = word;
    } else if (takes_words(invocation->command)) {
        invocation->point[invocation->n_point++] = word;
    } else {
        tool_usage(state, "%s: %s: one word too many", invocation->command->name, word);
    }
    return 0;
}

static void check_complete(struct argp_state *state)
{
    const struct invocation *invocation = state->input;
    const struct command *command = invocation->command;
    if (command == NULL) {
        tool_usage(state, "no command: mixctl --help lists them");
        return;
    }
    if (command->form == NEW_FILE && invocation->file == NULL) {
        tool_usage(state, "%s: no file: mixctl %s FILE", command->name, command->name);
    }
    if (command->form != NOTHING && command->form != NEW_FILE &&
        invocation->stream == NULL) {
        tool_usage(state, "%s: no stream: mixctl %s STREAM", command->name,
                   command->name);
    }
    if (takes_words(command) && invocation->n_point == 0) {
        const bool is_point = command->form == STREAM_AND_POINT;
        tool_usage(state, "%s: no %s: mixctl %s STREAM %s...", command->name,
                   is_point ? "point" : "field", command->name, is_point ? "X" : "FIELD");
    }
    if (command->form == ONE_SOURCE && invocation->source == NULL) {
        tool_usage(state, "%s: no source: mixctl %s STREAM SOURCE", command->name,
                   command->name);
    }
    for (size_t i = 0; i < N_ARGUMENTS; i++) {
        if (invocation->given[i] != NULL && !command_takes(command, arguments[i].name)) {
            tool_usage(state, "%s: --%s: not an option of this command", command->name,
                       arguments[i].name);
        }
    }
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct invocation *invocation = state->input;
    if (key >= OPTION_ARGUMENT && key < OPTION_ARGUMENT + (int)N_ARGUMENTS) {
        invocation->given[key - OPTION_ARGUMENT] = argument;
        return 0;
    }
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &invocation->place;
        return 0;
    case OPTION_JSON:
        invocation->is_json = true;
        return 0;
    case ARGP_KEY_ARG:
        return parse_word(state, argument);
    case ARGP_KEY_END:
        check_complete(state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* The command table as the last part of --help. */
static char *commands_text(void)
{
    char *help = NULL;
    size_t size = 0;
    FILE *out = tool_need(open_memstream(&help, &size));
    fprintf(out, "Commands:\n");
    for (size_t i = 0; i < N_COMMANDS; i++) {
        static const char *const forms[] = {
            "",      " STREAM",          " STREAM X...",  " STREAM FIELD...",
            " FILE", " STREAM [SOURCE]", " STREAM SOURCE"};
        fprintf(out, "  %-13s%-17s  %s\n", commands[i].name, forms[commands[i].form],
                commands[i].help);
    }
    fprintf(out, "\nSTREAM is NAME, or NAME/KEY for one model of a keyed stream.\n");
    fclose(out);
    return help;
}

/* argp frees what differs from the text it gave; the type of its prototype says less. */
static char *help_filter(int key, const char *text, void *input)
{
    (void)input;
    union {
        const char *given;
        char *returned;
    } unchanged = {text};
    return key == ARGP_KEY_HELP_POST_DOC ? commands_text() : unchanged.returned;
}

static void invocation_read(struct invocation *invocation, int argc, char **argv)
{
    struct argp_option options[N_ARGUMENTS + 2] = {
        {"json", OPTION_JSON, NULL, 0, "Print the reply as the daemon sent it", 0},
    };
    for (size_t i = 0; i < N_ARGUMENTS; i++) {
        options[i + 1] = (struct argp_option){
            .name = arguments[i].name,
            .key = OPTION_ARGUMENT + (int)i,
            .arg = arguments[i].placeholder,
            .doc = arguments[i].help,
            .group = 1,
        };
    }
    const struct argp_child children[] = {{&client_argp, 0, NULL, 0}, {0}};
    const struct argp argp = {
        .options = options,
        .parser = parse,
        .args_doc = "COMMAND [STREAM] [X…]",
        .doc = "Sends one command to a running mixd and prints the reply.\v",
        .children = children,
        .help_filter = help_filter,
    };
    invocation->point = tool_need(calloc((size_t)argc, sizeof(char *)));
    tool_parse(&argp, argc, argv, invocation);
}

/* `mixctl score s -1 -2`: a word that begins like a negative number is no option. A
 * leading blank hides it from getopt, and strtod skips it. */
static void hide_negative_numbers(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] == '-' && argv[i][1] != '\0' &&
            strchr("0123456789.", argv[i][1]) != NULL) {
            argv[i] = tool_text(" %s", argv[i]);
        }
    }
}

/* ---- Request ------------------------------------------------------------- */

static bool add_argument(json_t *request, const struct argument *argument,
                         const char *text, struct failure *failure)
{
    static const char *const kinds[] = {"whole number from 0", "number",
                                        "number, or a time as YYYY-MM-DDTHH:MM:SSZ"};
    double value;
    const double low = argument->type == COUNT ? 0 : -1e300;
    const double high = argument->type == COUNT ? 9007199254740992.0 : 1e300;
    const bool is_read = argument->type == TIME ? isotime_read(text, strlen(text), &value)
                                                : tool_read(text, low, high, &value);
    const bool is_whole =
        is_read && fabs(value) <= TOOL_COUNT_MAX && value == (double)(json_int_t)value;
    if (!is_read || (argument->type == COUNT && !is_whole)) {
        failure_set(failure, EX_USAGE, "--%s: %s: not a %s", argument->name,
                    text + strspn(text, " "), kinds[argument->type]);
        return false;
    }
    char *member = tool_text("%s", argument->name);
    for (char *p = member; *p != '\0'; p++) {
        *p = *p == '-' ? '_' : *p;
    }
    json_object_set_new(request, member,
                        argument->type != REAL && is_whole
                            ? json_integer((json_int_t)value)
                            : json_real(value));
    free(member);
    return true;
}

static bool add_point(json_t *request, const struct invocation *invocation,
                      struct failure *failure)
{
    json_t *point = json_array();
    json_object_set_new(request, "point", point);
    for (size_t i = 0; i < invocation->n_point; i++) {
        double value;
        if (strcmp(invocation->point[i], "null") == 0) { /* the value is not known */
            json_array_append_new(point, json_null());
            continue;
        }
        if (!tool_read(invocation->point[i], -1e150, 1e150, &value)) {
            failure_set(failure, EX_USAGE,
                        "%s: %s: not a number up to 1e150, and not null",
                        invocation->command->name, invocation->point[i]);
            return false;
        }
        json_array_append_new(point, json_real(value));
    }
    return true;
}

static void add_fields(json_t *request, const struct invocation *invocation)
{
    json_t *fields = json_array();
    for (size_t i = 0; i < invocation->n_point; i++) {
        json_array_append_new(fields, json_string(invocation->point[i]));
    }
    json_object_set_new(request, "fields", fields);
}

static void add_stream(json_t *request, const char *stream)
{
    const char *slash = strchr(stream, '/');
    const size_t length = slash == NULL ? strlen(stream) : (size_t)(slash - stream);
    json_object_set_new(request, "stream", json_stringn(stream, length));
    if (slash != NULL) {
        json_object_set_new(request, "key", json_string(slash + 1));
    }
}

/* The daemon runs in a folder of its own, so the path is made absolute here. */
static bool add_file(json_t *request, const char *file, struct failure *failure)
{
    char folder[4096];
    if (file[0] != '/' && getcwd(folder, sizeof(folder)) == NULL) {
        failure_set(failure, EX_NOINPUT, "%s: the current folder: %s", file,
                    strerror(errno));
        return false;
    }
    char *path =
        file[0] == '/' ? tool_text("%s", file) : tool_text("%s/%s", folder, file);
    json_object_set_new(request, "file", json_string(path));
    free(path);
    return true;
}

/* The request of the command line; NULL and the failure if a value cannot be read. */
static json_t *request_new(const struct invocation *invocation, struct failure *failure)
{
    json_t *request = tool_need(json_pack("{s:s}", "command", invocation->command->name));
    bool is_good = true;
    if (invocation->stream != NULL) {
        add_stream(request, invocation->stream);
    }
    for (size_t i = 0; i < N_ARGUMENTS && is_good; i++) {
        const char *value = invocation->given[i];
        if (value == NULL && command_takes(invocation->command, arguments[i].name)) {
            value = arguments[i].standard;
        }
        is_good = value == NULL || add_argument(request, &arguments[i], value, failure);
    }
    if (invocation->source != NULL) {
        json_object_set_new(request, "source", json_string(invocation->source));
    }
    if (is_good && invocation->file != NULL) {
        is_good = add_file(request, invocation->file, failure);
    }
    if (is_good && invocation->command->form == STREAM_AND_POINT) {
        is_good = add_point(request, invocation, failure);
    }
    if (invocation->command->form == STREAM_AND_FIELDS) {
        add_fields(request, invocation);
    }
    if (!is_good) {
        json_decref(request);
        return NULL;
    }
    return request;
}

/* ---- Main ---------------------------------------------------------------- */

static void print_reply(const struct invocation *invocation, const json_t *reply,
                        const struct failure *failure)
{
    if (invocation->is_json) {
        char *text = tool_need(frame_text(reply));
        puts(text);
        free(text);
    } else if (failure->code == EX_OK) {
        invocation->command->print(reply, stdout);
    }
}

static int run(const struct invocation *invocation)
{
    struct failure failure = {0};
    struct client *client = NULL;
    json_t *reply = NULL;
    json_t *request = request_new(invocation, &failure);
    if (request == NULL) {
        goto out;
    }
    client = client_new(&invocation->place, &failure);
    if (client == NULL) {
        goto out;
    }
    /* wait and drain answer when they are done; that the daemon goes is noticed. */
    const bool is_long = command_takes(invocation->command, "timeout");
    reply = client_ask(client, request, is_long ? CLIENT_NO_TIMEOUT : CLIENT_TIMEOUT_S,
                       &failure);
    if (reply != NULL) {
        print_reply(invocation, reply, &failure);
    }
out:
    json_decref(reply);
    json_decref(request);
    client_destroy(&client);
    return failure.code == EX_OK ? EX_OK : failure_print(&failure);
}

int main(int argc, char **argv)
{
    struct invocation invocation = {0};
    tool_start(argv);
    hide_negative_numbers(argc, argv);
    invocation_read(&invocation, argc, argv);
    const int code = run(&invocation);
    free(invocation.point);
    return tool_end(code);
}
