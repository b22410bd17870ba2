#include "io/http.h"

#include "base/buf.h"
#include "base/mem.h"
#include "io/http_module.h"
#include "io/module.h"

/* Stands for a request where libcurl cannot be loaded: it only reports that. */
struct http_absent {
    struct http_request base;
    void (*done)(void *user, const struct http_response *response, struct err *err);
    void *user;
    struct err err;
};

static void absent_report(void *user) {
    struct http_absent *absent = user;
    const struct http_response none = {
        .dns_ms = -1, .connect_ms = -1, .tls_ms = -1, .first_byte_ms = -1};
    absent->done(absent->user, &none, &absent->err);
    err_release(&absent->err);
    mem_free(absent);
}

struct http_request *http_start(struct loop *loop, const struct http_spec *spec,
                                void (*done)(void *user, const struct http_response *response,
                                             struct err *err),
                                void *user) {
    struct err err = ERR_INIT;
    const struct http_module *module = MODULE_LOAD(http, &err);
    if (module)
        return module->start(loop, spec, done, user);
    struct http_absent *absent = mem_zalloc(sizeof *absent);
    absent->done = done;
    absent->user = user;
    absent->err = err;
    loop_defer(loop, absent_report, absent);
    return &absent->base;
}

void http_cancel(struct http_request *request, bool timed_out) {
    if (request->module)
        request->module->cancel(request, timed_out);
}

static bool is_unreserved(unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

char *http_escape(const char *text, size_t length) {
    static const char hex[] = "0123456789ABCDEF";
    struct buf out = BUF_INIT(SIZE_MAX);
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        char escaped[3] = {'%', hex[c >> 4], hex[c & 15]};
        if (is_unreserved(c))
            buf_putc(&out, text[i]);
        else
            buf_append(&out, escaped, sizeof escaped);
    }
    char *result = buf_detach(&out);
    return result ? result : mem_strdup("");
}
