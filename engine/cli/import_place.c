#include "cli/import_place.h"

#include <ctype.h>
#include <string.h>

#include "base/text.h"
#include "cli/import_shell.h"
#include "value/template.h"

/* What stands for a value at some place: its length, and what goes there. */
struct place {
    size_t length;
    const char *name, *type, *fallback;
    const char *origin; /* as the document has it */
};

static const enum pattern places[] = {
    PATTERN_PLACE_BRACKETS, PATTERN_PLACE_ANGLES,  PATTERN_PLACE_BRACES, PATTERN_PLACE_STAMP,
    PATTERN_PLACE_YOUR,     PATTERN_PLACE_VERSION, PATTERN_PLACE_NAME,
};

static const char *place_name(const struct draft *draft, enum pattern which, const char *text,
                              const struct match_found *found) {
    if (which == PATTERN_PLACE_STAMP)
        return found->end - found->start > 10 ? "stamp" : "date";
    if (which == PATTERN_PLACE_VERSION)
        return "version";
    return arena_strndup(draft->arena, text + found->group_start,
                         found->group_end - found->group_start);
}

/* Whether something could stand here, before it is looked for in earnest. */
static bool may_begin(const char *text, size_t at) {
    const char c = text[at];
    if (strchr("[<{", c))
        return true;
    if (at > 0 && isalnum((unsigned char)text[at - 1]))
        return false;
    return strchr("YvV2", c) || strchr("yYmbschpdirv", c);
}

static bool place_find(const struct draft *draft, const char *text, size_t length, size_t at,
                       bool shell, struct place *ret) {
    if (!may_begin(text, at))
        return false;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        struct match_found found;
        /* Braces are the shell's own, and a bracket within a word is a pattern of its. */
        if (shell &&
            (places[i] == PATTERN_PLACE_BRACES ||
             (places[i] == PATTERN_PLACE_BRACKETS && at > 0 && !strchr(" \"'/=:@", text[at - 1]))))
            continue;
        if (!pattern_find(draft->patterns, places[i], text, length, at, &found) ||
            found.start != at || found.end == at)
            continue;
        *ret = (struct place){.length = found.end - at,
                              .name = place_name(draft, places[i], text, &found),
                              .type = "string"};
        ret->origin = arena_printf(draft->arena, "Stands for %.*s", (int)ret->length, text + at);
        return true;
    }
    return false;
}

/* `-mtime +30`: how long something is kept. */
static bool days_find(const struct draft *draft, const char *text, size_t length, size_t at,
                      struct place *ret) {
    struct match_found found;
    if (at < 8 || text[at - 1] != '+' || !isdigit((unsigned char)text[at]) ||
        memcmp(text + at - 3, "e +", 3) != 0 ||
        !pattern_find(draft->patterns, PATTERN_KEEP_DAYS, text, length, at - 9, &found) ||
        found.group_start != at)
        return false;
    *ret = (struct place){.length = found.group_end - at, .name = "keep_days", .type = "integer"};
    ret->fallback = arena_strndup(draft->arena, text + at, ret->length);
    ret->origin = arena_printf(draft->arena, "How many days it is kept: %s", ret->fallback);
    return true;
}

/* ---- commands ----------------------------------------------------------------------------- */

struct placing {
    struct draft *draft;
    struct draft_step *step;
    const char *text;
    size_t length;
    struct buf out;
    struct shell_state state;
    struct map *set;   /* variables that the commands set themselves */
    struct map *names; /* variables by parameter */
};

static void env_set(struct draft_step *step, const char *name, const char *text) {
    for (size_t i = 0; i < step->env.count; i++)
        if (text_equal(step->env.items[i].name, name))
            return;
    *vec_add(&step->env) = (struct pair){name, text};
}

/* The variable, quoted so that it is one word where it stands. */
static void variable_put(struct placing *placing, const char *name, char next) {
    const bool joined = isalnum((unsigned char)next) || next == '_';
    if (shell_is_single(&placing->state))
        buf_printf(&placing->out, "'\"$%s\"'", name);
    else if (shell_is_double(&placing->state) || placing->state.here_open)
        buf_printf(&placing->out, joined ? "${%s}" : "$%s", name);
    else
        buf_printf(&placing->out, "\"$%s\"", name);
}

/* A variable of the commands' own must not be taken. */
static const char *variable_name(const struct placing *placing, const char *param) {
    const char *known = map_get(placing->names, param);
    if (known)
        return known;
    const char *name = upper_of(placing->draft->arena, param);
    const size_t length = strlen(name);
    for (const char *at = placing->text; (at = strstr(at, name)); at += length)
        if ((at > placing->text && (at[-1] == '$' || at[-1] == '{')) || at[length] == '=') {
            name = arena_printf(placing->draft->arena, "THE_%s", name);
            break;
        }
    map_put(placing->names, param, (void *)name);
    return name;
}

static size_t secret_put(struct placing *placing, size_t at) {
    size_t width = 0;
    const struct secret *secret =
        source_secret(placing->draft->document->source, placing->text + at, &width);
    if (!secret)
        return 0;
    draft_export(placing->draft, secret->name, secret->env);
    variable_put(placing, secret->env, placing->text[at + width]);
    return width;
}

/* A line that tells how a script is called names no value of its own. */
static bool is_usage(const struct placing *placing, size_t at) {
    if (placing->text[at] != '<' && placing->text[at] != '[')
        return false;
    const char *begin = placing->text + at;
    while (begin > placing->text && begin[-1] != '\n' && placing->text + at - begin < 200)
        begin--;
    return memmem(begin, (size_t)(placing->text + at - begin), "sage:", 5) != NULL;
}

static size_t place_put(struct placing *placing, size_t at) {
    struct place place;
    if (placing->state.comment || is_usage(placing, at) ||
        (placing->state.here_open && placing->state.here_quoted) ||
        (!place_find(placing->draft, placing->text, placing->length, at, true, &place) &&
         !days_find(placing->draft, placing->text, placing->length, at, &place)))
        return 0;
    const char *param =
        draft_param(placing->draft, place.name, place.type, place.fallback, place.origin);
    if (!param)
        return 0;
    const char *name = variable_name(placing, param);
    env_set(placing->step, name, draft_template(placing->draft, param));
    variable_put(placing, name, placing->text[at + place.length]);
    return place.length;
}

static bool is_name(char c) {
    return isalnum((unsigned char)c) || c == '_';
}

/* Each word that is assigned to, that a loop runs with, or that is read into. */
static void find_settings(struct placing *placing) {
    const char *before = "";
    size_t before_length = 0;
    for (const char *at = placing->text; *at;) {
        if (!is_name(*at)) {
            at++;
            continue;
        }
        const char *word = at;
        while (is_name(*at))
            at++;
        const size_t length = (size_t)(at - word);
        const bool begins = word == placing->text || !strchr("${", word[-1]);
        const bool led = (before_length == 3 && memcmp(before, "for", 3) == 0) ||
                         (before_length == 4 && memcmp(before, "read", 4) == 0);
        if (begins && length < 64 && (led || *at == '=' || (*at == '+' && at[1] == '='))) {
            AUTO_TEXT name = mem_strndup(word, length);
            map_put(placing->set, name, placing);
        }
        if (!(length == 1 && word > placing->text && word[-1] == '-')) {
            before = word;
            before_length = length;
        }
    }
}

/* A variable that comes from outside: a secret by its name, or something that must be there. */
static void variable_use(struct placing *placing, size_t at) {
    static const char *const known[] = {"HOME",    "USER",     "PATH", "PWD",    "OLDPWD", "SHELL",
                                        "UID",     "HOSTNAME", "LANG", "RANDOM", "IFS",    "TMPDIR",
                                        "SECONDS", "LINENO",   "EUID", "PPID",   "OSTYPE", "REPLY"};
    size_t begin = at + 1 + (placing->text[at + 1] == '{');
    size_t end = begin;
    while (isalnum((unsigned char)placing->text[end]) || placing->text[end] == '_')
        end++;
    if (end == begin || isdigit((unsigned char)placing->text[begin]) || end - begin > 64 ||
        (placing->text[end] == ':' && placing->text[begin - 1] == '{'))
        return;
    struct draft *draft = placing->draft;
    const char *name = arena_strndup(draft->arena, placing->text + begin, end - begin);
    if (text_is_among(name, known, sizeof known / sizeof *known) ||
        text_starts_with(name, "RUNBOOK_") || text_starts_with(name, "BASH") ||
        map_get(placing->set, name))
        return;
    if (pattern_has(draft->patterns, PATTERN_SECRET_NAME, name)) {
        const char *secret = slug_make(draft->arena, name, '_');
        draft_export(draft, secret, name);
        return;
    }
    for (size_t i = 0; i < placing->step->env.count; i++)
        if (text_equal(placing->step->env.items[i].name, name))
            return;
    if (draft->required_env.count < 100 &&
        !text_is_among(name, draft->required_env.items, draft->required_env.count))
        *vec_add(&draft->required_env) = name;
}

/* `NAME="$NAME" command`: the step's environment says that already. */
static void settings_drop(struct draft *draft, struct draft_step *step, struct buf *out) {
    const char *name = NULL;
    void *exported = NULL;
    (void)step;
    for (size_t i = 0; map_next(draft->exported, &i, &name, &exported);) {
        AUTO_TEXT setting = mem_printf("%s=\"$%s\" ", name, name);
        const char *at = NULL;
        while ((at = strstr(buf_text(out), setting))) {
            const char *rest = arena_strdup(draft->arena, at + strlen(setting));
            AUTO_TEXT before = mem_strndup(buf_text(out), (size_t)(at - buf_text(out)));
            buf_clear(out);
            buf_puts(out, before);
            buf_puts(out, rest);
        }
    }
}

const char *place_commands(struct draft *draft, struct draft_step *step, const char *text) {
    struct placing placing = {.draft = draft,
                              .step = step,
                              .text = text,
                              .length = strlen(text),
                              .out = BUF_INIT(4 * SOURCE_MAX),
                              .state = shell_begin(),
                              .set = map_new(),
                              .names = map_new()};
    find_settings(&placing);
    for (size_t at = 0; at < placing.length;) {
        size_t width =
            text[at] == SECRET_MARK && placing.state.comment ? 0 : secret_put(&placing, at);
        if (!width)
            width = place_put(&placing, at);
        if (!width && text[at] == '$' && !placing.state.comment &&
            !shell_is_single(&placing.state) && !placing.state.escaped)
            variable_use(&placing, at);
        if (!width) {
            buf_putc(&placing.out, text[at]);
            width = 1;
        }
        for (size_t i = 0; i < width; i++)
            shell_feed(&placing.state, text, at + i);
        at += width;
    }
    settings_drop(draft, step, &placing.out);
    const char *result = source_plain(draft->document->source, draft->arena, buf_text(&placing.out),
                                      placing.out.length);
    buf_release(&placing.out);
    map_free(placing.set);
    map_free(placing.names);
    return result;
}

/* ---- templates ---------------------------------------------------------------------------- */

#define BARE_MAX 64 /* bytes that are looked at behind braces */

/* What would be read as a template, or taken for one, as text. Returns how much of it was put. */
static size_t put_literal(struct buf *out, const char *text) {
    size_t at = 1;
    if (strncmp(text, "${{", 3) == 0) {
        buf_puts(out, "$${{");
        return 3;
    }
    if (*text == '{' && template_find_bare(text, strnlen(text, BARE_MAX), &at) && at == 0) {
        buf_puts(out, "${{ \"{{\" }}");
        return 2;
    }
    buf_putc(out, *text);
    return 1;
}

const char *place_template(struct draft *draft, const char *text) {
    AUTO_BUF out = BUF_INIT(4 * SOURCE_MAX);
    const size_t length = strlen(text);
    for (size_t at = 0; at < length;) {
        size_t width = 0;
        struct place place;
        const struct secret *secret = source_secret(draft->document->source, text + at, &width);
        const char *param = NULL;
        if (secret) {
            buf_puts(&out, draft_secret(draft, secret->name, secret->env));
            at += width;
        } else if (place_find(draft, text, length, at, false, &place) &&
                   (param =
                        draft_param(draft, place.name, place.type, place.fallback, place.origin))) {
            buf_puts(&out, draft_template(draft, param));
            at += place.length;
        } else {
            at += put_literal(&out, text + at);
        }
    }
    return arena_strndup(draft->arena, buf_text(&out), out.length);
}

const char *place_prose(const struct draft *draft, const char *text) {
    const char *plain = plain_of(draft, text);
    if (!strstr(plain, "{{"))
        return plain;
    AUTO_BUF out = BUF_INIT(8 * SOURCE_MAX);
    while (*plain)
        plain += put_literal(&out, plain);
    return arena_strndup(draft->arena, buf_text(&out), out.length);
}
