/* Acts on repositories as steps use them, and what an engine that died may leave half done. */
#include "io/repo_act.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "io/tool.h"
#include "tests/support/unit.h"

#define LIMIT_MS 30000

static char folder[] = "/tmp/runbook-repo-XXXXXX";

/* ---- the world ------------------------------------------------------------------------------- */

static void shell(const char *script) {
    AUTO_ERR err = ERR_INIT;
    AUTO_BUF out = BUF_INIT(TOOL_OUTPUT_MAX);
    struct loop *loop = loop_new(&err);
    const struct tool_spec spec = {.argv = (const char *const[]){"sh", "-euc", script, NULL},
                                   .timeout_ms = LIMIT_MS};
    if (tool_run(loop, &spec, &out, &err) != 0)
        fail_msg("%s: %s", script, err.message);
    loop_free(loop);
}

/* Fails where the script says anything else. */
static void says(const char *script, const char *expected) {
    AUTO_ERR err = ERR_INIT;
    AUTO_BUF out = BUF_INIT(TOOL_OUTPUT_MAX);
    struct loop *loop = loop_new(&err);
    const struct tool_spec spec = {.argv = (const char *const[]){"sh", "-uc", script, NULL},
                                   .timeout_ms = LIMIT_MS};
    assert_true(tool_run(loop, &spec, &out, &err) >= 0);
    loop_free(loop);
    assert_string_equal(buf_text(&out), expected);
}

static int world_make(void **state) {
    (void)state;
    if (!mkdtemp(folder) || chdir(folder) < 0)
        return -1;
    setenv("HOME", folder, 1);
    shell("git config --global user.name Tester; git config --global user.email t@example.org; "
          "git config --global init.defaultBranch main");
    return 0;
}

static int world_remove(void **state) {
    AUTO_ERR err = ERR_INIT;
    (void)state;
    return chdir("/") < 0 ? -1 : file_remove_tree(folder, &err);
}

static int work_make(void **state) {
    (void)state;
    shell("rm -rf work; git init -q work; cd work; echo one >a; echo two >b; git add .; "
          "git commit -qm first; git checkout -qb fix; echo fixed >a; echo new >c; git add .; "
          "git commit -qm fixed; git checkout -q main");
    return 0;
}

/* ---- acts ------------------------------------------------------------------------------------ */

struct outcome {
    struct loop *loop;
    char *facts;
    struct err err;
    enum repo_fate fate;
    bool touched;
};

static void answered(void *user, struct repo_answer *answer) {
    struct outcome *outcome = user;
    outcome->facts = value_to_json(answer->data);
    outcome->fate = answer->fate;
    outcome->touched = answer->touched;
    err_move(&outcome->err, answer->err);
    loop_stop(outcome->loop);
}

static void outcome_release(struct outcome *outcome) {
    mem_free(outcome->facts);
    err_release(&outcome->err);
    *outcome = (struct outcome){0};
}

struct cancelling {
    struct repo_act *act;
    struct loop_timer *timer;
};

static void cancel(void *user) {
    struct cancelling *cancelling = user;
    repo_act_cancel(cancelling->act);
}

static struct outcome run(struct repo_act_spec spec, enum repo_stage stage, const char *facts,
                          int64_t cancel_ms) {
    struct outcome outcome = {0};
    struct cancelling cancelling = {0};
    spec.stage = stage;
    spec.facts = facts;
    spec.path = spec.path ? spec.path : "work";
    outcome.loop = loop_new(&outcome.err);
    assert_int_equal(
        repo_act_start(outcome.loop, &spec, answered, &outcome, &cancelling.act, &outcome.err), 0);
    if (cancel_ms)
        cancelling.timer = loop_timer_new(outcome.loop, cancel_ms, cancel, &cancelling);
    loop_run(outcome.loop);
    loop_timer_free(cancelling.timer);
    repo_act_free(cancelling.act);
    loop_free(outcome.loop);
    return outcome;
}

/* The facts; the caller frees. */
static char *look(struct repo_act_spec spec) {
    struct outcome outcome = run(spec, REPO_LOOK, NULL, 0);
    if (outcome.err.message)
        fail_msg("%s", outcome.err.message);
    return outcome.facts;
}

static void does(struct repo_act_spec spec, enum repo_stage stage, const char *facts) {
    struct outcome outcome = run(spec, stage, facts, 0);
    if (outcome.err.message)
        fail_msg("%s", outcome.err.message);
    outcome_release(&outcome);
}

static void settles(struct repo_act_spec spec, const char *facts, enum repo_fate fate) {
    struct outcome outcome = run(spec, REPO_SETTLE, facts, 0);
    if (outcome.err.message)
        fail_msg("%s", outcome.err.message);
    assert_int_equal(outcome.fate, fate);
    outcome_release(&outcome);
}

static void refuses(struct repo_act_spec spec, enum repo_stage stage, const char *facts,
                    const char *said) {
    struct outcome outcome = run(spec, stage, facts, 0);
    assert_non_null(outcome.err.message);
    if (!strstr(outcome.err.message, said))
        fail_msg("%s", outcome.err.message);
    outcome_release(&outcome);
}

/* ---- there and back -------------------------------------------------------------------------- */

/* Before, behind and back again: each time the repository knows. */
static void there_and_back(struct repo_act_spec spec) {
    AUTO_TEXT facts = look(spec);
    says("git -C work status -sb >before; git -C work for-each-ref >>before", "");
    settles(spec, facts, REPO_NOT_HAPPENED);
    does(spec, REPO_DO, facts);
    settles(spec, facts, REPO_HAPPENED);
    refuses(spec, REPO_DO, facts, "somebody else has just");
    does(spec, REPO_UNDO, facts);
    settles(spec, facts, REPO_NOT_HAPPENED);
    does(spec, REPO_UNDO, facts); /* once more changes nothing */
    says("git -C work status -sb >after; git -C work for-each-ref >>after; cmp before after", "");
}

static void test_there_and_back(void **state) {
    static const char *const paths[] = {"b"};
    const struct repo_act_spec specs[] = {
        {.verb = REPO_TAG, .name = "v1", .message = "Release"},
        {.verb = REPO_TAG, .name = "v1"},
        {.verb = REPO_BRANCH, .name = "next", .ref = "fix"},
        {.verb = REPO_BRANCH, .name = "fix", .remove = true},
        {.verb = REPO_MERGE, .ref = "fix", .fast_forward = REPO_FORWARD_AUTO},
        {.verb = REPO_MERGE, .ref = "fix", .fast_forward = REPO_FORWARD_NEVER},
        {.verb = REPO_CHECKOUT, .ref = "fix"},
        {.verb = REPO_CHECKOUT, .ref = "topic", .from = "fix", .create = true},
        {.verb = REPO_COMMIT, .message = "More", .items = paths, .item_count = 1},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(specs); i++) {
        work_make(NULL);
        if (specs[i].verb == REPO_COMMIT)
            shell("echo more >>work/b; echo staged >>work/a; git -C work add a");
        there_and_back(specs[i]);
    }
}

/* ---- an engine that died on the way ---------------------------------------------------------- */

static void test_half_merged(void **state) {
    const struct repo_act_spec spec = {.verb = REPO_MERGE, .ref = "fix"};
    (void)state;
    AUTO_TEXT facts = look(spec);
    shell("cd work; git checkout -q fix -- a");
    settles(spec, facts, REPO_NOT_HAPPENED);
    says("git -C work status -s; cat work/a", "one\n");
    shell("cd work; git checkout -q fix -- .");
    settles(spec, facts, REPO_NOT_HAPPENED);
    says("git -C work status -s; ls work", "a\nb\n");
}

/* What a person wrote meanwhile is not thrown away. */
static void test_half_merged_and_edited(void **state) {
    const struct repo_act_spec spec = {.verb = REPO_MERGE, .ref = "fix"};
    (void)state;
    AUTO_TEXT facts = look(spec);
    shell("cd work; git checkout -q fix -- a; echo edited >>a");
    refuses(spec, REPO_SETTLE, facts, "`a` of");
    says("cat work/a", "fixed\nedited\n");
}

static void test_half_checked_out(void **state) {
    const struct repo_act_spec spec = {
        .verb = REPO_CHECKOUT, .ref = "topic", .from = "fix", .create = true};
    (void)state;
    AUTO_TEXT facts = look(spec);
    shell("cd work; git branch topic fix; git checkout -q fix -- a c");
    settles(spec, facts, REPO_NOT_HAPPENED);
    says("git -C work status -sb; git -C work branch --format='%(refname:short)'",
         "## main\nfix\nmain\n");
}

/* The branch has moved, and the index has not. */
static void test_half_committed(void **state) {
    static const char *const paths[] = {"."};
    const struct repo_act_spec spec = {
        .verb = REPO_COMMIT, .message = "All", .items = paths, .item_count = 1};
    (void)state;
    shell("cd work; echo more >>b; rm a; echo d >d");
    AUTO_TEXT facts = look(spec);
    says("git -C work status -s", " D a\n M b\n?? d\n");
    AUTO_VALUE all = value_none();
    assert_int_equal(value_parse(facts, strlen(facts), &all, NULL), 0);
    AUTO_VALUE after = value_get(all, "after");
    AUTO_TEXT script = mem_printf("git -C work update-ref refs/heads/main %s", value_text(after));
    shell(script);
    settles(spec, facts, REPO_HAPPENED);
    says("git -C work status -s; git -C work log -1 --format=%s", "All\n");
}

/* ---- a remote that is silent ------------------------------------------------------------------
 */

static int silent_listen(uint16_t *ret_port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

static void test_silent(void **state) {
    uint16_t port;
    AUTO_FD fd = silent_listen(&port);
    assert_true(fd >= 0);
    AUTO_TEXT url = mem_printf("http://127.0.0.1:%d/x.git", port);
    const struct repo_act_spec spec = {.verb = REPO_FETCH, .name = url};
    (void)state;
    int64_t begun = clock_mono_ns();
    struct outcome outcome = run(spec, REPO_DO, NULL, 200);
    assert_true(clock_mono_ns() - begun < 10 * NS_PER_S);
    assert_non_null(outcome.err.message);
    assert_non_null(strstr(outcome.err.message, "it was cancelled"));
    outcome_release(&outcome);
}

/* An engine that is left does not wait for the thread; nor is it called back. */
static void test_left(void **state) {
    uint16_t port;
    AUTO_ERR err = ERR_INIT;
    AUTO_FD fd = silent_listen(&port);
    assert_true(fd >= 0);
    AUTO_TEXT url = mem_printf("http://127.0.0.1:%d/x.git", port);
    const struct repo_act_spec spec = {
        .verb = REPO_FETCH, .stage = REPO_DO, .path = "work", .name = url};
    struct repo_act *act = NULL;
    struct loop *loop = loop_new(&err);
    (void)state;
    assert_int_equal(repo_act_start(loop, &spec, answered, NULL, &act, &err), 0);
    repo_act_cancel(act);
    repo_act_free(act);
    loop_run(loop);
    loop_free(loop);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test_setup(test_half_merged, work_make),
        cmocka_unit_test_setup(test_half_merged_and_edited, work_make),
        cmocka_unit_test_setup(test_half_checked_out, work_make),
        cmocka_unit_test_setup(test_half_committed, work_make),
        cmocka_unit_test_setup(test_silent, work_make),
        cmocka_unit_test_setup(test_left, work_make),
    };
    return cmocka_run_group_tests(tests, world_make, world_remove);
}
