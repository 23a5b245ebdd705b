/* SPDX-License-Identifier: MIT
 *
 * What the main thread answers to commands, or adds to the answers of the workers. */
#ifndef HERE_H
#define HERE_H

struct daemon;
struct request;

typedef void here_fn(struct daemon *daemon, struct request *request);
here_fn here_status, here_config, here_version, here_stop;

#endif
