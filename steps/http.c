/* The step type `http`: one request, its answer as data. Whether a status is a success is for
 * `expect` to say. */
#include <errno.h>
#include <strings.h>

#include "base/clock.h"
#include "http_step.h"

const char *const http_methods[] = {"GET", "HEAD",  "OPTIONS", "POST",
                                    "PUT", "PATCH", "DELETE",  NULL};

const char *http_method_name(const struct http_fields *fields) {
    return fields->method == METHOD_UNSAID ? "GET" : http_methods[fields->method - 1];
}

enum effect http_effect(const void *spec) {
    const struct http_fields *fields = spec;
    switch ((enum http_method)fields->method) {
    case METHOD_UNSAID:
    case METHOD_GET:
    case METHOD_HEAD:
    case METHOD_OPTIONS:
        return EFFECT_READ;
    case METHOD_PUT:
    case METHOD_DELETE:
        return EFFECT_IDEMPOTENT;
    case METHOD_POST:
    case METHOD_PATCH:
        break;
    }
    return EFFECT_ONCE;
}

const struct template *http_header_find(const struct http_fields *fields, const char *name) {
    for (size_t i = 0; i < fields->headers.count; i++)
        if (strcasecmp(fields->headers.keys[i], name) == 0)
            return FIELD_AT(struct template *, &fields->headers, i);
    return NULL;
}

/* ---- an attempt ------------------------------------------------------------------------------ */

/* Nobody here knows whether a request with an effect happened that was sent and not answered. */
static enum step_outcome outcome_of(const struct step_ctx *ctx, bool cancelled,
                                    const struct http_response *response) {
    if (response->unanswered && step_ctx_effect(ctx) == EFFECT_ONCE)
        return STEP_IN_DOUBT;
    return cancelled ? STEP_CANCELLED : STEP_FAILED;
}

static void fill_failure(const struct step_ctx *ctx, bool cancelled,
                         const struct http_response *response, struct err *err,
                         struct step_result *ret) {
    ret->outcome = outcome_of(ctx, cancelled, response);
    ret->without_effect = !response->sent;
    err_move(&ret->err, err);
    if (ret->outcome == STEP_IN_DOUBT)
        err_hint(&ret->err, "the request was sent: whether it had its effect must be looked up; "
                            "a `done_when:` probe does that by itself");
}

static void answered(void *user, const struct http_response *response, struct err *err) {
    struct step_ctx *ctx = user;
    struct http_state *state = step_state(ctx);
    state->request = NULL;
    struct step_result result = {.outcome = STEP_SUCCEEDED,
                                 .data = http_result(response, step_text_is_read(ctx))};
    if (err && err->sys == ECONNREFUSED)
        result.stale = step_miss_find(ctx, STEP_MISS_SERVICE);
    if (err)
        fill_failure(ctx, state->cancelled, response, err, &result);
    if (response->body_length)
        step_output(ctx, STEP_STDOUT, response->body, response->body_length);
    step_done(ctx, &result);
}

static int request_begin(struct step_ctx *ctx, const char *socket, struct err *err) {
    struct http_state *state = step_state(ctx);
    struct http_draft draft;
    if (http_draft_init(ctx, &draft, err) < 0)
        return -1;
    draft.spec.socket = socket;
    state->began_ns = clock_mono_ns();
    state->request = http_start(step_loop(ctx), &draft.spec, answered, ctx);
    http_draft_release(&draft);
    return 0;
}

static int http_begin(struct step_ctx *ctx, struct err *err) {
    return http_go(ctx, request_begin, err);
}

/* The engine's clock and libcurl's run out together; whichever is first, the error should be the
 * one that names the host. */
static bool time_is_up(const struct step_ctx *ctx, const struct http_state *state) {
    int64_t limit = step_timeout_ms(ctx);
    int64_t elapsed = (clock_mono_ns() - state->began_ns) / NS_PER_MS;
    return limit > 0 && elapsed >= limit - 1;
}

static void http_end(struct step_ctx *ctx) {
    struct http_state *state = step_state(ctx);
    state->cancelled = true;
    if (state->is_waiting)
        http_wait_end(ctx);
    else if (state->request)
        http_cancel(state->request, time_is_up(ctx, state));
}

/* ---- what may be written ----------------------------------------------------------------------
 */

static const struct field basic_fields[] = {
    {.key = "user",
     .kind = FIELD_TEXT,
     .flags = FIELD_REQUIRED | FIELD_SECRETS | FIELD_ITEM,
     .offset = offsetof(struct http_basic, user),
     .doc = "The user's name; it has no colon.",
     .example = "deploy"},
    {.key = "password",
     .kind = FIELD_TEXT,
     .flags = FIELD_REQUIRED | FIELD_SECRETS | FIELD_ITEM,
     .offset = offsetof(struct http_basic, password),
     .doc = "The password, usually from a secret.",
     .example = "\"${{ .secrets.password }}\""},
    FIELD_END,
};

static const struct field auth_fields[] = {
    {.key = "basic",
     .kind = FIELD_OBJECT,
     .offset = offsetof(struct http_credentials, basic),
     .doc = "Basic authentication; never sent to another host.",
     .example = "{user: deploy, password: \"${{ .secrets.password }}\"}",
     .fields = basic_fields,
     .size = sizeof(struct http_basic)},
    {.key = "bearer",
     .kind = FIELD_TEXT,
     .flags = FIELD_SECRETS | FIELD_ITEM,
     .offset = offsetof(struct http_credentials, bearer),
     .doc = "A bearer token; never sent to another host.",
     .example = "\"${{ .secrets.token }}\""},
    FIELD_END,
};

static const struct field tls_fields[] = {
    {.key = "verify",
     .kind = FIELD_BOOL,
     .offset = offsetof(struct http_tls, verify),
     .doc = "Whether the server's certificate must be valid; true by default.",
     .example = "false",
     .fallback = 1},
    {.key = "ca",
     .kind = FIELD_TEXT,
     .flags = FIELD_ITEM,
     .offset = offsetof(struct http_tls, ca),
     .doc = "A PEM file of authorities to trust in place of the system's.",
     .example = "/etc/ssl/internal-ca.pem"},
    {.key = "cert",
     .kind = FIELD_TEXT,
     .flags = FIELD_SECRETS | FIELD_ITEM,
     .offset = offsetof(struct http_tls, cert),
     .doc = "A PEM file with the client certificate; never used for another host.",
     .example = "/etc/ssl/drill-client.pem"},
    {.key = "key",
     .kind = FIELD_TEXT,
     .flags = FIELD_SECRETS | FIELD_ITEM,
     .offset = offsetof(struct http_tls, key),
     .doc = "A PEM file with the client certificate's key, where it is not in `cert`.",
     .example = "/etc/ssl/drill-client.key"},
    {.key = "server_name",
     .kind = FIELD_TEXT,
     .flags = FIELD_ITEM,
     .offset = offsetof(struct http_tls, server_name),
     .doc = "The name to ask for in TLS and to find in the certificate, where it is not the URL's.",
     .example = "app.example.org"},
    FIELD_END,
};

static const struct field any_value = {.kind = FIELD_VALUE, .flags = FIELD_SECRETS | FIELD_ITEM};
static const struct field any_text = {.kind = FIELD_TEXT, .flags = FIELD_SECRETS | FIELD_ITEM};

static const struct field http_field_table[] = {
    {.key = "url",
     .kind = FIELD_TEXT,
     .flags = FIELD_REQUIRED | FIELD_SECRETS | FIELD_ITEM,
     .offset = offsetof(struct http_fields, url),
     .doc = "An http or https address, without user name and password.",
     .example = "https://app.example.org/api/health"},
    {.key = "method",
     .kind = FIELD_CHOICE,
     .offset = offsetof(struct http_fields, method),
     .doc =
         "GET by default. The effect follows from it: GET, HEAD and OPTIONS read, PUT and DELETE "
         "may be repeated, POST and PATCH may not.",
     .example = "POST",
     .choices = http_methods},
    {.key = "query",
     .kind = FIELD_MAP,
     .flags = FIELD_ANY_KEY | FIELD_SECRETS | FIELD_ITEM,
     .offset = offsetof(struct http_fields, query),
     .doc = "Parameters that are percent-encoded and added to the URL; a list repeats its name.",
     .example = "{since: \"${{ .params.since }}\", state: [open, closed]}",
     .item = &any_value},
    {.key = "headers",
     .kind = FIELD_MAP,
     .flags = FIELD_ANY_KEY | FIELD_SECRETS | FIELD_ITEM,
     .offset = offsetof(struct http_fields, headers),
     .doc = "Headers of the request; never sent to another host.",
     .example = "{accept: application/json, x-api-key: \"${{ .secrets.api_key }}\"}",
     .item = &any_text},
    {.key = "json",
     .kind = FIELD_VALUE,
     .flags = FIELD_SECRETS | FIELD_ITEM,
     .offset = offsetof(struct http_fields, json),
     .doc = "A body that is encoded as JSON.",
     .example = "{version: \"${{ .params.version }}\", force: false}"},
    {.key = "form",
     .kind = FIELD_MAP,
     .flags = FIELD_ANY_KEY | FIELD_SECRETS | FIELD_ITEM,
     .offset = offsetof(struct http_fields, form),
     .doc = "A body that is encoded as a web form; a list repeats its name.",
     .example = "{name: drill, mode: full}",
     .item = &any_value},
    {.key = "body",
     .kind = FIELD_TEXT,
     .flags = FIELD_SECRETS | FIELD_ITEM,
     .offset = offsetof(struct http_fields, body),
     .doc = "A body that is sent as it is.",
     .example = "plain text"},
    {.key = "body_file",
     .kind = FIELD_TEXT,
     .flags = FIELD_ITEM,
     .offset = offsetof(struct http_fields, body_file),
     .doc = "A file whose content is streamed as the body; relative to the folder runbook runs in.",
     .example = "\"${{ .run.dir }}/before.dump\""},
    {.key = "auth",
     .kind = FIELD_OBJECT,
     .offset = offsetof(struct http_fields, auth),
     .doc = "Who asks: basic or bearer.",
     .example = "{bearer: \"${{ .secrets.token }}\"}",
     .fields = auth_fields,
     .size = sizeof(struct http_credentials)},
    {.key = "follow",
     .kind = FIELD_BOOL,
     .offset = offsetof(struct http_fields, follow),
     .doc =
         "Whether redirects are followed, at most 10; credentials, cookies, headers of yours and "
         "the body stay with the first scheme, host and port, and https never becomes http.",
     .example = "true"},
    {.key = "tls",
     .kind = FIELD_OBJECT,
     .offset = offsetof(struct http_fields, tls),
     .doc = "How the server's certificate is checked, and a certificate of one's own.",
     .example = "{ca: /etc/ssl/internal-ca.pem}",
     .fields = tls_fields,
     .size = sizeof(struct http_tls)},
    {.key = "max_body",
     .kind = FIELD_SIZE,
     .offset = offsetof(struct http_fields, max_body),
     .doc = "How large the decoded answer may be; 10MiB by default.",
     .example = "64MiB",
     .minimum = 1,
     .maximum = INT64_C(1) << 30,
     .fallback = (int64_t)HTTP_BODY_CEILING},
    {.key = "connect_timeout",
     .kind = FIELD_DURATION,
     .offset = offsetof(struct http_fields, connect_timeout_ms),
     .doc = "How long the connection may take, name and TLS included; 10s by default.",
     .example = "2s",
     .minimum = 1,
     .maximum = INT64_C(3600000),
     .fallback = HTTP_CONNECT_MS},
    FIELD_END,
};

const struct step_type step_http_type = {
    .key = "http",
    .doc = "One HTTP request. The result holds status, headers, body, json, time_ms, timing, "
           "tls_days_left, url and redirects. Proxies are taken from the environment as curl does.",
    .example = "{url: \"https://app.example.org/api/health\"}",
    .fields = http_field_table,
    .shorthand = "url",
    .module = "http",
    .size = sizeof(struct http_fields),
    .state_size = sizeof(struct http_state),
    .results = STEP_HAS_STATUS | STEP_HAS_BODY | STEP_HAS_HEADER | STEP_HAS_TLS,
    .is_probe = true,
    .is_tunnelled = true,
    .effect = http_effect,
    .check = http_check,
    .plan = http_plan,
    .demand = http_demand,
    .start = http_begin,
    .rehearse = http_rehearse,
    .cancel = http_end,
    .release = http_release,
};
