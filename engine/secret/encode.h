/* The forms in which a secret may appear in text; private to the redactor.
 *
 * A needle is one secret in one form. It is read from text character by character, so that every
 * mixture of escaped and plain characters is recognised, whoever wrote it. */
#ifndef SECRET_ENCODE_H
#define SECRET_ENCODE_H

#include <stdbool.h>
#include <stddef.h>

enum form {
    FORM_RAW,
    FORM_URL,       /* %41, %2f, + for a space */
    FORM_BACKSLASH, /* JSON, shell and C: \n, \", \/, \x41, \101, \u00e9, \ud83d\ude00 */
    FORM_XML,       /* &amp; &#38; &#x26; */
    FORM_QUOTE,     /* shell: ' as '\'' or '"'"' */
    FORM_SQL,       /* ' as '' */
    FORM_CSV,       /* " as "" */
    FORM_BASE64,    /* both alphabets, also broken into lines */
    FORM_HEX,       /* both cases, also with separators and broken into lines */
};

struct needle {
    enum form form;
    unsigned char *bytes; /* of the secret; base64 digits for FORM_BASE64 */
    size_t length;
    size_t name;         /* whose it is */
    unsigned tail_bits;  /* FORM_BASE64: bits of a last digit that belong to the secret: 0, 2, 4 */
    unsigned tail_value; /* and what they are */
};

enum reading {
    READ_NO,
    READ_CUT, /* all of the text fits, but it ends too early */
    READ_YES,
};

/* Whether the text begins with the needle. READ_YES: *ret_length bytes of text. Else *ret_known
 * bytes of the secret were seen, in *ret_length bytes of text. `final`: nothing comes behind the
 * text. */
enum reading needle_read(const struct needle *needle, const char *text, size_t length, bool final,
                         size_t *ret_length, size_t *ret_known);

/* Calls `add` with a needle for each form of these bytes; `add` takes the needle's bytes. */
void needle_each(const char *bytes, size_t length, size_t name,
                 void (*add)(void *user, struct needle taken), void *user);

#endif
