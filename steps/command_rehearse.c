/* Whether a command could be run, in a dry run: where it would run, with its environment and in
 * its folder, a shell of ours looks for what it needs. Nothing of the step itself is started but
 * its shell, which is told to read the text and to carry out none of it. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "command.h"
#include "launch.h"

#define ANSWER_CEILING ((size_t)1 << 16)
#define NAMES_SHOWN 12

/* Arguments: the step's shell or "", its text, a letter for each name, and the names to look for.
 * `v` marks those in which the environment's variables stand, and nothing else that a shell would
 * carry out. Says `missing N` of each that is not there, `unknown N` where variables make no name,
 * `syntax` where the text has a mistake, and `end`. */
static const char looker[] =
    "shell=$1 text=$2 marks=$3\n"
    "shift 3\n"
    "i=-1\n"
    "for name do\n"
    "  i=$((i + 1)) mark=${marks%\"${marks#?}\"} marks=${marks#?}\n"
    "  if [ \"$mark\" = v ]; then\n"
    "    name=$(set -u; eval \"printf '%s' \\\"$name\\\"\" 2>/dev/null)\n"
    "    case $name in '' | *[!A-Za-z0-9_./+-]*) echo \"unknown $i\"; continue ;; esac\n"
    "  fi\n"
    "  case $name in\n"
    "  */*) [ -f \"$name\" ] && [ -x \"$name\" ] || echo \"missing $i\" ;;\n"
    "  *) command -v \"$name\" >/dev/null 2>&1 || echo \"missing $i\" ;;\n"
    "  esac\n"
    "done\n"
    "if [ -n \"$shell\" ] && command -v \"$shell\" >/dev/null 2>&1; then\n"
    "  BASH_ENV= ENV= \"$shell\" -n -c \"$text\" shell || echo syntax\n"
    "fi\n"
    "echo end\n";

enum found { FOUND, MISSING, UNKNOWN };

struct command_look {
    struct shell_scan scan;
    bool has_text;
    bool is_doubtful; /* something that it needs is not there, and may be when it runs */
    struct buf out, errors;
    struct buf findings, remark;
};

/* ---- what was found ------------------------------------------------------------------------- */

static void finding_add(struct command_look *look, const char *format, ...) PRINTF_LIKE(2, 3);

static void finding_add(struct command_look *look, const char *format, ...) {
    va_list args;
    va_start(args, format);
    AUTO_TEXT text = mem_vprintf(format, args);
    va_end(args);
    (void)buf_printf(&look->findings, "%s%s", look->findings.length ? "\n" : "", text);
}

static void remark_add(struct command_look *look, const char *format, ...) PRINTF_LIKE(2, 3);

static void remark_add(struct command_look *look, const char *format, ...) {
    va_list args;
    va_start(args, format);
    AUTO_TEXT text = mem_vprintf(format, args);
    va_end(args);
    (void)buf_printf(&look->remark, "%s%s", look->remark.length ? "; " : "", text);
}

/* Under which name it is known that a step would have brought a command where this one runs. */
static char *made_name(const struct step_ctx *ctx, const char *command) {
    const char *target = step_target(ctx);
    return mem_printf("command %s on %s", command, target ? target : "");
}

/* Whether it is installed, or written, by what has not run: an earlier step or its own text. */
static char *made_find(const struct step_ctx *ctx, const struct shell_scan *scan,
                       const char *command) {
    AUTO_TEXT name = made_name(ctx, command);
    AUTO_TEXT maker = step_miss_find(ctx, name);
    if (maker)
        return mem_printf("which `%s` would bring", maker);
    for (size_t i = 0; i < scan->makes.count; i++)
        if (text_equal(scan->makes.items[i], command))
            return mem_strdup("which it would bring itself");
    return NULL;
}

static void made_note(struct step_ctx *ctx, const struct shell_scan *scan) {
    for (size_t i = 0; i < scan->makes.count; i++) {
        AUTO_TEXT name = made_name(ctx, scan->makes.items[i]);
        step_miss_note(ctx, name);
    }
}

/* Why it may be there after all when the step runs, or NULL; the caller frees. */
static char *excuse_of(const struct step_ctx *ctx, const struct shell_command *command) {
    const struct command_state *state = step_state((struct step_ctx *)(uintptr_t)ctx);
    const struct shell_scan *scan = &state->look->scan;
    bool is_path = strchr(command->name, '/') != NULL;
    if (command->maybe)
        return mem_strdup("which it may not need");
    if (scan->renames || launch_lacks_path(state->launch))
        return mem_strdup("though what names mean changes before it");
    if (is_path && scan->moves && command->name[0] != '/')
        return mem_strdup("as seen from where the step begins");
    if (!is_path)
        return made_find(ctx, scan, command->name);
    AUTO_TEXT maker = step_miss_find(ctx, STEP_MISS_FILES);
    return maker ? mem_printf("which a step above it may make, such as `%s`", maker) : NULL;
}

static void missing_tell(const struct step_ctx *ctx, struct command_look *look,
                         const struct shell_command *command) {
    AUTO_TEXT excuse = excuse_of(ctx, command);
    bool is_path = strchr(command->name, '/') != NULL;
    look->is_doubtful |= excuse && !command->maybe;
    if (excuse)
        remark_add(look, "not found: `%s`, %s", command->name, excuse);
    else if (is_path)
        finding_add(look, "`%s` is not there, or cannot be executed", command->name);
    else
        finding_add(look, "the command `%s` is not found", command->name);
}

static void syntax_tell(struct command_look *look) {
    char *line = look->errors.length ? (char *)(uintptr_t)buf_text(&look->errors) : NULL;
    if (line)
        line[strcspn(line, "\n")] = '\0';
    finding_add(look, "its shell finds a mistake: %s", line ? line : "it does not say which");
}

static void found_tell(struct command_look *look, const enum found *found) {
    AUTO_BUF names = BUF_INIT(ANSWER_CEILING);
    size_t count = 0;
    for (size_t i = 0; i < look->scan.commands.count; i++) {
        const char *name = look->scan.commands.items[i].name;
        if (found[i] == FOUND && count++ < NAMES_SHOWN)
            (void)buf_printf(&names, "%s%s", names.length ? ", " : "", name);
    }
    if (names.length)
        remark_add(look, "found: %s%s", buf_text(&names), count > NAMES_SHOWN ? ", …" : "");
    for (size_t i = 0; i < look->scan.doubts.count; i++)
        remark_add(look, "not told: %s", look->scan.doubts.items[i]);
}

static void commands_tell(const struct step_ctx *ctx, struct command_look *look,
                          const enum found *found) {
    found_tell(look, found);
    for (size_t i = 0; i < look->scan.commands.count; i++) {
        const struct shell_command *command = &look->scan.commands.items[i];
        if (found[i] == MISSING)
            missing_tell(ctx, look, command);
        else if (found[i] == UNKNOWN)
            remark_add(look, "not told: a command whose name is computed: %.60s", command->name);
    }
}

/* The index behind the word, or `count`. */
static size_t answer_index(const char *line, const char *word, size_t count) {
    if (!text_starts_with(line, word))
        return count;
    size_t index = strtoul(line + strlen(word), NULL, 10);
    return index < count ? index : count;
}

/* Whether the looker came to its end. */
static bool answer_read(const struct step_ctx *ctx, struct command_look *look) {
    const char *line = buf_text(&look->out);
    size_t count = look->scan.commands.count;
    enum found *found = mem_calloc(count + 1, sizeof *found);
    bool is_over = false, is_wrong = false;
    for (; *line && !is_over; line += strcspn(line, "\n"), line += *line == '\n') {
        found[answer_index(line, "missing ", count)] = MISSING;
        found[answer_index(line, "unknown ", count)] = UNKNOWN;
        is_wrong |= text_starts_with(line, "syntax\n");
        is_over = text_starts_with(line, "end\n");
    }
    if (is_over)
        commands_tell(ctx, look, found);
    if (is_over && is_wrong)
        syntax_tell(look);
    mem_free(found);
    return is_over;
}

/* ---- the end -------------------------------------------------------------------------------- */

/* Neither its folder nor its target is there: what has not run may make them. */
static void unreached(const struct step_ctx *ctx, struct err *err) {
    AUTO_TEXT maker = step_miss_find(ctx, STEP_MISS_FILES);
    if (!maker)
        return;
    err->kind = ERR_UNKNOWN;
    err_wrap(err, "where it would run may have to be made first, as by `%s`", maker);
}

static bool is_homeless(struct step_ctx *ctx) {
    const struct command_state *state = step_state(ctx);
    const struct remote *remote = launch_remote(state->launch);
    return remote && remote_refusal(remote) == REMOTE_NO_FOLDER;
}

static void look_judge(struct step_ctx *ctx, struct command_look *look, struct step_result *ret) {
    bool is_over = answer_read(ctx, look);
    made_note(ctx, &look->scan);
    ret->outcome = STEP_FAILED;
    ret->rehearsal = STEP_CHECKED;
    if (!is_over) {
        const char *said = is_homeless(ctx) ? "its `cwd` is no folder" : buf_text(&look->errors);
        err_set(&ret->err, ERR_UNREACHABLE, "where it would run cannot be looked at: %.*s",
                (int)strcspn(said, "\n"), *said ? said : "no shell answers there");
        unreached(ctx, &ret->err);
        return;
    }
    if (look->findings.length) {
        err_set(&ret->err, ERR_INVALID, "%s", buf_text(&look->findings));
        return;
    }
    if (!look->has_text)
        remark_add(look, "its text is for a shell that is not known here");
    ret->outcome = STEP_SUCCEEDED;
    if (look->is_doubtful)
        ret->rehearsal = STEP_SHOWN;
    ret->remark = mem_strdup(buf_text(&look->remark));
}

static void looked(struct step_ctx *ctx, const struct process_exit *ended) {
    struct command_state *state = step_state(ctx);
    struct step_result result = {0};
    (void)ended; /* the answer tells */
    if (launch_is_cancelled(state->launch)) {
        result.outcome = STEP_CANCELLED;
        result.rehearsal = STEP_CHECKED;
        err_set(&result.err, ERR_TIMEOUT, "where it would run had not answered");
    } else {
        look_judge(ctx, state->look, &result);
    }
    step_done(ctx, &result);
}

static void look_output(void *user, int stream, const char *bytes, size_t length) {
    struct command_state *state = step_state(user);
    (void)buf_append(stream == 1 ? &state->look->out : &state->look->errors, bytes, length);
}

/* ---- the beginning -------------------------------------------------------------------------- */

static int look_start(struct step_ctx *ctx, const char *const *words, size_t count,
                      struct err *err) {
    struct command_state *state = step_state(ctx);
    struct launch_spec spec = {words, count, look_output, looked};
    if (launch_begin(ctx, &spec, &state->launch, err) == 0)
        return 0;
    if (launch_has_folder(state->launch))
        unreached(ctx, err);
    return -1;
}

int command_rehearse(struct step_ctx *ctx, struct shell_scan *scan_taken, const char *shell,
                     const char *text, struct err *err) {
    struct command_state *state = step_state(ctx);
    struct command_look *look = mem_zalloc(sizeof *look);
    state->look = look;
    look->scan = *scan_taken;
    look->has_text = !text || shell;
    look->out = look->errors = look->findings = look->remark = (struct buf)BUF_INIT(ANSWER_CEILING);
    shell_scan_end(&look->scan);
    size_t count = look->scan.commands.count;
    AUTO_TEXT marks = mem_zalloc(count + 1);
    const char *fixed[] = {"sh", "-c", looker, "runbook", shell ? shell : "", shell ? text : "",
                           marks};
    size_t before = sizeof fixed / sizeof *fixed;
    const char **words = mem_calloc(count + before, sizeof *words);
    memcpy(words, fixed, sizeof fixed);
    for (size_t i = 0; i < count; i++) {
        marks[i] = look->scan.commands.items[i].has_variables ? 'v' : '-';
        words[before + i] = look->scan.commands.items[i].name;
    }
    int status = look_start(ctx, words, count + before, err);
    mem_free(words);
    return status;
}

void command_demand(struct shell_scan *scan, const struct step_demand *demand) {
    shell_scan_end(scan);
    for (size_t i = 0; i < scan->commands.count; i++) {
        const char *name = scan->commands.items[i].name;
        if (scan->commands.items[i].has_variables)
            continue; /* the environment's to say */
        demand->need(demand->user, STEP_NEEDS_COMMAND, name, strlen(name));
    }
}

void command_look_free(struct command_look *look) {
    if (!look)
        return;
    shell_scan_release(&look->scan);
    buf_release(&look->out);
    buf_release(&look->errors);
    buf_release(&look->findings);
    buf_release(&look->remark);
    mem_free(look);
}
