/* SPDX-License-Identifier: MIT
 *
 * A crew: helper threads for one thread, its leader, that lends them to libmix
 * (mix_executor in mix.h). Handing over takes 0.1 us while the helpers wait awake; they
 * do so for some microseconds after the last task and then sleep, so a crew without work
 * costs nothing. Sleepers are woken only by a leader that has been busy for a while, and
 * nobody waits for one that sleeps: the leader runs the parts itself. */
#ifndef CREW_H
#define CREW_H

#include <stddef.h>

#include "mix.h"

/* As many threads as anybody has the cores for. */
#define CREW_MAX 64

struct crew;

/* A crew of `threads`, the leader among them, 1..CREW_MAX. NULL when the system gives no
 * memory or no thread. Helpers have every signal blocked. */
struct crew *crew_new(size_t threads);
/* Ends the helpers; nothing may be running. */
void crew_destroy(struct crew **crew);

/* What the library takes; valid as long as the crew is, and run by one thread at a time.
 * NULL for NULL. */
const struct mix_executor *crew_executor(const struct crew *crew);

/* Helpers that sleep now. */
size_t crew_asleep(struct crew *crew);

#endif
