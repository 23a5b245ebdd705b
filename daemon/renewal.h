/* SPDX-License-Identifier: MIT
 *
 * A stream's part in a reload, in its worker: what can fail is tried first, in all
 * workers; then all of them change over, or none. */
#ifndef RENEWAL_H
#define RENEWAL_H

#include <stdbool.h>

#include "config.h"
#include "fault.h"
#include "stream.h"

enum renewal_step {
    RENEWAL_TRY,  /* attach new endpoints, keep the old ones */
    RENEWAL_DONE, /* take the new values, let go of the old endpoints */
    RENEWAL_UNDO  /* let go of the new endpoints */
};

/* One step of a stream towards its section of the new configuration, which lives until
 * the last step is through. False and a fault: RENEWAL_TRY failed, and awaits its undo
 * as all others do. */
bool renewal_take(struct stream *stream, enum renewal_step step,
                  const struct stream_config *next, struct fault *fault);

#endif
