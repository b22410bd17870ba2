#include "base/buf.h"
#include "step.h"

#define LINE_CEILING ((size_t)64 << 10)

struct notify_email {
    struct template *server, *user, *password;
    struct template *from;
    struct field_list to; /* struct template * each */
    struct template *subject;
};

struct notify_spec {
    struct template *webhook;
    struct notify_email *email;
    struct template *text;
    struct template *json;
    struct field_map headers; /* struct template * each */
};

static const struct field notify_address = {
    .key = "address",
    .kind = FIELD_TEXT,
    .flags = FIELD_SECRETS | FIELD_ITEM,
    .doc = "A mail address.",
    .example = "oncall@example.org",
};

static const struct field notify_header = {
    .key = "header",
    .kind = FIELD_TEXT,
    .flags = FIELD_SECRETS | FIELD_ITEM,
    .doc = "The header's value.",
    .example = "\"Bearer ${{ .secrets.chat_token }}\"",
};

static const struct field email_fields[] = {
    {
        .key = "server",
        .kind = FIELD_TEXT,
        .flags = FIELD_REQUIRED | FIELD_SECRETS | FIELD_ITEM,
        .offset = offsetof(struct notify_email, server),
        .doc = "The mail server's URL: smtp://, or smtps:// for TLS from the start.",
        .example = "smtp://mail.example.org:587",
    },
    {
        .key = "user",
        .kind = FIELD_TEXT,
        .flags = FIELD_SECRETS | FIELD_ITEM,
        .offset = offsetof(struct notify_email, user),
        .doc = "Who logs in to the server.",
        .example = "runbook",
    },
    {
        .key = "password",
        .kind = FIELD_TEXT,
        .flags = FIELD_SECRETS | FIELD_ITEM,
        .offset = offsetof(struct notify_email, password),
        .doc = "The password for it.",
        .example = "\"${{ .secrets.smtp_password }}\"",
    },
    {
        .key = "from",
        .kind = FIELD_TEXT,
        .flags = FIELD_REQUIRED | FIELD_ITEM,
        .offset = offsetof(struct notify_email, from),
        .doc = "The sender.",
        .example = "runbook@example.org",
    },
    {
        .key = "to",
        .kind = FIELD_LIST,
        .flags = FIELD_REQUIRED | FIELD_ONE,
        .offset = offsetof(struct notify_email, to),
        .doc = "The recipients.",
        .example = "[oncall@example.org]",
        .item = &notify_address,
    },
    {
        .key = "subject",
        .kind = FIELD_TEXT,
        .flags = FIELD_ITEM,
        .offset = offsetof(struct notify_email, subject),
        .doc = "The subject; the first line of the text where unsaid.",
        .example = "\"${{ .run.name }}: ${{ .run.status }}\"",
    },
    FIELD_END,
};

static const struct field notify_fields[] = {
    {
        .key = "webhook",
        .kind = FIELD_TEXT,
        .flags = FIELD_SECRETS | FIELD_ITEM,
        .offset = offsetof(struct notify_spec, webhook),
        .doc = "A URL that gets the message as JSON, `{\"text\": …}`.",
        .example = "\"${{ .secrets.chat_url }}\"",
    },
    {
        .key = "email",
        .kind = FIELD_OBJECT,
        .offset = offsetof(struct notify_spec, email),
        .doc = "A mail by SMTP.",
        .example = "{server: smtp://localhost, from: runbook@example.org, to: oncall@example.org}",
        .fields = email_fields,
        .size = sizeof(struct notify_email),
    },
    {
        .key = "text",
        .kind = FIELD_TEXT,
        .flags = FIELD_ITEM,
        .offset = offsetof(struct notify_spec, text),
        .doc = "The message.",
        .example = "\"${{ .run.name }}: ${{ .run.status }}\"",
    },
    {
        .key = "json",
        .kind = FIELD_VALUE,
        .flags = FIELD_SECRETS | FIELD_ITEM,
        .offset = offsetof(struct notify_spec, json),
        .doc = "The webhook's whole body, in place of `text`.",
        .example = "{channel: ops, text: done}",
    },
    {
        .key = "headers",
        .kind = FIELD_MAP,
        .flags = FIELD_ANY_KEY,
        .offset = offsetof(struct notify_spec, headers),
        .doc = "Headers of the webhook's request.",
        .example = "{authorization: \"Bearer ${{ .secrets.chat_token }}\"}",
        .item = &notify_header,
    },
    FIELD_END,
};

static enum effect notify_effect(const void *spec) {
    (void)spec;
    return EFFECT_ONCE;
}

static void refuse(const struct step_check *check, const char *message, const char *hint) {
    AUTO_ERR err = ERR_INIT;
    err_at(&err, check->span, "%s", message);
    err_hint(&err, "%s", hint);
    check->report(check->user, &err);
}

static void notify_check(const void *spec, const struct step_check *check) {
    const struct notify_spec *notify = spec;
    if (!notify->webhook && !notify->email)
        refuse(check, "`notify` does not say whom to tell", "add `webhook:` or `email:`");
    if (!notify->text && !notify->json)
        refuse(check, "`notify` has no message", "add `text:`");
    if (notify->json && !notify->webhook)
        refuse(check, "`json` is the body of a webhook, and there is none",
               "add `webhook:`, or write `text:`");
    if (notify->json && notify->email && !notify->text)
        refuse(check, "the mail has no message", "add `text:` for the mail");
}

static void notify_plan(const void *spec, const struct step_plan *plan) {
    const struct notify_spec *notify = spec;
    AUTO_BUF line = BUF_INIT(LINE_CEILING);
    if (notify->webhook) {
        template_show(&line, notify->webhook);
        plan->line(plan->user, "webhook", buf_text(&line), line.length);
    }
    for (size_t i = 0; notify->email && i < notify->email->to.count; i++) {
        buf_clear(&line);
        template_show(&line, FIELD_AT(struct template *, &notify->email->to, i));
        plan->line(plan->user, "email", buf_text(&line), line.length);
    }
    if (notify->text) {
        buf_clear(&line);
        template_show(&line, notify->text);
        plan->line(plan->user, "message", buf_text(&line), line.length);
    }
}

static void notify_demand(const void *spec, const struct step_demand *demand) {
    const struct notify_spec *notify = spec;
    AUTO_BUF url = BUF_INIT(LINE_CEILING);
    if (!notify->webhook)
        return;
    template_show(&url, notify->webhook);
    demand->need(demand->user, STEP_NEEDS_HOST, buf_text(&url), url.length);
}

const struct step_type step_notify_type = {
    .key = "notify",
    .doc = "Tells people, by webhook or by mail.",
    .example = "{webhook: \"${{ .secrets.chat_url }}\", text: The drill is over}",
    .fields = notify_fields,
    .size = sizeof(struct notify_spec),
    .effect = notify_effect,
    .check = notify_check,
    .plan = notify_plan,
    .demand = notify_demand,
};
