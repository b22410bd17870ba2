/* Commands of one piece: what is a request, a query or a watch becomes that; what waits for a
 * person at the keyboard is left to one; the rest is a shell step. */
#include <ctype.h>
#include <string.h>

#include "base/text.h"
#include "cli/import_code.h"
#include "cli/import_place.h"
#include "cli/import_request.h"
#include "cli/import_shell.h"

struct command_line {
    const char *text; /* with the lines that belong to it */
    size_t length;
    uint32_t line;
    bool comment, blank, banner;
};

struct commands {
    struct draft *draft;
    struct draft_step *group;
    VEC(struct command_line) lines;
    bool whole; /* it may be taken apart: no command needs what another has set */
};

static void commands_find(struct commands *commands, const char *text, uint32_t line) {
    shell_lines lines = {0};
    shell_split(text, &lines);
    for (size_t i = 0; i < lines.count; i++) {
        const struct shell_line *at = &lines.items[i];
        if (at->inside && commands->lines.count > 0) {
            struct command_line *last = vec_last(&commands->lines);
            last->length = (size_t)(at->text + at->length - last->text);
            continue;
        }
        const size_t blank = strspn(at->text, " \t");
        struct match_found found;
        struct command_line *command = vec_add(&commands->lines);
        *command = (struct command_line){.text = at->text + (at->blank ? 0 : blank),
                                         .length = at->length - (at->blank ? 0 : blank),
                                         .line = line + (uint32_t)i,
                                         .comment = at->comment,
                                         .blank = at->blank};
        command->banner = pattern_find(commands->draft->patterns, PATTERN_BANNER, at->text,
                                       at->length, 0, &found);
    }
    vec_release(&lines);
}

static bool command_is(const struct commands *commands, enum pattern which,
                       const struct command_line *command) {
    struct match_found found;
    return pattern_find(commands->draft->patterns, which, command->text, command->length, 0,
                        &found);
}

static const char *command_text(const struct commands *commands,
                                const struct command_line *command) {
    return arena_strndup(commands->draft->arena, command->text, command->length);
}

/* ---- what a command turns out to be ------------------------------------------------------- */

static const char *by_hand(const struct commands *commands, const struct command_line *command) {
    return arena_printf(commands->draft->arena, "Run `%s` and look at it",
                        place_prose(commands->draft, command_text(commands, command)));
}

/* `watch -n 5 'command'` */
static struct draft_step *watch_step(struct commands *commands,
                                     const struct command_line *command) {
    struct draft *draft = commands->draft;
    struct match_found found;
    if (!pattern_find(draft->patterns, PATTERN_WATCH, command->text, command->length, 0, &found))
        return NULL;
    const char *words = command_text(commands, command) + 5;
    while (*words == ' ' || (*words == '-' && isalpha((unsigned char)words[1]))) {
        words += strspn(words, " ");
        if (*words != '-')
            break;
        words += strcspn(words, " ");
        words += strspn(words, " ");
        words += strspn(words, "0123456789.");
    }
    const size_t length = strlen(words);
    const bool quoted =
        length > 1 && (*words == '\'' || *words == '"') && words[length - 1] == *words;
    if (length == 0 || (!quoted && strpbrk(words, "'\"")))
        return NULL;
    struct draft_step *step = draft_add(draft, commands->group, DRAFT_WATCH, command->line);
    const char *probe = quoted ? arena_strndup(draft->arena, words + 1, length - 2) : words;
    step->text = place_commands(draft, step, probe);
    step->every = found.has_group ? arena_printf(draft->arena, "%.*ss",
                                                 (int)(found.group_end - found.group_start),
                                                 command->text + found.group_start)
                                  : "2s";
    draft_said(draft, "watch n interval", 16);
    if (text_equal(step->every, "0s"))
        step->every = "1s";
    step->lasts = "5m";
    return step;
}

/* A service runs beside the steps below it, once it is known how to ask it whether it is up. */
static bool service_step(struct commands *commands, const struct command_line *command,
                         struct draft_step *step) {
    struct draft *draft = commands->draft;
    if (!draft->health_url ||
        !(strstr(draft->health_url, "://localhost") || strstr(draft->health_url, "://127.0.0.1")))
        return false;
    step->kind = DRAFT_SHELL;
    step->text = place_commands(draft, step, command_text(commands, command));
    step->background = true;
    step->url = draft->health_url;
    return true;
}

static struct draft_step *command_special(struct commands *commands,
                                          const struct command_line *command) {
    struct draft *draft = commands->draft;
    struct draft_step *step =
        request_from_curl(draft, commands->group, command->text, command->length, command->line);
    if (!step)
        step = request_from_psql(draft, commands->group, command->text, command->length,
                                 command->line);
    if (!step && text_starts_with(command->text, "watch "))
        step = watch_step(commands, command);
    if (step)
        return step;
    if (!command_is(commands, PATTERN_INTERACTIVE, command) &&
        !command_is(commands, PATTERN_SERVICE, command))
        return NULL;
    step = draft_add(draft, commands->group, DRAFT_MANUAL, command->line);
    step->text = by_hand(commands, command);
    if (command_is(commands, PATTERN_SERVICE, command) && service_step(commands, command, step))
        return step;
    if (command_is(commands, PATTERN_SERVICE, command))
        step->text = arena_printf(draft->arena, "Start `%s`, and leave it running",
                                  place_prose(draft, command_text(commands, command)));
    return step;
}

/* ---- shell steps -------------------------------------------------------------------------- */

static bool reads_only(const struct commands *commands, const struct command_line *command) {
    struct match_found found;
    const char *text = command->text;
    size_t length = command->length;
    for (const char *at = text; (at = memchr(at, '>', (size_t)(text + length - at))); at++)
        if (strncmp(at, ">/dev/null", 10) != 0 && strncmp(at, "> /dev/null", 11) != 0 &&
            strncmp(at, ">&1", 3) != 0)
            return false;
    if (memmem(text, length, "$(", 2) || memmem(text, length, ";", 1) ||
        memmem(text, length, "&&", 2) || memchr(text, '`', length))
        return false;
    while (length > 0) {
        const size_t pipe = shell_pipe(text, length);
        const size_t blank = strspn(text, " \t\n\\");
        if (blank >= pipe || !pattern_find(commands->draft->patterns, PATTERN_READ_COMMAND,
                                           text + blank, pipe - blank, 0, &found))
            return false;
        text += pipe + (pipe < length);
        length -= pipe + (pipe < length);
    }
    return true;
}

/* A log that is followed is looked at for half a minute. */
static void endless_put(struct commands *commands, const struct command_line *command,
                        struct buf *out) {
    if (command_is(commands, PATTERN_ENDLESS, command) &&
        !memchr(command->text, '\n', command->length) &&
        !memchr(command->text, '|', command->length)) {
        buf_puts(out, "timeout 30s ");
        buf_append(out, command->text, command->length);
        buf_puts(out, " || test $? -eq 124");
        return;
    }
    buf_append(out, command->text, command->length);
}

static const char *danger_of(const struct commands *commands, const char *title,
                             const struct command_line *command) {
    struct draft *draft = commands->draft;
    const char *text = command_text(commands, command);
    if (command->comment || command->blank ||
        !pattern_has(draft->patterns, PATTERN_DANGER_COMMAND, text))
        return NULL;
    const char *line = title_of(draft, text);
    AUTO_TEXT shown = mem_strdup(place_prose(draft, line));
    return title ? arena_printf(draft->arena, "%s: run `%s`?", place_prose(draft, title), shown)
                 : arena_printf(draft->arena, "Run `%s`?", shown);
}

/* `$1` of a script becomes a parameter, and is set again. */
static void positional_set(struct draft *draft, struct draft_step *step) {
    struct shell_state state = shell_begin();
    const char *text = step->text;
    const char *found = NULL;
    for (size_t at = 0; text[at] && !found; at++) {
        if (text[at] == '$' && !shell_is_single(&state) && !state.comment && !state.escaped &&
            (text[at + 1] == '1' || strncmp(text + at + 1, "{1", 2) == 0) &&
            !isdigit((unsigned char)text[at + 2]))
            found = text + at;
        shell_feed(&state, text, at);
    }
    if (!found || strstr(text, "()") || strstr(text, "set --"))
        return;
    const char *begin = found;
    while (begin > text && (isalnum((unsigned char)begin[-1]) || strchr("_=\"", begin[-1])))
        begin--;
    const size_t length = strcspn(begin, "=");
    const bool named = begin + length < found && length > 0;
    const char *wanted = named ? arena_strndup(draft->arena, begin, length) : "argument";
    const char *param = draft_param(draft, wanted, "string", NULL,
                                    arena_printf(draft->arena, "The first argument, %s", wanted));
    if (!param)
        return;
    const char *env = upper_of(draft->arena, param);
    *vec_add(&step->env) = (struct pair){env, draft_template(draft, param)};
    step->text = arena_printf(draft->arena, "set -- \"$%s\"\n%s", env, text);
}

/* Lines first to end, which stay together. */
static void shell_step(struct commands *commands, size_t first, size_t end, const char *title) {
    struct draft *draft = commands->draft;
    AUTO_BUF text = BUF_INIT(SOURCE_MAX);
    bool reads = true;
    size_t count = 0;
    const char *careful = NULL;
    for (size_t i = first; i < end; i++) {
        const struct command_line *command = &commands->lines.items[i];
        if (!command->comment && !command->blank && !command->banner) {
            count++;
            reads &= reads_only(commands, command);
        }
        if (!careful)
            careful = danger_of(commands, title, command);
        if (command->banner)
            continue;
        endless_put(commands, command, &text);
        buf_putc(&text, '\n');
    }
    while (text.length > 0 && isspace((unsigned char)text.data[text.length - 1]))
        text.data[--text.length] = '\0';
    if (count == 0)
        return;
    struct draft_step *step =
        draft_add(draft, commands->group, DRAFT_SHELL, commands->lines.items[first].line);
    const bool lines = strchr(buf_text(&text), '\n') != NULL;
    step->text = place_commands(
        draft, step, arena_printf(draft->arena, "%s%s", buf_text(&text), lines ? "\n" : ""));
    step->title = title;
    step->reads = reads;
    step->sensitive = pattern_has(draft->patterns, PATTERN_MAKES_SECRET, step->text);
    step->careful = careful;
    positional_set(draft, step);
    if (!careful && title && pattern_has(draft->patterns, PATTERN_DANGER_WORDS, title))
        step->careful = arena_printf(draft->arena, "%s: go on?", place_prose(draft, title));
}

/* ---- the piece ---------------------------------------------------------------------------- */

static bool begins_query(const struct command_line *command) {
    return strncmp(command->text, "SELECT", 6) == 0 || strncmp(command->text, "EXPLAIN", 7) == 0 ||
           strncmp(command->text, "VACUUM", 6) == 0 || strncmp(command->text, "ANALYZE", 7) == 0;
}

static void expected(struct commands *commands, const char *words) {
    struct draft *draft = commands->draft;
    struct draft_step *step = commands->group->last;
    const char *json = strchr(words, '{');
    if (step && json && step->kind == DRAFT_HTTP)
        request_expect(draft, step, json, strlen(json));
    *vec_add(step ? &step->comments : &commands->group->comments) = plain_of(draft, words);
}

/* A comment between commands that are taken apart. */
static void comment_between(struct commands *commands, const struct command_line *command,
                            const char **ret_title) {
    const char *words = command_text(commands, command);
    words += strspn(words, "# \t");
    if (strncasecmp(words, "expect", 6) == 0 || strncasecmp(words, "should", 6) == 0)
        expected(commands, words);
    else if (*words)
        *ret_title = title_of(commands->draft, words);
}

/* Whether anything in it is more than a shell command. */
static bool is_taken_apart(const struct commands *commands) {
    bool any = false;
    for (size_t i = 0; i < commands->lines.count && !any; i++) {
        const struct command_line *command = &commands->lines.items[i];
        if (command->comment || command->blank || command->banner)
            continue;
        any = begins_query(command) || text_starts_with(command->text, "curl ") ||
              text_starts_with(command->text, "psql ") ||
              text_starts_with(command->text, "watch ") ||
              command_is(commands, PATTERN_INTERACTIVE, command) ||
              command_is(commands, PATTERN_SERVICE, command);
    }
    return any;
}

static void flush(struct commands *commands, size_t *first, size_t end, const char **title) {
    struct draft_step *last = commands->group->last;
    shell_step(commands, *first, end, *title);
    if (commands->group->last != last)
        *title = NULL;
    *first = end;
}

static void taken_apart(struct commands *commands) {
    const char *title = NULL;
    size_t first = 0;
    for (size_t i = 0; i < commands->lines.count; i++) {
        const struct command_line *command = &commands->lines.items[i];
        if (command->blank && first == i) {
            first = i + 1;
            continue;
        }
        if (command->blank)
            continue;
        if (command->comment || (command->banner && first == i)) {
            flush(commands, &first, i, &title);
            if (command->comment)
                comment_between(commands, command, &title);
            first = i + 1;
            continue;
        }
        if (begins_query(command)) {
            flush(commands, &first, i, &title);
            const struct command_line *end = vec_last(&commands->lines);
            struct draft_step *step =
                statements_add(commands->draft, commands->group,
                               arena_strndup(commands->draft->arena, command->text,
                                             (size_t)(end->text + end->length - command->text)),
                               command->line);
            step->title = title;
            return;
        }
        struct draft_step *before = commands->group->last;
        struct draft_step *step = command_special(commands, command);
        if (!step)
            continue;
        if (first < i) {
            /* What came before it belongs in front of it. */
            struct draft_step **link = before ? &before->next : &commands->group->first;
            *link = NULL;
            commands->group->last = before;
            flush(commands, &first, i, &title);
            struct draft_step **end =
                commands->group->last ? &commands->group->last->next : &commands->group->first;
            *end = step;
            commands->group->last = step;
        }
        step->title = title ? title : step->title;
        title = NULL;
        first = i + 1;
    }
    flush(commands, &first, commands->lines.count, &title);
    if (title)
        *vec_add(&commands->group->comments) = title;
}

/* What never ends or asks for keys stays in the script as a comment, and is left to a person. */
static const char *without_endless(struct commands *commands, text_list *ret_left) {
    AUTO_BUF out = BUF_INIT(SOURCE_MAX);
    for (size_t i = 0; i < commands->lines.count; i++) {
        const struct command_line *command = &commands->lines.items[i];
        const bool left = !command->comment && !command->blank &&
                          !memchr(command->text, '\n', command->length) &&
                          (text_starts_with(command->text, "watch ") ||
                           command_is(commands, PATTERN_INTERACTIVE, command));
        if (left) {
            *vec_add(ret_left) = by_hand(commands, command);
            buf_puts(&out, "# ");
        }
        buf_append(&out, command->text, command->length);
        buf_putc(&out, '\n');
    }
    return arena_strdup(commands->draft->arena, buf_text(&out));
}

static void kept_together(struct commands *commands, const char *title, uint32_t line) {
    text_list left = {0};
    const char *text = without_endless(commands, &left);
    commands->lines.count = 0;
    commands_find(commands, text, line);
    shell_step(commands, 0, commands->lines.count, title);
    if (left.count > 0 && commands->group->first)
        commands->group->first->title = NULL;
    for (size_t i = 0; i < left.count; i++) {
        struct draft_step *step = draft_add(commands->draft, commands->group, DRAFT_MANUAL, line);
        step->text = left.items[i];
    }
    vec_release(&left);
}

void command_steps(struct draft *draft, struct draft_step *group, const char *text, uint32_t line,
                   const char *title, bool whole) {
    struct draft_step *own = draft_add(draft, group, DRAFT_GROUP, line);
    own->title = title;
    struct commands commands = {.draft = draft, .group = own, .whole = whole};
    commands_find(&commands, text, line);
    if (whole && is_taken_apart(&commands))
        taken_apart(&commands);
    else
        kept_together(&commands, title, line);
    vec_release(&commands.lines);
    if (!own->first && own->comments.count == 0 && !title)
        *vec_add(&own->comments) = plain_of(draft, text);
    group_collapse(draft, own);
}
