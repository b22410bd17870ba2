/* What emit writes, yaml reads back unchanged, whatever the text is. */
#include "lang/emit.h"

#include <string.h>

#include "lang/node.h"
#include "tests/unit/lang/lang_case.h"

static const char *const texts[] = {
    "plain",
    "",
    " lead",
    "trail ",
    "a: b",
    "a #b",
    "- dash",
    "? mark",
    "yes",
    "null",
    "12",
    "1.5",
    "0x1f",
    "1:30",
    "2024-01-01",
    "'single'",
    "\"double\"",
    "back\\slash \"both\"",
    "it's \"both\"",
    "${{ .params.x }}",
    "{a: b}",
    "[x], y",
    "a\tb",
    "\x1b[31m\x7f",
    "\u202ebidi",
    "\ufeff",
    "\u65e5\u672c \U0001f680",
    "one\ntwo",
    "one\ntwo\n",
    "one\n\n\ntwo\n",
    "  lead\ntwo\n",
    "\tlead\ntwo",
    "one\n   \ntwo",
    "\nlead",
    "two ends\n\n",
    "---\n...\n",
    "# comment\n",
    "trail  \nblanks  \n",
    "&a *b !c %d @e `f",
    "~",
    "=",
    "<<",
};

static const struct node *read_back(const struct buf *out, struct arena *arena) {
    struct diag *diag = diag_new();
    const struct yaml yaml = {.path = "emit",
                              .bytes = out->data,
                              .length = out->length,
                              .nodes = arena,
                              .texts = arena,
                              .diag = diag};
    const struct node *node = yaml_parse(&yaml);
    assert_int_equal(diag_count(diag), 0);
    diag_free(diag);
    assert_non_null(node);
    return node;
}

static void assert_text(const struct node *node, const char *text) {
    assert_int_equal(node->kind, NODE_SCALAR);
    assert_int_equal(node->type, NODE_TEXT);
    assert_string_equal(node->text, text);
}

static void test_texts(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        AUTO_BUF out = BUF_INIT(1 << 16);
        struct arena *arena = arena_new();
        struct emit emit = emit_begin(&out);
        emit_comment(&emit, texts[i]);
        emit_text(&emit, "text", texts[i]);
        emit_flow_open(&emit, "flow");
        emit_flow_text(&emit, "in", strchr(texts[i], '\n') ? "x" : texts[i]);
        emit_flow_close(&emit);
        emit_open(&emit, "list");
        emit_item(&emit, texts[i]);
        emit_open_item(&emit);
        emit_comment(&emit, texts[i]);
        emit_text(&emit, "deep", texts[i]);
        emit_close(&emit);
        emit_close(&emit);
        const struct node *root = read_back(&out, arena);
        assert_text(node_find(root, "text", NULL), texts[i]);
        assert_text(node_find(node_find(root, "flow", NULL), "in", NULL),
                    strchr(texts[i], '\n') ? "x" : texts[i]);
        const struct node *list = node_find(root, "list", NULL);
        assert_text(&list->items[0], texts[i]);
        assert_text(node_find(&list->items[1], "deep", NULL), texts[i]);
        arena_free(arena);
    }
}

static void test_lines(void **state) {
    (void)state;
    AUTO_BUF out = BUF_INIT(1 << 16);
    struct emit emit = emit_begin(&out);
    emit_text(&emit, "a", "one\ntwo\n");
    assert_int_equal(emit.line, 4);
    emit_comment(&emit, "x\ny");
    assert_int_equal(emit.line, 6);
    assert_string_equal(buf_text(&out), "a: |\n  one\n  two\n# x\n# y\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
