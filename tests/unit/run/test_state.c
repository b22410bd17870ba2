#include "tests/support/unit.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run/state.h"

/* What can happen to a step in each state, a letter an event in their order; '-' is impossible. */
static const struct {
    enum step_state from;
    const char *to; /* p w r s f c d (in doubt) u (rolling back) U (rolled back) F; S skipped */
} table[] = {
    {STATE_PENDING, "Swrsfc-u--"},         {STATE_SKIPPED, "----------"},
    {STATE_WAITING, "Swr-fc----"},         {STATE_RUNNING, "Swrsfcd---"},
    {STATE_SUCCEEDED, "----f--u--"},       {STATE_FAILED, "-------u--"},
    {STATE_CANCELLED, "-------u--"},       {STATE_IN_DOUBT, "--rsf--u--"},
    {STATE_ROLLING_BACK, "-uu---duUF"},    {STATE_ROLLED_BACK, "----------"},
    {STATE_ROLLBACK_FAILED, "-------u--"},
};

static char letter(enum step_state state) {
    return "pSwrsfcduUF"[state];
}

/* Whether the event aborts: tried in a process of its own. */
static bool is_impossible(enum step_state state, enum state_event event) {
    pid_t child = fork();
    if (child == 0) {
        if (!freopen("/dev/null", "w", stderr))
            _exit(1);
        signal(SIGABRT, SIG_DFL);
        state_next(state, event);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void test_table_is_total(void **state) {
    (void)state;
    assert_int_equal(COUNT(table), STATE_COUNT);
    for (size_t i = 0; i < COUNT(table); i++)
        for (enum state_event event = 0; event < STATE_EVENT_COUNT; event++) {
            char wanted = table[i].to[event];
            assert_int_equal(table[i].from, i);
            if (wanted == '-')
                assert_true(is_impossible(table[i].from, event));
            else
                assert_int_equal(letter(state_next(table[i].from, event)), wanted);
        }
}

static void test_names(void **state) {
    (void)state;
    assert_string_equal(state_name(STATE_PENDING), "pending");
    assert_string_equal(state_name(STATE_IN_DOUBT), "in_doubt");
    assert_string_equal(state_name(STATE_ROLLBACK_FAILED), "rollback_failed");
}

static void test_settled(void **state) {
    (void)state;
    for (enum step_state at = 0; at < STATE_COUNT; at++)
        assert_int_equal(state_is_settled(at),
                         at != STATE_PENDING && at != STATE_WAITING && at != STATE_RUNNING);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_is_total),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_settled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
