/* What is sent and what is read, against a real server; faults are in test_http_fault.c. */
#include "base/clock.h"
#include "tests/support/http_fetch.h"

static void test_get(void **state) {
    (void)state;
    AUTO_FETCHED got = fetch_page("plain", "/echo?a=1#fragment");
    assert_null(got.err.message);
    assert_int_equal(got.response.status, 200);
    assert_text_in(got.body, "\"method\": \"GET\"");
    assert_text_in(got.body, "\"path\": \"/echo?a=1\"");
    assert_text_in(got.body, "\"user-agent\": \"runbook/");
    assert_text_in(got.headers, "content-type: application/json\n");
    assert_true(got.response.connected && got.response.sent);
    assert_false(got.response.unanswered || got.response.has_certificate);
    assert_true(got.response.connect_ms >= 0 && got.response.tls_ms < 0);
    assert_true(got.response.first_byte_ms >= got.response.connect_ms);
    assert_true(got.response.total_ms >= got.response.first_byte_ms);
}

static void test_methods(void **state) {
    (void)state;
    static const char *const methods[] = {"GET", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"};
    for (size_t i = 0; i < COUNT(methods); i++) {
        struct http_spec spec = {.method = methods[i], .url = http_world_url("plain", "/echo")};
        AUTO_FETCHED got = fetch(&spec);
        AUTO_TEXT part = mem_printf("\"method\": \"%s\"", methods[i]);
        assert_null(got.err.message);
        assert_text_in(got.body, part);
        bool has_length = strstr(got.body, "\"content-length\": \"0\"") != NULL;
        assert_int_equal(has_length, i >= 2 && i <= 4);
        assert_text_out(got.body, "content-type");
    }
}

static void test_head(void **state) {
    (void)state;
    struct http_spec spec = {.method = "HEAD", .url = http_world_url("plain", "/echo")};
    AUTO_FETCHED got = fetch(&spec);
    assert_null(got.err.message);
    assert_int_equal(got.response.status, 200);
    assert_int_equal(got.response.body_length, 0);
    assert_text_in(got.headers, "content-length: ");
}

static void test_body(void **state) {
    (void)state;
    static const struct http_header headers[] = {
        {"Content-Type", "application/json"}, {"X-Empty", ""}, {"X-One", "a b"}};
    struct http_spec spec = {.method = "DELETE",
                             .url = http_world_url("plain", "/echo"),
                             .headers = headers,
                             .header_count = COUNT(headers),
                             .body = "{\"a\":1}\0tail",
                             .body_length = 12};
    AUTO_FETCHED got = fetch(&spec);
    assert_text_in(got.body, "\"length\": 12");
    assert_text_in(got.body, "tail");
    assert_text_in(got.body, "\"content-type\": \"application/json\"");
    assert_text_in(got.body, "\"x-empty\": \"\"");
    assert_text_in(got.body, "\"x-one\": \"a b\"");
    assert_text_out(got.body, "expect");
}

static void test_large_body(void **state) {
    (void)state;
    char *body = mem_zalloc(3 << 20);
    memset(body, 'b', 3 << 20);
    struct http_spec spec = {.method = "POST",
                             .url = http_world_url("plain", "/echo"),
                             .body = body,
                             .body_length = 3 << 20};
    AUTO_FETCHED got = fetch(&spec);
    mem_free(body);
    assert_text_in(got.body, "\"length\": 3145728");
    assert_true(got.response.total_ms < 900); /* no second's wait for 100 Continue */
}

static void test_body_file(void **state) {
    (void)state;
    struct http_spec spec = {.method = "PUT",
                             .url = http_world_url("plain", "/echo"),
                             .body_file = http_world_file("ca.pem")};
    AUTO_FETCHED got = fetch(&spec);
    assert_null(got.err.message);
    assert_text_in(got.body, "\"method\": \"PUT\"");
    assert_text_in(got.body, "BEGIN CERTIFICATE");
    assert_text_out(got.body, "transfer-encoding");
    spec.body_file = http_world_file("absent");
    AUTO_FETCHED absent = fetch(&spec);
    assert_fault(&absent, ERR_SYSTEM, "No such file");
    assert_false(absent.response.connected);
    spec.body_file = "/tmp";
    AUTO_FETCHED directory = fetch(&spec);
    assert_fault(&directory, ERR_INVALID, "not a regular file");
}

static void test_answer_headers(void **state) {
    (void)state;
    AUTO_FETCHED got = fetch_page("plain", "/cookies");
    assert_text_in(got.headers, "set-cookie: a=1; Expires=Wed, 21 Oct 2065 07:28:00 GMT\n"
                                "set-cookie: b=2\nx-list: one\nx-list: two\nx-case: Kept\n");
}

static void test_statuses(void **state) {
    (void)state;
    static const int statuses[] = {200, 204, 304, 404, 500, 503};
    for (size_t i = 0; i < COUNT(statuses); i++) {
        AUTO_TEXT path = mem_printf("/status/%d", statuses[i]);
        AUTO_FETCHED got = fetch_page("plain", path);
        assert_null(got.err.message);
        assert_int_equal(got.response.status, statuses[i]);
    }
}

static void test_auth(void **state) {
    (void)state;
    struct http_spec spec = {.url = http_world_url("plain", "/basic")};
    AUTO_FETCHED nobody = fetch(&spec);
    assert_int_equal(nobody.response.status, 401);
    spec.auth = HTTP_AUTH_BASIC;
    spec.user = "deploy";
    spec.password = "s3cret";
    AUTO_FETCHED basic = fetch(&spec);
    assert_int_equal(basic.response.status, 200);
    spec.url = http_world_url("plain", "/bearer");
    spec.auth = HTTP_AUTH_BEARER;
    spec.token = "t0ken";
    AUTO_FETCHED bearer = fetch(&spec);
    assert_int_equal(bearer.response.status, 200);
}

static void test_decode(void **state) {
    (void)state;
    AUTO_FETCHED got = fetch_page("plain", "/gzip");
    assert_string_equal(got.body, "packed text\n");
    AUTO_FETCHED echo = fetch_page("plain", "/echo");
    assert_text_in(echo.body, "\"accept-encoding\": \"deflate, gzip");
}

static void test_ipv6(void **state) {
    (void)state;
    if (http_world_port("six") == 0)
        skip();
    AUTO_FETCHED got = fetch_page("six", "/echo");
    assert_null(got.err.message);
    assert_text_in(got.body, "\"host\": \"[::1]:");
    AUTO_FETCHED refused = fetch(&(struct http_spec){.url = "http://[::1]:9/"});
    assert_fault(&refused, ERR_UNREACHABLE, "connect to [::1]:9 was refused");
}

static void test_http_name(void **state) {
    (void)state;
    AUTO_TEXT url = mem_printf("http://localhost:%d/ok", http_world_port("plain"));
    AUTO_FETCHED got = fetch(&(struct http_spec){.url = url});
    assert_null(got.err.message);
    assert_true(got.response.dns_ms >= 0);
}

/* ---- kept connections ------------------------------------------------------------------------ */

static void test_keep_alive(void **state) {
    (void)state;
    struct loop *loop = loop_new(NULL);
    struct http_spec spec = {.url = http_world_url("plain", "/echo")};
    for (int i = 1; i <= 3; i++) {
        AUTO_FETCHED got = fetch_on(loop, &spec);
        AUTO_TEXT part = mem_printf("\"served\": %d", i);
        assert_text_in(got.body, part);
        assert_true(got.response.connected && got.response.sent);
        assert_int_equal(got.response.connect_ms >= 0, i == 1);
    }
    spec.method = "POST"; /* never on a connection that may be dead */
    AUTO_FETCHED post = fetch_on(loop, &spec);
    assert_text_in(post.body, "\"served\": 1");
    loop_free(loop);
}

/* A server that drops a kept connection has a GET sent again, and nothing with an effect. */
static void test_resend(void **state) {
    (void)state;
    struct loop *loop = loop_new(NULL);
    struct http_spec spec = {.url = http_world_url("plain", "/flaky/get")};
    for (int i = 0; i < 2; i++) {
        AUTO_FETCHED got = fetch_on(loop, &spec);
        assert_null(got.err.message);
    }
    AUTO_FETCHED hits = fetch_page("plain", "/hits/get");
    assert_string_equal(hits.body, "3");
    loop_free(loop);
    static const char *const methods[] = {"POST", "PATCH", "PUT"};
    for (size_t i = 0; i < COUNT(methods); i++) {
        loop = loop_new(NULL);
        AUTO_TEXT path = mem_printf("/flaky/%s", methods[i]);
        AUTO_TEXT hits_path = mem_printf("/hits/%s", methods[i]);
        spec = (struct http_spec){
            .method = methods[i], .url = http_world_url("plain", path), .send_once = true};
        for (int j = 0; j < 2; j++) {
            AUTO_FETCHED got = fetch_on(loop, &spec);
            assert_null(got.err.message);
        }
        AUTO_FETCHED sent = fetch_page("plain", hits_path);
        assert_string_equal(sent.body, "2");
        loop_free(loop);
    }
}

/* ---- redirects ------------------------------------------------------------------------------- */

static struct fetched follow(const char *method, const char *to, int status, const char *body) {
    static const struct http_header headers[] = {{"Authorization", "Custom zz1"},
                                                 {"Cookie", "session=zz2"},
                                                 {"X-Api-Key", "zz3"},
                                                 {"Accept", "text/*"}};
    AUTO_TEXT escaped = http_escape(to, strlen(to));
    AUTO_TEXT path = mem_printf("/redirect?status=%d&to=%s", status, escaped);
    struct http_spec spec = {.method = method,
                             .url = http_world_url("plain", path),
                             .headers = headers,
                             .header_count = COUNT(headers),
                             .body = body,
                             .body_length = body ? strlen(body) : 0,
                             .follow = true};
    return fetch(&spec);
}

static void test_redirect_unasked(void **state) {
    (void)state;
    AUTO_FETCHED got = fetch_page("plain", "/redirect?to=/echo");
    assert_int_equal(got.response.status, 302);
    assert_text_in(got.headers, "location: /echo\n");
    assert_int_equal(got.response.redirects, 0);
}

static void test_redirect_same_origin(void **state) {
    (void)state;
    AUTO_FETCHED got = follow("GET", "/echo", 302, NULL);
    assert_null(got.err.message);
    assert_int_equal(got.response.redirects, 1);
    assert_text_in(got.url, "/echo");
    assert_text_in(got.body, "Custom zz1");
    assert_text_in(got.body, "session=zz2");
    assert_text_in(got.body, "zz3");
}

static void test_redirect_abroad(void **state) {
    (void)state;
    static const char *const servers[] = {"other", "six"};
    for (size_t i = 0; i < COUNT(servers); i++) {
        if (http_world_port(servers[i]) == 0)
            continue;
        AUTO_FETCHED got = follow("GET", http_world_url(servers[i], "/echo"), 302, NULL);
        assert_null(got.err.message);
        assert_text_out(got.body, "zz");
        assert_text_in(got.body, "\"accept\": \"text/*\"");
    }
    /* Once abroad, nothing comes back: the way home is the other server's choice. */
    const char *home = http_world_url("plain", "/echo");
    AUTO_TEXT home_escaped = http_escape(home, strlen(home));
    AUTO_TEXT path = mem_printf("/redirect?to=%s", home_escaped);
    AUTO_FETCHED back = follow("GET", http_world_url("other", path), 307, NULL);
    assert_int_equal(back.response.redirects, 2);
    assert_text_out(back.body, "zz");
}

static void test_redirect_auth(void **state) {
    (void)state;
    const char *to = http_world_url("other", "/echo");
    AUTO_TEXT escaped = http_escape(to, strlen(to));
    AUTO_TEXT path = mem_printf("/redirect?to=%s", escaped);
    struct http_spec spec = {.url = http_world_url("plain", path),
                             .follow = true,
                             .auth = HTTP_AUTH_BASIC,
                             .user = "deploy",
                             .password = "s3cret"};
    AUTO_FETCHED basic = fetch(&spec);
    assert_text_out(basic.body, "authorization");
    spec.auth = HTTP_AUTH_BEARER;
    spec.token = "t0ken";
    AUTO_FETCHED bearer = fetch(&spec);
    assert_text_in(bearer.body, "\"method\": \"GET\"");
    assert_text_out(bearer.body, "authorization");
    /* A server does not choose our credentials either. */
    AUTO_TEXT userinfo = mem_printf("http://evil:pass@127.0.0.1:%d/echo", http_world_port("other"));
    AUTO_FETCHED stripped = follow("GET", userinfo, 302, NULL);
    assert_text_in(stripped.body, "\"method\": \"GET\"");
    assert_text_out(stripped.body, "authorization");
    assert_text_out(stripped.url, "evil");
}

static void test_redirect_methods(void **state) {
    (void)state;
    AUTO_FETCHED see_other = follow("POST", "/echo", 303, "data");
    assert_text_in(see_other.body, "\"method\": \"GET\"");
    assert_text_in(see_other.body, "\"length\": 0");
    AUTO_FETCHED found = follow("POST", "/echo", 302, "data");
    assert_text_in(found.body, "\"method\": \"GET\"");
    AUTO_FETCHED kept = follow("POST", "/echo", 307, "data");
    assert_text_in(kept.body, "\"method\": \"POST\"");
    assert_text_in(kept.body, "\"length\": 4");
    AUTO_FETCHED put = follow("PUT", "/echo", 301, "data");
    assert_text_in(put.body, "\"method\": \"PUT\"");
    AUTO_FETCHED head = follow("HEAD", "/echo", 303, NULL);
    assert_int_equal(head.response.body_length, 0);
    assert_int_equal(head.response.status, 200);
}

static void test_redirect_refused(void **state) {
    (void)state;
    AUTO_FETCHED body = follow("POST", http_world_url("other", "/echo"), 307, "data");
    assert_fault(&body, ERR_REFUSED, "the request's body to another host");
    assert_int_equal(body.response.status, 307);
    assert_false(body.response.unanswered);
    AUTO_FETCHED ftp = follow("GET", "ftp://127.0.0.1/x", 302, NULL);
    assert_fault(&ftp, ERR_REFUSED, "no http address");
    AUTO_FETCHED file = follow("GET", "file:///etc/passwd", 302, NULL);
    assert_fault(&file, ERR_REFUSED, "no http address");
    struct http_spec spec = {.url = http_world_url("plain", "/loop"), .follow = true};
    AUTO_FETCHED loop = fetch(&spec);
    assert_fault(&loop, ERR_LIMIT, "more than 10 times");
    assert_int_equal(loop.response.redirects, 10);
}

/* As curl does: http_proxy for http, unless no_proxy names the host. */
static void test_proxy(void **state) {
    (void)state;
    struct http_spec spec = {.url = "http://behind.invalid/echo"};
    setenv("http_proxy", http_world_url("plain", ""), 1);
    AUTO_FETCHED got = fetch(&spec);
    setenv("no_proxy", "behind.invalid", 1);
    AUTO_FETCHED direct = fetch(&spec);
    setenv("http_proxy", "http://127.0.0.1:9", 1);
    unsetenv("no_proxy");
    AUTO_FETCHED dead = fetch(&spec);
    unsetenv("http_proxy");
    assert_null(got.err.message);
    assert_text_in(got.body, "\"path\": \"http://behind.invalid/echo\"");
    assert_fault(&direct, ERR_UNREACHABLE, "could not resolve host behind.invalid");
    assert_fault(&dead, ERR_UNREACHABLE, "proxy");
    assert_false(dead.response.sent);
}

static void test_escape(void **state) {
    (void)state;
    AUTO_TEXT text = http_escape("a b&c=d/\xc3\xa9~", 11);
    assert_string_equal(text, "a%20b%26c%3Dd%2F%C3%A9~");
    AUTO_TEXT empty = http_escape("", 0);
    assert_string_equal(empty, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_get),
        cmocka_unit_test(test_methods),
        cmocka_unit_test(test_head),
        cmocka_unit_test(test_body),
        cmocka_unit_test(test_large_body),
        cmocka_unit_test(test_body_file),
        cmocka_unit_test(test_answer_headers),
        cmocka_unit_test(test_statuses),
        cmocka_unit_test(test_auth),
        cmocka_unit_test(test_decode),
        cmocka_unit_test(test_ipv6),
        cmocka_unit_test(test_http_name),
        cmocka_unit_test(test_keep_alive),
        cmocka_unit_test(test_resend),
        cmocka_unit_test(test_redirect_unasked),
        cmocka_unit_test(test_redirect_same_origin),
        cmocka_unit_test(test_redirect_abroad),
        cmocka_unit_test(test_redirect_auth),
        cmocka_unit_test(test_redirect_methods),
        cmocka_unit_test(test_redirect_refused),
        cmocka_unit_test(test_proxy),
        cmocka_unit_test(test_escape),
    };
    return cmocka_run_group_tests(tests, fetch_world_open, fetch_world_close);
}
