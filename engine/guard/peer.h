/* Who talks to the guard: engines, of which one at a time is served. */
#ifndef GUARD_PEER_H
#define GUARD_PEER_H

#include <stdbool.h>

#include "guard/events.h"
#include "guard/packet.h"

struct peers;
struct peers_calls {
    void (*request)(void *user, struct packet *packet);
    void (*unreadable)(void *user, const struct packet_head *head, int sys);
    void (*gone)(void *user);
    void (*writable)(void *user);
};
/* `request` gets each packet of the engine that is served; `unreadable` the head of one whose
 * descriptors found no room here; `gone` is called when it went away;
 * `writable` when a packet that was refused with EAGAIN may be tried again. */
struct peers *peers_new(struct events *events, const struct peers_calls *calls, void *user);
/* The engine that began us, on a socket that is connected already; taken. */
void peers_serve(struct peers *peers, int socket);
/* What an engine that comes next is told with its welcome. */
void peers_note_id(struct peers *peers, uint64_t largest_id);
/* Listens on `socket` in the folder `dir`, a descriptor; 0 or an errno. */
int peers_listen(struct peers *peers, int dir);
bool peers_has_engine(const struct peers *peers);
/* Answers the engine; 0 or an errno. */
int peers_answer(struct peers *peers, const struct packet *packet);
/* The engine is not served any more. */
void peers_drop_engine(struct peers *peers);

#endif
