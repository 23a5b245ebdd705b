/* SPDX-License-Identifier: MIT
 *
 * Errors and version of libmix in words. */
#include "mix.h"

#include "autoconf.h"

const char *mix_strerror(enum mix_err err)
{
    static const char *const sentences[] = {
#define X(name, sentence) [MIX_##name] = sentence,
        MIX_ERRORS(X)
#undef X
    };
    const size_t n = sizeof(sentences) / sizeof(sentences[0]);
    return (size_t)err < n ? sentences[err] : "unknown error";
}

const char *mix_version(void)
{
    return PACKAGE_VERSION;
}
