/* Tables: rows with a command or an endpoint are steps, the rest is told. */
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "cli/import_code.h"
#include "cli/import_request.h"
#include "cli/import_step.h"

#define COLUMNS_MOST 16

struct columns {
    int command, expected, title, endpoint, method;
};

static bool is_one_of(const char *text, const char *const *words, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (strcasestr(text, words[i]))
            return true;
    return false;
}

static struct columns columns_of(const struct block *head) {
    static const char *const commands[] = {"command", "run", "cmd", "how"};
    static const char *const expected[] = {"expect", "result", "output", "should"};
    static const char *const titles[] = {"check", "step", "task",        "action",
                                         "name",  "test", "description", "what"};
    static const char *const endpoints[] = {"endpoint", "url", "path", "route"};
    static const char *const methods[] = {"method", "verb"};
    struct columns columns = {-1, -1, -1, -1, -1};
    int i = 0;
    for (const struct block *cell = head->first; cell; cell = cell->next, i++) {
        const char *text = cell->text;
        if (columns.command < 0 && is_one_of(text, commands, 4))
            columns.command = i;
        else if (columns.expected < 0 && is_one_of(text, expected, 4))
            columns.expected = i;
        else if (columns.endpoint < 0 && is_one_of(text, endpoints, 4))
            columns.endpoint = i;
        else if (columns.method < 0 && is_one_of(text, methods, 2))
            columns.method = i;
        else if (columns.title < 0 && is_one_of(text, titles, 8))
            columns.title = i;
    }
    return columns;
}

static const char *cell_of(const struct block *row, int column) {
    const struct block *cell = column < 0 ? NULL : row->first;
    for (int i = 0; cell && i < column; i++)
        cell = cell->next;
    return cell ? cell->text : "";
}

static const char *code_of(struct draft *draft, const char *cell) {
    const char *begin = strchr(cell, '`');
    const char *end = begin ? strchr(begin + 1, '`') : NULL;
    return end ? arena_strndup(draft->arena, begin + 1, (size_t)(end - begin - 1)) : cell;
}

static void row_told(struct draft *draft, struct draft_step *group, const struct block *row) {
    AUTO_BUF line = BUF_INIT(SOURCE_MAX);
    for (const struct block *cell = row->first; cell; cell = cell->next)
        buf_printf(&line, "%s%s", cell == row->first ? "" : " | ", cell->text);
    text_list *comments = group->last ? &group->last->comments : &group->comments;
    *vec_add(comments) = plain_of(draft, arena_strdup(draft->arena, buf_text(&line)));
}

static void row_expects(struct draft *draft, struct draft_step *step, const char *expected) {
    const char *text = plain_of(draft, expected);
    if (!*text)
        return;
    const size_t digits = strspn(text, "0123456789");
    const bool counted = digits > 0 && text[digits] == '/' &&
                         strspn(text + digits + 1, "0123456789") == strlen(text + digits + 1);
    if (step->kind == DRAFT_SHELL && (counted || text_equal(text, "PASS")))
        step->matches = text;
    else
        *vec_add(&step->comments) = arena_printf(draft->arena, "expected: %s", text);
}

static bool row_step(struct draft *draft, struct draft_step *group, const struct block *row,
                     const struct columns *columns) {
    const char *title = cell_of(row, columns->title);
    const char *named = *title ? title_of(draft, title) : NULL;
    const char *command = code_of(draft, cell_of(row, columns->command));
    const char *endpoint = code_of(draft, cell_of(row, columns->endpoint));
    const char *method = code_of(draft, cell_of(row, columns->method));
    struct draft_step *before = group->last;
    if (*command && (strchr(cell_of(row, columns->command), '`') ||
                     pattern_has(draft->patterns, PATTERN_LOOKS_LIKE_COMMAND, command))) {
        command_steps(draft, group, command, row->line, named, true);
    } else if (*endpoint == '/' || text_starts_with(endpoint, "http")) {
        static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"};
        if (*method && !text_is_among(method, methods, 6))
            return false;
        struct draft_step *step =
            request_add(draft, group, *method ? method : NULL, endpoint, row->line);
        if (step)
            step->title = named;
        draft_said(draft, method, strlen(method));
    }
    if (group->last == before)
        return false;
    row_expects(draft, group->last, cell_of(row, columns->expected));
    return true;
}

void table_steps(struct draft *draft, struct draft_step *group, const struct block *table) {
    const struct block *head = table->first;
    if (!head)
        return;
    const struct columns columns = columns_of(head);
    if (columns.command >= 0 || columns.endpoint >= 0)
        for (const struct block *cell = head->first; cell; cell = cell->next)
            draft_said(draft, cell->text, strlen(cell->text));
    if (columns.command < 0 && columns.endpoint < 0)
        row_told(draft, group, head);
    for (const struct block *row = head->next; row; row = row->next)
        if (!row_step(draft, group, row, &columns))
            row_told(draft, group, row);
}
