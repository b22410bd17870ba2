#include "io/http_curl.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"
#include "io/module.h"

/* Idle easy handles kept for the next requests: setting one up costs more than resetting it. */
#define IDLE_MAX 64
/* Connections kept. libcurl's own measure is the handles that are added: where all of 50 answers
 * came in one turn it closed what the next 50 requests opened again, three connections for one. */
#define CONNECTIONS_MAX 256L
#define CERTIFICATES_MAX 4096

struct hub {
    struct loop *loop;
    CURLM *multi;
    struct loop_timer *timer;
    struct request *live;
    CURL *idle[IDLE_MAX];
    size_t idle_count;
    struct map *certificates; /* origin and server name to int64_t *, when it ends */
    struct http_origin_memo origin_memo;
    VEC(struct socket_watch *) sockets; /* by descriptor, those of connections; or NULL */
};

struct socket_watch {
    struct hub *hub;
    curl_socket_t fd;
    struct loop_watch *watch; /* NULL: not watched yet */
    bool is_connection;       /* which ends by http_socket_close */
    bool is_idle;             /* libcurl does not wait for it */
};

static void hub_collect(struct hub *hub);

static const struct http_module table;

/* ---- libcurl's sockets and timer on the loop ------------------------------------------------ */

static void socket_ready(void *user, int events) {
    const struct socket_watch *watched = user;
    struct hub *hub = watched->hub;
    int mask =
        (events & LOOP_READ ? CURL_CSELECT_IN : 0) | (events & LOOP_WRITE ? CURL_CSELECT_OUT : 0);
    int running;
    if (watched->is_idle) {
        loop_watch_set(watched->watch, 0);
        return;
    }
    curl_multi_socket_action(hub->multi, watched->fd, mask, &running);
    hub_collect(hub);
}

static void socket_free(struct socket_watch *watched) {
    loop_watch_free(watched->watch);
    mem_free(watched);
}

static struct socket_watch **connection_slot(struct hub *hub, curl_socket_t fd) {
    while (hub->sockets.count <= (size_t)fd)
        *vec_add(&hub->sockets) = NULL;
    return &hub->sockets.items[fd];
}

/* A connection that served a request stays watched until it is closed: to end a watch and begin
 * the next is five calls of epoll_ctl for each request. Of others, such as one that is being made
 * or the resolver's, libcurl need not tell when it closes them. */
static void connection_keep(struct hub *hub, CURL *easy) {
    long made = 0;
    curl_socket_t fd = CURL_SOCKET_BAD;
    curl_easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &made);
    if (made == 0 || curl_easy_getinfo(easy, CURLINFO_ACTIVESOCKET, &fd) != CURLE_OK ||
        fd == CURL_SOCKET_BAD)
        return;
    struct socket_watch **slot = connection_slot(hub, fd);
    if (*slot)
        return;
    *slot = mem_alloc(sizeof **slot);
    **slot = (struct socket_watch){.hub = hub, .fd = fd, .is_connection = true, .is_idle = true};
}

int http_socket_close(void *user, curl_socket_t fd) {
    struct hub *hub = user;
    struct socket_watch **slot = connection_slot(hub, fd);
    if (*slot)
        socket_free(*slot);
    *slot = NULL;
    return close(fd);
}

static void socket_forget(struct hub *hub, curl_socket_t fd, struct socket_watch *watched) {
    if (!watched)
        return;
    curl_multi_assign(hub->multi, fd, NULL);
    if (!watched->is_connection) {
        socket_free(watched);
        return;
    }
    watched->is_idle = true;
    loop_watch_hold(watched->watch, false);
}

static struct socket_watch *socket_find(struct hub *hub, curl_socket_t fd) {
    struct socket_watch *watched = *connection_slot(hub, fd);
    if (watched)
        return watched;
    watched = mem_zalloc(sizeof *watched);
    *watched = (struct socket_watch){.hub = hub, .fd = fd};
    return watched;
}

static int socket_wanted(CURL *easy, curl_socket_t fd, int what, void *user, void *socket_user) {
    struct hub *hub = user;
    struct socket_watch *watched = socket_user;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        socket_forget(hub, fd, watched);
        return 0;
    }
    int events = (what & CURL_POLL_IN ? LOOP_READ : 0) | (what & CURL_POLL_OUT ? LOOP_WRITE : 0);
    if (!watched) {
        watched = socket_find(hub, fd);
        curl_multi_assign(hub->multi, fd, watched);
    }
    if (!watched->watch) {
        watched->watch = loop_watch_new(hub->loop, fd, events, socket_ready, watched);
    } else {
        loop_watch_hold(watched->watch, true);
        loop_watch_set(watched->watch, events);
    }
    watched->is_idle = false;
    return 0;
}

static void timer_fired(void *user) {
    struct hub *hub = user;
    int running;
    curl_multi_socket_action(hub->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    hub_collect(hub);
}

static int timer_wanted(CURLM *multi, long timeout_ms, void *user) {
    struct hub *hub = user;
    (void)multi;
    loop_timer_free(hub->timer);
    hub->timer = timeout_ms < 0 ? NULL : loop_timer_new(hub->loop, timeout_ms, timer_fired, hub);
    return 0;
}

/* ---- the hub --------------------------------------------------------------------------------- */

static void request_free(struct request *request);

static void certificates_free(struct map *certificates) {
    const char *key;
    void *ends_at;
    for (size_t i = 0; map_next(certificates, &i, &key, &ends_at);)
        mem_free(ends_at);
    map_free(certificates);
}

static void hub_free(void *object) {
    struct hub *hub = object;
    while (hub->live)
        request_free(hub->live);
    for (size_t i = 0; i < hub->idle_count; i++)
        curl_easy_cleanup(hub->idle[i]);
    curl_multi_cleanup(hub->multi);
    vec_release(&hub->sockets);
    loop_timer_free(hub->timer);
    certificates_free(hub->certificates);
    http_origin_memo_release(&hub->origin_memo);
    mem_free(hub);
    curl_global_cleanup();
}

static struct hub *hub_new(struct loop *loop) {
    struct hub *hub = mem_zalloc(sizeof *hub);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    /* OpenSSL writes to a connection that the peer closed; with CURLOPT_NOSIGNAL libcurl leaves
     * the signal to us. */
    signal(SIGPIPE, SIG_IGN);
    hub->loop = loop;
    hub->certificates = map_new();
    hub->multi = curl_multi_init();
    curl_multi_setopt(hub->multi, CURLMOPT_MAXCONNECTS, CONNECTIONS_MAX);
    curl_multi_setopt(hub->multi, CURLMOPT_SOCKETFUNCTION, socket_wanted);
    curl_multi_setopt(hub->multi, CURLMOPT_SOCKETDATA, hub);
    curl_multi_setopt(hub->multi, CURLMOPT_TIMERFUNCTION, timer_wanted);
    curl_multi_setopt(hub->multi, CURLMOPT_TIMERDATA, hub);
    return hub;
}

static struct hub *hub_of(struct loop *loop) {
    struct hub *hub = loop_slot_get(loop, LOOP_SLOT_HTTP);
    if (!hub) {
        hub = hub_new(loop);
        loop_slot_set(loop, LOOP_SLOT_HTTP, hub, hub_free);
    }
    return hub;
}

static CURL *hub_lend(struct hub *hub) {
    if (hub->idle_count == 0)
        return curl_easy_init();
    return hub->idle[--hub->idle_count];
}

static void hub_take_back(struct hub *hub, CURL *easy) {
    curl_multi_remove_handle(hub->multi, easy);
    if (hub->idle_count == IDLE_MAX) {
        curl_easy_cleanup(easy);
        return;
    }
    /* Now, not when it is lent again: it points into the request and holds its credentials. */
    curl_easy_reset(easy);
    hub->idle[hub->idle_count++] = easy;
}

static char *certificate_key(const struct request *request) {
    return mem_printf("%s:%s/%s", request->origin.host, request->origin.port,
                      request->spec.server_name ? request->spec.server_name : "");
}

void http_hub_note_certificate(struct hub *hub, const struct request *request, int64_t ends_at) {
    AUTO_TEXT key = certificate_key(request);
    int64_t *known = map_get(hub->certificates, key);
    if (!known && map_count(hub->certificates) >= CERTIFICATES_MAX)
        return;
    if (!known) {
        known = mem_alloc(sizeof *known);
        map_put(hub->certificates, key, known);
    }
    *known = ends_at;
}

bool http_hub_find_certificate(struct hub *hub, const struct request *request,
                               int64_t *ret_ends_at) {
    AUTO_TEXT key = certificate_key(request);
    const int64_t *known = map_get(hub->certificates, key);
    if (known)
        *ret_ends_at = *known;
    return known != NULL;
}

/* ---- a request's life ------------------------------------------------------------------------ */

static char *own(const char *text) {
    return text ? mem_strdup(text) : NULL;
}

static void disown(const char *text) {
    if (text)
        mem_wipe_free((char *)text, strlen(text));
}

static void spec_own_headers(struct request *request, const struct http_spec *from) {
    request->headers = mem_calloc(from->header_count + 1, sizeof *request->headers);
    for (size_t i = 0; i < from->header_count; i++) {
        request->headers[i].name = mem_strdup(from->headers[i].name);
        request->headers[i].value = mem_strdup(from->headers[i].value);
    }
    request->spec.headers = request->headers;
}

static void spec_own_body(struct request *request, const struct http_spec *from) {
    if (!from->body)
        return;
    request->body = mem_alloc(from->body_length + 1);
    memcpy(request->body, from->body, from->body_length);
    request->spec.body = request->body;
}

static void spec_own_mail(struct request *request, const struct http_mail *from) {
    if (!from)
        return;
    request->mail = *from;
    request->mail.from = mem_strdup(from->from);
    request->mail_to = mem_calloc(from->to_count + 1, sizeof *request->mail_to);
    for (size_t i = 0; i < from->to_count; i++)
        request->mail_to[i] = mem_strdup(from->to[i]);
    request->mail.to = (const char *const *)request->mail_to;
    request->spec.mail = &request->mail;
}

static void spec_own(struct request *request, const struct http_spec *from) {
    struct http_spec *spec = &request->spec;
    *spec = *from;
    spec->method = mem_strdup(from->method ? from->method : "GET");
    spec->url = mem_strdup(from->url ? from->url : "");
    spec->body_file = own(from->body_file);
    spec->user = own(from->user);
    spec->password = own(from->password);
    spec->token = own(from->token);
    spec->ca_file = own(from->ca_file);
    spec->cert_file = own(from->cert_file);
    spec->key_file = own(from->key_file);
    spec->server_name = own(from->server_name);
    spec->socket = own(from->socket);
    if (spec->body_ceiling == 0)
        spec->body_ceiling = HTTP_BODY_CEILING;
    spec_own_headers(request, from);
    spec_own_body(request, from);
    spec_own_mail(request, from->mail);
}

static void spec_disown(struct request *request) {
    const struct http_spec *spec = &request->spec;
    const char *const texts[] = {spec->method,      spec->url,       spec->body_file,
                                 spec->user,        spec->password,  spec->token,
                                 spec->ca_file,     spec->cert_file, spec->key_file,
                                 spec->server_name, spec->socket};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        disown(texts[i]);
    for (size_t i = 0; i < spec->header_count; i++) {
        disown(request->headers[i].name);
        disown(request->headers[i].value);
    }
    mem_free(request->headers);
    disown(request->mail.from);
    for (size_t i = 0; i < request->mail.to_count; i++)
        disown(request->mail_to[i]);
    mem_free(request->mail_to);
    if (request->body)
        mem_wipe_free(request->body, spec->body_length);
}

static void live_add(struct request *request) {
    request->next = request->hub->live;
    if (request->next)
        request->next->previous = request;
    request->hub->live = request;
}

static void live_remove(struct request *request) {
    if (request->next)
        request->next->previous = request->previous;
    if (request->previous)
        request->previous->next = request->next;
    else
        request->hub->live = request->next;
}

static void hop_end(struct request *request) {
    if (request->easy)
        hub_take_back(request->hub, request->easy);
    request->easy = NULL;
    http_hop_release(request);
}

static void request_free(struct request *request) {
    hop_end(request);
    live_remove(request);
    http_answer_clear(&request->answer);
    http_origin_release(&request->origin);
    disown(request->url);
    spec_disown(request);
    mem_free(request->remote_address);
    err_release(&request->err);
    mem_free(request);
}

static void response_complete(struct request *request) {
    struct http_response *response = &request->response;
    /* A 100 Continue is no answer. */
    response->status = request->answer.status >= 200 ? request->answer.status : 0;
    response->headers = request->answer.headers.items;
    response->header_count = request->answer.headers.count;
    response->body = buf_text(&request->answer.body);
    response->body_length = request->answer.body.length;
    response->effective_url = request->url;
    response->redirects = request->redirects;
    response->remote_address = request->remote_address;
}

static double elapsed_ms(const struct request *request) {
    return (double)(clock_mono_ns() - request->started_ns) / 1e6;
}

/* Calls back as the last thing: the request is gone behind it. */
static void request_report(void *user) {
    struct request *request = user;
    struct err *err = request->err.kind == ERR_NONE ? NULL : &request->err;
    response_complete(request);
    request->done(request->user, &request->response, err);
    request_free(request);
}

/* The report waits for the loop's next turn: whoever calls cancel or start is not called back
 * from within, and libcurl is not entered again while its messages are read. */
static void request_end(struct request *request) {
    request->response.total_ms = elapsed_ms(request);
    request->is_over = true;
    hop_end(request);
    loop_defer(request->hub->loop, request_report, request);
}

static void hop_start(struct request *request) {
    request->easy = hub_lend(request->hub);
    request->hop_ns = clock_mono_ns();
    if (http_hop_prepare(request, &request->err) < 0) {
        request_end(request);
        return;
    }
    CURLMcode code = curl_multi_add_handle(request->hub->multi, request->easy);
    if (code != CURLM_OK) {
        err_set(&request->err, ERR_SYSTEM, "libcurl: %s", curl_multi_strerror(code));
        request_end(request);
    }
}

static void hop_finished(struct request *request, CURLcode code) {
    request->response.total_ms = elapsed_ms(request);
    http_answer_measure(request);
    if (code != CURLE_OK) {
        http_fault_explain(request, code, &request->err);
        request_end(request);
        return;
    }
    request->response.unanswered = false;
    connection_keep(request->hub, request->easy);
    hop_end(request);
    if (http_redirect_follow(request, &request->err) == 1)
        hop_start(request);
    else
        request_end(request);
}

static void hub_collect(struct hub *hub) {
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(hub->multi, &left))) {
        if (message->msg != CURLMSG_DONE)
            continue;
        char *private = NULL;
        CURLcode code = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
        hop_finished((struct request *)(void *)private, code);
    }
}

/* ---- what is asked for ------------------------------------------------------------------------
 */

static bool has_controls(const char *text) {
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            if (*text != '\t')
                return true;
    return false;
}

/* RFC 9110, 5.6.2: a token. */
static bool is_token(const char *text) {
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7f ||
            strchr("\"(),/:;<=>?@[\\]{}", *c))
            return false;
    return *text != '\0';
}

/* RFC 5322, 2.2.3: a mail's long headers are folded; nothing else may break a line. */
static bool is_folded(const char *text) {
    for (const char *c = text; *c; c++) {
        bool is_fold = c[0] == '\r' && c[1] == '\n' && c[2] == ' ' && c[3] > ' ';
        if (is_fold)
            c += 2;
        else if ((unsigned char)*c < ' ' || *c == 0x7f)
            return false;
    }
    return true;
}

static int headers_check(const struct http_spec *spec, struct err *err) {
    for (size_t i = 0; i < spec->header_count; i++) {
        if (!is_token(spec->headers[i].name))
            return err_set(err, ERR_INVALID, "a header's name may not be \"%s\"",
                           spec->headers[i].name);
        const char *text = spec->headers[i].value;
        if (spec->mail ? !is_folded(text) : has_controls(text))
            return err_set(err, ERR_INVALID,
                           "the value of header %s holds a line break or control character",
                           spec->headers[i].name);
    }
    return 0;
}

static int credentials_check(const struct http_spec *spec, struct err *err) {
    if ((spec->user && has_controls(spec->user)) || (spec->token && has_controls(spec->token)) ||
        (spec->password && has_controls(spec->password)))
        return err_set(err, ERR_INVALID, "the credentials hold a line break or control character");
    if (!spec->mail && spec->auth == HTTP_AUTH_BASIC && spec->user && strchr(spec->user, ':'))
        return err_set(err, ERR_INVALID, "a user name for basic authentication has no colon");
    return 0;
}

static int spec_check(const struct http_spec *spec, struct err *err) {
    if (!is_token(spec->method))
        return err_set(err, ERR_INVALID, "\"%s\" is no method", spec->method);
    if (has_controls(spec->url))
        return err_set(err, ERR_INVALID, "the URL holds a line break or control character");
    if (headers_check(spec, err) < 0)
        return -1;
    if (spec->mail && http_mail_check(spec, err) < 0)
        return -1;
    return credentials_check(spec, err);
}

static int origin_find(struct request *request) {
    if (request->spec.mail)
        return http_origin_parse(request->url, true, &request->origin, &request->err);
    return http_origin_recall(&request->hub->origin_memo, request->url, &request->origin,
                              &request->err);
}

static struct http_request *
request_start(struct loop *loop, const struct http_spec *spec,
              void (*done)(void *user, const struct http_response *response, struct err *err),
              void *user) {
    struct request *request = mem_zalloc(sizeof *request);
    request->base.module = &table;
    request->hub = hub_of(loop);
    request->done = done;
    request->user = user;
    request->body_fd = -1;
    request->started_ns = request->hop_ns = clock_mono_ns();
    request->response =
        (struct http_response){.dns_ms = -1, .connect_ms = -1, .tls_ms = -1, .first_byte_ms = -1};
    spec_own(request, spec);
    request->method = request->spec.method;
    request->url = mem_strdup(request->spec.url);
    live_add(request);
    if (spec_check(&request->spec, &request->err) < 0 || origin_find(request) < 0)
        request_end(request);
    else
        hop_start(request);
    return &request->base;
}

static void request_cancel(struct http_request *base, bool timed_out) {
    struct request *request = (struct request *)base;
    if (request->is_over)
        return;
    request->response.total_ms = elapsed_ms(request);
    http_answer_measure(request);
    if (timed_out)
        http_fault_explain(request, CURLE_OPERATION_TIMEDOUT, &request->err);
    else
        err_set(&request->err, ERR_REFUSED, "the request to %s was cancelled",
                request->origin.host);
    request_end(request);
}

static const struct http_module table = {
    .start = request_start,
    .cancel = request_cancel,
};

MODULE_EXPORT(http, &table)
