/* SPDX-License-Identifier: MIT
 *
 * Memory that was freed goes back to the system. malloc() keeps what lies between pieces
 * in use: the warm-up of many models leaves twice what they need afterwards. */
#ifndef HEAP_H
#define HEAP_H

#include <stddef.h>

/* How often it is worth a look: for nothing where little is resident. */
enum { HEAP_PERIOD_MS = 10000 };

/* Bytes that are resident now; 0 where the system does not tell. */
size_t heap_resident(void);

/* Gives back what is free if that is much: more than half of what is in use, and 64 MiB
 * beyond. The heap is searched for it, and locked meanwhile. */
void heap_trim(void);

#endif
