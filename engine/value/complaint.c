#include "value/complaint.h"

#include "base/text.h"

#define PREFIX "jq: error: "
#define PLACE " at <top-level>, line "

void complaints_hear(void *user, jv message_taken) {
    struct complaints *complaints = user;
    AUTO_VALUE message = message_taken;
    *vec_add(&complaints->texts) = mem_strdup(value_text(message));
}

void complaints_release(struct complaints *complaints) {
    for (size_t i = 0; i < complaints->texts.count; i++)
        mem_free(complaints->texts.items[i]);
    vec_release(&complaints->texts);
}

/* "foo/0 is not defined at <top-level>, line 7:\nfoo" becomes "foo/0 is not defined" and 7. The
 * place is the last one: the message before it may quote the program. */
static char *complaint_read(const char *text, size_t *ret_line) {
    if (!text_starts_with(text, PREFIX))
        return NULL;
    text += strlen(PREFIX);
    const char *place = NULL;
    for (const char *next = text; (next = strstr(next, PLACE)); next++)
        place = next;
    *ret_line = place ? (size_t)strtoul(place + strlen(PLACE), NULL, 10) : 0;
    return mem_strndup(text, place ? (size_t)(place - text) : strcspn(text, "\n"));
}

/* Names and arities of jq's own functions, as jq lists them: "map/1". */
static value builtin_names(void) {
    value names = value_array();
    jq_state *jq = jq_init();
    if (!jq)
        return names;
    jq_set_attr(jq, jv_string("JQ_LIBRARY_PATH"), jv_array());
    if (jq_compile(jq, "builtins")) {
        jq_start(jq, jv_null(), 0);
        value listed = jq_next(jq);
        if (value_is(listed, VALUE_ARRAY)) {
            value_free(names);
            names = listed;
        } else {
            value_free(listed);
        }
    }
    jq_teardown(&jq);
    return names;
}

static bool hint_root(const char *name, struct err *err) {
    static const char *const roots[] = {"params", "secrets", "steps", "run",
                                        "env",    "item",    "index", "rows"};
    bool is_root = text_is_among(name, roots, sizeof roots / sizeof *roots);
    if (is_root)
        err_hint(err, "did you mean `.%s`?", name);
    return is_root;
}

/* A name that exists with another number of arguments, or one that resembles it. */
static void hint_function(const char *name, struct err *err) {
    if (hint_root(name, err))
        return;
    AUTO_VALUE names = builtin_names();
    VEC(char *) words = {0};
    const char *arity = NULL;
    for (size_t i = 0; i < value_count(names); i++) {
        AUTO_VALUE listed = value_at(names, i);
        const char *text = value_text(listed), *slash = strchr(text, '/');
        if (!slash || *text == '_')
            continue;
        char **word = vec_add(&words);
        *word = mem_strndup(text, (size_t)(slash - text));
        if (text_equal(*word, name) && (!arity || strcmp(slash + 1, arity) < 0))
            arity = slash[1] == '0' ? "no" : slash[1] == '1' ? "1" : slash[1] == '2' ? "2" : "3";
    }
    const char *near = text_suggest(name, (const char *const *)words.items, words.count);
    if (arity)
        err_hint(err, "`%s` takes %s argument%s, separated by `;`", name, arity,
                 text_equal(arity, "1") ? "" : "s");
    else if (near)
        err_hint(err, "did you mean `%s`?", near);
    for (size_t i = 0; i < words.count; i++)
        mem_free(words.items[i]);
    vec_release(&words);
}

/* "name/2 is not defined", "$name is not defined", "$*label-name is not defined". */
static bool settle_undefined(const char *text, struct span span, struct err *err) {
    static const char tail[] = " is not defined", label[] = "$*label-";
    if (!text_ends_with(text, tail))
        return false;
    AUTO_TEXT name = mem_strndup(text, strlen(text) - strlen(tail));
    char *slash = strrchr(name, '/');
    if (text_starts_with(name, label)) {
        err_at(err, span, "there is no `label $%s` around this `break`", name + strlen(label));
    } else if (*name == '$') {
        err_at(err, span, "`%s` is not defined", name);
        err_hint(err, "only `$run` and what `as $name` binds are variables");
    } else if (slash) {
        *slash = '\0';
        const char *arity = slash + 1;
        err_at(err, span, "`%s` is not defined as a jq function of %s argument%s", name, arity,
               text_equal(arity, "1") ? "" : "s");
        hint_function(name, err);
    } else {
        return false;
    }
    return true;
}

static bool lex_names(const struct lex *lex, const char *word) {
    for (size_t i = 0; i < lex->tokens.count; i++)
        if (lex_is(lex, i, word))
            return true;
    return false;
}

/* "syntax error, unexpected X, expecting Y (Unix shell quoting issues?)". */
static bool settle_syntax(const char *text, const struct lex *lex, size_t token, struct span span,
                          struct err *err) {
    if (!text_starts_with(text, "syntax error"))
        return false;
    bool at_end = token >= lex->tokens.count;
    struct lex_token word = lex_at(lex, token);
    const char *expecting = strstr(text, "expecting '");
    AUTO_TEXT wanted =
        expecting ? mem_printf(", `%c` was expected", expecting[strlen("expecting '")]) : NULL;
    if (at_end)
        err_at(err, span, "syntax error: the expression ends too soon");
    else
        err_at(err, span, "syntax error: `%.*s` cannot stand here%s", (int)word.length,
               lex->text + word.offset, wanted ? wanted : "");
    if (lex_names(lex, "if") && (at_end || lex_is(lex, token, "end")))
        err_hint(err, "jq's `if` needs `then`, `else` and `end`");
    return true;
}

static bool is_syntax(const char *text) {
    return text_starts_with(text, "syntax error");
}

static void settle_one(const char *text, const struct complaint_line *line, struct err *err) {
    const struct expr *expr = line->expr;
    AUTO_LEX lex = {0};
    size_t end = 0;
    if (lex_scan(&lex, expr->text, expr->length, false, &expr->origin, &end, NULL) < 0)
        return;
    struct lex_token word = lex_at(&lex, line->token);
    size_t offset = word.offset;
    if (line->token >= lex.tokens.count) {
        struct lex_token last = lex_at(&lex, lex.tokens.count - 1);
        offset = last.offset + last.length;
    }
    struct span span = lex_span(&expr->origin, expr->text, offset, word.length);
    if (settle_syntax(text, &lex, line->token, span, err) || settle_undefined(text, span, err))
        return;
    const char *parsing = strstr(text, " at line ");
    int length = (int)(parsing ? (size_t)(parsing - text) : strcspn(text, "\n"));
    err_at(err, span, "jq does not take this: %.*s", length, text);
}

/* Behind a syntax error jq goes on as well as it can, and may complain about what is right; so of
 * a parse only the first complaint counts. Undefined names are all of them true. */
size_t complaints_settle(const struct complaints *complaints, const struct complaint_line *lines,
                         size_t line_count, complaint_report *report, void *user,
                         bool *ret_syntax) {
    size_t found = 0;
    *ret_syntax = false;
    for (size_t i = 0; i < complaints->texts.count && !*ret_syntax; i++) {
        size_t number = 0;
        AUTO_TEXT text = complaint_read(complaints->texts.items[i], &number);
        if (!text || number == 0 || number > line_count || !lines[number - 1].expr)
            continue;
        const struct complaint_line *line = &lines[number - 1];
        AUTO_ERR err = ERR_INIT;
        settle_one(text, line, &err);
        found += !line->expr->bad;
        ((struct expr *)line->expr)->bad = true;
        *ret_syntax = is_syntax(text);
        if (report)
            report(user, &err);
    }
    return found;
}
