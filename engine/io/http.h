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

/* In place of a request: a mail, whose text is the spec's body (UTF-8) and whose headers are the
 * spec's, long ones folded by CRLF and a space. The URL is smtp:// or smtps://; `user` and
 * `password` log in with HTTP_AUTH_BASIC, over TLS only where `must_encrypt`. */
struct http_mail {
    const char *from; /* addresses alone, without names */
    const char *const *to;
    size_t to_count;
    bool may_encrypt;  /* by STARTTLS, where the server offers it */
    bool must_encrypt; /* a server that does not offer it is an error */
};

/* Copied by http_start: nothing of it need live on. */
struct http_spec {
    const char *method;
    const char *url;                   /* http or https, without userinfo; query already in it */
    const struct http_header *headers; /* `header_count` of them; CR and LF are refused */
    size_t header_count;
    const char *body; /* NULL: none */
    size_t body_length;
    const char *body_file; /* streamed from here instead; NULL: none */
    enum http_auth auth;
    const char *user, *password, *token;
    /* Redirects, at most HTTP_REDIRECTS. Where scheme, host or port differ, only harmless headers
     * go along: no credentials, cookies, client certificate, body. https never becomes http. */
    bool follow;
    bool insecure; /* no verification of the certificate */
    /* The request has an effect: the transport never sends it a second time by itself, as it may
     * do where a kept connection turns out to be dead. Implied by POST and PATCH. */
    bool send_once;
    /* Nothing is sent: the name is resolved, the connection made, the certificate looked at. */
    bool connect_only;
    /* NULL: the system's. `ca_file` replaces the system's authorities; `key_file` NULL: the key
     * is in `cert_file`; `server_name` is the name that the certificate must carry. */
    const char *ca_file, *cert_file, *key_file, *server_name;
    /* A unix socket that leads to the URL's host and port, in place of the network and of proxies:
     * a redirect elsewhere is refused. NULL: there is none. */
    const char *socket;
    int64_t connect_timeout_ms;   /* 0: HTTP_CONNECT_MS */
    int64_t timeout_ms;           /* wall clock for all of it, redirects included; 0: none */
    const struct http_mail *mail; /* NULL: it is a request */
    size_t body_ceiling;          /* decoded bytes; more is an error; 0: HTTP_BODY_CEILING */
};

#define HTTP_REDIRECTS 10
#define HTTP_CONNECT_MS 10000
#define HTTP_BODY_CEILING ((size_t)10 << 20)

/* Valid during the callback only. */
struct http_response {
    long status;                       /* 0: none was received */
    const struct http_header *headers; /* of the last response, in order, lower-case names */
    size_t header_count;
    const char *body; /* decoded, NUL-terminated behind `body_length` */
    size_t body_length;
    const char *effective_url; /* behind redirects */
    int redirects;
    const char *remote_address; /* of the server or proxy; NULL where it did not come to it */
    /* ms since the start; -1 where it did not come to it, or a kept connection was used */
    double dns_ms, connect_ms, tls_ms, first_byte_ms, total_ms;
    bool has_certificate;
    int64_t tls_days_left; /* whole days until the server's certificate ends; negative: ended */
    bool connected;        /* a connection stood: something may have been sent */
    bool sent;             /* the request had gone out, wholly or in part */
    /* What was sent with the method of the spec has no whole answer: where it has an effect,
     * nobody here knows whether it happened. False once a redirect turned it into a GET, and
     * where an answer was refused for its size or coding. */
    bool unanswered;
};

struct http_request;
/* Of a mail `status` is that of the server's last reply and `body` its text.
 *
 * Returns at once; `done` is called later from the loop, exactly once, with `err` NULL or an error
 * that names host, port and reason (whose fields may be taken). There is always a response: on
 * an error it holds what is known by then. The request is gone behind it. Proxies are taken from
 * the environment as curl does (http_proxy, https_proxy, all_proxy, no_proxy). */
struct http_request *http_start(struct loop *loop, const struct http_spec *spec,
                                void (*done)(void *user, const struct http_response *response,
                                             struct err *err),
                                void *user);
/* The transfer ends now. `done` is still called, in the loop's next turn, with ERR_TIMEOUT where
 * `timed_out` and ERR_REFUSED otherwise. Not behind `done`. */
void http_cancel(struct http_request *request, bool timed_out);

/* `text` percent-encoded for a query; the caller frees. */
char *http_escape(const char *text, size_t length);

#endif
