#include "tests/support/unit.h"

#include <stdlib.h>

#include "base/text.h"
#include "tests/support/run_world.h"

#define HEAD "runbook: 1\nname: graph\nsteps:\n"

static const struct graph *load(struct world *world, const char *yaml) {
    world_file(world, "runbook.yaml", yaml);
    world_plan(world, NULL);
    return plan_graph(world->plan);
}

/* The errors of a runbook, as text; the caller frees. */
static char *errors_of(struct world *world, const char *yaml) {
    AUTO_TEXT path = mem_printf("%s/runbook.yaml", world->home);
    AUTO_BUF text = BUF_INIT(1 << 20);
    struct diag *diag = diag_new();
    world_file(world, "runbook.yaml", yaml);
    struct plan *plan = plan_new(&(struct plan_options){.path = path}, diag);
    diag_text(diag, &(struct diag_style){0}, &text);
    assert_null(plan);
    diag_free(diag);
    return buf_detach(&text);
}

static bool needs(const struct graph *graph, const char *id, const char *need) {
    uint32_t of = graph_find(graph, id), wanted = graph_find(graph, need);
    size_t count;
    const uint32_t *all = graph_needs(graph, of, &count);
    for (size_t i = 0; i < count; i++)
        if (all[i] == wanted || all[i] == graph_node(graph, wanted)->peer)
            return true;
    return false;
}

static void test_order_of_the_file(void **state) {
    const struct graph *graph = load(*state, HEAD "  - {id: a, shell: x}\n"
                                                  "  - {id: b, shell: x}\n"
                                                  "  - {id: c, shell: x, needs: [a]}\n"
                                                  "  - {id: d, shell: x, needs: []}\n");
    assert_int_equal(graph_count(graph), 4);
    assert_true(needs(graph, "b", "a"));
    assert_true(needs(graph, "c", "a"));
    assert_false(needs(graph, "c", "b"));
    assert_false(needs(graph, "d", "c"));
    assert_int_equal(graph_waves(graph), 2);
    assert_int_equal(graph_node(graph, graph_find(graph, "d"))->wave, 0);
    assert_int_equal(graph_find(graph, "e"), GRAPH_NONE);
}

static void test_groups(void **state) {
    const struct graph *graph = load(*state, HEAD "  - id: g\n"
                                                  "    parallel:\n"
                                                  "      - {id: a, shell: x}\n"
                                                  "      - {id: b, shell: x}\n"
                                                  "  - {id: c, shell: x}\n");
    uint32_t begin = graph_find(graph, "g"), end = graph_node(graph, begin)->peer;
    assert_int_equal(graph_node(graph, begin)->role, GRAPH_BEGIN);
    assert_int_equal(graph_node(graph, end)->role, GRAPH_END);
    assert_int_equal(end - begin, 3);
    assert_int_equal(graph_node(graph, begin + 1)->group, begin);
    assert_false(needs(graph, "b", "a"));
    assert_true(needs(graph, "c", "g"));
    assert_int_equal(graph_waves(graph), 2);
}

/* Each stands behind its needs, however they are declared. */
static void test_topological(void **state) {
    const struct graph *graph = load(*state, HEAD "  - {id: a, shell: x, needs: [d]}\n"
                                                  "  - {id: b, shell: x, needs: [a, c]}\n"
                                                  "  - {id: c, shell: x, needs: []}\n"
                                                  "  - {id: d, shell: x, needs: [c, c]}\n");
    const uint32_t *order = graph_order(graph);
    size_t place[4];
    for (size_t i = 0; i < 4; i++)
        place[order[i]] = i;
    for (uint32_t i = 0; i < 4; i++) {
        size_t count;
        const uint32_t *all = graph_needs(graph, i, &count);
        for (size_t k = 0; k < count; k++)
            assert_true(place[all[k]] < place[i]);
    }
}

static void test_errors(void **state) {
    AUTO_TEXT cycle = errors_of(*state, HEAD "  - {id: a, shell: x, needs: [c]}\n"
                                             "  - {id: b, shell: x, needs: [a]}\n"
                                             "  - {id: c, shell: x, needs: [b]}\n");
    assert_non_null(strstr(cycle, "a needs c needs b needs a"));
    AUTO_TEXT self = errors_of(*state, HEAD "  - {id: a, shell: x, needs: [a]}\n");
    assert_non_null(strstr(self, "a needs a"));
    AUTO_TEXT unknown = errors_of(*state, HEAD "  - {id: alpha, shell: x}\n"
                                               "  - {id: b, shell: x, needs: [alhpa]}\n");
    assert_non_null(strstr(unknown, "did you mean `alpha`?"));
    AUTO_TEXT twice = errors_of(*state, HEAD "  - {id: a, shell: x}\n  - {id: a, shell: x}\n");
    assert_non_null(strstr(twice, "`a` is used twice"));
}

/* A chain of so many recurses nowhere. */
static void test_long_chain(void **state) {
    AUTO_BUF yaml = BUF_INIT(1 << 24);
    buf_puts(&yaml, HEAD);
    for (int i = 0; i < 20000; i++)
        buf_printf(&yaml, "  - {id: s%d, shell: x}\n", i);
    const struct graph *graph = load(*state, buf_text(&yaml));
    assert_int_equal(graph_count(graph), 20000);
    assert_int_equal(graph_waves(graph), 20000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_order_of_the_file, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_groups, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_topological, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_errors, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_long_chain, world_setup, world_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
