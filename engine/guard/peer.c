#include "guard/peer.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file.h"
#include "base/vec.h"

#define SOCKET_NAME "socket"
#define STRANGERS_MOST 8 /* connected, and silent so far */

struct peer {
    struct peers *peers;
    int socket;
    struct watch *watch;
};

struct peers {
    struct events *events;
    struct peer *engine; /* NULL: there is none */
    bool is_waiting;     /* for room in its socket */
    int listener;
    struct watch *listener_watch;
    VEC(struct peer *) strangers; /* that did not say yet what they are; the oldest is the first */
    struct peers_calls calls;
    void *user;
    uint64_t largest_id;
};

struct peers *peers_new(struct events *events, const struct peers_calls *calls, void *user) {
    struct peers *peers = mem_zalloc(sizeof *peers);
    *peers = (struct peers){.events = events, .listener = -1, .calls = *calls, .user = user};
    return peers;
}

static void peer_free(struct peer *peer) {
    watch_free(peer->watch);
    file_close(&peer->socket);
    mem_free(peer);
}

bool peers_has_engine(const struct peers *peers) {
    return peers->engine != NULL;
}

/* ---- the engine --------------------------------------------------------------------------- */

void peers_drop_engine(struct peers *peers) {
    if (peers->engine)
        peer_free(peers->engine);
    peers->engine = NULL;
    peers->is_waiting = false;
}

static void stop_waiting(struct peers *peers) {
    if (!peers->is_waiting)
        return;
    peers->is_waiting = false;
    watch_want_room(peers->engine->watch, false);
    peers->calls.writable(peers->user);
}

static void engine_ready(void *user) {
    struct peer *peer = user;
    struct peers *peers = peer->peers;
    AUTO_PACKET packet = packet_make(PACKET_NONE);
    stop_waiting(peers);
    int status = packet_receive(peer->socket, MSG_DONTWAIT, &packet);
    if (status == EAGAIN)
        return;
    if (status == EMFILE) {
        peers->calls.unreadable(peers->user, &packet.head, status);
        return;
    }
    if (status == 0) {
        peers->calls.request(peers->user, &packet);
        return;
    }
    peers_drop_engine(peers);
    peers->calls.gone(peers->user);
}

void peers_serve(struct peers *peers, int socket) {
    struct peer *peer = mem_zalloc(sizeof *peer);
    peer->peers = peers;
    peer->socket = socket;
    peer->watch = watch_new(peers->events, socket, engine_ready, peer);
    peers->engine = peer;
}

void peers_note_id(struct peers *peers, uint64_t largest_id) {
    peers->largest_id = largest_id;
}

/* Only news are never waited for: the engine waits for each other answer. */
int peers_answer(struct peers *peers, const struct packet *packet) {
    if (!peers->engine)
        return EPIPE;
    int flags = PACKET_IS_NEWS(packet->head.type) ? MSG_DONTWAIT : 0;
    int status = packet_send(peers->engine->socket, packet, flags);
    if (status == EAGAIN && !peers->is_waiting) {
        peers->is_waiting = true;
        watch_want_room(peers->engine->watch, true);
    }
    return status;
}

/* ---- strangers ---------------------------------------------------------------------------- */

static void stranger_forget(struct peer *peer) {
    struct peers *peers = peer->peers;
    for (size_t i = 0; i < peers->strangers.count; i++)
        if (peers->strangers.items[i] == peer) {
            struct peer **at = &peers->strangers.items[i];
            memmove(at, at + 1, (--peers->strangers.count - i) * sizeof *at);
            break;
        }
}

/* Root may resume anybody's run. */
static bool is_ours(int socket) {
    struct ucred who;
    socklen_t size = sizeof who;
    return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 &&
           (who.uid == geteuid() || who.uid == 0);
}

static void refuse(int socket, int sys) {
    AUTO_PACKET packet = packet_make(PACKET_REFUSED);
    packet.head.number = sys;
    packet_send(socket, &packet, MSG_DONTWAIT);
}

static void welcome(struct peers *peers, struct peer *peer) {
    AUTO_PACKET packet = packet_make(PACKET_WELCOME);
    packet.head.number = getpid();
    packet.head.id = peers->largest_id;
    if (packet_send(peer->socket, &packet, MSG_DONTWAIT) != 0)
        return;
    watch_free(peer->watch);
    peer->watch = NULL;
    peers_serve(peers, peer->socket);
    peer->socket = -1;
}

/* Whatever it says, it is no stranger any more. */
static void stranger_ready(void *user) {
    struct peer *peer = user;
    struct peers *peers = peer->peers;
    AUTO_PACKET packet = packet_make(PACKET_NONE);
    int status = packet_receive(peer->socket, MSG_DONTWAIT, &packet);
    if (status == EAGAIN)
        return;
    if (status == 0 && packet.head.type == PACKET_HELLO) {
        if (peers->engine)
            refuse(peer->socket, EBUSY);
        else
            welcome(peers, peer);
    }
    stranger_forget(peer);
    peer_free(peer);
}

static void listener_ready(void *user) {
    struct peers *peers = user;
    AUTO_FD socket = accept4(peers->listener, NULL, NULL, SOCK_CLOEXEC);
    if (socket < 0 || !is_ours(socket))
        return;
    if (peers->strangers.count == STRANGERS_MOST) {
        struct peer *oldest = peers->strangers.items[0];
        stranger_forget(oldest);
        peer_free(oldest);
    }
    struct peer *peer = mem_zalloc(sizeof *peer);
    peer->peers = peers;
    peer->socket = socket;
    socket = -1;
    peer->watch = watch_new(peers->events, peer->socket, stranger_ready, peer);
    *vec_add(&peers->strangers) = peer;
}

/* By its name in the current folder: the run's path may be longer than an address. */
static int bind_here(int listener) {
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = SOCKET_NAME};
    if (unlink(SOCKET_NAME) < 0 && errno != ENOENT)
        return errno;
    if (bind(listener, (const struct sockaddr *)&address, sizeof address) < 0 ||
        chmod(SOCKET_NAME, 0600) < 0 || listen(listener, STRANGERS_MOST) < 0)
        return errno;
    return 0;
}

int peers_listen(struct peers *peers, int dir) {
    AUTO_FD listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener < 0 || fchdir(dir) < 0)
        return errno;
    int status = bind_here(listener);
    if (chdir("/") < 0 || status != 0)
        return status ? status : errno;
    peers->listener = listener;
    listener = -1;
    peers->listener_watch = watch_new(peers->events, peers->listener, listener_ready, peers);
    return 0;
}
