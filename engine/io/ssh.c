#include "io/ssh.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "io/loop.h"
#include "io/process.h"

#define SAID_MOST ((size_t)16 << 10)
#define CLOSE_GRACE_MS 2000
#define PORT_TRIES 5 /* another process may take the port that was free */
#define OPEN_WORD "runbook: open"

/* Its folder goes with the last socket in it, also where nobody is left who would see to it. */
static const char master[] = "trap : TERM\n"
                             "\"$@\"\n"
                             "status=$?\n"
                             "rm -rf -- \"$0\" \"$0\"-*\n"
                             "rmdir -- \"${0%/*}\" 2>/dev/null\n"
                             "exit $status\n";

enum stage { ASKING, CONNECTING, OPEN, OVER };

struct ssh {
    struct loop *loop;
    enum stage stage;
    char *host, *socket, *token;
    const char *const *environment;
    struct process *process;
    struct buf out, errors;
    struct err why;
    bool is_closed; /* by us */
    struct ssh_tunnel *tunnels;
    int tunnel_count;
    void (*changed)(void *user);
    void *user;
};

struct ssh_tunnel {
    struct ssh *ssh; /* NULL: it is gone, and this goes with its process */
    struct ssh_tunnel *next;
    char *host, *port; /* where it leads */
    bool by_port;
    char *entry;
    int tries;
    struct process *process; /* that opens it */
    struct buf errors;
    bool is_open;
    void (*opened)(void *user, struct err *err); /* NULL: nobody waits */
    void *user;
};

static void take_output(void *user, int stream, const char *bytes, size_t length);

static void word_add(ssh_words *words, const char *word) {
    *vec_add(words) = mem_strdup(word);
}

static void words_add(ssh_words *words, const char *const *list) {
    for (; *list; list++)
        word_add(words, *list);
}

static void words_release(ssh_words *words) {
    for (size_t i = 0; i < words->count; i++)
        mem_free(words->items[i]);
    vec_release(words);
}

/* What is said of a host is a new process; `token` none but the master has. */
static int begin(struct ssh *ssh, ssh_words *words, bool is_master,
                 void (*ended)(void *user, const struct process_exit *exit), struct err *err) {
    *vec_add(words) = NULL;
    struct process_spec spec = {
        .argv = (const char *const *)words->items,
        .env = ssh->environment,
        .token = is_master ? ssh->token : NULL,
        .output = take_output,
        .ended = ended,
        .is_aid = true,
        .user = ssh,
    };
    return process_spawn(ssh->loop, &spec, &ssh->process, err);
}

/* ---- the end ------------------------------------------------------------------------------- */

static void over(struct ssh *ssh) {
    ssh->stage = OVER;
    ssh->changed(ssh->user);
}

/* The last line that says something. */
static char *last_line(const struct buf *said) {
    const char *text = buf_text(said);
    size_t end = strlen(text);
    while (end > 0 && strchr("\r\n ", text[end - 1]))
        end--;
    size_t start = end;
    while (start > 0 && text[start - 1] != '\n')
        start--;
    return mem_strndup(text + start, end - start);
}

static bool has_said(const struct ssh *ssh, const char *text) {
    return strstr(buf_text(&ssh->errors), text) != NULL;
}

static void advise(struct ssh *ssh) {
    if (has_said(ssh, "IDENTIFICATION HAS CHANGED"))
        err_hint(&ssh->why, "its key is not the one in known_hosts: the host was set up anew, or "
                            "somebody stands in between");
    else if (has_said(ssh, "Host key verification failed"))
        err_hint(&ssh->why,
                 "its key is not in known_hosts: connect once by hand with `ssh %s`, and compare "
                 "the fingerprint with what the host's owner says",
                 ssh->host);
    else if (has_said(ssh, "Permission denied"))
        err_hint(&ssh->why, "nobody is asked for a password: a key that the host lets in must be "
                            "in a file that ssh knows, or in an agent");
    else
        err_hint(&ssh->why, "what ssh says by hand: `ssh -v -o BatchMode=yes %s true`", ssh->host);
}

static void explain(struct ssh *ssh, const struct process_exit *ended) {
    AUTO_TEXT line = last_line(&ssh->errors);
    const char *reason = *line ? line : "ssh ended and said nothing";
    if (ended->refused)
        err_move(&ssh->why, ended->refused);
    else if (ssh->stage == OPEN)
        err_set(&ssh->why, ERR_UNREACHABLE, "the connection to `%s` ended: %s", ssh->host,
                ssh->is_closed ? "it was closed" : reason);
    else
        err_set(&ssh->why, ERR_UNREACHABLE, "no connection to `%s`: %s", ssh->host, reason);
    if (ssh->why.kind == ERR_UNREACHABLE && ssh->stage != OPEN)
        advise(ssh);
}

static void master_ended(void *user, const struct process_exit *ended) {
    struct ssh *ssh = user;
    explain(ssh, ended);
    process_free(ssh->process);
    ssh->process = NULL;
    over(ssh);
}

/* ---- the connection -------------------------------------------------------------------------- */

/* What the user's configuration says of the host, as `ssh -G` prints it; NULL where it does not. */
static char *configured(const struct ssh *ssh, const char *key) {
    size_t length = strlen(key);
    for (const char *line = buf_text(&ssh->out); *line; line += *line == '\n') {
        size_t end = strcspn(line, "\n");
        if (end > length && strncmp(line, key, length) == 0 && line[length] == ' ')
            return mem_strndup(line + length + 1, end - length - 1);
        line += end;
    }
    return NULL;
}

static bool is_unset(const struct ssh *ssh, const char *key) {
    AUTO_TEXT value = configured(ssh, key);
    return !value || text_equal(value, "none") || text_equal(value, "0");
}

/* A host that went silent is noticed within half a minute, unless the user says otherwise; and a
 * key that is not known is refused whatever is said. */
static void options_add(const struct ssh *ssh, ssh_words *words) {
    static const char *const alive[] = {"-o", "ServerAliveInterval=5", "-o",
                                        "ServerAliveCountMax=3", NULL};
    static const char *const timeout[] = {"-o", "ConnectTimeout=10", NULL};
    static const char *const strict[] = {"-o", "StrictHostKeyChecking=yes", NULL};
    AUTO_TEXT checking = configured(ssh, "stricthostkeychecking");
    if (is_unset(ssh, "serveraliveinterval"))
        words_add(words, alive);
    if (is_unset(ssh, "connecttimeout"))
        words_add(words, timeout);
    if (!text_equal(checking, "accept-new"))
        words_add(words, strict);
}

#define LOCAL_COMMAND ("LocalCommand=echo " OPEN_WORD)

static int connect_begin(struct ssh *ssh, struct err *err) {
    static const char *const fixed[] = {"ssh", "-M",
                                        "-N",  "-T",
                                        "-o",  "ControlPersist=no",
                                        "-o",  "BatchMode=yes",
                                        "-o",  "ClearAllForwardings=yes",
                                        "-o",  "PermitLocalCommand=yes",
                                        "-o",  LOCAL_COMMAND,
                                        NULL};
    ssh_words words = {0};
    word_add(&words, "sh");
    word_add(&words, "-c");
    word_add(&words, master);
    word_add(&words, ssh->socket);
    words_add(&words, fixed);
    options_add(ssh, &words);
    word_add(&words, "-S");
    word_add(&words, ssh->socket);
    word_add(&words, "--");
    word_add(&words, ssh->host);
    buf_clear(&ssh->out);
    buf_clear(&ssh->errors);
    ssh->stage = CONNECTING;
    int status = begin(ssh, &words, true, master_ended, err);
    words_release(&words);
    return status;
}

static void asked(void *user, const struct process_exit *ended) {
    struct ssh *ssh = user;
    process_free(ssh->process);
    ssh->process = NULL;
    if (ssh->is_closed || ended->refused || ended->code != 0)
        explain(ssh, ended);
    else if (connect_begin(ssh, &ssh->why) == 0)
        return;
    over(ssh);
}

static void take_output(void *user, int stream, const char *bytes, size_t length) {
    struct ssh *ssh = user;
    struct buf *said = stream == 1 ? &ssh->out : &ssh->errors;
    if (said->length + length > SAID_MOST)
        buf_clear(said); /* what comes last explains most */
    (void)buf_append(said, bytes, length < SAID_MOST ? length : SAID_MOST);
    if (ssh->stage != CONNECTING || !strstr(buf_text(&ssh->out), OPEN_WORD))
        return;
    ssh->stage = OPEN;
    buf_clear(&ssh->errors);
    ssh->changed(ssh->user);
}

int ssh_open(struct loop *loop, const struct ssh_spec *spec, struct ssh **ret, struct err *err) {
    static const char *const ask[] = {"ssh", "-G", "--", NULL};
    struct ssh *ssh = mem_zalloc(sizeof *ssh);
    ssh->loop = loop;
    ssh->host = mem_strdup(spec->host);
    ssh->socket = mem_strdup(spec->socket);
    ssh->token = mem_strdup(spec->token);
    ssh->environment = spec->environment;
    ssh->out = ssh->errors = (struct buf)BUF_INIT(2 * SAID_MOST);
    ssh->changed = spec->changed;
    ssh->user = spec->user;
    ssh_words words = {0};
    words_add(&words, ask);
    word_add(&words, ssh->host);
    int status = begin(ssh, &words, false, asked, err);
    words_release(&words);
    if (status < 0) {
        ssh_free(ssh);
        return -1;
    }
    *ret = ssh;
    return 0;
}

bool ssh_is_open(const struct ssh *ssh) {
    return ssh->stage == OPEN;
}

bool ssh_is_over(const struct ssh *ssh) {
    return ssh->stage == OVER;
}

const struct err *ssh_why(const struct ssh *ssh) {
    return &ssh->why;
}

void ssh_close(struct ssh *ssh) {
    ssh->is_closed = true;
    if (ssh->process)
        process_kill(ssh->process, CLOSE_GRACE_MS);
}

/* ---- tunnels -------------------------------------------------------------------------------- */

static void tunnel_free(struct ssh_tunnel *tunnel) {
    buf_release(&tunnel->errors);
    mem_free(tunnel->host);
    mem_free(tunnel->port);
    mem_free(tunnel->entry);
    mem_free(tunnel);
}

static void tunnel_output(void *user, int stream, const char *bytes, size_t length) {
    struct ssh_tunnel *tunnel = user;
    if (stream == 2)
        (void)buf_append(&tunnel->errors, bytes, length);
}

static int tunnel_begin(struct ssh_tunnel *tunnel, struct err *err);

static void tunnel_opened(void *user, const struct process_exit *ended) {
    struct ssh_tunnel *tunnel = user;
    AUTO_ERR err = ERR_INIT;
    process_free(tunnel->process);
    tunnel->process = NULL;
    if (!tunnel->ssh) {
        tunnel_free(tunnel);
        return;
    }
    tunnel->is_open = ended->code == 0 && !ended->refused;
    if (!tunnel->is_open && tunnel->by_port && ++tunnel->tries < PORT_TRIES &&
        tunnel_begin(tunnel, &err) == 0)
        return;
    if (!tunnel->is_open && !err.kind) {
        AUTO_TEXT line = last_line(&tunnel->errors);
        err_set(&err, ERR_UNREACHABLE, "no tunnel to %s:%s through `%s`: %s", tunnel->host,
                tunnel->port, tunnel->ssh->host, *line ? line : "ssh said nothing");
    }
    if (tunnel->opened)
        tunnel->opened(tunnel->user, tunnel->is_open ? NULL : &err);
}

static char *free_port(struct err *err) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_bound = fd >= 0 && bind(fd, (struct sockaddr *)&address, length) == 0 &&
                    getsockname(fd, (struct sockaddr *)&address, &length) == 0;
    int why = errno;
    if (fd >= 0)
        close(fd);
    if (is_bound)
        return mem_printf("%u", ntohs(address.sin_port));
    err_sys(err, why, "no port of 127.0.0.1 is free");
    return NULL;
}

/* libpq is told a folder and a port, and makes the socket's name of them. */
static char *socket_path(struct ssh *ssh, struct err *err) {
    AUTO_TEXT folder = mem_printf("%s-%d", ssh->socket, ++ssh->tunnel_count);
    if (mkdir(folder, 0700) == 0)
        return mem_printf("%s/.s.PGSQL.5432", folder);
    err_sys(err, errno, "cannot make the folder %s", folder);
    if (err)
        err->kind = ERR_UNREACHABLE; /* it goes with the connection */
    return NULL;
}

/* As -L wants them: a colon would end a path. */
static char *tunnel_words(const struct ssh_tunnel *tunnel) {
    bool is_v6 = strchr(tunnel->host, ':') != NULL;
    AUTO_BUF words = BUF_INIT(SAID_MOST);
    (void)buf_printf(&words, "%s%s:", tunnel->by_port ? "127.0.0.1:" : "", tunnel->entry);
    if (*tunnel->host != '/')
        (void)buf_printf(&words, "%s%s%s:%s", is_v6 ? "[" : "", tunnel->host, is_v6 ? "]" : "",
                         tunnel->port);
    for (const char *c = *tunnel->host == '/' ? tunnel->host : ""; *c; c++)
        (void)buf_printf(&words, "%s%c", *c == ':' || *c == '\\' ? "\\" : "", *c);
    return buf_detach(&words);
}

/* The master is asked; what asks it ends at once. */
static int tunnel_begin(struct ssh_tunnel *tunnel, struct err *err) {
    static const char *const fixed[] = {"ssh", "-O", "forward", "-S", NULL};
    struct ssh *ssh = tunnel->ssh;
    mem_free(tunnel->entry);
    tunnel->entry = tunnel->by_port ? free_port(err) : socket_path(ssh, err);
    if (!tunnel->entry)
        return -1;
    AUTO_TEXT way = tunnel_words(tunnel);
    ssh_words words = {0};
    words_add(&words, fixed);
    word_add(&words, ssh->socket);
    word_add(&words, "-L");
    word_add(&words, way);
    word_add(&words, "--");
    word_add(&words, ssh->host);
    *vec_add(&words) = NULL;
    struct process_spec spec = {
        .argv = (const char *const *)words.items,
        .env = ssh->environment,
        .output = tunnel_output,
        .ended = tunnel_opened,
        .is_aid = true,
        .user = tunnel,
    };
    int status = process_spawn(ssh->loop, &spec, &tunnel->process, err);
    words_release(&words);
    return status;
}

static struct ssh_tunnel *tunnel_find(const struct ssh *ssh, const struct ssh_end *end) {
    struct ssh_tunnel *it = ssh->tunnels;
    while (it && !(it->is_open && it->by_port == end->by_port && text_equal(it->host, end->host) &&
                   text_equal(it->port, end->port)))
        it = it->next;
    return it;
}

int ssh_tunnel(struct ssh *ssh, const struct ssh_end *end,
               void (*opened)(void *user, struct err *err), void *user, struct ssh_tunnel **ret,
               struct err *err) {
    *ret = tunnel_find(ssh, end);
    if (*ret)
        return 0;
    struct ssh_tunnel *tunnel = mem_zalloc(sizeof *tunnel);
    *tunnel = (struct ssh_tunnel){
        .ssh = ssh,
        .next = ssh->tunnels,
        .host = mem_strdup(end->host),
        .port = mem_strdup(end->port),
        .by_port = end->by_port,
        .errors = BUF_INIT(SAID_MOST),
        .opened = opened,
        .user = user,
    };
    if (tunnel_begin(tunnel, err) < 0) {
        tunnel_free(tunnel);
        return -1;
    }
    ssh->tunnels = tunnel;
    *ret = tunnel;
    return 0;
}

const char *ssh_tunnel_entry(const struct ssh_tunnel *tunnel) {
    return tunnel->is_open ? tunnel->entry : NULL;
}

void ssh_tunnel_forget(struct ssh_tunnel *tunnel) {
    if (!tunnel->is_open)
        tunnel->opened = NULL;
}

static void tunnels_free(struct ssh *ssh) {
    for (struct ssh_tunnel *it = ssh->tunnels, *next; it; it = next) {
        next = it->next;
        if (it->process && ssh->stage == OVER)
            it->ssh = NULL;
        else
            tunnel_free(it);
    }
}

void ssh_free(struct ssh *ssh) {
    if (!ssh)
        return;
    tunnels_free(ssh);
    if (ssh->stage == OVER)
        process_free(ssh->process);
    buf_release(&ssh->out);
    buf_release(&ssh->errors);
    err_release(&ssh->why);
    mem_free(ssh->host);
    mem_free(ssh->socket);
    mem_free(ssh->token);
    mem_free(ssh);
}

/* ---- commands ------------------------------------------------------------------------------ */

#define NO_WAY ("ProxyCommand=sh -c \"echo " SSH_NOT_SENT " >&2\"")

/* Without its master ssh would connect by itself: then it is told of a way that leads nowhere. Its
 * shell holds the other end until that is said, as ssh kills it when it sees the end. */
void ssh_command(const struct ssh *ssh, const char *command, ssh_words *ret) {
    static const char *const fixed[] = {"ssh", "-T",
                                        "-o",  "ControlMaster=no",
                                        "-o",  "BatchMode=yes",
                                        "-o",  "ClearAllForwardings=yes",
                                        "-o",  "RemoteCommand=none",
                                        "-o",  NO_WAY,
                                        "-S",  NULL};
    words_add(ret, fixed);
    word_add(ret, ssh->socket);
    word_add(ret, "--");
    word_add(ret, ssh->host);
    word_add(ret, command);
}
