/* The one redactor: everything that leaves the engine passes it.
 *
 * It removes each secret as it is and as base64 (three alignments) and base64url, URL-, JSON-,
 * XML- and shell-escaped, hex, and each line of a multi-line secret, and what the runbook's own
 * `redact:` patterns match. A stream holds back enough bytes that a secret cut by a read is
 * still found. What is removed becomes `[redacted:NAME]`. */
#ifndef SECRET_REDACT_H
#define SECRET_REDACT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "secret/secret.h"
#include "value/match.h"

struct redactor;
struct redactor *redactor_new(void);
void redactor_free(struct redactor *redactor);
void redactor_add_secret(struct redactor *redactor, const char *name, const char *bytes,
                         size_t length);
void redactor_add_secrets(struct redactor *redactor, const struct secrets *secrets);
/* Borrows the pattern, which must outlive the redactor. Streams apply patterns line by line, a
 * line counting as ended after REDACT_LINE_MAX bytes. */
void redactor_add_pattern(struct redactor *redactor, const struct match *pattern);
#define REDACT_LINE_MAX 65536

/* Whether it has nothing to look for, so that callers may spare the copies. */
bool redactor_is_idle(const struct redactor *redactor);

/* Whether nothing would be removed from it; false where that is not known at a glance. */
bool redact_text_is_clean(const struct redactor *redactor, const char *text, size_t length);
bool redact_value_is_clean(const struct redactor *redactor, value borrowed);

/* A whole text; the caller frees. */
char *redact_text(const struct redactor *redactor, const char *text, size_t length,
                  size_t *ret_length);
/* Every string of a JSON value, keys too; takes the value. */
value redact_value(const struct redactor *redactor, value taken);

/* A stream: what is written comes out at `sink`, redacted and in order. */
struct redact_stream;
struct redact_stream *redact_stream_new(const struct redactor *redactor,
                                        void (*sink)(void *user, const char *bytes, size_t length),
                                        void *user);
/* Before the first byte: the stream goes on where one was lost with what it held back, so it may
 * begin with the end of a secret, in any form, or of a line that a pattern would have to judge
 * whole. Both are removed, too: of a secret what is four bytes or more, or seven behind the rest
 * of an escaped character. */
void redact_stream_resume(struct redact_stream *stream);
void redact_stream_write(struct redact_stream *stream, const char *bytes, size_t length);
/* Flushes what is held back: no more bytes come. */
void redact_stream_end(struct redact_stream *stream);
void redact_stream_free(struct redact_stream *stream);

#endif
