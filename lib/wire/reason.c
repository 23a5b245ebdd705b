/* SPDX-License-Identifier: MIT
 *
 * Rejection reasons in words. */
#include "reason.h"

#include <stddef.h>

static const struct {
    const char *label;
    const char *meaning;
} reasons[REASON_COUNT] = {[REASON_NONE] = {"", ""},
#define X(name, label_, meaning_) [REASON_##name] = {label_, meaning_},
                           REASONS(X)
#undef X
};

const char *reason_label(enum reason reason)
{
    return reasons[reason].label;
}

const char *reason_meaning(enum reason reason)
{
    return reasons[reason].meaning;
}
