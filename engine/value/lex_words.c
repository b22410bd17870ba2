/* Questions about words: keys that are written out, and words that are refused. */
#include "base/text.h"
#include "value/lex.h"

bool lex_ends_term(const struct lex *lex, size_t index) {
    if (index >= lex->tokens.count)
        return false;
    static const char *const words[] = {"if",  "then",  "else",  "elif",   "and",
                                        "or",  "as",    "def",   "reduce", "try",
                                        "not", "catch", "label", "foreach"};
    switch (lex_at(lex, index).kind) {
    case LEX_NAME:
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
            if (lex_is(lex, index, words[i]))
                return false;
        return true;
    case LEX_OPEN:
    case LEX_STRING_OPEN:
    case LEX_STRING_MID:
        return false;
    case LEX_SIGN:
        return lex_is(lex, index, ".") || lex_is(lex, index, "..") || lex_is(lex, index, "?");
    default:
        return true;
    }
}

static bool plain_string(const struct lex *lex, size_t index, const char **ret_name,
                         size_t *ret_length) {
    struct lex_token token = lex_at(lex, index);
    if (token.kind != LEX_STRING || token.length < 2)
        return false;
    *ret_name = lex->text + token.offset + 1;
    *ret_length = token.length - 2;
    return !memchr(*ret_name, '\\', *ret_length);
}

size_t lex_key(const struct lex *lex, size_t index, const char **ret_name, size_t *ret_length) {
    struct lex_token token = lex_at(lex, index);
    if (index < lex->tokens.count && token.kind == LEX_FIELD) {
        *ret_name = lex->text + token.offset + 1;
        *ret_length = token.length - 1;
        return 1;
    }
    size_t open = index + lex_is(lex, index, ".");
    if (open > index && plain_string(lex, open, ret_name, ret_length))
        return 2;
    bool behind = open > index || (index > 0 && lex_ends_term(lex, index - 1));
    if (behind && lex_is(lex, open, "[") && plain_string(lex, open + 1, ret_name, ret_length) &&
        lex_is(lex, open + 2, "]"))
        return open + 3 - index;
    return 0;
}

static const struct refused {
    const char *word, *reason, *hint;
} refused_words[] = {
    {"env", "does not see the engine's environment", "write `.env.NAME`"},
    {"$ENV", "does not see the engine's environment", "write `.env.NAME`"},
    {"$__loc__", "does not know its place in the file", NULL},
    {"input", "has nothing to read", "the data is in `.`"},
    {"inputs", "has nothing to read", "the data is in `.`"},
    {"input_filename", "has nothing to read", NULL},
    {"input_line_number", "has nothing to read", NULL},
    {"debug", "may not print", "put the value into `outputs:` to see it"},
    {"stderr", "may not print", "put the value into `outputs:` to see it"},
    {"halt", "may not end the engine", "use `error(\"why\")`"},
    {"halt_error", "may not end the engine", "use `error(\"why\")`"},
    {"import", "cannot load modules", NULL},
    {"include", "cannot load modules", NULL},
    {"module", "cannot load modules", NULL},
    {"modulemeta", "cannot load modules", NULL},
    {"get_search_list", "cannot load modules", NULL},
};

/* `{env: 1}` and `{a: 1, env}` only name a key. `braces` tells whether the innermost open bracket
 * is a brace. */
static bool names_key(const struct lex *lex, size_t index, bool braces) {
    if (!braces || index == 0)
        return false;
    if (!lex_is(lex, index - 1, "{") && !lex_is(lex, index - 1, ","))
        return false;
    return lex_is(lex, index + 1, ":") || lex_is(lex, index + 1, ",") ||
           lex_is(lex, index + 1, "}");
}

static int refuse_word(const struct lex *lex, size_t index, const struct lex_origin *origin,
                       struct err *err) {
    struct lex_token word = lex_at(lex, index);
    size_t sign = word.kind == LEX_VARIABLE, reserved = strlen(LEX_RESERVED);
    if (word.length >= sign + reserved &&
        memcmp(lex->text + word.offset + sign, LEX_RESERVED, reserved) == 0)
        return err_at(err, lex_span(origin, lex->text, word.offset, word.length),
                      "names that begin with `" LEX_RESERVED "` belong to the engine");
    for (size_t i = 0; i < sizeof refused_words / sizeof *refused_words; i++) {
        const struct refused *refused = &refused_words[i];
        if (!lex_is(lex, index, refused->word))
            continue;
        struct lex_token token = lex_at(lex, index);
        err_at(err, lex_span(origin, lex->text, token.offset, token.length),
               "`%s` is shut off: an expression %s", refused->word, refused->reason);
        if (refused->hint)
            err_hint(err, "%s", refused->hint);
        return -1;
    }
    return 0;
}

int lex_refuse_words(const struct lex *lex, const struct lex_origin *origin, struct err *err) {
    char open[LEX_DEPTH_MAX + 1] = {0};
    size_t depth = 0;
    for (size_t i = 0; i < lex->tokens.count; i++) {
        struct lex_token token = lex_at(lex, i);
        if (token.kind == LEX_OPEN || token.kind == LEX_STRING_OPEN)
            open[++depth] = lex->text[token.offset];
        else if (token.kind == LEX_CLOSE || token.kind == LEX_STRING_CLOSE)
            depth--;
        bool word = token.kind == LEX_VARIABLE ||
                    (token.kind == LEX_NAME && !names_key(lex, i, open[depth] == '{'));
        if (word && refuse_word(lex, i, origin, err) < 0)
            return -1;
    }
    return 0;
}
