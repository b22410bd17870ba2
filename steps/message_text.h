/* A mail's headers as RFC 5322 and RFC 2047 want them. */
#ifndef STEPS_MESSAGE_TEXT_H
#define STEPS_MESSAGE_TEXT_H

#include "base/err.h"

/* `text` as the value of a header: as it is where it is plain, else in encoded words. One with a
 * line break or a control character is an error that names `what`. The caller frees. */
int message_header(const char *what, const char *text, char **ret, struct err *err) MUST_USE;
/* "oncall@example.org" or "On call <oncall@example.org>": the address alone, and the header. The
 * caller frees both. */
int message_person(const char *what, const char *text, char **ret_address, char **ret_header,
                   struct err *err) MUST_USE;
/* The moment as RFC 5322 has it, in UTC; the caller frees. */
char *message_date(int64_t wall_ns);

#endif
