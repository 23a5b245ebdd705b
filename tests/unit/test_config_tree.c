/* SPDX-License-Identifier: MIT
 *
 * Trees of YAML texts: their shape, and the places of keys and values. */
#include "config_tree.h"

#include <string.h>

#include "unit.h"

/* A tree as text: "(1:1 a@1:1=x, ...)" for a map, "[...]" for a list, ? for what is
 * bad, quotes around what was quoted. */
static void tell(const struct node *node, FILE *out)
{
    static const char *const ends[] = {
        [NODE_BAD] = "?", [NODE_SCALAR] = "", [NODE_LIST] = "[]", [NODE_MAP] = "()"};
    const char *pair = ends[node->kind];
    if (node->kind == NODE_SCALAR) {
        fprintf(out, node->is_plain ? "%s" : "'%s'", node->text);
    }
    fprintf(out, "%.1s", pair);
    for (size_t i = 0; node->kind >= NODE_LIST && i < node->n; i++) {
        const struct node *item = &node->item[i];
        fputs(i > 0 ? " " : "", out);
        if (item->key != NULL) {
            fprintf(out, "%d:%d %s=", item->key_place.line, item->key_place.column,
                    item->key);
        }
        fprintf(out, "%d:%d ", item->place.line, item->place.column);
        tell(item, out);
    }
    fputs(strlen(pair) > 1 ? pair + 1 : "", out);
}

static const struct {
    const char *text;
    const char *tree;
    bool is_whole;
} texts[] = {
    {"", "?", true},
    {"a", "a", true},
    {"{}", "()", true},
    {"a: 1\nb: '1'\n", "(1:1 a=1:4 1 2:1 b=2:4 '1')", true},
    {"a:\n  b: [x, \"y\"]\n", "(1:1 a=2:3 (2:3 b=2:6 [2:7 x 2:10 'y']))", true},
    {"- a\n- {b: c}\n- - d\n", "[1:3 a 2:3 (2:4 b=2:7 c) 3:3 [3:5 d]]", true},
    {"a:\nb:\n", "(1:1 a=1:3  2:1 b=2:3 )", true},
    {"# c\n---\na: |\n  x\n...\n", "(3:1 a=3:4 ?)", true}, /* a line break in a value */
    {"a: >-\n  x\n  y\n", "(1:1 a=1:4 'x y')", true},
    {"a: b\na: c\n", "(1:1 a=1:4 b 2:1 a=2:4 ?)", true},
    {"a: *b\nc: d\n", "(1:1 a=1:4 ? 2:1 c=2:4 d)", true},
    {"a: b\n? [c]\n", "(1:1 a=1:4 b 2:3 =0:0 ?)", false},
    {"a: b\nc: [d\n", "(1:1 a=1:4 b 2:1 c=2:4 [2:5 d])", false},
    {"a: b\n---\nc: d\n", "(1:1 a=1:4 b)", false},
    {"\xc3\xa9: \xe2\x82\xac x\n", "(1:1 \xc3\xa9=1:4 \xe2\x82\xac x)", true},
};

START_TEST(a_tree_has_the_shape_and_places_of_its_text)
{
    struct findings findings = {0};
    bool is_whole = false;
    char *told = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&told, &size);
    struct node *root =
        config_tree_read(texts[_i].text, strlen(texts[_i].text), &findings, &is_whole);
    tell(root, out);
    fclose(out);
    ck_assert_str_eq(told, texts[_i].tree);
    ck_assert_int_eq(is_whole, texts[_i].is_whole);
    free(told);
    config_tree_destroy(&root);
    config_tree_destroy(&root);
    findings_clear(&findings);
}
END_TEST

START_TEST(sixteen_levels_are_taken)
{
    struct findings findings = {0};
    bool is_whole;
    char text[64] = "[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]";
    struct node *root = config_tree_read(text, strlen(text), &findings, &is_whole);
    ck_assert(is_whole);
    ck_assert_uint_eq(findings.n, 0);
    config_tree_destroy(&root);
    findings_clear(&findings);
}
END_TEST

START_TEST(findings_are_told_in_the_order_of_the_text)
{
    struct findings findings = {0};
    findings_add(&findings, (struct place){2, 1}, "c%d", 1);
    findings_add(&findings, (struct place){1, 9}, "b");
    findings_add(&findings, (struct place){2, 1}, "c%d", 2);
    findings_add(&findings, (struct place){0, 0}, "a");
    findings_sort(&findings);
    static const char *const order[] = {"a", "b", "c1", "c2"};
    for (size_t i = 0; i < COUNT(order); i++) {
        ck_assert_str_eq(findings.item[i].text, order[i]);
    }
    findings_clear(&findings);
    findings_sort(&findings);
    ck_assert_uint_eq(findings.n, 0);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT_LOOP(a_tree_has_the_shape_and_places_of_its_text, texts),
        UNIT(sixteen_levels_are_taken),
        UNIT(findings_are_told_in_the_order_of_the_text),
    };
    return unit_run("config_tree", tests, COUNT(tests));
}
