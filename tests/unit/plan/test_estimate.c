#include "tests/support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "journal/event.h"
#include "plan/estimate.h"
#include "secret/digest.h"

#define SELECTION_OF_ALL value_null()

struct past {
    char folder[64];
    FILE *file;
    char head[DIGEST_TEXT_SIZE];
    uint64_t seq;
    int runs;
};

static int setup(void **state) {
    struct past *past = mem_zalloc(sizeof *past);
    (void)snprintf(past->folder, sizeof past->folder, "/tmp/runbook-estimate-XXXXXX");
    assert_non_null(mkdtemp(past->folder));
    AUTO_TEXT runs = mem_printf("%s/runs", past->folder);
    assert_int_equal(mkdir(runs, 0700), 0);
    setenv("RUNBOOK_HOME", past->folder, 1);
    *state = past;
    return 0;
}

static int teardown(void **state) {
    struct past *past = *state;
    AUTO_ERR err = ERR_INIT;
    assert_int_equal(file_remove_tree(past->folder, &err), 0);
    mem_free(past);
    return 0;
}

static void put(struct past *past, struct event *event, int64_t at_ms) {
    AUTO_BUF line = BUF_INIT(TRANSCRIPT_LINE_MAX);
    AUTO_ERR err = ERR_INIT;
    event->seq = ++past->seq;
    event->wall_ns = INT64_C(1700000000000000000) + at_ms * NS_PER_MS;
    event->mono_ns = at_ms * NS_PER_MS;
    assert_int_equal(event_write(event, past->head, &line, &err), 0);
    digest_text(buf_text(&line), line.length, past->head);
    assert_int_equal(fwrite(buf_text(&line), 1, line.length, past->file), line.length);
}

/* The later a run is begun, the newer it is. */
static void begin(struct past *past, const char *name, bool dry_run, const char *only) {
    AUTO_TEXT dir = mem_printf("%s/runs/%s-202601%02dT030405Z", past->folder, name, ++past->runs);
    AUTO_TEXT path = mem_printf("%s/transcript.jsonl", dir);
    assert_int_equal(mkdir(dir, 0700), 0);
    past->file = fopen(path, "w");
    assert_non_null(past->file);
    past->seq = 0;
    (void)snprintf(past->head, sizeof past->head, "%s", EVENT_NO_PREV);
    struct event event = {.type = EVENT_RUN_STARTED};
    AUTO_VALUE selection =
        only ? value_set(value_object(), "only", value_string(only)) : value_null();
    EVENT_SET(&event, run, file_basename(dir));
    EVENT_SET(&event, runbook, "x.yaml");
    EVENT_SET(&event, name, name);
    EVENT_SET(&event, sha256, EVENT_NO_PREV);
    EVENT_SET(&event, plan_sha256, EVENT_NO_PREV);
    EVENT_SET(&event, user, "u");
    EVENT_SET(&event, uid, 1);
    EVENT_SET(&event, host, "h");
    EVENT_SET(&event, pid, 1);
    EVENT_SET(&event, engine, "1");
    EVENT_SET(&event, dry_run, dry_run);
    EVENT_SET(&event, selection, selection);
    put(past, &event, 0);
}

static void step(struct past *past, const char *phase, const char *path, const char *status,
                 int64_t ms) {
    struct event event = {.type = EVENT_STEP_FINISHED};
    EVENT_SET(&event, phase, phase);
    EVENT_SET(&event, step, path);
    EVENT_SET(&event, status, status);
    EVENT_SET(&event, duration_ms, ms);
    put(past, &event, 1);
}

static void end(struct past *past, const char *status, int64_t ms) {
    struct event event = {.type = EVENT_RUN_FINISHED};
    EVENT_SET(&event, status, status);
    EVENT_SET(&event, exit, 0);
    put(past, &event, ms);
    assert_int_equal(fclose(past->file), 0);
}

static void expect_span(bool is_known, const struct estimate_span *span, int64_t p50, int64_t p90,
                        int64_t count) {
    assert_int_equal(is_known, count > 0);
    if (!is_known)
        return;
    assert_int_equal(span->p50_ms, p50);
    assert_int_equal(span->p90_ms, p90);
    assert_int_equal(span->count, count);
}

static void expect_step(const char *phase, const char *path, int64_t p50, int64_t p90,
                        int64_t count) {
    AUTO_VALUE selection = SELECTION_OF_ALL;
    struct estimate_span span;
    struct estimate *estimate = estimate_read("drill", selection, NULL);
    expect_span(estimate_step(estimate, phase, path, &span), &span, p50, p90, count);
    estimate_free(estimate);
}

static void expect_whole(const char *only, int64_t p50, int64_t p90, int64_t count) {
    AUTO_VALUE selection =
        only ? value_set(value_object(), "only", value_string(only)) : value_null();
    struct estimate_span span;
    struct estimate *estimate = estimate_read("drill", selection, NULL);
    expect_span(estimate_whole(estimate, &span), &span, p50, p90, count);
    estimate_free(estimate);
    estimate = estimate_glance("drill", selection, NULL);
    expect_span(estimate_whole(estimate, &span), &span, p50, p90, count);
    expect_span(estimate_step(estimate, "run", "a", &span), &span, 0, 0, 0);
    estimate_free(estimate);
}

static void test_nothing(void **state) {
    (void)state;
    expect_step("run", "a", 0, 0, 0);
    expect_whole(NULL, 0, 0, 0);
    setenv("RUNBOOK_HOME", "/nowhere/at/all", 1);
    expect_step("run", "a", 0, 0, 0);
}

static void test_percentiles(void **state) {
    struct past *past = *state;
    for (int64_t i = 1; i <= 10; i++) {
        begin(past, "drill", false, NULL);
        step(past, "run", "a", "succeeded", i * 100);
        end(past, "succeeded", i * 1000);
    }
    expect_step("run", "a", 500, 900, 10);
    expect_step("rollback", "a", 0, 0, 0);
    expect_whole(NULL, 5000, 9000, 10);
}

static void test_what_counts(void **state) {
    struct past *past = *state;
    begin(past, "drill", true, NULL); /* a dry run */
    step(past, "run", "a", "succeeded", 1);
    end(past, "succeeded", 1);
    begin(past, "drill-2", false, NULL); /* its name begins alike */
    step(past, "run", "a", "succeeded", 2);
    end(past, "succeeded", 2);
    begin(past, "drill", false, "a"); /* a part of it */
    step(past, "run", "a", "succeeded", 30);
    end(past, "succeeded", 30);
    begin(past, "drill", false, NULL); /* it failed */
    step(past, "run", "a", "failed", 4);
    step(past, "run", "b[0]/c", "succeeded", 50);
    step(past, "run", "b[1]/c", "succeeded", 60);
    step(past, "run", "b[1]", "succeeded", 60);
    step(past, "rollback", "a", "succeeded", 70);
    end(past, "failed", 4000);
    expect_step("run", "a", 30, 30, 1);
    expect_step("run", "b/c", 50, 60, 2);
    expect_step("run", "b", 0, 0, 0);
    expect_step("rollback", "a", 70, 70, 1);
    expect_whole(NULL, 0, 0, 0);
    expect_whole("a", 30, 30, 1);
}

static void test_newest(void **state) {
    struct past *past = *state;
    for (int64_t i = 0; i < ESTIMATE_RUNS + 5; i++) {
        begin(past, "drill", false, NULL);
        step(past, "run", "a", "succeeded", i < 5 ? 9999 : 10);
        end(past, "succeeded", 20);
    }
    expect_step("run", "a", 10, 10, ESTIMATE_RUNS);
}

/* What cannot be read is passed over, up to the damage. */
static void test_damaged(void **state) {
    struct past *past = *state;
    begin(past, "drill", false, NULL);
    step(past, "run", "a", "succeeded", 7);
    assert_true(fputs("{\"not\": \"a record\"}\n", past->file) >= 0);
    end(past, "succeeded", 20);
    expect_step("run", "a", 7, 7, 1);
    AUTO_VALUE all = SELECTION_OF_ALL;
    struct estimate_span span;
    struct estimate *estimate = estimate_read("drill", all, NULL);
    expect_span(estimate_whole(estimate, &span), &span, 0, 0, 0);
    estimate_free(estimate);
}

/* Of two runs: for one of them only what came before it is earlier. */
static void test_before(void **state) {
    struct past *past = *state;
    struct estimate_span span;
    AUTO_VALUE all = SELECTION_OF_ALL;
    for (int i = 1; i <= 2; i++) {
        begin(past, "drill", false, NULL);
        step(past, "run", "a", "succeeded", i * 100);
        end(past, "succeeded", i * 1000);
    }
    struct estimate *estimate = estimate_read("drill", all, "drill-20260102T030405Z");
    expect_span(estimate_whole(estimate, &span), &span, 1000, 1000, 1);
    estimate_free(estimate);
    estimate = estimate_read("drill", all, "drill-20260101T030405Z");
    expect_span(estimate_whole(estimate, &span), &span, 0, 0, 0);
    expect_span(estimate_step(estimate, "run", "a", &span), &span, 0, 0, 0);
    estimate_free(estimate);
    expect_whole(NULL, 1000, 2000, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_percentiles, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_newest, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damaged, setup, teardown),
        cmocka_unit_test_setup_teardown(test_before, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
