#include "run/reach.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "io/process.h"

#define SHARE 8         /* a server allows 10 at once, and what ends them needs a place, too */
#define SOCKET_SPARE 32 /* bytes that ssh and we add to the folder */
#define ADDRESS_MOST 107
#define FOLDERS_MOST ((size_t)1 << 16)

struct way {
    struct run *run;
    struct way *next;
    struct ssh *ssh;
    char *host;
    char **environment;
    size_t users;
    struct reach *waiting; /* newest first */
};

struct reach {
    struct run *run;
    struct way *way;
    struct err err; /* why there is none */
    void (*opened)(void *user, struct err *err);
    void *user;
    struct loop_timer *news;
    struct ssh_tunnel *tunnel;
    void (*tunnel_opened)(void *user, const char *entry, struct err *err);
    void *tunnel_user;
    struct reach *next;
};

struct ways {
    struct way *first;
    char *folder;
    int64_t count;
};

/* ---- a folder for sockets ------------------------------------------------------------------ */

/* The folders of all engines that had this run. */
static char *folders_list(const struct run *run) {
    return mem_printf("%s/work/ways", store_run_dir(run->place));
}

/* Whichever engine has the run last removes it. */
static int folder_note(const struct run *run, const char *folder, struct err *err) {
    AUTO_TEXT path = folders_list(run);
    AUTO_TEXT before = NULL;
    size_t length;
    if (file_exists(path) && file_read(path, FOLDERS_MOST, &before, &length, err) < 0)
        return -1;
    AUTO_TEXT all = mem_printf("%s%s\n", before ? before : "", folder);
    return file_write_atomic(path, all, strlen(all), 0600, err);
}

static int folder_make(const struct run *run, const char *base, char **ret, struct err *err) {
    AUTO_TEXT folder = mem_printf("%s/runbook-XXXXXX", base);
    if (strlen(folder) + SOCKET_SPARE > ADDRESS_MOST)
        return err_set(err, ERR_SYSTEM, "the path of a socket in %s is too long", base);
    if (!mkdtemp(folder))
        return err_sys(err, errno, "cannot make a folder in %s", base);
    if (folder_note(run, folder, err) < 0)
        return -1;
    *ret = folder;
    folder = NULL;
    return 0;
}

/* The last connection that ended may have taken it along. */
static int folder_need(struct run *run, struct err *err) {
    const char *const bases[] = {getenv("XDG_RUNTIME_DIR"), getenv("TMPDIR"), "/tmp"};
    struct ways *ways = run->ways;
    if (ways->folder && file_exists(ways->folder))
        return 0;
    mem_free(ways->folder);
    ways->folder = NULL;
    for (size_t i = 0; i < sizeof bases / sizeof *bases; i++) {
        if (!bases[i] || !*bases[i])
            continue;
        err_release(err);
        if (folder_make(run, bases[i], &ways->folder, err) == 0)
            return 0;
    }
    return -1;
}

static void folders_remove(const struct run *run) {
    AUTO_TEXT path = folders_list(run);
    AUTO_TEXT all = NULL;
    AUTO_ERR err = ERR_INIT;
    size_t length;
    if (!file_exists(path) || file_read(path, FOLDERS_MOST, &all, &length, &err) < 0)
        return;
    for (char *line = all, *end; (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        if (file_exists(line) && file_remove_tree(line, &err) < 0)
            err_release(&err);
    }
}

/* ---- who waits ------------------------------------------------------------------------------ */

static void tell(void *user) {
    struct reach *reach = user;
    loop_timer_free(reach->news);
    reach->news = NULL;
    reach->opened(reach->user, reach->err.kind ? &reach->err : NULL);
}

static void tell_soon(struct reach *reach) {
    reach->news = loop_timer_new(reach->run->loop, 0, tell, reach);
}

static void err_copy(struct err *to, const struct err *from) {
    err_set(to, from->kind, "%s", from->message);
    if (from->hint)
        err_hint(to, "%s", from->hint);
}

static void waiting_remove(struct reach *reach) {
    for (struct reach **at = &reach->way->waiting; *at; at = &(*at)->next)
        if (*at == reach) {
            *at = reach->next;
            return;
        }
}

/* ---- connections ---------------------------------------------------------------------------- */

static void way_free(struct way *way) {
    struct way **at = &way->run->ways->first;
    while (*at != way)
        at = &(*at)->next;
    *at = way->next;
    ssh_free(way->ssh);
    for (char **entry = way->environment; *entry; entry++)
        mem_free(*entry);
    mem_free(way->environment);
    mem_free(way->host);
    mem_free(way);
}

static void way_changed(void *user) {
    struct way *way = user;
    struct run *run = way->run;
    struct reach *waiting = way->waiting;
    way->waiting = NULL;
    for (; waiting; waiting = waiting->next) {
        if (ssh_is_over(way->ssh))
            err_copy(&waiting->err, ssh_why(way->ssh));
        tell_soon(waiting);
    }
    if (!ssh_is_over(way->ssh))
        return;
    if (!way->users)
        way_free(way);
    sched_pump(run);
}

static char **environment_make(const struct run *run, const char *token) {
    VEC(char *) list = {0};
    for (char **entry = run->environment; *entry; entry++)
        if (!text_starts_with(*entry, PROCESS_TOKEN "="))
            *vec_add(&list) = mem_strdup(*entry);
    *vec_add(&list) = mem_printf(PROCESS_TOKEN "=%s", token);
    *vec_add(&list) = NULL;
    return list.items;
}

static struct way *way_new(struct run *run, const char *host, struct err *err) {
    if (folder_need(run, err) < 0)
        return NULL;
    int64_t number = ++run->ways->count;
    struct way *way = mem_zalloc(sizeof *way);
    AUTO_TEXT socket = mem_printf("%s/%lld", run->ways->folder, (long long)number);
    AUTO_TEXT token =
        mem_printf("%s:way-%ld-%lld", store_run_id(run->place), (long)getpid(), (long long)number);
    way->run = run;
    way->host = mem_strdup(host);
    way->environment = environment_make(run, token);
    way->next = run->ways->first;
    run->ways->first = way;
    struct ssh_spec spec = {.host = way->host,
                            .socket = socket,
                            .environment = (const char *const *)way->environment,
                            .token = token,
                            .changed = way_changed,
                            .user = way};
    if (ssh_open(run->loop, &spec, &way->ssh, err) == 0)
        return way;
    way_free(way);
    return NULL;
}

static struct way *way_find(const struct ways *ways, const char *host) {
    for (struct way *it = ways->first; it; it = it->next)
        if (text_equal(it->host, host) && it->users < SHARE && !ssh_is_over(it->ssh))
            return it;
    return NULL;
}

struct reach *reach_new(struct run *run, const char *host, bool fresh,
                        void (*opened)(void *user, struct err *err), void *user) {
    struct reach *reach = mem_zalloc(sizeof *reach);
    *reach = (struct reach){.run = run, .opened = opened, .user = user};
    if (!run->ways)
        run->ways = mem_zalloc(sizeof *run->ways);
    reach->way = fresh ? NULL : way_find(run->ways, host);
    if (!reach->way)
        reach->way = way_new(run, host, &reach->err);
    if (reach->way)
        reach->way->users++;
    if (reach->way && !ssh_is_open(reach->way->ssh)) {
        reach->next = reach->way->waiting;
        reach->way->waiting = reach;
    } else {
        tell_soon(reach);
    }
    return reach;
}

const struct ssh *reach_ssh(const struct reach *reach) {
    return reach->way->ssh;
}

const struct err *reach_lost(const struct reach *reach) {
    return ssh_is_over(reach->way->ssh) ? ssh_why(reach->way->ssh) : NULL;
}

static void tunnel_tell(void *user, struct err *err) {
    struct reach *reach = user;
    const char *entry = err ? NULL : ssh_tunnel_entry(reach->tunnel);
    reach->tunnel_opened(reach->tunnel_user, entry, err);
}

static void tunnel_news(void *user) {
    struct reach *reach = user;
    loop_timer_free(reach->news);
    reach->news = NULL;
    tunnel_tell(reach, reach->err.kind ? &reach->err : NULL);
}

void reach_tunnel(struct reach *reach, const struct ssh_end *end,
                  void (*opened)(void *user, const char *entry, struct err *err), void *user) {
    reach->tunnel_opened = opened;
    reach->tunnel_user = user;
    if (ssh_tunnel(reach->way->ssh, end, tunnel_tell, reach, &reach->tunnel, &reach->err) < 0 ||
        ssh_tunnel_entry(reach->tunnel))
        reach->news = loop_timer_new(reach->run->loop, 0, tunnel_news, reach);
}

void reach_free(struct reach *reach) {
    if (!reach)
        return;
    struct way *way = reach->way;
    if (reach->tunnel)
        ssh_tunnel_forget(reach->tunnel);
    loop_timer_free(reach->news);
    if (way) {
        waiting_remove(reach);
        way->users--;
        if (!way->users && ssh_is_over(way->ssh))
            way_free(way);
    }
    err_release(&reach->err);
    mem_free(reach);
}

/* ---- the end -------------------------------------------------------------------------------- */

void ways_end(struct run *run) {
    for (struct way *it = run->ways ? run->ways->first : NULL; it; it = it->next)
        if (!ssh_is_over(it->ssh))
            ssh_close(it->ssh);
}

bool ways_over(const struct run *run) {
    for (const struct way *it = run->ways ? run->ways->first : NULL; it; it = it->next)
        if (!ssh_is_over(it->ssh))
            return false;
    return true;
}

void ways_free(struct run *run, bool is_left) {
    if (run->place && !is_left && !run->replay)
        folders_remove(run);
    if (!run->ways)
        return;
    while (run->ways->first)
        way_free(run->ways->first);
    mem_free(run->ways->folder);
    mem_free(run->ways);
}
