#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/text.h"
#include "io/http_curl.h"

/* OpenSSL's verdicts (X509_V_ERR_…, x509_vfy.h), which libcurl hands through as a number. */
enum {
    VERDICT_NO_ISSUER = 2,
    VERDICT_NOT_YET = 9,
    VERDICT_EXPIRED = 10,
    VERDICT_SELF_SIGNED = 18,
    VERDICT_SELF_SIGNED_CHAIN = 19,
    VERDICT_NO_ISSUER_HERE = 20,
    VERDICT_NO_CHAIN = 21,
    VERDICT_REVOKED = 23,
    VERDICT_PURPOSE = 26,
};

static const char *reason_of(const struct request *request, CURLcode code) {
    return request->reason[0] ? request->reason : curl_easy_strerror(code);
}

/* Host and port always: the default port too, as it is what a firewall sees. */
static char *peer_text(const struct request *request) {
    bool v6 = strchr(request->origin.host, ':') != NULL;
    return mem_printf("%s%s%s:%s", v6 ? "[" : "", request->origin.host, v6 ? "]" : "",
                      request->origin.port);
}

/* Whom libcurl tried to reach, as its message says: not the server where a proxy stands between.
 * No figure tells that in 7.88. */
static char *tried_text(const struct request *request) {
    char host[256];
    char port[8];
    if (sscanf(request->reason, "Failed to connect to %255s port %7[0-9]", host, port) != 2 ||
        (strcasecmp(host, request->origin.host) == 0 && text_equal(port, request->origin.port)))
        return peer_text(request);
    return mem_printf("the proxy %s:%s", host, port);
}

static int fault_connect(struct request *request, CURLcode code, struct err *err) {
    AUTO_TEXT peer = tried_text(request);
    long sys = 0;
    curl_easy_getinfo(request->easy, CURLINFO_OS_ERRNO, &sys);
    if (sys == ECONNREFUSED) {
        err_set(err, ERR_UNREACHABLE, "connect to %s was refused", peer);
        err_hint(err, "nothing listens on that port there, or a firewall rejects it");
    } else if (sys) {
        char text[128];
        err_set(err, ERR_UNREACHABLE, "connect to %s failed: %s", peer,
                strerror_r((int)sys, text, sizeof text));
    } else {
        err_set(err, ERR_UNREACHABLE, "connect to %s failed: %s", peer, reason_of(request, code));
    }
    if (err)
        err->sys = (int)sys;
    return -1;
}

static int fault_resolve(struct request *request, CURLcode code, struct err *err) {
    if (code == CURLE_COULDNT_RESOLVE_PROXY) {
        err_set(err, ERR_UNREACHABLE, "could not resolve the proxy's name: %s",
                reason_of(request, code));
        return err_hint(err, "proxies come from http_proxy, https_proxy and all_proxy in the "
                             "environment; no_proxy lists what goes without");
    }
    err_set(err, ERR_UNREACHABLE, "could not resolve host %s", request->origin.host);
    return err_hint(err, "is the name right, and does this machine's DNS know it?");
}

/* The limit that ran out, in ms; where the caller's own clock ended it, how long it took. */
static int64_t limit_passed(const struct request *request) {
    const struct http_spec *spec = &request->spec;
    int64_t elapsed = (int64_t)(request->response.total_ms + 0.5);
    int64_t connect = spec->connect_timeout_ms > 0 ? spec->connect_timeout_ms : HTTP_CONNECT_MS;
    if (spec->timeout_ms > 0 && elapsed >= spec->timeout_ms - 1)
        return spec->timeout_ms;
    bool is_connect = !request->about_to_send && elapsed >= connect - 1;
    return is_connect ? connect : elapsed;
}

static int fault_timeout(struct request *request, struct err *err) {
    AUTO_TEXT peer = peer_text(request);
    AUTO_TEXT limit = text_show_duration(limit_passed(request));
    const struct http_answer *answer = &request->answer;
    if (answer->status)
        return err_set(err, ERR_TIMEOUT,
                       "%s had not finished its answer within %s (%zu bytes had come)", peer, limit,
                       answer->body.length);
    if (request->about_to_send)
        return err_set(err, ERR_TIMEOUT, "no answer from %s within %s", peer, limit);
    return err_set(err, ERR_TIMEOUT, "no connection to %s within %s", peer, limit);
}

static int certificate_refused(struct err *err, const char *host, const char *what,
                               const char *hint) {
    err_set(err, ERR_REFUSED, "the certificate of %s %s", host, what);
    return err_hint(err, "%s", hint);
}

/* libcurl compares the names itself, with a code it shares with all other verdicts. */
static int fault_name(struct request *request, struct err *err) {
    const char *said = request->abroad ? NULL : request->spec.server_name;
    err_set(err, ERR_REFUSED, "the certificate of %s is not for the name %s", request->origin.host,
            said ? said : request->origin.host);
    return err_hint(err, "use the name it was made for, or say it as `tls: {server_name: …}`");
}

static int fault_certificate(struct request *request, CURLcode code, struct err *err) {
    static const char untrusted[] = "name its authority as `tls: {ca: FILE}`";
    const char *host = request->origin.host;
    long verdict = 0;
    if (strstr(request->reason, "target host name"))
        return fault_name(request, err);
    curl_easy_getinfo(request->easy, CURLINFO_SSL_VERIFYRESULT, &verdict);
    switch (verdict) {
    case VERDICT_EXPIRED:
        return certificate_refused(err, host, "has expired", "renew it on the server");
    case VERDICT_NOT_YET:
        return certificate_refused(err, host, "is not yet valid",
                                   "compare the clocks of this machine and the server");
    case VERDICT_SELF_SIGNED:
    case VERDICT_SELF_SIGNED_CHAIN:
        return certificate_refused(err, host, "is self-signed", untrusted);
    case VERDICT_NO_ISSUER:
    case VERDICT_NO_ISSUER_HERE:
    case VERDICT_NO_CHAIN:
        return certificate_refused(err, host, "is from an authority that is not trusted here",
                                   untrusted);
    case VERDICT_REVOKED:
        return certificate_refused(err, host, "was revoked", "renew it on the server");
    case VERDICT_PURPOSE:
        return certificate_refused(err, host, "is not meant for servers", "renew it on the server");
    default:
        return err_set(err, ERR_REFUSED, "the certificate of %s was refused: %s", host,
                       reason_of(request, code));
    }
}

/* A server that wants a client certificate says so as an alert: in TLS 1.3 only behind the
 * handshake, when the request may have gone out; it was not read then. The alert itself may get
 * lost, as the server resets the connection: then it is only likely. */
static bool wants_client_certificate(const struct request *request) {
    bool gave_one = request->spec.cert_file && !request->abroad;
    return request->certificate_alert || (request->certificate_asked && !gave_one);
}

static int fault_client_certificate(struct request *request, struct err *err) {
    AUTO_TEXT peer = peer_text(request);
    if (request->certificate_alert) {
        request->response.sent = false;
        request->response.unanswered = false;
    }
    if (request->spec.cert_file && !request->abroad)
        return err_set(err, ERR_REFUSED, "%s refused the client certificate %s", peer,
                       request->spec.cert_file);
    err_set(err, ERR_REFUSED, "%s requires a client certificate", peer);
    return err_hint(err, "give one as `tls: {cert: FILE, key: FILE}`");
}

static int fault_cut(struct request *request, CURLcode code, struct err *err) {
    AUTO_TEXT peer = peer_text(request);
    if (!request->answer.status && wants_client_certificate(request))
        return fault_client_certificate(request, err);
    if (request->answer.status)
        return err_set(err, ERR_UNREACHABLE,
                       "%s cut the connection in the middle of its answer (%zu bytes had come)",
                       peer, request->answer.body.length);
    if (code == CURLE_GOT_NOTHING)
        return err_set(err, ERR_UNREACHABLE, "%s closed the connection without an answer", peer);
    return err_set(err, ERR_UNREACHABLE, "the connection to %s was cut before an answer: %s", peer,
                   reason_of(request, code));
}

static int fault_tls(struct request *request, CURLcode code, struct err *err) {
    AUTO_TEXT peer = peer_text(request);
    if (wants_client_certificate(request))
        return fault_client_certificate(request, err);
    err_set(err, ERR_UNREACHABLE, "no TLS connection to %s: %s", peer, reason_of(request, code));
    if (strstr(request->reason, "wrong version number"))
        err_hint(err, "does that port speak plain http?");
    return -1;
}

static int fault_local_file(struct request *request, CURLcode code, struct err *err) {
    const struct http_spec *spec = &request->spec;
    if (code == CURLE_SSL_CACERT_BADFILE)
        return err_set(err, ERR_INVALID, "the authorities in %s cannot be read: %s",
                       spec->ca_file ? spec->ca_file : "the system's store",
                       reason_of(request, code));
    if (code == CURLE_SSL_CERTPROBLEM)
        return err_set(err, ERR_INVALID, "the client certificate %s cannot be used: %s",
                       spec->cert_file ? spec->cert_file : "", reason_of(request, code));
    return err_set(err, ERR_SYSTEM, "the body's file %s cannot be read",
                   spec->body_file ? spec->body_file : "");
}

static int fault_write(struct request *request, CURLcode code, struct err *err) {
    AUTO_TEXT peer = peer_text(request);
    /* It was answered; only we would not take it. */
    request->response.unanswered = false;
    if (request->answer.headers_too_long)
        return err_set(err, ERR_LIMIT, "the headers of %s's answer are larger than 256KiB", peer);
    if (request->answer.body.overflow) {
        AUTO_TEXT ceiling = text_show_size((int64_t)request->spec.body_ceiling);
        err_set(err, ERR_LIMIT, "the body of %s's answer is larger than %s", peer, ceiling);
        return err_hint(err, "raise `max_body:` if so much is meant");
    }
    return err_set(err, ERR_INVALID, "the answer of %s cannot be decoded: %s", peer,
                   reason_of(request, code));
}

int http_fault_explain(struct request *request, CURLcode code, struct err *err) {
    if (request->spec.mail && http_mail_explain(request, code, err))
        return -1;
    switch (code) {
    case CURLE_COULDNT_CONNECT:
        return fault_connect(request, code, err);
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        return fault_resolve(request, code, err);
    case CURLE_OPERATION_TIMEDOUT:
        return fault_timeout(request, err);
    case CURLE_PEER_FAILED_VERIFICATION:
        return fault_certificate(request, code, err);
    case CURLE_SSL_CONNECT_ERROR:
        return fault_tls(request, code, err);
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
        return fault_cut(request, code, err);
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_ABORTED_BY_CALLBACK:
    case CURLE_READ_ERROR:
        return fault_local_file(request, code, err);
    case CURLE_WRITE_ERROR:
    case CURLE_BAD_CONTENT_ENCODING:
        return fault_write(request, code, err);
    default: {
        AUTO_TEXT peer = peer_text(request);
        return err_set(err, ERR_UNREACHABLE, "%s: %s", peer, reason_of(request, code));
    }
    }
}
