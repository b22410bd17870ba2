#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "io/http_curl.h"

/* A check must not pass because a name or a connection was remembered from before a fail-over:
 * both are kept only as long as a burst of requests gains from it. */
#define DNS_SECONDS 10L
#define IDLE_SECONDS 10L
#define CONNECTION_SECONDS 30L

#define SET(option, value) curl_easy_setopt(easy, CURLOPT_##option, value)

/* ---- headers ------------------------------------------------------------------------------- */

static bool header_given(const struct request *request, const char *name) {
    for (size_t i = 0; i < request->spec.header_count; i++)
        if (strcasecmp(request->headers[i].name, name) == 0)
            return !request->abroad || http_header_goes_abroad(name);
    return false;
}

static void header_append(struct request *request, const char *line) {
    request->sent_headers = curl_slist_append(request->sent_headers, line);
}

/* "Name:" would take a header away from libcurl's own; "Name;" sends it empty. */
static void headers_given(struct request *request) {
    for (size_t i = 0; i < request->spec.header_count; i++) {
        const struct http_header *header = &request->headers[i];
        if (request->abroad && !http_header_goes_abroad(header->name))
            continue;
        AUTO_TEXT line = *header->value ? mem_printf("%s: %s", header->name, header->value)
                                        : mem_printf("%s;", header->name);
        header_append(request, line);
        explicit_bzero(line, strlen(line));
    }
}

/* A method that usually has a body says so when it has none ("Content-Length: 0"). */
static bool usually_has_body(const char *method) {
    return text_equal(method, "POST") || text_equal(method, "PUT") || text_equal(method, "PATCH");
}

/* A redirect that turned it into a GET lets go of the body. */
static bool has_body(const struct request *request) {
    return request->method == request->spec.method &&
           (request->spec.body_file || request->body || usually_has_body(request->method));
}

static void headers_set(CURL *easy, struct request *request) {
    headers_given(request);
    /* Waiting for `100 Continue` costs a second where a server does not know it. */
    const bool sends = has_body(request);
    if (sends && !header_given(request, "expect"))
        header_append(request, "Expect:");
    if (sends && !header_given(request, "content-type"))
        header_append(request, "Content-Type:");
    if (!header_given(request, "user-agent"))
        header_append(request, "User-Agent: runbook/" RUNBOOK_VERSION);
    SET(HTTPHEADER, request->sent_headers);
}

/* ---- body ---------------------------------------------------------------------------------- */

static size_t body_read(char *bytes, size_t size, size_t count, void *user) {
    struct request *request = user;
    ssize_t got = read(request->body_fd, bytes, size * count);
    return got < 0 ? CURL_READFUNC_ABORT : (size_t)got;
}

static int body_seek(void *user, curl_off_t offset, int origin) {
    struct request *request = user;
    return lseek(request->body_fd, offset, origin) < 0 ? CURL_SEEKFUNC_FAIL : CURL_SEEKFUNC_OK;
}

static int body_open(struct request *request, struct err *err) {
    const char *path = request->spec.body_file;
    struct stat info;
    file_close(&request->body_fd);
    request->body_fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (request->body_fd < 0 || fstat(request->body_fd, &info) < 0)
        return err_sys(err, errno, "open the body's file %s", path);
    if (!S_ISREG(info.st_mode))
        return err_set(err, ERR_INVALID, "the body's file %s is not a regular file", path);
    request->body_file_length = info.st_size;
    return 0;
}

static void body_from_memory(CURL *easy, const struct request *request) {
    SET(POST, 1L);
    SET(POSTFIELDSIZE_LARGE, (curl_off_t)(request->body ? request->spec.body_length : 0));
    SET(POSTFIELDS, request->body ? request->body : "");
}

static void body_from_file(CURL *easy, struct request *request) {
    SET(UPLOAD, 1L);
    SET(INFILESIZE_LARGE, (curl_off_t)request->body_file_length);
    SET(READFUNCTION, body_read);
    SET(READDATA, request);
    SET(SEEKFUNCTION, body_seek);
    SET(SEEKDATA, request);
}

static int method_set(CURL *easy, struct request *request, struct err *err) {
    const char *method = request->method;
    const bool sends = has_body(request);
    if (sends && request->spec.body_file) {
        if (body_open(request, err) < 0)
            return -1;
        body_from_file(easy, request);
    } else if (sends) {
        body_from_memory(easy, request);
    } else if (text_equal(method, "HEAD")) {
        SET(NOBODY, 1L);
        return 0;
    } else {
        SET(HTTPGET, 1L);
    }
    SET(CUSTOMREQUEST, method);
    return 0;
}

/* ---- who we are, and whom we trust ---------------------------------------------------------- */

static void auth_set(CURL *easy, const struct request *request) {
    const struct http_spec *spec = &request->spec;
    if (request->abroad || spec->auth == HTTP_AUTH_NONE)
        return;
    if (spec->auth == HTTP_AUTH_BASIC) {
        SET(HTTPAUTH, CURLAUTH_BASIC);
        SET(USERNAME, spec->user ? spec->user : "");
        SET(PASSWORD, spec->password ? spec->password : "");
    } else {
        SET(HTTPAUTH, CURLAUTH_BEARER);
        SET(XOAUTH2_BEARER, spec->token ? spec->token : "");
    }
}

static bool says(const char *bytes, size_t length, const char *what) {
    return memmem(bytes, length, what, strlen(what)) != NULL;
}

/* libcurl keeps the first of its error texts only, which is not the one that tells of an alert. */
static int tls_listen(CURL *easy, curl_infotype kind, char *bytes, size_t length, void *user) {
    struct request *request = user;
    (void)easy;
    if (kind != CURLINFO_TEXT)
        return 0;
    if (says(bytes, length, "Request CERT"))
        request->certificate_asked = true;
    if (says(bytes, length, "alert certificate required") ||
        says(bytes, length, "alert bad certificate") || says(bytes, length, "alert unknown ca"))
        request->certificate_alert = true;
    return 0;
}

static void tls_set(CURL *easy, struct request *request) {
    const struct http_spec *spec = &request->spec;
    if (!text_equal(request->origin.scheme, "https") && !spec->mail)
        return;
    SET(CERTINFO, 1L);
    SET(DEBUGFUNCTION, tls_listen);
    SET(DEBUGDATA, request);
    SET(VERBOSE, 1L);
    /* A resumed session skips the check of the certificate, which is what a check is about. */
    SET(SSL_SESSIONID_CACHE, 0L);
    if (spec->ca_file) {
        SET(CAINFO, spec->ca_file);
        SET(CAPATH, NULL);
    }
    if (request->abroad)
        return;
    if (spec->insecure) {
        SET(SSL_VERIFYPEER, 0L);
        SET(SSL_VERIFYHOST, 0L);
    }
    if (spec->cert_file) {
        SET(SSLCERT, spec->cert_file);
        SET(SSLKEY, spec->key_file ? spec->key_file : spec->cert_file);
    }
}

/* libcurl checks the certificate against the URL's host: the URL gets the other name, the
 * connection goes where the real one leads, and so does the Host header. */
static int server_name_set(CURL *easy, struct request *request, struct err *err) {
    const char *name = request->spec.server_name;
    if (!name || request->abroad || !text_equal(request->origin.scheme, "https")) {
        SET(URL, request->url);
        return 0;
    }
    AUTO_TEXT url = http_origin_rename(request->url, name);
    if (!url)
        return err_set(err, ERR_INVALID, "`server_name` %s is not a host's name", name);
    bool v6 = strchr(request->origin.host, ':') != NULL;
    AUTO_TEXT to = mem_printf("::%s%s%s:%s", v6 ? "[" : "", request->origin.host, v6 ? "]" : "",
                              request->origin.port);
    request->connect_to = curl_slist_append(NULL, to);
    SET(CONNECT_TO, request->connect_to);
    SET(URL, url);
    if (!header_given(request, "host")) {
        AUTO_TEXT host = http_origin_text(&request->origin);
        AUTO_TEXT line = mem_printf("Host: %s", host);
        header_append(request, line);
    }
    return 0;
}

/* ---- limits ---------------------------------------------------------------------------------- */

/* The wall clock runs from the first hop on, whatever a server does in between. */
static int time_set(CURL *easy, const struct request *request, struct err *err) {
    const struct http_spec *spec = &request->spec;
    int64_t connect_ms = spec->connect_timeout_ms > 0 ? spec->connect_timeout_ms : HTTP_CONNECT_MS;
    SET(CONNECTTIMEOUT_MS, (long)connect_ms);
    if (spec->timeout_ms <= 0)
        return 0;
    int64_t left = spec->timeout_ms - (request->hop_ns - request->started_ns) / NS_PER_MS;
    if (left <= 0) {
        AUTO_TEXT limit = text_show_duration(spec->timeout_ms);
        AUTO_TEXT host = http_origin_text(&request->origin);
        return err_set(err, ERR_TIMEOUT, "no answer from %s within %s", host, limit);
    }
    SET(TIMEOUT_MS, (long)left);
    return 0;
}

static int transfer_begins(void *user, char *to, char *from, int to_port, int from_port) {
    struct request *request = user;
    (void)to, (void)from, (void)to_port, (void)from_port;
    request->about_to_send = true;
    return CURL_PREREQFUNC_OK;
}

static bool is_sent_once(const struct request *request) {
    return request->spec.send_once || text_equal(request->method, "POST") ||
           text_equal(request->method, "PATCH");
}

static void transfer_set(CURL *easy, struct request *request) {
    SET(PRIVATE, request);
    SET(ERRORBUFFER, request->reason);
    SET(NOSIGNAL, 1L);
    /* Else libcurl waits for its resolver thread when a transfer is taken away. */
    SET(QUICK_EXIT, 1L);
    SET(PROTOCOLS_STR, "http,https");
    SET(FOLLOWLOCATION, 0L);
    SET(HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    SET(ACCEPT_ENCODING, "");
    SET(SUPPRESS_CONNECT_HEADERS, 1L);
    SET(HEADERFUNCTION, http_answer_take_header);
    SET(HEADERDATA, request);
    SET(WRITEFUNCTION, http_answer_take_body);
    SET(WRITEDATA, request);
    SET(PREREQFUNCTION, transfer_begins);
    SET(PREREQDATA, request);
    SET(CLOSESOCKETFUNCTION, http_socket_close);
    SET(CLOSESOCKETDATA, request->hub);
    SET(DNS_CACHE_TIMEOUT, DNS_SECONDS);
    SET(MAXAGE_CONN, IDLE_SECONDS);
    SET(MAXLIFETIME_CONN, CONNECTION_SECONDS);
    /* libcurl sends again by itself where a kept connection dies under a request. */
    SET(FRESH_CONNECT, is_sent_once(request) || request->spec.connect_only ? 1L : 0L);
    SET(CONNECT_ONLY, request->spec.connect_only ? 1L : 0L);
}

int http_hop_prepare(struct request *request, struct err *err) {
    CURL *easy = request->easy;
    request->reason[0] = '\0';
    request->about_to_send = false;
    request->certificate_asked = request->certificate_alert = false;
    http_answer_clear(&request->answer);
    transfer_set(easy, request);
    if (request->spec.socket) {
        SET(UNIX_SOCKET_PATH, request->spec.socket);
        SET(PROXY, "");
    }
    auth_set(easy, request);
    tls_set(easy, request);
    if (request->spec.mail) {
        http_mail_prepare(request);
        return time_set(easy, request, err);
    }
    if (time_set(easy, request, err) < 0 || method_set(easy, request, err) < 0 ||
        server_name_set(easy, request, err) < 0)
        return -1;
    headers_set(easy, request);
    return 0;
}

static void slist_wipe(struct curl_slist **list) {
    for (struct curl_slist *item = *list; item; item = item->next)
        explicit_bzero(item->data, strlen(item->data));
    curl_slist_free_all(*list);
    *list = NULL;
}

void http_hop_release(struct request *request) {
    slist_wipe(&request->sent_headers);
    slist_wipe(&request->connect_to);
    slist_wipe(&request->recipients);
    curl_mime_free(request->mime);
    request->mime = NULL;
    file_close(&request->body_fd);
}
