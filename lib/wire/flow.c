/* SPDX-License-Identifier: MIT
 *
 * The buffer of a file:
 *
 *     data ... | taken | bytes to be taken | room ...
 *              pin     begin               end          FLOW_SIZE */
#include "flow.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct flow {
    int descriptor;
    bool is_own;  /* closed with the flow */
    bool is_file; /* can be read at any place */
    bool at_end;
    bool is_pinned;
    int error;       /* errno of the last read, 0: none failed */
    uint64_t total;  /* bytes of a file, 0: not known */
    uint64_t before; /* bytes taken that lay before data[0] */
    size_t pin, begin, end;
    char data[FLOW_SIZE];
};

struct flow *flow_open(const char *path)
{
    const bool is_input = strcmp(path, "-") == 0;
    const int descriptor = is_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (descriptor == -1) {
        return NULL;
    }
    struct flow *flow = NULL;
    if (fstat(descriptor, &status) == -1) {
        goto out;
    }
    if (S_ISDIR(status.st_mode)) {
        errno = EISDIR;
        goto out;
    }
    flow = malloc(sizeof(*flow));
    if (flow == NULL) {
        goto out;
    }
    memset(flow, 0, offsetof(struct flow, data));
    flow->descriptor = descriptor;
    flow->is_own = !is_input;
    flow->is_file = S_ISREG(status.st_mode);
    flow->total = flow->is_file ? (uint64_t)status.st_size : 0;
out:
    if (flow == NULL && !is_input) {
        const int error = errno;
        close(descriptor);
        errno = error;
    }
    return flow;
}

void flow_close(struct flow **flow)
{
    if (*flow != NULL) {
        if ((*flow)->is_own) {
            close((*flow)->descriptor);
        }
        free(*flow);
        *flow = NULL;
    }
}

struct bytes flow_bytes(const struct flow *flow)
{
    return (struct bytes){flow->data + flow->begin, flow->end - flow->begin};
}

/* Moves what is still needed to the front. */
static void make_room(struct flow *flow)
{
    const size_t keep = flow->is_pinned ? flow->pin : flow->begin;
    if (flow->end == FLOW_SIZE && keep > 0) {
        memmove(flow->data, flow->data + keep, flow->end - keep);
        flow->before += keep;
        flow->pin = 0;
        flow->begin -= keep;
        flow->end -= keep;
    }
}

bool flow_fill(struct flow *flow)
{
    make_room(flow);
    if (flow->at_end || flow->error != 0 || flow->end == FLOW_SIZE) {
        return false;
    }
    const ssize_t n =
        read(flow->descriptor, flow->data + flow->end, FLOW_SIZE - flow->end);
    if (n == -1) {
        flow->error = errno == EINTR ? 0 : errno;
        return false;
    }
    flow->at_end = n == 0;
    flow->end += (size_t)n;
    return n > 0;
}

bool flow_want(struct flow *flow, size_t size)
{
    if (flow->begin + size > FLOW_SIZE && !flow->is_pinned) {
        memmove(flow->data, flow->data + flow->begin, flow->end - flow->begin);
        flow->before += flow->begin;
        flow->end -= flow->begin;
        flow->begin = 0;
    }
    while (flow->end - flow->begin < size) {
        if (!flow_fill(flow)) {
            return false;
        }
    }
    return true;
}

void flow_take(struct flow *flow, size_t size)
{
    flow->begin += size;
}

bool flow_at_end(const struct flow *flow)
{
    return flow->at_end;
}

int flow_error(const struct flow *flow)
{
    return flow->error;
}

uint64_t flow_taken(const struct flow *flow)
{
    return flow->before + flow->begin;
}

uint64_t flow_total(const struct flow *flow)
{
    return flow->total;
}

bool flow_read_at(const struct flow *flow, uint64_t place, void *to, size_t size)
{
    char *at = to;
    while (flow->is_file && size > 0) {
        const ssize_t n = pread(flow->descriptor, at, size, (off_t)place);
        if (n <= 0) {
            return false;
        }
        at += n;
        place += (uint64_t)n;
        size -= (size_t)n;
    }
    return flow->is_file;
}

void flow_pin(struct flow *flow)
{
    flow->is_pinned = true;
    flow->pin = flow->begin;
}

void flow_rewind(struct flow *flow)
{
    flow->is_pinned = false;
    flow->begin = flow->pin;
}
