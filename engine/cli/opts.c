#include "cli/opts.h"

#include <errno.h>
#include <inttypes.h>

#include "base/mem.h"
#include "base/text.h"
#include "base/vec.h"

struct parser {
    const struct command *command;
    char *const *argv;
    size_t argc, at;
    struct invocation *invocation;
    uint64_t seen; /* bit by index of the option, to refuse a value given twice */
    VEC(const char *) operands;
    VEC(void *) owned;
    struct err *err;
};

static int parse_fail(struct parser *parser) {
    return err_hint(parser->err, "see `runbook %s --help`", parser->command->name);
}

static const struct option *option_by_name(const struct command *command, const char *name,
                                           size_t length) {
    for (const struct option *option = command->options; option && option->kind; option++) {
        if (strlen(option->name) == length && memcmp(option->name, name, length) == 0) {
            return option;
        }
    }
    return NULL;
}

static const struct option *option_by_letter(const struct command *command, char letter) {
    for (const struct option *option = command->options; option && option->kind; option++) {
        if (option->letter == letter) {
            return option;
        }
    }
    return NULL;
}

static int unknown_name(struct parser *parser, const char *name, size_t length) {
    VEC(const char *) names = {0};
    for (const struct option *option = parser->command->options; option && option->kind; option++) {
        *vec_add(&names) = option->name;
    }
    *vec_add(&names) = "help";
    AUTO_TEXT word = mem_strndup(name, length);
    const char *near = text_suggest(word, names.items, names.count);
    err_set(parser->err, ERR_INVALID, "`runbook %s` has no option `--%s`", parser->command->name,
            word);
    if (near) {
        err_hint(parser->err, "did you mean `--%s`?", near);
    } else {
        parse_fail(parser);
    }
    vec_release(&names);
    return -1;
}

static int take_integer(struct parser *parser, const struct option *option, const char *text,
                        int64_t *ret) {
    char *end = NULL;
    errno = 0;
    const long long number = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || number < option->minimum ||
        number > option->maximum) {
        return err_set(parser->err, ERR_INVALID,
                       "`--%s` takes a whole number from %" PRId64 " to %" PRId64 ", not `%s`",
                       option->name, option->minimum, option->maximum, text);
    }
    *ret = number;
    return 0;
}

static int take_choice(struct parser *parser, const struct option *option, const char *text,
                       int *ret) {
    size_t count = 0;
    AUTO_BUF all = BUF_INIT(4096);
    for (; option->choices[count]; count++) {
        if (text_equal(option->choices[count], text)) {
            *ret = (int)count + 1;
            return 0;
        }
        buf_printf(&all, "%s`%s`", count == 0 ? "" : ", ", option->choices[count]);
    }
    const char *near = text_suggest(text, option->choices, count);
    err_set(parser->err, ERR_INVALID, "`--%s` is one of %s, not `%s`", option->name, buf_text(&all),
            text);
    return near ? err_hint(parser->err, "did you mean `%s`?", near) : -1;
}

/* The array is kept NULL-terminated and replaced as it grows; `owned` remembers the newest. */
static void take_item(struct parser *parser, const char *const **slot, const char *text) {
    size_t count = 0;
    while (*slot && (*slot)[count]) {
        count++;
    }
    size_t index = 0;
    while (index < parser->owned.count && parser->owned.items[index] != (const void *)*slot) {
        index++;
    }
    if (index == parser->owned.count) {
        *vec_add(&parser->owned) = NULL;
    }
    const char **items = mem_realloc_array(parser->owned.items[index], count + 2, sizeof *items);
    items[count] = text;
    items[count + 1] = NULL;
    parser->owned.items[index] = items;
    *slot = items;
}

static int option_take(struct parser *parser, const struct option *option, const char *text) {
    char *at = (char *)parser->invocation->options + option->offset;
    const uint64_t bit = UINT64_C(1) << (option - parser->command->options);
    const bool again = (parser->seen & bit) != 0;
    parser->seen |= bit;
    if (again && option->kind != OPTION_FLAG && option->kind != OPTION_LIST) {
        err_set(parser->err, ERR_INVALID, "`--%s` is given twice", option->name);
        return parse_fail(parser);
    }
    switch (option->kind) {
    case OPTION_FLAG:
        *(bool *)(void *)at = true;
        return 0;
    case OPTION_TEXT:
        *(const char **)(void *)at = text;
        return 0;
    case OPTION_LIST:
        take_item(parser, (const char *const **)(void *)at, text);
        return 0;
    case OPTION_INTEGER:
        return take_integer(parser, option, text, (int64_t *)(void *)at);
    case OPTION_CHOICE:
        return take_choice(parser, option, text, (int *)(void *)at);
    case OPTION_END:
        break;
    }
    abort();
}

/* The next word as the option's value. A word that begins with a dash is taken too: a value may
 * well be negative, or a file called so. */
static int take_next(struct parser *parser, const struct option *option) {
    if (parser->at >= parser->argc) {
        err_set(parser->err, ERR_INVALID, "`--%s` needs a value (%s)", option->name,
                option->argument);
        return parse_fail(parser);
    }
    return option_take(parser, option, parser->argv[parser->at++]);
}

static int parse_long(struct parser *parser, const char *word) {
    const char *equals = strchr(word, '=');
    const size_t length = equals ? (size_t)(equals - word) : strlen(word);
    if (length == 4 && memcmp(word, "help", 4) == 0) {
        parser->invocation->help = true;
        return 0;
    }
    const struct option *option = option_by_name(parser->command, word, length);
    if (!option) {
        return unknown_name(parser, word, length);
    }
    if (option->kind == OPTION_FLAG && equals) {
        err_set(parser->err, ERR_INVALID, "`--%s` takes no value", option->name);
        return parse_fail(parser);
    }
    if (option->kind == OPTION_FLAG || equals) {
        return option_take(parser, option, equals ? equals + 1 : NULL);
    }
    return take_next(parser, option);
}

static int parse_letters(struct parser *parser, const char *letters) {
    for (; *letters; letters++) {
        if (*letters == 'h') {
            parser->invocation->help = true;
            continue;
        }
        const struct option *option = option_by_letter(parser->command, *letters);
        if (!option) {
            AUTO_BUF shown = BUF_INIT(4096);
            text_escape(&shown, letters, 1, false);
            err_set(parser->err, ERR_INVALID, "`runbook %s` has no option `-%s`",
                    parser->command->name, buf_text(&shown));
            return parse_fail(parser);
        }
        if (option->kind == OPTION_FLAG) {
            if (option_take(parser, option, NULL) < 0) {
                return -1;
            }
            continue;
        }
        return letters[1] ? option_take(parser, option, letters + 1) : take_next(parser, option);
    }
    return 0;
}

static int parse_words(struct parser *parser) {
    while (parser->at < parser->argc) {
        const char *word = parser->argv[parser->at++];
        if (text_equal(word, "--")) {
            while (parser->at < parser->argc) {
                *vec_add(&parser->operands) = parser->argv[parser->at++];
            }
            return 0;
        }
        int status = 0;
        if (text_starts_with(word, "--")) {
            status = parse_long(parser, word + 2);
        } else if (word[0] == '-' && word[1] != '\0') {
            status = parse_letters(parser, word + 1);
        } else {
            *vec_add(&parser->operands) = word;
        }
        if (status < 0) {
            return -1;
        }
    }
    return 0;
}

static int check_operands(struct parser *parser) {
    const struct command *command = parser->command;
    const size_t count = parser->operands.count;
    if (parser->invocation->help) {
        return 0;
    }
    if (count < command->least) {
        return err_set(parser->err, ERR_INVALID, "`runbook %s` needs %s", command->name,
                       command->operands),
               parse_fail(parser);
    }
    if (count > command->most) {
        return err_set(parser->err, ERR_INVALID, "`runbook %s` does not know what to do with `%s`",
                       command->name, parser->operands.items[command->most]),
               parse_fail(parser);
    }
    return 0;
}

int invocation_parse(const struct command *command, size_t argc, char *const *argv,
                     struct invocation *ret, struct err *err) {
    struct invocation invocation = {.options = mem_zalloc(command->size + 1)};
    struct parser parser = {
        .command = command, .argv = argv, .argc = argc, .invocation = &invocation, .err = err};
    int status = parse_words(&parser);
    if (status == 0) {
        status = check_operands(&parser);
    }
    *vec_add(&parser.owned) = NULL;
    invocation.owned = parser.owned.items;
    invocation.operands = parser.operands.items;
    invocation.operand_count = parser.operands.count;
    if (status < 0) {
        invocation_release(&invocation);
        return -1;
    }
    *ret = invocation;
    return 0;
}

void invocation_release(struct invocation *invocation) {
    for (void **owned = invocation->owned; owned && *owned; owned++) {
        mem_free(*owned);
    }
    mem_free((void *)invocation->owned);
    mem_free((void *)invocation->operands);
    mem_free(invocation->options);
    *invocation = (struct invocation){0};
}

const struct command *command_find(const char *name) {
    for (const struct command *const *command = commands; *command; command++) {
        if (text_equal((*command)->name, name)) {
            return *command;
        }
    }
    return NULL;
}

int command_require(const char *name, const struct command **ret, struct err *err) {
    *ret = command_find(name);
    if (*ret) {
        return 0;
    }
    VEC(const char *) names = {0};
    for (const struct command *const *command = commands; *command; command++) {
        *vec_add(&names) = (*command)->name;
    }
    const char *near = text_suggest(name, names.items, names.count);
    err_set(err, ERR_INVALID, "there is no command `%s`", name);
    if (near) {
        err_hint(err, "did you mean `runbook %s`?", near);
    } else {
        err_hint(err, "`runbook help` lists the commands");
    }
    vec_release(&names);
    return -1;
}
