/* SPDX-License-Identifier: MIT
 *
 * The state actor: what an order asks for is on the disk when it comes back, and what
 * fails is told. */
#include "keeper.h"

#include <stdlib.h>
#include <string.h>

#include "folder.h"
#include "log.h"
#include "unit.h"

static enum store_verdict accept_all(const void *context, const struct items *items,
                                     char *why)
{
    (void)context;
    (void)items;
    (void)why;
    return STORE_ACCEPTED;
}

static const struct store_schema schema = {.version = 1, .accept = accept_all};

static struct store *open_store(void)
{
    struct fault fault = {0};
    struct store *store = store_open(folder, &schema, false, &fault);
    ck_assert_msg(store != NULL, "%s", fault.text);
    return store;
}

static struct keeper *begin(void)
{
    folder_make();
    zsys_handler_set(NULL);
    log_configure(LEVEL_ERROR, LOG_TEXT);
    struct fault fault = {0};
    struct keeper *keeper = keeper_start(open_store(), &fault);
    ck_assert_msg(keeper != NULL, "%s", fault.text);
    return keeper;
}

static void end(struct keeper *keeper)
{
    keeper_end(&keeper);
    folder_remove();
    zsys_shutdown();
}

/* An order with one value, or none. */
static struct order *make(const char *value)
{
    struct order *order = order_new();
    order->may_write = true;
    if (value != NULL) {
        order->capture = capture_new();
        order->capture->item = calloc(1, sizeof(struct captured));
        order->capture->item[0] = (struct captured){"kind", "name", value, strlen(value)};
        order->capture->n = 1;
    }
    return order;
}

static void ask(struct order *order, const char *arguments)
{
    struct request *request = request_new(REQUEST_COMMAND);
    request->arguments = json_loads(arguments, 0, NULL);
    ck_assert_ptr_nonnull(request->arguments);
    request_push(&order->requests, request);
}

static struct order *carry_out(struct keeper *keeper, struct order *order)
{
    keeper_give(keeper, order);
    order = keeper_take(keeper, 30000);
    ck_assert_ptr_nonnull(order);
    return order;
}

START_TEST(an_order_is_on_the_disk_when_it_is_back)
{
    struct keeper *keeper = begin();
    struct order *order = carry_out(keeper, make("one"));
    ck_assert_int_eq(order->outcome, STORE_WRITTEN);
    ck_assert_uint_eq(order->settlement.generation, 1);
    ck_assert_uint_eq(order->settlement.safe, 0);
    order_destroy(&order);
    order = carry_out(keeper, make("two"));
    ck_assert_uint_eq(order->settlement.generation, 2);
    ck_assert_uint_eq(order->settlement.safe, 1);
    order_destroy(&order);
    keeper_end(&keeper);
    struct store *store = open_store();
    ck_assert_mem_eq(items_get(store_items(store), "kind", "name")->value, "two", 3);
    store_close(&store);
    folder_remove();
    zsys_shutdown();
}
END_TEST

START_TEST(a_value_that_is_no_more_is_removed)
{
    struct keeper *keeper = begin();
    struct order *order = carry_out(keeper, make("one"));
    order_destroy(&order);
    order = make("");
    order->capture->item[0].value = NULL;
    order = carry_out(keeper, order);
    order_destroy(&order);
    keeper_end(&keeper);
    struct store *store = open_store();
    ck_assert_ptr_null(items_get(store_items(store), "kind", "name"));
    store_close(&store);
    folder_remove();
    zsys_shutdown();
}
END_TEST

/* Both files get it; then nothing is written until something changes or it is urgent. */
START_TEST(nothing_new_is_not_written)
{
    struct keeper *keeper = begin();
    const uint64_t generations[] = {1, 2, 2, 2};
    for (size_t i = 0; i < COUNT(generations); i++) {
        struct order *order = carry_out(keeper, make("same"));
        ck_assert_uint_eq(order->settlement.generation, generations[i]);
        order_destroy(&order);
    }
    struct order *order = make(NULL);
    order->is_urgent = true;
    order = carry_out(keeper, order);
    ck_assert_uint_eq(order->settlement.generation, 3);
    order_destroy(&order);
    end(keeper);
}
END_TEST

START_TEST(commands_are_replied_to)
{
    struct keeper *keeper = begin();
    struct order *order = make("one");
    char backup[256];
    snprintf(backup, sizeof(backup), "{\"file\": \"%s\"}", folder_path("saved"));
    ask(order, "{}");
    ask(order, backup);
    ask(order, "{\"file\": \"relative\"}");
    ask(order, backup);
    order = carry_out(keeper, order);
    const enum request_code codes[] = {CODE_OK, CODE_OK, CODE_ARGUMENT, CODE_REFUSED};
    for (size_t i = 0; i < COUNT(codes); i++) {
        struct request *request = request_pop(&order->requests);
        ck_assert_int_eq(request->code, codes[i]);
        if (codes[i] == CODE_OK) {
            ck_assert_int_eq(
                json_integer_value(json_object_get(request->reply, "generation")), 1);
        }
        request_destroy(&request);
    }
    ck_assert(folder_has("saved"));
    order_destroy(&order);
    end(keeper);
}
END_TEST

START_TEST(a_refusal_fails_the_order_and_waits)
{
    struct keeper *keeper = begin();
    struct order *order = make("one");
    order->may_write = false;
    fault_set(&order->refusal, 1, "no folder");
    ask(order, "{}");
    order = carry_out(keeper, order);
    ck_assert_int_eq(order->outcome, STORE_FAILED);
    ck_assert_str_eq(order->problem, "no folder");
    ck_assert_int_gt(order->retry_ms, 0);
    struct request *request = request_pop(&order->requests);
    ck_assert_int_eq(request->code, CODE_REFUSED);
    request_destroy(&request);
    order_destroy(&order);
    order = make(NULL); /* the value was taken all the same */
    order->is_urgent = true;
    order = carry_out(keeper, order);
    ck_assert_int_eq(order->outcome, STORE_WRITTEN);
    ck_assert_str_eq(order->problem, "");
    order_destroy(&order);
    keeper_end(&keeper);
    struct store *store = open_store();
    ck_assert_ptr_nonnull(items_get(store_items(store), "kind", "name"));
    store_close(&store);
    folder_remove();
    zsys_shutdown();
}
END_TEST

START_TEST(orders_are_carried_out_before_the_end)
{
    struct keeper *keeper = begin();
    for (int i = 0; i < 5; i++) {
        struct order *order = make(i % 2 == 0 ? "even" : "odd");
        keeper_give(keeper, order);
    }
    for (uint64_t i = 1; i <= 5; i++) {
        struct order *order = keeper_take(keeper, 30000);
        ck_assert_uint_eq(order->settlement.generation, i);
        order_destroy(&order);
    }
    ck_assert_ptr_null(keeper_take(keeper, 0));
    end(keeper);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(an_order_is_on_the_disk_when_it_is_back),
        UNIT(a_value_that_is_no_more_is_removed),
        UNIT(nothing_new_is_not_written),
        UNIT(commands_are_replied_to),
        UNIT(a_refusal_fails_the_order_and_waits),
        UNIT(orders_are_carried_out_before_the_end),
    };
    return unit_run("keeper", tests, COUNT(tests));
}
