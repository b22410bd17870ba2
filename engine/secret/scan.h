/* Finds needles in text: a filter over the first three bytes, then the reading of the few
 * needles that may begin there. Private to the redactor. */
#ifndef SECRET_SCAN_H
#define SECRET_SCAN_H

#include <stdbool.h>
#include <stddef.h>

struct scan;
struct scan *scan_new(void);
void scan_free(struct scan *scan); /* wipes every needle */
/* All forms of these bytes; `name` is given back by scan_at. */
void scan_add(struct scan *scan, const char *bytes, size_t length, size_t name);
bool scan_empty(const struct scan *scan);

/* The first place at or behind `from` where a needle may begin; `length` where there is none. */
size_t scan_next(const struct scan *scan, const char *text, size_t from, size_t length);

/* Whether no needle stands in a text that is complete. */
bool scan_is_free(const struct scan *scan, const char *text, size_t length);

struct scan_found {
    size_t length; /* of the longest needle that stands here; 0 for none */
    size_t name;
    bool cut;         /* a longer one may stand here: more text is needed */
    size_t cut_known; /* the most bytes of a secret that such a one showed */
    size_t cut_name;
};
/* What begins at the first byte of the text. */
void scan_at(const struct scan *scan, const char *text, size_t length, bool final,
             struct scan_found *ret);

/* The same where the first byte may stand in the middle of a needle, whose beginning nobody will
 * see: adds to `found` what holds `least` bytes of a secret or more, and goes on to its end. */
void scan_rest_at(const struct scan *scan, const char *text, size_t length, size_t least,
                  bool final, struct scan_found *found);

#endif
