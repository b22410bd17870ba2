#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/text.h"
#include "io/http_curl.h"

/* Headers that say nothing about who asks: the only ones that go along to another origin. A
 * list of what to drop would miss the next X-Api-Key. */
static const char *const harmless[] = {"accept", "accept-language", "cache-control", "pragma",
                                       "user-agent"};

static char *part_get(CURLU *handle, CURLUPart part, unsigned flags) {
    char *text = NULL;
    if (curl_url_get(handle, part, &text, flags) != CURLUE_OK)
        return NULL;
    char *copy = mem_strdup(text);
    curl_free(text);
    return copy;
}

static void lower(char *text) {
    for (; *text; text++)
        if (*text >= 'A' && *text <= 'Z')
            *text = (char)(*text - 'A' + 'a');
}

/* curl's own host name keeps the brackets of IPv6. */
static void strip_brackets(char *host) {
    size_t length = strlen(host);
    if (length >= 2 && host[0] == '[' && host[length - 1] == ']') {
        memmove(host, host + 1, length - 2);
        host[length - 2] = '\0';
    }
}

static int origin_fill(CURLU *handle, bool is_mail, struct http_origin *ret, struct err *err) {
    AUTO_TEXT user = part_get(handle, CURLUPART_USER, 0);
    AUTO_TEXT password = part_get(handle, CURLUPART_PASSWORD, 0);
    if (user || password) {
        err_set(err, ERR_INVALID, "a URL must not hold a user name or password");
        return err_hint(err, is_mail ? "give them as `user` and `password`"
                                     : "give them as `auth: {basic: {user: …, password: …}}`, "
                                       "which is never shown and never sent to another host");
    }
    ret->scheme = part_get(handle, CURLUPART_SCHEME, 0);
    if (ret->scheme)
        lower(ret->scheme);
    if (!text_equal(ret->scheme, is_mail ? "smtp" : "http") &&
        !text_equal(ret->scheme, is_mail ? "smtps" : "https"))
        return err_set(err, ERR_INVALID, "a URL must begin with %s, not %s://",
                       is_mail ? "smtp:// or smtps://" : "http:// or https://",
                       ret->scheme ? ret->scheme : "");
    ret->host = part_get(handle, CURLUPART_HOST, 0);
    ret->port = part_get(handle, CURLUPART_PORT, CURLU_DEFAULT_PORT);
    if (!ret->host || !ret->port)
        return err_set(err, ERR_INVALID, "the URL names no host");
    lower(ret->host);
    strip_brackets(ret->host);
    return 0;
}

int http_origin_parse(const char *url, bool is_mail, struct http_origin *ret, struct err *err) {
    *ret = (struct http_origin){0};
    CURLU *handle = curl_url();
    CURLUcode code = curl_url_set(handle, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME);
    int result;
    if (code == CURLUE_BAD_SCHEME || code == CURLUE_UNSUPPORTED_SCHEME)
        result = err_set(err, ERR_INVALID, "a URL must begin with %s",
                         is_mail ? "smtp:// or smtps://" : "http:// or https://");
    else if (code != CURLUE_OK)
        result = err_set(err, ERR_INVALID, "the URL cannot be read: %s", curl_url_strerror(code));
    else
        result = origin_fill(handle, is_mail, ret, err);
    curl_url_cleanup(handle);
    if (result == 0)
        return 0;
    http_origin_release(ret);
    return -1;
}

static struct http_origin origin_copy(const struct http_origin *origin) {
    return (struct http_origin){mem_strdup(origin->scheme), mem_strdup(origin->host),
                                mem_strdup(origin->port)};
}

int http_origin_recall(struct http_origin_memo *memo, const char *url, struct http_origin *ret,
                       struct err *err) {
    if (memo->url && text_equal(memo->url, url)) {
        *ret = origin_copy(&memo->origin);
        return 0;
    }
    if (http_origin_parse(url, false, ret, err) < 0)
        return -1;
    http_origin_memo_release(memo);
    memo->url = mem_strdup(url);
    memo->origin = origin_copy(ret);
    return 0;
}

void http_origin_memo_release(struct http_origin_memo *memo) {
    if (memo->url)
        mem_wipe_free(memo->url, strlen(memo->url));
    memo->url = NULL;
    http_origin_release(&memo->origin);
}

void http_origin_release(struct http_origin *origin) {
    mem_free(origin->scheme);
    mem_free(origin->host);
    mem_free(origin->port);
    *origin = (struct http_origin){0};
}

bool http_origin_equal(const struct http_origin *a, const struct http_origin *b) {
    return text_equal(a->scheme, b->scheme) && text_equal(a->host, b->host) &&
           text_equal(a->port, b->port);
}

char *http_origin_text(const struct http_origin *origin) {
    bool usual = text_equal(origin->port, text_equal(origin->scheme, "https") ? "443" : "80");
    bool v6 = strchr(origin->host, ':') != NULL;
    return mem_printf("%s%s%s%s%s", v6 ? "[" : "", origin->host, v6 ? "]" : "", usual ? "" : ":",
                      usual ? "" : origin->port);
}

char *http_origin_rename(const char *url, const char *host) {
    CURLU *handle = curl_url();
    char *result = NULL;
    if (curl_url_set(handle, CURLUPART_URL, url, 0) == CURLUE_OK &&
        curl_url_set(handle, CURLUPART_HOST, host, 0) == CURLUE_OK)
        result = part_get(handle, CURLUPART_URL, 0);
    curl_url_cleanup(handle);
    return result;
}

/* ---- redirects ----------------------------------------------------------------------------- */

/* `location` seen from `url`, without userinfo: a server does not choose our credentials. */
static char *location_resolve(const char *url, const char *location) {
    CURLU *handle = curl_url();
    char *result = NULL;
    if (curl_url_set(handle, CURLUPART_URL, url, 0) == CURLUE_OK &&
        curl_url_set(handle, CURLUPART_URL, location, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK) {
        curl_url_set(handle, CURLUPART_USER, NULL, 0);
        curl_url_set(handle, CURLUPART_PASSWORD, NULL, 0);
        result = part_get(handle, CURLUPART_URL, 0);
    }
    curl_url_cleanup(handle);
    return result;
}

static bool status_redirects(long status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* RFC 9110, 15.4: 303 asks for a GET; 301 and 302 turn a POST into one, as all clients do. */
static bool becomes_get(const struct request *request) {
    if (text_equal(request->method, "HEAD") || text_equal(request->method, "GET"))
        return false;
    return request->answer.status == 303 ||
           (request->answer.status <= 302 && text_equal(request->method, "POST"));
}

static bool has_body(const struct request *request) {
    return request->method == request->spec.method &&
           (request->spec.body || request->spec.body_file);
}

static int hop_refuse(struct request *request, const struct http_origin *to, struct err *err) {
    AUTO_TEXT from = http_origin_text(&request->origin);
    AUTO_TEXT target = http_origin_text(to);
    if (request->redirects >= HTTP_REDIRECTS)
        return err_set(err, ERR_LIMIT, "%s redirects more than %d times", from, HTTP_REDIRECTS);
    if (text_equal(request->origin.scheme, "https") && text_equal(to->scheme, "http")) {
        err_set(err, ERR_REFUSED, "%s redirects from https to http on %s", from, target);
        return err_hint(err, "ask for the http:// address itself, if it is meant");
    }
    if (!http_origin_equal(&request->origin, to) && request->spec.socket) {
        err_set(err, ERR_REFUSED, "%s redirects to %s, where its tunnel does not lead", from,
                target);
        return err_hint(err, "ask %s itself, in a step of its own", target);
    }
    if (!http_origin_equal(&request->origin, to) && has_body(request) && !becomes_get(request)) {
        err_set(err, ERR_REFUSED, "%s redirects (%ld) the request's body to another host, %s", from,
                request->answer.status, target);
        return err_hint(err, "send it to %s itself, if it is meant", target);
    }
    return 0;
}

int http_redirect_follow(struct request *request, struct err *err) {
    const char *location = http_answer_header(&request->answer, "location");
    if (!request->spec.follow || !status_redirects(request->answer.status) || !location)
        return 0;
    char *url = location_resolve(request->url, location);
    struct http_origin to = {0};
    if (!url || http_origin_parse(url, false, &to, err) < 0) {
        AUTO_TEXT from = http_origin_text(&request->origin);
        mem_free(url);
        return err_set(err, ERR_REFUSED, "%s redirects to something that is no http address", from);
    }
    if (hop_refuse(request, &to, err) < 0) {
        mem_free(url);
        http_origin_release(&to);
        return -1;
    }
    if (becomes_get(request))
        request->method = "GET";
    request->abroad = request->abroad || !http_origin_equal(&request->origin, &to);
    request->redirects++;
    mem_free(request->url);
    http_origin_release(&request->origin);
    request->url = url;
    request->origin = to;
    return 1;
}

bool http_header_goes_abroad(const char *name) {
    for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
        if (strcasecmp(name, harmless[i]) == 0)
            return true;
    return false;
}
