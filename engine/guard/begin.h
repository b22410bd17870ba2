/* Begins a command as the engine asks for it. */
#ifndef GUARD_BEGIN_H
#define GUARD_BEGIN_H

#include <sys/types.h>

#include "guard/packet.h"

/* The token of a PACKET_SPAWN; NULL where the packet is not well formed. */
const char *begin_token(const struct packet *packet);
/* 0 and its process, which leads a session of its own; or an errno. */
int begin_command(const struct packet *packet, pid_t *ret);

#endif
