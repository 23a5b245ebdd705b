/* SPDX-License-Identifier: MIT
 *
 * mixwatch: model frames as they are published: a live view on a terminal, else one
 * line per frame. */
#include "autoconf.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#include "client.h"
#include "link.h"
#include "screen.h"
#include "stop.h"
#include "topic.h"
#include "track.h"
#include "view.h"

TOOL_VERSION("mixwatch");

/* Frames queued for a terminal that is slow; ZeroMQ drops what is beyond. */
#define QUEUE_FRAMES 100000

/* ---- Command line -------------------------------------------------------- */

struct options {
    struct place place;
    const char *from;
    bool is_once;
    bool is_json;
    bool is_ready; /* leave out frames without a model */
    double count;  /* frames; 0: without end */
    size_t n_streams;
    char **streams; /* NAME or NAME/KEY */
};

enum { OPTION_FROM = 0x2000, OPTION_ONCE, OPTION_COUNT, OPTION_JSON, OPTION_READY };

static const struct argp_option argp_options[] = {
    {"from", OPTION_FROM, "ENDPOINT", 0, "Publish endpoint, whatever the daemon says", 1},
    {"once", OPTION_ONCE, NULL, 0, "One frame of each STREAM, or of one, and no more", 1},
    {"count", OPTION_COUNT, "N", 0, "Stop after N frames", 1},
    {"json", OPTION_JSON, NULL, 0, "Print the frames themselves, one line each", 1},
    {"ready", OPTION_READY, NULL, 0, "Leave out frames from before the first model", 1},
    {0},
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct options *options = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &options->place;
        return 0;
    case OPTION_FROM:
        options->from = argument;
        return 0;
    case OPTION_ONCE:
        options->is_once = true;
        return 0;
    case OPTION_COUNT:
        if (!tool_read(argument, 1, 1e15, &options->count)) {
            tool_usage(state, "--count: %s: not a number from 1", argument);
        }
        return 0;
    case OPTION_JSON:
        options->is_json = true;
        return 0;
    case OPTION_READY:
        options->is_ready = true;
        return 0;
    case ARGP_KEY_ARGS:
        options->streams = state->argv + state->next;
        options->n_streams = (size_t)(state->argc - state->next);
        return 0;
    case ARGP_KEY_END:
        if (options->is_once && options->count > 0) {
            tool_usage(state, "--once and --count exclude each other");
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&client_argp, 0, NULL, 0}, {0}};
static const struct argp argp = {
    .options = argp_options,
    .parser = parse,
    .args_doc = "[STREAM...]",
    .doc = "Shows the models that a running mixd publishes: live on a terminal, else one "
           "line per frame."
           "\vSTREAM is NAME, or NAME/KEY for one model of a keyed stream. In the live "
           "view, q quits.",
    .children = children,
};

/* ---- Subscription -------------------------------------------------------- */

struct watch {
    const struct options *options;
    void *context;
    char *endpoint;
    struct link link;
    struct tracks tracks;
    uint64_t shown;   /* frames */
    size_t n_awaited; /* --once: streams of which no frame has come */
    bool *is_awaited; /* by stream of the command line */
    char **topics;    /* n_streams: model/NAME or model/NAME/KEY, escaped */
    bool is_live;     /* the view has the terminal */
};

/* Whether key is among the keys of a stream, null where it has none. */
static bool has_key(const json_t *keys, const char *key)
{
    size_t i;
    const json_t *item;
    json_array_foreach(keys, i, item)
    {
        if (json_is_string(item) && strcmp(json_string_value(item), key) == 0) {
            return true;
        }
    }
    return false;
}

/* Frames of a stream or key that the daemon does not have would be waited for in vain.
 * A key may come yet; whoever wants its frame at once is told. */
static void check_stream(const struct options *options, const json_t *streams,
                         const char *text, struct failure *failure)
{
    const char *slash = strchr(text, '/');
    char *name = tool_text("%.*s", (int)strcspn(text, "/"), text);
    const json_t *stream = json_object_get(streams, name);
    const json_t *keys = json_object_get(stream, "keys");
    if (stream == NULL) {
        failure_set(failure, EX_NOINPUT, "%s: no such stream: mixctl streams lists them",
                    name);
    } else if (slash != NULL && !json_is_array(keys)) {
        failure_set(failure, EX_NOINPUT, "%s: stream %s has no keys: leave out %s", text,
                    name, slash);
    } else if (slash != NULL && options->is_once && !has_key(keys, slash + 1)) {
        failure_set(failure, EX_NOINPUT,
                    "%s: no point of this key came: mixctl streams "
                    "lists them",
                    text);
    }
    free(name);
}

static bool has_streams(const struct options *options, struct client *client,
                        struct failure *failure)
{
    json_t *reply = client_command(client, "streams", NULL, failure);
    const json_t *streams = json_object_get(reply, "streams");
    for (size_t i = 0; i < options->n_streams && failure->code == EX_OK; i++) {
        check_stream(options, streams, options->streams[i], failure);
    }
    json_decref(reply);
    return failure->code == EX_OK;
}

static char *find_publisher(const struct options *options, struct failure *failure)
{
    const char *environment = getenv("MIXD_PUBLISH");
    if (options->from != NULL) {
        return tool_text("%s", options->from);
    }
    if (environment != NULL && environment[0] != '\0') {
        return tool_text("%s", environment);
    }
    struct client *client = client_new(&options->place, failure);
    char *endpoint = NULL;
    if (client != NULL && has_streams(options, client, failure)) {
        endpoint = client_publisher(client, failure);
    }
    client_destroy(&client);
    return endpoint;
}

static void subscribe(void *socket, const char *prefix)
{
    zmq_setsockopt(socket, ZMQ_SUBSCRIBE, prefix, strlen(prefix));
}

/* The topic of NAME or NAME/KEY, to be freed. */
static char *topic_of(const char *stream)
{
    char topic[TOPIC_SIZE];
    const char *slash = strchr(stream, '/');
    char *name = tool_text("%.*s", (int)strcspn(stream, "/"), stream);
    topic_write(topic, "model", name, slash != NULL ? slash + 1 : NULL);
    free(name);
    return tool_text("%s", topic);
}

/* "model/NAME " and "model/NAME/" for a name: another name may begin with it. */
static void subscribe_streams(struct watch *watch)
{
    const struct options *options = watch->options;
    watch->topics = tool_need(calloc(options->n_streams + 1, sizeof(char *)));
    for (size_t i = 0; i < options->n_streams; i++) {
        watch->topics[i] = topic_of(options->streams[i]);
        char *one = tool_text("%s ", watch->topics[i]);
        char *keyed = tool_text("%s/", watch->topics[i]);
        subscribe(watch->link.socket, one);
        if (strchr(options->streams[i], '/') == NULL) {
            subscribe(watch->link.socket, keyed);
        }
        free(one);
        free(keyed);
    }
    if (options->n_streams == 0) {
        subscribe(watch->link.socket, "model/");
    }
}

static void set_queue(void *socket)
{
    const int frames = QUEUE_FRAMES;
    zmq_setsockopt(socket, ZMQ_RCVHWM, &frames, sizeof(frames));
}

static bool watch_open(struct watch *watch, struct failure *failure)
{
    watch->endpoint = find_publisher(watch->options, failure);
    if (watch->endpoint == NULL) {
        return false;
    }
    watch->context = tool_need(zmq_ctx_new());
    if (!link_open(&watch->link, watch->context, ZMQ_SUB, watch->endpoint, set_queue,
                   failure)) {
        return false;
    }
    const size_t n_streams = watch->options->n_streams;
    watch->n_awaited = n_streams;
    watch->is_awaited = tool_need(calloc(n_streams + 1, sizeof(bool)));
    memset(watch->is_awaited, 1, n_streams);
    subscribe_streams(watch);
    return true;
}

static void watch_close(struct watch *watch)
{
    tracks_clear(&watch->tracks);
    link_close(&watch->link);
    if (watch->context != NULL) {
        zmq_ctx_term(watch->context);
    }
    for (size_t i = 0; watch->topics != NULL && i < watch->options->n_streams; i++) {
        free(watch->topics[i]);
    }
    free(watch->topics);
    free(watch->is_awaited);
    free(watch->endpoint);
}

/* ---- Frames -------------------------------------------------------------- */

/* --once: notes that a stream of the command line has come. False: it came before. */
static bool is_new(struct watch *watch, const char *topic)
{
    for (size_t i = 0; i < watch->options->n_streams; i++) {
        const size_t length = strlen(watch->topics[i]);
        if (strncmp(topic, watch->topics[i], length) == 0 &&
            (topic[length] == '\0' || topic[length] == '/')) {
            const bool was_awaited = watch->is_awaited[i];
            watch->is_awaited[i] = false;
            watch->n_awaited -= was_awaited;
            return was_awaited;
        }
    }
    return true;
}

static void show_frame(struct watch *watch, const char *topic, const char *body,
                       json_t *frame)
{
    const struct options *options = watch->options;
    if ((options->is_ready && !json_is_array(json_object_get(frame, "weights"))) ||
        (options->is_once && !is_new(watch, topic))) {
        return;
    }
    watch->shown++;
    const struct track *track =
        tracks_take(&watch->tracks, strchr(topic, '/') + 1, frame);
    if (options->is_json) {
        puts(body);
    } else if (!watch->is_live) {
        view_line(track, stdout);
    }
}

/* A frame is "model/NAME JSON". What is none is left alone: topics may be added. */
static void take_frame(struct watch *watch, char *text)
{
    char *blank = strchr(text, ' ');
    const char *slash = strchr(text, '/');
    if (blank == NULL || slash == NULL || slash > blank) {
        return;
    }
    *blank = '\0';
    json_error_t error;
    json_t *frame = json_loads(blank + 1, 0, &error);
    if (frame != NULL) {
        show_frame(watch, text, blank + 1, frame);
    } else {
        fprintf(stderr, "mixwatch: %s: not a frame: %s\n", text, error.text);
    }
    json_decref(frame);
}

static bool is_complete(const struct watch *watch)
{
    const struct options *options = watch->options;
    if (options->count > 0 && (double)watch->shown >= options->count) {
        return true;
    }
    return options->is_once && watch->shown > 0 && watch->n_awaited == 0;
}

/* Takes the frames that are there. */
static void receive_frames(struct watch *watch)
{
    while (!is_complete(watch)) {
        zmq_msg_t message;
        zmq_msg_init(&message);
        if (zmq_msg_recv(&message, watch->link.socket, ZMQ_DONTWAIT) == -1) {
            return;
        }
        char *text = tool_text("%.*s", (int)zmq_msg_size(&message),
                               (const char *)zmq_msg_data(&message));
        zmq_msg_close(&message);
        take_frame(watch, text);
        free(text);
    }
}

/* ---- Showing ------------------------------------------------------------- */

static void draw(const struct watch *watch)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = tool_need(open_memstream(&text, &size));
    const struct view_style style = {screen_width(), screen_has_blocks()};
    fprintf(out, "mixd %s%s  %zu model%s  q quits\n\n", watch->endpoint,
            watch->link.is_up ? "" : " (gone)", watch->tracks.n,
            watch->tracks.n == 1 ? "" : "s");
    for (size_t i = 0; i < watch->tracks.n; i++) {
        view_block(watch->tracks.items[i], &style, out);
    }
    if (watch->tracks.n == 0) {
        fputs("no frame yet\n", out);
    }
    fclose(out);
    screen_draw(text);
    free(text);
}

/* The daemon has gone: whoever waits for a number of frames will not get them; others
 * wait until it is back. */
static bool note_loss(struct watch *watch, struct failure *failure)
{
    const struct options *options = watch->options;
    if (!link_has_fallen(&watch->link) || watch->link.is_up) {
        return true;
    }
    if (options->is_once || options->count > 0) {
        failure_set(failure, EX_UNAVAILABLE, "%s: the daemon has gone", watch->endpoint);
        return false;
    }
    if (!watch->is_live) {
        fprintf(stderr, "mixwatch: %s: the daemon has gone: waiting for it\n",
                watch->endpoint);
    }
    return true;
}

static void run(struct watch *watch, int stop_descriptor, struct failure *failure)
{
    enum { FRAMES, MONITOR, STOP, KEYS };
    zmq_pollitem_t items[] = {
        [FRAMES] = {.socket = watch->link.socket, .events = ZMQ_POLLIN},
        [MONITOR] = {.socket = watch->link.monitor, .events = ZMQ_POLLIN},
        [STOP] = {.fd = stop_descriptor, .events = ZMQ_POLLIN},
        [KEYS] = {.fd = STDIN_FILENO, .events = ZMQ_POLLIN},
    };
    while (!is_complete(watch)) {
        if (watch->is_live) {
            draw(watch);
        }
        /* Interrupted when the size of the terminal changes: drawn anew. */
        if (zmq_poll(items, watch->is_live ? 4 : 3, -1) == -1 && zmq_errno() != EINTR) {
            failure_set(failure, EX_OSERR, "poll: %s", zmq_strerror(zmq_errno()));
            return;
        }
        receive_frames(watch);
        if (!watch->is_live && fflush(stdout) != 0) {
            failure_set(failure, EX_IOERR, "standard output: %s", strerror(errno));
            return;
        }
        if (stop_is_asked() || (watch->is_live && screen_wants_quit()) ||
            !note_loss(watch, failure)) {
            return;
        }
    }
}

int main(int argc, char **argv)
{
    struct options options = {0};
    struct failure failure = {0};
    tool_start(argv);
    tool_parse(&argp, argc, argv, &options);
    struct watch watch = {.options = &options};
    const int stop_descriptor = stop_open();
    if (watch_open(&watch, &failure)) {
        const bool wants_lines = options.is_json || options.is_once || options.count > 0;
        watch.is_live = !wants_lines && screen_open();
        run(&watch, stop_descriptor, &failure);
        if (watch.is_live) {
            screen_close();
        }
    }
    watch_close(&watch);
    if (failure.code != EX_OK) {
        failure_print(&failure);
    }
    return tool_end(failure.code);
}
