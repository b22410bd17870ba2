/* A script in pieces: one for each comment that says what comes next, as long as no piece needs
 * what a piece above it has set. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "cli/import_code.h"
#include "cli/import_place.h"
#include "cli/import_request.h"
#include "cli/import_shell.h"

struct piece {
    size_t first, end;  /* lines */
    size_t title_lines; /* comments at its beginning */
    bool commands;
    size_t reach; /* the last piece that needs this one */
};

struct script {
    struct draft *draft;
    shell_lines lines;
    VEC(struct piece) pieces;
    bool numbered;
    uint32_t line; /* of the document, where it begins */
};

static bool is_numbered(const struct script *script, const struct shell_line *line) {
    struct match_found found;
    return pattern_find(script->draft->patterns, PATTERN_NUMBERED_COMMENT, line->text, line->length,
                        0, &found);
}

/* The first line of a script file says nothing; its name in a comment is no step. */
static bool is_shebang(const struct shell_line *line) {
    return line->length > 1 && line->text[0] == '#' && line->text[1] == '!';
}

/* A comment behind an empty line speaks of something else than the one above it. */
static bool follows_blank(const struct script *script, size_t line) {
    return line > 0 && script->lines.items[line - 1].blank;
}

static void find_pieces(struct script *script) {
    struct piece *piece = NULL;
    for (size_t i = 0; i < script->lines.count; i++) {
        const struct shell_line *line = &script->lines.items[i];
        const bool numbered = line->comment && is_numbered(script, line);
        const bool begins =
            line->comment && !is_shebang(line) &&
            (script->numbered ? numbered : !piece || piece->commands || follows_blank(script, i));
        if (!piece || begins) {
            piece = vec_add(&script->pieces);
            piece->first = i;
            piece->reach = script->pieces.count - 1;
        }
        if (line->comment && !piece->commands)
            piece->title_lines++;
        if (!line->comment && !line->blank)
            piece->commands = true;
        piece->end = i + 1;
    }
}

/* ---- what pieces share -------------------------------------------------------------------- */

static bool is_lasting_command(const char *text, size_t length) {
    static const char *const words[] = {"cd",   "pushd",   "export",   "source", ".",
                                        "trap", "shopt",   "alias",    "umask",  "ulimit",
                                        "exec", "declare", "function", "unset",  "eval"};
    const size_t blank = strspn(text, " \t");
    const size_t width = strcspn(text + blank, " \t\n;");
    if (blank + width > length)
        return false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i]) == width && memcmp(words[i], text + blank, width) == 0)
            return true;
    return width > 2 && memcmp(text + blank + width - 2, "()", 2) == 0;
}

static void reach_to(struct script *script, size_t from, size_t to) {
    if (script->pieces.items[from].reach < to)
        script->pieces.items[from].reach = to;
}

static size_t name_length(const char *text, const char *end) {
    size_t length = 0;
    while (text + length < end && length < 64 &&
           (isalnum((unsigned char)text[length]) || text[length] == '_'))
        length++;
    return length;
}

/* Names that the line sets go into `set`, with the piece's number + 1. */
static void line_sets(const struct shell_line *line, struct map *set, size_t piece) {
    const char *end = line->text + line->length;
    for (const char *at = line->text; at < end;) {
        const size_t length = name_length(at, end);
        const bool begins = at == line->text || strchr(" \t;&(", at[-1]);
        if (length > 0 && begins && !isdigit((unsigned char)*at) && at + length < end &&
            (at[length] == '=' || (at[length] == '+' && at[length + 1] == '='))) {
            AUTO_TEXT name = mem_strndup(at, length);
            map_put(set, name, (void *)(uintptr_t)(piece + 1));
        }
        if (length == 4 && memcmp(at, "read", 4) == 0 && begins) {
            const char *word = at + 4;
            while (word < end && strchr(" -r", *word))
                word++;
            AUTO_TEXT name = mem_strndup(word, name_length(word, end));
            map_put(set, name, (void *)(uintptr_t)(piece + 1));
        }
        at += length ? length : 1;
    }
}

static void line_uses(struct script *script, const struct shell_line *line, const struct map *set,
                      size_t piece) {
    const char *end = line->text + line->length;
    for (const char *at = line->text; at + 1 < end; at++) {
        if (*at != '$')
            continue;
        const char *name = at + 1 + (at[1] == '{');
        const size_t length = name_length(name, end);
        const void *setter = length ? map_get_n(set, name, length) : NULL;
        if (setter)
            reach_to(script, (size_t)setter - 1, piece);
    }
}

static void find_shared(struct script *script) {
    struct map *set = map_new();
    const size_t last = script->pieces.count - 1;
    for (size_t i = 0; i < script->pieces.count; i++) {
        const struct piece *piece = &script->pieces.items[i];
        for (size_t j = piece->first; j < piece->end; j++) {
            const struct shell_line *line = &script->lines.items[j];
            if (line->comment || line->blank)
                continue;
            line_uses(script, line, set, i);
            if (!line->inside && is_lasting_command(line->text, line->length))
                reach_to(script, i, last);
            line_sets(line, set, i);
        }
    }
    map_free(set);
}

/* ---- pieces to steps ---------------------------------------------------------------------- */

static char *lines_text(const struct script *script, size_t first, size_t end) {
    while (first < end &&
           (script->lines.items[first].blank || is_shebang(&script->lines.items[first])))
        first++;
    while (end > first && script->lines.items[end - 1].blank)
        end--;
    if (first == end)
        return arena_strdup(script->draft->arena, "");
    const struct shell_line *last = &script->lines.items[end - 1];
    const char *begin = script->lines.items[first].text;
    return arena_strndup(script->draft->arena, begin, (size_t)(last->text + last->length - begin));
}

/* A comment without its sign. */
static const char *comment_text(const struct script *script, size_t line) {
    const struct shell_line *at = &script->lines.items[line];
    const char *text = arena_strndup(script->draft->arena, at->text, at->length);
    return text + strspn(text, " \t#");
}

/* A comment that nothing follows: something to do, where it says so; else a remark. */
static void remark(struct script *script, struct draft_step *group, const struct piece *piece) {
    struct draft *draft = script->draft;
    AUTO_BUF text = BUF_INIT(SOURCE_MAX);
    for (size_t i = piece->first; i < piece->end; i++) {
        const struct shell_line *line = &script->lines.items[i];
        if (line->comment && !is_shebang(line)) {
            const char *words = comment_text(script, i);
            buf_printf(&text, "%s%s", text.length ? "\n" : "", words);
        }
    }
    if (text.length == 0)
        return;
    const char *words = arena_strdup(draft->arena, buf_text(&text));
    const char *json = strchr(words, '{');
    if (group->last && json && strncasecmp(words, "expect", 6) == 0)
        (void)request_expect(draft, group->last, json, strlen(json));
    const bool numbered = is_numbered(script, &script->lines.items[piece->first]);
    const char *first = arena_strndup(draft->arena, words, strcspn(words, "\n"));
    const char *title = title_of(draft, first);
    if (!numbered && !pattern_has(draft->patterns, PATTERN_IMPERATIVE, title) &&
        !pattern_has(draft->patterns, PATTERN_IF, title)) {
        text_list *comments = group->last ? &group->last->comments : &group->comments;
        *vec_add(comments) = plain_of(draft, words);
        return;
    }
    struct draft_step *step =
        draft_add(draft, group, DRAFT_MANUAL, script->line + (uint32_t)piece->first);
    const bool one = !strchr(words, '\n');
    step->title = one ? NULL : title;
    step->text = one ? place_prose(draft, title)
                     : arena_printf(draft->arena, "%s%s", place_prose(draft, title),
                                    place_prose(draft, words + strlen(first)));
}

/* A name of a file as a script's first comment. */
static bool is_file_name(const char *words) {
    return !strchr(words, ' ') && strchr(words, '.');
}

/* What the pieces say that they are, one behind the other. */
static const char *pieces_title(const struct script *script, size_t first, size_t last) {
    AUTO_BUF title = BUF_INIT(1 << 16);
    for (size_t i = first; i <= last && title.length < 100; i++) {
        const size_t line = script->pieces.items[i].first;
        if (script->lines.items[line].comment && is_numbered(script, &script->lines.items[line]))
            buf_printf(&title, "%s%s", title.length ? ", then: " : "",
                       title_of(script->draft, comment_text(script, line)));
    }
    return title.length
               ? title_of(script->draft, arena_strdup(script->draft->arena, buf_text(&title)))
               : NULL;
}

/* The comments at its beginning: the first is its title, the others are remarks. */
static const char *piece_title(struct script *script, struct draft_step *group,
                               const struct piece *piece, size_t *line) {
    const char *title = NULL;
    for (size_t i = 0; i < piece->title_lines && *line < piece->end; (*line)++) {
        const struct shell_line *at = &script->lines.items[*line];
        if (!at->comment)
            continue;
        i++;
        const char *words = comment_text(script, *line);
        if (is_shebang(at) || !*words)
            continue;
        if (title || is_file_name(words))
            *vec_add(&group->comments) = plain_of(script->draft, words);
        else
            title = title_of(script->draft, words);
    }
    return title;
}

static void piece_step(struct script *script, struct draft_step *group, size_t first, size_t last) {
    struct draft *draft = script->draft;
    const struct piece *begin = &script->pieces.items[first];
    const struct piece *end = &script->pieces.items[last];
    size_t line = begin->first;
    const bool whole = first == last;
    struct draft_step *before = group->last;
    struct draft_step *own = draft_add(draft, group, DRAFT_GROUP, script->line + (uint32_t)line);
    own->title = whole ? piece_title(script, own, begin, &line) : pieces_title(script, first, last);
    command_steps(draft, own, lines_text(script, line, end->end), script->line + (uint32_t)line,
                  own->title, whole);
    group_collapse(draft, own);
    group_splice(group, before, own);
}

void script_steps(struct draft *draft, struct draft_step *group, const char *text, uint32_t line) {
    struct script script = {.draft = draft, .line = line};
    shell_split(text, &script.lines);
    for (size_t i = 0; i < script.lines.count && !script.numbered; i++)
        script.numbered =
            script.lines.items[i].comment && is_numbered(&script, &script.lines.items[i]);
    find_pieces(&script);
    if (script.pieces.count > 0)
        find_shared(&script);
    for (size_t i = 0; i < script.pieces.count;) {
        size_t last = i;
        for (size_t j = i; j <= last; j++)
            if (script.pieces.items[j].reach > last)
                last = script.pieces.items[j].reach;
        if (i == last && !script.pieces.items[i].commands)
            remark(&script, group, &script.pieces.items[i]);
        else
            piece_step(&script, group, i, last);
        i = last + 1;
    }
    vec_release(&script.pieces);
    vec_release(&script.lines);
}
