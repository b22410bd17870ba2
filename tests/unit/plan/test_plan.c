#include "tests/support/unit.h"

#include "base/text.h"
#include "tests/support/run_world.h"

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

static const char yaml[] = "runbook: 1\n"
                           "name: plan\n"
                           "params:\n"
                           "  size: {type: integer, min: 1, max: 9, default: 3}\n"
                           "  names: {type: list, default: [x]}\n"
                           "databases: {db: {url: 'postgresql:///one'}}\n"
                           "profiles:\n"
                           "  drill:\n"
                           "    params: {size: 5}\n"
                           "    databases: {db: {url: 'postgresql:///two'}}\n"
                           "    skip: [d]\n"
                           "steps:\n"
                           "  - {id: a, shell: x}\n"
                           "  - id: g\n"
                           "    steps:\n"
                           "      - {id: b, shell: x}\n"
                           "      - {id: c, shell: x}\n"
                           "  - {id: d, shell: x}\n"
                           "  - {id: e, sql: {file: script.sql}}\n";

static const struct plan *load(struct world *world, struct plan_options options) {
    world_plan(world, &options);
    return world->plan;
}

/* The ids of what runs, in order, a letter each. */
static void runs(struct world *world, struct plan_options options, const char *wanted) {
    const struct plan *plan = load(world, options);
    AUTO_BUF ids = BUF_INIT(1000);
    for (uint32_t i = 0; i < graph_count(plan_graph(plan)); i++) {
        const struct graph_node *node = graph_node(plan_graph(plan), i);
        if (node->role != GRAPH_END && !plan_skip_reason(plan, i))
            buf_puts(&ids, node->step->id);
        /* A group is entered and left, or neither. */
        if (node->role == GRAPH_BEGIN)
            assert_int_equal(!plan_skip_reason(plan, i), !plan_skip_reason(plan, node->peer));
    }
    assert_string_equal(buf_text(&ids), wanted);
}

static void test_selection(void **state) {
    struct world *world = *state;
    world_file(world, "runbook.yaml", yaml);
    world_file(world, "script.sql", "SELECT 1");
    runs(world, (struct plan_options){0}, "agbcde");
    runs(world, (struct plan_options){.only = LIST("b")}, "gb");
    runs(world, (struct plan_options){.only = LIST("g", "e")}, "gbce");
    runs(world, (struct plan_options){.from = "c"}, "gcde");
    runs(world, (struct plan_options){.from = "d"}, "de");
    runs(world, (struct plan_options){.skip = LIST("g")}, "ade");
    runs(world, (struct plan_options){.skip = LIST("b", "e")}, "agcd");
    runs(world, (struct plan_options){.from = "d", .skip = LIST("e")}, "d");
    runs(world, (struct plan_options){.profile = "drill"}, "agbce");
}

static void test_profile(void **state) {
    struct world *world = *state;
    const char *name;
    world_file(world, "runbook.yaml", yaml);
    world_file(world, "script.sql", "SELECT 1");
    const struct plan *plan = load(world, (struct plan_options){.profile = "drill"});
    AUTO_VALUE params = plan_params(plan);
    AUTO_TEXT shown = value_to_json(params);
    assert_non_null(strstr(shown, "\"size\":5"));
    const struct runbook *file = plan_runbook(plan);
    assert_ptr_not_equal(plan_database(plan, file, NULL, &name),
                         FIELD_FIND(struct database, &file->databases, "db"));
    assert_string_equal(name, "db");
    plan = load(world, (struct plan_options){.profile = "drill", .set = LIST("size=7")});
    AUTO_VALUE set = plan_params(plan);
    AUTO_TEXT set_shown = value_to_json(set);
    assert_non_null(strstr(set_shown, "\"size\":7"));
}

static char *hash(struct world *world, struct plan_options options) {
    return mem_strdup(plan_hash(load(world, options)));
}

#define DIFFERS(one, options)                                                                      \
    do {                                                                                           \
        AUTO_TEXT other_ = hash(world, options);                                                   \
        assert_string_not_equal(one, other_);                                                      \
    } while (0)
#define SAME(one, options)                                                                         \
    do {                                                                                           \
        AUTO_TEXT other_ = hash(world, options);                                                   \
        assert_string_equal(one, other_);                                                          \
    } while (0)

static void test_hash(void **state) {
    struct world *world = *state;
    const struct plan_options plain = {0};
    world_file(world, "runbook.yaml", yaml);
    world_file(world, "script.sql", "SELECT 1");
    AUTO_TEXT first = hash(world, plain);
    SAME(first, plain);
    SAME(first, ((struct plan_options){.set = LIST("size=3")})); /* what it is anyway */
    DIFFERS(first, ((struct plan_options){.set = LIST("size=4")}));
    DIFFERS(first, ((struct plan_options){.profile = "drill"}));
    DIFFERS(first, ((struct plan_options){.only = LIST("a")}));
    DIFFERS(first, ((struct plan_options){.skip = LIST("a")}));
    DIFFERS(first, ((struct plan_options){.from = "g"}));
    world_file(world, "beside.sql", "not named by any step");
    SAME(first, plain);
    world_file(world, "script.sql", "SELECT 2");
    DIFFERS(first, plain);
    world_file(world, "script.sql", "SELECT 1");
    SAME(first, plain);
    AUTO_TEXT longer = mem_printf("%s# a comment\n", yaml);
    world_file(world, "runbook.yaml", longer);
    DIFFERS(first, plain);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_selection, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_profile, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_hash, world_setup, world_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
