/* SPDX-License-Identifier: MIT
 *
 * The durable state: named values in two files that are written in turn, each a complete
 * state. Generation g goes to STATE/state.(g mod 2), in one transaction of everything
 * that changed since that file was written, so one good generation is never touched.
 *
 *     store_open()    the newest generation that is whole and that the caller accepts
 *     store_put()     a value of the generation that is being made
 *     store_commit()  writes it
 *
 * When a write fails, the daemon goes on, the last good generation stays, and
 * store_commit() tries again after 0.1 s, twice that, ... 30 s. The folder is locked by
 * the caller. */
#ifndef STORE_H
#define STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fault.h"
#include "items.h"
#include "schema.h"

struct store;

/* Loads the newest generation, or begins with none in a folder that never had one, or
 * with start_afresh (what is there is renamed). A file that does not load is renamed
 * FILE.bad-GENERATION when the other one does; when neither does, nothing is touched.
 * NULL and a fault on an error: EX_DATAERR damaged, lost, newer or of another
 * configuration, EX_IOERR unreadable. schema must outlive the store. */
struct store *store_open(const char *folder, const struct store_schema *schema,
                         bool start_afresh, struct fault *fault);
void store_close(struct store **store);

const struct items *store_items(const struct store *store);
/* Sets a value (not NULL), which is copied. */
void store_put(struct store *store, const char *kind, const char *name, const void *value,
               size_t size);
void store_remove(struct store *store, const char *kind, const char *name);

enum store_outcome {
    STORE_WRITTEN, /* on the disk */
    STORE_FAILED,  /* tried in vain */
    STORE_WAITS,   /* not tried: too soon after the last failure */
};
/* now_ms: monotonic. */
enum store_outcome store_commit(struct store *store, int64_t now_ms);
/* Fails as a try that was made in vain for that reason. */
enum store_outcome store_refuse(struct store *store, int64_t now_ms, const char *why);
/* Lets the next store_commit() try, however soon it comes. */
void store_hurry(struct store *store);
/* True if both files hold every value: another generation would say nothing new. */
bool store_is_settled(const struct store *store);

/* Newest generation on the disk, 0: none; and the older one that the other file holds. */
uint64_t store_generation(const struct store *store);
uint64_t store_safe_generation(const struct store *store);
/* Why the last try failed, or NULL. */
const char *store_problem(const struct store *store);
/* When store_commit() tries again; not after a success. */
int64_t store_retry_ms(const struct store *store);

/* Writes the values as of the newest generation and later to a new file. False and
 * `why` (of DATABASE_WHY_SIZE) on an error. */
bool store_backup(const struct store *store, const char *path, char *why);

#endif
