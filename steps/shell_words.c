/* What a simple command runs: itself, and what it is given to run, as sudo and xargs are. */
#include "shell_words.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

#define DEPTH_CEILING 32 /* of commands that run commands, and of texts in texts */
#define DOUBTS_CEILING 20
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- names --------------------------------------------------------------------------------- */

/* Of bash; sh has fewer, and finds the others on the PATH or not at all, which `sh -n` cannot tell
 * either. In the order of their bytes, to be searched by halves. */
static const char *const builtins[] = {
    ".",      ":",       "[",         "alias",    "bg",       "bind",    "break",    "builtin",
    "caller", "cd",      "command",   "compgen",  "complete", "compopt", "continue", "declare",
    "dirs",   "disown",  "echo",      "enable",   "eval",     "exec",    "exit",     "export",
    "false",  "fc",      "fg",        "getopts",  "hash",     "help",    "history",  "jobs",
    "kill",   "let",     "local",     "logout",   "mapfile",  "popd",    "printf",   "pushd",
    "pwd",    "read",    "readarray", "readonly", "return",   "set",     "shift",    "shopt",
    "source", "suspend", "test",      "times",    "trap",     "true",    "type",     "typeset",
    "ulimit", "umask",   "unalias",   "unset",    "wait",
};

static bool is_among(const char *const *names, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++)
        if (text_equal(names[i], name))
            return true;
    return false;
}

bool shell_is_builtin(const char *name) {
    size_t low = 0, high = COUNT(builtins);
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = strcmp(builtins[middle], name);
        if (order == 0)
            return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

bool shell_is_known(const char *shell) {
    static const char *const known[] = {"bash", "sh", "dash", "ash"};
    const char *slash = strrchr(shell, '/');
    return is_among(known, COUNT(known), slash ? slash + 1 : shell);
}

void shell_doubt(struct shell_scan *scan, const char *format, ...) {
    va_list args;
    va_start(args, format);
    char *text = mem_vprintf(format, args);
    va_end(args);
    bool is_said = is_among((const char *const *)scan->doubts.items, scan->doubts.count, text);
    if (is_said || scan->doubts.count >= DOUBTS_CEILING)
        mem_free(text);
    else
        *vec_add(&scan->doubts) = text;
}

/* A name that is sure once is sure. */
static void command_add(struct shell_scan *scan, const char *name, bool has_variables) {
    bool maybe = scan->branches > 0;
    for (size_t i = 0; i < scan->commands.count; i++) {
        struct shell_command *known = &scan->commands.items[i];
        if (!text_equal(known->name, name))
            continue;
        known->maybe = known->maybe && maybe;
        return;
    }
    *vec_add(&scan->commands) = (struct shell_command){
        .name = mem_strdup(name), .maybe = maybe, .has_variables = has_variables};
}

void shell_line_clear(struct shell_line *line) {
    for (size_t i = 0; i < line->words.count; i++)
        mem_free(line->words.items[i].text);
    line->words.count = 0;
}

/* ---- commands that run commands ------------------------------------------------------------ */

/* `flags` are letters without an argument, `valued` those with one; options in words stand with
 * their dashes, and those of `long_valued` take the next word where they have no `=`. */
struct wrapper {
    const char *name;
    const char *flags, *valued;
    const char *const *long_flags, *const *long_valued;
    int operands;     /* words of its own before the command */
    bool assignments; /* NAME=value may stand before it */
    bool digits;      /* -5 is an option */
    bool is_builtin;
};

#define WORDS(...)                                                                                 \
    (const char *const[]) {                                                                        \
        __VA_ARGS__, NULL                                                                          \
    }

static const struct wrapper wrappers[] = {
    {"sudo", "ABbEHKknNPS", "CghpTuU",
     WORDS("--non-interactive", "--preserve-env", "--set-home", "--stdin", "--background"),
     WORDS("--user", "--group", "--prompt", "--host"), 0, true, false, false},
    {"doas", "n", "u", NULL, NULL, 0, false, false, false},
    {"env", "i0v", "uC", WORDS("--ignore-environment", "--null", "--debug"),
     WORDS("--unset", "--chdir"), 0, true, false, false},
    {"timeout", "v", "ks", WORDS("--foreground", "--preserve-status", "--verbose"),
     WORDS("--kill-after", "--signal"), 1, false, false, false},
    {"nice", "", "n", NULL, WORDS("--adjustment"), 0, false, true, false},
    {"ionice", "t", "cn", WORDS("--ignore"), WORDS("--class", "--classdata"), 0, false, false,
     false},
    {"chrt", "abfiovr", "TPD", NULL, NULL, 1, false, false, false},
    {"taskset", "ac", "", WORDS("--cpu-list", "--all-tasks"), NULL, 1, false, false, false},
    {"nohup", "", "", NULL, NULL, 0, false, false, false},
    {"setsid", "cfw", "", WORDS("--ctty", "--fork", "--wait"), NULL, 0, false, false, false},
    {"stdbuf", "", "ioe", NULL, WORDS("--input", "--output", "--error"), 0, false, false, false},
    {"time", "pv", "fo", WORDS("--portability", "--verbose"), WORDS("--format", "--output"), 0,
     false, false, false},
    {"flock", "enosux", "wE",
     WORDS("--nonblock", "--exclusive", "--shared", "--close", "--verbose"),
     WORDS("--timeout", "--wait", "--conflict-exit-code"), 1, false, false, false},
    {"xargs", "0oprtx", "adEILnPs",
     WORDS("--null", "--no-run-if-empty", "--verbose", "--exit", "--interactive"),
     WORDS("--arg-file", "--delimiter", "--max-args", "--max-procs", "--max-lines", "--replace",
           "--max-chars"),
     0, false, false, false},
    {"exec", "cl", "a", NULL, NULL, 0, false, false, true},
    {"command", "p", "", NULL, NULL, 0, false, false, true},
    {"builtin", "", "", NULL, NULL, 0, false, false, true},
};

static const struct wrapper *wrapper_find(const char *name) {
    const char *slash = strrchr(name, '/');
    for (size_t i = 0; i < COUNT(wrappers); i++)
        if (text_equal(wrappers[i].name, slash ? slash + 1 : name))
            return &wrappers[i];
    return NULL;
}

static bool is_assignment(const char *text) {
    size_t length = 0;
    if (!isalpha((unsigned char)*text) && *text != '_')
        return false;
    while (isalnum((unsigned char)text[length]) || text[length] == '_')
        length++;
    return text[length] == '=';
}

static bool is_listed(const char *const *list, const char *option, bool *ret_has_value) {
    size_t length = strcspn(option, "=");
    *ret_has_value = option[length] == '=';
    for (; list && *list; list++)
        if (strlen(*list) == length && strncmp(*list, option, length) == 0)
            return true;
    return false;
}

/* How many words the option takes, itself included; 0 where it is not known. */
static size_t long_option(const struct wrapper *wrapper, const char *option) {
    bool has_value;
    if (is_listed(wrapper->long_flags, option, &has_value))
        return 1;
    if (is_listed(wrapper->long_valued, option, &has_value))
        return has_value ? 1 : 2;
    return 0;
}

static size_t short_option(const struct wrapper *wrapper, const char *option) {
    if (wrapper->digits && strspn(option + 1, "-+0123456789") == strlen(option + 1))
        return 1;
    for (const char *letter = option + 1; *letter; letter++) {
        if (strchr(wrapper->valued, *letter))
            return letter[1] ? 1 : 2;
        if (!strchr(wrapper->flags, *letter))
            return 0;
    }
    return 1;
}

static size_t options_skip(const struct wrapper *wrapper, const struct shell_word *words,
                           size_t count, bool *ret_known) {
    size_t i = 1;
    *ret_known = true;
    while (i < count && words[i].is_literal) {
        const char *text = words[i].text;
        if (text_equal(text, "--"))
            return i + 1;
        if (text[0] != '-' || !text[1])
            break;
        size_t taken = text[1] == '-' ? long_option(wrapper, text) : short_option(wrapper, text);
        *ret_known = *ret_known && taken > 0;
        if (!taken)
            return count;
        i += taken;
    }
    return i;
}

static void wrapped_find(struct shell_scan *scan, const struct wrapper *wrapper,
                         const struct shell_word *words, size_t count) {
    bool is_known;
    size_t i = options_skip(wrapper, words, count, &is_known);
    /* `command -v` asks; sudo's -i, -s, -l, -e and the like are not guessed at. */
    bool asks = text_equal(wrapper->name, "command") && count > 1 && words[1].is_literal &&
                (words[1].text[0] == '-' && strpbrk(words[1].text, "vV"));
    if (asks)
        return;
    if (!is_known) {
        shell_doubt(scan, "what `%s` runs, with its options", wrapper->name);
        return;
    }
    i += (size_t)wrapper->operands;
    while (wrapper->assignments && i < count && words[i].text && is_assignment(words[i].text)) {
        scan->renames |= text_starts_with(words[i].text, "PATH=");
        i++;
    }
    if (i < count)
        shell_words_find(scan, words + i, count - i);
}

/* ---- others that take text or commands ----------------------------------------------------- */

/* `bash -euc 'text'`: the word behind the options is the text. */
static void shell_find(struct shell_scan *scan, const struct shell_word *words, size_t count) {
    bool takes_text = false;
    size_t i = 1;
    for (; i < count && words[i].is_literal && strchr("-+", words[i].text[0]) && words[i].text[1];
         i++) {
        if (text_equal(words[i].text, "--")) {
            i++;
            break;
        }
        bool is_long = words[i].text[1] == '-';
        takes_text |= !is_long && strchr(words[i].text, 'c');
        i += !is_long && strchr(words[i].text, 'o') ? 1 : 0;
    }
    if (i >= count)
        return;
    if (takes_text && words[i].is_literal)
        shell_scan_text(scan, words[i].text, strlen(words[i].text));
    else if (takes_text)
        shell_doubt(scan, "a text for `%s` that is computed", words[0].text);
}

static void find_find(struct shell_scan *scan, const struct shell_word *words, size_t count) {
    static const char *const runs[] = {"-exec", "-execdir", "-ok", "-okdir"};
    for (size_t i = 1; i + 1 < count; i++)
        if (words[i].is_literal && is_among(runs, COUNT(runs), words[i].text))
            shell_words_find(scan, words + i + 1, 1);
}

void shell_assigned(struct shell_scan *scan, const char *text) {
    size_t length = 0;
    while (isalnum((unsigned char)text[length]) || text[length] == '_')
        length++;
    if (length)
        *vec_add(&scan->assigned) = mem_strndup(text, length);
}

static bool changes_path(const struct shell_word *words, size_t count) {
    for (size_t i = 1; i < count; i++)
        if (words[i].text && text_starts_with(words[i].text, "PATH="))
            return true;
    return false;
}

static void builtin_find(struct shell_scan *scan, const struct shell_word *words, size_t count) {
    static const char *const movers[] = {"cd", "pushd", "popd"};
    static const char *const readers[] = {".", "source", "eval", "alias", "enable", "hash"};
    static const char *const setters[] = {"export", "declare",  "typeset",
                                          "local",  "readonly", "read"};
    const char *name = words[0].text;
    scan->moves |= is_among(movers, COUNT(movers), name);
    if (is_among(readers, COUNT(readers), name)) {
        scan->renames = true;
        shell_doubt(scan, "what `%s` brings in", name);
    }
    if (is_among(setters, COUNT(setters), name)) {
        scan->renames |= changes_path(words, count);
        for (size_t i = 1; i < count; i++)
            if (words[i].text)
                shell_assigned(scan, words[i].text);
    }
    if (text_equal(name, "trap") && count > 1 && words[1].is_literal && words[1].text[0] != '-')
        shell_scan_text(scan, words[1].text, strlen(words[1].text));
}

void shell_words_find(struct shell_scan *scan, const struct shell_word *words, size_t count) {
    const char *name = words[0].text;
    if (!words[0].is_literal && words[0].is_plain && name && *name) {
        command_add(scan, name, true);
        return;
    }
    if (!words[0].is_literal || !name || !*name) {
        shell_doubt(scan, "a command whose name is computed: %.60s", name ? name : "?");
        return;
    }
    if (scan->depth >= DEPTH_CEILING) {
        shell_doubt(scan, "what is nested deeper than %d", DEPTH_CEILING);
        return;
    }
    scan->depth++;
    const struct wrapper *wrapper = wrapper_find(name);
    if (shell_is_builtin(name))
        builtin_find(scan, words, count);
    else
        command_add(scan, name, false);
    shell_makes_find(scan, words, count);
    if (wrapper)
        wrapped_find(scan, wrapper, words, count);
    else if (shell_is_known(name))
        shell_find(scan, words, count);
    else if (text_equal(name, "find"))
        find_find(scan, words, count);
    scan->depth--;
}

/* ---- the whole ------------------------------------------------------------------------------ */

void shell_scan_words(struct shell_scan *scan, const char *const *words, size_t count) {
    struct shell_line line = {0};
    for (size_t i = 0; i < count; i++)
        *vec_add(&line.words) = (struct shell_word){.text = words[i] ? mem_strdup(words[i]) : NULL,
                                                    .is_literal = words[i] != NULL};
    /* No shell reads them: `exec` and its like would be programs. */
    if (count && words[0] && shell_is_builtin(words[0]))
        command_add(scan, words[0], false);
    else if (count)
        shell_words_find(scan, line.words.items, count);
    shell_line_clear(&line);
    vec_release(&line.words);
}

/* Whether the text itself sets what stands in the name. */
static bool is_assigned(const struct shell_scan *scan, const char *name) {
    for (size_t i = 0; i < scan->assigned.count; i++) {
        AUTO_TEXT variable = mem_printf("${%s}", scan->assigned.items[i]);
        if (strstr(name, variable))
            return true;
    }
    return false;
}

void shell_scan_end(struct shell_scan *scan) {
    size_t kept = 0;
    for (size_t i = 0; i < scan->commands.count; i++) {
        struct shell_command *command = &scan->commands.items[i];
        bool is_computed =
            command->has_variables && (scan->renames || is_assigned(scan, command->name));
        if (is_computed)
            shell_doubt(scan, "a command whose name is computed: %.60s", command->name);
        if (is_computed || is_among((const char *const *)scan->functions.items,
                                    scan->functions.count, command->name))
            mem_free(command->name);
        else
            scan->commands.items[kept++] = *command;
    }
    scan->commands.count = kept;
}

void shell_scan_release(struct shell_scan *scan) {
    for (size_t i = 0; i < scan->commands.count; i++)
        mem_free(scan->commands.items[i].name);
    for (size_t i = 0; i < scan->doubts.count; i++)
        mem_free(scan->doubts.items[i]);
    for (size_t i = 0; i < scan->functions.count; i++)
        mem_free(scan->functions.items[i]);
    for (size_t i = 0; i < scan->assigned.count; i++)
        mem_free(scan->assigned.items[i]);
    for (size_t i = 0; i < scan->makes.count; i++)
        mem_free(scan->makes.items[i]);
    vec_release(&scan->makes);
    vec_release(&scan->assigned);
    vec_release(&scan->commands);
    vec_release(&scan->doubts);
    vec_release(&scan->functions);
}
