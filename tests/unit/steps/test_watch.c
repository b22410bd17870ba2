/* The step type watch: its window, and its verdicts on probes that a script answers. */
#include "tests/support/unit.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "io/loop.h"
#include "io/loop_virtual.h"
#include "steps/watch_window.h"
#include "tests/support/step_fake.h"

/* ---- the window ---------------------------------------------------------------------------- */

static void assert_stats(const struct watch_window *window, const char *wanted) {
    AUTO_VALUE stats = watch_window_stats(window);
    AUTO_TEXT json = value_to_json(stats);
    assert_string_equal(json, wanted);
}

static void assert_samples(const struct watch_window *window, const char *wanted) {
    AUTO_VALUE samples = watch_window_samples(window);
    AUTO_TEXT json = value_to_json(samples);
    assert_string_equal(json, wanted);
}

static void test_window_empty(void **state) {
    (void)state;
    struct watch_window *window = watch_window_new(3);
    assert_stats(window, "{\"count\":0,\"error_rate\":null,\"errors\":0,\"last\":null,"
                         "\"max\":null,\"min\":null,\"missed\":0,\"p50\":null,\"p95\":null,"
                         "\"p99\":null}");
    assert_samples(window, "[]");
    assert_false(watch_window_has_figure(window));
    watch_window_expire(window, 7);
    watch_window_add(window, 7, WATCH_ANSWERED, 1);
    assert_samples(window, "[1]");
    watch_window_free(window);
}

static void test_window_percentiles(void **state) {
    (void)state;
    struct watch_window *window = watch_window_new(100);
    for (int i = 0; i < 100; i++)
        watch_window_add(window, i, WATCH_ANSWERED, (i * 37) % 100 + 1);
    assert_stats(window, "{\"count\":100,\"error_rate\":0,\"errors\":0,\"last\":64,"
                         "\"max\":100,\"min\":1,\"missed\":0,\"p50\":50,\"p95\":95,\"p99\":99}");
    watch_window_free(window);
}

static void test_window_slides(void **state) {
    (void)state;
    struct watch_window *window = watch_window_new(4);
    watch_window_add(window, 0, WATCH_ANSWERED, 9);
    watch_window_add(window, 1, WATCH_FAILED, 0);
    watch_window_add(window, 4, WATCH_ANSWERED, 5);
    assert_samples(window, "[null,false,false,5]");
    assert_stats(window, "{\"count\":2,\"error_rate\":0.5,\"errors\":1,\"last\":5,"
                         "\"max\":5,\"min\":5,\"missed\":2,\"p50\":5,\"p95\":5,\"p99\":5}");
    watch_window_expire(window, 3);
    assert_samples(window, "[false,5]");
    watch_window_pass(window, 8);
    assert_samples(window, "[5,false,false,false]");
    watch_window_add(window, 1000, WATCH_FAILED, 0);
    assert_samples(window, "[false,false,false,null]");
    assert_int_equal(watch_window_count(window), 1);
    assert_false(watch_window_has_figure(window));
    watch_window_free(window);
}

static void test_window_figures(void **state) {
    (void)state;
    double figures[2];
    struct watch_window *window = watch_window_new(4);
    assert_int_equal(watch_window_figures(window, figures, 2), 0);
    watch_window_add(window, 0, WATCH_ANSWERED, 1);
    watch_window_add(window, 1, WATCH_ANSWERED, 2);
    watch_window_add(window, 2, WATCH_FAILED, 0);
    assert_int_equal(watch_window_figures(window, figures, 2), 2);
    assert_true(figures[0] == 2 && isnan(figures[1]));
    watch_window_free(window);
}

/* A slow reckoning of the same agrees, whatever comes. */
static void test_window_random(void **state) {
    (void)state;
    struct watch_window *window = watch_window_new(16);
    double figures[1000];
    uint32_t seed = 1;
    for (int tick = 0; tick < 1000; tick++) {
        seed = seed * 1664525 + 1013904223;
        figures[tick] = (seed >> 16) % 5 == 0 ? (double)NAN : (seed >> 20) % 7;
        watch_window_add(window, tick, isnan(figures[tick]) ? WATCH_FAILED : WATCH_ANSWERED,
                         figures[tick]);
        double least = INFINITY;
        int errors = 0;
        for (int i = tick < 15 ? 0 : tick - 15; i <= tick; i++) {
            errors += isnan(figures[i]);
            least = figures[i] < least ? figures[i] : least;
        }
        AUTO_VALUE stats = watch_window_stats(window);
        AUTO_VALUE counted = value_get(stats, "errors");
        AUTO_VALUE lowest = value_get(stats, "min");
        assert_true(value_as_number(counted) == errors);
        assert_true(isinf(least) || value_as_number(lowest) == least);
    }
    watch_window_free(window);
}

/* However busy the machine is, no probe comes late. */
static void virtualize(struct step_ctx *ctx) {
    loop_free(ctx->loop);
    ctx->loop = loop_new_virtual(virtual_time_new(0, NS_PER_S, NULL, NULL, 1), NULL);
    assert_non_null(ctx->loop);
}

/* ---- verdicts ------------------------------------------------------------------------------ */

struct watched {
    const char *fields;
    const char *samples[8];
    enum step_outcome outcome;
    const char *message; /* part of it, or NULL */
    const char *path, *wanted;
};

static void assert_watched(const struct watched *watched) {
    AUTO_TEXT yaml = mem_printf("steps:\n- {id: before, shell: x}\n- watch: {probe: {shell: x}, "
                                "every: 10ms, for: 60ms, %s}\n",
                                watched->fields);
    struct runbook *runbook = step_fake_load(yaml);
    struct step_ctx *ctx =
        step_fake_new(runbook->steps->items[1], "{\"steps\":{\"before\":{\"p95\":10}}}");
    virtualize(ctx);
    ctx->samples = watched->samples;
    step_fake_run(ctx);
    assert_int_equal(ctx->done, 1);
    const char *message = ctx->result.err.message ? ctx->result.err.message : "";
    if (ctx->result.outcome != watched->outcome ||
        (watched->message && !strstr(message, watched->message)))
        fail_msg("%s: outcome %d, `%s`", watched->fields, ctx->result.outcome, message);
    assert_string_equal(step_fake_data(ctx, watched->path), watched->wanted);
    step_fake_free(ctx);
    runbook_free(runbook);
}

static void test_verdicts(void **state) {
    (void)state;
    static const struct watched cases[] = {
        {"value: .n", {"{\"n\":3}"}, STEP_SUCCEEDED, NULL, ".samples", "[3,3,3,3,3,3]"},
        {"value: .n", {"{\"n\":\"3.5\"}"}, STEP_SUCCEEDED, NULL, ".p50", "3.5"},
        {"value: .n", {"{\"n\":\"3.5 \"}"}, STEP_FAILED, "no number but \"3.5 \"", ".errors", "1"},
        {"value: .n", {"{\"n\":\"nan\"}"}, STEP_FAILED, "no number but \"nan\"", ".errors", "1"},
        {"value: .n", {"{\"n\":true}"}, STEP_FAILED, "no number but true", ".errors", "1"},
        {"value: .n.m", {"{\"n\":1}"}, STEP_FAILED, "cannot index number", ".errors", "1"},
        {"fail_when: .last > 5",
         {"{\"duration_ms\":5}", "{\"duration_ms\":6}"},
         STEP_FAILED,
         "`fail_when` holds: .last > 5 (2 of 6 probes",
         ".samples",
         "[5,6]"},
        {"fail_when: .last > 5",
         {"{\"duration_ms\":9,\"time_ms\":1.5}"},
         STEP_SUCCEEDED,
         NULL,
         ".max",
         "1.5"},
        {"fail_when: .p95 > 1.5 * .baseline, baseline: '${{ .steps.before.p95 }}', value: .n",
         {"{\"n\":15}", "{\"n\":16}"},
         STEP_FAILED,
         "baseline 10",
         ".baseline",
         "10"},
        {"fail_when: .p95 > 1.5 * .baseline.p95, baseline: '${{ .steps.before }}', value: .n",
         {"{\"n\":16}"},
         STEP_FAILED,
         "(1 of 6",
         ".count",
         "1"},
        {"until: .last < 2, value: .n",
         {"!no", "{\"n\":3}", "{\"n\":1}"},
         STEP_SUCCEEDED,
         NULL,
         ".samples",
         "[null,3,1]"},
        {"until: .last < 2, value: .n", {"{\"n\":1}"}, STEP_SUCCEEDED, NULL, ".probes", "1"},
        {"until: .last < 2, value: .n",
         {"{\"n\":3}"},
         STEP_FAILED,
         "`until` did not hold within 60ms: .last < 2",
         ".probes",
         "6"},
        {"until: '.errors > 1'",
         {"!no"},
         STEP_FAILED,
         "no probe of the window gave a figure",
         ".errors",
         "6"},
        {"fail_when: .last / .p95 > 2, value: .n",
         {"!no", "!no", "{\"n\":1}"},
         STEP_SUCCEEDED,
         NULL,
         ".errors",
         "2"},
        {"fail_when: '.nothing + {} + 1', value: .n",
         {"{\"n\":1}"},
         STEP_FAILED,
         "`fail_when` cannot be told",
         ".count",
         "1"},
        {"window: 20ms, value: .n", {"{\"n\":1}"}, STEP_SUCCEEDED, NULL, ".probes", "6"},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_watched(&cases[i]);
}

static struct step_ctx *begin(struct runbook **ret_runbook, const char *fields,
                              const char *const *samples) {
    AUTO_TEXT yaml = mem_printf("steps:\n- watch: {probe: {shell: x}, %s}\n", fields);
    *ret_runbook = step_fake_load(yaml);
    struct step_ctx *ctx = step_fake_new((*ret_runbook)->steps->items[0], "{}");
    virtualize(ctx);
    ctx->samples = samples;
    return ctx;
}

static void test_dry_run(void **state) {
    (void)state;
    static const char *const answers[] = {"{\"duration_ms\":1}", NULL}, *const fails[] = {"!no",
                                                                                          NULL};
    static const struct {
        const char *const *samples;
        const char *fields;
        enum step_outcome outcome;
    } cases[] = {
        {answers, "every: 10s, for: 1h, fail_when: .count < 2", STEP_SUCCEEDED},
        {fails, "every: 10s, for: 1h, fail_when: .count < 2", STEP_FAILED},
        {fails, "every: 10s, for: 1h, until: .count > 2", STEP_SUCCEEDED},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct runbook *runbook;
        struct step_ctx *ctx = begin(&runbook, cases[i].fields, cases[i].samples);
        ctx->dry_run = true;
        step_fake_run(ctx);
        assert_int_equal(ctx->result.outcome, cases[i].outcome);
        assert_string_equal(step_fake_data(ctx, ".count"), "1");
        assert_int_equal(ctx->result.rehearsal, STEP_CHECKED);
        assert_non_null(strstr(ctx->result.remark, "one sample: 1 of 1 probes"));
        step_fake_free(ctx);
        runbook_free(runbook);
    }
}

static void test_cancelled(void **state) {
    (void)state;
    static const char *const answers[] = {"{\"duration_ms\":1}", NULL};
    struct runbook *runbook;
    struct step_ctx *ctx = begin(&runbook, "every: 10s, for: 1h", answers);
    ctx->cancel_after_ms = 50;
    step_fake_run(ctx);
    assert_int_equal(ctx->result.outcome, STEP_CANCELLED);
    assert_string_equal(step_fake_data(ctx, ".samples"), "[1]");
    step_fake_free(ctx);
    runbook_free(runbook);
}

/* However often it probes, a log gets few lines. */
static void test_sparse(void **state) {
    (void)state;
    static const char *const answers[] = {"{\"duration_ms\":1}", NULL};
    struct runbook *runbook;
    struct step_ctx *ctx = begin(&runbook, "every: 10ms, for: 500ms", answers);
    step_fake_run(ctx);
    assert_int_equal(ctx->result.outcome, STEP_SUCCEEDED);
    assert_int_equal(ctx->news, 2);
    assert_non_null(strstr(buf_text(&ctx->gauges), "50 of 50 probes, 0 errors, p50 1 ms"));
    step_fake_free(ctx);
    runbook_free(runbook);
}

int main(void) {
    alarm(60);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_window_empty),  cmocka_unit_test(test_window_percentiles),
        cmocka_unit_test(test_window_slides), cmocka_unit_test(test_window_figures),
        cmocka_unit_test(test_window_random), cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_dry_run),       cmocka_unit_test(test_cancelled),
        cmocka_unit_test(test_sparse),
    };
    return cmocka_run_group_tests_name("watch", tests, NULL, NULL);
}
