/* Errors: what went wrong, where, and what would be right.
 *
 * A fallible function returns a negative number and fills the caller's `struct err`; on success
 * the object is untouched. On the way up `err_wrap` says what was being done. Only the command
 * line prints errors. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdint.h>

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

enum err_kind {
    ERR_NONE,
    ERR_INVALID,     /* input (command line, runbook, value) is wrong: exit 2 */
    ERR_SYSTEM,      /* the operating system refused; `sys` holds errno */
    ERR_UNREACHABLE, /* a server, host or database did not answer */
    ERR_REFUSED,     /* a server or a person said no */
    ERR_TIMEOUT,     /* a time limit ran out */
    ERR_LIMIT,       /* a declared ceiling was reached */
    ERR_BUSY,        /* somebody else holds the lock: exit 8 */
    ERR_UNKNOWN,     /* it depends on what a dry run does not know */
    ERR_WARNING,     /* in diagnostics only: told, and no error */
    ERR_TRANSCRIPT,  /* the transcript could not be written or is damaged: exit 7 */
};

/* Where in a file; line and column count from 1 (columns in characters), 0 is unknown. */
struct span {
    const char *file; /* borrowed; lives as long as the loaded runbook */
    uint32_t line;
    uint32_t column;
    uint32_t length; /* characters to underline, at least 1 */
};

struct err {
    enum err_kind kind;
    int sys;
    struct span span;
    char *message; /* one sentence without a final full stop; owned */
    char *hint;    /* what would be right; owned, may be NULL */
};

#define ERR_INIT                                                                                   \
    { 0 }

/* All setters return -1, so that `return err_set(err, …);` is the idiom. `err` may be NULL. */
int err_set(struct err *err, enum err_kind kind, const char *format, ...) PRINTF_LIKE(3, 4);
/* Message becomes "<format>: <strerror(sys)>". */
int err_sys(struct err *err, int sys, const char *format, ...) PRINTF_LIKE(3, 4);
int err_at(struct err *err, struct span span, const char *format, ...) PRINTF_LIKE(3, 4);
/* Prefixes the message: "<format>: <message>". Returns -1. */
int err_wrap(struct err *err, const char *format, ...) PRINTF_LIKE(2, 3);
/* Replaces the hint. Returns -1. */
int err_hint(struct err *err, const char *format, ...) PRINTF_LIKE(2, 3);
/* Moves `from` into `to` (either may be NULL) and empties `from`. Returns -1. */
int err_move(struct err *to, struct err *from);
/* Frees what it holds and resets it to ERR_INIT. */
void err_release(struct err *err);

#define AUTO_ERR __attribute__((cleanup(err_release))) struct err

#endif
