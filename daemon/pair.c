/* SPDX-License-Identifier: MIT */
#include "pair.h"

#include <czmq.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "durable.h"
#include "log.h"
#include "sidecopy.h"
#include "statefile.h"
#include "xalloc.h"

/* More files set aside of one generation than anybody has the patience for. */
enum { ASIDE_MAX = 1000 };

/* What was found at one of the paths. */
struct candidate {
    enum database_result result;
    struct items *items;         /* when DATABASE_OK */
    char why[DATABASE_WHY_SIZE]; /* when not */
};

/* ---- Names ----------------------------------------------------------------- */

static void make_instance(struct pair *pair)
{
    zuuid_t *uuid = zuuid_new();
    snprintf(pair->instance, sizeof(pair->instance), "%s", zuuid_str_canonical(uuid));
    zuuid_destroy(&uuid);
}

void pair_init(struct pair *pair, const char *folder)
{
    memset(pair, 0, sizeof(*pair));
    pair->path[0] = xformat("%s/state.0", folder);
    pair->path[1] = xformat("%s/state.1", folder);
    pair->instance_path = xformat("%s/instance", folder);
}

void pair_clear(struct pair *pair)
{
    free(pair->path[0]);
    free(pair->path[1]);
    free(pair->instance_path);
    memset(pair, 0, sizeof(*pair));
}

uint64_t pair_newest(const struct pair *pair)
{
    const uint64_t zero = pair->head[0].generation;
    const uint64_t one = pair->head[1].generation;
    return zero > one ? zero : one;
}

uint64_t pair_oldest(const struct pair *pair)
{
    const uint64_t zero = pair->head[0].generation;
    const uint64_t one = pair->head[1].generation;
    return zero < one ? zero : one;
}

/* ---- The instance file ----------------------------------------------------- */

/* True if there is such a file, whatever it holds. text gets a uuid or "". */
static bool read_instance(const struct pair *pair,
                          char text[static STATEHEAD_INSTANCE_SIZE])
{
    struct stat status;
    FILE *file = fopen(pair->instance_path, "re");
    if (file == NULL || fgets(text, STATEHEAD_INSTANCE_SIZE, file) == NULL ||
        strlen(text) != STATEHEAD_INSTANCE_SIZE - 1 ||
        strspn(text, "0123456789abcdefABCDEF-") != STATEHEAD_INSTANCE_SIZE - 1) {
        text[0] = '\0';
    }
    if (file != NULL) {
        fclose(file);
    }
    return lstat(pair->instance_path, &status) == 0;
}

const char *pair_keep_instance(const struct pair *pair)
{
    char text[STATEHEAD_INSTANCE_SIZE];
    if (read_instance(pair, text) && strcmp(text, pair->instance) == 0) {
        return NULL;
    }
    char line[STATEHEAD_INSTANCE_SIZE + 1];
    snprintf(line, sizeof(line), "%s\n", pair->instance);
    return durable_write(pair->instance_path, line);
}

/* ---- Setting aside --------------------------------------------------------- */

/* A name that nothing has yet; NULL: none was found. */
static char *find_aside(const struct pair *pair, size_t i, const char *word)
{
    const uint64_t generation = pair->head[i].generation;
    struct stat status;
    for (unsigned n = 1; n <= ASIDE_MAX; n++) {
        char number[32];
        snprintf(number, sizeof(number), generation > 0 ? "%" PRIu64 : "unknown",
                 generation);
        char *name = n == 1 ? xformat("%s.%s-%s", pair->path[i], word, number)
                            : xformat("%s.%s-%s.%u", pair->path[i], word, number, n);
        char *journal = xformat("%s-journal", name);
        const bool is_free = lstat(name, &status) == -1 && lstat(journal, &status) == -1;
        free(journal);
        if (is_free) {
            return name;
        }
        free(name);
    }
    return NULL;
}

/* The journal first: a file without its journal is whole or damaged, but a journal
 * without its file would be rolled into the next one of that name. One that is over
 * stays for that. */
static const char *rename_both(const char *from, const char *to)
{
    char *journal_from = xformat("%s-journal", from);
    char *journal_to = xformat("%s-journal", to);
    const char *failed =
        sidecopy_is_needed(from) ? durable_rename(journal_from, journal_to) : NULL;
    if (failed == NULL) {
        failed = durable_rename(from, to);
    }
    free(journal_to);
    free(journal_from);
    return failed;
}

bool pair_set_aside(struct pair *pair, size_t i, const char *word, const char *why,
                    const char **problem)
{
    char *name = find_aside(pair, i, word);
    errno = EEXIST;
    *problem = name != NULL ? rename_both(pair->path[i], name) : "rename";
    if (*problem == NULL) {
        log_warn("%s: %s: set aside as %s", pair->path[i], why, name);
        memset(&pair->head[i], 0, sizeof(pair->head[i]));
    }
    free(name);
    return *problem == NULL;
}

/* ---- Loading --------------------------------------------------------------- */

static bool migrate(const struct store_schema *schema, unsigned from,
                    struct candidate *candidate)
{
    for (unsigned version = from; version < schema->version; version++) {
        if (!schema->migrate(schema->context, version, candidate->items,
                             candidate->why)) {
            return false;
        }
    }
    return true;
}

/* Whether a state that is whole is the one to go on from. */
static enum database_result judge(const struct pair *pair, size_t i,
                                  const struct store_schema *schema,
                                  struct candidate *candidate)
{
    char instance[STATEHEAD_INSTANCE_SIZE];
    read_instance(pair, instance);
    if (instance[0] != '\0' && strcmp(instance, pair->head[i].instance) != 0) {
        snprintf(candidate->why, sizeof(candidate->why),
                 "it belongs to instance %s, the folder to %s", pair->head[i].instance,
                 instance);
        return DATABASE_DAMAGED;
    }
    if (!migrate(schema, pair->head[i].version, candidate)) {
        return DATABASE_DAMAGED;
    }
    switch (schema->accept(schema->context, candidate->items, candidate->why)) {
    case STORE_ACCEPTED:
        return DATABASE_OK;
    case STORE_DAMAGED:
        return DATABASE_DAMAGED;
    case STORE_MISMATCH:
        break;
    }
    return DATABASE_FOREIGN;
}

/* Tries the files, newest first. Returns the one to go on from, or 2. */
static size_t choose(struct pair *pair, const struct store_schema *schema,
                     struct candidate candidate[static 2])
{
    const size_t newer = pair->head[1].generation > pair->head[0].generation ? 1 : 0;
    for (size_t n = 0; n < 2; n++) {
        const size_t i = n == 0 ? newer : 1 - newer;
        if (candidate[i].result != DATABASE_OK) {
            continue;
        }
        candidate[i].result = judge(pair, i, schema, &candidate[i]);
        if (candidate[i].result == DATABASE_OK) {
            return i;
        }
        if (candidate[i].result == DATABASE_FOREIGN) {
            break;
        }
    }
    return 2;
}

static const char *describe(const struct candidate *candidate)
{
    return candidate->result == DATABASE_ABSENT ? "there is none"
           : candidate->result == DATABASE_OK   ? "whole"
                                                : candidate->why;
}

/* The first start of a folder, or the reason why nothing loads. */
static struct items *begin_or_refuse(struct pair *pair,
                                     const struct candidate candidate[static 2],
                                     struct fault *fault)
{
    char instance[STATEHEAD_INSTANCE_SIZE];
    bool is_bare = true;
    for (size_t i = 0; i < 2; i++) {
        is_bare = is_bare && (candidate[i].result == DATABASE_ABSENT ||
                              candidate[i].result == DATABASE_EMPTY);
    }
    if (is_bare && !read_instance(pair, instance)) {
        make_instance(pair);
        return items_new();
    }
    fault_set(fault, EX_DATAERR,
              "%s: %s; %s: %s: %s: bring a backup back, or begin anew"
              " with --init",
              pair->path[0], describe(&candidate[0]), pair->path[1],
              describe(&candidate[1]), is_bare ? "state lost" : "no state loads");
    return NULL;
}

/* What ends a start although one of the files may be fine. */
static bool refuse_at_once(const struct pair *pair,
                           const struct candidate candidate[static 2],
                           struct fault *fault)
{
    for (size_t i = 0; i < 2; i++) {
        const char *why = candidate[i].why;
        if (candidate[i].result == DATABASE_NEWER) {
            fault_set(fault, EX_DATAERR, "%s: %s: start a newer mixd", pair->path[i],
                      why);
        } else if (candidate[i].result == DATABASE_FOREIGN) {
            fault_set(fault, EX_DATAERR, "%s: %s", pair->path[i], why);
        } else if (candidate[i].result == DATABASE_FAILED) {
            fault_set(fault, EX_IOERR, "%s: %s", pair->path[i], why);
        } else {
            continue;
        }
        return true;
    }
    return false;
}

/* The other file, when it is not a state that loads, must not stay in the way. */
static void clear_other(struct pair *pair, size_t other,
                        const struct candidate *candidate)
{
    const char *problem;
    if (candidate->result == DATABASE_DAMAGED &&
        !pair_set_aside(pair, other, "bad", candidate->why, &problem)) {
        log_warn("%s: %s: cannot be set aside: %s: %s", pair->path[other], candidate->why,
                 problem, strerror(errno));
    } else if (candidate->result == DATABASE_EMPTY) {
        log_info("%s: it is empty: its first checkpoint did not end", pair->path[other]);
    }
}

struct items *pair_load(struct pair *pair, const struct store_schema *schema,
                        struct fault *fault)
{
    struct candidate candidate[2] = {0};
    struct items *items = NULL;
    for (size_t i = 0; i < 2; i++) {
        candidate[i].result =
            statefile_read(pair->path[i], schema->version, &pair->head[i],
                           &candidate[i].items, candidate[i].why);
    }
    if (!refuse_at_once(pair, candidate, fault)) {
        const size_t chosen = choose(pair, schema, candidate);
        if (chosen < 2) {
            items = candidate[chosen].items;
            candidate[chosen].items = NULL;
            memcpy(pair->instance, pair->head[chosen].instance, sizeof(pair->instance));
            /* What the older one has more than the newer one is not known: it is to be
             * written in full. */
            pair->head[1 - chosen].digest = 0;
            clear_other(pair, 1 - chosen, &candidate[1 - chosen]);
        } else if (!refuse_at_once(pair, candidate, fault)) {
            items = begin_or_refuse(pair, candidate, fault);
        }
    }
    items_destroy(&candidate[0].items);
    items_destroy(&candidate[1].items);
    return items;
}

bool pair_start_afresh(struct pair *pair, struct fault *fault)
{
    struct stat status;
    for (size_t i = 0; i < 2; i++) {
        struct items *items = NULL;
        char why[DATABASE_WHY_SIZE];
        const char *problem;
        /* Only for the generation in the name. */
        statefile_read(pair->path[i], UINT_MAX, &pair->head[i], &items, why);
        items_destroy(&items);
        if (lstat(pair->path[i], &status) == 0 &&
            !pair_set_aside(pair, i, "old", "--init", &problem)) {
            return fault_set(fault, EX_IOERR, "%s: cannot be set aside: %s: %s",
                             pair->path[i], problem, strerror(errno));
        }
    }
    make_instance(pair);
    return true;
}
