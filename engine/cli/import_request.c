#include "cli/import_request.h"

#include <ctype.h>
#include <string.h>

#include "base/text.h"
#include "cli/import_place.h"
#include "cli/import_shell.h"
#include "value/value.h"

/* ---- addresses ---------------------------------------------------------------------------- */

static int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static char *percent_decode(struct arena *arena, const char *text, size_t length) {
    char *out = arena_strndup(arena, text, length);
    size_t at = 0;
    for (size_t i = 0; i < length; i++) {
        const int high = text[i] == '%' && i + 2 < length ? hex_digit(text[i + 1]) : -1;
        const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
        if (low >= 0 && high * 16 + low >= 0x20 && high * 16 + low < 0x7F) {
            out[at++] = (char)(high * 16 + low);
            i += 2;
        } else {
            out[at++] = text[i] == '+' ? ' ' : text[i];
        }
    }
    out[at] = '\0';
    return out;
}

/* What is behind `?` goes into `query:`, which encodes it, where it holds what an address must
 * not. */
static const char *query_split(struct draft *draft, struct draft_step *step, const char *url) {
    const char *mark = strchr(url, '?');
    if (!mark || (!strpbrk(mark, " \"'{}[]()=~|^<>\\") && !strstr(mark, "?query=")))
        return url;
    if (!strstr(mark, "?query=") && !strpbrk(mark, " \"{}[]|^<>\\"))
        return url;
    for (const char *pair = mark + 1; *pair;) {
        const size_t length = strcspn(pair, "&");
        const char *equals = memchr(pair, '=', length);
        const size_t name = equals ? (size_t)(equals - pair) : length;
        const char *content =
            equals ? percent_decode(draft->arena, equals + 1, length - name - 1) : "";
        if (name > 0)
            *vec_add(&step->query) = (struct pair){percent_decode(draft->arena, pair, name),
                                                   place_template(draft, content)};
        pair += length + (pair[length] == '&');
    }
    return arena_strndup(draft->arena, url, (size_t)(mark - url));
}

static bool is_address(const char *url) {
    return (text_starts_with(url, "http://") || text_starts_with(url, "https://")) &&
           !strpbrk(url, " \t\n\"<>\\^`{}|");
}

/* With a scheme, and a parameter for what a path does not say; NULL where it is none. */
static const char *address_whole(struct draft *draft, const char *target) {
    if (target[0] == '/') {
        const char *param =
            draft_param(draft, "base_url", "string", NULL, "Where the service is, as https://host");
        return param ? arena_printf(draft->arena, "%s%s", draft_template(draft, param),
                                    place_template(draft, target))
                     : NULL;
    }
    if (!strstr(target, "://"))
        target = arena_printf(draft->arena, "http://%s", target);
    const char *authority = strstr(target, "://") + 3;
    if (memchr(authority, '@', strcspn(authority, "/?#")) || !is_address(target) || !*authority ||
        strchr("/?#", *authority))
        return NULL;
    return place_template(draft, target);
}

static void careful_of_request(struct draft *draft, struct draft_step *step) {
    const bool writes = step->method && !text_equal(step->method, "GET") &&
                        !text_equal(step->method, "HEAD") && !text_equal(step->method, "OPTIONS");
    if (text_equal(step->method, "DELETE") ||
        (writes && pattern_has(draft->patterns, PATTERN_DANGER_URL, step->url)))
        step->careful = arena_printf(draft->arena, "Send %s %s?", step->method, step->url);
}

struct draft_step *request_add(struct draft *draft, struct draft_step *group, const char *method,
                               const char *target, uint32_t line) {
    struct draft_step query = {0};
    const char *bare = query_split(draft, &query, target);
    const char *url = address_whole(draft, bare);
    if (!url) {
        vec_release(&query.query);
        return NULL;
    }
    struct draft_step *step = draft_add(draft, group, DRAFT_HTTP, line);
    step->query = query.query;
    step->url = url;
    step->method = method && !text_equal(method, "GET") ? method : NULL;
    if (text_ends_with(bare, "/api/v1/query"))
        *vec_add(&step->outputs) = (struct pair){"result", ".json.data.result"};
    careful_of_request(draft, step);
    return step;
}

static void header_add(struct draft *draft, struct draft_step *step, const char *header,
                       size_t length) {
    const char *colon = memchr(header, ':', length);
    if (!colon)
        return;
    const char *content = colon + 1 + strspn(colon + 1, " \t");
    if (content > header + length)
        content = header + length;
    char *name = arena_strndup(draft->arena, header, (size_t)(colon - header));
    for (char *c = name; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    for (size_t i = 0; i < step->headers.count; i++)
        if (text_equal(step->headers.items[i].name, name))
            return;
    const char *text = arena_strndup(draft->arena, content, (size_t)(header + length - content));
    draft_said(draft, header, length);
    *vec_add(&step->headers) = (struct pair){name, place_template(draft, text)};
}

/* ---- bodies ------------------------------------------------------------------------------- */

/* A number of days that the document fixes is a parameter of the same name. */
static value days_lift(struct draft *draft, value body) {
    value result = value_copy(body);
    value key;
    value item;
    for (size_t i = 0; value_next(body, &i, &key, &item);) {
        int64_t days = 0;
        const char *name = value_text(key);
        if (text_ends_with(name, "Days") && value_as_integer(item, &days)) {
            AUTO_BUF words = BUF_INIT(4096);
            for (const char *c = name; *c; c++)
                buf_printf(&words, isupper((unsigned char)*c) ? "_%c" : "%c", *c);
            const char *param = draft_param(draft, buf_text(&words), "integer",
                                            arena_printf(draft->arena, "%lld", (long long)days),
                                            arena_printf(draft->arena, "%s in the request", name));
            if (param)
                result = value_set(result, name, value_string(draft_template(draft, param)));
        }
        value_free(key);
        value_free(item);
    }
    return result;
}

static void body_set(struct draft *draft, struct draft_step *step, const char *text,
                     size_t length) {
    while (length > 0 && isspace((unsigned char)text[length - 1]))
        length--;
    if (length == 0)
        return;
    const char *body = arena_strndup(draft->arena, text, length);
    const char *templated = place_template(draft, body);
    AUTO_VALUE parsed = value_none();
    if (value_parse(templated, strlen(templated), &parsed, NULL) < 0) {
        step->body = templated;
        return;
    }
    AUTO_VALUE lifted =
        value_is(parsed, VALUE_OBJECT) ? days_lift(draft, parsed) : value_copy(parsed);
    AUTO_TEXT json = value_to_json(lifted);
    step->json = arena_strdup(draft->arena, json);
    for (size_t i = 0; i < step->headers.count; i++)
        if (text_equal(step->headers.items[i].name, "content-type"))
            step->headers.items[i] = *vec_last(&step->headers), step->headers.count--;
}

/* Whether it is a value that a later answer can be held to: no dots in place of something. */
static bool is_definite(value item) {
    if (value_is(item, VALUE_STRING))
        return *value_text(item) && !strstr(value_text(item), "..") &&
               !strpbrk(value_text(item), "<[{") && value_text_length(item) < 60;
    return value_is(item, VALUE_BOOL) || value_is(item, VALUE_NUMBER);
}

bool request_expect(struct draft *draft, struct draft_step *step, const char *json, size_t length) {
    AUTO_VALUE parsed = value_none();
    if (step->kind != DRAFT_HTTP || value_parse(json, length, &parsed, NULL) < 0 ||
        !value_is(parsed, VALUE_OBJECT))
        return false;
    bool any = false;
    value key;
    value item;
    for (size_t i = 0; value_next(parsed, &i, &key, &item);) {
        if (is_definite(item) && text_is_identifier(value_text(key), value_text_length(key))) {
            AUTO_TEXT wanted = value_to_json(item);
            *vec_add(&step->expect) =
                arena_printf(draft->arena, ".json.%s == %s", value_text(key), wanted);
            any = true;
        }
        value_free(key);
        value_free(item);
    }
    return any;
}

/* ---- curl --------------------------------------------------------------------------------- */

struct curl {
    const char *method, *url, *data;
    const char *headers[16];
    size_t header_count;
    const char *timeout;
};

/* One option, with its value where it takes one; false for what a step does not say. */
static bool curl_option(struct curl *curl, char **words, size_t *at) {
    static const char *const plain[] = {"--silent",  "--fail",       "--show-error",    "--include",
                                        "--verbose", "--compressed", "--fail-with-body"};
    const char *word = words[*at];
    if (text_is_among(word, plain, sizeof plain / sizeof *plain) ||
        (word[1] != '-' && strspn(word + 1, "sSfiv") == strlen(word + 1)))
        return true;
    if (text_equal(word, "-I") || text_equal(word, "--head")) {
        curl->method = "HEAD";
        return true;
    }
    const char *content = words[*at + 1];
    if (!content)
        return false;
    (*at)++;
    if (text_equal(word, "-X") || text_equal(word, "--request")) {
        curl->method = content;
    } else if ((text_equal(word, "-H") || text_equal(word, "--header")) && strchr(content, ':') &&
               curl->header_count < sizeof curl->headers / sizeof *curl->headers) {
        curl->headers[curl->header_count++] = content;
    } else if ((text_equal(word, "-d") || text_starts_with(word, "--data") ||
                text_equal(word, "--json")) &&
               !curl->data && content[0] != '@' && !text_equal(word, "--data-urlencode")) {
        curl->data = content;
    } else if ((text_equal(word, "-m") || text_equal(word, "--max-time")) &&
               strspn(content, "0123456789") == strlen(content)) {
        curl->timeout = content;
    } else {
        return false;
    }
    return true;
}

static bool curl_read(struct curl *curl, char **words) {
    static const char *const methods[] = {"GET", "HEAD",  "OPTIONS", "POST",
                                          "PUT", "PATCH", "DELETE"};
    if (!text_equal(words[0], "curl"))
        return false;
    for (size_t i = 1; words[i]; i++) {
        if (words[i][0] == '-' && words[i][1]) {
            if (!curl_option(curl, words, &i))
                return false;
        } else if (curl->url) {
            return false;
        } else {
            curl->url = words[i];
        }
    }
    if (!curl->method)
        curl->method = curl->data ? "POST" : "GET";
    return curl->url && text_is_among(curl->method, methods, sizeof methods / sizeof *methods);
}

/* `| jq '.a'`: an output; `| jq .` only shows. False where the pipe does anything else. */
static bool pipe_read(struct draft *draft, const char *text, size_t length, const char **ret_jq) {
    char **words = NULL;
    *ret_jq = NULL;
    if (!shell_words(text, length, &words))
        return false;
    bool known = text_equal(words[0], "json_pp");
    if (text_equal(words[0], "jq")) {
        size_t at = 1;
        while (words[at] && (text_equal(words[at], "-r") || text_equal(words[at], "-e")))
            at++;
        known = !words[at] || !words[at + 1];
        if (known && words[at] && !text_equal(words[at], "."))
            *ret_jq = arena_strdup(draft->arena, words[at]);
    }
    shell_words_free(words);
    return known;
}

static struct draft_step *curl_step(struct draft *draft, struct draft_step *group,
                                    const struct curl *curl, const char *jq, uint32_t line) {
    const char *url = arena_strdup(draft->arena, curl->url);
    struct draft_step *step =
        request_add(draft, group, arena_strdup(draft->arena, curl->method), url, line);
    if (!step)
        return NULL;
    for (size_t i = 0; i < curl->header_count; i++)
        header_add(draft, step, curl->headers[i], strlen(curl->headers[i]));
    if (curl->data)
        body_set(draft, step, curl->data, strlen(curl->data));
    if (curl->timeout)
        step->timeout = arena_printf(draft->arena, "%ss", curl->timeout);
    if (jq) {
        vec_release(&step->outputs);
        *vec_add(&step->outputs) =
            (struct pair){"result", arena_printf(draft->arena, ".json | %s", jq)};
    }
    return step;
}

struct draft_step *request_from_curl(struct draft *draft, struct draft_step *group,
                                     const char *text, size_t length, uint32_t line) {
    if (length < 6 || memcmp(text, "curl ", 5) != 0)
        return NULL;
    const size_t pipe = shell_pipe(text, length);
    const char *jq = NULL;
    char **words = NULL;
    if ((pipe < length && !pipe_read(draft, text + pipe + 1, length - pipe - 1, &jq)) ||
        !shell_words(text, pipe, &words))
        return NULL;
    struct curl curl = {0};
    struct draft_step *step =
        curl_read(&curl, words) ? curl_step(draft, group, &curl, jq, line) : NULL;
    shell_words_free(words);
    if (step)
        draft_said(draft, text, length);
    return step;
}

/* ---- statements --------------------------------------------------------------------------- */

struct draft_step *statements_add(struct draft *draft, struct draft_step *group, const char *sql,
                                  uint32_t line) {
    struct draft_step *step = draft_add(draft, group, DRAFT_SQL, line);
    step->text = plain_of(draft, sql);
    step->outside_transaction = pattern_has(draft->patterns, PATTERN_OUTSIDE_TRANSACTION, sql);
    draft->has_database = true;
    draft_export(draft, "database_url", "DATABASE_URL");
    return step;
}

struct draft_step *request_from_psql(struct draft *draft, struct draft_step *group,
                                     const char *text, size_t length, uint32_t line) {
    struct match_found found;
    char **words = NULL;
    if (!pattern_find(draft->patterns, PATTERN_PSQL, text, length, 0, &found) ||
        !shell_words(text + found.end, length - found.end, &words))
        return NULL;
    struct draft_step *step = NULL;
    if (!words[1] && words[0][0] != '\\' && words[0][strspn(words[0], " \n\t")] != '\0') {
        const char *sql = words[0] + strspn(words[0], " \n\t");
        step = statements_add(draft, group, arena_strdup(draft->arena, sql), line);
        draft_said(draft, text, length);
    }
    shell_words_free(words);
    return step;
}

/* ---- HTTP as it is written down ----------------------------------------------------------- */

struct http_reader {
    struct draft *draft;
    struct draft_step *group;
    struct draft_step *step; /* the request being read, or NULL */
    const char *title;
    bool in_body;
    struct buf body;
    bool any;
};

static void http_end(struct http_reader *reader) {
    if (reader->step)
        body_set(reader->draft, reader->step, buf_text(&reader->body), reader->body.length);
    buf_clear(&reader->body);
    reader->step = NULL;
    reader->in_body = false;
}

static void wants_authorization(struct draft *draft, struct draft_step *step, const char *note) {
    for (size_t i = 0; i < step->headers.count; i++)
        if (text_equal(step->headers.items[i].name, "authorization"))
            return;
    if (!strstr(note, "auth"))
        return;
    *vec_add(&step->headers) =
        (struct pair){"authorization", arena_printf(draft->arena, "Bearer %s",
                                                    draft_secret(draft, "api_token", "API_TOKEN"))};
}

static void http_request_line(struct http_reader *reader, const char *text, size_t length,
                              uint32_t line) {
    struct draft *draft = reader->draft;
    http_end(reader);
    const char *at = text + strspn(text, " \t");
    const size_t method = strcspn(at, " \t");
    const char *target = at + method + strspn(at + method, " \t");
    const size_t width = strcspn(target, " \t\n");
    const char *note = target + width;
    const char *rest = arena_strndup(draft->arena, note, (size_t)(text + length - note));
    draft_said(draft, at, method);
    reader->step = request_add(draft, reader->group, arena_strndup(draft->arena, at, method),
                               arena_strndup(draft->arena, target, width), line);
    rest += strspn(rest, " \t");
    if (text_starts_with(rest, "HTTP/"))
        rest += strcspn(rest, " ");
    rest += strspn(rest, " #/");
    if (!reader->step)
        return;
    reader->any = true;
    reader->step->title = reader->title;
    reader->title = NULL;
    if (*rest) {
        *vec_add(&reader->step->comments) = plain_of(draft, rest);
        wants_authorization(draft, reader->step, rest);
    }
}

static void http_line(struct http_reader *reader, const char *text, size_t length, uint32_t line) {
    struct draft *draft = reader->draft;
    struct match_found found;
    const size_t blank = strspn(text, " \t");
    if (pattern_find(draft->patterns, PATTERN_HTTP_LINE, text, length, 0, &found)) {
        http_request_line(reader, text, length, line);
    } else if (reader->body.length == 0 &&
               (text[blank] == '#' || strncmp(text + blank, "//", 2) == 0)) {
        const char *title = arena_strndup(draft->arena, text + blank, length - blank);
        title += strspn(title, "#/ ");
        if (*title)
            reader->title = title_of(draft, title);
    } else if (reader->step && !reader->in_body && blank >= length) {
        reader->in_body = reader->step->method != NULL;
    } else if (reader->step && !reader->in_body && text[blank] != '{' &&
               pattern_find(draft->patterns, PATTERN_HTTP_HEADER, text + blank, length - blank, 0,
                            &found)) {
        header_add(draft, reader->step, text + blank, length - blank);
    } else if (reader->step && reader->step->method && blank < length) {
        reader->in_body = true;
        buf_append(&reader->body, text, length);
        buf_putc(&reader->body, '\n');
    } else if (blank < length) {
        *vec_add(&reader->group->comments) =
            plain_of(draft, arena_strndup(draft->arena, text, length));
    }
}

void requests_from_http(struct draft *draft, struct draft_step *group, const struct block *block) {
    struct http_reader reader = {.draft = draft, .group = group, .body = BUF_INIT(SOURCE_MAX)};
    uint32_t line = block->line + (*block->info != '\0');
    for (const char *at = block->text; *at; line++) {
        const size_t length = strcspn(at, "\n");
        http_line(&reader, at, length, line);
        at += length + (at[length] == '\n');
    }
    if (reader.title)
        *vec_add(&group->comments) = reader.title;
    http_end(&reader);
    buf_release(&reader.body);
}

/* ---- PromQL ------------------------------------------------------------------------------- */

static void promql_add(struct draft *draft, struct draft_step *group, struct buf *query,
                       const char *title, uint32_t line) {
    while (query->length > 0 && query->data[query->length - 1] == ' ')
        query->data[--query->length] = '\0';
    if (query->length == 0) {
        if (title)
            *vec_add(&group->comments) = title;
        return;
    }
    const char *url = draft_param(draft, "prometheus_url", "string", "http://localhost:9090",
                                  "Where Prometheus is");
    struct draft_step *step = draft_add(draft, group, DRAFT_HTTP, line);
    step->url = arena_printf(draft->arena, "%s/api/v1/query",
                             url ? draft_template(draft, url) : "http://localhost:9090");
    step->title = title;
    *vec_add(&step->query) =
        (struct pair){"query", place_template(draft, arena_strdup(draft->arena, buf_text(query)))};
    *vec_add(&step->outputs) = (struct pair){"result", ".json.data.result"};
    buf_clear(query);
}

void requests_from_promql(struct draft *draft, struct draft_step *group,
                          const struct block *block) {
    AUTO_BUF query = BUF_INIT(SOURCE_MAX);
    const char *title = NULL;
    uint32_t line = block->line + (*block->info != '\0');
    for (const char *at = block->text; *at; line++) {
        const size_t length = strcspn(at, "\n");
        const size_t blank = strspn(at, " \t");
        if (blank >= length || at[blank] == '#') {
            if (query.length > 0 || (title && at[blank] == '#')) {
                promql_add(draft, group, &query, title, line);
                title = NULL;
            }
            if (blank < length)
                title = title_of(draft, arena_strndup(draft->arena, at + blank, length - blank));
        } else {
            buf_append(&query, at + blank, length - blank);
            buf_putc(&query, ' ');
        }
        at += length + (at[length] == '\n');
    }
    promql_add(draft, group, &query, title, line);
}
