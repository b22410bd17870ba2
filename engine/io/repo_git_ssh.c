/* The transport of ssh: OpenSSH as a child, as git itself has it, so that the user's configuration,
 * agent and known_hosts hold, and a host that answers no more can be left. */
#include <errno.h>
#include <fcntl.h>
#include <git2/sys/transport.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/program.h"
#include "base/text.h"
#include "base/vec.h"
#include "io/process_spawn.h"
#include "io/repo_git_remote.h"

#define TURN_MS 100     /* between looks whether it is to end */
#define LEAVE_MS 5000   /* for ssh to end by itself */
#define SAID_PIECE 4096 /* bytes */

extern char **environ;

struct transport {
    git_smart_subtransport parent;
    struct peer *peer;
    struct stream *stream;
};

struct stream {
    git_smart_subtransport_stream parent;
    struct transport *transport;
    pid_t pid;
    int in, out, said;
};

/* ---- addresses ------------------------------------------------------------------------------- */

/* "ssh://user@host:22/path" and "user@host:path". */
struct address {
    char *user, *host, *port, *path;
};

static void address_release(struct address *address) {
    mem_free(address->user);
    mem_free(address->host);
    mem_free(address->port);
    mem_free(address->path);
}

bool ssh_is(const char *url) {
    static const char *const schemes[] = {"ssh://", "git+ssh://", "ssh+git://"};
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (text_starts_with(url, schemes[i]))
            return true;
    const char *colon = strchr(url, ':');
    const char *slash = strchr(url, '/');
    return !strstr(url, "://") && colon && (!slash || colon < slash);
}

static void host_split(struct address *address, const char *text, size_t length) {
    const char *at = memchr(text, '@', length);
    if (at) {
        address->user = mem_strndup(text, (size_t)(at - text));
        length -= (size_t)(at + 1 - text);
        text = at + 1;
    }
    const char *end = text[0] == '[' ? memchr(text, ']', length) : NULL;
    const char *colon = memchr(end ? end : text, ':', (size_t)(text + length - (end ? end : text)));
    address->host = end ? mem_strndup(text + 1, (size_t)(end - text - 1))
                        : mem_strndup(text, colon ? (size_t)(colon - text) : length);
    if (colon)
        address->port = mem_strndup(colon + 1, (size_t)(text + length - colon - 1));
}

static void address_read(const char *url, struct address *ret) {
    const char *scheme = strstr(url, "://");
    *ret = (struct address){0};
    if (!scheme) {
        const char *bracket = strchr(url, ']');
        const char *colon = strchr(bracket ? bracket : url, ':');
        host_split(ret, url, colon ? (size_t)(colon - url) : strlen(url));
        ret->path = mem_strdup(colon ? colon + 1 : "");
        return;
    }
    const char *host = scheme + 3;
    const size_t length = strcspn(host, "/");
    host_split(ret, host, length);
    const char *path = host + length;
    ret->path = mem_strdup(text_starts_with(path, "/~") ? path + 1 : path);
}

/* ---- the command ----------------------------------------------------------------------------- */

struct words {
    VEC(char *) items;
};

static void word_add(struct words *words, const char *word) {
    *vec_add(&words->items) = mem_strdup(word);
}

static void words_release(struct words *words) {
    for (size_t i = 0; i < words->items.count; i++)
        mem_free(words->items.items[i]);
    vec_release(&words->items);
}

/* $GIT_SSH_COMMAND, core.sshCommand: text for a shell, to which the words are added. */
static char *command_configured(const struct peer *peer) {
    const char *said = getenv("GIT_SSH_COMMAND");
    git_config *config = NULL;
    git_buf text = GIT_BUF_INIT;
    char *found = said && *said ? mem_strdup(said) : NULL;
    if (!found && git_repository_config(&config, peer->act->git) == 0 &&
        git_config_get_string_buf(&text, config, "core.sshCommand") == 0 && text.size > 0)
        found = mem_strdup(text.ptr);
    git_buf_dispose(&text);
    git_config_free(config);
    return found;
}

static void option_add(struct words *words, const char *name, const char *text) {
    if (!text)
        return;
    word_add(words, name);
    word_add(words, text);
}

static void words_fill(const struct peer *peer, bool is_verbose, const char *remote_command,
                       struct words *words) {
    static const char *const fixed[] = {"-T", "-o", "BatchMode=yes", "-o",
                                        "StrictHostKeyChecking=yes"};
    const struct repo_act_spec *spec = peer->act->spec;
    struct address address;
    AUTO_TEXT configured = command_configured(peer);
    address_read(peer->url, &address);
    if (configured) {
        AUTO_TEXT text = mem_printf("%s \"$@\"", configured);
        word_add(words, "sh");
        word_add(words, "-c");
        word_add(words, text);
    }
    word_add(words, "ssh");
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        word_add(words, fixed[i]);
    if (is_verbose)
        word_add(words, "-v");
    option_add(words, "-p", address.port);
    option_add(words, "-l", address.user ? address.user : spec->user);
    option_add(words, "-i", spec->ssh_key);
    if (spec->ssh_key)
        option_add(words, "-o", "IdentitiesOnly=yes");
    word_add(words, "--");
    word_add(words, address.host);
    word_add(words, remote_command);
    *vec_add(&words->items) = NULL;
    address_release(&address);
}

/* ---- the child ------------------------------------------------------------------------------- */

struct pipes {
    int to[2], from[2], said[2];
};

static void pipes_close(struct pipes *pipes) {
    int *ends[] = {pipes->to, pipes->from, pipes->said};
    for (size_t i = 0; i < 3; i++) {
        file_close(&ends[i][0]);
        file_close(&ends[i][1]);
    }
}

static int pipes_open(struct pipes *pipes) {
    *pipes = (struct pipes){{-1, -1}, {-1, -1}, {-1, -1}};
    if (pipe2(pipes->to, O_CLOEXEC) == 0 && pipe2(pipes->from, O_CLOEXEC) == 0 &&
        pipe2(pipes->said, O_CLOEXEC) == 0)
        return 0;
    const int sys = errno;
    pipes_close(pipes);
    return sys;
}

static int child_start(struct words *words, struct stream *stream) {
    posix_spawn_file_actions_t actions;
    struct pipes pipes;
    AUTO_TEXT path = process_which(words->items.items[0], getenv("PATH"));
    int sys = path ? pipes_open(&pipes) : ENOENT;
    if (sys)
        return sys;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pipes.to[0], 0);
    posix_spawn_file_actions_adddup2(&actions, pipes.from[1], 1);
    posix_spawn_file_actions_adddup2(&actions, pipes.said[1], 2);
    /* A session of its own: neither Ctrl-C nor a question for a passphrase goes to the terminal. */
    sys = program_start(path, words->items.items, environ, &actions, POSIX_SPAWN_SETSID,
                        &stream->pid);
    if (sys == 0) {
        stream->in = pipes.to[1];
        stream->out = pipes.from[0];
        stream->said = pipes.said[0];
        pipes.to[1] = pipes.from[0] = pipes.said[0] = -1;
        fcntl(stream->in, F_SETFL, O_NONBLOCK);
        fcntl(stream->out, F_SETFL, O_NONBLOCK);
        fcntl(stream->said, F_SETFL, O_NONBLOCK);
    }
    pipes_close(&pipes);
    return sys;
}

/* What ssh or the other side says on the standard error. False at its end. */
static bool said_take(struct stream *stream) {
    char piece[SAID_PIECE];
    for (;;) {
        const ssize_t got = read(stream->said, piece, sizeof piece);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 && errno == EAGAIN;
        (void)buf_append(&stream->transport->peer->said, piece, (size_t)got);
    }
}

static bool has_ended(const struct stream *stream) {
    return waitpid(stream->pid, NULL, WNOHANG) != 0;
}

/* It ends by itself once its input does; whoever cancels does not wait. */
static bool child_leaves(struct stream *stream) {
    const int64_t until = clock_mono_ns() + LEAVE_MS * NS_PER_MS;
    bool is_over = has_ended(stream), hears = true;
    while (!is_over && clock_mono_ns() < until && !act_is_cancelled(stream->transport->peer->act)) {
        struct pollfd said = {.fd = hears ? stream->said : -1, .events = POLLIN};
        poll(&said, 1, hears ? TURN_MS : 1);
        if (said.revents)
            hears = said_take(stream);
        is_over = has_ended(stream);
    }
    return is_over;
}

static void child_end(struct stream *stream) {
    file_close(&stream->in);
    file_close(&stream->out);
    if (!child_leaves(stream)) {
        kill(-stream->pid, SIGKILL);
        while (waitpid(stream->pid, NULL, 0) < 0 && errno == EINTR)
            continue;
    }
    said_take(stream);
    file_close(&stream->said);
}

/* ---- the stream ------------------------------------------------------------------------------ */

/* Waits for one direction, and hears what is said meanwhile. */
static int wait_for(struct stream *stream, int fd, short events) {
    struct pollfd polled[] = {{.fd = fd, .events = events}, {.fd = stream->said, .events = POLLIN}};
    for (;;) {
        if (act_is_cancelled(stream->transport->peer->act)) {
            git_error_set_str(GIT_ERROR_SSH, "it was cancelled");
            return GIT_EUSER;
        }
        const int ready = poll(polled, 2, TURN_MS);
        if (ready < 0 && errno != EINTR)
            return -1;
        if (ready > 0 && polled[1].revents && !said_take(stream))
            polled[1].fd = -1;
        if (ready > 0 && polled[0].revents)
            return 0;
    }
}

static int stream_read(git_smart_subtransport_stream *parent, char *bytes, size_t size,
                       size_t *ret_read) {
    struct stream *stream = (struct stream *)parent;
    for (;;) {
        const ssize_t got = read(stream->out, bytes, size);
        if (got > 0) {
            *ret_read = (size_t)got;
            return 0;
        }
        if (got == 0) {
            *ret_read = 0;
            poll(&(struct pollfd){.fd = stream->said, .events = POLLIN}, 1, TURN_MS);
            said_take(stream);
            git_error_set_str(GIT_ERROR_SSH, "the connection ended");
            return -1;
        }
        if (errno != EAGAIN && errno != EINTR)
            return -1;
        const int status = wait_for(stream, stream->out, POLLIN);
        if (status < 0)
            return status;
    }
}

static int stream_write(git_smart_subtransport_stream *parent, const char *bytes, size_t length) {
    struct stream *stream = (struct stream *)parent;
    while (length > 0) {
        const ssize_t sent = write(stream->in, bytes, length);
        if (sent > 0) {
            bytes += sent;
            length -= (size_t)sent;
            continue;
        }
        if (sent < 0 && errno != EAGAIN && errno != EINTR) {
            said_take(stream);
            git_error_set_str(GIT_ERROR_SSH, "the connection ended");
            return -1;
        }
        const int status = wait_for(stream, stream->in, POLLOUT);
        if (status < 0)
            return status;
    }
    return 0;
}

static void stream_free(git_smart_subtransport_stream *parent) {
    struct stream *stream = (struct stream *)parent;
    if (!stream)
        return;
    child_end(stream);
    stream->transport->stream = NULL;
    mem_free(stream);
}

static int stream_open(struct transport *transport, const char *service) {
    struct words words = {{0}};
    struct address address;
    AUTO_BUF command = BUF_INIT((size_t)64 << 10);
    struct stream *stream = mem_zalloc(sizeof *stream);
    stream->parent.read = stream_read;
    stream->parent.write = stream_write;
    stream->parent.free = stream_free;
    stream->parent.subtransport = &transport->parent;
    stream->transport = transport;
    address_read(transport->peer->url, &address);
    buf_printf(&command, "%s ", service);
    text_shell_quote(&command, address.path);
    address_release(&address);
    words_fill(transport->peer, false, buf_text(&command), &words);
    const int sys = child_start(&words, stream);
    words_release(&words);
    if (sys) {
        AUTO_TEXT why = mem_printf("cannot start ssh: %s", strerror(sys));
        git_error_set_str(GIT_ERROR_SSH, why);
        mem_free(stream);
        return -1;
    }
    transport->stream = stream;
    return 0;
}

/* ---- the transport --------------------------------------------------------------------------- */

static int transport_action(git_smart_subtransport_stream **out, git_smart_subtransport *parent,
                            const char *url, git_smart_service_t action) {
    struct transport *transport = (struct transport *)parent;
    (void)url; /* of the peer, with its user */
    const bool begins = action == GIT_SERVICE_UPLOADPACK_LS || action == GIT_SERVICE_RECEIVEPACK_LS;
    const bool pushes = action == GIT_SERVICE_RECEIVEPACK_LS || action == GIT_SERVICE_RECEIVEPACK;
    if (begins && stream_open(transport, pushes ? "git-receive-pack" : "git-upload-pack") < 0)
        return -1;
    *out = transport->stream ? &transport->stream->parent : NULL;
    return transport->stream ? 0 : -1;
}

static int transport_close(git_smart_subtransport *parent) {
    (void)parent;
    return 0;
}

static void transport_free(git_smart_subtransport *parent) {
    mem_free(parent);
}

static int transport_new(git_smart_subtransport **out, git_transport *owner, void *param) {
    struct transport *transport = mem_zalloc(sizeof *transport);
    (void)owner;
    transport->parent.action = transport_action;
    transport->parent.close = transport_close;
    transport->parent.free = transport_free;
    transport->peer = param;
    *out = &transport->parent;
    return 0;
}

int ssh_transport(git_transport **out, git_remote *owner, void *param) {
    git_smart_subtransport_definition definition = {transport_new, 0, param};
    return git_transport_smart(out, owner, &definition);
}

/* ---- whose key ------------------------------------------------------------------------------- */

/* ssh says which key it was shown only where it is asked to say everything. */
char *ssh_fingerprint(const struct peer *peer) {
    static const char mark[] = "Server host key: ";
    struct words words = {{0}};
    struct peer loud = {.act = peer->act, .url = peer->url, .said = BUF_INIT((size_t)64 << 10)};
    struct transport transport = {.peer = &loud};
    struct stream stream = {.transport = &transport, .in = -1, .out = -1, .said = -1};
    char *found = NULL;
    words_fill(&loud, true, "true", &words);
    if (child_start(&words, &stream) == 0)
        child_end(&stream);
    words_release(&words);
    const char *at = strstr(buf_text(&loud.said), mark);
    if (at) {
        at += strlen(mark);
        found = mem_strndup(at, strcspn(at, "\r\n"));
    }
    buf_release(&loud.said);
    return found;
}
