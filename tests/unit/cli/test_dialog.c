#include "tests/support/unit.h"
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "cli/dialog.h"

const struct step_type *step_type_find(const char *key) {
    (void)key;
    return NULL;
}

static struct {
    struct buf shown;
    char step[64], comment[64], evidence[64];
    bool accepted;
    int answers, choices, shells;
    const char *undo;
    enum run_choice choice;
} got = {.shown = BUF_INIT(1 << 16)};

static void on_print(void *user, const char *lines, size_t length) {
    (void)user;
    (void)buf_append(&got.shown, lines, length);
}

static void keep(char ret[64], const char *text) {
    (void)snprintf(ret, 64, "%s", text ? text : "");
}

static void on_answer(void *user, const char *step, const struct step_answer *answer) {
    (void)user;
    keep(got.step, step);
    keep(got.comment, answer->comment);
    keep(got.evidence, answer->evidence);
    got.accepted = answer->accepted;
    got.answers++;
}

static void on_choose(void *user, enum run_choice choice) {
    (void)user;
    got.choice = choice;
    got.choices++;
}

static void on_shell(void *user) {
    (void)user;
    got.shells++;
}

static value on_undo(void *user) {
    value undo = value_none();
    (void)user;
    if (got.undo)
        assert_int_equal(value_parse(got.undo, strlen(got.undo), &undo, NULL), 0);
    return undo;
}

static const struct text_style style = {.columns = 80};

static struct dialog *begin(void) {
    const struct dialog_sink sink = {.print = on_print,
                                     .answer = on_answer,
                                     .choose = on_choose,
                                     .shell = on_shell,
                                     .undo = on_undo};
    buf_clear(&got.shown);
    got.undo = NULL;
    got.answers = got.choices = got.shells = 0;
    return dialog_new(&sink, &style, "me");
}

static const struct step_question gate = {
    .kind = STEP_ASK_GATE,
    .message = "Replace \x1b[31mproduction?",
    .approvers = (const char *const[]){"dba", "lead", NULL},
    .quorum = 2,
    .not_requester = true,
    .expires_ms = 60000,
};

static void gates_take_yes_or_no_and_nothing_else(void **state) {
    (void)state;
    struct dialog *dialog = begin();
    assert_null(dialog_prompt(dialog));
    dialog_ask(dialog, "go", &gate);
    assert_string_equal(dialog_prompt(dialog), "open the gate? (y/n, u: undo list) ");
    assert_non_null(strstr(buf_text(&got.shown), "Replace \\e[31mproduction?"));
    assert_non_null(strstr(buf_text(&got.shown), "dba, lead; 2 of them"));
    dialog_line(dialog, "");
    dialog_line(dialog, "maybe");
    assert_int_equal(got.answers, 0);
    dialog_line(dialog, " Yes ");
    assert_int_equal(got.answers, 1);
    assert_true(got.accepted);
    assert_string_equal(got.step, "go");
    assert_null(dialog_prompt(dialog));
    dialog_line(dialog, "y");
    assert_int_equal(got.answers, 1);
    dialog_free(dialog);
}

static void gates_show_what_a_rollback_would_undo(void **state) {
    (void)state;
    struct dialog *dialog = begin();
    got.undo = "{\"handlers\":[{\"rank\":1,\"step\":\"a\",\"title\":\"Put it back\"}]}";
    dialog_ask(dialog, "go", &gate);
    assert_non_null(strstr(buf_text(&got.shown), "\n    1. a  Put it back\n"));
    /* Asked for again it is that of the moment, and all of it. */
    got.undo =
        "{\"handlers\":[{\"rank\":1,\"step\":\"b\",\"plan\":[[\"command\",\"one\\ntwo\"]]}]}";
    dialog_line(dialog, "u");
    assert_non_null(strstr(buf_text(&got.shown), "\n    1. b\n       command: one\n       two\n"));
    assert_int_equal(got.answers, 0);
    assert_string_equal(dialog_prompt(dialog), "open the gate? (y/n, u: undo list) ");
    dialog_free(dialog);
}

static void a_no_asks_for_the_reason(void **state) {
    (void)state;
    struct dialog *dialog = begin();
    dialog_ask(dialog, "go", &gate);
    dialog_line(dialog, "n");
    assert_string_equal(dialog_prompt(dialog), "why not? ");
    dialog_line(dialog, "too late");
    assert_false(got.accepted);
    assert_string_equal(got.comment, "too late");
    dialog_free(dialog);
}

static void checklists_go_item_by_item(void **state) {
    (void)state;
    struct dialog *dialog = begin();
    const struct step_question manual = {
        .kind = STEP_ASK_MANUAL,
        .message = "Do it by hand",
        .items = (const char *const[]){"first", "second", NULL},
        .evidence = "ticket number",
    };
    dialog_ask(dialog, "by_hand", &manual);
    assert_string_equal(dialog_prompt(dialog), "[1/2] first - done? (y/n) ");
    dialog_line(dialog, "y");
    assert_string_equal(dialog_prompt(dialog), "[2/2] second - done? (y/n) ");
    dialog_line(dialog, "y");
    assert_string_equal(dialog_prompt(dialog), "ticket number: ");
    dialog_line(dialog, "");
    assert_int_equal(got.answers, 0);
    dialog_line(dialog, "OPS-12");
    assert_int_equal(got.answers, 1);
    assert_true(got.accepted);
    assert_string_equal(got.evidence, "OPS-12");
    dialog_free(dialog);
}

static void questions_wait_for_each_other(void **state) {
    (void)state;
    struct dialog *dialog = begin();
    dialog_ask(dialog, "a", &gate);
    dialog_ask(dialog, "b", &gate);
    dialog_ask(dialog, "c", &gate);
    dialog_unask(dialog, "b");
    dialog_line(dialog, "y");
    assert_string_equal(got.step, "a");
    dialog_line(dialog, "y");
    assert_string_equal(got.step, "c");
    assert_null(dialog_prompt(dialog));
    dialog_free(dialog);
}

static void failures_offer_a_menu(void **state) {
    (void)state;
    struct dialog *dialog = begin();
    got.undo = "{\"handlers\":[{\"rank\":1,\"step\":\"b\",\"title\":\"T\"},"
               "{\"rank\":2,\"step\":\"a\"}]}";
    dialog_ask(dialog, "go", &gate);
    dialog_choose(dialog, "restore", "exit status 1");
    assert_non_null(strstr(buf_text(&got.shown), "restore failed\n  exit status 1\n"));
    assert_non_null(strstr(buf_text(&got.shown), "    1. b  T\n    2. a\n"));
    dialog_line(dialog, "c");
    assert_int_equal(got.choices, 0);
    dialog_line(dialog, "!");
    assert_int_equal(got.shells, 1);
    dialog_again(dialog);
    dialog_line(dialog, "retry");
    assert_int_equal(got.choice, RUN_RETRY);
    assert_string_equal(dialog_prompt(dialog), "open the gate? (y/n, u: undo list) ");
    dialog_free(dialog);
}

static void interrupts_offer_to_go_on(void **state) {
    (void)state;
    struct dialog *dialog = begin();
    dialog_choose(dialog, NULL, NULL);
    dialog_line(dialog, "r");
    assert_int_equal(got.choices, 0);
    dialog_line(dialog, "c");
    assert_int_equal(got.choice, RUN_CONTINUE);
    dialog_choose(dialog, NULL, NULL);
    dialog_unchoose(dialog);
    assert_null(dialog_prompt(dialog));
    dialog_free(dialog);
}

static void prompts_fit_narrow_windows(void **state) {
    (void)state;
    static const struct text_style narrow = {.columns = 20};
    const struct dialog_sink sink = {.print = on_print,
                                     .answer = on_answer,
                                     .choose = on_choose,
                                     .shell = on_shell,
                                     .undo = on_undo};
    struct dialog *dialog = dialog_new(&sink, &narrow, "me");
    dialog_choose(dialog, "x", "no");
    assert_string_equal(dialog_prompt(dialog), "> ");
    dialog_line(dialog, "b");
    assert_int_equal(got.choice, RUN_ROLLBACK);
    dialog_free(dialog);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gates_take_yes_or_no_and_nothing_else),
        cmocka_unit_test(gates_show_what_a_rollback_would_undo),
        cmocka_unit_test(a_no_asks_for_the_reason),
        cmocka_unit_test(checklists_go_item_by_item),
        cmocka_unit_test(questions_wait_for_each_other),
        cmocka_unit_test(failures_offer_a_menu),
        cmocka_unit_test(interrupts_offer_to_go_on),
        cmocka_unit_test(prompts_fit_narrow_windows),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    buf_release(&got.shown);
    return failed;
}
