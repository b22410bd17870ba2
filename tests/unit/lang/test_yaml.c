#include "lang/node.h"
#include "tests/unit/lang/lang_case.h"

struct tree {
    struct arena *arena;
    struct diag *diag;
    const struct node *root;
};

static struct tree tree_of(const char *text) {
    struct tree tree = {.arena = arena_new(), .diag = diag_new()};
    struct yaml yaml = {"t", text, strlen(text), tree.arena, tree.arena, tree.diag};
    tree.root = yaml_parse(&yaml);
    return tree;
}

static void tree_end(struct tree *tree) {
    arena_free(tree->arena);
    diag_free(tree->diag);
}

static void test_places(void **state) {
    (void)state;
    struct tree tree = tree_of("a: one\n日本: 'two'\nb:\n  - |\n    text\n  - {c: d}\n");
    const struct node *list = node_find(tree.root, "b", NULL);
    struct span span = node_span(node_value(tree.root, 1), "t");
    assert_int_equal(span.line, 2);
    assert_int_equal(span.column, 5);
    assert_int_equal(span.length, 5);
    span = node_text_span(node_value(tree.root, 1), "t");
    assert_int_equal(span.column, 6);
    span = node_text_span(&list->items[0], "t");
    assert_int_equal(span.line, 5);
    assert_int_equal(span.column, 5);
    span = node_span(&list->items[1], "t");
    assert_int_equal(span.line, 6);
    assert_int_equal(span.column, 5);
    tree_end(&tree);
}

static void test_types(void **state) {
    (void)state;
    struct tree tree = tree_of("[~, '', true, yes, 12, -3, 007, 1.5, .5e3, 1:30, 0x10, '5', 1e, "
                               "2026-01-01, null, +7, ., -]");
    static const enum node_type types[] = {
        NODE_NULL, NODE_TEXT,   NODE_BOOL,   NODE_TEXT,    NODE_INTEGER, NODE_INTEGER,
        NODE_TEXT, NODE_NUMBER, NODE_NUMBER, NODE_TEXT,    NODE_TEXT,    NODE_TEXT,
        NODE_TEXT, NODE_TEXT,   NODE_NULL,   NODE_INTEGER, NODE_TEXT,    NODE_TEXT};
    assert_int_equal(tree.root->count, COUNT(types));
    for (size_t i = 0; i < COUNT(types); i++)
        assert_int_equal(tree.root->items[i].type, types[i]);
    tree_end(&tree);
}

static void test_merge(void **state) {
    (void)state;
    struct tree tree = tree_of("x: &x {a: 1, b: 2}\ny: &y {b: 3, c: 4}\n"
                               "z: {<<: [*x, *y], c: 5}\n");
    const struct node *merged = node_find(tree.root, "z", NULL);
    assert_int_equal(diag_count(tree.diag), 0);
    assert_int_equal(merged->count, 3);
    assert_string_equal(node_find(merged, "a", NULL)->text, "1");
    assert_string_equal(node_find(merged, "b", NULL)->text, "2");
    assert_string_equal(node_find(merged, "c", NULL)->text, "5");
    tree_end(&tree);
}

static void test_duplicates_in_a_large_mapping(void **state) {
    (void)state;
    AUTO_BUF text = BUF_INIT(1 << 16);
    for (int i = 0; i < 500; i++)
        buf_printf(&text, "k%d: v\n", i);
    buf_puts(&text, "k7: again\nk499: again\n");
    struct tree tree = tree_of(buf_text(&text));
    assert_int_equal(diag_count(tree.diag), 2);
    assert_int_equal(tree.root->count, 500);
    tree_end(&tree);
}

static void test_empty_containers(void **state) {
    (void)state;
    static const char *const texts[] = {"{}", "[]", "a: {}", "[[], {}]"};
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct tree tree = tree_of(texts[i]);
        assert_non_null(tree.root);
        assert_int_equal(diag_count(tree.diag), 0);
        tree_end(&tree);
    }
}

/* Ten levels of ten aliases each would be ten thousand million nodes. */
static void test_aliases_are_counted(void **state) {
    (void)state;
    AUTO_BUF text = BUF_INIT(1 << 16);
    buf_puts(&text, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 10; i++) {
        buf_printf(&text, "a%d: &a%d [", i, i);
        for (int j = 0; j < 10; j++)
            buf_printf(&text, "*a%d, ", i - 1);
        buf_puts(&text, "]\n");
    }
    struct tree tree = tree_of(buf_text(&text));
    assert_null(tree.root);
    assert_int_equal(diag_count(tree.diag), 1);
    tree_end(&tree);
}

/* What aliases nest counts as if it was written there. */
static void test_aliases_cannot_nest_deeper(void **state) {
    (void)state;
    AUTO_BUF text = BUF_INIT(1 << 16);
    for (int i = 0; i < 3; i++) {
        buf_printf(&text, "a%d: &a%d ", i, i);
        for (int j = 0; j < 30; j++)
            buf_putc(&text, '[');
        if (i > 0)
            buf_printf(&text, "*a%d ", i - 1);
        for (int j = 0; j < 30; j++)
            buf_putc(&text, ']');
        buf_putc(&text, '\n');
    }
    struct tree tree = tree_of(buf_text(&text));
    assert_null(tree.root);
    assert_int_equal(diag_count(tree.diag), 1);
    tree_end(&tree);
}

static void test_refused(void **state) {
    (void)state;
    static const char *const texts[] = {
        "a: [",
        "a: 'b",
        "a: *b",
        "a: b: c",
        "\ta: b",
        "a:\n\t- b",
        "a: !!set {}",
        "- a\nb: c",
        "? {a: b}\n: c",
        "a: &x [*x]",
        "%YAML 3.0\n---\na: b",
        "a: \"\\q\"",
        "a: @b",
        "{a: b",
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct tree tree = tree_of(texts[i]);
        assert_true(diag_count(tree.diag) > 0);
        tree_end(&tree);
    }
}

static void test_bytes(void **state) {
    (void)state;
    struct lang_case empty = lang_case_bytes("", 0);
    assert_int_equal(diag_count(empty.diag), 1);
    assert_null(empty.runbook);
    lang_case_end(&empty);
    struct lang_case nul = lang_case_bytes("a: b\0c\n", 7);
    AUTO_TEXT said = lang_case_said(&nul, 0);
    assert_string_equal(said, "1:5: a NUL byte: this is no text file");
    lang_case_end(&nul);
    struct lang_case latin = lang_case_text("a: ok\nb: caf\xe9\n");
    AUTO_TEXT where = lang_case_said(&latin, 0);
    assert_string_equal(where, "2:7: a byte that is not UTF-8");
    lang_case_end(&latin);
}

static void test_no_such_file(void **state) {
    (void)state;
    static const char *const paths[] = {"/nonexistent/x.yaml", "/tmp", "/dev/null/x"};
    for (size_t i = 0; i < COUNT(paths); i++) {
        struct diag *diag = diag_new();
        assert_null(runbook_load(paths[i], diag));
        assert_int_equal(diag_count(diag), 1);
        diag_free(diag);
    }
}

struct taken {
    size_t above, count;
    struct buf text;
};

static bool taken_begin(void *user, const struct node *before, const struct node *key, size_t at) {
    struct taken *taken = user;
    assert_true(at > 0);
    if (strcmp(key->text, "list") != 0)
        return false;
    taken->above = before->count;
    return true;
}

static void taken_show(struct taken *taken, const struct node *node) {
    const char *shown = node->kind == NODE_SCALAR ? node->text : node_describe(node);
    assert_int_equal(buf_printf(&taken->text, "%s ", shown), 0);
}

static void taken_take(void *user, const struct node *item) {
    struct taken *taken = user;
    taken->count++;
    taken_show(taken, item);
    for (size_t i = 0; item->kind == NODE_LIST && i < item->count; i++)
        taken_show(taken, &item->items[i]);
}

static struct tree tree_taken(const char *text, struct taken *taken) {
    struct tree tree = {.arena = arena_new(), .diag = diag_new()};
    const struct yaml yaml = {"t", text, strlen(text), tree.arena, tree.arena, tree.diag};
    const struct yaml_items items = {taken_begin, taken_take, taken};
    tree.root = yaml_parse_items(&yaml, &items);
    return tree;
}

static void test_items_are_handed_on(void **state) {
    (void)state;
    struct taken taken = {.text = BUF_INIT(256)};
    struct tree tree = tree_taken("other: [1, 2]\nb: 1\nlist:\n  - one\n  - &x {k: v, list: [c]}\n"
                                  "  - [*x, three]\n  -\n  - [[four]]\nz: *x\n",
                                  &taken);
    assert_string_equal(buf_text(&taken.text),
                        "one a mapping a list a mapping three  a list a list ");
    assert_int_equal(taken.above, 2);
    assert_int_equal(node_find(tree.root, "list", NULL)->count, 0);
    const struct node *aliased = node_find(tree.root, "z", NULL);
    assert_string_equal(node_find(aliased, "k", NULL)->text, "v");
    assert_int_equal(node_find(aliased, "list", NULL)->count, 1);
    tree_end(&tree);
    buf_release(&taken.text);
}

/* Where keys may come again, or do not stand at the beginning of lines. */
static void test_items_that_are_kept(void **state) {
    (void)state;
    static const char *const texts[] = {
        "{list: [a]}", "list: []\nlist: [a]", "x: &x {}\n<<: *x\nlist: [a]", "list: &l [a]",
        "  list: [a]", "- list: [a]",         "list: {list: [a]}",           "list: a",
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct taken taken = {.text = BUF_INIT(256)};
        struct tree tree = tree_taken(texts[i], &taken);
        assert_int_equal(taken.count, 0);
        tree_end(&tree);
    }
}

/* Of a file that is no YAML only that is told, though its steps were parsed before. */
static void test_broken_below_the_steps(void **state) {
    (void)state;
    struct lang_case broken =
        lang_case_text(CASE_HEAD "steps:\n  - {shel: a, when: '.['}\n  - 7\nfinally: [\n");
    assert_null(broken.runbook);
    assert_int_equal(diag_count(broken.diag), 1);
    lang_case_end(&broken);
    assert_said(CASE_HEAD "steps:\n  - {id: a}\nsteps:\n  - {id: a}\n",
                "4:5: a step needs an action");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_merge),
        cmocka_unit_test(test_duplicates_in_a_large_mapping),
        cmocka_unit_test(test_empty_containers),
        cmocka_unit_test(test_aliases_are_counted),
        cmocka_unit_test(test_aliases_cannot_nest_deeper),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_no_such_file),
        cmocka_unit_test(test_items_are_handed_on),
        cmocka_unit_test(test_items_that_are_kept),
        cmocka_unit_test(test_broken_below_the_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
