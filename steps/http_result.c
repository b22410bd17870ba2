#include <math.h>
#include <string.h>

#include "base/text.h"
#include "http_step.h"

/* ---- headers -----------------------------------------------------------------------------------
 */

/* RFC 9110, 5.3: repeated headers are one list; RFC 6265, 3: but Set-Cookie, whose dates hold
 * commas. */
static value header_add(value headers_taken, const struct http_header *header) {
    AUTO_VALUE before = value_get(headers_taken, header->name);
    value now = value_string_n(header->value, strlen(header->value));
    if (text_equal(header->name, "set-cookie")) {
        value cookies = value_is(before, VALUE_ARRAY) ? value_copy(before) : value_array();
        return value_set(headers_taken, header->name, value_append(cookies, now));
    }
    if (value_is(before, VALUE_STRING)) {
        AUTO_TEXT joined = mem_printf("%s, %s", value_text(before), header->value);
        value_free(now);
        now = value_string_n(joined, strlen(joined));
    }
    return value_set(headers_taken, header->name, now);
}

static value headers_value(const struct http_response *response) {
    value headers = value_object();
    for (size_t i = 0; i < response->header_count; i++)
        headers = header_add(headers, &response->headers[i]);
    return headers;
}

/* ---- body --------------------------------------------------------------------------------------
 */

static value body_value(const struct http_response *response) {
    if (!text_is_utf8(response->body, response->body_length))
        return value_null();
    return value_string_n(response->body, response->body_length);
}

/* Whatever the content type says: many services call their JSON text. */
static value json_value(const struct http_response *response) {
    value parsed;
    AUTO_ERR err = ERR_INIT;
    if (value_parse(response->body, response->body_length, &parsed, &err) < 0)
        return value_null();
    return parsed;
}

/* ---- figures -----------------------------------------------------------------------------------
 */

/* Microseconds are as fine as they are. */
static value milliseconds(double ms) {
    return ms < 0 ? value_null() : value_number(round(ms * 1000) / 1000);
}

static value timing_value(const struct http_response *response) {
    value timing = value_object();
    timing = value_set(timing, "dns_ms", milliseconds(response->dns_ms));
    timing = value_set(timing, "connect_ms", milliseconds(response->connect_ms));
    timing = value_set(timing, "tls_ms", milliseconds(response->tls_ms));
    timing = value_set(timing, "first_byte_ms", milliseconds(response->first_byte_ms));
    return value_set(timing, "total_ms", milliseconds(response->total_ms));
}

static value answer_value(value data, const struct http_response *response, bool with_text) {
    data = value_set(data, "status", value_integer(response->status));
    data = value_set(data, "headers", headers_value(response));
    if (!with_text)
        return data;
    data = value_set(data, "body", body_value(response));
    return value_set(data, "json", json_value(response));
}

value http_result(const struct http_response *response, bool with_text) {
    value data = value_object();
    if (response->status)
        data = answer_value(data, response, with_text);
    if (response->has_certificate)
        data = value_set(data, "tls_days_left", value_integer(response->tls_days_left));
    if (response->effective_url)
        data = value_set(data, "url",
                         value_string_n(response->effective_url, strlen(response->effective_url)));
    if (response->remote_address)
        data = value_set(data, "remote_address", value_string(response->remote_address));
    data = value_set(data, "redirects", value_integer(response->redirects));
    data = value_set(data, "time_ms", milliseconds(response->total_ms));
    return value_set(data, "timing", timing_value(response));
}
