/* A mail by SMTP: libcurl speaks the protocol, encodes the text and doubles the dots. */
#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "io/http_curl.h"

#define REPLY_MAX ((size_t)1000)
#define QUIT_REPLY 221 /* RFC 5321, 4.2.3: the service closes; says nothing of the mail */

#define SET(option, value) curl_easy_setopt(easy, CURLOPT_##option, value)

/* ---- what may be sent ---------------------------------------------------------------------- */

/* RFC 5321's dot-atom and domain, in ASCII: nothing that could end the command or begin another. */
static bool is_address(const char *text) {
    const char *at = strrchr(text, '@');
    if (!at || at == text || !at[1] || strlen(text) > 254)
        return false;
    for (const char *c = text; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr(c < at ? ".!#$%&'*+-/=?^_`{|}~" : ".-:[]@", *c))
            return false;
    return true;
}

static int address_check(const char *text, struct err *err) {
    if (is_address(text))
        return 0;
    return err_set(err, ERR_INVALID, "\"%s\" is no mail address", text);
}

int http_mail_check(const struct http_spec *spec, struct err *err) {
    if (address_check(spec->mail->from, err) < 0)
        return -1;
    for (size_t i = 0; i < spec->mail->to_count; i++)
        if (address_check(spec->mail->to[i], err) < 0)
            return -1;
    return 0;
}

/* ---- the transfer -------------------------------------------------------------------------- */

/* "250-sink.example" and "250 ok": the last line of the last reply is kept. */
static size_t take_reply(char *bytes, size_t size, size_t count, void *user) {
    struct request *request = user;
    struct http_answer *answer = &request->answer;
    size_t length = size * count, kept = length;
    AUTO_TEXT line = mem_strndup(bytes, length);
    long status = strtol(line, NULL, 10);
    while (kept > 0 && (bytes[kept - 1] == '\n' || bytes[kept - 1] == '\r'))
        kept--;
    if (status < 200 || status > 599 || status == QUIT_REPLY)
        return length;
    answer->status = status;
    answer->body.ceiling = REPLY_MAX;
    buf_clear(&answer->body);
    (void)buf_append(&answer->body, bytes, kept < REPLY_MAX ? kept : REPLY_MAX);
    return length;
}

static void mail_text(CURL *easy, struct request *request) {
    request->mime = curl_mime_init(easy);
    curl_mimepart *part = curl_mime_addpart(request->mime);
    curl_mime_data(part, request->body ? request->body : "", request->spec.body_length);
    curl_mime_type(part, "text/plain; charset=utf-8");
    curl_mime_encoder(part, "quoted-printable");
    SET(MIMEPOST, request->mime);
}

static void mail_people(CURL *easy, struct request *request) {
    SET(MAIL_FROM, request->mail.from);
    for (size_t i = 0; i < request->mail.to_count; i++)
        request->recipients = curl_slist_append(request->recipients, request->mail_to[i]);
    SET(MAIL_RCPT, request->recipients);
    for (size_t i = 0; i < request->spec.header_count; i++) {
        const struct http_header *header = &request->headers[i];
        AUTO_TEXT line = mem_printf("%s: %s", header->name, header->value);
        request->sent_headers = curl_slist_append(request->sent_headers, line);
    }
    SET(HTTPHEADER, request->sent_headers);
}

void http_mail_prepare(struct request *request) {
    CURL *easy = request->easy;
    const struct http_mail *mail = &request->mail;
    SET(URL, request->url);
    SET(PROTOCOLS_STR, "smtp,smtps");
    SET(USE_SSL, (long)(mail->must_encrypt  ? CURLUSESSL_ALL
                        : mail->may_encrypt ? CURLUSESSL_TRY
                                            : CURLUSESSL_NONE));
    SET(FRESH_CONNECT, 1L);
    SET(FORBID_REUSE, 1L);
    SET(HEADERFUNCTION, take_reply);
    mail_people(easy, request);
    mail_text(easy, request);
}

/* ---- what went wrong ----------------------------------------------------------------------- */

static bool refusal_explain(struct request *request, CURLcode code, struct err *err) {
    const struct http_answer *answer = &request->answer;
    AUTO_TEXT peer = http_origin_text(&request->origin);
    const char *what = code == CURLE_LOGIN_DENIED ? "the login" : "the mail";
    if (answer->status < 400)
        return false;
    err_set(err, ERR_REFUSED, "%s refused %s: %s", peer, what, buf_text(&answer->body));
    if (answer->status < 500)
        err_hint(err, "it may take it later: give the step a `retry`");
    return true;
}

bool http_mail_explain(struct request *request, CURLcode code, struct err *err) {
    AUTO_TEXT peer = http_origin_text(&request->origin);
    if (code == CURLE_USE_SSL_FAILED) {
        err_set(err, ERR_REFUSED, "%s offers no STARTTLS, and this mail goes over TLS only", peer);
        err_hint(err, "does the server expect smtps://?");
        return true;
    }
    if (code == CURLE_OPERATION_TIMEDOUT)
        return false;
    return refusal_explain(request, code, err);
}
