/* SPDX-License-Identifier: MIT
 *
 * Which learner a row goes to: a table of slots by key. A stream without keys has the
 * one slot of the empty key. */
#ifndef ROUTER_H
#define ROUTER_H

#include <stddef.h>

#include "slot.h"

/* Bytes of a key. */
#define ROUTER_KEY_MAX 255

struct router;

/* config and start (may be NULL) must outlive the router. */
struct router *router_new(const struct stream_config *config,
                          const struct mix_model *start);
void router_destroy(struct router **router);

/* The slot of a key, made when it is first seen. NULL: the key is empty, too long, has
 * a zero byte, is not UTF-8, or is one more than max_keys. data NULL: no key. */
struct slot *router_get(struct router *router, struct bytes key);
/* As the first one, for a key that is restored: max_keys does not count. */
struct slot *router_put(struct router *router, struct bytes key);
/* As the first one, but never makes one. */
struct slot *router_find(const struct router *router, struct bytes key);

/* Rows of this many keys come next: asks the processor for the memory that they will need,
 * step by step for all of them, instead of waiting for each step of each row. */
#define ROUTER_AHEAD 16
void router_prefetch(const struct router *router, const struct bytes *key, size_t n);

/* All slots in the order in which they were made. */
size_t router_count(const struct router *router);
struct slot *router_slot(const struct router *router, size_t i);

#endif
