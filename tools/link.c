/* SPDX-License-Identifier: MIT
 *
 * Connecting with the help of a socket monitor. */
#include "link.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

/* A local peer answers within milliseconds; this is for one on a loaded machine. */
#define HANDSHAKE_MS 5000

#define EVENTS_UP ZMQ_EVENT_HANDSHAKE_SUCCEEDED
#define EVENTS_DOWN                                                                      \
    (ZMQ_EVENT_CONNECT_RETRIED | ZMQ_EVENT_DISCONNECTED |                                \
     ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |        \
     ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)

/* The next event of the monitor, or 0 when none comes within the time. An event is two
 * frames: number and value packed in 6 bytes, then the endpoint. */
static int monitor_event(void *monitor, int timeout_ms)
{
    zmq_pollitem_t item = {.socket = monitor, .events = ZMQ_POLLIN};
    if (zmq_poll(&item, 1, timeout_ms) != 1) {
        return 0;
    }
    uint8_t body[6] = {0};
    char endpoint[256];
    if (zmq_recv(monitor, body, sizeof(body), ZMQ_DONTWAIT) != (int)sizeof(body)) {
        return 0;
    }
    zmq_recv(monitor, endpoint, sizeof(endpoint), ZMQ_DONTWAIT);
    uint16_t event;
    memcpy(&event, body, sizeof(event));
    return event;
}

/* A missing or forbidden socket file has a better explanation than "no answer". */
static bool socket_file_is_usable(const char *endpoint, struct failure *failure)
{
    if (strncmp(endpoint, "ipc://", 6) != 0 || endpoint[6] == '@') {
        return true;
    }
    if (access(endpoint + 6, R_OK | W_OK) == 0) {
        return true;
    }
    const int code = errno == EACCES ? EX_NOPERM : EX_UNAVAILABLE;
    failure_set(failure, code, "%s: %s: is mixd running there?", endpoint,
                strerror(errno));
    return false;
}

static bool set_up(struct link *link, void *context, int type,
                   void (*prepare)(void *socket))
{
    char address[64];
    link->socket = zmq_socket(context, type);
    if (link->socket == NULL) {
        return false;
    }
    const int linger = 0;
    zmq_setsockopt(link->socket, ZMQ_LINGER, &linger, sizeof(linger));
    if (prepare != NULL) {
        prepare(link->socket);
    }
    /* A name of its own each time: that of a link just closed may not be free yet. */
    snprintf(address, sizeof(address), "inproc://link-%p-%.9f", (void *)link,
             tool_clock());
    link->monitor = zmq_socket(context, ZMQ_PAIR);
    return link->monitor != NULL &&
           zmq_socket_monitor(link->socket, address, EVENTS_UP | EVENTS_DOWN) == 0 &&
           zmq_connect(link->monitor, address) == 0;
}

bool link_open(struct link *link, void *context, int type, const char *endpoint,
               void (*prepare)(void *socket), struct failure *failure)
{
    *link = (struct link){0};
    if (!socket_file_is_usable(endpoint, failure)) {
        return false;
    }
    if (!set_up(link, context, type, prepare)) {
        failure_set(failure, EX_OSERR, "%s: %s", endpoint, zmq_strerror(zmq_errno()));
    } else if (zmq_connect(link->socket, endpoint) == -1) {
        failure_set(failure, EX_USAGE,
                    "%s: %s: an endpoint is tcp://ADDRESS:PORT or ipc://PATH", endpoint,
                    zmq_strerror(zmq_errno()));
    } else if ((monitor_event(link->monitor, HANDSHAKE_MS) & EVENTS_UP) == 0) {
        failure_set(failure, EX_UNAVAILABLE, "%s: nobody answers: is mixd running there?",
                    endpoint);
    } else {
        link->is_up = true;
        return true;
    }
    link_close(link);
    return false;
}

void link_close(struct link *link)
{
    if (link->socket != NULL) {
        zmq_socket_monitor(link->socket, NULL, 0);
        zmq_close(link->socket);
    }
    if (link->monitor != NULL) {
        zmq_close(link->monitor);
    }
    *link = (struct link){0};
}

bool link_has_fallen(struct link *link)
{
    bool has_fallen = false;
    for (int event = monitor_event(link->monitor, 0); event != 0;
         event = monitor_event(link->monitor, 0)) {
        link->is_up = (event & EVENTS_UP) != 0;
        has_fallen |= !link->is_up;
    }
    return has_fallen;
}
