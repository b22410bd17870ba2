/* Steps without a world of their own: wait, assert, approval, manual, groups, and the shape of
 * notify. */
#include "tests/support/unit.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "tests/support/step_fake.h"

#define PARAMS                                                                                     \
    "params: {size: {type: integer}, env: {type: string}, time: {type: string}, x: {type: "        \
    "string}, "                                                                                    \
    "y: {type: string}}\n"

struct attempt {
    struct runbook *runbook;
    struct step_ctx *ctx;
};

static void prepare(struct attempt *attempt, const char *step) {
    AUTO_TEXT yaml = mem_printf(PARAMS "steps:\n- %s\n", step);
    attempt->runbook = step_fake_load(yaml);
    attempt->ctx = step_fake_new(attempt->runbook->steps->items[0],
                                 "{\"params\":{\"size\":3,\"env\":\"drill\",\"time\":\"50ms\"}}");
}

static void finish(struct attempt *attempt, enum step_outcome outcome, const char *message) {
    step_fake_run(attempt->ctx);
    assert_int_equal(attempt->ctx->done, 1);
    assert_int_equal(attempt->ctx->result.outcome, outcome);
    if (message) {
        assert_non_null(attempt->ctx->result.err.message);
        if (!strstr(attempt->ctx->result.err.message, message))
            fail_msg("`%s` lacks `%s`", attempt->ctx->result.err.message, message);
    } else
        assert_int_equal(attempt->ctx->result.err.kind, ERR_NONE);
}

static void end(struct attempt *attempt) {
    step_fake_free(attempt->ctx);
    runbook_free(attempt->runbook);
}

static void assert_ends(const char *step, enum step_outcome outcome, const char *message) {
    struct attempt attempt;
    prepare(&attempt, step);
    finish(&attempt, outcome, message);
    end(&attempt);
}

static void test_wait(void **state) {
    (void)state;
    int64_t begin = clock_mono_ns();
    assert_ends("wait: 50ms", STEP_SUCCEEDED, NULL);
    assert_ends("wait: ${{ .params.time }}", STEP_SUCCEEDED, NULL);
    assert_in_range((clock_mono_ns() - begin) / NS_PER_MS, 100, 2000);
    assert_ends("wait: '2020-01-02T03:04:05Z'", STEP_SUCCEEDED, NULL);
    assert_ends("wait: ${{ .params.env }}", STEP_FAILED, "`drill` is neither a duration");
    char soon[CLOCK_TEXT_SIZE];
    clock_format(clock_wall_ns() + 200 * NS_PER_MS, soon);
    AUTO_TEXT step = mem_printf("wait: '%s'", soon);
    begin = clock_mono_ns();
    assert_ends(step, STEP_SUCCEEDED, NULL);
    assert_in_range((clock_mono_ns() - begin) / NS_PER_MS, 150, 2000);
}

static void check_wait_elapsed(int64_t elapsed_ms, int64_t least_ms) {
    struct attempt attempt;
    int64_t begin = clock_mono_ns();
    prepare(&attempt, "wait: 30d");
    attempt.ctx->elapsed_ms = elapsed_ms;
    finish(&attempt, STEP_SUCCEEDED, NULL);
    end(&attempt);
    assert_in_range((clock_mono_ns() - begin) / NS_PER_MS, least_ms, least_ms + 1500);
}

/* What engines before this one have waited is not waited again. */
static void test_wait_elapsed(void **state) {
    (void)state;
    int64_t days_ms = INT64_C(30) * 24 * 3600 * 1000;
    check_wait_elapsed(days_ms - 150, 150);
    check_wait_elapsed(days_ms + 100000, 0);
}

static void test_wait_cancelled(void **state) {
    (void)state;
    struct attempt attempt;
    prepare(&attempt, "wait: 30d");
    attempt.ctx->cancel_after_ms = 50;
    finish(&attempt, STEP_CANCELLED, "cancelled");
    end(&attempt);
}

static void test_assert(void **state) {
    (void)state;
    assert_ends("assert: .params.size == 3", STEP_SUCCEEDED, NULL);
    assert_ends("assert: [.params.size == 3, {that: .params.env, message: No environment}]",
                STEP_SUCCEEDED, NULL);
    assert_ends("assert: [.params.size > 3]", STEP_FAILED, "`.params.size > 3` does not hold");
    assert_ends("assert: [{that: .params.size > 3, message: 'only ${{ .params.size }}'}]",
                STEP_FAILED, "only 3");
    assert_ends("assert: [.params.x, {that: .params.size == 3}, {that: .params.y, message: no y}]",
                STEP_FAILED, "2 of 3 conditions do not hold: `.params.x` does not hold; no y");
    assert_ends("assert: ['.params.size | error']", STEP_FAILED, "3");
}

static void test_approval(void **state) {
    (void)state;
    struct attempt attempt;
    struct step_answer yes = {.accepted = true, .by = "ada", .comment = "go"};
    prepare(&attempt, "approval: {message: 'Replace ${{ .params.env }}?', approvers: [ada, bob], "
                      "quorum: 2, not_requester: true, expires: 30m}");
    attempt.ctx->answer = &yes;
    finish(&attempt, STEP_SUCCEEDED, NULL);
    assert_string_equal(buf_text(&attempt.ctx->asked),
                        "gate: Replace drill?; approver ada; approver bob; quorum 2; "
                        "not requester; expires 1800000");
    assert_string_equal(step_fake_data(attempt.ctx, "by"), "\"ada\"");
    end(&attempt);

    struct step_answer no = {.by = "bob", .comment = "not today"};
    prepare(&attempt, "approval: Go?");
    attempt.ctx->answer = &no;
    finish(&attempt, STEP_REJECTED, "rejected by bob: not today");
    assert_string_equal(buf_text(&attempt.ctx->asked), "gate: Go?; quorum 1");
    end(&attempt);

    struct step_answer late = {0};
    prepare(&attempt, "approval: Go?");
    attempt.ctx->answer = &late;
    finish(&attempt, STEP_REJECTED, "expired");
    end(&attempt);
}

static void test_approval_cancelled(void **state) {
    (void)state;
    struct attempt attempt;
    prepare(&attempt, "approval: Go?");
    attempt.ctx->cancel_after_ms = 30;
    finish(&attempt, STEP_CANCELLED, "cancelled");
    end(&attempt);
}

static void test_manual(void **state) {
    (void)state;
    struct attempt attempt;
    struct step_answer yes = {.accepted = true, .by = "ada", .evidence = "T-1"};
    prepare(&attempt, "manual: {instructions: Switch, checklist: [one, 'two ${{ .params.size }}'], "
                      "evidence: Ticket}");
    attempt.ctx->answer = &yes;
    finish(&attempt, STEP_SUCCEEDED, NULL);
    assert_string_equal(buf_text(&attempt.ctx->asked),
                        "manual: Switch; item one; item two 3; evidence Ticket; quorum 1");
    assert_string_equal(step_fake_data(attempt.ctx, "evidence"), "\"T-1\"");
    end(&attempt);

    struct step_answer no = {.by = "ada", .comment = "the door is locked"};
    prepare(&attempt, "manual: Switch");
    attempt.ctx->answer = &no;
    finish(&attempt, STEP_FAILED, "could not be done: the door is locked");
    end(&attempt);
}

static void test_plan(void **state) {
    (void)state;
    static const struct {
        const char *step, *lines;
    } cases[] = {
        {"wait: 90s", "wait: 90s\n"},
        {"assert: [.params.x, {that: .params.y, message: m}]",
         "condition: .params.x\ncondition: .params.y\n"},
        {"approval: {message: Go?, approvers: [ada, bob], expires: 30m}",
         "gate: Go?\napprovers: 1 of ada, bob\nexpires: 30m\n"},
        {"approval: Go?", "gate: Go?\napprovers: 1 of anybody\n"},
        {"manual: {instructions: Do, checklist: [a], evidence: e}",
         "by hand: Do\nconfirm: a\nevidence: e\n"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct attempt attempt;
        prepare(&attempt, cases[i].step);
        AUTO_TEXT plan = step_fake_plan(attempt.ctx->step);
        assert_string_equal(plan, cases[i].lines);
        end(&attempt);
    }
}

static void test_check(void **state) {
    (void)state;
    static const struct {
        const char *step, *message;
    } cases[] = {
        {"wait: soon", "`soon` is neither a duration nor a point in time"},
        {"wait: ''", "neither"},
        {"assert: []", "`assert` must not be empty"},
        {"assert: [{message: m}]", "that"},
        {"approval: {message: m, approvers: [a], quorum: 2}", "can never be reached by 1 approver"},
        {"approval: {message: m, approvers: [a, b, a]}", "approver `a` is named twice"},
        {"approval: {message: m, expires: 5m, escalate: [{after: 5m}]}", "comes too late"},
        {"approval: {message: m, escalate: [{after: 5m}, {after: 4m}]}",
         "the escalation after 4m stands behind a later one"},
        {"approval: {message: m, escalate: [{after: 5m, notify: {text: x}}]}",
         "does not say whom to tell"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_TEXT yaml = mem_printf("steps:\n- %s\n", cases[i].step);
        AUTO_TEXT errors = step_fake_errors(yaml);
        if (!strstr(errors, cases[i].message))
            fail_msg("`%s` lacks `%s`", errors, cases[i].message);
    }
}

static void test_approvers_by_escalation(void **state) {
    (void)state;
    AUTO_TEXT errors = step_fake_errors(
        "steps:\n- approval: {message: m, approvers: [a], quorum: 2, "
        "escalate: [{after: 5m, approvers: [b], notify: {webhook: 'http://x/'}}]}\n");
    assert_string_equal(errors, "");
}

static void test_table(void **state) {
    (void)state;
    for (size_t i = 0; step_types[i]; i++) {
        const struct step_type *type = step_types[i];
        assert_ptr_equal(step_type_find(type->key), type);
        assert_non_null(type->doc);
        assert_non_null(type->example);
        assert_non_null(type->effect);
        assert_non_null(type->plan);
        assert_true(!type->start || type->cancel);
        assert_true(!type->start || !type->expand);
    }
    assert_null(step_type_find("no such"));
}

int main(void) {
    alarm(60);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wait),           cmocka_unit_test(test_wait_elapsed),
        cmocka_unit_test(test_wait_cancelled), cmocka_unit_test(test_assert),
        cmocka_unit_test(test_approval),       cmocka_unit_test(test_approval_cancelled),
        cmocka_unit_test(test_manual),         cmocka_unit_test(test_plan),
        cmocka_unit_test(test_check),          cmocka_unit_test(test_approvers_by_escalation),
        cmocka_unit_test(test_table),
    };
    return cmocka_run_group_tests_name("small steps", tests, NULL, NULL);
}
