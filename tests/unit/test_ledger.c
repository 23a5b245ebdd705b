/* SPDX-License-Identifier: MIT */
#include "ledger.h"

#include <string.h>

#include "unit.h"

START_TEST(the_identity_holds_or_does_not)
{
    struct ledger ledger = {0};
    ck_assert(ledger_holds(&ledger));
    ledger.received = 20;
    ledger.learned = 10;
    ledger.rejected[REASON_PARSE] = 3;
    ledger.rejected[REASON_FROZEN] = 1;
    ledger.duplicate = 4;
    ledger.queued = 2;
    ledger.lost = 99; /* never came: not part of it */
    ck_assert(ledger_holds(&ledger));
    ck_assert_uint_eq(ledger_rejected(&ledger), 4);
    ledger.queued++;
    ck_assert(!ledger_holds(&ledger));
    ledger.queued--;
    ledger.rejected[REASON_NONE] = 1; /* a point is not rejected for no reason */
    ledger.received++;
    ck_assert(!ledger_holds(&ledger));
}
END_TEST

START_TEST(adding_keeps_the_identity_and_every_reason)
{
    struct ledger sum = {0};
    struct ledger one = {
        .received = 7, .learned = 1, .duplicate = 1, .queued = 1, .lost = 5};
    one.rejected[REASON_FRAMES] = 1;
    one.rejected[REASON_KEY] = 3;
    ledger_add(&sum, &one);
    ledger_add(&sum, &one);
    ck_assert(ledger_holds(&sum));
    ck_assert_uint_eq(sum.received, 14);
    ck_assert_uint_eq(sum.rejected[REASON_FRAMES], 2);
    ck_assert_uint_eq(sum.rejected[REASON_KEY], 6);
    ck_assert_uint_eq(sum.lost, 10);
}
END_TEST

START_TEST(json_has_the_reasons_that_occurred)
{
    struct ledger ledger = {.received = 9, .learned = 5, .queued = 1, .lost = 2};
    ledger.rejected[REASON_HEADER] = 3;
    json_t *json = ledger_json(&ledger);
    char *text = json_dumps(json, JSON_COMPACT);
    ck_assert_str_eq(text, "{\"received\":9,\"learned\":5,\"rejected\":{\"header\":3},"
                           "\"duplicate\":0,\"queued\":1,\"lost\":2}");
    free(text);
    json_decref(json);
}
END_TEST

START_TEST(every_reason_has_a_label_of_its_own)
{
    ck_assert_str_eq(reason_label(REASON_NONE), "");
    for (enum reason reason = REASON_NONE + 1; reason < REASON_COUNT; reason++) {
        ck_assert_str_ne(reason_label(reason), "");
        ck_assert_str_ne(reason_meaning(reason), "");
        for (enum reason other = REASON_NONE; other < reason; other++) {
            ck_assert_str_ne(reason_label(reason), reason_label(other));
        }
    }
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(the_identity_holds_or_does_not),
        UNIT(adding_keeps_the_identity_and_every_reason),
        UNIT(json_has_the_reasons_that_occurred),
        UNIT(every_reason_has_a_label_of_its_own),
    };
    return unit_run("ledger", tests, COUNT(tests));
}
