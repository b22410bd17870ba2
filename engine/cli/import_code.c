#include "cli/import_code.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "cli/import_place.h"
#include "cli/import_request.h"
#include "cli/import_shell.h"

#define CODE_MOST ((size_t)16 << 10) /* what is longer is no procedure that somebody reads */

enum code_class { CODE_OTHER, CODE_SHELL, CODE_SQL, CODE_HTTP, CODE_PROMQL };

static const struct {
    const char *language;
    enum code_class class;
} languages[] = {
    {"bash", CODE_SHELL},         {"sh", CODE_SHELL},
    {"shell", CODE_SHELL},        {"zsh", CODE_SHELL},
    {"console", CODE_SHELL},      {"shell-session", CODE_SHELL},
    {"shellsession", CODE_SHELL}, {"terminal", CODE_SHELL},
    {"ksh", CODE_SHELL},          {"sql", CODE_SQL},
    {"postgresql", CODE_SQL},     {"postgres", CODE_SQL},
    {"pgsql", CODE_SQL},          {"psql", CODE_SQL},
    {"http", CODE_HTTP},          {"rest", CODE_HTTP},
    {"https", CODE_HTTP},         {"promql", CODE_PROMQL},
    {"prometheus", CODE_PROMQL},
};

static const char *first_line(const char *text, size_t *ret_length) {
    for (;;) {
        text += strspn(text, " \t\n");
        *ret_length = strcspn(text, "\n");
        if (*text != '#' || text[1] == '!')
            return text;
        text += *ret_length;
    }
}

static bool begins_with_sql(const char *text, size_t length) {
    static const char *const words[] = {"SELECT", "INSERT", "UPDATE",  "DELETE",
                                        "ALTER",  "CREATE", "DROP",    "EXPLAIN",
                                        "VACUUM", "WITH",   "ANALYZE", "REINDEX"};
    const size_t word = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    if (word == 0 || word > length || (word < length && !strchr(" ;\t", text[word])))
        return false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i]) == word && memcmp(words[i], text, word) == 0)
            return true;
    return false;
}

static enum code_class class_of(const struct draft *draft, const struct block *block) {
    size_t length = 0;
    const char *line = first_line(block->text, &length);
    struct match_found found;
    const bool request = pattern_find(draft->patterns, PATTERN_HTTP_LINE, line, length, 0, &found);
    for (size_t i = 0; *block->language && i < sizeof languages / sizeof *languages; i++)
        if (text_equal(block->language, languages[i].language))
            return request && languages[i].class == CODE_SHELL ? CODE_HTTP : languages[i].class;
    if (*block->language)
        return CODE_OTHER;
    if (request)
        return CODE_HTTP;
    if (begins_with_sql(line, length))
        return CODE_SQL;
    return pattern_find(draft->patterns, PATTERN_LOOKS_LIKE_COMMAND, line, length, 0, &found)
               ? CODE_SHELL
               : CODE_OTHER;
}

/* `"A message"` among commands is something to be told. */
static bool is_message(const char *text) {
    size_t length = 0;
    const char *line = first_line(text, &length);
    while (length > 0 && isspace((unsigned char)line[length - 1]))
        length--;
    return length > 12 && line[0] == '"' && line[length - 1] == '"' &&
           !memchr(line + 1, '"', length - 2) && memchr(line, ' ', length) &&
           line[length + strspn(line + length, " \t\n")] == '\0';
}

/* Comments in front of a message are what to do with it. */
static const char *without_signs(struct draft *draft, const char *text) {
    char *copy = arena_alloc(draft->arena, strlen(text) + 1);
    size_t at = 0;
    for (bool begins = true; *text; text++) {
        if (begins && (*text == '#' || *text == ' '))
            continue;
        begins = *text == '\n';
        copy[at++] = *text;
    }
    return copy;
}

/* ---- what a person does with it ----------------------------------------------------------- */

static struct draft_step *manual_add(struct draft *draft, struct draft_step *group,
                                     const char *text, uint32_t line) {
    struct draft_step *step = draft_add(draft, group, DRAFT_MANUAL, line);
    step->text = place_prose(draft, text);
    return step;
}

/* Without blanks at the ends of lines, and without empty lines in front. */
static const char *lines_trimmed(const struct draft *draft, const char *text, size_t length) {
    char *copy = arena_strndup(draft->arena, text, length);
    size_t at = 0;
    for (size_t i = 0; i < length; i++) {
        while (copy[i] == '\n' && at > 0 && strchr(" \t", copy[at - 1]))
            at--;
        if (copy[i] != '\n' || at > 0)
            copy[at++] = copy[i];
    }
    copy[at] = '\0';
    return copy;
}

static void code_by_hand(struct draft *draft, struct draft_step *group, const struct block *block,
                         const char *why) {
    size_t length = strlen(block->text);
    while (length > 0 && isspace((unsigned char)block->text[length - 1]))
        length--;
    if (length == 0) {
        if (*block->info)
            *vec_add(&group->comments) = arena_printf(draft->arena, "an empty block of code: %s",
                                                      plain_of(draft, block->info));
        return;
    }
    const char *text = lines_trimmed(draft, block->text, length);
    if (!why && is_message(text))
        text = without_signs(draft, text);
    struct draft_step *step = manual_add(draft, group, text, block->line);
    if (why)
        *vec_add(&step->comments) = why;
    else if (*block->language && class_of(draft, block) == CODE_OTHER)
        *vec_add(&step->comments) =
            arena_printf(draft->arena, "It stands there as `%s`.", plain_of(draft, block->info));
}

/* ---- variables that are to be set --------------------------------------------------------- */

static bool is_settings(const struct draft *draft, const char *text) {
    size_t count = 0;
    for (const char *line = text; *line;) {
        const size_t length = strcspn(line, "\n");
        const size_t blank = strspn(line, " \t");
        struct match_found found;
        if (blank < length && line[blank] != '#') {
            if (!pattern_find(draft->patterns, PATTERN_SETTING_LINE, line, length, 0, &found))
                return false;
            count++;
        }
        line += length + (line[length] == '\n');
    }
    return count > 0;
}

/* The secret of a line such as `TOKEN=<mark>` or `SESSION_SECRET=<random>`. */
static void setting_secret(struct draft *draft, const char *name, const char *value) {
    size_t width = 0;
    value += strspn(value, "=\"'");
    const struct secret *secret = source_secret(draft->document->source, value, &width);
    if (secret)
        draft_export(draft, secret->name, secret->env);
    else if (pattern_has(draft->patterns, PATTERN_SECRET_NAME, name))
        draft_export(draft, slug_make(draft->arena, name, '_'), name);
}

static void settings_step(struct draft *draft, struct draft_step *group,
                          const struct block *block) {
    struct draft_step *step =
        manual_add(draft, group, "See that these variables are set", block->line);
    for (const char *line = block->text; *line;) {
        const size_t length = strcspn(line, "\n");
        const size_t blank = strspn(line, " \t");
        if (blank < length && line[blank] == '#') {
            *vec_add(&step->comments) =
                plain_of(draft, arena_strndup(draft->arena, line + blank + 1, length - blank - 1));
        } else if (blank < length) {
            const char *text = arena_strndup(draft->arena, line + blank, length - blank);
            const char *name = text_starts_with(text, "export ") ? text + 7 : text;
            const size_t width = strcspn(name, "=");
            setting_secret(draft, arena_strndup(draft->arena, name, width), name + width);
            *vec_add(&step->checklist) = place_prose(draft, text);
        }
        line += length + (line[length] == '\n');
    }
}

/* ---- `$ command` and what it printed ------------------------------------------------------ */

static bool is_session(const char *text) {
    while (*text) {
        if (text[0] == '$' && text[1] == ' ')
            return true;
        text += strcspn(text, "\n");
        text += *text == '\n';
    }
    return false;
}

static char *pattern_quote(struct arena *arena, const char *text, size_t length) {
    AUTO_BUF out = BUF_INIT(1 << 16);
    for (size_t i = 0; i < length; i++) {
        if (strchr("\\^$.[]|()?*+{}", text[i]))
            buf_putc(&out, '\\');
        buf_putc(&out, text[i]);
    }
    return arena_strndup(arena, buf_text(&out), out.length);
}

static void session_output(struct draft *draft, struct draft_step *step, const char *line,
                           size_t length) {
    struct match_found found;
    const char *text = arena_strndup(draft->arena, line, length);
    *vec_add(&step->comments) = arena_printf(draft->arena, "printed: %s", plain_of(draft, text));
    if (step->kind == DRAFT_SHELL &&
        pattern_find(draft->patterns, PATTERN_PASSED, line, length, 0, &found)) {
        size_t end = found.end;
        while (end > found.start && isspace((unsigned char)line[end - 1]))
            end--;
        step->matches = pattern_quote(draft->arena, line + found.start, end - found.start);
    }
}

static void session_steps(struct draft *draft, struct draft_step *group,
                          const struct block *block) {
    struct draft_step *step = NULL;
    uint32_t at = block->line + (*block->info != '\0');
    for (const char *line = block->text; *line; at++) {
        const size_t length = strcspn(line, "\n");
        if (length > 2 && line[0] == '$' && line[1] == ' ') {
            command_steps(draft, group, arena_strndup(draft->arena, line + 2, length - 2), at, NULL,
                          true);
            step = group->last;
        } else if (strspn(line, " \t") < length && step) {
            session_output(draft, step, line, length);
        } else if (strspn(line, " \t") < length) {
            *vec_add(&group->comments) = plain_of(draft, arena_strndup(draft->arena, line, length));
        }
        line += length + (line[length] == '\n');
    }
}

/* ---- statements --------------------------------------------------------------------------- */

static void sql_piece(struct draft *draft, struct draft_step *group, struct buf *text,
                      const char *title, uint32_t line) {
    while (text->length > 0 && isspace((unsigned char)text->data[text->length - 1]))
        text->data[--text->length] = '\0';
    if (text->length == 0) {
        if (title)
            *vec_add(&group->comments) = title;
        return;
    }
    const bool lines = strchr(buf_text(text), '\n') != NULL;
    struct draft_step *step = statements_add(
        draft, group, arena_printf(draft->arena, "%s%s", buf_text(text), lines ? "\n" : ""), line);
    step->title = title;
    buf_clear(text);
}

/* Pieces begin at comments in front of a statement. */
static void sql_steps(struct draft *draft, struct draft_step *group, const struct block *block) {
    AUTO_BUF text = BUF_INIT(SOURCE_MAX);
    const char *title = NULL;
    bool ended = true;
    uint32_t at = block->line + (*block->info != '\0');
    uint32_t begin = at;
    for (const char *line = block->text; *line; at++) {
        const size_t length = strcspn(line, "\n");
        const size_t blank = strspn(line, " \t");
        size_t end = length;
        while (end > blank && isspace((unsigned char)line[end - 1]))
            end--;
        if (ended && length > blank + 2 && memcmp(line + blank, "--", 2) == 0) {
            sql_piece(draft, group, &text, title, begin);
            const char *comment = arena_strndup(draft->arena, line + blank + 2, length - blank - 2);
            title = title_of(draft, comment);
            begin = at;
        } else if (blank < length || text.length > 0) {
            buf_append(&text, line, length);
            buf_putc(&text, '\n');
            ended = blank < length ? line[end - 1] == ';' : ended;
        }
        line += length + (line[length] == '\n');
    }
    sql_piece(draft, group, &text, title, begin);
}

/* ---- the whole ---------------------------------------------------------------------------- */

static bool names_settings(const struct block *block) {
    return !*block->language || text_starts_with(block->language, "env") ||
           text_equal(block->language, "dotenv");
}

void code_steps(struct draft *draft, struct draft_step *group, const struct block *block) {
    const enum code_class class = class_of(draft, block);
    const char *open = "its fence is never closed: look where it should end";
    if (block->open || strlen(block->text) > CODE_MOST)
        code_by_hand(draft, group, block, block->open ? open : "it is too long for one step");
    else if (class == CODE_SQL)
        sql_steps(draft, group, block);
    else if (class == CODE_HTTP)
        requests_from_http(draft, group, block);
    else if (class == CODE_PROMQL)
        requests_from_promql(draft, group, block);
    else if (is_settings(draft, block->text) &&
             (class == CODE_OTHER ? names_settings(block)
                                  : !is_message(block->text) && !is_session(block->text)))
        settings_step(draft, group, block);
    else if (class == CODE_OTHER || is_message(block->text))
        code_by_hand(draft, group, block, NULL);
    else if (is_session(block->text))
        session_steps(draft, group, block);
    else
        script_steps(draft, group, block->text, block->line + (*block->info != '\0'));
    steps_choose(draft, group);
}

/* ---- choices ------------------------------------------------------------------------------ */

static const char *choice_word(struct draft *draft, const struct draft_step *step) {
    const char *words = step->title ? step->title : step->text;
    struct match_found found;
    if (pattern_find(draft->patterns, PATTERN_OR, words, strlen(words), 0, &found) &&
        found.has_group && found.group_end > found.group_start)
        words += found.group_start;
    const char *slug = slug_make(draft->arena, words, '_');
    return *slug ? slug : "other";
}

static bool is_action(const struct draft_step *step) {
    return step->kind != DRAFT_MANUAL && step->kind != DRAFT_GATE;
}

static void choice_add(struct draft *draft, struct draft_step *step, const char *param,
                       struct draft_param *choices) {
    const char *word = choice_word(draft, step);
    if (!text_is_among(word, choices->choices.items, choices->choices.count))
        *vec_add(&choices->choices) = word;
    step->when = arena_printf(draft->arena, ".params.%s == \"%s\"", param, word);
}

/* "Or …" behind a step: a parameter says which of them is taken. */
static void choose(struct draft *draft, struct draft_step *group, struct draft_step *first) {
    const char *about = group->title ? group->title : first->title ? first->title : first->text;
    const char *word = choice_word(draft, first);
    const char *name = draft_param(
        draft, arena_printf(draft->arena, "way_to_%s", slug_make(draft->arena, about, '_')),
        "string", word, arena_printf(draft->arena, "Which way: %s (line %u)", about, first->line));
    if (!name)
        return;
    struct draft_param *param = &draft->params.items[draft->params.count - 1];
    choice_add(draft, first, name, param);
    for (struct draft_step *step = first->next; step; step = step->next) {
        if (!is_action(step) || !step->title ||
            !pattern_has(draft->patterns, PATTERN_OR, step->title))
            break;
        choice_add(draft, step, name, param);
    }
}

/* "Disable X" is done where "Enable X (if needed)" was. */
static const char *counterpart(const struct draft *draft, const char *title) {
    if (strncasecmp(title, "disable ", 8) != 0)
        return NULL;
    const char *name =
        arena_printf(draft->arena, "enable_%s", slug_make(draft->arena, title + 8, '_'));
    return map_get(draft->param_names, name) ? arena_printf(draft->arena, ".params.%s", name)
                                             : NULL;
}

static void condition_set(struct draft *draft, struct draft_step *step) {
    struct match_found found;
    if (!step->title || !is_action(step) || step->when)
        return;
    step->when = counterpart(draft, step->title);
    if (step->when)
        return;
    const size_t length = strlen(step->title);
    if (!pattern_find(draft->patterns, PATTERN_IF, step->title, length, 0, &found) &&
        !pattern_find(draft->patterns, PATTERN_IF_NEEDED, step->title, length, 0, &found))
        return;
    const bool named = found.has_group && found.group_end > found.group_start;
    const size_t begin = named ? found.group_start : 0;
    const size_t end = named ? found.group_end : length;
    step->when = draft_condition(
        draft, arena_strndup(draft->arena, step->title + begin, end - begin), step->title);
}

void steps_choose(struct draft *draft, struct draft_step *group) {
    for (struct draft_step *step = group->first; step; step = step->next) {
        const struct draft_step *next = step->next;
        condition_set(draft, step);
        if (!step->when && is_action(step) && next && is_action(next) && !next->when &&
            next->title && pattern_has(draft->patterns, PATTERN_OR, next->title))
            choose(draft, group, step);
    }
}

void group_collapse(struct draft *draft, struct draft_step *group) {
    struct draft_step *only = group->first;
    if (!only || only->next || group->kind != DRAFT_GROUP)
        return;
    struct draft_step *next = group->next;
    const struct draft_step kept = *group;
    const char *title = kept.title;
    if (only->title && title && !text_equal(only->title, title))
        *vec_add(&only->comments) = only->title;
    for (size_t i = 0; i < kept.comments.count; i++)
        *vec_add(&only->comments) = kept.comments.items[i];
    vec_release(&group->comments);
    *group = *only;
    *only = (struct draft_step){0};
    group->next = next;
    group->title = title ? title : group->title;
    group->line = kept.line ? kept.line : group->line;
    group->description = kept.description ? kept.description : group->description;
    group->timeout = kept.timeout ? kept.timeout : group->timeout;
    group->when = kept.when ? kept.when : group->when;
    group->goes_on |= kept.goes_on;
    if (group->kind == DRAFT_GROUP && kept.rto)
        group->rto = kept.rto;
    (void)draft;
}

void group_splice(struct draft_step *parent, struct draft_step *before, struct draft_step *group) {
    if (group->kind != DRAFT_GROUP || group->title || !group->first)
        return;
    for (size_t i = 0; i < group->comments.count; i++)
        *vec_add(&group->first->comments) = group->comments.items[i];
    group->comments.count = 0;
    if (before)
        before->next = group->first;
    else
        parent->first = group->first;
    parent->last = group->last;
}
