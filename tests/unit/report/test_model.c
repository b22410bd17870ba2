#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "report/text.h"

/* A run told event by event; time goes on by `ms` with each. */
struct story {
    struct model model;
    int64_t now_ms;
};

static void tell(struct story *story, struct event *event, int64_t ms) {
    story->now_ms += ms;
    event->wall_ns = story->now_ms * NS_PER_MS;
    event->mono_ns = story->now_ms * NS_PER_MS;
    model_apply(&story->model, event);
}

static void story_begin(struct story *story, int64_t steps) {
    *story = (struct story){.now_ms = INT64_C(1767323045000)};
    model_init(&story->model);
    struct event event = {.type = EVENT_RUN_STARTED};
    EVENT_SET(&event, run, "drill-20260102T030405Z");
    EVENT_SET(&event, runbook, "drill.yaml");
    EVENT_SET(&event, name, "drill");
    EVENT_SET(&event, user, "alice");
    EVENT_SET(&event, host, "db1");
    EVENT_SET(&event, engine, "0.1.0");
    EVENT_SET(&event, steps, steps);
    tell(story, &event, 0);
}

static struct event step_event(enum event_type type, const char *phase, const char *step) {
    struct event event = {.type = type};
    EVENT_SET(&event, phase, phase);
    EVENT_SET(&event, step, step);
    return event;
}

static void step_start(struct story *story, const char *phase, const char *step, int64_t attempt) {
    struct event event = step_event(EVENT_STEP_STARTED, phase, step);
    EVENT_SET(&event, attempt, attempt);
    EVENT_SET(&event, action, "shell");
    EVENT_SET(&event, title, "Title of it");
    tell(story, &event, 10);
}

static void step_finish(struct story *story, const char *phase, const char *step,
                        const char *status, const char *error) {
    struct event event = step_event(EVENT_STEP_FINISHED, phase, step);
    EVENT_SET(&event, status, status);
    EVENT_SET(&event, duration_ms, 1500);
    if (error) {
        EVENT_SET(&event, error, error);
        EVENT_SET(&event, hint, "look at it");
        EVENT_SET(&event, reason, "last\nwords \x1b[31m");
    }
    tell(story, &event, 1500);
}

static void run_finish(struct story *story, const char *status, int64_t exit, value objectives,
                       value hands) {
    struct event event = {.type = EVENT_RUN_FINISHED};
    EVENT_SET(&event, status, status);
    EVENT_SET(&event, exit, exit);
    EVENT_SET(&event, objectives, objectives);
    EVENT_SET(&event, hands, hands);
    tell(story, &event, 5);
}

static const char *status_of(const struct story *story, const char *phase, const char *step) {
    const struct model_step *found = model_find(&story->model, phase, step);
    assert_non_null(found);
    return found->status;
}

/* ---- the fold ------------------------------------------------------------------------------ */

static void test_life(void **state) {
    (void)state;
    struct story story;
    story_begin(&story, 4);
    assert_string_equal(story.model.status, "running");
    step_start(&story, "run", "a", 1);
    assert_string_equal(status_of(&story, "run", "a"), "running");
    struct event retry = step_event(EVENT_STEP_RETRYING, "run", "a");
    EVENT_SET(&retry, attempt, 1);
    EVENT_SET(&retry, delay_ms, 100);
    EVENT_SET(&retry, error, "not yet");
    tell(&story, &retry, 10);
    assert_string_equal(status_of(&story, "run", "a"), "waiting");
    assert_int_equal(story.model.steps_done, 0);
    step_start(&story, "run", "a", 2);
    step_finish(&story, "run", "a", "succeeded", NULL);
    const struct model_step *a = model_find(&story.model, "run", "a");
    assert_null(a->more->error);
    assert_int_equal(a->attempt, 2);
    assert_int_equal(story.model.steps_done, 1);
    struct event skip = step_event(EVENT_STEP_SKIPPED, "run", "b");
    EVENT_SET(&skip, reason, "its condition does not hold");
    tell(&story, &skip, 1);
    assert_string_equal(status_of(&story, "run", "b"), "skipped");
    assert_int_equal(story.model.steps_done, 2);
    step_start(&story, "run", "c[0]", 1);
    step_finish(&story, "run", "c[0]", "succeeded", NULL);
    assert_int_equal(story.model.steps_done, 2);
    step_start(&story, "run", "d", 1);
    step_finish(&story, "run", "d", "failed", "no");
    assert_int_equal(story.model.steps_done, 3);
    assert_int_equal(story.model.step_count, 4);
    skip = step_event(EVENT_STEP_SKIPPED, "run", "group");
    EVENT_SET(&skip, action, "parallel");
    tell(&story, &skip, 1);
    assert_int_equal(story.model.steps_done, 3);
    model_release(&story.model);
}

/* A record that is not ours may say anything. */
static void test_nameless(void **state) {
    (void)state;
    struct story story;
    story_begin(&story, 1);
    step_start(&story, "", "a", 1);
    step_start(&story, "", "", 1);
    step_start(&story, "", "a", 2);
    assert_int_equal(story.model.step_count, 2);
    assert_string_equal(story.model.steps[0]->step, "a");
    assert_string_equal(story.model.steps[1]->step, "");
    model_release(&story.model);
}

static void test_rollback(void **state) {
    (void)state;
    struct story story;
    story_begin(&story, 2);
    step_start(&story, "run", "a", 1);
    step_finish(&story, "run", "a", "succeeded", NULL);
    step_start(&story, "run", "b", 1);
    step_finish(&story, "run", "b", "failed", "no");
    struct event begun = {.type = EVENT_ROLLBACK_BEGUN};
    EVENT_SET(&begun, reason, "b");
    tell(&story, &begun, 1);
    assert_string_equal(story.model.rollback_status, "running");
    step_start(&story, "rollback", "a", 1);
    assert_string_equal(status_of(&story, "run", "a"), "rolling_back");
    assert_string_equal(status_of(&story, "rollback", "a"), "running");
    step_finish(&story, "rollback", "a", "succeeded", NULL);
    assert_string_equal(status_of(&story, "run", "a"), "rolled_back");
    step_start(&story, "rollback", "b", 1);
    step_finish(&story, "rollback", "b", "failed", "cannot");
    assert_string_equal(status_of(&story, "run", "b"), "rollback_failed");
    struct event over = {.type = EVENT_ROLLBACK_FINISHED};
    EVENT_SET(&over, status, "rollback_failed");
    tell(&story, &over, 1);
    assert_string_equal(story.model.rollback_status, "rollback_failed");
    model_release(&story.model);
}

static void test_gate(void **state) {
    (void)state;
    struct story story;
    story_begin(&story, 1);
    step_start(&story, "run", "go", 1);
    struct event open = step_event(EVENT_GATE_OPENED, "run", "go");
    EVENT_SET(&open, message, "Go?");
    tell(&story, &open, 1);
    assert_string_equal(status_of(&story, "run", "go"), "waiting");
    struct event answer = step_event(EVENT_GATE_ANSWERED, "run", "go");
    EVENT_SET(&answer, answer, "accepted");
    EVENT_SET(&answer, by, "bob");
    tell(&story, &answer, 1);
    struct event escalated = step_event(EVENT_GATE_ESCALATED, "run", "go");
    tell(&story, &escalated, 1);
    struct event closed = step_event(EVENT_GATE_CLOSED, "run", "go");
    EVENT_SET(&closed, answer, "accepted");
    tell(&story, &closed, 1);
    const struct model_step *go = model_find(&story.model, "run", "go");
    assert_string_equal(go->more->by, "bob");
    assert_string_equal(go->more->message, "Go?");
    /* What somebody chose at an interrupt is about no step. */
    struct event choice = step_event(EVENT_GATE_ANSWERED, "run", "");
    EVENT_SET(&choice, answer, "rollback");
    EVENT_SET(&choice, by, "bob");
    tell(&story, &choice, 1);
    assert_int_equal(story.model.step_count, 1);
    model_release(&story.model);
}

static void test_doubt_and_resume(void **state) {
    (void)state;
    struct story story;
    story_begin(&story, 1);
    step_start(&story, "run", "a", 1);
    struct event ready = step_event(EVENT_STEP_READY, "run", "service");
    EVENT_SET(&ready, duration_ms, 40);
    tell(&story, &ready, 1);
    assert_string_equal(status_of(&story, "run", "service"), "succeeded");
    struct event resumed = {.type = EVENT_RUN_RESUMED};
    EVENT_SET(&resumed, user, "bob");
    struct event finished = {.type = EVENT_RUN_FINISHED};
    EVENT_SET(&finished, status, "failed");
    EVENT_SET(&finished, reason, "a");
    EVENT_SET(&finished, exit, 4);
    tell(&story, &finished, 1);
    int64_t began_ns = model_find(&story.model, "run", "a")->started_mono_ns;
    int64_t last_ns = story.model.last_mono_ns;
    /* An hour later, on a machine that was started anew. */
    story.now_ms += 3600000;
    resumed.wall_ns = story.now_ms * NS_PER_MS;
    resumed.mono_ns = 1;
    model_apply(&story.model, &resumed);
    assert_in_range(story.model.duration_ms, 3600000, 3700000);
    assert_int_equal(story.model.resumes, 1);
    assert_int_equal(resumed.mono_ns - model_find(&story.model, "run", "a")->started_mono_ns,
                     3600000 * NS_PER_MS + last_ns - began_ns);
    assert_false(story.model.finished);
    assert_null(story.model.reason);
    assert_int_equal(story.model.exit, 0);
    struct event doubt = step_event(EVENT_STEP_IN_DOUBT, "run", "a");
    EVENT_SET(&doubt, reason, "the engine died");
    tell(&story, &doubt, 1);
    assert_string_equal(status_of(&story, "run", "a"), "in_doubt");
    struct event resolved = step_event(EVENT_STEP_RESOLVED, "run", "a");
    EVENT_SET(&resolved, status, "done");
    EVENT_SET(&resolved, reason, "`done_when` holds");
    tell(&story, &resolved, 1);
    assert_string_equal(status_of(&story, "run", "a"), "succeeded");
    model_release(&story.model);
}

/* Any event in any order, with the fields it requires and no more. */
static void test_total(void **state) {
    (void)state;
    for (enum event_type first = EVENT_NONE + 1; first < EVENT_TYPE_COUNT; first++) {
        struct model model;
        model_init(&model);
        for (enum event_type type = EVENT_NONE + 1; type < EVENT_TYPE_COUNT; type++) {
            struct event event = {.type = (first + type) % EVENT_TYPE_COUNT};
            uint64_t required = event_type_required(event.type);
            for (int field = 0; field < EVENT_FIELD_COUNT; field++)
                if (event_columns[field].kind == EVENT_KIND_TEXT && ((required >> field) & 1))
                    *(const char **)event_member(&event, &event_columns[field]) = "x";
            event.present = required;
            model_apply(&model, &event);
        }
        AUTO_BUF out = BUF_INIT(1 << 20);
        report_show(&out, &model, NULL, &(struct text_style){0});
        assert_false(out.overflow);
        model_release(&model);
    }
}

/* ---- text ---------------------------------------------------------------------------------- */

static void story_of_all(struct story *story) {
    AUTO_VALUE objective = value_set(value_object(), "limit_ms", value_integer(60000));
    objective = value_set(objective, "measured_ms", value_integer(90000));
    objective = value_set(objective, "met", value_bool(false));
    AUTO_VALUE objectives = value_set(value_object(), "rto", value_copy(objective));
    AUTO_VALUE line = value_append(value_append(value_array(), value_string("command")),
                                   value_string("dropdb \x1b[2J drill"));
    AUTO_VALUE hand = value_set(value_object(), "step", value_string("create"));
    hand = value_set(hand, "title", value_string("Take it away again"));
    hand = value_set(hand, "plan", value_append(value_array(), value_copy(line)));
    hand = value_set(hand, "error", value_string("its rollback failed"));
    AUTO_VALUE hands = value_append(value_array(), value_copy(hand));
    story_begin(story, 3);
    step_start(story, "run", "create", 1);
    step_finish(story, "run", "create", "succeeded", NULL);
    step_start(story, "run", "a_step_with_quite_a_long_name_for_a_column", 3);
    step_finish(story, "run", "a_step_with_quite_a_long_name_for_a_column", "failed",
                "it is \xe2\x80\xae broken\nand so on");
    struct event begun = {.type = EVENT_ROLLBACK_BEGUN};
    EVENT_SET(&begun, reason, "a_step");
    tell(story, &begun, 1);
    step_start(story, "rollback", "create", 1);
    step_finish(story, "rollback", "create", "failed", "cannot");
    struct event over = {.type = EVENT_ROLLBACK_FINISHED};
    EVENT_SET(&over, status, "rollback_failed");
    tell(story, &over, 1);
    step_start(story, "finally", "bye", 1);
    step_finish(story, "finally", "bye", "succeeded", NULL);
    run_finish(story, "rollback_failed", 3, objectives, hands);
}

static void assert_has(const struct buf *out, const char *part) {
    if (!strstr(buf_text(out), part))
        fail_msg("`%s` is not in\n%s", part, buf_text(out));
}

static void test_summary(void **state) {
    (void)state;
    struct story story;
    AUTO_BUF out = BUF_INIT(1 << 20);
    story_of_all(&story);
    report_summary(&out, &story.model, "/runs/drill-1", &(struct text_style){.unicode = true});
    assert_has(&out, "✗ drill rollback failed after");
    assert_has(&out, "exit status 3");
    assert_has(&out, "3 attempts");
    assert_has(&out, "      it is \\u202e broken\n      and so on\n");
    assert_has(&out, "      │ last\n      │ words \\e[31m\n");
    assert_has(&out, "      hint: look at it\n");
    assert_has(&out, "The rollback failed\n");
    assert_has(&out, "Finally\n");
    assert_has(&out, "✗ RTO missed: 1m 30s, the limit is 1m 00s");
    assert_has(&out, "transcript  /runs/drill-1/transcript.jsonl\n");
    assert_has(&out, "  1. create\n     Take it away again\n     command: dropdb \\e[2J drill\n");
    const char *hands = strstr(buf_text(&out), "Left for you to do, in order");
    assert_non_null(hands);
    assert_null(strstr(hands, "transcript  "));
    model_release(&story.model);
}

/* Without Unicode nothing but ASCII; with colour no colour is left on; each window is kept. */
static void test_styles(void **state) {
    (void)state;
    struct story story;
    story_of_all(&story);
    for (size_t columns = 20; columns <= 120; columns += 10) {
        AUTO_BUF out = BUF_INIT(1 << 20);
        report_summary(&out, &story.model, NULL, &(struct text_style){.columns = columns});
        for (size_t i = 0; i < out.length; i++)
            assert_true(out.data[i] == '\n' || (out.data[i] >= 0x20 && out.data[i] < 0x7f));
        for (const char *line = out.data; *line; line += strcspn(line, "\n") + 1) {
            bool is_row = strncmp(line, "  + ", 4) == 0 || strncmp(line, "  x ", 4) == 0;
            size_t length = strcspn(line, "\n");
            if (is_row && !strstr(line, "RTO") && columns >= 50 && length > columns)
                fail_msg("%zu columns: %.*s", columns, (int)length, line);
        }
    }
    AUTO_BUF out = BUF_INIT(1 << 20);
    report_show(&out, &story.model, "/runs/x", &(struct text_style){.color = true});
    size_t on = 0, off = 0;
    for (const char *at = out.data; (at = strstr(at, "\x1b[")); at++)
        *(strncmp(at, "\x1b[0m", 4) == 0 ? &off : &on) += 1;
    assert_true(on > 5);
    assert_int_equal(on, off);
    model_release(&story.model);
}

static void test_many_steps(void **state) {
    (void)state;
    struct story story;
    AUTO_BUF out = BUF_INIT(1 << 20);
    story_begin(&story, 1000);
    for (int i = 0; i < 1000; i++) {
        char id[16];
        snprintf(id, sizeof id, "s%d", i);
        step_start(&story, "run", id, 1);
        step_finish(&story, "run", id, i == 500 ? "failed" : "succeeded", i == 500 ? "no" : NULL);
    }
    report_summary(&out, &story.model, NULL, &(struct text_style){0});
    assert_has(&out, "999 more steps succeeded");
    assert_has(&out, "  x s500");
    assert_null(strstr(out.data, "  + s499"));
    AUTO_BUF all = BUF_INIT(1 << 20);
    report_show(&all, &story.model, NULL, &(struct text_style){0});
    assert_has(&all, "  + s499");
    model_release(&story.model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life),     cmocka_unit_test(test_rollback),
        cmocka_unit_test(test_gate),     cmocka_unit_test(test_doubt_and_resume),
        cmocka_unit_test(test_total),    cmocka_unit_test(test_summary),
        cmocka_unit_test(test_styles),   cmocka_unit_test(test_many_steps),
        cmocka_unit_test(test_nameless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
