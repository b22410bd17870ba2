/* Secrets in a document: found, named after what is around them, and replaced by marks. */
#include <ctype.h>
#include <string.h>

#include "base/map.h"
#include "base/text.h"
#include "base/vec.h"
#include "cli/import_source.h"

#define WINDOW ((size_t)2048) /* of a line, so that no line costs more than its length */
#define SECRETS_MOST 500      /* those behind it share a name */
#define EVERYWHERE_MOST 64    /* values that are looked for in the whole document */
#define EVERYWHERE_LENGTH ((size_t)6)

struct found {
    char *value;
    size_t length;
};

struct hiding {
    struct source *source;
    const struct patterns *patterns;
    struct map *by_value; /* index + 1 */
    struct map *names;
    VEC(struct secret) secrets;
    VEC(struct found) values;
    struct buf out;
};

struct rule {
    enum pattern pattern;
    const char *name; /* what it is called where nothing says better */
};

static const struct rule rules[] = {
    {PATTERN_SECRET_URL, "connection_url"}, {PATTERN_SECRET_VARIABLE, "secret"},
    {PATTERN_SECRET_TOKEN, "api_key"},      {PATTERN_SECRET_BEARER, "token"},
    {PATTERN_SECRET_HEADER, "token"},       {PATTERN_SECRET_USER, "password"},
    {PATTERN_SECRET_OPTION, "password"},    {PATTERN_SECRET_TOLD, "password"},
    {PATTERN_SECRET_SETTING, "password"},
};

static const char *name_of_url(const char *url) {
    static const char *const schemes[][2] = {
        {"postgres", "database_url"}, {"mysql", "database_url"}, {"mongodb", "mongodb_url"},
        {"redis", "redis_url"},       {"amqp", "amqp_url"},      {"smtp", "smtp_url"}};
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (text_starts_with(url, schemes[i][0]))
            return schemes[i][1];
    return "connection_url";
}

static const char *name_of_token(const char *token) {
    static const char *const prefixes[][2] = {
        {"gh", "github_token"},        {"glpat", "gitlab_token"},  {"xox", "slack_token"},
        {"AKIA", "aws_access_key_id"}, {"AIza", "google_api_key"}, {"eyJ", "token"},
        {"SG.", "sendgrid_api_key"},   {"npm_", "npm_token"},      {"sk_", "stripe_api_key"},
        {"rk_", "stripe_api_key"}};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (text_starts_with(token, prefixes[i][0]))
            return prefixes[i][1];
    return "api_key";
}

/* The name of the variable in front of `=`, where the value at `start` is assigned to one. */
static char *name_of_variable(const char *line, size_t start) {
    size_t end = start;
    while (end > 0 && strchr("\"'", line[end - 1]))
        end--;
    if (end == 0 || line[end - 1] != '=')
        return NULL;
    size_t begin = --end;
    while (begin > 0 && (isalnum((unsigned char)line[begin - 1]) || line[begin - 1] == '_'))
        begin--;
    if (begin == end || isdigit((unsigned char)line[begin]) || end - begin > 60)
        return NULL;
    char *name = mem_strndup(line + begin, end - begin);
    for (char *c = name; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    return name;
}

/* `[session cookie]` and `<token>` say themselves what goes there. */
static char *name_of_place(const char *value, size_t length) {
    if (length < 4 || length > 40 || !strchr("[<{", value[0]))
        return NULL;
    char *name = mem_strndup(value + 1, length - 2);
    for (char *c = name; *c; c++)
        *c = isalnum((unsigned char)*c) ? (char)tolower((unsigned char)*c) : '_';
    if (isalpha((unsigned char)name[0]))
        return name;
    mem_free(name);
    return NULL;
}

static char *name_of(const struct rule *rule, const char *line, size_t start, size_t length) {
    char *name = name_of_variable(line, start);
    if (!name)
        name = name_of_place(line + start, length);
    if (name)
        return name;
    if (rule->pattern == PATTERN_SECRET_URL)
        return mem_strdup(name_of_url(line + start));
    if (rule->pattern == PATTERN_SECRET_TOKEN)
        return mem_strdup(name_of_token(line + start));
    return mem_strdup(rule->name);
}

static size_t secret_index(struct hiding *hiding, const struct rule *rule, const char *line,
                           size_t start, size_t length) {
    AUTO_TEXT value = mem_strndup(line + start, length);
    AUTO_TEXT wanted = name_of(rule, line, start, length);
    /* An example such as <random> stands for something else in each variable. */
    AUTO_TEXT key = mem_printf("%s%s", strpbrk(value, "<[.") ? wanted : "", value);
    const void *known = map_get(hiding->by_value, key);
    if (known)
        return (size_t)known - 1;
    if (hiding->secrets.count >= SECRETS_MOST)
        return SECRETS_MOST - 1;
    AUTO_TEXT name = mem_strdup(wanted);
    for (size_t i = 2; map_get(hiding->names, name); i++) {
        mem_free(name);
        name = mem_printf("%s_%zu", wanted, i);
    }
    struct secret *secret = vec_add(&hiding->secrets);
    secret->name = arena_strdup(hiding->source->arena, name);
    char *env = arena_strdup(hiding->source->arena, name);
    for (char *c = env; *c; c++)
        *c = (char)toupper((unsigned char)*c);
    secret->env = env;
    map_put(hiding->names, name, (void *)(uintptr_t)hiding->secrets.count);
    map_put(hiding->by_value, key, (void *)(uintptr_t)hiding->secrets.count);
    struct found *found = vec_add(&hiding->values);
    found->value = mem_strdup(value);
    found->length = length;
    return hiding->secrets.count - 1;
}

/* Where the value begins and ends: of a variable's match it is what stands behind `=`. */
static void value_bounds(const struct rule *rule, const char *line, struct match_found *found) {
    if (rule->pattern != PATTERN_SECRET_VARIABLE)
        return;
    found->group_start = found->group_end + 1;
    found->group_end = found->end;
    if (strchr("\"'", line[found->group_start])) {
        found->group_start++;
        found->group_end--;
    }
}

static bool is_secret(const struct hiding *hiding, const struct rule *rule, const char *line,
                      const struct match_found *found) {
    const size_t length = found->group_end - found->group_start;
    if (!found->has_group || length == 0 || memchr(line + found->group_start, SECRET_MARK, length))
        return false;
    struct match_found none;
    return rule->pattern == PATTERN_SECRET_VARIABLE || rule->pattern == PATTERN_SECRET_HEADER ||
           !pattern_find(hiding->patterns, PATTERN_NO_SECRET, line + found->group_start, length, 0,
                         &none);
}

static void hide_by_rule(struct hiding *hiding, const struct rule *rule, struct buf *line) {
    AUTO_BUF out = BUF_INIT(4 * SOURCE_MAX);
    const char *text = buf_text(line);
    size_t at = 0;
    size_t from = 0;
    struct match_found found;
    while (pattern_find(hiding->patterns, rule->pattern, text, line->length, from, &found)) {
        value_bounds(rule, text, &found);
        from = found.end > from ? found.end : from + 1;
        if (!is_secret(hiding, rule, text, &found))
            continue;
        const size_t index = secret_index(hiding, rule, text, found.group_start,
                                          found.group_end - found.group_start);
        buf_append(&out, text + at, found.group_start - at);
        buf_printf(&out, "%c%zu%c", SECRET_MARK, index, SECRET_MARK);
        at = found.group_end;
    }
    if (at == 0)
        return;
    buf_append(&out, text + at, line->length - at);
    buf_clear(line);
    buf_append(line, buf_text(&out), out.length);
}

static void hide_window(struct hiding *hiding, const char *text, size_t length) {
    AUTO_BUF line = BUF_INIT(4 * SOURCE_MAX);
    buf_append(&line, text, length);
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        hide_by_rule(hiding, &rules[i], &line);
    buf_append(&hiding->out, buf_text(&line), line.length);
}

/* The lines of a private key between its BEGIN and END, which go whole. */
static bool hide_key_line(struct hiding *hiding, const char *line, size_t length, bool *in_key) {
    static const struct rule rule = {PATTERN_SECRET_SETTING, "private_key"};
    const bool marker = length > 20 && memmem(line, length, "PRIVATE KEY-----", 16);
    if (marker) {
        *in_key = memmem(line, length, "-----BEGIN ", 11) != NULL;
        return false;
    }
    size_t start = 0;
    while (start < length && isblank((unsigned char)line[start]))
        start++;
    if (!*in_key || start == length || length > 200 || memchr(line + start, ' ', length - start)) {
        *in_key = *in_key && start == length;
        return false;
    }
    const size_t index = secret_index(hiding, &rule, line, start, length - start);
    buf_append(&hiding->out, line, start);
    buf_printf(&hiding->out, "%c%zu%c", SECRET_MARK, index, SECRET_MARK);
    return true;
}

static void hide_line(struct hiding *hiding, const char *line, size_t length) {
    while (length > WINDOW) {
        size_t width = WINDOW;
        while (width > WINDOW / 2 && !isspace((unsigned char)line[width]))
            width--;
        hide_window(hiding, line, width);
        line += width;
        length -= width;
    }
    hide_window(hiding, line, length);
}

/* A value that was found once is hidden wherever else it stands. */
static void hide_everywhere(struct hiding *hiding, struct buf *text) {
    for (size_t i = 0; i < hiding->values.count && i < EVERYWHERE_MOST; i++) {
        const struct found *found = &hiding->values.items[i];
        if (found->length < EVERYWHERE_LENGTH || strchr("[<{.", found->value[0]))
            continue;
        struct buf out = BUF_INIT(4 * SOURCE_MAX);
        const char *at = buf_text(text);
        const char *end = at + text->length;
        const char *hit = NULL;
        while ((hit = memmem(at, (size_t)(end - at), found->value, found->length))) {
            buf_append(&out, at, (size_t)(hit - at));
            buf_printf(&out, "%c%zu%c", SECRET_MARK, i, SECRET_MARK);
            at = hit + found->length;
        }
        if (out.length == 0) {
            continue;
        }
        buf_append(&out, at, (size_t)(end - at));
        buf_release(text);
        *text = out;
    }
}

static void hiding_end(struct hiding *hiding) {
    struct source *source = hiding->source;
    source->secret_count = hiding->secrets.count;
    source->secrets =
        arena_alloc(source->arena, (hiding->secrets.count + 1) * sizeof *source->secrets);
    if (hiding->secrets.count > 0)
        memcpy(source->secrets, hiding->secrets.items,
               hiding->secrets.count * sizeof *source->secrets);
    for (size_t i = 0; i < hiding->values.count; i++)
        mem_wipe_free(hiding->values.items[i].value, hiding->values.items[i].length);
    vec_release(&hiding->values);
    vec_release(&hiding->secrets);
    map_free(hiding->by_value);
    map_free(hiding->names);
}

void source_hide(struct source *source, const struct patterns *patterns, struct buf *text) {
    struct hiding hiding = {.source = source,
                            .patterns = patterns,
                            .by_value = map_new(),
                            .names = map_new(),
                            .out = BUF_INIT(4 * SOURCE_MAX)};
    bool in_key = false;
    const char *line = buf_text(text);
    for (const char *end = line + text->length; line < end;) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        const size_t length = (size_t)((stop ? stop : end) - line);
        if (!hide_key_line(&hiding, line, length, &in_key))
            hide_line(&hiding, line, length);
        buf_putc(&hiding.out, '\n');
        line += length + 1;
    }
    buf_release(text);
    *text = hiding.out;
    hide_everywhere(&hiding, text);
    hiding_end(&hiding);
}
