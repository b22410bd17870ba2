/* A connection of OpenSSH that many commands share: its master is a process of ours, and each
 * command a client of its socket. Who may log in, where a host is and which key it has is what the
 * user's own configuration of ssh says; nobody is asked, and no unknown key is believed. */
#ifndef IO_SSH_H
#define IO_SSH_H

#include <stdbool.h>

#include "base/err.h"
#include "base/vec.h"

struct loop;
struct ssh;

struct ssh_spec {
    const char *host; /* as on ssh's command line: a name of its configuration, user@host, a URL */
    const char *socket;             /* where it is made: short, in a folder that is ours alone */
    const char *const *environment; /* of ssh */
    const char *token;              /* of the process */
    /* From the loop, once when it is open or could not be opened, and once when it ends. */
    void (*changed)(void *user);
    void *user;
};

/* Begins to connect. */
int ssh_open(struct loop *loop, const struct ssh_spec *spec, struct ssh **ret,
             struct err *err) MUST_USE;
bool ssh_is_open(const struct ssh *ssh);
bool ssh_is_over(const struct ssh *ssh); /* and why is in ssh_why */
const struct err *ssh_why(const struct ssh *ssh);
/* Ends it, with what runs over it; `changed` follows. */
void ssh_close(struct ssh *ssh);
/* Where it is not over, it must be none of a loop that turns. NULL is legal. */
void ssh_free(struct ssh *ssh);

/* Where a tunnel leads, as the other side sees it. */
struct ssh_end {
    const char *host; /* or the path of a unix socket there */
    const char *port;
    bool by_port; /* it begins at a port of 127.0.0.1, for what cannot take a socket; any account of
                     this machine can connect to that */
};
/* A unix socket here, in a folder of its own and named as libpq looks for it, that leads to the end
 * while the connection is open. It belongs to the connection. */
struct ssh_tunnel;
/* Where *ret has no entry yet, `opened` is called from the loop, unless it was forgotten. */
int ssh_tunnel(struct ssh *ssh, const struct ssh_end *end,
               void (*opened)(void *user, struct err *err), void *user, struct ssh_tunnel **ret,
               struct err *err) MUST_USE;
/* The path of the socket, or the port's digits; NULL: it is not open. */
const char *ssh_tunnel_entry(const struct ssh_tunnel *tunnel);
void ssh_tunnel_forget(struct ssh_tunnel *tunnel);

typedef VEC(char *) ssh_words;
/* The words that run a command of a POSIX shell at the other side, over this connection only: where
 * it is gone, nothing is sent, and SSH_NOT_SENT stands on a line of standard error. */
void ssh_command(const struct ssh *ssh, const char *command, ssh_words *ret);
#define SSH_NOT_SENT "runbook: there is no connection"

#endif
