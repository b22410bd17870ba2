/* What people are told, by webhook and by mail: of the step types `notify` and `approval`. */
#ifndef STEPS_MESSAGE_H
#define STEPS_MESSAGE_H

#include "step.h"

struct message_tls {
    bool verify;
    struct template *ca;
};

struct message_email {
    struct template *server, *user, *password;
    struct template *from;
    struct field_list to; /* struct template * each */
    struct template *subject;
    struct message_tls *tls;
};

struct message_spec {
    struct template *webhook;
    struct message_email *email;
    struct template *text;
    struct template *json;
    struct field_map headers; /* struct template * each */
};

extern const struct field message_fields[]; /* of struct message_spec */

/* `has_text`: there is a text where the message says none. */
void message_check(const struct message_spec *spec, bool has_text, const struct step_check *check);
void message_plan(const struct message_spec *spec, const struct step_plan *plan);
void message_demand(const struct message_spec *spec, const struct step_demand *demand);

/* Renders and sends, each way at once, within `limit_ms`. `fallback` is the text where the message
 * says none, or NULL. `sent` is called once, from the loop: with what came back, {webhook: {status,
 * time_ms}, email: {status, reply, time_ms}}, and with `err` where one of them failed, which may be
 * taken. The message is the caller's to free, also from there. */
struct message;
int message_send(struct step_ctx *ctx, const struct message_spec *spec, const char *fallback,
                 int64_t limit_ms, void (*sent)(void *user, value data_taken, struct err *err),
                 void *user, struct message **ret, struct err *err) MUST_USE;
void message_cancel(struct message *message, bool timed_out); /* `sent` follows */
/* Where `sent` was not called, it is not. */
void message_free(struct message *message);

#endif
