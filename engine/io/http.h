/* HTTP by libcurl's multi-socket interface on the loop. */
#ifndef IO_HTTP_H
#define IO_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/loop.h"

struct http_header {
    const char *name, *value;
};

enum http_auth { HTTP_AUTH_NONE, HTTP_AUTH_BASIC, HTTP_AUTH_BEARER };

struct http_spec {
    const char *method;
    const char *url;                   /* http or https; query already in it */
    const struct http_header *headers; /* `header_count` of them */
    size_t header_count;
    const char *body; /* NULL: none */
    size_t body_length;
    const char *body_file; /* streamed from here instead; NULL: none */
    enum http_auth auth;
    const char *user, *password, *token;
    bool follow;   /* redirects, at most 10, never with credentials to another host */
    bool insecure; /* no verification of the certificate */
    const char *ca_file, *cert_file, *key_file, *server_name; /* NULL: the system's */
    int64_t connect_timeout_ms;                               /* 0: 10 s */
    int64_t timeout_ms;  /* wall clock for all of it; 0: none */
    size_t body_ceiling; /* more is an error */
};

struct http_response {
    long status;                       /* 0: none was received */
    const struct http_header *headers; /* of the last response, in order, lower-case names */
    size_t header_count;
    const char *body;
    size_t body_length;
    const char *effective_url;
    int redirects;
    const char *remote_address;
    /* ms since the start; -1 where it did not come to it */
    double dns_ms, connect_ms, tls_ms, first_byte_ms, total_ms;
    bool has_certificate;
    int64_t tls_days_left; /* whole days until the server's certificate ends; negative: ended */
    bool connected;        /* a connection stood: something may have been sent */
    bool sent;             /* the request had gone out, wholly or in part */
};

struct http_request;
/* `done` gets a response or an error that names host, port and reason (both where something was
 * received before it failed); the request is gone behind it. */
struct http_request *http_start(struct loop *loop, const struct http_spec *spec,
                                void (*done)(void *user, const struct http_response *response,
                                             struct err *err),
                                void *user);
/* `done` is still called, with ERR_TIMEOUT where `timed_out` and ERR_REFUSED otherwise. */
void http_cancel(struct http_request *request, bool timed_out);

/* `text` percent-encoded for a query; the caller frees. */
char *http_escape(const char *text, size_t length);

#endif
