/* SPDX-License-Identifier: MIT
 *
 * One DEALER socket, one request in flight. */
#include "client.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "link.h"

struct client {
    void *context;  /* ZeroMQ's, owned */
    char *endpoint; /* owned */
    struct link link;
};

/* ---- Options ------------------------------------------------------------- */

enum { OPTION_CONTROL = 0x1000 };

static const struct argp_option options[] = {
    {"control", OPTION_CONTROL, "ENDPOINT", 0, "Control endpoint of the daemon", 10},
    {"config", 'c', "FILE", 0, "The daemon that runs with this configuration", 10},
    {0},
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct place *place = state->input;
    switch (key) {
    case OPTION_CONTROL:
        place->control = argument;
        return 0;
    case 'c':
        place->config = argument;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp client_argp = {.options = options, .parser = parse_option};

/* ---- Connection ---------------------------------------------------------- */

struct client *client_new(const struct place *place, struct failure *failure)
{
    char *endpoint = locate_control(place, failure);
    if (endpoint == NULL) {
        return NULL;
    }
    struct client *client = tool_need(calloc(1, sizeof(*client)));
    client->endpoint = endpoint;
    client->context = tool_need(zmq_ctx_new());
    if (!link_open(&client->link, client->context, ZMQ_DEALER, endpoint, NULL, failure)) {
        client_destroy(&client);
    }
    return client;
}

void client_destroy(struct client **client)
{
    if (*client == NULL) {
        return;
    }
    link_close(&(*client)->link);
    zmq_ctx_term((*client)->context);
    free((*client)->endpoint);
    free(*client);
    *client = NULL;
}

void *client_context(struct client *client)
{
    return client->context;
}

/* ---- Request and reply --------------------------------------------------- */

/* A reply that comes after its time must not be taken for that of the next request. */
static bool reconnect(struct client *client, struct failure *failure)
{
    link_close(&client->link);
    return link_open(&client->link, client->context, ZMQ_DEALER, client->endpoint, NULL,
                     failure);
}

static bool send_request(struct client *client, const json_t *request,
                         struct failure *failure)
{
    char *text = tool_need(json_dumps(request, JSON_COMPACT));
    const bool is_sent =
        zmq_send(client->link.socket, "", 0, ZMQ_SNDMORE | ZMQ_DONTWAIT) == 0 &&
        zmq_send(client->link.socket, text, strlen(text), ZMQ_DONTWAIT) != -1;
    free(text);
    if (!is_sent) {
        failure_set(failure, EX_UNAVAILABLE, "%s: %s", client->endpoint,
                    zmq_strerror(zmq_errno()));
    }
    return is_sent;
}

/* Waits until the reply can be read: 1 yes, 0 out of time, -1 the daemon is gone. */
static int wait_reply(struct client *client, double timeout_s)
{
    zmq_pollitem_t items[] = {
        {.socket = client->link.socket, .events = ZMQ_POLLIN},
        {.socket = client->link.monitor, .events = ZMQ_POLLIN},
    };
    const bool is_limited = timeout_s > 0;
    const double deadline = tool_clock() + timeout_s;
    for (;;) {
        const double left_s = deadline - tool_clock();
        if (is_limited && left_s <= 0) {
            return 0;
        }
        const long wait_ms = is_limited ? (long)ceil(1e3 * left_s) : -1;
        if (zmq_poll(items, 2, wait_ms) == -1 && zmq_errno() != EINTR) {
            return -1;
        }
        if ((items[0].revents & ZMQ_POLLIN) != 0) {
            return 1;
        }
        if ((items[1].revents & ZMQ_POLLIN) != 0 && link_has_fallen(&client->link)) {
            return -1;
        }
    }
}

/* The last frame of a message is the body; what stands before it is the envelope. */
static json_t *receive_reply(struct client *client, struct failure *failure)
{
    json_t *reply = NULL;
    json_error_t error = {.text = "empty"};
    bool is_last = false;
    while (!is_last) {
        zmq_msg_t frame;
        zmq_msg_init(&frame);
        if (zmq_msg_recv(&frame, client->link.socket, ZMQ_DONTWAIT) == -1) {
            break;
        }
        is_last = zmq_msg_more(&frame) == 0;
        if (is_last) {
            reply = json_loadb(zmq_msg_data(&frame), zmq_msg_size(&frame), 0, &error);
        }
        zmq_msg_close(&frame);
    }
    if (!json_is_object(reply)) {
        failure_set(failure, EX_SOFTWARE, "%s: not a reply of mixd: %s", client->endpoint,
                    error.text);
        json_decref(reply);
        return NULL;
    }
    return reply;
}

/* What the codes of a refused request mean to a shell. */
static int exit_code_of(const char *code)
{
    static const struct {
        const char *code;
        int exit_code;
    } rows[] = {
        {"unknown-command", EX_USAGE},  {"argument", EX_USAGE},
        {"unknown-stream", EX_NOINPUT}, {"unknown-key", EX_NOINPUT},
        {"unknown-source", EX_NOINPUT}, {"not-ready", EX_BUSY},
        {"timeout", EX_BUSY},           {"refused", EX_DATAERR},
    };
    for (size_t i = 0; code != NULL && i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strcmp(code, rows[i].code) == 0) {
            return rows[i].exit_code;
        }
    }
    return EX_SOFTWARE;
}

json_t *client_ask(struct client *client, const json_t *request, double timeout_s,
                   struct failure *failure)
{
    failure->code = EX_OK;
    if (client->link.socket == NULL && !reconnect(client, failure)) {
        return NULL;
    }
    if (!send_request(client, request, failure)) {
        return NULL;
    }
    const char *command = json_string_value(json_object_get(request, "command"));
    const int state = wait_reply(client, timeout_s);
    if (state != 1) {
        failure_set(failure, state == 0 ? EX_BUSY : EX_UNAVAILABLE, "%s: %s: %s",
                    client->endpoint, command,
                    state == 0 ? "no reply in time" : "the daemon has gone");
        link_close(&client->link);
        return NULL;
    }
    json_t *reply = receive_reply(client, failure);
    if (reply != NULL && !json_is_true(json_object_get(reply, "ok"))) {
        const char *error = json_string_value(json_object_get(reply, "error"));
        const char *code = json_string_value(json_object_get(reply, "code"));
        failure_set(failure, exit_code_of(code), "%s: %s", command,
                    error != NULL ? error : "refused without a reason");
    }
    return reply;
}

json_t *client_command(struct client *client, const char *command, const char *stream,
                       struct failure *failure)
{
    json_t *request =
        tool_need(json_pack("{s:s, s:s*}", "command", command, "stream", stream));
    json_t *reply = client_ask(client, request, CLIENT_TIMEOUT_S, failure);
    json_decref(request);
    if (failure->code != EX_OK) {
        json_decref(reply);
        return NULL;
    }
    return reply;
}

char *client_publisher(struct client *client, struct failure *failure)
{
    const char *environment = getenv("MIXD_PUBLISH");
    if (environment != NULL && environment[0] != '\0') {
        return tool_text("%s", environment);
    }
    json_t *reply = client_command(client, "status", NULL, failure);
    if (reply == NULL) {
        return NULL;
    }
    const json_t *endpoints = json_object_get(reply, "endpoints");
    const json_t *first = json_array_get(json_object_get(endpoints, "publish"), 0);
    char *endpoint = NULL;
    if (json_is_string(first)) {
        endpoint = tool_text("%s", json_string_value(first));
    } else {
        failure_set(failure, EX_SOFTWARE, "%s: status names no publish endpoint",
                    client->endpoint);
    }
    json_decref(reply);
    return endpoint;
}
