/* What an output that is marked as secret was taken from, and what it goes into, tells nobody. */
#include "tests/support/unit.h"

#include <dirent.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "tests/support/run_world.h"

#define SECRET "s3cr3t-of-a-step"
#define MAKE "printf s3cr3t-; printf 'of-a-step\\n'"
#define HEAD "runbook: 1\nname: hiding\nsteps:\n"

static int setup(void **state) {
    if (world_setup(state) != 0)
        return -1;
    const struct world *world = *state;
    return chdir(world->home);
}

static int teardown(void **state) {
    return world_teardown(state) == 0 ? chdir("/") : -1;
}

static void assert_without(const char *path, const char *text) {
    AUTO_TEXT bytes = NULL;
    size_t length;
    assert_int_equal(file_read(path, 1 << 20, &bytes, &length, NULL), 0);
    if (memmem(bytes, length, text, strlen(text)))
        fail_msg("`%s` stands in %s:\n%s", text, path, bytes);
}

/* Neither in the transcript nor in an output, nor in what people were asked. */
static void assert_hidden(const struct world *world, const char *text) {
    AUTO_TEXT transcript = world_transcript(world);
    AUTO_TEXT output = mem_printf("%s/output", run_dir(world->run));
    DIR *dir = opendir(output);
    const struct dirent *entry;
    assert_non_null(dir);
    while ((entry = readdir(dir))) {
        AUTO_TEXT path = mem_printf("%s/%s", output, entry->d_name);
        if (entry->d_name[0] != '.')
            assert_without(path, text);
    }
    closedir(dir);
    assert_without(transcript, text);
    assert_true(!world->question || !strstr(world->question, text));
}

static void assert_output(const struct world *world, const char *step, const char *stream,
                          const char *expected) {
    const struct record *record = world_find(world, EVENT_STEP_FINISHED, step, "run");
    AUTO_VALUE output = value_get(record->json, "output");
    AUTO_VALUE stored = value_get(output, stream);
    AUTO_VALUE text = value_get(stored, "text");
    assert_string_equal(value_text(text), expected);
}

/* A stream that is open when the secret becomes known. */
static void test_meanwhile(void **state) {
    assert_int_equal(world_run(*state,
                               HEAD "  - id: p\n"
                                    "    parallel:\n"
                                    "      - id: printer\n"
                                    "        shell: >-\n"
                                    "          echo begun;\n"
                                    "          until [ -e known ]; do sleep 0.02; done; " MAKE "\n"
                                    "      - id: maker\n"
                                    "        steps:\n"
                                    "          - id: make\n"
                                    "            shell: " MAKE "\n"
                                    "            outputs: {it: {regex: '.+', secret: true}}\n"
                                    "          - {id: tell, shell: touch known}\n"),
                     RUN_SUCCEEDED);
    assert_hidden(*state, SECRET);
    assert_output(*state, "printer", "stdout", "begun\n[redacted:it]\n");
}

/* The step itself printed it before anybody knew, and needed not to. */
static void test_printed_before(void **state) {
    assert_int_equal(world_run(*state, HEAD "  - id: make\n"
                                            "    shell: echo before; { " MAKE "; } | tee it >&2\n"
                                            "    outputs: {it: {file: it, secret: true}}\n"),
                     RUN_SUCCEEDED);
    assert_hidden(*state, SECRET);
    assert_output(*state, "make", "stdout", "before\n");
    assert_output(*state, "make", "stderr", "[redacted:it]\n");
}

#define LOGIN "printf '{\"user\": \"%s\", \"pass\": [\"s3cr3t-%s\"]}' b''ob of-a-step"

/* Each member of a secret is one; and what is too short to be found is not in the record. */
static void test_members(void **state) {
    assert_int_equal(world_run(*state,
                               HEAD "  - id: make\n"
                                    "    shell: |\n      " LOGIN "\n"
                                    "    outputs: {login: {jq: .json, secret: true}}\n"
                                    "  - id: use\n"
                                    "    shell: echo \"$P\"\n"
                                    "    env: {P: \"${{ .steps.make.outputs.login.pass[0] }}\"}\n"),
                     RUN_SUCCEEDED);
    assert_hidden(*state, SECRET);
    assert_hidden(*state, "bob");
    assert_output(*state, "use", "stdout", "[redacted:login]\n");
}

/* An expression's error quotes the value that it is about. */
static void test_error(void **state) {
    assert_int_equal(world_run(*state,
                               HEAD "  - id: make\n"
                                    "    shell: " MAKE "\n"
                                    "    outputs: {it: {jq: .stdout | tonumber, secret: true}}\n"),
                     RUN_FAILED);
    assert_hidden(*state, "s3cr3t-of");
    const struct record *record = world_find(*state, EVENT_STEP_FINISHED, "make", "run");
    assert_string_equal(record->error, "its outputs could not be taken from its result, and is not "
                                       "shown since it is sensitive");
}

static bool accept(struct world *world, const char *step) {
    (void)world;
    (void)step;
    return true;
}

static void test_question(void **state) {
    struct world *world = *state;
    world->on_gate = accept;
    assert_int_equal(
        world_run(world,
                  HEAD "  - id: make\n"
                       "    shell: " MAKE "\n"
                       "    outputs: {it: {regex: '.+', secret: true}}\n"
                       "  - id: ask\n"
                       "    approval: {message: \"is ${{ .steps.make.outputs.it }} right?\"}\n"),
        RUN_SUCCEEDED);
    assert_hidden(world, SECRET);
    assert_string_equal(world->question, "is [redacted:it] right?");
}

/* The files that commands write their outputs into hold them as they are. */
static void assert_work_is_empty(struct world *world, const struct record *record) {
    if (record->type != EVENT_STEP_STARTED || !text_equal(record->step, "after"))
        return;
    AUTO_TEXT work = mem_printf("%s/work", run_dir(world->run));
    DIR *dir = opendir(work);
    const struct dirent *entry;
    assert_non_null(dir);
    while ((entry = readdir(dir)))
        assert_int_equal(entry->d_name[0], '.');
    closedir(dir);
    world->user = world;
}

static void test_work(void **state) {
    struct world *world = *state;
    world->on_record = assert_work_is_empty;
    assert_int_equal(world_run(world,
                               HEAD "  - id: make\n"
                                    "    shell: echo a=b >> \"$RUNBOOK_OUTPUT\"; [ -e again ] || "
                                    "{ touch again; exit 1; }\n"
                                    "    retry: {attempts: 2, delay: 1ms}\n"
                                    "  - id: give_up\n"
                                    "    shell: echo a=b >> \"$RUNBOOK_OUTPUT\"; exit 1\n"
                                    "    on_failure: continue\n"
                                    "  - {id: after, shell: 'true'}\n"),
                     RUN_SUCCEEDED);
    assert_ptr_equal(world->user, world);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_meanwhile), TEST(test_printed_before), TEST(test_members),
        TEST(test_error),     TEST(test_question),       TEST(test_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
