#include "lang/yaml_error.h"

#include "base/text.h"

/* Problems that libyaml names in words of its own grammar. */
static const struct {
    const char *problem;
    const char *message;
    const char *hint;
} known[] = {
    {"mapping values are not allowed in this context",
     "a `: ` is not allowed here: the value before it has already begun",
     "put the whole value in quotes, or move this key to the column of its siblings"},
    {"could not find expected ':'", "a key without its `:`",
     "write `key: value`; text of several lines needs `key: |`"},
    {"did not find expected key", "neither a key of this mapping nor its end",
     "keys of one mapping start in the same column; text in quotes ends at its quote"},
    {"did not find expected '-' indicator", "neither an item of this list nor its end",
     "items of one list start with `- ` in the same column"},
    {"did not find expected ',' or ']'", "a list in `[ ]` is not closed here",
     "separate items by commas; put `${{ … }}` and text with `{`, `[`, `,` in quotes"},
    {"did not find expected ',' or '}'", "a mapping in `{ }` is not closed here",
     "separate pairs by commas; put `${{ … }}` and text with `{`, `[`, `,` in quotes"},
    {"found unexpected end of stream", "this quoted text is never closed",
     "close the quotes where the text ends"},
    {"found unexpected document indicator", "`---` or `...` inside quoted text",
     "close the quotes where the text ends"},
    {"block sequence entries are not allowed in this context", "a list may not begin here",
     "start the list on a line of its own"},
    {"found unknown escape character", "an unknown escape in double quotes",
     "write `\\\\` for a backslash, or use single quotes"},
    {"did not find expected node content", "a value is missing here",
     "text that begins with `,`, `]`, `}`, `%`, `@` or a backquote needs quotes"},
    {"did not find expected <document start>", "something follows the end of the document",
     "a file holds one runbook, and its keys start in the first column"},
    {"did not find expected comment or line break", "nothing may follow `|` or `>` on its line",
     "begin the text on the next line, indented"},
    {"did not find expected alphabetic or numeric character",
     "`&` and `*` begin the name of an anchor or alias, and no name follows",
     "put text that begins with `&` or `*` in quotes"},
    {"found unexpected ':'", "a `:` is not allowed here", "put the value in quotes"},
    {"control characters are not allowed", "a control character stands here",
     "write it as an escape in double quotes, such as \"\\e\""},
};

static const char *line_start(const struct yaml *yaml, size_t line) {
    const char *at = yaml->bytes, *end = yaml->bytes + yaml->length;
    if (yaml->length >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0)
        at += 3;
    for (; line > 0 && at < end; line--) {
        const char *next = memchr(at, '\n', (size_t)(end - at));
        at = next ? next + 1 : end;
    }
    return at;
}

/* Whether the indentation of the line holds a tab, and in which column. */
static bool find_tab(const struct yaml *yaml, size_t line, uint32_t *ret_column) {
    const char *start = line_start(yaml, line);
    const char *at = start;
    while (*at == ' ' || *at == '-')
        at++;
    *ret_column = (uint32_t)(at - start) + 1;
    return *at == '\t';
}

static void set_start_character(struct err *err, const struct yaml *yaml, const yaml_mark_t *mark,
                                struct span span) {
    const char *at = line_start(yaml, mark->line);
    const char *end = yaml->bytes + yaml->length;
    uint32_t point = 0;
    for (size_t i = 0; i < mark->column && at < end; i++)
        at += text_decode(at, (size_t)(end - at), &point);
    AUTO_BUF shown = BUF_INIT(32);
    size_t length = at < end ? text_decode(at, (size_t)(end - at), &point) : 0;
    text_escape(&shown, at, length, false);
    err_at(err, span, "a value cannot begin with `%s`", buf_text(&shown));
    err_hint(err, "put the value in quotes");
}

static bool set_known(struct err *err, const char *problem, struct span span) {
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].problem, problem) == 0) {
            err_at(err, span, "%s", known[i].message);
            err_hint(err, "%s", known[i].hint);
            return true;
        }
    return false;
}

void yaml_error_report(const struct yaml *yaml, const yaml_parser_t *parser) {
    AUTO_ERR err = ERR_INIT;
    const char *problem = parser->problem ? parser->problem : "broken YAML";
    /* The end of the file helps nobody to find the quote that was forgotten. */
    bool is_unclosed = strcmp(problem, "found unexpected end of stream") == 0;
    const yaml_mark_t *mark = is_unclosed ? &parser->context_mark : &parser->problem_mark;
    struct span span = {yaml->path, (uint32_t)mark->line + 1, (uint32_t)mark->column + 1, 1};
    if (parser->error == YAML_MEMORY_ERROR)
        abort();
    if (find_tab(yaml, mark->line, &span.column)) {
        err_at(&err, span, "a tab in the indentation");
        err_hint(&err, "YAML is indented by spaces only");
    } else {
        span.column = (uint32_t)mark->column + 1;
        if (strcmp(problem, "found character that cannot start any token") == 0)
            set_start_character(&err, yaml, mark, span);
        else if (!set_known(&err, problem, span))
            err_at(&err, span, "%s%s%s", parser->context ? parser->context : "",
                   parser->context ? ": " : "", problem);
    }
    diag_report(yaml->diag, &err);
}

static void refuse_at(const struct yaml *yaml, size_t offset, const char *message,
                      const char *hint) {
    AUTO_ERR err = ERR_INIT;
    uint32_t line = 1;
    size_t start = 0;
    for (size_t i = 0; i < offset; i++)
        if (yaml->bytes[i] == '\n') {
            line++;
            start = i + 1;
        }
    size_t column = text_characters(yaml->bytes + start, offset - start) + 1;
    err_at(&err, (struct span){yaml->path, line, (uint32_t)column, 1}, "%s", message);
    err_hint(&err, "%s", hint);
    diag_report(yaml->diag, &err);
}

static size_t first_broken(const char *bytes, size_t length) {
    size_t at = 0;
    uint32_t point;
    while (at < length) {
        size_t step =
            (unsigned char)bytes[at] < 0x80 ? 1 : text_decode(bytes + at, length - at, &point);
        if (step == 0)
            break;
        at += step;
    }
    return at;
}

static bool is_blank(const struct yaml *yaml) {
    for (size_t i = 0; i < yaml->length; i++)
        if (!strchr(" \t\r\n", yaml->bytes[i]))
            return false;
    return true;
}

bool yaml_refuse_bytes(const struct yaml *yaml) {
    const char *nul = memchr(yaml->bytes, '\0', yaml->length);
    if (yaml->length >= 2 &&
        (memcmp(yaml->bytes, "\xff\xfe", 2) == 0 || memcmp(yaml->bytes, "\xfe\xff", 2) == 0))
        refuse_at(yaml, 0, "the file is UTF-16", "save it as UTF-8");
    else if (nul)
        refuse_at(yaml, (size_t)(nul - yaml->bytes), "a NUL byte: this is no text file",
                  "a runbook is YAML in UTF-8");
    else if (!text_is_utf8(yaml->bytes, yaml->length))
        refuse_at(yaml, first_broken(yaml->bytes, yaml->length), "a byte that is not UTF-8",
                  "save the file as UTF-8");
    else if (is_blank(yaml))
        refuse_at(yaml, 0, "the file is empty", "`runbook new NAME` writes a first runbook");
    else
        return false;
    return true;
}
