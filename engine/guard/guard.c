#include "guard/guard.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "guard/begin.h"
#include "guard/child.h"
#include "guard/peer.h"
#include "guard/signals.h"

#define ANNOUNCE_MS INT64_C(100)
#define KEPT_MOST ((size_t)16 << 20)
#define AID_GRACE_MS INT64_C(2000)
#define GRACE_MOST_MS (INT64_C(100) * 366 * 24 * 3600 * 1000)

struct guard {
    struct events *events;
    struct peers *peers;
    struct table table;
    VEC(struct child *) over; /* ended, and not collected by an engine */
    char *kept;               /* what an engine wants remembered: in memory, never on disk */
    size_t kept_length;
    int exits_fd; /* -1: the run has no directory (yet) */
    int signal_fd;
    struct timer *announce_timer;
    bool is_told_to_leave;
};

static void answer(struct guard *guard, enum packet_type type, int64_t number) {
    AUTO_PACKET packet = packet_make(type);
    packet.head.number = number;
    peers_answer(guard->peers, &packet);
}

/* ---- what is told of a command ------------------------------------------------------------ */

static void tell_begin(struct guard *guard, struct child *child) {
    AUTO_PACKET packet = packet_make(PACKET_BEGUN);
    if (!child->is_attached || child->is_announced)
        return;
    packet.head.id = child->id;
    packet.head.number = child->pid;
    child->is_announced = peers_answer(guard->peers, &packet) == 0;
}

static void tell_end(struct guard *guard, struct child *child) {
    AUTO_PACKET packet = packet_make(child->refusal ? PACKET_NOT_BEGUN : PACKET_ENDED);
    if (!child->is_attached || child->is_told)
        return;
    packet.head.id = child->id;
    packet.head.number = child->refusal;
    packet.head.code = child->exit.code;
    packet.head.signum = child->exit.signum;
    packet.head.left = child->exit.left;
    child->is_told = peers_answer(guard->peers, &packet) == 0;
}

static void note_end(const struct guard *guard, const struct child *child) {
    if (child->token)
        exits_ended(guard->exits_fd, child->token, &child->exit);
}

/* Where an engine is there, its transcript syncs what it was told: it need not wait for the note.
 */
static void ended(void *user, struct child *child) {
    struct guard *guard = user;
    *vec_add(&guard->over) = child;
    tell_end(guard, child);
    note_end(guard, child);
    if (guard->exits_fd >= 0 && !peers_has_engine(guard->peers))
        fdatasync(guard->exits_fd);
    child_close_writers(child);
}

static void tell_begins(struct guard *guard) {
    for (struct child *it = guard->table.first; it; it = it->next)
        tell_begin(guard, it);
}

static void announce_fired(void *user) {
    struct guard *guard = user;
    timer_free(guard->announce_timer);
    guard->announce_timer = NULL;
    tell_begins(guard);
}

/* The engine is woken for what runs for a while only; of a short command the end is all it needs:
 * 10 % of the switches in a chain of such, 13 % of the time with two at once. */
static void tell_begins_soon(struct guard *guard) {
    if (!guard->announce_timer)
        guard->announce_timer = timer_new(guard->events, ANNOUNCE_MS, announce_fired, guard);
}

static void tell_all(void *user) {
    struct guard *guard = user;
    tell_begins(guard);
    for (size_t i = 0; i < guard->over.count; i++)
        tell_end(guard, guard->over.items[i]);
}

static void collected(struct guard *guard, uint64_t id) {
    for (size_t i = 0; i < guard->over.count; i++)
        if (guard->over.items[i]->id == id) {
            child_free(guard->over.items[i]);
            guard->over.items[i] = guard->over.items[--guard->over.count];
            return;
        }
}

/* ---- what the engine asks for ------------------------------------------------------------- */

static void found(struct guard *guard, const struct child *child) {
    struct packet packet = packet_make(PACKET_FOUND); /* its descriptors stay the child's */
    packet.head.id = child->id;
    packet.head.number = child->pid;
    packet.fds[FD_OUT_READ] = child->output_fds[0];
    packet.fds[FD_ERR_READ] = child->output_fds[1];
    peers_answer(guard->peers, &packet);
}

static int64_t grace_of(int64_t ms) {
    return ms < 0 ? 0 : ms > GRACE_MOST_MS ? GRACE_MOST_MS : ms;
}

/* Nothing begins whose begin cannot be written down. */
static int spawn_noted(const struct guard *guard, const struct packet *packet, const char *token,
                       pid_t *ret) {
    int sys = *token ? exits_began(guard->exits_fd, token) : 0;
    if (sys != 0)
        return sys;
    sys = begin_command(packet, ret);
    if (sys != 0 && *token)
        exits_refused(guard->exits_fd, token);
    return sys;
}

static void refuse(struct guard *guard, uint64_t id, int sys) {
    struct child *child = child_not_begun(sys);
    child->id = id;
    child->is_attached = true;
    *vec_add(&guard->over) = child;
    tell_end(guard, child);
}

static void spawn(struct guard *guard, struct packet *packet) {
    const char *token = begin_token(packet);
    pid_t pid;
    int sys = token ? spawn_noted(guard, packet, token, &pid) : EPROTO;
    peers_note_id(guard->peers, packet->head.id);
    if (sys != 0) {
        refuse(guard, packet->head.id, sys);
        return;
    }
    struct child *child = child_new(&guard->table, pid, *token ? mem_strdup(token) : NULL);
    child_take_pipes(child, &packet->fds[FD_OUT_READ], &packet->fds[FD_OUT]);
    child->id = packet->head.id;
    child->grace_ms = grace_of(packet->head.grace_ms);
    child->keep_orphans = packet->head.keep_orphans;
    child->is_aid = packet->head.is_aid;
    child->is_attached = true;
    tell_begins_soon(guard);
}

static struct child *find_token(const struct guard *guard, const char *token) {
    for (struct child *it = guard->table.first; it; it = it->next)
        if (text_equal(it->token, token))
            return it;
    for (size_t i = 0; i < guard->over.count; i++)
        if (text_equal(guard->over.items[i]->token, token))
            return guard->over.items[i];
    return NULL;
}

static void attach(struct guard *guard, const struct packet *packet) {
    size_t length = packet->head.length;
    bool is_text = length > 0 && packet->text[length - 1] == '\0';
    struct child *child = is_text ? find_token(guard, packet->text) : NULL;
    if (!child || child->is_attached) {
        answer(guard, PACKET_REFUSED, child ? EBUSY : ESRCH);
        return;
    }
    child->is_attached = child->is_announced = true;
    child->is_told = false;
    found(guard, child);
    if (child->stage == STAGE_ENDED)
        tell_end(guard, child);
}

static void kill_one(struct guard *guard, const struct packet *packet) {
    for (struct child *it = guard->table.first; it; it = it->next)
        if (it->id == packet->head.id) {
            child_kill(it, grace_of(packet->head.number));
            return;
        }
}

/* Not every file system takes sockets: without one nobody finds us again, and the list of exits is
 * all that the next engine has. */
static int move_in(struct guard *guard, int dir) {
    if (guard->exits_fd >= 0 || dir < 0)
        return EPROTO;
    guard->exits_fd = exits_open(dir);
    if (guard->exits_fd < 0)
        return errno;
    (void)peers_listen(guard->peers, dir);
    return 0;
}

/* Into a new copy, so that the old one can be wiped. */
static int keep(struct guard *guard, const struct packet *packet) {
    const size_t length = guard->kept_length + packet->head.length;
    if (length > KEPT_MOST)
        return ENOSPC;
    char *kept = mem_alloc(length + 1);
    if (guard->kept_length > 0)
        memcpy(kept, guard->kept, guard->kept_length);
    if (packet->head.length > 0)
        memcpy(kept + guard->kept_length, packet->text, packet->head.length);
    mem_wipe_free(guard->kept, guard->kept_length);
    guard->kept = kept;
    guard->kept_length = length;
    return 0;
}

static void recall(struct guard *guard) {
    struct packet packet = packet_make(PACKET_KEPT); /* its text stays ours */
    packet.text = guard->kept;
    packet.head.length = (uint32_t)guard->kept_length;
    peers_answer(guard->peers, &packet);
}

static void leave(struct guard *guard) {
    guard->is_told_to_leave = true;
    table_kill_all(&guard->table);
    for (struct child *it = guard->table.first; it; it = it->next)
        if (it->main_ended && table_reap(it->pid))
            note_end(guard, it);
}

static void serve(struct guard *guard, struct packet *packet) {
    switch (packet->head.type) {
    case PACKET_SPAWN:
        spawn(guard, packet);
        break;
    case PACKET_ATTACH:
        attach(guard, packet);
        break;
    case PACKET_KILL:
        kill_one(guard, packet);
        break;
    case PACKET_COLLECTED:
        break;
    case PACKET_HOUSE:
        answer(guard, PACKET_DONE, move_in(guard, packet->fds[FD_HOUSE]));
        break;
    case PACKET_KILL_ALL:
        table_kill_all(&guard->table);
        answer(guard, PACKET_DONE, 0);
        break;
    case PACKET_KEEP:
        answer(guard, PACKET_DONE, keep(guard, packet));
        break;
    case PACKET_RECALL:
        recall(guard);
        break;
    case PACKET_LEAVE:
        leave(guard);
        break;
    default:
        answer(guard, PACKET_REFUSED, EPROTO);
        break;
    }
}

/* To let go of the one before, with its pipes, can wait until the next has begun. */
static void request(void *user, struct packet *packet) {
    struct guard *guard = user;
    serve(guard, packet);
    collected(guard, packet->head.collected);
}

static void unreadable(void *user, const struct packet_head *head, int sys) {
    struct guard *guard = user;
    collected(guard, head->collected);
    if (head->type == PACKET_SPAWN)
        refuse(guard, head->id, sys);
    else
        answer(guard, PACKET_REFUSED, sys);
}

/* ---- life --------------------------------------------------------------------------------- */

/* It died: from here on the file is all that the next one has. */
static void engine_gone(void *user) {
    struct guard *guard = user;
    for (struct child *it = guard->table.first; it; it = it->next)
        it->is_attached = false;
    for (size_t i = 0; i < guard->over.count; i++)
        guard->over.items[i]->is_attached = false;
    if (guard->exits_fd >= 0)
        fdatasync(guard->exits_fd);
}

/* Nobody is left who would use them. */
static void end_aids(struct guard *guard) {
    for (const struct child *it = guard->table.first; it; it = it->next)
        if (!it->is_aid)
            return;
    for (struct child *it = guard->table.first; it; it = it->next)
        if (it->stage == STAGE_RUNNING)
            child_kill(it, AID_GRACE_MS);
}

/* Without a directory no engine could find us. */
static bool is_needed(const struct guard *guard) {
    if (guard->is_told_to_leave)
        return false;
    if (peers_has_engine(guard->peers) || guard->table.first)
        return true;
    if (guard->exits_fd >= 0 && guard->kept_length > 0)
        return true;
    for (size_t i = 0; guard->exits_fd >= 0 && i < guard->over.count; i++)
        if (child_has_output(guard->over.items[i]))
            return true;
    return false;
}

static void child_caught(void *user) {
    struct guard *guard = user;
    struct signalfd_siginfo info;
    if (read(guard->signal_fd, &info, sizeof info) > 0)
        table_notice(&guard->table);
}

/* People may start the program to see what it does. */
static bool is_socket(int fd) {
    int type;
    socklen_t size = sizeof type;
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET;
}

int guard_run(int socket) {
    static const struct peers_calls calls = {request, unreadable, engine_gone, tell_all};
    struct guard guard = {.exits_fd = -1};
    if (!is_socket(socket))
        return EXIT_FAILURE;
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    guard.signal_fd = guard_signals_take();
    if (chdir("/") < 0 || guard.signal_fd < 0)
        return EXIT_FAILURE;
    guard.events = events_new();
    guard.peers = peers_new(guard.events, &calls, &guard);
    table_init(&guard.table, guard.events);
    guard.table.ended = ended;
    guard.table.user = &guard;
    watch_new(guard.events, guard.signal_fd, child_caught, &guard);
    peers_serve(guard.peers, socket);
    while (is_needed(&guard)) {
        if (!peers_has_engine(guard.peers))
            end_aids(&guard);
        events_turn(guard.events);
    }
    mem_wipe_free(guard.kept, guard.kept_length);
    return EXIT_SUCCESS;
}
