/* Inside the module "http": one request, and the rooms that serve it. */
#ifndef IO_HTTP_CURL_H
#define IO_HTTP_CURL_H

#include <curl/curl.h>

#include "base/buf.h"
#include "base/vec.h"
#include "io/http_module.h"

struct hub; /* what the module keeps with a loop */

/* What came back on one hop; names are lower-case. */
struct http_answer {
    long status;
    VEC(struct http_header) headers; /* owned texts */
    size_t header_bytes;
    struct buf body;
    bool headers_too_long;
};

/* Where a URL leads: what decides whether credentials may go along. */
struct http_origin {
    char *scheme, *host; /* lower-case; an IPv6 host without brackets */
    char *port;          /* the scheme's where the URL has none */
};

struct request {
    struct http_request base;
    struct hub *hub;
    struct request *next, *previous; /* among the hub's live ones */
    void (*done)(void *user, const struct http_response *response, struct err *err);
    void *user;

    struct http_spec spec; /* its texts are owned */
    struct http_header *headers;
    char *body;
    struct http_mail mail;
    char **mail_to;

    /* The hop that is under way. */
    CURL *easy;                /* NULL between hops and once it is over */
    char *url;                 /* what is asked for now */
    struct http_origin origin; /* of `url` */
    const char *method;        /* the spec's, or "GET" behind a redirect */
    bool abroad;               /* a redirect led to another origin: no credentials any more */
    struct curl_slist *sent_headers, *connect_to, *recipients;
    curl_mime *mime;
    int body_fd;
    int64_t body_file_length;
    struct http_answer answer;
    char reason[CURL_ERROR_SIZE];
    bool about_to_send;
    bool certificate_asked, certificate_alert; /* by the server, of us */

    int64_t started_ns, hop_ns; /* monotonic */
    int redirects;
    bool is_over; /* `done` is due in the loop's next turn */
    char *remote_address;
    struct http_response response; /* filled when a hop ends */
    struct err err;
};

/* What the URL before led to: checks that poll, and those of a fleet behind one name, ask for the
 * same again and again, and libcurl's parser takes 7,000 instructions. Its text is wiped. */
struct http_origin_memo {
    char *url;
    struct http_origin origin;
};

/* http_origin.c */
int http_origin_parse(const char *url, bool is_mail, struct http_origin *ret,
                      struct err *err) MUST_USE;
/* The same of an http or https URL; `memo` is zeroed at first. */
int http_origin_recall(struct http_origin_memo *memo, const char *url, struct http_origin *ret,
                       struct err *err) MUST_USE;
void http_origin_release(struct http_origin *origin);
void http_origin_memo_release(struct http_origin_memo *memo);
bool http_origin_equal(const struct http_origin *a, const struct http_origin *b);
/* "app.example", "127.0.0.1:9", "[::1]:9": as messages name it; the caller frees. */
char *http_origin_text(const struct http_origin *origin);
/* `url` with another host, for a certificate that carries another name; the caller frees. */
char *http_origin_rename(const char *url, const char *host);
/* 1: `request` was set up for the next hop; 0: the answer is the last; -1: a redirect that must
 * not be followed. */
int http_redirect_follow(struct request *request, struct err *err) MUST_USE;
/* Whether a header may be sent to another origin than the one it was written for. */
bool http_header_goes_abroad(const char *name);

/* http_hop.c: sets all of the easy handle's options for the request's current hop. */
int http_hop_prepare(struct request *request, struct err *err) MUST_USE;
void http_hop_release(struct request *request);

/* http_mail.c: the same of a mail, its check, and what a fault means for it: false where the server
 * said nothing about it. */
void http_mail_prepare(struct request *request);
int http_mail_check(const struct http_spec *spec, struct err *err) MUST_USE;
bool http_mail_explain(struct request *request, CURLcode code, struct err *err);

/* http_answer.c */
size_t http_answer_take_header(char *bytes, size_t size, size_t count, void *user);
size_t http_answer_take_body(char *bytes, size_t size, size_t count, void *user);
void http_answer_clear(struct http_answer *answer);
/* The last header called `name` (lower-case), or NULL. */
const char *http_answer_header(const struct http_answer *answer, const char *name);
/* Reads figures and flags off the easy handle into `request->response`. */
void http_answer_measure(struct request *request);

/* http_fault.c: says what libcurl's `code` means for this request. Returns -1. */
int http_fault_explain(struct request *request, CURLcode code, struct err *err);

/* http_curl.c: what libcurl calls to close a connection's descriptor; `user` is the hub. */
int http_socket_close(void *user, curl_socket_t fd);

/* http_curl.c: what is known of the certificates of origins whose connections are kept. */
void http_hub_note_certificate(struct hub *hub, const struct request *request, int64_t ends_at);
bool http_hub_find_certificate(struct hub *hub, const struct request *request,
                               int64_t *ret_ends_at);

#endif
