#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/vec.h"
#include "command.h"

#define WORDS_CEILING ((size_t)4 << 20) /* bytes of a command line in a plan */

struct exec_spec {
    struct field_list words; /* struct template * each */
};

struct words {
    VEC(char *) list;
};

static void words_release(struct words *words) {
    for (size_t i = 0; i < words->list.count; i++)
        mem_free(words->list.items[i]);
    vec_release(&words->list);
}

static const struct field exec_word = {
    .key = "word",
    .kind = FIELD_TEXT,
    .flags = FIELD_ITEM,
    .doc = "One word of the command line.",
    .example = "--list",
};

static const struct field exec_fields[] = {
    {
        .key = "words",
        .kind = FIELD_LIST,
        .flags = FIELD_REQUIRED,
        .offset = offsetof(struct exec_spec, words),
        .doc = "The command and its arguments, as they are; a template that yields a list becomes "
               "as many words.",
        .example = "[pg_restore, --list, \"${{ .params.backup }}\"]",
        .item = &exec_word,
    },
    FIELD_END,
};

static enum effect exec_effect(const void *spec) {
    (void)spec;
    return EFFECT_ONCE;
}

static void exec_check(const void *spec, const struct step_check *check) {
    const struct exec_spec *exec = spec;
    AUTO_ERR err = ERR_INIT;
    struct template *first = FIELD_AT(struct template *, &exec->words, 0);
    AUTO_BUF text = BUF_INIT(WORDS_CEILING);
    if (!template_is_constant(first))
        return;
    template_show(&text, first);
    if (text.length == 0) {
        err_at(&err, check->span, "the first word of `exec` is empty: it names the command");
        check->report(check->user, &err);
    }
}

/* A word with a template is shown as written, in quotes: it is one word whatever it yields. */
static void show_word(struct buf *out, const struct template *word) {
    AUTO_BUF text = BUF_INIT(WORDS_CEILING);
    template_show(&text, word);
    if (template_is_constant(word))
        text_shell_quote(out, buf_text(&text));
    else
        buf_printf(out, "\"%s\"", buf_text(&text));
}

static void exec_plan(const void *spec, const struct step_plan *plan) {
    const struct exec_spec *exec = spec;
    AUTO_BUF line = BUF_INIT(WORDS_CEILING);
    for (size_t i = 0; i < exec->words.count; i++) {
        if (i > 0)
            buf_putc(&line, ' ');
        show_word(&line, FIELD_AT(struct template *, &exec->words, i));
    }
    plan->line(plan->user, "command", buf_text(&line), line.length);
}

/* What is rendered at run time is not known before. */
static void exec_demand(const void *spec, const struct step_demand *demand) {
    const struct exec_spec *exec = spec;
    struct shell_scan scan = {0};
    struct words shown = {0};
    const char **words = mem_calloc(exec->words.count + 1, sizeof *words);
    for (size_t i = 0; i < exec->words.count; i++) {
        const struct template *word = FIELD_AT(struct template *, &exec->words, i);
        AUTO_BUF text = BUF_INIT(WORDS_CEILING);
        template_show(&text, word);
        *vec_add(&shown.list) = buf_detach(&text);
        words[i] = template_is_constant(word) || i == 0 ? shown.list.items[i] : NULL;
    }
    shell_scan_words(&scan, words, exec->words.count);
    command_demand(&scan, demand);
    shell_scan_release(&scan);
    words_release(&shown);
    mem_free(words);
}

static int add_word(struct words *words, value item, struct err *err) {
    enum value_kind kind = value_kind(item);
    if (kind == VALUE_NONE || kind == VALUE_NULL)
        return err_set(err, ERR_INVALID, "word %zu of the command is null", words->list.count + 1);
    if (kind == VALUE_ARRAY || kind == VALUE_OBJECT)
        return err_set(err, ERR_INVALID, "word %zu of the command is %s, not text",
                       words->list.count + 1, kind == VALUE_ARRAY ? "a list" : "a mapping");
    if (kind == VALUE_STRING && strlen(value_text(item)) != value_text_length(item))
        return err_set(err, ERR_INVALID, "word %zu of the command contains a NUL byte",
                       words->list.count + 1);
    *vec_add(&words->list) = value_to_text(item);
    return 0;
}

static int add_words(struct words *words, value rendered, struct err *err) {
    if (!value_is(rendered, VALUE_ARRAY))
        return add_word(words, rendered, err);
    for (size_t i = 0; i < value_count(rendered); i++) {
        AUTO_VALUE item = value_at(rendered, i);
        if (add_word(words, item, err) < 0)
            return -1;
    }
    return 0;
}

/* The words, where NULL stands for one that is not known: behind it nobody can count them. */
static int known_words(struct step_ctx *ctx, struct words *ret, struct err *err) {
    const struct exec_spec *exec = step_spec(ctx);
    for (size_t i = 0; i < exec->words.count; i++) {
        AUTO_VALUE rendered = value_none();
        AUTO_ERR fault = ERR_INIT;
        if (step_render(ctx, FIELD_AT(struct template *, &exec->words, i), &rendered, &fault) < 0 ||
            add_words(ret, rendered, &fault) < 0) {
            if (fault.kind != ERR_UNKNOWN || ret->list.count == 0)
                return err_move(err, &fault);
            *vec_add(&ret->list) = NULL;
        }
    }
    if (ret->list.count == 0)
        return err_set(err, ERR_INVALID, "the command is an empty list");
    return 0;
}

static int exec_rehearse(struct step_ctx *ctx, struct err *err) {
    __attribute__((cleanup(words_release))) struct words words = {0};
    struct shell_scan scan = {0};
    if (known_words(ctx, &words, err) < 0)
        return -1;
    shell_scan_words(&scan, (const char *const *)words.list.items, words.list.count);
    return command_rehearse(ctx, &scan, NULL, NULL, err);
}

static int exec_start(struct step_ctx *ctx, struct err *err) {
    const struct exec_spec *exec = step_spec(ctx);
    __attribute__((cleanup(words_release))) struct words words = {0};
    for (size_t i = 0; i < exec->words.count; i++) {
        AUTO_VALUE rendered = value_none();
        if (step_render(ctx, FIELD_AT(struct template *, &exec->words, i), &rendered, err) < 0 ||
            add_words(&words, rendered, err) < 0)
            return -1;
    }
    if (words.list.count == 0)
        return err_set(err, ERR_INVALID, "the command is an empty list");
    return command_start(ctx, (const char *const *)words.list.items, words.list.count, err);
}

const struct step_type step_exec_type = {
    .key = "exec",
    .doc = "A command given as a list of words; no shell reads it.",
    .example = "[pg_restore, --list, \"${{ .params.backup }}\"]",
    .fields = exec_fields,
    .shorthand = "words",
    .bare = true,
    .size = sizeof(struct exec_spec),
    .state_size = sizeof(struct command_state),
    .results = STEP_HAS_EXIT | STEP_HAS_STDOUT | STEP_HAS_STDERR,
    .is_probe = true,
    .is_command = true,
    .effect = exec_effect,
    .check = exec_check,
    .plan = exec_plan,
    .demand = exec_demand,
    .start = exec_start,
    .rehearse = exec_rehearse,
    .settle = command_settle,
    .cancel = command_cancel,
    .release = command_release,
};
