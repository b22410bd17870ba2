#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "io/http_curl.h"

#define HEADERS_MAX 1000
#define HEADER_BYTES_MAX ((size_t)256 << 10)
#define SECONDS_PER_DAY 86400

void http_answer_clear(struct http_answer *answer) {
    for (size_t i = 0; i < answer->headers.count; i++) {
        mem_free((char *)answer->headers.items[i].name);
        mem_free((char *)answer->headers.items[i].value);
    }
    vec_release(&answer->headers);
    buf_release(&answer->body);
    answer->status = 0;
    answer->header_bytes = 0;
    answer->headers_too_long = false;
}

const char *http_answer_header(const struct http_answer *answer, const char *name) {
    for (size_t i = answer->headers.count; i > 0; i--)
        if (text_equal(answer->headers.items[i - 1].name, name))
            return answer->headers.items[i - 1].value;
    return NULL;
}

static char *trimmed(const char *bytes, size_t length) {
    while (length && strchr(" \t\r\n", bytes[length - 1]))
        length--;
    while (length && strchr(" \t", *bytes))
        bytes++, length--;
    return mem_strndup(bytes, length);
}

static char *lower_name(const char *bytes, size_t length) {
    char *name = trimmed(bytes, length);
    for (char *c = name; *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    return name;
}

/* A folded header: the line belongs to the value before it. */
static void header_continue(struct http_answer *answer, const char *line, size_t length) {
    if (answer->headers.count == 0)
        return;
    struct http_header *last = vec_last(&answer->headers);
    AUTO_TEXT more = trimmed(line, length);
    char *joined = mem_printf("%s %s", last->value, more);
    mem_free((char *)last->value);
    last->value = joined;
}

static void header_add(struct http_answer *answer, const char *line, size_t length) {
    const char *colon = memchr(line, ':', length);
    if (!colon)
        return;
    size_t name_length = (size_t)(colon - line);
    *vec_add(&answer->headers) = (struct http_header){
        .name = lower_name(line, name_length),
        .value = trimmed(colon + 1, length - name_length - 1),
    };
}

/* libcurl calls it for each line of each answer: those of a proxy's tunnel and of `100 Continue`
 * come first, and each status line starts anew. */
size_t http_answer_take_header(char *bytes, size_t size, size_t count, void *user) {
    struct request *request = user;
    struct http_answer *answer = &request->answer;
    size_t length = size * count;
    if (length >= 5 && memcmp(bytes, "HTTP/", 5) == 0) {
        http_answer_clear(answer);
        answer->body.ceiling = request->spec.body_ceiling;
        curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &answer->status);
        return length;
    }
    answer->header_bytes += length;
    if (answer->header_bytes > HEADER_BYTES_MAX || answer->headers.count >= HEADERS_MAX) {
        answer->headers_too_long = true;
        return 0;
    }
    if (length && (bytes[0] == ' ' || bytes[0] == '\t'))
        header_continue(answer, bytes, length);
    else
        header_add(answer, bytes, length);
    return length;
}

/* Decoded bytes: a small compressed body that grows beyond the ceiling ends here. */
size_t http_answer_take_body(char *bytes, size_t size, size_t count, void *user) {
    struct request *request = user;
    size_t length = size * count;
    return buf_append(&request->answer.body, bytes, length) < 0 ? 0 : length;
}

/* ---- what the transfer's figures say -------------------------------------------------------- */

/* libcurl's microseconds of this hop as ms since the request's start; 0 is "not reached". */
static double figure(const struct request *request, CURLINFO info) {
    curl_off_t us = 0;
    curl_easy_getinfo(request->easy, info, &us);
    if (us <= 0)
        return -1;
    return (double)(request->hop_ns - request->started_ns) / 1e6 + (double)us / 1e3;
}

/* The leaf comes first in the chain. OpenSSL's wording of a date is one that curl reads. */
static bool certificate_end(CURL *easy, int64_t *ret_ends_at) {
    static const char label[] = "Expire date:";
    struct curl_certinfo *chain = NULL;
    if (curl_easy_getinfo(easy, CURLINFO_CERTINFO, &chain) != CURLE_OK || !chain ||
        chain->num_of_certs < 1)
        return false;
    for (struct curl_slist *line = chain->certinfo[0]; line; line = line->next) {
        if (!text_starts_with(line->data, label))
            continue;
        time_t end = curl_getdate(line->data + sizeof label - 1, NULL);
        *ret_ends_at = (int64_t)end;
        return end != -1;
    }
    return false;
}

static int64_t whole_days(int64_t seconds) {
    int64_t days = seconds / SECONDS_PER_DAY;
    return seconds % SECONDS_PER_DAY < 0 ? days - 1 : days;
}

/* A kept connection has no handshake to look at: what its first use showed is remembered. */
static void measure_certificate(struct request *request, bool kept) {
    struct http_response *response = &request->response;
    response->has_certificate = false;
    if (!text_equal(request->origin.scheme, "https"))
        return;
    int64_t ends_at;
    if (certificate_end(request->easy, &ends_at))
        http_hub_note_certificate(request->hub, request, ends_at);
    else if (!kept || !http_hub_find_certificate(request->hub, request, &ends_at))
        return;
    response->has_certificate = true;
    response->tls_days_left = whole_days(ends_at - clock_wall_ns() / NS_PER_S);
}

static void measure_address(struct request *request) {
    char *address = NULL;
    curl_easy_getinfo(request->easy, CURLINFO_PRIMARY_IP, &address);
    mem_free(request->remote_address);
    request->remote_address = address && *address ? mem_strdup(address) : NULL;
}

void http_answer_measure(struct request *request) {
    struct http_response *response = &request->response;
    long request_bytes = 0, new_connections = 0;
    curl_easy_getinfo(request->easy, CURLINFO_REQUEST_SIZE, &request_bytes);
    curl_easy_getinfo(request->easy, CURLINFO_NUM_CONNECTS, &new_connections);
    bool kept = request->about_to_send && new_connections == 0;
    response->dns_ms = kept ? -1 : figure(request, CURLINFO_NAMELOOKUP_TIME_T);
    response->connect_ms = kept ? -1 : figure(request, CURLINFO_CONNECT_TIME_T);
    response->tls_ms = kept ? -1 : figure(request, CURLINFO_APPCONNECT_TIME_T);
    response->first_byte_ms =
        request->answer.status ? figure(request, CURLINFO_STARTTRANSFER_TIME_T) : -1;
    /* Behind a redirect these stay true: something was sent to somebody. */
    response->connected = response->connected || kept || response->connect_ms >= 0;
    /* The bytes of a proxy's CONNECT count in request_bytes, but come before about_to_send. */
    bool hop_sent = request->about_to_send && request_bytes > 0;
    response->sent = response->sent || hop_sent;
    response->unanswered = hop_sent && request->method == request->spec.method;
    measure_certificate(request, kept);
    measure_address(request);
}
