#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

/* The new text is made before the old one is freed: arguments may point into it. */
static void err_fill(struct err *err, enum err_kind kind, int sys, char *message) {
    err_release(err);
    err->kind = kind;
    err->sys = sys;
    err->message = message;
}

int err_set(struct err *err, enum err_kind kind, const char *format, ...) {
    if (!err)
        return -1;
    va_list args;
    va_start(args, format);
    char *message = mem_vprintf(format, args);
    va_end(args);
    err_fill(err, kind, 0, message);
    return -1;
}

int err_sys(struct err *err, int sys, const char *format, ...) {
    if (!err)
        return -1;
    va_list args;
    va_start(args, format);
    char *doing = mem_vprintf(format, args);
    va_end(args);
    char text[128];
    char *message = mem_printf("%s: %s", doing, strerror_r(sys, text, sizeof text));
    mem_free(doing);
    err_fill(err, ERR_SYSTEM, sys, message);
    return -1;
}

int err_at(struct err *err, struct span span, const char *format, ...) {
    if (!err)
        return -1;
    va_list args;
    va_start(args, format);
    char *message = mem_vprintf(format, args);
    va_end(args);
    err_fill(err, ERR_INVALID, 0, message);
    err->span = span;
    return -1;
}

int err_wrap(struct err *err, const char *format, ...) {
    if (!err)
        return -1;
    va_list args;
    va_start(args, format);
    char *doing = mem_vprintf(format, args);
    va_end(args);
    if (err->message) {
        char *message = mem_printf("%s: %s", doing, err->message);
        mem_free(err->message);
        mem_free(doing);
        err->message = message;
    } else {
        err->message = doing;
    }
    return -1;
}

int err_hint(struct err *err, const char *format, ...) {
    if (!err)
        return -1;
    va_list args;
    va_start(args, format);
    char *hint = mem_vprintf(format, args);
    va_end(args);
    mem_free(err->hint);
    err->hint = hint;
    return -1;
}

int err_move(struct err *to, struct err *from) {
    if (!from || to == from)
        return -1;
    if (!to) {
        err_release(from);
        return -1;
    }
    err_release(to);
    *to = *from;
    *from = (struct err)ERR_INIT;
    return -1;
}

void err_release(struct err *err) {
    if (!err)
        return;
    mem_free(err->message);
    mem_free(err->hint);
    *err = (struct err)ERR_INIT;
}
