/* When a run is expected to end, with durations that the test makes up. */
#include "tests/support/unit.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/outlook.h"
#include "tests/support/run_world.h"

/* ---- what earlier runs took --------------------------------------------------------------- */

struct estimate {
    const char *const *known; /* "PHASE STEP", NULL-terminated */
    const struct estimate_span *spans;
};

struct estimate *estimate_read(const char *name, value selection, const char *before) {
    (void)name;
    (void)selection;
    (void)before;
    return NULL;
}

struct estimate *estimate_glance(const char *name, value selection, const char *before) {
    return estimate_read(name, selection, before);
}

void estimate_free(struct estimate *estimate) {
    (void)estimate;
}

bool estimate_step(const struct estimate *estimate, const char *phase, const char *path,
                   struct estimate_span *ret) {
    AUTO_TEXT key = mem_printf("%s %s", phase, path);
    for (size_t i = 0; estimate->known[i]; i++)
        if (text_equal(estimate->known[i], key)) {
            *ret = estimate->spans[i];
            return true;
        }
    return false;
}

bool estimate_expect(const struct estimate *estimate, const struct step *step, const char *phase,
                     const char *path, struct estimate_span *ret) {
    (void)step;
    return estimate_step(estimate, phase, path, ret);
}

bool estimate_whole(const struct estimate *estimate, struct estimate_span *ret) {
    (void)estimate;
    (void)ret;
    return false;
}

/* Two ways: a, then b beside c, then the gate, then d. */
static const char yaml[] = "runbook: 1\n"
                           "name: outlook\n"
                           "steps:\n"
                           "  - {id: a, shell: x, rollback: {shell: y}}\n"
                           "  - id: both\n"
                           "    parallel:\n"
                           "      - {id: b, shell: x}\n"
                           "      - {id: c, shell: x}\n"
                           "  - {id: go, approval: {message: Go?}}\n"
                           "  - {id: d, shell: x}\n"
                           "  - {id: e, shell: x}\n"
                           "finally:\n"
                           "  - {id: f, shell: x}\n";
static const char *const names[] = {"run a", "run b",     "run c", "run go",
                                    "run d", "finally f", NULL};
static const struct estimate_span spans[] = {{60000, 120000, 3},  {10000, 20000, 3},
                                             {300000, 300000, 3}, {900000, 900000, 3},
                                             {60000, 60000, 3},   {30000, 40000, 3}};
static const struct estimate some = {.known = names, .spans = spans};

static struct outlook *outlook_of(struct world *world, const char *text,
                                  const struct plan_options *options, int64_t jobs,
                                  const struct estimate *estimate) {
    world_file(world, "runbook.yaml", text);
    world_plan(world, options);
    struct outlook *outlook = outlook_new(world->plan, jobs);
    assert_false(outlook_has_learned(outlook));
    if (estimate)
        outlook_learn(outlook, estimate);
    return outlook;
}

static void tell(struct outlook *outlook, enum event_type type, const char *phase, const char *step,
                 int64_t at_s) {
    struct event event = {.type = type, .mono_ns = at_s * NS_PER_S};
    EVENT_SET(&event, phase, phase);
    EVENT_SET(&event, step, step);
    outlook_event(outlook, &event);
}

#define STARTED(step, at_s) tell(outlook, EVENT_STEP_STARTED, "run", step, at_s)
#define FINISHED(step, at_s) tell(outlook, EVENT_STEP_FINISHED, "run", step, at_s)

static void expect(struct outlook *outlook, int64_t at_s, const char *wanted) {
    AUTO_BUF out = BUF_INIT(1000);
    outlook_tell(outlook, at_s * NS_PER_S, &out);
    assert_string_equal(buf_text(&out), wanted);
}

/* ---- tests -------------------------------------------------------------------------------- */

/* 60 + 300 + 60 + 30 and 120 + 300 + 60 + 40 seconds: the gate's own time does not count. */
static void the_longest_way_counts(void **state) {
    const struct plan_options all = {0};
    struct outlook *outlook = outlook_of(*state, yaml, &all, 0, &some);
    assert_true(outlook_has_learned(outlook));
    expect(outlook, 0, "ends in ~8m (p50), 9m (p90) + 1 gate + 1 unknown");
    STARTED("a", 0);
    expect(outlook, 30, "ends in ~7m (p50), 8m (p90) + 1 gate + 1 unknown");
    expect(outlook, 600, "ends in ~7m (p50), 7m (p90) + 1 gate + 1 unknown"); /* no sooner */
    FINISHED("a", 600);
    STARTED("both", 600);
    STARTED("b", 600);
    STARTED("c", 600);
    expect(outlook, 840, "ends in ~3m (p50), 3m (p90) + 1 gate + 1 unknown");
    FINISHED("b", 841);
    FINISHED("c", 900);
    FINISHED("both", 900);
    STARTED("go", 900);
    expect(outlook, 900, "ends in ~2m (p50), 2m (p90) + 1 gate + 1 unknown");
    expect(outlook, 9000, "ends in ~2m (p50), 2m (p90) + 1 gate + 1 unknown");
    FINISHED("go", 9000);
    STARTED("d", 9000);
    FINISHED("d", 9060);
    STARTED("e", 9060);
    expect(outlook, 9070, "ends in ~30s (p50), 40s (p90) + 1 unknown");
    FINISHED("e", 9080);
    tell(outlook, EVENT_STEP_STARTED, "finally", "f", 9080);
    expect(outlook, 9081, "ends in ~29s (p50), 39s (p90)");
    expect(outlook, 9115, "overdue by 5s (p50), ends in 5s (p90)");
    expect(outlook, 9180, "overdue by 1m (p50), 1m (p90)");
    tell(outlook, EVENT_STEP_FINISHED, "finally", "f", 9200);
    expect(outlook, 9200, "");
    outlook_free(outlook);
}

static void nothing_known_is_said(void **state) {
    static const char *const none[] = {NULL};
    const struct estimate empty = {.known = none};
    const struct plan_options all = {0};
    struct outlook *outlook = outlook_of(*state, yaml, &all, 0, &empty);
    expect(outlook, 0, "ends: not known");
    STARTED("a", 0);
    expect(outlook, 5, "ends: not known");
    outlook_free(outlook);
    outlook = outlook_of(*state, yaml, &all, 0, NULL);
    expect(outlook, 0, "");
    outlook_free(outlook);
}

static void what_is_left_out_takes_no_time(void **state) {
    const struct plan_options only = {.only = (const char *const[]){"d", NULL}};
    struct outlook *outlook = outlook_of(*state, yaml, &only, 0, &some);
    expect(outlook, 0, "ends in ~2m (p50), 2m (p90)"); /* 60 + 30 and 60 + 40 seconds, rounded */
    outlook_free(outlook);
    const struct plan_options all = {0};
    outlook = outlook_of(*state, yaml, &all, 0, &some);
    FINISHED("a", 0);
    tell(outlook, EVENT_STEP_SKIPPED, "run", "both", 0); /* with all that stands in it */
    tell(outlook, EVENT_STEP_SKIPPED, "run", "go", 0);
    expect(outlook, 0, "ends in ~2m (p50), 2m (p90) + 1 unknown");
    outlook_free(outlook);
}

static void what_came_before_it_learns_counts(void **state) {
    const struct plan_options all = {0};
    struct outlook *outlook = outlook_of(*state, yaml, &all, 0, NULL);
    FINISHED("a", 0);
    FINISHED("both", 0);
    FINISHED("go", 0);
    STARTED("d", 100);
    outlook_learn(outlook, &some);
    expect(outlook, 110, "ends in ~1m (p50), 2m (p90) + 1 unknown"); /* 50 + 30 and 50 + 40 */
    outlook_move(outlook, 1000 * NS_PER_S); /* another machine start's clock */
    expect(outlook, 1150, "ends in ~40s (p50), 50s (p90) + 1 unknown");
    outlook_free(outlook);
}

static const char wide[] = "runbook: 1\n"
                           "name: wide\n"
                           "steps:\n"
                           "  - id: all\n"
                           "    parallel:\n"
                           "      - {id: a, shell: x}\n"
                           "      - {id: b, shell: x}\n"
                           "      - {id: c, shell: x}\n"
                           "      - {id: d, shell: x}\n";

static void no_sooner_than_jobs_allow(void **state) {
    static const char *const four[] = {"run a", "run b", "run c", "run d", NULL};
    static const struct estimate_span each[] = {
        {10000, 20000, 1}, {10000, 20000, 1}, {10000, 20000, 1}, {10000, 20000, 1}};
    const struct estimate estimate = {.known = four, .spans = each};
    const struct plan_options all = {0};
    struct outlook *outlook = outlook_of(*state, wide, &all, 0, &estimate);
    expect(outlook, 0, "ends in ~10s (p50), 20s (p90)");
    outlook_free(outlook);
    outlook = outlook_of(*state, wide, &all, 2, &estimate);
    expect(outlook, 0, "ends in ~20s (p50), 40s (p90)");
    STARTED("a", 0);
    STARTED("b", 0);
    expect(outlook, 4, "ends in ~16s (p50), 36s (p90)");
    FINISHED("a", 6);
    STARTED("c", 6);
    FINISHED("b", 6);
    expect(outlook, 6, "ends in ~10s (p50), 20s (p90)");
    tell(outlook, EVENT_STEP_STARTED, "run", "a", 8);    /* once more */
    expect(outlook, 8, "ends in ~14s (p50), 29s (p90)"); /* 8 + 10 + 10 for two hands */
    outlook_free(outlook);
}

static void a_rollback_ends_when_its_ledger_says(void **state) {
    const struct plan_options all = {0};
    struct outlook *outlook = outlook_of(*state, yaml, &all, 0, &some);
    STARTED("a", 0);
    static const char ledger[] = "[[\"undo\", {\"handlers\": [{}, {}], \"expected_ms\": 20000, "
                                 "\"unknown\": 1}]]";
    AUTO_VALUE notes = value_none();
    AUTO_ERR err = ERR_INIT;
    assert_int_equal(value_parse(ledger, strlen(ledger), &notes, &err), 0);
    struct event event = {.type = EVENT_ROLLBACK_BEGUN, .mono_ns = 100 * NS_PER_S};
    EVENT_SET(&event, notes, notes);
    outlook_event(outlook, &event);
    expect(outlook, 105, "ends in ~45s (p50) + 1 unknown"); /* and what finally takes */
    expect(outlook, 200, "ends in ~30s (p50) + 1 unknown");
    tell(outlook, EVENT_ROLLBACK_FINISHED, "run", "a", 210);
    expect(outlook, 210, "ends in ~30s (p50), 40s (p90)");
    outlook_free(outlook);
}

static void many_steps_in_a_row(void **state) {
    AUTO_BUF text = BUF_INIT(1 << 22);
    buf_puts(&text, "runbook: 1\nname: many\nsteps:\n");
    for (int i = 0; i < 10000; i++)
        buf_printf(&text, "  - {id: s%d, shell: x}\n", i);
    static const char *const last[] = {"run s9999", NULL};
    const struct estimate estimate = {.known = last, .spans = spans};
    const struct plan_options all = {0};
    struct outlook *outlook = outlook_of(*state, buf_text(&text), &all, 0, &estimate);
    for (int i = 0; i < 9999; i++) {
        AUTO_TEXT step = mem_printf("s%d", i);
        AUTO_TEXT wanted = mem_printf("ends in ~1m (p50), 2m (p90) + %d unknown", 9999 - i);
        STARTED(step, 0);
        expect(outlook, 0, wanted);
        FINISHED(step, 0);
    }
    expect(outlook, 0, "ends in ~1m (p50), 2m (p90)");
    outlook_free(outlook);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(the_longest_way_counts),
        CASE(nothing_known_is_said),
        CASE(what_is_left_out_takes_no_time),
        CASE(what_came_before_it_learns_counts),
        CASE(no_sooner_than_jobs_allow),
        CASE(a_rollback_ends_when_its_ledger_says),
        CASE(many_steps_in_a_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
