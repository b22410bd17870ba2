/* The connection of an engine with the guard of its run; for the process room only. */
#ifndef IO_PROCESS_LINK_H
#define IO_PROCESS_LINK_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "guard/packet.h"

struct link {
    int socket;          /* -1: there is none */
    pid_t pid;           /* of the guard */
    uint64_t largest_id; /* of a command, when it was found */
    bool is_child;
};

/* Begins a guard. `dir` is the run's folder for it, shown in the list of processes; or NULL. */
int link_start(struct link *link, const char *dir, struct err *err) MUST_USE;
/* Lets it keep socket and exits in the folder `house`, a descriptor. */
int link_move_in(struct link *link, int house, struct err *err) MUST_USE;
/* Finds the guard that an engine before us began: *ret_found is false where it is gone. */
int link_find(struct link *link, int house, bool *ret_found, struct err *err) MUST_USE;

/* Sends and waits for the answer; what the guard says besides goes to `beside`. 0, EPIPE where it
 * cannot have got the packet, or EIO where it died with it. */
int link_ask(struct link *link, const struct packet *packet, struct packet *ret_answer,
             void (*beside)(void *user, const struct packet *packet), void *user);

/* It ends, and all that it looks after: waits for it. */
void link_leave(struct link *link);
/* It stays, and waits for another engine. */
void link_let_go(struct link *link);
/* It has died. */
void link_close(struct link *link);

#endif
