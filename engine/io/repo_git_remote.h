/* A remote that is talked to, for `fetch`, `pull` and `push`. */
#ifndef IO_REPO_GIT_REMOTE_H
#define IO_REPO_GIT_REMOTE_H

#include "io/repo_git_act.h"

struct peer {
    struct act *act;
    git_remote *remote;
    char *name;        /* NULL: it was given by its address */
    char *url, *shown; /* `shown` is without user and password */
    char *fetch; /* how it maps branches: "+refs/heads/…:refs/remotes/…"; NULL: not at all */
    bool is_ssh;
    int asked;       /* how often for credentials */
    struct buf said; /* by the other side, and by ssh */
    char *refused;   /* why its certificate is not trusted */
    git_remote_callbacks callbacks;
};

/* Finds the remote; nothing is sent yet. */
int peer_open(struct act *act, bool push, struct peer *ret, struct err *err) MUST_USE;
void peer_close(struct peer *peer);
#define AUTO_PEER __attribute__((cleanup(peer_close))) struct peer
/* Asks what it has, for peer_find. */
int peer_connect(struct peer *peer, git_direction direction, struct err *err) MUST_USE;
/* 1, or 0 where it has no such reference; of one that is connected. */
int peer_find(struct peer *peer, const char *ref, git_oid *ret, struct err *err) MUST_USE;
/* What went wrong in words for people, from what libgit2, ssh and the other side said. */
int peer_fail(struct peer *peer, const char *doing, struct err *err);

/* The transport of ssh:// and host:path: OpenSSH, with the user's configuration, agent and
 * known_hosts (repo_git_ssh.c). `param` is the peer. */
int ssh_transport(git_transport **out, git_remote *owner, void *param);
/* After it failed: the fingerprint of the key that the host shows, or NULL; the caller frees. */
char *ssh_fingerprint(const struct peer *peer);
/* Whether the address is for ssh. */
bool ssh_is(const char *url);

#endif
