#include "tests/support/unit.h"

#include "base/text.h"
#include "cli/help.h"
#include "cli/opts.h"

struct sample {
    bool json;
    bool loud;
    const char *profile;
    const char *const *set;
    int64_t jobs;
    int format;
};

static const char *const formats[] = {"dot", "svg", NULL};

static const struct option sample_options[] = {
    {.name = "json", .kind = OPTION_FLAG, .offset = offsetof(struct sample, json), .doc = "data"},
    {.name = "loud",
     .letter = 'l',
     .kind = OPTION_FLAG,
     .offset = offsetof(struct sample, loud),
     .doc = "say more"},
    {.name = "profile",
     .letter = 'p',
     .kind = OPTION_TEXT,
     .offset = offsetof(struct sample, profile),
     .argument = "NAME",
     .doc = "which set"},
    {.name = "set",
     .letter = 's',
     .kind = OPTION_LIST,
     .offset = offsetof(struct sample, set),
     .argument = "NAME=VALUE",
     .doc = "a parameter"},
    {.name = "jobs",
     .letter = 'j',
     .kind = OPTION_INTEGER,
     .offset = offsetof(struct sample, jobs),
     .argument = "N",
     .minimum = 1,
     .maximum = 64,
     .doc = "how many at once"},
    {.name = "format",
     .kind = OPTION_CHOICE,
     .offset = offsetof(struct sample, format),
     .argument = "FORMAT",
     .choices = formats,
     .doc = "as what"},
    {0},
};

static int sample_run(const struct invocation *invocation) {
    (void)invocation;
    return 0;
}

static const struct command sample = {
    .name = "sample",
    .summary = "a command: for tests",
    .operands = "FILE...",
    .about = "First paragraph.\n\nSecond one.",
    .least = 1,
    .most = 2,
    .word = WORD_FILE,
    .options = sample_options,
    .size = sizeof(struct sample),
    .examples = (const struct example[]){{"sample a.yaml", "Try it."}, {0}},
    .run = sample_run,
};

const struct command *const commands[] = {&sample, NULL};

static int parse(struct invocation *ret, struct err *err, const char *const *words) {
    char *argv[16] = {0};
    size_t argc = 0;
    for (; words[argc]; argc++) {
        argv[argc] = (char *)(uintptr_t)words[argc];
    }
    return invocation_parse(&sample, argc, argv, ret, err);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void parses_each_kind_anywhere(void **state) {
    (void)state;
    struct invocation got = {0};
    struct err err = ERR_INIT;
    assert_int_equal(parse(&got, &err,
                           WORDS("--json", "a", "-lpdrill", "--set", "x=1", "--set=y=2", "-j", "8",
                                 "--format=svg", "--", "--b")),
                     0);
    const struct sample *options = got.options;
    assert_true(options->json);
    assert_true(options->loud);
    assert_string_equal(options->profile, "drill");
    assert_string_equal(options->set[0], "x=1");
    assert_string_equal(options->set[1], "y=2");
    assert_null(options->set[2]);
    assert_int_equal(options->jobs, 8);
    assert_int_equal(options->format, 2);
    assert_int_equal(got.operand_count, 2);
    assert_string_equal(got.operands[0], "a");
    assert_string_equal(got.operands[1], "--b");
    invocation_release(&got);
}

static void absent_options_stay_zero(void **state) {
    (void)state;
    struct invocation got = {0};
    struct err err = ERR_INIT;
    assert_int_equal(parse(&got, &err, WORDS("-")), 0);
    const struct sample *options = got.options;
    assert_null(options->set);
    assert_null(options->profile);
    assert_int_equal(options->format, 0);
    assert_string_equal(got.operands[0], "-");
    invocation_release(&got);
}

static void help_needs_no_operands(void **state) {
    (void)state;
    struct invocation got = {0};
    struct err err = ERR_INIT;
    assert_int_equal(parse(&got, &err, WORDS("--help")), 0);
    assert_true(got.help);
    invocation_release(&got);
}

static void refuses(const char *const *words, const char *message, const char *hint) {
    struct invocation got = {0};
    struct err err = ERR_INIT;
    assert_int_equal(parse(&got, &err, words), -1);
    assert_int_equal(err.kind, ERR_INVALID);
    assert_string_equal(err.message, message);
    if (hint) {
        assert_string_equal(err.hint, hint);
    }
    err_release(&err);
}

static void refuses_what_is_wrong(void **state) {
    (void)state;
    refuses(WORDS("--josn"), "`runbook sample` has no option `--josn`", "did you mean `--json`?");
    refuses(WORDS("--json=1", "a"), "`--json` takes no value", "see `runbook sample --help`");
    refuses(WORDS("-x", "a"), "`runbook sample` has no option `-x`", NULL);
    refuses(WORDS("--profile"), "`--profile` needs a value (NAME)", NULL);
    refuses(WORDS("-p", "a", "-p", "b", "f"), "`--profile` is given twice", NULL);
    refuses(WORDS("--jobs", "0", "a"), "`--jobs` takes a whole number from 1 to 64, not `0`", NULL);
    refuses(WORDS("--jobs", "9x", "a"), "`--jobs` takes a whole number from 1 to 64, not `9x`",
            NULL);
    refuses(WORDS("--format", "svgg", "a"), "`--format` is one of `dot`, `svg`, not `svgg`",
            "did you mean `svg`?");
    refuses(WORDS("--json"), "`runbook sample` needs FILE...", NULL);
    refuses(WORDS("a", "b", "c"), "`runbook sample` does not know what to do with `c`", NULL);
}

static void suggests_commands(void **state) {
    (void)state;
    struct err err = ERR_INIT;
    const struct command *command = NULL;
    assert_int_equal(command_require("smaple", &command, &err), -1);
    assert_string_equal(err.hint, "did you mean `runbook sample`?");
    err_release(&err);
    assert_int_equal(command_require("sample", &command, &err), 0);
    assert_ptr_equal(command, &sample);
}

static void help_fits_the_page(void **state) {
    (void)state;
    for (size_t columns = 30; columns <= 120; columns += 10) {
        AUTO_BUF out = BUF_INIT(1 << 16);
        help_command(&out, &sample, columns);
        assert_non_null(strstr(buf_text(&out), "Usage: runbook sample [OPTION...] FILE..."));
        assert_non_null(strstr(buf_text(&out), "--set NAME=VALUE"));
        for (const char *line = buf_text(&out); *line;) {
            const size_t length = strcspn(line, "\n");
            assert_true(text_width(line, length) <= (columns < 45 ? 45 : columns));
            line += length + (line[length] == '\n');
        }
    }
}

static void every_table_reaches_man_and_completion(void **state) {
    (void)state;
    AUTO_BUF man = BUF_INIT(1 << 20);
    help_man(&man);
    assert_non_null(strstr(buf_text(&man), "\\-\\-set NAME=VALUE"));
    AUTO_BUF bash = BUF_INIT(1 << 20);
    completion_bash(&bash);
    assert_non_null(strstr(buf_text(&bash), "--profile"));
    assert_non_null(strstr(buf_text(&bash), "compgen -W \"dot svg\""));
    AUTO_BUF zsh = BUF_INIT(1 << 20);
    completion_zsh(&zsh);
    assert_non_null(strstr(buf_text(&zsh), "'*--set=[a parameter]:NAME=VALUE:'"));
    assert_non_null(strstr(buf_text(&zsh), "'sample:a command\\: for tests'"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_each_kind_anywhere),
        cmocka_unit_test(absent_options_stay_zero),
        cmocka_unit_test(help_needs_no_operands),
        cmocka_unit_test(refuses_what_is_wrong),
        cmocka_unit_test(suggests_commands),
        cmocka_unit_test(help_fits_the_page),
        cmocka_unit_test(every_table_reaches_man_and_completion),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
