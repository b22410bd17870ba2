/* One request on a loop of its own, and what came of it, for tests of engine/io/http. */
#ifndef SUPPORT_HTTP_FETCH_H
#define SUPPORT_HTTP_FETCH_H

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "io/http.h"
#include "tests/support/http_world.h"
#include "tests/support/unit.h"

struct fetched {
    int calls;
    struct http_response response; /* texts are owned: body, effective_url */
    char *body, *url, *headers;    /* headers as "name: value\n…" */
    struct err err;
};

static inline void fetch_done(void *user, const struct http_response *response, struct err *err) {
    struct fetched *got = user;
    struct buf headers = BUF_INIT(SIZE_MAX);
    got->calls++;
    got->response = *response;
    got->body = mem_strndup(response->body ? response->body : "", response->body_length);
    got->url = mem_strdup(response->effective_url ? response->effective_url : "");
    for (size_t i = 0; i < response->header_count; i++)
        buf_printf(&headers, "%s: %s\n", response->headers[i].name, response->headers[i].value);
    buf_putc(&headers, '\n');
    got->headers = buf_detach(&headers);
    if (err)
        err_move(&got->err, err);
}

static inline void fetch_release(struct fetched *got) {
    mem_free(got->body);
    mem_free(got->url);
    mem_free(got->headers);
    err_release(&got->err);
}
#define AUTO_FETCHED __attribute__((cleanup(fetch_release))) struct fetched

static inline struct fetched fetch_on(struct loop *loop, const struct http_spec *spec) {
    struct fetched got = {0};
    http_start(loop, spec, fetch_done, &got);
    assert_int_equal(got.calls, 0);
    loop_run(loop);
    assert_int_equal(got.calls, 1);
    return got;
}

static inline struct fetched fetch(const struct http_spec *spec) {
    struct loop *loop = loop_new(NULL);
    struct fetched got = fetch_on(loop, spec);
    loop_free(loop);
    return got;
}

static inline struct fetched fetch_page(const char *server, const char *path) {
    struct http_spec spec = {.url = http_world_url(server, path), .timeout_ms = 20000};
    return fetch(&spec);
}

/* Fails with the message where the text is not in it. */
static inline void assert_text_in(const char *text, const char *part) {
    if (!text || !strstr(text, part))
        fail_msg("\"%s\" is not in \"%s\"", part, text ? text : "(null)");
}

static inline void assert_text_out(const char *text, const char *part) {
    if (text && strstr(text, part))
        fail_msg("\"%s\" is in \"%s\"", part, text);
}

static inline void assert_fault(const struct fetched *got, enum err_kind kind, const char *part) {
    assert_text_in(got->err.message, part);
    assert_int_equal(got->err.kind, kind);
}

static inline int fetch_world_open(void **state) {
    (void)state;
    http_world_open();
    return 0;
}

static inline int fetch_world_close(void **state) {
    (void)state;
    http_world_close();
    return 0;
}

#endif
