/* Servers that fail in every way, certificates, limits, cancelling, and many at once. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/support/http_fetch.h"

static struct fetched fetch_for(const char *path, int64_t timeout_ms) {
    struct http_spec spec = {.url = http_world_url("plain", path), .timeout_ms = timeout_ms};
    return fetch(&spec);
}

/* ---- no answer ---------------------------------------------------------------------------------
 */

static void test_refused(void **state) {
    (void)state;
    AUTO_FETCHED got = fetch(&(struct http_spec){.method = "POST", .url = "http://127.0.0.1:9/"});
    assert_fault(&got, ERR_UNREACHABLE, "connect to 127.0.0.1:9 was refused");
    assert_non_null(got.err.hint);
    assert_int_equal(got.response.status, 0);
    assert_false(got.response.connected || got.response.sent || got.response.unanswered);
}

static void test_unknown_host(void **state) {
    (void)state;
    AUTO_FETCHED got = fetch(&(struct http_spec){.url = "http://no-such-host.invalid/"});
    assert_fault(&got, ERR_UNREACHABLE, "could not resolve host no-such-host.invalid");
    assert_false(got.response.connected);
}

/* A socket that listens, and whose queue is full: connecting to it hangs. */
static int full_listener(int *ret_port, int held[8]) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 0), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    for (int i = 0; i < 8; i++) {
        held[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        int done = connect(held[i], (struct sockaddr *)&address, sizeof address);
        (void)done;
    }
    *ret_port = ntohs(address.sin_port);
    return fd;
}

static void test_no_connection(void **state) {
    (void)state;
    int port, held[8];
    int fd = full_listener(&port, held);
    AUTO_TEXT url = mem_printf("http://127.0.0.1:%d/", port);
    AUTO_FETCHED got =
        fetch(&(struct http_spec){.method = "POST", .url = url, .connect_timeout_ms = 200});
    assert_fault(&got, ERR_TIMEOUT, "no connection to 127.0.0.1:");
    assert_text_in(got.err.message, "within 200 ms");
    assert_false(got.response.connected || got.response.sent);
    assert_true(got.response.total_ms < 2000);
    for (int i = 0; i < 8; i++)
        close(held[i]);
    close(fd);
}

static void test_hang(void **state) {
    (void)state;
    AUTO_FETCHED got = fetch_for("/hang", 300);
    AUTO_TEXT part =
        mem_printf("no answer from 127.0.0.1:%d within 300 ms", http_world_port("plain"));
    assert_fault(&got, ERR_TIMEOUT, part);
    assert_true(got.response.connected && got.response.sent && got.response.unanswered);
    assert_true(got.response.total_ms >= 299 && got.response.total_ms < 2000);
}

static void test_dribble(void **state) {
    (void)state;
    AUTO_FETCHED body = fetch_for("/dribble", 400);
    assert_fault(&body, ERR_TIMEOUT, "had not finished its answer within 400 ms");
    assert_int_equal(body.response.status, 200);
    assert_true(body.response.body_length > 0 && body.response.total_ms < 2000);
    AUTO_FETCHED head = fetch_for("/dribblehead", 400);
    assert_int_equal(head.err.kind, ERR_TIMEOUT);
    assert_true(head.response.total_ms < 2000);
    struct http_spec spec = {
        .url = http_world_url("plain", "/slowredirect"), .follow = true, .timeout_ms = 350};
    AUTO_FETCHED hops = fetch(&spec);
    assert_int_equal(hops.err.kind, ERR_TIMEOUT);
    assert_true(hops.response.redirects > 0 && hops.response.total_ms < 800);
}

static void test_cut(void **state) {
    (void)state;
    struct http_spec spec = {.method = "POST", .url = http_world_url("plain", "/drop")};
    AUTO_FETCHED drop = fetch(&spec);
    assert_fault(&drop, ERR_UNREACHABLE, "closed the connection without an answer");
    assert_true(drop.response.sent && drop.response.unanswered);
    spec.url = http_world_url("plain", "/reset");
    AUTO_FETCHED reset = fetch(&spec);
    assert_fault(&reset, ERR_UNREACHABLE, "was cut before an answer");
    assert_true(reset.response.sent && reset.response.unanswered);
    spec.url = http_world_url("plain", "/cut");
    AUTO_FETCHED cut = fetch(&spec);
    assert_fault(&cut, ERR_UNREACHABLE, "in the middle of its answer (10 bytes had come)");
    assert_int_equal(cut.response.status, 200);
    assert_string_equal(cut.body, "0123456789");
    assert_true(cut.response.unanswered);
    spec.url = http_world_url("plain", "/weird");
    AUTO_FETCHED weird = fetch(&spec);
    assert_int_equal(weird.err.kind, ERR_UNREACHABLE);
    assert_text_in(weird.err.message, "127.0.0.1:");
}

/* ---- too much ----------------------------------------------------------------------------------
 */

static void test_ceiling(void **state) {
    (void)state;
    struct http_spec spec = {.url = http_world_url("plain", "/huge?bytes=2000000000"),
                             .method = "POST"};
    AUTO_FETCHED huge = fetch(&spec);
    assert_fault(&huge, ERR_LIMIT, "is larger than 10");
    assert_text_in(huge.err.hint, "max_body");
    assert_true(huge.response.body_length <= HTTP_BODY_CEILING);
    assert_false(huge.response.unanswered);
    spec.url = http_world_url("plain", "/huge?bytes=1000");
    spec.body_ceiling = 1000;
    AUTO_FETCHED just = fetch(&spec);
    assert_null(just.err.message);
    spec.body_ceiling = 999;
    AUTO_FETCHED over = fetch(&spec);
    assert_int_equal(over.err.kind, ERR_LIMIT);
}

static void test_bomb(void **state) {
    (void)state;
    AUTO_FETCHED got = fetch_page("plain", "/bomb");
    assert_fault(&got, ERR_LIMIT, "is larger than 10");
    assert_true(got.response.body_length <= HTTP_BODY_CEILING);
    AUTO_FETCHED headers = fetch_page("plain", "/bigheaders");
    assert_fault(&headers, ERR_LIMIT, "headers");
    AUTO_FETCHED bad = fetch_page("plain", "/badgzip");
    assert_fault(&bad, ERR_INVALID, "cannot be decoded");
}

/* ---- what is not even tried --------------------------------------------------------------------
 */

static void assert_not_tried(const struct http_spec *spec, const char *part) {
    AUTO_FETCHED got = fetch(spec);
    assert_fault(&got, ERR_INVALID, part);
    assert_false(got.response.connected || got.response.sent || got.response.unanswered);
}

static void test_bad_spec(void **state) {
    (void)state;
    assert_not_tried(&(struct http_spec){.url = "ftp://127.0.0.1/"}, "http:// or https://");
    assert_not_tried(&(struct http_spec){.url = "file:///etc/passwd"}, "http:// or https://");
    assert_not_tried(&(struct http_spec){.url = "127.0.0.1"}, "http:// or https://");
    assert_not_tried(&(struct http_spec){.url = "http://"}, "URL");
    assert_not_tried(&(struct http_spec){.url = "http://a b/"}, "URL");
    assert_not_tried(&(struct http_spec){.url = "http://a/\r\nX: y"}, "line break");
    assert_not_tried(&(struct http_spec){.url = "http://me:pw@127.0.0.1/"},
                     "user name or password");
    assert_not_tried(&(struct http_spec){.url = "http://me@127.0.0.1/"}, "user name or password");
    assert_not_tried(&(struct http_spec){.url = "http://a/", .method = "GET /x"}, "no method");
    struct http_header header = {"X-A", "1\r\nX-B: 2"};
    struct http_spec spec = {.url = "http://a/", .headers = &header, .header_count = 1};
    assert_not_tried(&spec, "header X-A holds a line break");
    header = (struct http_header){"X A", "1"};
    assert_not_tried(&spec, "a header's name");
    spec = (struct http_spec){.url = "http://a/", .auth = HTTP_AUTH_BEARER, .token = "a\nb"};
    assert_not_tried(&spec, "credentials");
    spec = (struct http_spec){.url = "http://a/", .auth = HTTP_AUTH_BASIC, .user = "a:b"};
    assert_not_tried(&spec, "no colon");
}

/* ---- TLS ---------------------------------------------------------------------------------------
 */

static struct fetched fetch_tls(const char *server, const char *path) {
    struct http_spec spec = {.method = "POST",
                             .url = http_world_url(server, path),
                             .ca_file = http_world_file("ca.pem")};
    return fetch(&spec);
}

static void test_tls(void **state) {
    (void)state;
    AUTO_FETCHED good = fetch_tls("tls", "/ok");
    assert_null(good.err.message);
    assert_string_equal(good.body, "ok\n");
    assert_true(good.response.has_certificate);
    assert_in_range(good.response.tls_days_left, 9, 10); /* 10 within the second it was made */
    assert_true(good.response.tls_ms >= good.response.connect_ms);
    AUTO_FETCHED unknown = fetch_page("tls", "/ok");
    assert_fault(&unknown, ERR_REFUSED, "from an authority that is not trusted here");
    AUTO_FETCHED self = fetch_page("selfsigned", "/ok");
    assert_fault(&self, ERR_REFUSED, "the certificate of 127.0.0.1 is self-signed");
    assert_text_in(self.err.hint, "ca:");
    assert_false(self.response.sent);
    AUTO_FETCHED expired = fetch_tls("expired", "/ok");
    assert_fault(&expired, ERR_REFUSED, "the certificate of 127.0.0.1 has expired");
    assert_false(expired.response.sent);
    AUTO_FETCHED wrong = fetch_tls("wrong", "/ok");
    assert_fault(&wrong, ERR_REFUSED, "is not for the name 127.0.0.1");
    AUTO_TEXT to_plain = mem_printf("https://127.0.0.1:%d/", http_world_port("plain"));
    AUTO_FETCHED plain = fetch(&(struct http_spec){.url = to_plain});
    assert_fault(&plain, ERR_UNREACHABLE, "no TLS connection");
}

static void test_tls_unverified(void **state) {
    (void)state;
    struct http_spec spec = {.url = http_world_url("expired", "/ok"), .insecure = true};
    AUTO_FETCHED expired = fetch(&spec);
    assert_null(expired.err.message);
    assert_true(expired.response.has_certificate);
    assert_true(expired.response.tls_days_left < -365);
}

static void test_tls_server_name(void **state) {
    (void)state;
    struct http_spec spec = {.url = http_world_url("wrong", "/echo"),
                             .ca_file = http_world_file("ca.pem"),
                             .server_name = "other.example"};
    AUTO_FETCHED good = fetch(&spec);
    assert_null(good.err.message);
    assert_text_in(good.body, "\"host\": \"127.0.0.1:");
    assert_text_in(good.url, "https://127.0.0.1:");
    spec.server_name = "third.example";
    AUTO_FETCHED bad = fetch(&spec);
    assert_fault(&bad, ERR_REFUSED, "is not for the name third.example");
}

/* Also on a kept connection, which has no handshake to look at. */
static void test_tls_kept(void **state) {
    (void)state;
    struct loop *loop = loop_new(NULL);
    struct http_spec spec = {.url = http_world_url("tls", "/echo"),
                             .ca_file = http_world_file("ca.pem")};
    for (int i = 1; i <= 2; i++) {
        AUTO_FETCHED got = fetch_on(loop, &spec);
        AUTO_TEXT part = mem_printf("\"served\": %d", i);
        assert_text_in(got.body, part);
        assert_true(got.response.has_certificate);
        assert_in_range(got.response.tls_days_left, 9, 10);
    }
    /* The trust of one request is not lent to another. */
    spec.ca_file = NULL;
    AUTO_FETCHED untrusted = fetch_on(loop, &spec);
    assert_int_equal(untrusted.err.kind, ERR_REFUSED);
    loop_free(loop);
}

static void test_tls_client(void **state) {
    (void)state;
    AUTO_FETCHED none = fetch_tls("mutual", "/ok");
    assert_fault(&none, ERR_REFUSED, "requires a client certificate");
    assert_int_equal(none.response.status, 0);
    struct http_spec spec = {.url = http_world_url("mutual", "/ok"),
                             .ca_file = http_world_file("ca.pem"),
                             .cert_file = http_world_file("client.pem"),
                             .key_file = http_world_file("client.key")};
    AUTO_FETCHED good = fetch(&spec);
    assert_null(good.err.message);
    spec.cert_file = http_world_file("stranger.pem");
    spec.key_file = http_world_file("stranger.key");
    AUTO_FETCHED stranger = fetch(&spec);
    assert_non_null(stranger.err.message); /* by an alert, where that is not lost by a reset */
    assert_int_equal(stranger.response.status, 0);
    spec.cert_file = http_world_file("absent.pem");
    AUTO_FETCHED absent = fetch(&spec);
    assert_fault(&absent, ERR_INVALID, "absent.pem");
    spec.cert_file = NULL;
    spec.key_file = NULL;
    spec.ca_file = http_world_file("absent.pem");
    AUTO_FETCHED ca = fetch(&spec);
    assert_fault(&ca, ERR_INVALID, "absent.pem");
}

static struct fetched follow_tls(const char *from, const char *to, bool with_client) {
    AUTO_TEXT escaped = http_escape(to, strlen(to));
    AUTO_TEXT path = mem_printf("/redirect?to=%s", escaped);
    struct http_spec spec = {.url = http_world_url(from, path),
                             .ca_file = http_world_file("ca.pem"),
                             .cert_file = with_client ? http_world_file("client.pem") : NULL,
                             .key_file = with_client ? http_world_file("client.key") : NULL,
                             .follow = true};
    return fetch(&spec);
}

static void test_tls_redirect(void **state) {
    (void)state;
    AUTO_FETCHED down = follow_tls("tls", http_world_url("plain", "/ok"), false);
    assert_fault(&down, ERR_REFUSED, "from https to http");
    AUTO_FETCHED up = follow_tls("plain", http_world_url("tls", "/ok"), false);
    assert_null(up.err.message);
    AUTO_FETCHED client = follow_tls("tls", http_world_url("mutual", "/ok"), true);
    assert_fault(&client, ERR_REFUSED, "requires a client certificate");
    struct http_spec spec = {.url = http_world_url("tls", "/redirect?to=https://127.0.0.1:"),
                             .follow = true,
                             .insecure = true};
    AUTO_TEXT url = mem_printf("%s%d/ok", spec.url, http_world_port("selfsigned"));
    spec.url = url;
    AUTO_FETCHED verified = fetch(&spec);
    assert_fault(&verified, ERR_REFUSED, "self-signed");
}

/* ---- cancelling --------------------------------------------------------------------------------
 */

struct cancelling {
    struct http_request *request;
    struct loop_timer *timer;
    bool timed_out;
};

static void cancel_now(void *user) {
    struct cancelling *cancelling = user;
    http_cancel(cancelling->request, cancelling->timed_out);
    http_cancel(cancelling->request, true); /* again: nothing changes */
}

static struct fetched cancel_after(const char *path, int64_t delay_ms, bool timed_out) {
    struct fetched got = {0};
    struct loop *loop = loop_new(NULL);
    struct http_spec spec = {.method = "POST", .url = http_world_url("plain", path)};
    struct cancelling cancelling = {.timed_out = timed_out};
    cancelling.request = http_start(loop, &spec, fetch_done, &got);
    if (delay_ms < 0)
        cancel_now(&cancelling);
    else
        cancelling.timer = loop_timer_new(loop, delay_ms, cancel_now, &cancelling);
    assert_int_equal(got.calls, 0);
    loop_run(loop);
    loop_timer_free(cancelling.timer);
    loop_free(loop);
    assert_int_equal(got.calls, 1);
    return got;
}

static void test_cancel(void **state) {
    (void)state;
    AUTO_FETCHED before = cancel_after("/hang", -1, false);
    assert_fault(&before, ERR_REFUSED, "was cancelled");
    assert_false(before.response.sent || before.response.unanswered);
    AUTO_FETCHED during = cancel_after("/hang", 150, false);
    assert_fault(&during, ERR_REFUSED, "was cancelled");
    assert_true(during.response.sent && during.response.unanswered);
    AUTO_FETCHED timed_out = cancel_after("/hang", 150, true);
    assert_fault(&timed_out, ERR_TIMEOUT, "no answer from");
    AUTO_FETCHED half = cancel_after("/dribble", 150, true);
    assert_fault(&half, ERR_TIMEOUT, "had not finished");
}

/* A loop that ends takes its requests along, without a call. */
static void test_free_early(void **state) {
    (void)state;
    struct fetched got = {0};
    struct loop *loop = loop_new(NULL);
    for (int i = 0; i < 20; i++) {
        struct http_spec spec = {.url = http_world_url("plain", i % 2 ? "/hang" : "/echo")};
        struct http_request *request = http_start(loop, &spec, fetch_done, &got);
        if (i % 5 == 0)
            http_cancel(request, false);
    }
    loop_free(loop);
    assert_int_equal(got.calls, 0);
}

struct storm {
    struct loop *loop;
    struct http_request *requests[64];
    struct storm_slot {
        struct storm *storm;
        size_t index;
    } slots[64];
    struct loop_timer *timer;
    unsigned random;
    int started, ended, cancelled;
};

static void storm_start(struct storm *storm, size_t index);

static void storm_done(void *user, const struct http_response *response, struct err *err) {
    struct storm_slot *slot = user;
    struct storm *storm = slot->storm;
    (void)response;
    storm->requests[slot->index] = NULL;
    storm->ended++;
    storm->cancelled += err != NULL;
    if (storm->started < 2000)
        storm_start(storm, slot->index);
}

static void storm_start(struct storm *storm, size_t index) {
    static const char *const pages[] = {"/echo", "/hang", "/slow?ms=5", "/dribble",
                                        "/huge?bytes=99999"};
    struct http_spec spec = {.url = http_world_url("plain", pages[storm->random % COUNT(pages)])};
    storm->random = storm->random * 1103515245U + 12345U;
    storm->started++;
    storm->slots[index] = (struct storm_slot){storm, index};
    storm->requests[index] = http_start(storm->loop, &spec, storm_done, &storm->slots[index]);
}

static void storm_gust(void *user) {
    struct storm *storm = user;
    for (size_t i = 0; i < COUNT(storm->requests); i++) {
        storm->random = storm->random * 1103515245U + 12345U;
        if (storm->requests[i] && (storm->random >> 16) % 2)
            http_cancel(storm->requests[i], (storm->random >> 17) % 2);
    }
    loop_timer_free(storm->timer);
    storm->timer =
        storm->ended < storm->started ? loop_timer_new(storm->loop, 3, storm_gust, storm) : NULL;
}

static void test_cancel_storm(void **state) {
    (void)state;
    int before = http_world_descriptors();
    struct storm storm = {.loop = loop_new(NULL), .random = 7};
    for (size_t i = 0; i < COUNT(storm.requests); i++)
        storm_start(&storm, i);
    storm.timer = loop_timer_new(storm.loop, 3, storm_gust, &storm);
    loop_run(storm.loop);
    loop_timer_free(storm.timer);
    loop_free(storm.loop);
    assert_int_equal(storm.ended, storm.started);
    assert_true(storm.cancelled > 500);
    assert_int_equal(http_world_descriptors(), before);
}

/* ---- many --------------------------------------------------------------------------------------
 */

struct crowd {
    struct loop *loop;
    struct http_spec spec;
    int started, ended, good, most, total;
};

static void crowd_done(void *user, const struct http_response *response, struct err *err) {
    struct crowd *crowd = user;
    crowd->ended++;
    crowd->good += !err && response->status == 200;
    if (crowd->started < crowd->total) {
        crowd->started++;
        http_start(crowd->loop, &crowd->spec, crowd_done, crowd);
    }
}

static void test_thousand(void **state) {
    (void)state;
    struct crowd crowd = {.loop = loop_new(NULL),
                          .spec = {.url = http_world_url("plain", "/ok"), .timeout_ms = 60000},
                          .total = 1000};
    int64_t begun = clock_mono_ns();
    for (; crowd.started < 50; crowd.started++)
        http_start(crowd.loop, &crowd.spec, crowd_done, &crowd);
    loop_run(crowd.loop);
    int64_t ended = clock_mono_ns();
    loop_free(crowd.loop);
    assert_int_equal(crowd.good, 1000);
    print_message("1000 requests, 50 in flight: %lld ms\n",
                  (long long)((ended - begun) / NS_PER_MS));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),        cmocka_unit_test(test_unknown_host),
        cmocka_unit_test(test_no_connection),  cmocka_unit_test(test_hang),
        cmocka_unit_test(test_dribble),        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_ceiling),        cmocka_unit_test(test_bomb),
        cmocka_unit_test(test_bad_spec),       cmocka_unit_test(test_tls),
        cmocka_unit_test(test_tls_unverified), cmocka_unit_test(test_tls_server_name),
        cmocka_unit_test(test_tls_kept),       cmocka_unit_test(test_tls_client),
        cmocka_unit_test(test_tls_redirect),   cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_free_early),     cmocka_unit_test(test_cancel_storm),
        cmocka_unit_test(test_thousand),
    };
    return cmocka_run_group_tests(tests, fetch_world_open, fetch_world_close);
}
