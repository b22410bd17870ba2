#include "fixture.h"
#include "value/template.h"

struct world {
    struct arena *arena;
    struct expr_set *set;
    value run;
    struct expr_input input;
};

static int setup(void **state) {
    struct world *world = mem_zalloc(sizeof *world);
    world->arena = arena_new();
    world->set = expr_set_new();
    world->run = parsed(RUN);
    world->input = (struct expr_input){.get = run_get, .user = &world->run};
    *state = world;
    return 0;
}

static int teardown(void **state) {
    struct world *world = *state;
    arena_free(world->arena);
    expr_set_free(world->set);
    value_free(world->run);
    mem_free(world);
    return 0;
}

static struct template *template_of(struct world *world, const char *text, struct err *err) {
    struct template *tmpl = NULL;
    if (template_parse(world->arena, world->set, text, strlen(text), here, &tmpl, err) < 0)
        return NULL;
    struct heard heard = {0};
    if (expr_set_compile(world->set, hear, &heard) != 0)
        fail_msg("%s: %s", text, heard.first.message);
    return tmpl;
}

static char *rendered(struct world *world, const char *text) {
    AUTO_ERR err = ERR_INIT;
    struct template *tmpl = template_of(world, text, &err);
    AUTO_VALUE result = value_none();
    if (!tmpl)
        return err_shown("parse", &err);
    if (template_render(tmpl, &world->input, &result, &err) < 0)
        return err_shown("render", &err);
    return value_to_json(result);
}

#define assert_renders(text, wanted) assert_shown(rendered(*state, text), wanted)

static void test_types(void **state) {
    assert_renders("plain", "\"plain\"");
    assert_renders("", "\"\"");
    assert_renders("${{ .params.n }}", "3");
    assert_renders("${{.params.list}}", "[1,2,3]");
    assert_renders("${{ .params.none }}", "null");
    assert_renders(" ${{ .params.n }}", "\" 3\"");
    assert_renders("n=${{ .params.n }}, ${{ .params.list }}; ${{ .params.env }}${{ true }}",
                   "\"n=3, [1,2,3]; drilltrue\"");
}

static void test_scanning(void **state) {
    assert_renders("${{ \"}}\" }}", "\"}}\"");
    assert_renders("${{ {a:{b:1}}}}", "{\"a\":{\"b\":1}}");
    assert_renders("${{ {a:{b:1}}}}x", "\"{\\\"a\\\":{\\\"b\\\":1}}x\"");
    assert_renders("<${{ \"\\({a:1}|.a)}}\" }}>", "\"<1}}>\"");
    assert_renders("$${{ .x }}", "\"${{ .x }}\"");
    assert_renders("a $${{ b ${{ .params.n }} }}", "\"a ${{ b 3 }}\"");
    assert_renders("$x ${y} $", "\"$x ${y} $\"");
    assert_renders("$$$${{ 1 }}", "\"$$${{ 1 }}\"");
}

static void test_errors(void **state) {
    assert_renders("a ${{ .x", "parse 7:13+3 `${{` is never closed (end the expression with `}}`, "
                               "or write `$${{` for a literal `${{`)");
    assert_renders("${{ (.x }}", "parse 7:19+1 `}` stands where `)` was expected");
    assert_renders("${{ }}", "parse 7:15+1 the expression is empty (write a jq expression, such "
                             "as `.params.name`)");
    assert_renders("one\n two ${{ env }}", "parse 8:20+3 `env` is shut off: an expression does "
                                           "not see the engine's environment (write `.env.NAME`)");
    assert_renders("${{ .a |\n 'x' }}", "parse 8:12+1 jq does not know `'` (jq puts strings in "
                                        "double quotes)");
    assert_renders("rm -r /${{ .params.none }}", "render 7:22+12 `.params.none`: is null (say what "
                                                 "stands in its place, as in `.params.none // "
                                                 "\"…\"`)");
    assert_renders("rm -r /${{ .nothing.here }}/", "render 7:22+13 `.nothing.here`: is null (say "
                                                   "what stands in its place, as in "
                                                   "`.nothing.here // \"…\"`)");
    assert_renders("${{ empty }}", "render 7:15+5 `empty`: yields nothing (say what stands in its "
                                   "place, as in `empty // \"…\"`)");
    assert_renders("x${{ .params.n.a }}", "render 7:16+11 `.params.n.a`: cannot index number with "
                                          "string \"a\"");
}

static void test_containers(void **state) {
    struct world *world = *state;
    AUTO_ERR err = ERR_INIT;
    struct template *object = template_object(world->arena);
    struct template *array = template_array(world->arena);
    template_add(object, "n", template_of(world, "${{ .params.n }}", &err));
    template_add(object, "list", array);
    template_add(array, NULL, template_of(world, "v${{ .params.env }}", &err));
    template_add(array, NULL, template_constant(world->arena, value_integer(4)));
    AUTO_VALUE result = value_none();
    assert_int_equal(template_render(object, &world->input, &result, &err), 0);
    assert_shown(value_to_json(result), "{\"list\":[\"vdrill\",4],\"n\":3}");
    AUTO_BUF shown = BUF_INIT(1000);
    template_show(&shown, object);
    assert_string_equal(buf_text(&shown),
                        "{\"n\": \"${{ .params.n }}\", \"list\": [\"v${{ .params.env }}\", 4]}");
    assert_false(template_is_constant(object));
    template_add(array, NULL, template_of(world, "${{ .params.n.x }}", &err));
    AUTO_VALUE none = value_none();
    assert_int_equal(template_render(object, &world->input, &none, &err), -1);
}

static char *texted(struct world *world, const char *text) {
    AUTO_ERR err = ERR_INIT;
    struct template *tmpl = template_of(world, text, &err);
    char *out = NULL;
    if (!tmpl || template_render_text(tmpl, &world->input, &out, &err) < 0)
        return err_shown("render", &err);
    return out;
}

static void test_text(void **state) {
    assert_shown(texted(*state, "${{ .params.list }}"), "[1,2,3]");
    assert_shown(texted(*state, "${{ .params.env }}"), "drill");
    assert_shown(texted(*state, "as it is"), "as it is");
    assert_shown(texted(*state, "${{ .params.none }}"),
                 "render 7:15+12 `.params.none`: is null (say what stands in its place, as in "
                 "`.params.none // \"…\"`)");
    AUTO_TEXT nul = texted(*state, "x${{ \"\\u0000\" }}y");
    assert_non_null(strstr(nul, "NUL"));
}

static void note(void *user, const struct expr *expr) {
    buf_puts(user, expr_text(expr));
    buf_putc(user, ';');
}

static void test_questions(void **state) {
    struct world *world = *state;
    AUTO_ERR err = ERR_INIT;
    AUTO_BUF seen = BUF_INIT(1000);
    template_each_expr(template_of(world, "a${{ .x }}b${{ .y | length }}", &err), note, &seen);
    assert_string_equal(buf_text(&seen), ".x;.y | length;");
    assert_true(template_is_constant(template_of(world, "$${{", &err)));
    assert_false(template_is_constant(template_of(world, "${{ 1 }}", &err)));
    size_t offset = 0;
    assert_true(template_find("ab${{", 5, &offset));
    assert_int_equal(offset, 2);
    assert_false(template_find("ab${{", 4, &offset));
    assert_true(template_find_bare("ab{{ .params.x }}", 17, &offset));
    assert_int_equal(offset, 2);
    assert_true(template_find_bare("{{.Name}} {{.item}}", 19, &offset));
    assert_int_equal(offset, 10);
    static const char *const others[] = {"${{ .params.x }}",
                                         "{{ .parameters }}",
                                         "{ {.run.id}}",
                                         "{{ .Names }} {{ }}",
                                         "{{ params.x }}",
                                         "{{ .run",
                                         "${{ \"{{\" }} .run.id }}",
                                         "{{",
                                         "{"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_false(template_find_bare(others[i], strlen(others[i]), &offset));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_types, setup, teardown),
        cmocka_unit_test_setup_teardown(test_scanning, setup, teardown),
        cmocka_unit_test_setup_teardown(test_errors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_containers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_text, setup, teardown),
        cmocka_unit_test_setup_teardown(test_questions, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
