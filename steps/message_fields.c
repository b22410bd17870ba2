/* What may be written of a message, and what a plan says of it. */
#include "base/buf.h"
#include "base/mem.h"
#include "message.h"

#define LINE_CEILING ((size_t)64 << 10)

static const struct field message_address = {
    .key = "address",
    .kind = FIELD_TEXT,
    .flags = FIELD_SECRETS | FIELD_ITEM,
    .doc = "A mail address, perhaps with a name before it.",
    .example = "On call <oncall@example.org>",
};

static const struct field message_header_field = {
    .key = "header",
    .kind = FIELD_TEXT,
    .flags = FIELD_SECRETS | FIELD_ITEM,
    .doc = "The header's value.",
    .example = "\"Bearer ${{ .secrets.chat_token }}\"",
};

static const struct field tls_fields[] = {
    {
        .key = "verify",
        .kind = FIELD_BOOL,
        .offset = offsetof(struct message_tls, verify),
        .doc = "Whether the server's certificate must be valid; true by default.",
        .example = "false",
        .fallback = 1,
    },
    {
        .key = "ca",
        .kind = FIELD_TEXT,
        .flags = FIELD_ITEM,
        .offset = offsetof(struct message_tls, ca),
        .doc = "A PEM file of authorities to trust in place of the system's.",
        .example = "/etc/ssl/internal-ca.pem",
    },
    FIELD_END,
};

static const struct field email_fields[] = {
    {
        .key = "server",
        .kind = FIELD_TEXT,
        .flags = FIELD_REQUIRED | FIELD_SECRETS | FIELD_ITEM,
        .offset = offsetof(struct message_email, server),
        .doc =
            "The mail server's URL: smtp://, or smtps:// for TLS from the start. With smtp:// the "
            "connection is encrypted where the server offers it, and a password is sent to "
            "another machine only then.",
        .example = "smtp://mail.example.org:587",
    },
    {
        .key = "user",
        .kind = FIELD_TEXT,
        .flags = FIELD_SECRETS | FIELD_ITEM,
        .offset = offsetof(struct message_email, user),
        .doc = "Who logs in to the server.",
        .example = "runbook",
    },
    {
        .key = "password",
        .kind = FIELD_TEXT,
        .flags = FIELD_SECRETS | FIELD_ITEM,
        .offset = offsetof(struct message_email, password),
        .doc = "The password for it.",
        .example = "\"${{ .secrets.smtp_password }}\"",
    },
    {
        .key = "from",
        .kind = FIELD_TEXT,
        .flags = FIELD_REQUIRED | FIELD_ITEM,
        .offset = offsetof(struct message_email, from),
        .doc = "The sender.",
        .example = "runbook@example.org",
    },
    {
        .key = "to",
        .kind = FIELD_LIST,
        .flags = FIELD_REQUIRED | FIELD_ONE,
        .offset = offsetof(struct message_email, to),
        .doc = "The recipients.",
        .example = "[oncall@example.org]",
        .item = &message_address,
    },
    {
        .key = "subject",
        .kind = FIELD_TEXT,
        .flags = FIELD_ITEM,
        .offset = offsetof(struct message_email, subject),
        .doc = "The subject; the first line of the text where unsaid.",
        .example = "\"${{ .run.name }}: ${{ .run.status }}\"",
    },
    {
        .key = "tls",
        .kind = FIELD_OBJECT,
        .offset = offsetof(struct message_email, tls),
        .doc = "TLS is asked for also of a server on this machine, and its certificate checked so.",
        .example = "{ca: /etc/ssl/internal-ca.pem}",
        .fields = tls_fields,
        .size = sizeof(struct message_tls),
    },
    FIELD_END,
};

const struct field message_fields[] = {
    {
        .key = "webhook",
        .kind = FIELD_TEXT,
        .flags = FIELD_SECRETS | FIELD_ITEM,
        .offset = offsetof(struct message_spec, webhook),
        .doc = "A URL that gets the message as JSON, `{\"text\": …}`.",
        .example = "\"${{ .secrets.chat_url }}\"",
    },
    {
        .key = "email",
        .kind = FIELD_OBJECT,
        .offset = offsetof(struct message_spec, email),
        .doc = "A mail by SMTP.",
        .example = "{server: smtp://localhost, from: runbook@example.org, to: oncall@example.org}",
        .fields = email_fields,
        .size = sizeof(struct message_email),
    },
    {
        .key = "text",
        .kind = FIELD_TEXT,
        .flags = FIELD_ITEM,
        .offset = offsetof(struct message_spec, text),
        .doc = "The message. Secrets in it are redacted.",
        .example = "\"${{ .run.name }}: ${{ .run.status }}\"",
    },
    {
        .key = "json",
        .kind = FIELD_VALUE,
        .flags = FIELD_SECRETS | FIELD_ITEM,
        .offset = offsetof(struct message_spec, json),
        .doc =
            "The webhook's whole body, in place of `text`. A template that names `.secrets` sends "
            "what it names; in what the others yield secrets are redacted.",
        .example = "{channel: ops, text: done}",
    },
    {
        .key = "headers",
        .kind = FIELD_MAP,
        .flags = FIELD_ANY_KEY,
        .offset = offsetof(struct message_spec, headers),
        .doc = "Headers of the webhook's request.",
        .example = "{authorization: \"Bearer ${{ .secrets.chat_token }}\"}",
        .item = &message_header_field,
    },
    FIELD_END,
};

static void refuse(const struct step_check *check, const char *message, const char *hint) {
    AUTO_ERR err = ERR_INIT;
    err_at(&err, check->span, "%s", message);
    err_hint(&err, "%s", hint);
    check->report(check->user, &err);
}

void message_check(const struct message_spec *spec, bool has_text, const struct step_check *check) {
    if (!spec->webhook && !spec->email)
        refuse(check, "the message does not say whom to tell", "add `webhook:` or `email:`");
    if (!spec->text && !spec->json && !has_text)
        refuse(check, "there is nothing to tell", "add `text:`");
    if (spec->json && !spec->webhook)
        refuse(check, "`json` is the body of a webhook, and there is none",
               "add `webhook:`, or write `text:`");
    if (spec->json && spec->email && !spec->text && !has_text)
        refuse(check, "the mail has no message", "add `text:` for the mail");
}

void message_plan(const struct message_spec *spec, const struct step_plan *plan) {
    AUTO_BUF line = BUF_INIT(LINE_CEILING);
    if (spec->webhook) {
        template_show(&line, spec->webhook);
        plan->line(plan->user, "webhook", buf_text(&line), line.length);
    }
    for (size_t i = 0; spec->email && i < spec->email->to.count; i++) {
        buf_clear(&line);
        template_show(&line, FIELD_AT(struct template *, &spec->email->to, i));
        plan->line(plan->user, "email", buf_text(&line), line.length);
    }
    if (spec->text) {
        buf_clear(&line);
        template_show(&line, spec->text);
        plan->line(plan->user, "message", buf_text(&line), line.length);
    }
}

void message_demand(const struct message_spec *spec, const struct step_demand *demand) {
    AUTO_BUF url = BUF_INIT(LINE_CEILING);
    const struct template *const places[] = {spec->webhook,
                                             spec->email ? spec->email->server : NULL};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        buf_clear(&url);
        if (!places[i])
            continue;
        template_show(&url, places[i]);
        demand->need(demand->user, STEP_NEEDS_HOST, buf_text(&url), url.length);
    }
}
