/* SPDX-License-Identifier: MIT
 *
 * Endpoints. Addresses are read and written by inet_pton(3) and inet_ntop(3), so each
 * has one spelling afterwards; names are never resolved. */
#include "endpoint.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static bool parse_port(const char *text, enum endpoint_use use, unsigned *port,
                       const char **problem)
{
    if (strcmp(text, "*") == 0) {
        *port = 0;
        *problem = "is a connection, which needs a port: 1 to 65535";
        return use == ENDPOINT_BIND;
    }
    *problem = "has a port that is not 1 to 65535 or *";
    const size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 5 || text[digits] != '\0' || text[0] == '0') {
        return false;
    }
    unsigned number = 0;
    for (size_t i = 0; i < digits; i++) {
        number = 10 * number + (unsigned)(text[i] - '0');
    }
    *port = number;
    return number <= 65535;
}

/* IPv4 within 127.0.0.0/8. */
static bool is_loopback4(const struct in_addr *address)
{
    return ntohl(address->s_addr) >> 24 == 127;
}

/* ::1, or 127.0.0.0/8 mapped into IPv6. */
static bool is_loopback6(const struct in6_addr *address)
{
    return IN6_IS_ADDR_LOOPBACK(address) ||
           (IN6_IS_ADDR_V4MAPPED(address) && address->s6_addr[12] == 127);
}

static bool parse_address(struct endpoint *endpoint, const char *text,
                          char normal[INET6_ADDRSTRLEN + 2])
{
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, text, &v4) == 1) {
        endpoint->is_loopback = is_loopback4(&v4);
        return inet_ntop(AF_INET, &v4, normal, INET_ADDRSTRLEN) != NULL;
    }
    const size_t length = strlen(text);
    char bare[INET6_ADDRSTRLEN];
    if (length < 4 || length - 2 >= sizeof(bare) || text[0] != '[' ||
        text[length - 1] != ']') {
        return false;
    }
    memcpy(bare, text + 1, length - 2);
    bare[length - 2] = '\0';
    if (inet_pton(AF_INET6, bare, &v6) != 1 ||
        inet_ntop(AF_INET6, &v6, bare, sizeof(bare)) == NULL) {
        return false;
    }
    endpoint->is_loopback = is_loopback6(&v6);
    snprintf(normal, INET6_ADDRSTRLEN + 2, "[%s]", bare);
    return true;
}

static bool parse_tcp(struct endpoint *endpoint, const char *text, enum endpoint_use use,
                      const char **problem)
{
    const char *colon = strrchr(text, ':');
    char address[64] = ""; /* longer than any literal address */
    char normal[INET6_ADDRSTRLEN + 2] = "*";
    *problem = "is not tcp://ADDRESS:PORT";
    if (colon == NULL || (size_t)(colon - text) >= sizeof(address)) {
        return false;
    }
    memcpy(address, text, (size_t)(colon - text));
    if (!parse_port(colon + 1, use, &endpoint->port, problem)) {
        return false;
    }
    if (strcmp(address, "*") == 0) {
        *problem = "is a connection, which needs an address";
        if (use == ENDPOINT_CONNECT) {
            return false;
        }
    } else if (!parse_address(endpoint, address, normal)) {
        endpoint->is_named = true;
        *problem = "has a name in place of an address such as 127.0.0.1 or [::1]";
        return false;
    }
    if (endpoint->port == 0) {
        snprintf(endpoint->text, sizeof(endpoint->text), "tcp://%s:*", normal);
    } else {
        snprintf(endpoint->text, sizeof(endpoint->text), "tcp://%s:%u", normal,
                 endpoint->port);
    }
    return true;
}

/* Appends the parts of path to out, which holds an absolute path of *length bytes or
 * nothing: without empty parts and ".", and ".." taken off the end. False if it does
 * not fit. Symbolic links are not looked at. */
static bool append_parts(char out[ENDPOINT_PATH_MAX + 1], size_t *length,
                         const char *path)
{
    while (*path != '\0') {
        path += strspn(path, "/");
        const size_t n = strcspn(path, "/");
        if (n == 2 && strncmp(path, "..", 2) == 0) {
            while (*length > 0 && out[--*length] != '/') {
            }
        } else if (n > 0 && !(n == 1 && path[0] == '.')) {
            if (*length + 1 + n > ENDPOINT_PATH_MAX) {
                return false;
            }
            out[(*length)++] = '/';
            memcpy(out + *length, path, n);
            *length += n;
        }
        path += n;
    }
    return true;
}

static bool parse_ipc(struct endpoint *endpoint, const char *text, const char *folder,
                      const char **problem)
{
    char path[ENDPOINT_PATH_MAX + 1];
    size_t length = 0;
    *problem = "is not ipc://PATH";
    const size_t given = strlen(text);
    if (given == 0 || text[given - 1] == '/') {
        return false;
    }
    /* zeromq reads "@" as the abstract name space, which has no permissions, and "*"
     * as a path of its own choice. */
    if (text[0] == '@' || strcmp(text, "*") == 0) {
        return false;
    }
    *problem = "has a path, made absolute, of more than 107 bytes";
    if ((text[0] != '/' && !append_parts(path, &length, folder)) ||
        !append_parts(path, &length, text)) {
        return false;
    }
    if (length == 0) {
        *problem = "is not ipc://PATH";
        return false;
    }
    path[length] = '\0';
    endpoint->is_loopback = true;
    snprintf(endpoint->text, sizeof(endpoint->text), "ipc://%s", path);
    return true;
}

bool endpoint_parse(struct endpoint *endpoint, const char *text, enum endpoint_use use,
                    const char *folder, const char **problem)
{
    memset(endpoint, 0, sizeof(*endpoint));
    if (strncmp(text, "tcp://", 6) == 0) {
        endpoint->transport = ENDPOINT_TCP;
        return parse_tcp(endpoint, text + 6, use, problem);
    }
    if (strncmp(text, "ipc://", 6) == 0) {
        endpoint->transport = ENDPOINT_IPC;
        return parse_ipc(endpoint, text + 6, folder, problem);
    }
    *problem = "is not tcp://ADDRESS:PORT or ipc://PATH";
    return false;
}
