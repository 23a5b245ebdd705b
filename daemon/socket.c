/* SPDX-License-Identifier: MIT
 *
 * Traps that this file is about: a second bind on an ipc path in use succeeds and
 * leaves the first socket deaf, and libzmq unlinks whatever stands at the path; so the
 * path is looked at, and tried with connect(), first. zsock_bind() would take the
 * endpoint for a format, and czmq closes asynchronously, so a socket binds once. */
#include "socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>
#include <zmq.h>

#include "endpoint.h"
#include "xalloc.h"

#ifdef ZMQ_BUILD_DRAFT_API
#error "the draft API of libzmq changes what its sockets do"
#endif

enum {
    HANDSHAKE_MS = 2000,       /* a peer that says nothing is dropped after this */
    HEARTBEAT_MS = 10000,      /* a half-open connection is noticed ... */
    HEARTBEAT_DEAD_MS = 30000, /* ... after this */
    RECONNECT_MS = 100,
    RECONNECT_MAX_MS = 10000,
    IPC_PREFIX = 6, /* bytes of "ipc://" */
    BACKLOG = 512,  /* many clients may connect at once */
};

static void set_options(void *handle, const struct socket_options *options)
{
    const struct {
        int option;
        int value;
    } rows[] = {
        {ZMQ_SNDHWM, options->queue},
        {ZMQ_RCVHWM, options->queue},
        {ZMQ_LINGER, options->linger_ms},
        {ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS},
        {ZMQ_HEARTBEAT_IVL, HEARTBEAT_MS},
        {ZMQ_HEARTBEAT_TIMEOUT, HEARTBEAT_DEAD_MS},
        {ZMQ_RECONNECT_IVL, RECONNECT_MS},
        {ZMQ_RECONNECT_IVL_MAX, RECONNECT_MAX_MS},
        {ZMQ_BACKLOG, BACKLOG},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        zmq_setsockopt(handle, rows[i].option, &rows[i].value, sizeof(rows[i].value));
    }
    const int64_t max_message = (int64_t)options->max_message;
    zmq_setsockopt(handle, ZMQ_MAXMSGSIZE, &max_message, sizeof(max_message));
}

zsock_t *socket_new(const struct socket_options *options, struct fault *fault)
{
    zsock_t *sock = zsock_new(options->type);
    if (sock == NULL) {
        fault_set(fault, EX_UNAVAILABLE,
                  "sockets: none left: raise the limit of open files");
        return NULL;
    }
    set_options(zsock_resolve(sock), options);
    return sock;
}

/* True if somebody answers on the unix socket. */
static bool path_is_alive(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const size_t length = strlen(path);
    if (length >= sizeof(address.sun_path)) {
        return false; /* too long to bind as well */
    }
    memcpy(address.sun_path, path, length);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd == -1) {
        return false;
    }
    /* EAGAIN: its backlog is full, so it is very much alive. */
    const bool alive =
        connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 || errno == EAGAIN;
    close(fd);
    return alive;
}

static bool path_is_free(const char *endpoint, const char *place, struct fault *fault)
{
    const char *path = endpoint + IPC_PREFIX;
    struct stat status;
    if (lstat(path, &status) == 0 && !S_ISSOCK(status.st_mode)) {
        return fault_set(fault, EX_UNAVAILABLE,
                         "%s: %s: no socket is there: choose a path of its own", place,
                         endpoint);
    }
    if (path_is_alive(path)) {
        return fault_set(fault, EX_UNAVAILABLE,
                         "%s: somebody answers on %s: stop it or choose another path",
                         place, endpoint);
    }
    return true;
}

static char *last_endpoint(void *handle)
{
    char text[ENDPOINT_SIZE + 64] = "";
    size_t size = sizeof(text);
    zmq_getsockopt(handle, ZMQ_LAST_ENDPOINT, text, &size);
    return xstrdup(text);
}

/* Only where it is asked for: an IPv4 address would come out as ::ffff:127.0.0.1. */
static void set_family(void *handle, const char *endpoint)
{
    const int is_v6 = strchr(endpoint, '[') != NULL;
    zmq_setsockopt(handle, ZMQ_IPV6, &is_v6, sizeof(is_v6));
}

char *socket_attach(zsock_t *sock, bool binds, const char *endpoint, const char *place,
                    struct fault *fault)
{
    void *handle = zsock_resolve(sock);
    if (binds && strncmp(endpoint, "ipc://", IPC_PREFIX) == 0 &&
        !path_is_free(endpoint, place, fault)) {
        return NULL;
    }
    set_family(handle, endpoint);
    if (binds && zmq_bind(handle, endpoint) == -1) {
        fault_set(fault, EX_UNAVAILABLE,
                  "%s: cannot bind %s: %s: choose a free endpoint of this host", place,
                  endpoint, zmq_strerror(errno));
        return NULL;
    }
    if (!binds && zmq_connect(handle, endpoint) == -1) {
        fault_set(fault, EX_UNAVAILABLE, "%s: cannot connect to %s: %s", place, endpoint,
                  zmq_strerror(errno));
        return NULL;
    }
    return last_endpoint(handle);
}

void socket_detach(zsock_t *sock, bool binds, const char *bound)
{
    void *handle = zsock_resolve(sock);
    if (binds) {
        zmq_unbind(handle, bound);
        if (strncmp(bound, "ipc://", IPC_PREFIX) == 0) {
            unlink(bound + IPC_PREFIX); /* libzmq leaves the file there */
        }
    } else {
        zmq_disconnect(handle, bound);
    }
}
