/* SPDX-License-Identifier: MIT
 *
 * Endpoints: tcp://ADDRESS:PORT with a literal address, or ipc://PATH. One endpoint
 * has one normal spelling, so that equal ones compare equal as text. */
#ifndef ENDPOINT_H
#define ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>

/* A path of 107 bytes is the longest that fits into sun_path; "ipc://" and the end. */
#define ENDPOINT_PATH_MAX 107
#define ENDPOINT_SIZE (6 + ENDPOINT_PATH_MAX + 1)

enum endpoint_transport { ENDPOINT_TCP, ENDPOINT_IPC };

struct endpoint {
    enum endpoint_transport transport;
    bool is_loopback; /* ipc, 127.0.0.0/8, ::1; false for `*` and all others */
    bool is_named;    /* the address is a name, of a host or an interface: refused */
    unsigned port;    /* tcp: 1..65535; 0: `*`, the system chooses */
    char text[ENDPOINT_SIZE]; /* normal spelling, as zeromq takes it */
};

/* What an endpoint is for: a connection needs a full address and port. */
enum endpoint_use { ENDPOINT_BIND, ENDPOINT_CONNECT };

/* Reads an endpoint. folder: relative ipc paths are relative to it. On an error false,
 * and *problem is a static phrase that goes on after the endpoint: "is not ...". */
bool endpoint_parse(struct endpoint *endpoint, const char *text, enum endpoint_use use,
                    const char *folder, const char **problem);

#endif
