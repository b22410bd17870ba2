#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "http_step.h"

/* What check shows of a value is how it was written: a constant as text, templates as such. */
#define SHOWN_MAX ((size_t)64 << 10)

static void refuse(const struct step_check *check, struct err *err, const char *hint) {
    if (hint)
        err_hint(err, "%s", hint);
    check->report(check->user, err);
    err_release(err);
}

/* ---- the URL ----------------------------------------------------------------------------------
 */

/* The part that may hold "user:password@", templates and all. */
static bool has_userinfo(const char *rest) {
    while (*rest && !strchr("/?#", *rest)) {
        if (*rest == '@')
            return true;
        const char *end = text_starts_with(rest, "${{") ? strstr(rest, "}}") : NULL;
        rest = end ? end + 2 : rest + 1;
    }
    return false;
}

static void check_url(const struct http_fields *fields, const struct step_check *check) {
    static const char scheme_hint[] = "write the whole address: https://host/path";
    AUTO_BUF shown = BUF_INIT(SHOWN_MAX);
    struct err err = ERR_INIT;
    if (!fields->url)
        return;
    template_show(&shown, fields->url);
    const char *text = buf_text(&shown);
    if (text_starts_with(text, "${{"))
        return; /* its scheme is known when the request is made, and looked at then */
    const char *rest = strncasecmp(text, "https://", 8) == 0  ? text + 8
                       : strncasecmp(text, "http://", 7) == 0 ? text + 7
                                                              : NULL;
    if (!rest) {
        err_at(&err, check->span, "a URL must begin with http:// or https://");
        refuse(check, &err, scheme_hint);
    } else if (*rest == '\0' || strchr("/?#", *rest)) {
        err_at(&err, check->span, "the URL names no host");
        refuse(check, &err, scheme_hint);
    } else if (has_userinfo(rest)) {
        err_at(&err, check->span, "a URL must not hold a user name or password");
        refuse(check, &err, "write `auth: {basic: {user: …, password: \"${{ .secrets.NAME }}\"}}`");
    }
}

/* ---- the body ---------------------------------------------------------------------------------
 */

static size_t body_kinds(const struct http_fields *fields, const char *ret[4]) {
    size_t count = 0;
    if (fields->json)
        ret[count++] = "json";
    if (fields->form.count)
        ret[count++] = "form";
    if (fields->body)
        ret[count++] = "body";
    if (fields->body_file)
        ret[count++] = "body_file";
    return count;
}

static void check_body(const struct http_fields *fields, const struct step_check *check) {
    const char *kinds[4];
    size_t count = body_kinds(fields, kinds);
    struct err err = ERR_INIT;
    if (count > 1) {
        err_at(&err, check->span, "`%s` and `%s` exclude each other", kinds[0], kinds[1]);
        refuse(check, &err, "a request has one body");
    }
    if (count > 0 && fields->method < METHOD_POST) {
        err_at(&err, check->span, "a body needs `method: POST` (or PUT, PATCH, DELETE)");
        refuse(check, &err, NULL);
    }
}

/* ---- headers ----------------------------------------------------------------------------------
 */

static bool is_token(const char *text) {
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7f ||
            strchr("\"(),/:;<=>?@[\\]{}", *c))
            return false;
    return *text != '\0';
}

/* They frame the message: a wrong one makes another request of it. */
static bool is_framing(const char *name) {
    return strcasecmp(name, "content-length") == 0 || strcasecmp(name, "transfer-encoding") == 0 ||
           strcasecmp(name, "connection") == 0 || strcasecmp(name, "upgrade") == 0 ||
           strcasecmp(name, "te") == 0;
}

static bool given_before(const struct field_map *headers, size_t index) {
    for (size_t i = 0; i < index; i++)
        if (strcasecmp(headers->keys[i], headers->keys[index]) == 0)
            return true;
    return false;
}

static void check_header(const struct http_fields *fields, size_t index,
                         const struct step_check *check) {
    const struct field_map *headers = &fields->headers;
    const char *name = headers->keys[index];
    struct span at = headers->spans ? headers->spans[index] : check->span;
    AUTO_BUF shown = BUF_INIT(SHOWN_MAX);
    struct err err = ERR_INIT;
    template_show(&shown, FIELD_AT(struct template *, headers, index));
    if (!is_token(name)) {
        err_at(&err, at, "a header's name is letters, digits and hyphens");
        refuse(check, &err, NULL);
    } else if (is_framing(name)) {
        err_at(&err, at, "the header `%s` is written by the engine", name);
        refuse(check, &err, "leave it out");
    } else if (given_before(headers, index)) {
        err_at(&err, at, "the header `%s` is given twice", name);
        refuse(check, &err, "names of headers are the same in upper and lower case");
    } else if (strpbrk(buf_text(&shown), "\r\n")) {
        err_at(&err, at, "the value of header `%s` holds a line break", name);
        refuse(check, &err, "use a plain or quoted string; block text ends with a line break");
    }
}

static void check_auth(const struct http_fields *fields, const struct step_check *check) {
    struct err err = ERR_INIT;
    if (!fields->auth)
        return;
    if (!fields->auth->basic == !fields->auth->bearer) {
        err_at(&err, check->span, "`auth` holds either `basic` or `bearer`");
        refuse(check, &err, NULL);
    }
    if (http_header_find(fields, "authorization")) {
        err_at(&err, check->span, "`auth` and the header `authorization` exclude each other");
        refuse(check, &err, "keep `auth`: it is safe with redirects too");
    }
}

static void check_tls(const struct http_fields *fields, const struct step_check *check) {
    struct err err = ERR_INIT;
    if (!fields->tls)
        return;
    if (fields->tls->key && !fields->tls->cert) {
        err_at(&err, check->span, "`tls` has a `key` without its `cert`");
        refuse(check, &err, NULL);
    }
    if (!fields->tls->verify && (fields->tls->ca || fields->tls->server_name)) {
        err_at(&err, check->span, "`verify: false` makes `%s` meaningless",
               fields->tls->ca ? "ca" : "server_name");
        refuse(check, &err, "leave one of them out");
    }
}

void http_check(const void *spec, const struct step_check *check) {
    const struct http_fields *fields = spec;
    check_url(fields, check);
    check_body(fields, check);
    for (size_t i = 0; i < fields->headers.count; i++)
        check_header(fields, i, check);
    check_auth(fields, check);
    check_tls(fields, check);
}

/* ---- what a plan shows ------------------------------------------------------------------------
 */

static void plan_line(const struct step_plan *plan, const char *label, const struct buf *text) {
    plan->line(plan->user, label, buf_text(text), text->length);
}

static void show_pairs(struct buf *out, const struct field_map *map) {
    for (size_t i = 0; i < map->count; i++) {
        buf_printf(out, "%s%s=", i ? "&" : "", map->keys[i]);
        template_show(out, FIELD_AT(struct template *, map, i));
    }
}

static void plan_request(const struct http_fields *fields, const struct step_plan *plan) {
    AUTO_BUF text = BUF_INIT(SHOWN_MAX);
    buf_printf(&text, "%s ", http_method_name(fields));
    template_show(&text, fields->url);
    if (fields->query.count)
        buf_putc(&text, strchr(buf_text(&text), '?') ? '&' : '?');
    show_pairs(&text, &fields->query);
    plan_line(plan, "request", &text);
}

/* Names only: what they hold is nobody's business but the server's. */
static void plan_headers(const struct http_fields *fields, const struct step_plan *plan) {
    AUTO_BUF text = BUF_INIT(SHOWN_MAX);
    for (size_t i = 0; i < fields->headers.count; i++)
        buf_printf(&text, "%s%s", text.length ? ", " : "", fields->headers.keys[i]);
    if (http_effect(fields) == EFFECT_ONCE && !http_header_find(fields, "idempotency-key"))
        buf_printf(&text, "%sIdempotency-Key", text.length ? ", " : "");
    if (text.length)
        plan_line(plan, "headers", &text);
}

static void plan_body(const struct http_fields *fields, const struct step_plan *plan) {
    const char *kinds[4];
    AUTO_BUF text = BUF_INIT(SHOWN_MAX);
    if (body_kinds(fields, kinds) == 0)
        return;
    buf_printf(&text, "%s ", kinds[0]);
    if (fields->json)
        template_show(&text, fields->json);
    else if (fields->form.count)
        show_pairs(&text, &fields->form);
    else
        template_show(&text, fields->body ? fields->body : fields->body_file);
    plan_line(plan, "body", &text);
}

static void plan_trust(const struct http_fields *fields, const struct step_plan *plan) {
    AUTO_BUF text = BUF_INIT(SHOWN_MAX);
    if (fields->auth)
        buf_puts(&text, fields->auth->basic ? "basic authentication" : "bearer token");
    if (fields->tls && fields->tls->cert)
        buf_printf(&text, "%sclient certificate", text.length ? ", " : "");
    if (fields->tls && !fields->tls->verify)
        buf_printf(&text, "%sthe server's certificate is not verified", text.length ? ", " : "");
    if (fields->follow)
        buf_printf(&text, "%sredirects are followed", text.length ? ", " : "");
    if (text.length)
        plan_line(plan, "with", &text);
}

void http_demand(const void *spec, const struct step_demand *demand) {
    const struct http_fields *fields = spec;
    AUTO_BUF url = BUF_INIT(SHOWN_MAX);
    template_show(&url, fields->url);
    demand->need(demand->user, STEP_NEEDS_HOST, buf_text(&url), url.length);
    if (!fields->body_file)
        return;
    buf_clear(&url);
    template_show(&url, fields->body_file);
    demand->need(demand->user, STEP_NEEDS_FILE, buf_text(&url), url.length);
}

void http_plan(const void *spec, const struct step_plan *plan) {
    const struct http_fields *fields = spec;
    plan_request(fields, plan);
    plan_headers(fields, plan);
    plan_body(fields, plan);
    plan_trust(fields, plan);
}
