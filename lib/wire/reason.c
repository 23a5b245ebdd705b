/* SPDX-License-Identifier: MIT
 *
 * Rejection reasons in words. */
#include "reason.h"

#include <string.h>

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

enum reason reason_find(const char *label, size_t length)
{
    for (enum reason reason = REASON_NONE + 1; reason < REASON_COUNT; reason++) {
        if (strlen(reasons[reason].label) == length &&
            memcmp(reasons[reason].label, label, length) == 0) {
            return reason;
        }
    }
    return REASON_NONE;
}

const char *reason_meaning(enum reason reason)
{
    return reasons[reason].meaning;
}
