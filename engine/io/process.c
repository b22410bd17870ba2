#include "io/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "guard/exits.h"
#include "guard/tree.h"
#include "io/process_link.h"
#include "io/process_spawn.h"
#include "io/process_stream.h"
#include "io/process_terminal.h"

#define LATE_BEGIN_MS                                                                              \
    10 /* between the guard's death and the begin of what it was just starting                     \
        */

struct process {
    struct process_table *table;
    struct process *previous, *next;
    uint64_t id; /* the guard's name for it; 0: it is none of the guard's */
    pid_t pid;
    struct terminal *terminal; /* NULL: it is the guard's */
    struct spawn_asked *asked; /* until it is known to have begun */
    struct stream streams[2];
    void (*ended)(void *user, const struct process_exit *exit);
    void *user;
    struct process_exit exit;
    int refusal;  /* errno: it did not begin; 0: it did */
    bool is_over; /* `exit` says how; `ended` was called, or is about to be */
};

struct process_table {
    struct loop *loop;
    struct streams streams;
    char *dir; /* of the run, for its guard; NULL: there is none */
    int house; /* a descriptor of it, or -1 */
    struct link link;
    struct loop_watch *watch;
    struct process *first;
    uint64_t last_id;
    uint64_t collected; /* the guard is yet to hear of it; 0: nothing is */
};

/* ---- the table of a loop ------------------------------------------------------------------ */

static void link_drop(struct process_table *table, void (*drop)(struct link *link)) {
    loop_watch_free(table->watch);
    table->watch = NULL;
    if (table->link.socket >= 0)
        drop(&table->link);
}

static void table_release(void *object) {
    struct process_table *table = object;
    link_drop(table, link_leave);
    while (table->first)
        process_free(table->first);
    file_close(&table->house);
    streams_release(&table->streams);
    mem_free(table->dir);
    mem_free(table);
}

static struct process_table *table_get(struct loop *loop) {
    struct process_table *table = loop_slot_get(loop, LOOP_SLOT_PROCESS);
    if (table)
        return table;
    table = mem_zalloc(sizeof *table);
    table->loop = loop;
    table->streams = (struct streams)STREAMS_INIT;
    table->house = -1;
    table->link.socket = -1;
    signal(SIGPIPE, SIG_IGN);
    loop_slot_set(loop, LOOP_SLOT_PROCESS, table, table_release);
    return table;
}

/* The guard must not keep a loop going that waits for no process. */
static void hold_loop(struct process_table *table) {
    if (table->watch)
        loop_watch_hold(table->watch, table->first != NULL);
}

static void table_add(struct process_table *table, struct process *process) {
    process->next = table->first;
    if (table->first)
        table->first->previous = process;
    table->first = process;
    hold_loop(table);
}

static void table_remove(struct process_table *table, struct process *process) {
    if (process->previous)
        process->previous->next = process->next;
    else if (table->first == process)
        table->first = process->next;
    else
        return;
    if (process->next)
        process->next->previous = process->previous;
    process->previous = process->next = NULL;
    hold_loop(table);
}

/* ---- the end of a process ----------------------------------------------------------------- */

static void tell(struct process_table *table, enum packet_type type, uint64_t id, int64_t number) {
    AUTO_PACKET packet = packet_make(type);
    packet.head.id = id;
    packet.head.number = number;
    packet.head.collected = table->collected;
    table->collected = 0;
    /* Where it fails the guard is gone, which its watch will tell. */
    if (table->link.socket >= 0)
        (void)packet_send(table->link.socket, &packet, 0);
}

/* It is told with the next request, which often follows at once: a packet of its own would wake
 * the guard for nothing. */
static void note_collected(struct process_table *table, uint64_t id) {
    if (table->collected)
        tell(table, PACKET_COLLECTED, 0, 0);
    table->collected = id;
}

static void finish(struct process *process) {
    struct process_table *table = process->table;
    process->is_over = true;
    stream_drain(&process->streams[0]);
    stream_drain(&process->streams[1]);
    if (process->id)
        note_collected(table, process->id);
    table_remove(table, process);
    AUTO_ERR why = ERR_INIT;
    struct process_exit exit = process->exit;
    if (process->refusal) {
        spawn_explain(process->asked, process->refusal, &why);
        exit.refused = &why;
    }
    process->ended(process->user, &exit);
}

static void finish_deferred(void *user) {
    finish(user);
}

static void finish_soon(struct process *process) {
    if (process->is_over)
        return;
    process->is_over = true;
    loop_defer(process->table->loop, finish_deferred, process);
}

static void note_begin(struct process *process, pid_t pid) {
    process->pid = pid;
    spawn_asked_free(process->asked);
    process->asked = NULL;
}

/* Whose end it is; NULL: nobody's. */
static struct process *take_news(struct process_table *table, const struct packet_head *head) {
    struct process *process = table->first;
    while (process && process->id != head->id)
        process = process->next;
    if (!process || process->is_over)
        return NULL;
    if (head->type == PACKET_BEGUN) {
        note_begin(process, (pid_t)head->number);
        return NULL;
    }
    process->exit =
        (struct process_exit){.code = head->code, .signum = head->signum, .left = head->left};
    if (head->type == PACKET_NOT_BEGUN) {
        process->exit.code = -1;
        process->refusal = (int)head->number;
    }
    return process;
}

/* While an answer is waited for nobody may be called back. */
static void heard_beside(void *user, const struct packet *packet) {
    struct process *process = take_news(user, &packet->head);
    if (process)
        finish_soon(process);
}

/* One that the guard told nothing of yet may have begun all the same. */
static void add_leader(const struct process *process, int *patience_ms, struct pids *ret) {
    if (process->pid)
        pids_add(ret, process->pid);
    else if (process->asked) {
        size_t length;
        const char *environment = spawn_asked_environment(process->asked, &length);
        tree_find_environment(environment, length, patience_ms, ret);
    }
}

/* The guard died: its commands may live on as somebody else's children. */
static void lose_all(struct process_table *table) {
    AUTO_PIDS leaders = {0};
    int patience_ms = LATE_BEGIN_MS;
    link_drop(table, link_close);
    table->collected = 0;
    for (struct process *it = table->first; it; it = it->next) {
        if (it->terminal || it->is_over)
            continue;
        add_leader(it, &patience_ms, &leaders);
        it->id = 0;
        it->exit = (struct process_exit){.code = -1, .lost = true};
        finish_soon(it);
    }
    if (leaders.list.count > 0)
        tree_kill_sessions(&leaders);
}

static void heard(void *user, int events) {
    (void)events;
    struct process_table *table = user;
    AUTO_PACKET packet = packet_make(PACKET_NONE);
    int status = packet_receive(table->link.socket, MSG_DONTWAIT, &packet);
    if (status == EAGAIN)
        return;
    struct process *process = status == 0 ? take_news(table, &packet.head) : NULL;
    if (status != 0)
        lose_all(table);
    else if (process)
        finish(process);
}

/* ---- the guard ---------------------------------------------------------------------------- */

static void watch_guard(struct process_table *table) {
    table->watch = loop_watch_new(table->loop, table->link.socket, LOOP_READ, heard, table);
    hold_loop(table);
}

/* The guard that an engine before us began; *ret is false where there is none. */
static int find_guard(struct process_table *table, bool *ret, struct err *err) {
    *ret = table->link.socket >= 0;
    if (*ret || table->house < 0)
        return 0;
    if (link_find(&table->link, table->house, ret, err) < 0)
        return -1;
    if (!*ret)
        return 0;
    if (table->last_id < table->link.largest_id)
        table->last_id = table->link.largest_id;
    watch_guard(table);
    return 0;
}

static int need_guard(struct process_table *table, struct err *err) {
    bool found;
    if (find_guard(table, &found, err) < 0)
        return -1;
    if (found)
        return 0;
    if (link_start(&table->link, table->dir, err) < 0)
        return -1;
    if (table->house >= 0 && link_move_in(&table->link, table->house, err) < 0) {
        link_leave(&table->link);
        return -1;
    }
    watch_guard(table);
    return 0;
}

int process_guard(struct loop *loop, const char *dir, struct err *err) {
    struct process_table *table = table_get(loop);
    if (table->first)
        return err_set(err, ERR_BUSY, "commands are running already");
    bool is_first = !file_exists(dir);
    if (file_make_dir(dir, 0700, err) < 0)
        return -1;
    AUTO_FD house = open(dir, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (house < 0)
        return err_sys(err, errno, "cannot open %s", dir);
    if (exits_make(house, is_first, err) < 0)
        return -1;
    /* The run may have a guard already: the one of commands before the run is not it. */
    link_drop(table, link_leave);
    file_close(&table->house);
    mem_free(table->dir);
    table->dir = mem_strdup(dir);
    table->house = house;
    house = -1;
    return 0;
}

int64_t process_guard_pid(struct loop *loop) {
    const struct process_table *table = loop_slot_get(loop, LOOP_SLOT_PROCESS);
    return table && table->link.socket >= 0 ? table->link.pid : 0;
}

/* ---- begin -------------------------------------------------------------------------------- */

static struct process *process_new(struct process_table *table, const struct process_spec *spec) {
    struct process *process = mem_zalloc(sizeof *process);
    process->table = table;
    process->ended = spec->ended;
    process->user = spec->user;
    for (int i = 0; i < 2; i++)
        process->streams[i] = (struct stream){
            .streams = &table->streams,
            .number = i + 1,
            .fd = -1,
            .output = spec->output,
            .user = spec->user,
        };
    table_add(table, process);
    return process;
}

/* Takes the read ends of its pipes. */
static void connect_streams(struct process *process, struct packet *packet) {
    for (int i = 0; i < 2; i++) {
        int *fd = &packet->fds[FD_OUT_READ + i];
        if (!process->streams[i].output || *fd < 0)
            continue;
        stream_open(&process->streams[i], *fd);
        *fd = -1;
    }
}

static void terminal_ended(void *user, const struct process_exit *exit) {
    struct process *process = user;
    process->exit = *exit;
    finish(process);
}

static int explain(const struct process_spec *spec, const char *program, int sys, struct err *err) {
    AUTO_PACKET packet = packet_make(PACKET_SPAWN);
    spawn_text(spec, program, &packet);
    struct spawn_asked *asked = spawn_asked_new(spec, &packet);
    spawn_explain(asked, sys, err);
    spawn_asked_free(asked);
    return -1;
}

static int spawn_on_terminal(struct process_table *table, const struct process_spec *spec,
                             const char *program, struct process **ret, struct err *err) {
    struct process *process = process_new(table, spec);
    int sys =
        terminal_spawn(table->loop, spec, program, terminal_ended, process, &process->terminal);
    if (sys != 0) {
        process_free(process);
        return explain(spec, program, sys, err);
    }
    process->pid = terminal_pid(process->terminal);
    *ret = process;
    return 0;
}

/* To a guard, with what it is yet to hear. One that died unnoticed is replaced, where it cannot
 * have got the packet. *ret_status is what `send` came to. */
static int reach_guard(struct process_table *table, struct packet *packet,
                       int (*send)(struct process_table *table, const struct packet *packet,
                                   struct packet *ret_answer),
                       struct packet *ret_answer, int *ret_status, struct err *err) {
    for (int i = 0; i < 2; i++) {
        if (need_guard(table, err) < 0)
            return -1;
        packet->head.collected = table->collected;
        table->collected = 0;
        *ret_status = send(table, packet, ret_answer);
        if (*ret_status != EPIPE)
            return 0;
        lose_all(table);
    }
    return 0;
}

static int send_only(struct process_table *table, const struct packet *packet,
                     struct packet *ret_answer) {
    (void)ret_answer;
    return packet_send(table->link.socket, packet, 0);
}

static int send_and_wait(struct process_table *table, const struct packet *packet,
                         struct packet *ret_answer) {
    return link_ask(&table->link, packet, ret_answer, heard_beside, table);
}

/* Nobody waits for it to begin: what the engine does meanwhile, and that it is not woken for the
 * answer alone, is worth a tenth of a short step. */
static int spawn_by_guard(struct process_table *table, const struct process_spec *spec,
                          const char *program, struct process **ret, struct err *err) {
    AUTO_PACKET packet = packet_make(PACKET_NONE);
    int status;
    if (spawn_describe(spec, program, &packet, err) < 0)
        return -1;
    if (streams_need(&table->streams, table->loop, err) < 0)
        return -1;
    if (need_guard(table, err) < 0) /* it says the ids that were used */
        return -1;
    packet.head.id = ++table->last_id;
    if (reach_guard(table, &packet, send_only, NULL, &status, err) < 0)
        return -1;
    struct spawn_asked *asked = spawn_asked_new(spec, &packet);
    if (status != 0) {
        spawn_explain(asked, status, err);
        spawn_asked_free(asked);
        return -1;
    }
    struct process *process = process_new(table, spec);
    process->id = packet.head.id;
    process->asked = asked;
    connect_streams(process, &packet);
    *ret = process;
    return 0;
}

int process_spawn(struct loop *loop, const struct process_spec *spec, struct process **ret,
                  struct err *err) {
    struct process_table *table = table_get(loop);
    AUTO_TEXT program = spawn_locate(spec, err);
    if (!program)
        return -1;
    if (spec->inherit_terminal)
        return spawn_on_terminal(table, spec, program, ret, err);
    return spawn_by_guard(table, spec, program, ret, err);
}

/* ---- find again ---------------------------------------------------------------------------
 */

/* The guard is gone, or never heard of it: what does the file say? */
static void look_up(struct process_table *table, const struct process_spec *spec,
                    struct process **ret, enum process_found *ret_found) {
    struct exit_status status = {0};
    switch (exits_find(table->house, spec->token, &status)) {
    case EXITS_NEVER:
        *ret_found = PROCESS_NEVER_BEGAN;
        return;
    case EXITS_BEGAN:
        *ret_found = PROCESS_LOST;
        return;
    case EXITS_ENDED:
        break;
    }
    *ret = process_new(table, spec);
    (*ret)->exit =
        (struct process_exit){.code = status.code, .signum = status.signum, .left = status.left};
    finish_soon(*ret);
    *ret_found = PROCESS_ENDED_EARLIER;
}

static int ask_for(struct process_table *table, const struct process_spec *spec,
                   struct packet *ret_answer) {
    AUTO_PACKET packet = packet_make(PACKET_ATTACH);
    packet.text = mem_strdup(spec->token);
    packet.head.length = (uint32_t)strlen(spec->token) + 1;
    int status = link_ask(&table->link, &packet, ret_answer, heard_beside, table);
    if (status != 0) {
        lose_all(table);
        return ESRCH;
    }
    return ret_answer->head.type == PACKET_FOUND ? 0 : (int)ret_answer->head.number;
}

int process_attach(struct loop *loop, const struct process_spec *spec, struct process **ret,
                   enum process_found *ret_found, struct err *err) {
    struct process_table *table = table_get(loop);
    AUTO_PACKET answer = packet_make(PACKET_NONE);
    bool found;
    *ret = NULL;
    if (streams_need(&table->streams, table->loop, err) < 0 || find_guard(table, &found, err) < 0)
        return -1;
    int status = found ? ask_for(table, spec, &answer) : ESRCH;
    if (status == ESRCH) {
        look_up(table, spec, ret, ret_found);
        return 0;
    }
    if (status != 0)
        return err_set(err, ERR_BUSY, "`%s` is attached already", spec->token);
    *ret = process_new(table, spec);
    (*ret)->id = answer.head.id;
    (*ret)->pid = (pid_t)answer.head.number;
    connect_streams(*ret, &answer);
    *ret_found = PROCESS_FOUND;
    return 0;
}

/* ---- verbs --------------------------------------------------------------------------------
 */

int64_t process_pid(const struct process *process) {
    return process->pid;
}

void process_kill(struct process *process, int64_t grace_ms) {
    if (process->terminal)
        terminal_kill(process->terminal, grace_ms);
    else if (process->id && !process->is_over)
        tell(process->table, PACKET_KILL, process->id, grace_ms);
}

void process_free(struct process *process) {
    if (!process)
        return;
    table_remove(process->table, process);
    terminal_free(process->terminal);
    spawn_asked_free(process->asked);
    stream_close(&process->streams[0]);
    stream_close(&process->streams[1]);
    mem_free(process);
}

void process_kill_all(struct loop *loop) {
    struct process_table *table = loop_slot_get(loop, LOOP_SLOT_PROCESS);
    if (!table)
        return;
    for (struct process *it = table->first; it; it = it->next)
        if (it->terminal)
            terminal_kill(it->terminal, 0);
    if (table->link.socket < 0)
        return;
    AUTO_PACKET packet = packet_make(PACKET_KILL_ALL);
    AUTO_PACKET answer = packet_make(PACKET_NONE);
    if (link_ask(&table->link, &packet, &answer, heard_beside, table) != 0)
        lose_all(table);
}

/* ---- what is kept for the next engine ------------------------------------------------------ */

int process_keep(struct loop *loop, const char *bytes, size_t length, struct err *err) {
    struct process_table *table = table_get(loop);
    AUTO_PACKET packet = packet_make(PACKET_KEEP);
    AUTO_PACKET answer = packet_make(PACKET_NONE);
    int status;
    if (table->house < 0 || length == 0)
        return 0;
    packet.text = mem_alloc(length);
    memcpy(packet.text, bytes, length);
    packet.head.length = (uint32_t)length;
    if (reach_guard(table, &packet, send_and_wait, &answer, &status, err) < 0)
        return -1;
    if (status == 0 && answer.head.type == PACKET_DONE)
        status = (int)answer.head.number;
    return status == 0 ? 0 : err_sys(err, status, "the guard of this run does not keep a secret");
}

int process_kept(struct loop *loop, char **ret, size_t *ret_length, struct err *err) {
    struct process_table *table = table_get(loop);
    AUTO_PACKET packet = packet_make(PACKET_RECALL);
    AUTO_PACKET answer = packet_make(PACKET_NONE);
    bool found;
    *ret = NULL;
    *ret_length = 0;
    if (find_guard(table, &found, err) < 0)
        return -1;
    if (!found || link_ask(&table->link, &packet, &answer, heard_beside, table) != 0 ||
        answer.head.type != PACKET_KEPT)
        return 0;
    *ret = answer.text;
    *ret_length = answer.head.length;
    answer.text = NULL;
    return 0;
}

void process_let_go(struct loop *loop) {
    struct process_table *table = loop_slot_get(loop, LOOP_SLOT_PROCESS);
    if (table)
        link_drop(table, link_let_go);
}
