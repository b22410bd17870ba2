#include "tests/unit/lang/lang_case.h"

static void test_values(void **state) {
    (void)state;
    struct lang_case it = lang_case_good(
        CASE_HEAD "objectives: {rto: 4h, rpo: 1h30m}\n"
                  "requires: {disk_free: {path: /tmp, at_least: 5GiB}, commands: [psql]}\n"
                  "params: {n: {type: integer, min: 1, default: 3}, s: {}}\n"
                  "databases: {main: {url: x, protected: true}}\n"
                  "defaults: {timeout: 10m, on_failure: stop, shell: [sh, -c]}\n"
                  "steps:\n"
                  "  - shell: echo\n");
    const struct runbook *runbook = it.runbook;
    assert_int_equal(runbook->objectives->rto_ms, 4 * 3600 * 1000);
    assert_int_equal(runbook->objectives->rpo_ms, 90 * 60 * 1000);
    assert_int_equal(runbook->requires->disk_free.count, 1);
    assert_int_equal(FIELD_AT(struct requires_disk, &runbook->requires->disk_free, 0).at_least,
                     INT64_C(5) << 30);
    const struct param *n = FIELD_FIND(struct param, &runbook->params, "n");
    assert_int_equal(n->type, PARAM_INTEGER);
    assert_non_null(n->fallback);
    assert_int_equal(FIELD_FIND(struct param, &runbook->params, "s")->type, PARAM_STRING);
    const struct database *main_database = FIELD_FIND(struct database, &runbook->databases, "main");
    assert_true(main_database->is_protected);
    assert_int_equal(main_database->pool, 4);
    assert_int_equal(runbook->defaults.timeout_ms, 600000);
    assert_int_equal(runbook->defaults.on_failure, ON_FAILURE_STOP);
    assert_int_equal(runbook->defaults.shell.count, 2);
    assert_null(runbook->finally);
    lang_case_end(&it);
}

static void test_step(void **state) {
    (void)state;
    struct lang_case it = lang_case_good(CASE_HEAD "databases: {main: {url: x}}\n"
                                                   "steps:\n"
                                                   "  - sql: SELECT :a\n"
                                                   "    args: {a: 5}\n"
                                                   "    transaction: false\n"
                                                   "    needs: []\n"
                                                   "    timeout: 0s\n"
                                                   "    retry: {attempts: 3}\n"
                                                   "    expect: {rows: 2, jq: '.rows'}\n"
                                                   "    outputs: {x: {jq: '.rows', secret: true}}\n"
                                                   "    effect: once\n"
                                                   "    rollback: {shell: undo}\n"
                                                   "  - shell: |\n"
                                                   "      one\n"
                                                   "      two\n");
    const struct step *step = it.runbook->steps->items[0];
    const struct fake_code *sql = step->spec;
    assert_string_equal(sql->text.text, "SELECT :a");
    assert_int_equal(sql->args.count, 1);
    assert_false(sql->transaction);
    assert_true(step->has_needs);
    assert_int_equal(step->needs.count, 0);
    assert_int_equal(step->timeout_ms, FIELD_ZERO_MS);
    assert_int_equal(step->more->concurrency, 1);
    assert_int_equal(step->more->retry->attempts, 3);
    assert_true(step->more->retry->backoff == 1);
    assert_int_equal(step->more->expect->rows->exactly, 2);
    assert_int_equal(step->more->expect->rows->min, -1);
    assert_true(FIELD_AT(struct output, &step->more->outputs, 0).secret);
    assert_int_equal(step_effect(step), EFFECT_ONCE);
    assert_string_equal(step->more->rollback->id, step->id);
    step = it.runbook->steps->items[1];
    const struct fake_code *shell = step->spec;
    assert_false(step->has_needs);
    assert_int_equal(shell->text.at.line, 16);
    assert_int_equal(shell->text.at.column, 7);
    lang_case_end(&it);
}

static void test_ids(void **state) {
    (void)state;
    struct lang_case it = lang_case_good(CASE_HEAD "steps:\n"
                                                   "  - title: Keep what is there!\n"
                                                   "    shell: a\n"
                                                   "  - title: keep what is there\n"
                                                   "    shell: a\n"
                                                   "  - title: 2nd try\n"
                                                   "    shell: a\n"
                                                   "  - title: 復旧\n"
                                                   "    shell: a\n"
                                                   "  - id: step_6\n"
                                                   "    shell: a\n"
                                                   "  - steps: [{shell: a}]\n"
                                                   "finally:\n"
                                                   "  - shell: a\n");
    static const char *const ids[] = {
        "keep_what_is_there", "keep_what_is_there_2", "_2nd_try", "step_4", "step_6", "step_6_2"};
    for (size_t i = 0; i < COUNT(ids); i++)
        assert_string_equal(it.runbook->steps->items[i]->id, ids[i]);
    struct step_expansion group;
    assert_true(step_expand(it.runbook->steps->items[5], &group));
    assert_string_equal(group.steps->items[0]->id, "step_6_2_1");
    assert_string_equal(it.runbook->finally->items[0]->id, "finally_1");
    lang_case_end(&it);
}

static void test_effects(void **state) {
    (void)state;
    struct lang_case it = lang_case_good(CASE_HEAD "steps:\n"
                                                   "  - steps: [{http: x}, {http: y}]\n"
                                                   "  - steps: [{http: x}, {shell: y}]\n"
                                                   "  - shell: x\n"
                                                   "    effect: read\n");
    assert_int_equal(step_effect(it.runbook->steps->items[0]), EFFECT_READ);
    assert_int_equal(step_effect(it.runbook->steps->items[1]), EFFECT_ONCE);
    assert_int_equal(step_effect(it.runbook->steps->items[2]), EFFECT_READ);
    assert_int_equal(it.runbook->effect, EFFECT_ONCE);
    lang_case_end(&it);
}

/* Strings and numbers are kept as written where text is wanted, and typed where values are. */
static void test_templates(void **state) {
    (void)state;
    struct lang_case it =
        lang_case_good(CASE_HEAD "env: {A: 1.10, B: yes, C: 007}\n"
                                 "labels: {a: b}\n"
                                 "params: {l: {type: list, default: [1, 2.5, null, true, 007, '5', "
                                 "12345678901234567890]}}\n"
                                 "steps: [{shell: a}]\n");
    static const char *const written[] = {"1.10", "yes", "007"};
    for (size_t i = 0; i < COUNT(written); i++) {
        AUTO_TEXT text = NULL;
        assert_int_equal(template_render_text(FIELD_AT(struct template *, &it.runbook->env, i),
                                              NULL, &text, NULL),
                         0);
        assert_string_equal(text, written[i]);
    }
    AUTO_VALUE list = value_none();
    const struct param *param = FIELD_FIND(struct param, &it.runbook->params, "l");
    assert_int_equal(template_render(param->fallback, NULL, &list, NULL), 0);
    AUTO_TEXT json = value_to_json(list);
    assert_string_equal(json, "[1,2.5,null,true,\"007\",\"5\",\"12345678901234567890\"]");
    lang_case_end(&it);
}

static void test_places_of_errors(void **state) {
    (void)state;
    assert_said(CASE_HEAD "steps:\n  - shell: echo ${{ .params.x }}\n",
                "4:17: `${{` inside a command: a value pasted there is run as code");
    assert_said(CASE_HEAD "steps:\n  - shell: |\n      a\n      b ${{ .params.x }}\n",
                "6:9: `${{` inside a command: a value pasted there is run as code");
    assert_said(CASE_HEAD "steps:\n  - assert: '復 == .params.x'\n", "4:14: jq does not know `復`");
    assert_said(CASE_HEAD "steps:\n  - shell: a\n    env: {A: \"復旧 ${{ .params.x }}\"}\n",
                "5:30: there is no parameter `x`");
    assert_said(CASE_HEAD "steps:\n  - foreach: .params.x\n    shell: a\n",
                "4:22: there is no parameter `x`");
}

/* Where `.` may be something else than the run, a name that is not known proves nothing. */
static void test_names_behind_pipes(void **state) {
    (void)state;
    struct lang_case it = lang_case_good(
        CASE_HEAD "steps:\n"
                  "  - id: a\n"
                  "    shell: a\n"
                  "    expect: {jq: '.params.x == 1'}\n"
                  "  - assert: ['.steps.a.json | .params.x == 1', 'any(.steps[]; .steps.q)']\n");
    lang_case_end(&it);
    assert_said(CASE_HEAD "steps:\n  - shell: a\n    expect: {jq: '.x == $run.params.x'}\n",
                "5:37: there is no parameter `x`");
}

static void test_each_error_once(void **state) {
    (void)state;
    struct lang_case it = lang_case_text("runbook: 1\nname: case\nfoo: 1\nbar: 2\nsteps:\n"
                                         "  - shell: &bad [a]\n  - shell: *bad\n  - {}\n");
    assert_int_equal(diag_count(it.diag), 4);
    lang_case_end(&it);
}

static void test_all_files(void **state) {
    (void)state;
    struct lang_case it = lang_case_good(CASE_HEAD "steps: [{shell: a}]\n");
    assert_int_equal(it.runbook->file_count, 1);
    assert_ptr_equal(it.runbook->files[0], it.runbook);
    lang_case_end(&it);
}

static void test_data(void **state) {
    (void)state;
    struct diag *diag = diag_new();
    value data;
    char path[] = "/tmp/lang-data-XXXXXX";
    int fd = mkstemp(path);
    assert_int_equal(file_write_all(fd, "a: 1\nb: [x]\n", 12, NULL), 0);
    close(fd);
    assert_int_equal(runbook_read_data(path, &data, diag), 0);
    AUTO_TEXT json = value_to_json(data);
    assert_string_equal(json, "{\"a\":1,\"b\":[\"x\"]}");
    value_free(data);
    unlink(path);
    assert_int_equal(runbook_read_data(path, &data, diag), -1);
    assert_int_equal(diag_count(diag), 1);
    diag_free(diag);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_step),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_effects),
        cmocka_unit_test(test_templates),
        cmocka_unit_test(test_places_of_errors),
        cmocka_unit_test(test_names_behind_pipes),
        cmocka_unit_test(test_each_error_once),
        cmocka_unit_test(test_all_files),
        cmocka_unit_test(test_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
