#include "io/pg_address.h"

#include <arpa/inet.h>
#include <libpq-fe.h>
#include <netdb.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/vec.h"

#define LIST_CEILING ((size_t)1 << 20)

struct pg_address {
    VEC(char *) keywords; /* both end with NULL */
    VEC(char *) values;
    char *failure; /* of resolving */
};

static void wipe(char *text) {
    if (text)
        mem_wipe_free(text, strlen(text));
}

static char **address_value(const struct pg_address *address, const char *keyword) {
    for (size_t i = 0; address->keywords.items[i]; i++)
        if (text_equal(address->keywords.items[i], keyword))
            return &address->values.items[i];
    return NULL;
}

static const char *address_get(const struct pg_address *address, const char *keyword) {
    char **found = address_value(address, keyword);
    return found ? *found : NULL;
}

static void address_add(struct pg_address *address, const char *keyword, const char *text) {
    *vec_add(&address->keywords) = mem_strdup(keyword);
    *vec_add(&address->values) = mem_strdup(text);
}

static void address_end(struct pg_address *address) {
    *vec_add(&address->keywords) = NULL;
    *vec_add(&address->values) = NULL;
}

/* Replaces or adds; the terminator moves behind. */
static void address_set(struct pg_address *address, const char *keyword, const char *text) {
    char **found = address_value(address, keyword);
    if (found) {
        mem_free(*found);
        *found = mem_strdup(text);
        return;
    }
    address->keywords.count--;
    address->values.count--;
    address_add(address, keyword, text);
    address_end(address);
}

/* libpq's message without what it quotes: that is a piece of the URL. */
static int address_refuse(const char *reason, struct err *err) {
    AUTO_BUF text = BUF_INIT(4096);
    bool quoted = false;
    for (const char *c = reason ? reason : "no reason given"; *c && *c != '\n'; c++) {
        if (*c == '"') {
            quoted = !quoted;
            (void)buf_puts(&text, quoted ? "\"…" : "\"");
        } else if (!quoted) {
            (void)buf_putc(&text, *c);
        }
    }
    err_set(err, ERR_INVALID, "the URL of the database cannot be read: %s%s", buf_text(&text),
            quoted ? "\"" : "");
    return err_hint(err, "postgresql://user@host:5432/name, or host=… dbname=… user=…; special "
                         "characters of a URL are percent-encoded");
}

int pg_address_new(const char *url, struct pg_address **ret, struct err *err) {
    char *reason = NULL;
    if (!url || !*url)
        return err_set(err, ERR_INVALID, "the URL of the database is empty");
    PQconninfoOption *options = PQconninfoParse(url, &reason);
    if (!options) {
        address_refuse(reason, err);
        PQfreemem(reason);
        return -1;
    }
    struct pg_address *address = mem_zalloc(sizeof *address);
    for (const PQconninfoOption *option = options; option->keyword; option++)
        if (option->val && !text_equal(option->keyword, "client_encoding"))
            address_add(address, option->keyword, option->val);
    address_add(address, "client_encoding", "UTF8");
    address_add(address, "fallback_application_name", "runbook");
    address_end(address);
    PQconninfoFree(options);
    *ret = address;
    return 0;
}

void pg_address_free(struct pg_address *address) {
    if (!address)
        return;
    for (size_t i = 0; i < address->values.count; i++) {
        mem_free(address->keywords.items[i]);
        wipe(address->values.items[i]);
    }
    vec_release(&address->keywords);
    vec_release(&address->values);
    mem_free(address->failure);
    mem_free(address);
}

/* A path, an abstract socket, the default, or digits. */
static bool host_is_name(const char *host) {
    unsigned char bytes[sizeof(struct in6_addr)];
    return *host && *host != '/' && *host != '@' && inet_pton(AF_INET, host, bytes) != 1 &&
           inet_pton(AF_INET6, host, bytes) != 1;
}

static const char *address_hosts(const struct pg_address *address) {
    const char *hosts = address_get(address, "host");
    if (!hosts && !address_get(address, "service"))
        hosts = getenv("PGHOST");
    return hosts ? hosts : "";
}

/* The item number `index` of a comma-separated list; the caller frees; NULL behind the last. */
static char *list_item(const char *list, size_t index) {
    for (; index > 0; index--) {
        list = strchr(list, ',');
        if (!list)
            return NULL;
        list++;
    }
    return mem_strndup(list, strcspn(list, ","));
}

bool pg_address_has_names(const struct pg_address *address) {
    if (address_get(address, "hostaddr"))
        return false;
    const char *hosts = address_hosts(address);
    for (size_t i = 0;; i++) {
        AUTO_TEXT host = list_item(hosts, i);
        if (!host)
            return false;
        if (host_is_name(host))
            return true;
    }
}

struct lists {
    struct buf hosts, addresses, ports;
    size_t count;
};

static void lists_add(struct lists *lists, const char *host, const char *numeric,
                      const char *port) {
    const char *comma = lists->count++ ? "," : "";
    (void)buf_printf(&lists->hosts, "%s%s", comma, host);
    (void)buf_printf(&lists->addresses, "%s%s", comma, numeric);
    (void)buf_printf(&lists->ports, "%s%s", comma, port);
}

/* 0, or getaddrinfo's code. */
static int lists_add_name(struct lists *lists, const char *host, const char *port) {
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int code = getaddrinfo(host, NULL, &hints, &found);
    if (code != 0)
        return code;
    for (const struct addrinfo *at = found; at; at = at->ai_next) {
        char numeric[NI_MAXHOST];
        if (getnameinfo(at->ai_addr, at->ai_addrlen, numeric, sizeof numeric, NULL, 0,
                        NI_NUMERICHOST) == 0)
            lists_add(lists, host, numeric, port);
    }
    freeaddrinfo(found);
    return 0;
}

/* One port for each host, or one for all; empty is libpq's default. */
static char *port_of(const struct pg_address *address, size_t index) {
    const char *ports = address_get(address, "port");
    if (!ports)
        ports = getenv("PGPORT");
    if (!ports)
        return mem_strdup("");
    return list_item(ports, strchr(ports, ',') ? index : 0);
}

void pg_address_resolve(struct pg_address *address) {
    struct lists lists = {
        .hosts = BUF_INIT(LIST_CEILING),
        .addresses = BUF_INIT(LIST_CEILING),
        .ports = BUF_INIT(LIST_CEILING),
    };
    const char *hosts = address_hosts(address);
    for (size_t i = 0;; i++) {
        AUTO_TEXT host = list_item(hosts, i);
        AUTO_TEXT port = port_of(address, i);
        if (!host)
            break;
        int code = 0;
        if (host_is_name(host))
            code = lists_add_name(&lists, host, port ? port : "");
        else
            lists_add(&lists, host, "", port ? port : "");
        if (code != 0 && !address->failure)
            address->failure =
                mem_printf("the host name \"%s\" cannot be resolved: %s", host, gai_strerror(code));
    }
    if (lists.count > 0) {
        mem_free(address->failure);
        address->failure = NULL;
        address_set(address, "host", buf_text(&lists.hosts));
        address_set(address, "hostaddr", buf_text(&lists.addresses));
        address_set(address, "port", buf_text(&lists.ports));
    }
    buf_release(&lists.hosts);
    buf_release(&lists.addresses);
    buf_release(&lists.ports);
}

/* ---- through a tunnel ----------------------------------------------------------------------- */

static const char *address_setting(const struct pg_address *address, const char *keyword,
                                   const char *variable) {
    const char *text = address_get(address, keyword);
    text = text ? text : getenv(variable);
    return text ? text : "";
}

/* `sslrootcert=system` alone asks for `verify-full`, where libpq knows it. */
static bool wants_tls(const struct pg_address *address) {
    static const char *const modes[] = {"require", "verify-ca", "verify-full"};
    const char *mode = address_setting(address, "sslmode", "PGSSLMODE");
    return text_is_among(mode, modes, sizeof modes / sizeof *modes) ||
           text_equal(address_setting(address, "sslrootcert", "PGSSLROOTCERT"), "system");
}

static const char *place_host(const struct pg_address *address) {
    const char *numeric = address_get(address, "hostaddr");
    return numeric && *numeric ? numeric : address_hosts(address);
}

int pg_address_place(const struct pg_address *address, struct pg_place *ret, struct err *err) {
    const char *host = place_host(address);
    AUTO_TEXT port = port_of(address, 0);
    const char *why = !*host              ? "names no host"
                      : strchr(host, ',') ? "names several hosts"
                      : *host == '@'      ? "names an abstract socket"
                      : strchr(host, ' ') ? "names no host that there can be"
                                          : NULL;
    if (why) {
        err_set(err, ERR_INVALID, "the URL of the database %s, and a tunnel leads to one place",
                why);
        return err_hint(err, "the target's own server is `localhost`, or the folder of its socket");
    }
    const char *number = port && *port ? port : "5432";
    bool is_socket = *host == '/';
    *ret = (struct pg_place){
        .host = is_socket ? mem_printf("%s/.s.PGSQL.%s", host, number) : mem_strdup(host),
        .port = mem_strdup(number),
        .wants_port = !is_socket && wants_tls(address),
    };
    return 0;
}

void pg_address_lead(struct pg_address *address, const char *entry) {
    const char *name = strrchr(entry, '/');
    const char *number = strrchr(entry, '.');
    if (name && number) {
        AUTO_TEXT folder = mem_strndup(entry, (size_t)(name - entry));
        address_set(address, "host", folder);
        address_set(address, "hostaddr", "");
        address_set(address, "port", number + 1);
        return;
    }
    AUTO_TEXT host = mem_strdup(address_hosts(address));
    address_set(address, "host", host);
    address_set(address, "hostaddr", "127.0.0.1");
    address_set(address, "port", entry);
}

int pg_address_check(const struct pg_address *address, struct err *err) {
    if (!address->failure)
        return 0;
    return err_set(err, ERR_UNREACHABLE, "%s", address->failure);
}

const char *const *pg_address_keywords(const struct pg_address *address) {
    return (const char *const *)address->keywords.items;
}

const char *const *pg_address_values(const struct pg_address *address) {
    return (const char *const *)address->values.items;
}
