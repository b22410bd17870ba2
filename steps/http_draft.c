#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "http_step.h"

#define URL_MAX ((size_t)64 << 10)
#define FORM_MAX ((size_t)64 << 20)
#define SHOWN_MAX ((size_t)1 << 20)

/* ---- texts that may hold secrets ------------------------------------------------------------- */

static const char *draft_keep(struct http_draft *draft, char *text_taken) {
    *vec_add(&draft->texts) = text_taken;
    return text_taken;
}

void http_draft_release(struct http_draft *draft) {
    for (size_t i = 0; i < draft->texts.count; i++)
        mem_wipe_free(draft->texts.items[i], strlen(draft->texts.items[i]));
    vec_release(&draft->texts);
    vec_release(&draft->headers);
}

/* A value that stands for one word: nothing and containers are refused, as an empty or odd word
 * in a request is worse than none. */
static int word_of(value item, const char *what, const char *name, char **ret, struct err *err) {
    switch (value_kind(item)) {
    case VALUE_NONE:
    case VALUE_NULL:
        return err_set(err, ERR_INVALID, "%s `%s` is null", what, name);
    case VALUE_ARRAY:
    case VALUE_OBJECT:
        return err_set(err, ERR_INVALID, "%s `%s` is a list or mapping, not a text", what, name);
    case VALUE_BOOL:
    case VALUE_NUMBER:
        break;
    case VALUE_STRING:
        if (strlen(value_text(item)) != value_text_length(item))
            return err_set(err, ERR_INVALID, "%s `%s` holds a NUL byte", what, name);
        break;
    }
    *ret = value_to_text(item);
    return 0;
}

static int render_word(struct step_ctx *ctx, struct http_draft *draft, const struct template *tmpl,
                       const char *what, const char *name, const char **ret, struct err *err) {
    AUTO_VALUE item = value_none();
    char *text = NULL;
    if (!tmpl)
        return 0;
    if (step_render(ctx, tmpl, &item, err) < 0)
        return err_wrap(err, "%s `%s`", what, name);
    if (word_of(item, what, name, &text, err) < 0)
        return -1;
    *ret = draft_keep(draft, text);
    return 0;
}

/* ---- query and form ----------------------------------------------------------------------------
 */

static int pair_append(struct buf *out, const char *what, const char *name, value item,
                       struct err *err) {
    char *word = NULL;
    if (word_of(item, what, name, &word, err) < 0)
        return -1;
    AUTO_TEXT key = http_escape(name, strlen(name));
    AUTO_TEXT text = http_escape(word, strlen(word));
    mem_wipe_free(word, strlen(word));
    if (out->length && !strchr("?&", out->data[out->length - 1]))
        buf_putc(out, '&');
    buf_printf(out, "%s=%s", key, text);
    if (out->overflow)
        return err_set(err, ERR_LIMIT, "%s is larger than %zu bytes", what, out->ceiling);
    return 0;
}

static int list_append(struct buf *out, const char *what, const char *name, value list,
                       struct err *err) {
    for (size_t i = 0; i < value_count(list); i++) {
        AUTO_VALUE item = value_at(list, i);
        if (pair_append(out, what, name, item, err) < 0)
            return -1;
    }
    return 0;
}

static int pairs_append(struct step_ctx *ctx, struct buf *out, const char *what,
                        const struct field_map *map, struct err *err) {
    for (size_t i = 0; i < map->count; i++) {
        AUTO_VALUE item = value_none();
        const char *name = map->keys[i];
        if (step_render(ctx, FIELD_AT(struct template *, map, i), &item, err) < 0)
            return err_wrap(err, "%s `%s`", what, name);
        int done = value_is(item, VALUE_ARRAY) ? list_append(out, what, name, item, err)
                                               : pair_append(out, what, name, item, err);
        if (done < 0)
            return -1;
    }
    return 0;
}

/* The query goes behind what the URL has of it, and before a fragment, which is never sent. */
static int draft_url(struct step_ctx *ctx, struct http_draft *draft,
                     const struct http_fields *fields, struct err *err) {
    const char *url = "";
    if (render_word(ctx, draft, fields->url, "the field", "url", &url, err) < 0)
        return -1;
    AUTO_BUF out = BUF_INIT(URL_MAX);
    buf_append(&out, url, strcspn(url, "#"));
    if (fields->query.count && !strchr(buf_text(&out), '?'))
        buf_putc(&out, '?');
    if (pairs_append(ctx, &out, "query", &fields->query, err) < 0)
        return -1;
    if (out.overflow)
        return err_set(err, ERR_LIMIT, "the URL is larger than %zu bytes", URL_MAX);
    draft->spec.url = draft_keep(draft, mem_strdup(buf_text(&out)));
    return 0;
}

/* ---- body --------------------------------------------------------------------------------------
 */

static void header_default(struct http_draft *draft, const struct http_fields *fields,
                           const char *name, const char *content) {
    if (!http_header_find(fields, name))
        *vec_add(&draft->headers) = (struct http_header){name, content};
}

static void body_keep(struct http_draft *draft, char *text_taken) {
    draft->spec.body = draft_keep(draft, text_taken);
    draft->spec.body_length = strlen(text_taken);
}

static int draft_json(struct step_ctx *ctx, struct http_draft *draft,
                      const struct http_fields *fields, struct err *err) {
    AUTO_VALUE item = value_none();
    if (step_render(ctx, fields->json, &item, err) < 0)
        return err_wrap(err, "json");
    body_keep(draft, value_to_json(item));
    header_default(draft, fields, "Content-Type", "application/json");
    return 0;
}

static int draft_form(struct step_ctx *ctx, struct http_draft *draft,
                      const struct http_fields *fields, struct err *err) {
    AUTO_BUF out = BUF_INIT(FORM_MAX);
    if (pairs_append(ctx, &out, "form", &fields->form, err) < 0)
        return -1;
    body_keep(draft, mem_strdup(buf_text(&out)));
    header_default(draft, fields, "Content-Type", "application/x-www-form-urlencoded");
    return 0;
}

static int draft_body(struct step_ctx *ctx, struct http_draft *draft,
                      const struct http_fields *fields, struct err *err) {
    if (fields->json)
        return draft_json(ctx, draft, fields, err);
    if (fields->form.count)
        return draft_form(ctx, draft, fields, err);
    if (fields->body_file)
        return render_word(ctx, draft, fields->body_file, "the field", "body_file",
                           &draft->spec.body_file, err);
    if (render_word(ctx, draft, fields->body, "the field", "body", &draft->spec.body, err) < 0)
        return -1;
    draft->spec.body_length = draft->spec.body ? strlen(draft->spec.body) : 0;
    return 0;
}

/* ---- headers -----------------------------------------------------------------------------------
 */

static int draft_headers(struct step_ctx *ctx, struct http_draft *draft,
                         const struct http_fields *fields, struct err *err) {
    for (size_t i = 0; i < fields->headers.count; i++) {
        const char *name = fields->headers.keys[i];
        const char *content = NULL;
        if (render_word(ctx, draft, FIELD_AT(struct template *, &fields->headers, i), "header",
                        name, &content, err) < 0)
            return -1;
        *vec_add(&draft->headers) = (struct http_header){name, content};
    }
    return 0;
}

static uint64_t fnv(uint64_t hash, const char *bytes, size_t length) {
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)bytes[i]) * UINT64_C(1099511628211);
    return hash;
}

/* The attempt's token without the number at its end: what it is an attempt of. */
static size_t token_stem(const char *token) {
    size_t length = strlen(token);
    while (length && isdigit((unsigned char)token[length - 1]))
        length--;
    return length;
}

/* The same for all attempts and resumes of this step in this run, so that a server which knows
 * the header acts once. A step and its rollback handler share a path, and a runbook that was
 * edited may ask for something else under it: the token's stem and what was written of the request
 * tell them apart. */
static void draft_idempotency(const struct step_ctx *ctx, struct http_draft *draft,
                              const struct http_fields *fields) {
    bool is_once = http_effect(fields) == EFFECT_ONCE || step_ctx_effect(ctx) == EFFECT_ONCE;
    if (!is_once || http_header_find(fields, "idempotency-key"))
        return;
    AUTO_BUF shown = BUF_INIT(SHOWN_MAX);
    buf_printf(&shown, "%s ", http_method_name(fields));
    template_show(&shown, fields->url);
    const struct template *const bodies[] = {fields->json, fields->body, fields->body_file};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        buf_putc(&shown, '\n');
        if (bodies[i])
            template_show(&shown, bodies[i]);
    }
    for (size_t i = 0; i < fields->form.count; i++) {
        buf_printf(&shown, "\n%s=", fields->form.keys[i]);
        template_show(&shown, FIELD_AT(struct template *, &fields->form, i));
    }
    uint64_t hash = fnv(UINT64_C(14695981039346656037), buf_text(&shown), shown.length);
    hash = fnv(hash, step_token(ctx), token_stem(step_token(ctx)));
    char *key = mem_printf("%s/%s/%016" PRIx64, step_run_id(ctx), step_id(ctx), hash);
    *vec_add(&draft->headers) = (struct http_header){"Idempotency-Key", draft_keep(draft, key)};
}

/* ---- who we are, and whom we trust -------------------------------------------------------------
 */

static int draft_auth(struct step_ctx *ctx, struct http_draft *draft,
                      const struct http_credentials *auth, struct err *err) {
    struct http_spec *spec = &draft->spec;
    if (!auth)
        return 0;
    if (auth->bearer) {
        spec->auth = HTTP_AUTH_BEARER;
        return render_word(ctx, draft, auth->bearer, "auth", "bearer", &spec->token, err);
    }
    spec->auth = HTTP_AUTH_BASIC;
    if (render_word(ctx, draft, auth->basic->user, "auth", "user", &spec->user, err) < 0)
        return -1;
    return render_word(ctx, draft, auth->basic->password, "auth", "password", &spec->password, err);
}

static int draft_tls(struct step_ctx *ctx, struct http_draft *draft, const struct http_tls *tls,
                     struct err *err) {
    struct http_spec *spec = &draft->spec;
    if (!tls)
        return 0;
    spec->insecure = !tls->verify;
    if (render_word(ctx, draft, tls->ca, "tls", "ca", &spec->ca_file, err) < 0 ||
        render_word(ctx, draft, tls->cert, "tls", "cert", &spec->cert_file, err) < 0 ||
        render_word(ctx, draft, tls->key, "tls", "key", &spec->key_file, err) < 0)
        return -1;
    return render_word(ctx, draft, tls->server_name, "tls", "server_name", &spec->server_name, err);
}

static int draft_fill(struct step_ctx *ctx, struct http_draft *draft,
                      const struct http_fields *fields, struct err *err) {
    if (draft_url(ctx, draft, fields, err) < 0 || draft_headers(ctx, draft, fields, err) < 0 ||
        draft_body(ctx, draft, fields, err) < 0 || draft_auth(ctx, draft, fields->auth, err) < 0 ||
        draft_tls(ctx, draft, fields->tls, err) < 0)
        return -1;
    draft_idempotency(ctx, draft, fields);
    return 0;
}

/* The query may hold what is not known; it takes nobody elsewhere. */
int http_draft_reach(struct step_ctx *ctx, struct http_draft *ret, struct err *err) {
    const struct http_fields *fields = step_spec(ctx);
    *ret = (struct http_draft){0};
    if (render_word(ctx, ret, fields->url, "the field", "url", &ret->spec.url, err) < 0 ||
        draft_tls(ctx, ret, fields->tls, err) < 0) {
        http_draft_release(ret);
        return -1;
    }
    ret->spec.method = "GET";
    ret->spec.connect_only = true;
    ret->spec.connect_timeout_ms = fields->connect_timeout_ms;
    ret->spec.timeout_ms = step_timeout_ms(ctx);
    return 0;
}

int http_draft_init(struct step_ctx *ctx, struct http_draft *ret, struct err *err) {
    const struct http_fields *fields = step_spec(ctx);
    *ret = (struct http_draft){0};
    if (draft_fill(ctx, ret, fields, err) < 0) {
        http_draft_release(ret);
        return -1;
    }
    struct http_spec *spec = &ret->spec;
    spec->method = http_method_name(fields);
    spec->headers = ret->headers.items;
    spec->header_count = ret->headers.count;
    spec->follow = fields->follow;
    spec->send_once = step_ctx_effect(ctx) == EFFECT_ONCE;
    spec->connect_timeout_ms = fields->connect_timeout_ms;
    spec->timeout_ms = step_timeout_ms(ctx);
    spec->body_ceiling = (size_t)fields->max_body;
    return 0;
}
