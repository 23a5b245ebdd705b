/* SPDX-License-Identifier: MIT
 *
 * What became of the points that were sent, by the ledger of their stream. */
#ifndef ACCOUNT_H
#define ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "client.h"

struct account {
    struct client *client;
    const char *stream;
    double timeout_s;  /* patience without progress */
    json_t *before;    /* ledger at the start */
    json_t *now;       /* ledger last seen */
    double progress_s; /* tool_clock() of the last time it grew */
};

/* Notes the ledger before the first point. */
bool account_open(struct account *account, struct client *client, const char *stream,
                  double timeout_s, struct failure *failure);
void account_close(struct account *account);

/* Points received since the start, by the ledger last seen. */
uint64_t account_received(const struct account *account);

/* Looks at the ledger again. False and the failure (EX_IOERR, with the growth of every
 * entry) when it has not grown for timeout_s, or when the daemon does not answer. */
bool account_check(struct account *account, uint64_t sent, struct failure *failure);

/* Waits until the daemon has received all that was sent. False and the failure as
 * above. */
bool account_drain(struct account *account, uint64_t sent, struct failure *failure);

/* The points rejected since the start as "3 (value 2, parse 1)", or NULL. */
char *account_rejected(const struct account *account);

#endif
