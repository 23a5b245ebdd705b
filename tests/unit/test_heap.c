/* SPDX-License-Identifier: MIT
 *
 * Claims about giving memory back. */
#include "heap.h"

#include <stdlib.h>
#include <string.h>

#include "unit.h"

/* Too small for pages of their own. */
enum { PIECES = 4096, PIECE_BYTES = 64 << 10 };

START_TEST(what_lies_between_pieces_in_use_goes_back)
{
    static void *kept[PIECES], *freed[PIECES];
    if (UNIT_IS_SANITIZED) {
        return; /* it has an allocator of its own */
    }
    const size_t before = heap_resident();
    ck_assert_uint_gt(before, 0);
    for (size_t i = 0; i < PIECES; i++) {
        freed[i] = malloc(PIECE_BYTES);
        kept[i] = malloc(1);
        ck_assert(freed[i] != NULL && kept[i] != NULL);
        memset(freed[i], 1, PIECE_BYTES);
    }
    const size_t most = heap_resident();
    ck_assert_uint_gt(most, before + (size_t)PIECES * PIECE_BYTES / 2);
    for (size_t i = 0; i < PIECES; i++) {
        free(freed[i]);
    }
    heap_trim();
    ck_assert_uint_lt(heap_resident(), before + (most - before) / 4);
    for (size_t i = 0; i < PIECES; i++) {
        free(kept[i]);
    }
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(what_lies_between_pieces_in_use_goes_back),
    };
    return unit_run("heap", tests, COUNT(tests));
}
