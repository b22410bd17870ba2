/* What engine and guard say to each other: packets on a socket of sequenced packets, with
 * descriptors. Both are of one build; a guard that outlived its engine may be of an older one, so
 * that each packet names its version. */
#ifndef GUARD_PACKET_H
#define GUARD_PACKET_H

#include <stddef.h>
#include <stdint.h>

#define PACKET_SOCKET 3 /* the guard finds it there when it starts */

enum packet_type {
    /* From the engine. */
    PACKET_NONE,
    PACKET_HELLO,     /* through the socket in the run's directory */
    PACKET_HOUSE,     /* FD_HOUSE: the folder to keep socket and exits in */
    PACKET_SPAWN,     /* id: the engine's name for it, larger than all before; text: token, program,
                         words, environment */
    PACKET_ATTACH,    /* text: token */
    PACKET_KILL,      /* id, number: grace in ms */
    PACKET_COLLECTED, /* says nothing but what its head says */
    PACKET_KILL_ALL,
    PACKET_LEAVE, /* the engine ends: all that is left ends too */
    PACKET_KEEP,  /* text: to be remembered for the engine that resumes */
    PACKET_RECALL,
    /* From the guard. */
    PACKET_WELCOME, /* number: the guard's process; id: the largest so far */
    PACKET_DONE,    /* HOUSE, KILL_ALL, KEEP: number is 0 or an errno */
    PACKET_KEPT,    /* RECALL: text: all that was kept, one behind the other */
    PACKET_FOUND,   /* ATTACH: id, number: its process */
    PACKET_REFUSED, /* number: errno. HELLO: EBUSY. ATTACH: ESRCH where no such token is known,
                       EBUSY where it is attached already */
    /* And what the engine does not wait for. */
    PACKET_BEGUN,     /* SPAWN: id, number: its process; not told of what ends soon */
    PACKET_NOT_BEGUN, /* SPAWN: id, number: errno */
    PACKET_ENDED,     /* id, code, signum, left */
    PACKET_TYPES,
};
/* It may come at any time, and in any number. */
#define PACKET_IS_NEWS(type) ((type) >= PACKET_BEGUN)

/* Which descriptors come along. */
enum packet_fd {
    FD_INPUT,    /* SPAWN: stdin; none of the first three: /dev/null */
    FD_OUT,      /* SPAWN: stdout */
    FD_ERR,      /* SPAWN: stderr */
    FD_OUT_READ, /* SPAWN and FOUND: the other end of FD_OUT */
    FD_ERR_READ, /* the same of FD_ERR */
    FD_FOLDER,   /* SPAWN: where the command runs */
    FD_HOUSE,    /* HOUSE */
    FD_TEXT,     /* the text, where it is long: the packet's own affair */
    PACKET_FDS,
};

struct packet_head {
    uint32_t version;
    uint32_t type;
    uint32_t fds;  /* a bit for each packet_fd that comes along */
    uint32_t argc; /* SPAWN: words of the command */
    uint32_t envc; /* SPAWN: variables */
    uint32_t keep_orphans, is_aid;
    int64_t grace_ms;
    int64_t number;
    uint64_t id;
    /* Of the engine, in any packet: a command whose output was read and whose end is known. */
    uint64_t collected;
    int32_t code, signum, left;
    uint32_t length; /* of the text */
};

#define PACKET_VERSION (1U << 16 | (uint32_t)sizeof(struct packet_head))

struct packet {
    struct packet_head head;
    int fds[PACKET_FDS]; /* -1: none */
    char *text;          /* pieces, each with its NUL; wiped when freed */
};

/* Without descriptors and text. */
struct packet packet_make(enum packet_type type);
/* Closes its descriptors, wipes and frees its text. */
void packet_release(struct packet *packet);
#define AUTO_PACKET __attribute__((cleanup(packet_release))) struct packet

/* 0, or an errno. `flags` are send's. */
int packet_send(int socket, const struct packet *packet, int flags);
/* 0; or an errno: EPIPE where the other side has gone, EPROTO where it sent what is no packet of
 * ours, EMFILE where its descriptors found no room here: then ret->head is what it sent. `flags`
 * are recv's. */
int packet_receive(int socket, int flags, struct packet *ret);

#endif
