#include "io/pg_error.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"

#define MESSAGE_CEILING ((size_t)16 << 10)

static enum err_kind error_kind(const char *sqlstate) {
    static const char *const timeouts[] = {
        "57014", /* query_canceled: statement_timeout */
        "55P03", /* lock_not_available: lock_timeout, NOWAIT */
        "25P03", /* idle_in_transaction_session_timeout */
        "57P05", /* idle_session_timeout */
    };
    bool is_timeout = text_is_among(sqlstate, timeouts, sizeof timeouts / sizeof *timeouts);
    return is_timeout ? ERR_TIMEOUT : ERR_REFUSED;
}

/* Without the full stop, and only the first line: the rest of a CONTEXT is the call stack. */
static void append_sentence(struct buf *out, const char *before, const char *text) {
    if (!text || !*text)
        return;
    size_t length = strcspn(text, "\n");
    while (length > 0 && (text[length - 1] == '.' || text[length - 1] == ' '))
        length--;
    (void)buf_puts(out, before);
    (void)buf_append(out, text, length);
}

int pg_error_result(const PGresult *result, struct err *err) {
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    AUTO_BUF text = BUF_INIT(MESSAGE_CEILING);
    append_sentence(&text, "", primary ? primary : PQresultErrorMessage(result));
    if (sqlstate)
        (void)buf_printf(&text, " (SQLSTATE %s)", sqlstate);
    append_sentence(&text, ": ", PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL));
    append_sentence(&text, "; in ", PQresultErrorField(result, PG_DIAG_CONTEXT));

    err_set(err, error_kind(sqlstate), "%s", buf_text(&text));
    const char *hint = PQresultErrorField(result, PG_DIAG_MESSAGE_HINT);
    if (hint)
        err_hint(err, "%s", hint);
    return -1;
}

char *pg_error_place(const PGconn *connection) {
    const char *host = PQhost(connection);
    const char *port = PQport(connection);
    if (!host || !*host)
        return mem_strdup("an unknown place");
    return mem_printf("%s %s, port %s", *host == '/' || *host == '@' ? "socket" : "host", host,
                      port && *port ? port : "5432");
}

/* libpq answers with a line for each address it tried, and with indented lines that advise. */
static void append_lines(struct buf *message, struct buf *advice, const char *text) {
    while (*text) {
        size_t length = strcspn(text, "\n");
        bool is_advice = *text == '\t' || *text == ' ';
        size_t skip = is_advice ? strspn(text, "\t ") : 0;
        struct buf *out = is_advice ? advice : message;
        if (length > skip) {
            if (out->length)
                (void)buf_puts(out, is_advice ? " " : "; ");
            (void)buf_append(out, text + skip, length - skip);
        }
        text += length + (text[length] == '\n');
    }
}

int pg_error_connection(const PGconn *connection, const char *what, struct err *err) {
    const char *reason = connection ? PQerrorMessage(connection) : "out of memory";
    const char *password = connection ? PQpass(connection) : NULL;
    AUTO_BUF message = BUF_INIT(MESSAGE_CEILING);
    AUTO_BUF advice = BUF_INIT(MESSAGE_CEILING);
    append_lines(&message, &advice, reason);
    if (message.length == 0) {
        AUTO_TEXT place = pg_error_place(connection);
        (void)buf_printf(&message, "the connection to %s was lost", place);
    }
    /* No known version of libpq says it; should one ever do, the reason is not worth it. */
    if (password && *password && strstr(buf_text(&message), password))
        err_set(err, ERR_UNREACHABLE, "the reason is withheld, since it shows the password");
    else
        err_set(err, ERR_UNREACHABLE, "%s", buf_text(&message));
    if (what)
        err_wrap(err, "%s", what);
    if (advice.length)
        err_hint(err, "%s", buf_text(&advice));
    return -1;
}
