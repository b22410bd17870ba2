#include "message.h"

#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/vec.h"
#include "io/http.h"
#include "message_text.h"

#define TEXT_MAX ((size_t)1 << 20)
#define SUBJECT_MAX 120 /* bytes of the first line where no subject is said */

enum way { WAY_WEBHOOK, WAY_EMAIL, WAYS };

struct message {
    struct step_ctx *ctx;
    const struct message_spec *spec;
    int64_t limit_ms;
    struct message_part {
        struct message *message;
        struct http_request *request; /* NULL before it starts and behind its end */
        bool is_wanted, is_over;
    } parts[WAYS];
    VEC(char *) texts; /* that requests borrow until they start */
    char *text;        /* redacted */
    value data;
    struct err err;
    bool is_orphan; /* freed while something was on its way */
    void (*sent)(void *user, value data_taken, struct err *err);
    void *user;
};

/* ---- texts --------------------------------------------------------------------------------- */

static const char *keep(struct message *message, char *text_taken) {
    *vec_add(&message->texts) = text_taken;
    return text_taken;
}

static int render(struct message *message, const struct template *tmpl, const char *what,
                  const char **ret, struct err *err) {
    char *text = NULL;
    *ret = NULL;
    if (!tmpl)
        return 0;
    if (step_render_text(message->ctx, tmpl, &text, err) < 0)
        return err_wrap(err, "%s", what);
    *ret = keep(message, text);
    return 0;
}

static int text_render(struct message *message, const char *fallback, struct err *err) {
    const char *text;
    if (render(message, message->spec->text, "the text", &text, err) < 0)
        return -1;
    message->text = step_redact(message->ctx, text ? text : fallback ? fallback : "");
    return 0;
}

static void names_secrets(void *user, const struct expr *expr) {
    *(bool *)user |= expr_mentions(expr, "secrets");
}

/* A body that names a secret is to have it, where it names it; all others are as redacted as a text
 * is. */
static int json_render(struct message *message, const char **ret, struct err *err) {
    bool is_meant = false;
    AUTO_VALUE body = value_none();
    if (!message->spec->json) {
        body = value_set(value_object(), "text", value_string(message->text));
    } else {
        template_each_expr(message->spec->json, names_secrets, &is_meant);
        if (step_render_meant(message->ctx, message->spec->json, &body, err) < 0)
            return err_wrap(err, "json");
    }
    AUTO_TEXT json = value_to_json(body);
    *ret = keep(message, is_meant ? mem_strdup(json) : step_redact(message->ctx, json));
    return 0;
}

/* ---- the end ------------------------------------------------------------------------------- */

static void message_dispose(struct message *message) {
    for (size_t i = 0; i < message->texts.count; i++)
        mem_wipe_free(message->texts.items[i], strlen(message->texts.items[i]));
    vec_release(&message->texts);
    mem_free(message->text);
    value_free(message->data);
    err_release(&message->err);
    mem_free(message);
}

static bool is_under_way(const struct message *message) {
    for (size_t i = 0; i < WAYS; i++)
        if (message->parts[i].is_wanted && !message->parts[i].is_over)
            return true;
    return false;
}

static void part_failed(struct message *message, const char *what, struct err *err) {
    err_wrap(err, "%s", what);
    if (message->err.kind == ERR_NONE)
        err_move(&message->err, err);
    else
        err_wrap(&message->err, "%s; and", err->message);
    err_release(err);
}

static value part_data(const struct message_part *part, const struct http_response *response) {
    bool is_mail = part == &part->message->parts[WAY_EMAIL];
    value data = value_object();
    if (response->status)
        data = value_set(data, "status", value_integer(response->status));
    if (is_mail && response->status)
        data = value_set(data, "reply", value_string_n(response->body, response->body_length));
    return value_set(data, "time_ms", value_integer((int64_t)(response->total_ms + 0.5)));
}

static void part_over(void *user, const struct http_response *response, struct err *err) {
    struct message_part *part = user;
    struct message *message = part->message;
    bool is_mail = part == &message->parts[WAY_EMAIL];
    AUTO_ERR fault = ERR_INIT;
    part->request = NULL;
    part->is_over = true;
    message->data =
        value_set(message->data, is_mail ? "email" : "webhook", part_data(part, response));
    if (err)
        err_move(&fault, err);
    else if (response->status < 200 || response->status > 299)
        err_set(&fault, ERR_REFUSED, "status %ld, expected 2xx", response->status);
    if (fault.kind != ERR_NONE)
        part_failed(message, is_mail ? "the mail" : "the webhook", &fault);
    if (is_under_way(message))
        return;
    if (message->is_orphan) {
        message_dispose(message);
        return;
    }
    value data = message->data;
    message->data = value_null();
    message->sent(message->user, data, message->err.kind == ERR_NONE ? NULL : &message->err);
}

static void part_start(struct message *message, enum way way, const struct http_spec *spec) {
    struct message_part *part = &message->parts[way];
    part->request = http_start(step_loop(message->ctx), spec, part_over, part);
}

/* ---- the webhook --------------------------------------------------------------------------- */

static int webhook_send(struct message *message, struct err *err) {
    const struct message_spec *spec = message->spec;
    VEC(struct http_header) headers = {0};
    AUTO_TEXT key = mem_printf("%s/%s/notify", step_run_id(message->ctx), step_id(message->ctx));
    struct http_spec request = {
        .method = "POST", .timeout_ms = message->limit_ms, .send_once = true};
    int status = render(message, spec->webhook, "webhook", &request.url, err);
    if (status == 0)
        status = json_render(message, &request.body, err);
    *vec_add(&headers) = (struct http_header){"Content-Type", "application/json"};
    *vec_add(&headers) = (struct http_header){"Idempotency-Key", key};
    for (size_t i = 0; i < spec->headers.count && status == 0; i++) {
        struct http_header *header = vec_add(&headers);
        header->name = spec->headers.keys[i];
        status = render(message, FIELD_AT(struct template *, &spec->headers, i),
                        spec->headers.keys[i], &header->value, err);
    }
    request.headers = headers.items;
    request.header_count = headers.count;
    request.body_length = request.body ? strlen(request.body) : 0;
    if (status == 0)
        part_start(message, WAY_WEBHOOK, &request);
    vec_release(&headers);
    return status;
}

/* ---- the mail ------------------------------------------------------------------------------ */

struct letter {
    struct http_mail mail;
    VEC(const char *) to;
    struct buf to_header;
    VEC(struct http_header) headers;
};

static void header_add(struct letter *letter, const char *name, const char *text) {
    *vec_add(&letter->headers) = (struct http_header){name, text};
}

static int to_add(struct message *message, struct letter *letter, const char *text,
                  struct err *err) {
    char *address, *header;
    if (message_person("`to`", text, &address, &header, err) < 0)
        return -1;
    buf_printf(&letter->to_header, "%s%s", letter->to.count ? ",\r\n " : "", header);
    *vec_add(&letter->to) = keep(message, address);
    mem_free(header);
    return 0;
}

/* A template may yield a list of people, as a parameter does. */
static int to_render(struct message *message, struct letter *letter, const struct template *tmpl,
                     struct err *err) {
    AUTO_VALUE rendered = value_none();
    if (step_render(message->ctx, tmpl, &rendered, err) < 0)
        return err_wrap(err, "to");
    if (!value_is(rendered, VALUE_ARRAY)) {
        const char *text;
        return render(message, tmpl, "to", &text, err) < 0 ? -1
                                                           : to_add(message, letter, text, err);
    }
    for (size_t i = 0; i < value_count(rendered); i++) {
        AUTO_VALUE item = value_at(rendered, i);
        bool is_text =
            value_is(item, VALUE_STRING) && strlen(value_text(item)) == value_text_length(item);
        if (!is_text)
            return err_set(err, ERR_INVALID, "item %zu of `to` is no mail address", i + 1);
        if (to_add(message, letter, value_text(item), err) < 0)
            return -1;
    }
    return 0;
}

static int people_render(struct message *message, struct letter *letter, struct err *err) {
    const struct message_email *email = message->spec->email;
    const char *text;
    char *address, *header;
    if (render(message, email->from, "from", &text, err) < 0 ||
        message_person("`from`", text, &address, &header, err) < 0)
        return -1;
    letter->mail.from = keep(message, address);
    header_add(letter, "From", keep(message, header));
    for (size_t i = 0; i < email->to.count; i++)
        if (to_render(message, letter, FIELD_AT(struct template *, &email->to, i), err) < 0)
            return -1;
    if (letter->to.count == 0)
        return err_set(err, ERR_INVALID, "`to` names nobody");
    header_add(letter, "To", buf_text(&letter->to_header));
    return 0;
}

static int subject_render(struct message *message, struct letter *letter, struct err *err) {
    const char *text;
    char *header;
    if (render(message, message->spec->email->subject, "subject", &text, err) < 0)
        return -1;
    size_t length = strcspn(message->text, "\r\n");
    length = length < SUBJECT_MAX ? length : SUBJECT_MAX;
    while (length > 0 && ((unsigned char)message->text[length] & 0xc0) == 0x80)
        length--;
    AUTO_TEXT first = mem_strndup(message->text, length);
    AUTO_TEXT subject = step_redact(message->ctx, text ? text : first);
    if (message_header("`subject`", subject, &header, err) < 0)
        return -1;
    header_add(letter, "Subject", keep(message, header));
    return 0;
}

/* The same for all attempts, so that what arrives twice is known as one. */
static void marks_add(struct message *message, struct letter *letter) {
    char *path = mem_strdup(step_id(message->ctx));
    for (char *c = path; *c; c++)
        if (strchr("/[]", *c))
            *c = '.';
    header_add(letter, "Date", keep(message, message_date(clock_wall_ns())));
    header_add(
        letter, "Message-ID",
        keep(message, mem_printf("<%s.%s@runbook.invalid>", step_run_id(message->ctx), path)));
    header_add(letter, "Auto-Submitted", "auto-generated");
    mem_free(path);
}

static bool is_this_machine(const char *url) {
    const char *host = strstr(url, "://");
    host = host ? host + 3 : url;
    size_t length = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/?#");
    AUTO_TEXT name = mem_strndup(host, length);
    return text_equal(name, "localhost") || text_starts_with(name, "127.") ||
           text_equal(name, "[::1]");
}

/* What stays on this machine needs no TLS, and a server there seldom has a certificate. */
static int server_render(struct message *message, struct http_spec *request, struct http_mail *mail,
                         struct err *err) {
    const struct message_email *email = message->spec->email;
    if (render(message, email->server, "server", &request->url, err) < 0 ||
        render(message, email->user, "user", &request->user, err) < 0 ||
        render(message, email->password, "password", &request->password, err) < 0)
        return -1;
    bool is_near = request->url && is_this_machine(request->url) && !email->tls;
    mail->may_encrypt = !is_near;
    mail->must_encrypt = !is_near && (request->password || email->tls);
    request->auth = request->user ? HTTP_AUTH_BASIC : HTTP_AUTH_NONE;
    request->insecure = email->tls && !email->tls->verify;
    return email->tls ? render(message, email->tls->ca, "ca", &request->ca_file, err) : 0;
}

/* RFC 2045, 6.7 (4): lines of a text end with CRLF, else they are no lines. */
static const char *lines_of(struct message *message) {
    struct buf lines = BUF_INIT(TEXT_MAX * 2);
    for (const char *c = message->text; *c; c++) {
        if (*c == '\n' && (c == message->text || c[-1] != '\r'))
            buf_putc(&lines, '\r');
        buf_putc(&lines, *c);
    }
    char *text = buf_detach(&lines);
    return keep(message, text ? text : mem_strdup(""));
}

static int email_send(struct message *message, struct err *err) {
    struct letter letter = {.to_header = BUF_INIT(TEXT_MAX)};
    struct http_spec request = {.timeout_ms = message->limit_ms, .send_once = true};
    int status = server_render(message, &request, &letter.mail, err);
    if (status == 0)
        status = people_render(message, &letter, err);
    if (status == 0)
        status = subject_render(message, &letter, err);
    if (status == 0) {
        marks_add(message, &letter);
        letter.mail.to = letter.to.items;
        letter.mail.to_count = letter.to.count;
        request.mail = &letter.mail;
        request.headers = letter.headers.items;
        request.header_count = letter.headers.count;
        request.body = lines_of(message);
        request.body_length = strlen(request.body);
        part_start(message, WAY_EMAIL, &request);
    }
    vec_release(&letter.to);
    vec_release(&letter.headers);
    buf_release(&letter.to_header);
    return status;
}

/* ---- life ---------------------------------------------------------------------------------- */

int message_send(struct step_ctx *ctx, const struct message_spec *spec, const char *fallback,
                 int64_t limit_ms, void (*sent)(void *user, value data_taken, struct err *err),
                 void *user, struct message **ret, struct err *err) {
    struct message *message = mem_zalloc(sizeof *message);
    message->ctx = ctx;
    message->spec = spec;
    message->limit_ms = limit_ms;
    message->data = value_object();
    message->sent = sent;
    message->user = user;
    for (size_t i = 0; i < WAYS; i++)
        message->parts[i].message = message;
    int status = text_render(message, fallback, err);
    message->parts[WAY_EMAIL].is_wanted = spec->email && status == 0;
    if (message->parts[WAY_EMAIL].is_wanted)
        status = email_send(message, err);
    message->parts[WAY_EMAIL].is_wanted &= status == 0;
    message->parts[WAY_WEBHOOK].is_wanted = spec->webhook && status == 0;
    if (message->parts[WAY_WEBHOOK].is_wanted)
        status = webhook_send(message, err);
    message->parts[WAY_WEBHOOK].is_wanted &= status == 0;
    if (status < 0) {
        message_free(message);
        return -1;
    }
    *ret = message;
    return 0;
}

void message_cancel(struct message *message, bool timed_out) {
    for (size_t i = 0; i < WAYS; i++)
        if (message->parts[i].request)
            http_cancel(message->parts[i].request, timed_out);
}

void message_free(struct message *message) {
    if (!message)
        return;
    if (!is_under_way(message)) {
        message_dispose(message);
        return;
    }
    message->is_orphan = true;
    message_cancel(message, false);
}
