#include "cli/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "run/run.h"

void terminal_setup(void) {
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) >= 0) {
            continue;
        }
        /* The wrong way round, so that each use of it fails as it would on the closed one. */
        if (open("/dev/null", (fd == 0 ? O_WRONLY : O_RDONLY) | O_CLOEXEC) != fd) {
            _exit(RUN_INVALID);
        }
    }
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    (void)sigaction(SIGPIPE, &ignore, NULL);
    /* A limit of file sizes is an error of write, too, which ends the run in order. */
    (void)sigaction(SIGXFSZ, &ignore, NULL);
}

bool terminal_is(int fd) {
    return isatty(fd) == 1;
}

static const char *env_text(const char *name) {
    const char *text = getenv(name);
    return text && *text ? text : NULL;
}

bool terminal_is_smart(int fd) {
    const char *term = env_text("TERM");
    return terminal_is(fd) && term && !text_equal(term, "dumb");
}

bool terminal_is_utf8(void) {
    static const char *const variables[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        const char *locale = env_text(variables[i]);
        if (locale) {
            const char *charset = strchr(locale, '.');
            return charset && (strncasecmp(charset, ".utf-8", 6) == 0 ||
                               strncasecmp(charset, ".utf8", 5) == 0);
        }
    }
    return false;
}

void terminal_size(int fd, size_t *ret_columns, size_t *ret_rows) {
    struct winsize size = {0};
    if (ioctl(fd, TIOCGWINSZ, &size) < 0) {
        size = (struct winsize){0};
    }
    *ret_columns = size.ws_col > 0 ? size.ws_col : 80;
    *ret_rows = size.ws_row > 0 ? size.ws_row : 24;
}

struct text_style terminal_style(int fd) {
    struct text_style style = {.unicode = terminal_is_utf8()};
    if (terminal_is(fd)) {
        size_t rows = 0;
        terminal_size(fd, &style.columns, &rows);
        style.color = terminal_is_smart(fd) && !env_text("NO_COLOR");
    }
    return style;
}

int print_product(struct buf *buf) {
    struct err err = ERR_INIT;
    int status = 0;
    if (buf->overflow) {
        err_set(&err, ERR_LIMIT, "the output would be larger than %zu bytes", buf->ceiling);
        status = print_err(&err);
    } else if (file_write_all(STDOUT_FILENO, buf_text(buf), buf->length, &err) < 0) {
        status = RUN_FAILED;
        if (err.sys == EPIPE) {
            err_release(&err);
        } else {
            err_wrap(&err, "standard output");
            (void)print_err(&err);
        }
    }
    buf_release(buf);
    return status;
}

/* Nothing can be done about standard error failing; the exit status still tells. */
static void print_to_stderr(struct buf *buf) {
    struct err ignored = ERR_INIT;
    if (file_write_all(STDERR_FILENO, buf_text(buf), buf->length, &ignored) < 0) {
        err_release(&ignored);
    }
    buf_release(buf);
}

static void error_line(struct buf *out, const struct text_style *style, const char *color,
                       const char *label, const char *text) {
    buf_printf(out, "%s%s%s ", style->color ? color : "", label, style->color ? "\x1b[0m" : "");
    text_escape(out, text, strlen(text), true);
    buf_putc(out, '\n');
}

/* Outside a run, what the system refuses is a plain failure: no transcript is at stake. */
static int exit_of(enum err_kind kind) {
    switch (kind) {
    case ERR_NONE:
    case ERR_INVALID:
    case ERR_UNKNOWN:
    case ERR_WARNING:
        return RUN_INVALID;
    case ERR_BUSY:
        return RUN_LOCKED;
    case ERR_TRANSCRIPT:
        return RUN_TRANSCRIPT;
    case ERR_SYSTEM:
    case ERR_UNREACHABLE:
    case ERR_REFUSED:
    case ERR_TIMEOUT:
    case ERR_LIMIT:
        return RUN_FAILED;
    }
    abort();
}

int print_err(struct err *err) {
    const int status = exit_of(err->kind);
    const struct text_style style = terminal_style(STDERR_FILENO);
    struct buf out = BUF_INIT(PRODUCT_MAX);
    if (err->span.file && err->span.line > 0) {
        text_escape(&out, err->span.file, strlen(err->span.file), false);
        buf_printf(&out, ":%u:%u: ", err->span.line, err->span.column);
    } else {
        buf_puts(&out, "runbook: ");
    }
    error_line(&out, &style, "\x1b[1;31m", "error:", err->message ? err->message : "unknown");
    if (err->hint) {
        error_line(&out, &style, "\x1b[1;36m", "hint:", err->hint);
    }
    print_to_stderr(&out);
    err_release(err);
    return status;
}

int print_diag(const struct diag *diag) {
    const struct text_style style = terminal_style(STDERR_FILENO);
    const struct diag_style shown = {
        .color = style.color, .unicode = style.unicode, .columns = style.columns};
    struct buf out = BUF_INIT(PRODUCT_MAX);
    diag_text(diag, &shown, &out);
    print_to_stderr(&out);
    return RUN_INVALID;
}
