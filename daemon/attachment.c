/* SPDX-License-Identifier: MIT */
#include "attachment.h"

#include <stdlib.h>
#include <string.h>

#include "config_text.h"
#include "socket.h"
#include "xalloc.h"

static void clear_list(struct attached *list)
{
    strings_clear(&list->wanted);
    strings_clear(&list->bound);
    free(list->is_shared);
    *list = (struct attached){0};
}

/* Lets go of what the other list does not have. */
static void release(const struct attachment *attachment, const struct attached *list)
{
    for (size_t i = 0; i < list->bound.n; i++) {
        if (!list->is_shared[i]) {
            socket_detach(attachment->sock, list->binds, list->bound.item[i]);
        }
    }
}

/* The place of an endpoint in the current list that no other one has taken; n: none. */
static size_t find_shared(const struct attached *now, const char *endpoint)
{
    size_t i = 0;
    while (i < now->wanted.n &&
           (now->is_shared[i] || strcmp(now->wanted.item[i], endpoint) != 0)) {
        i++;
    }
    return i;
}

/* One endpoint for the next list: that of the current one where it is the same, since
 * it cannot be bound twice. */
static bool add(struct attachment *attachment, const char *endpoint, struct fault *fault)
{
    struct attached *now = &attachment->now;
    struct attached *next = &attachment->next;
    const size_t shared =
        now->binds == next->binds ? find_shared(now, endpoint) : now->wanted.n;
    const bool is_shared = shared < now->wanted.n;
    char *bound = is_shared ? xstrdup(now->bound.item[shared])
                            : socket_attach(attachment->sock, next->binds, endpoint,
                                            attachment->place, fault);
    if (bound == NULL) {
        return false;
    }
    if (is_shared) {
        now->is_shared[shared] = true;
    }
    next->is_shared[next->bound.n] = is_shared;
    strings_add(&next->wanted, endpoint);
    strings_add(&next->bound, bound);
    free(bound);
    return true;
}

bool attachment_move(struct attachment *attachment, bool binds,
                     const struct strings *endpoints, struct fault *fault)
{
    attachment->now.is_shared = xalloc(attachment->now.wanted.n, sizeof(bool));
    attachment->next = (struct attached){.binds = binds,
                                         .is_shared = xalloc(endpoints->n, sizeof(bool))};
    for (size_t i = 0; i < endpoints->n; i++) {
        if (!add(attachment, endpoints->item[i], fault)) {
            attachment_settle(attachment, false);
            return false;
        }
    }
    return true;
}

void attachment_settle(struct attachment *attachment, bool is_done)
{
    if (attachment->next.is_shared == NULL) {
        return;
    }
    release(attachment, is_done ? &attachment->now : &attachment->next);
    if (is_done) {
        clear_list(&attachment->now);
        attachment->now = attachment->next;
        attachment->next = (struct attached){0};
    } else {
        clear_list(&attachment->next);
    }
    free(attachment->now.is_shared);
    attachment->now.is_shared = NULL;
}

bool attachment_open(struct attachment *attachment, zsock_t *sock, const char *place,
                     bool binds, const struct strings *endpoints, struct fault *fault)
{
    /* A move away from nothing. */
    *attachment = (struct attachment){.sock = sock, .place = xstrdup(place)};
    if (!attachment_move(attachment, binds, endpoints, fault)) {
        attachment_clear(attachment);
        return false;
    }
    attachment_settle(attachment, true);
    return true;
}

void attachment_clear(struct attachment *attachment)
{
    clear_list(&attachment->now);
    clear_list(&attachment->next);
    free(attachment->place);
    *attachment = (struct attachment){0};
}
