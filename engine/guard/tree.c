#include "guard/tree.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "guard/token.h"

#define LIST_CEILING ((size_t)16 << 20)
#define ENVIRON_CEILING ((size_t)8 << 20)
#define LIST_WHOLE 1024
#define STAT_SIZE 1024
#define SESSION_ROUNDS 200             /* of a millisecond */
#define TREE_CEILING ((size_t)1 << 22) /* more than a kernel has process numbers */

static bool without_lists, without_pidfd;

void tree_without_pidfd(bool without) {
    without_pidfd = without;
}

int tree_open_pid(pid_t pid) {
    return without_pidfd ? -1 : (int)syscall(SYS_pidfd_open, pid, 0U);
}

void tree_without_lists(bool without) {
    without_lists = without;
}

void pids_add(struct pids *pids, pid_t pid) {
    *vec_add(&pids->list) = pid;
}

void pids_release(struct pids *pids) {
    vec_release(&pids->list);
}

/* Files of /proc have no size: read until nothing comes. */
static void read_all(int fd, struct buf *ret) {
    char chunk[8192];
    for (off_t offset = 0;;) {
        ssize_t got = pread(fd, chunk, sizeof chunk, offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0 || buf_append(ret, chunk, (size_t)got) < 0)
            return;
        offset += got;
    }
}

static bool read_proc(const char *path, struct buf *ret) {
    AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    read_all(fd, ret);
    return true;
}

static void parse_list(const char *text, struct pids *ret) {
    char *end;
    for (;; text = end) {
        long pid = strtol(text, &end, 10);
        if (end == text)
            return;
        pids_add(ret, (pid_t)pid);
    }
}

struct pair {
    pid_t pid, parent;
    bool is_zombie;
};

struct snapshot {
    VEC(struct pair) list;
};

static struct pair look_up(pid_t pid) {
    AUTO_TEXT path = mem_printf("/proc/%d/stat", (int)pid);
    AUTO_BUF text = BUF_INIT(STAT_SIZE);
    if (!read_proc(path, &text))
        return (struct pair){.pid = pid};
    /* "PID (NAME) STATE PPID": the name may hold anything, parentheses too. */
    const char *name_end = strrchr(buf_text(&text), ')');
    if (!name_end || strlen(name_end) <= 4)
        return (struct pair){.pid = pid};
    return (struct pair){pid, (pid_t)strtol(name_end + 4, NULL, 10), name_end[2] == 'Z'};
}

static void take_snapshot(struct snapshot *ret) {
    DIR *dir = opendir("/proc");
    if (!dir)
        return;
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (!isdigit((unsigned char)entry->d_name[0]))
            continue;
        *vec_add(&ret->list) = look_up((pid_t)strtol(entry->d_name, NULL, 10));
    }
    closedir(dir);
}

static void add_children(const struct snapshot *snapshot, pid_t parent, struct pids *ret) {
    for (size_t i = 0; i < snapshot->list.count; i++)
        if (snapshot->list.items[i].parent == parent)
            pids_add(ret, snapshot->list.items[i].pid);
}

void tree_view_init(struct tree_view *view) {
    /* The kernel gives orphans to the main thread of their subreaper. */
    AUTO_TEXT path = mem_printf("/proc/self/task/%d/children", (int)getpid());
    view->children_fd = without_lists ? -1 : open(path, O_RDONLY | O_CLOEXEC);
}

void tree_view_release(struct tree_view *view) {
    file_close(&view->children_fd);
}

/* A list that is far from filling a page is whole: a second read to see its end would walk all
 * children again. */
static void read_list(int fd, struct buf *ret) {
    char text[LIST_WHOLE];
    ssize_t got = pread(fd, text, sizeof text, 0);
    if (got >= 0 && got < LIST_WHOLE)
        buf_append(ret, text, (size_t)got);
    else
        read_all(fd, ret);
}

void tree_own_children(const struct tree_view *view, struct pids *ret) {
    if (view->children_fd >= 0) {
        AUTO_BUF text = BUF_INIT(LIST_CEILING);
        read_list(view->children_fd, &text);
        parse_list(buf_text(&text), ret);
        return;
    }
    struct snapshot snapshot = {0};
    take_snapshot(&snapshot);
    add_children(&snapshot, getpid(), ret);
    vec_release(&snapshot.list);
}

/* A child is listed under the thread that made it. False where the kernel has no lists. */
static bool list_children(pid_t pid, struct pids *ret) {
    AUTO_TEXT folder = mem_printf("/proc/%d/task", (int)pid);
    DIR *dir = opendir(folder);
    if (!dir)
        return true; /* it is gone */
    bool has_list = true;
    for (struct dirent *entry; has_list && (entry = readdir(dir));) {
        if (!isdigit((unsigned char)entry->d_name[0]))
            continue;
        AUTO_TEXT path = mem_printf("%s/%s/children", folder, entry->d_name);
        AUTO_BUF text = BUF_INIT(LIST_CEILING);
        if (!read_proc(path, &text) && errno == ENOENT && kill(pid, 0) == 0)
            has_list = access("/proc/thread-self/children", F_OK) == 0;
        parse_list(buf_text(&text), ret);
    }
    closedir(dir);
    return has_list;
}

static void descend_by_snapshot(struct pids *pids) {
    struct snapshot snapshot = {0};
    take_snapshot(&snapshot);
    for (size_t i = 0; i < pids->list.count && pids->list.count < TREE_CEILING; i++)
        add_children(&snapshot, pids->list.items[i], pids);
    vec_release(&snapshot.list);
}

void tree_descend(struct pids *pids) {
    bool has_lists = !without_lists;
    size_t roots = pids->list.count;
    for (size_t i = 0; has_lists && i < pids->list.count && pids->list.count < TREE_CEILING; i++)
        has_lists = list_children(pids->list.items[i], pids);
    if (has_lists)
        return;
    pids->list.count = roots;
    descend_by_snapshot(pids);
}

static bool is_listed(const struct pids *pids, pid_t pid) {
    for (size_t i = pids->list.count; i-- > 0;)
        if (pids->list.items[i] == pid)
            return true;
    return false;
}

void tree_signal(const struct pids *pids, int signum) {
    AUTO_PIDS groups = {0};
    for (size_t i = 0; i < pids->list.count; i++) {
        pid_t pid = pids->list.items[i];
        pid_t group = getpgid(pid);
        if (group == getpgrp())
            kill(pid, signum);
        else if (group > 1 && !is_listed(&groups, group)) {
            pids_add(&groups, group);
            kill(-group, signum);
        }
    }
}

/* A zombie is somebody else's to bury, and holds nobody up. */
static size_t add_sessions(const struct pids *leaders, struct pids *ret) {
    struct snapshot snapshot = {0};
    take_snapshot(&snapshot);
    for (size_t i = 0; i < snapshot.list.count; i++) {
        const struct pair *it = &snapshot.list.items[i];
        if (!it->is_zombie && is_listed(leaders, getsid(it->pid)))
            pids_add(ret, it->pid);
    }
    vec_release(&snapshot.list);
    return ret->list.count;
}

void tree_kill_sessions(const struct pids *leaders) {
    for (int i = 0; i < SESSION_ROUNDS; i++) {
        AUTO_PIDS pids = {0};
        if (add_sessions(leaders, &pids) == 0)
            return;
        tree_descend(&pids);
        tree_signal(&pids, SIGKILL);
        nanosleep(&(struct timespec){.tv_nsec = NS_PER_MS}, NULL);
    }
}

char *tree_token(pid_t pid, int *patience_ms) {
    AUTO_TEXT path = mem_printf("/proc/%d/environ", (int)pid);
    AUTO_BUF text = BUF_INIT(ENVIRON_CEILING);
    while (read_proc(path, &text) && text.length == 0 && *patience_ms > 0) {
        --*patience_ms;
        nanosleep(&(struct timespec){.tv_nsec = NS_PER_MS}, NULL);
    }
    const char *at = buf_text(&text);
    const char *end = at + text.length;
    for (; at < end; at += strlen(at) + 1)
        if (strncmp(at, PROCESS_TOKEN "=", sizeof PROCESS_TOKEN) == 0)
            return mem_strdup(at + sizeof PROCESS_TOKEN);
    return NULL;
}

static bool has_variable(const struct buf *environment, const char *variable) {
    const char *at = environment->data, *end = at + environment->length;
    for (; at < end; at += strlen(at) + 1)
        if (strcmp(at, variable) == 0)
            return true;
    return false;
}

/* A shell changes its own variables before it hands over to another program. */
static bool has_environment(pid_t pid, const char *bytes, size_t length) {
    AUTO_TEXT path = mem_printf("/proc/%d/environ", (int)pid);
    AUTO_BUF text = BUF_INIT(ENVIRON_CEILING);
    bool is_ours = false;
    if (!read_proc(path, &text) || text.length == 0 || text.data[text.length - 1] != '\0')
        return false;
    for (const char *at = bytes; at < bytes + length; at += strlen(at) + 1) {
        if (strncmp(at, "RUNBOOK_", sizeof "RUNBOOK_" - 1) != 0)
            continue;
        if (!has_variable(&text, at))
            return false;
        is_ours = true;
    }
    return is_ours;
}

static bool add_environment(const char *bytes, size_t length, struct pids *ret) {
    struct snapshot snapshot = {0};
    const size_t before = ret->list.count;
    take_snapshot(&snapshot);
    for (size_t i = 0; i < snapshot.list.count; i++)
        if (has_environment(snapshot.list.items[i].pid, bytes, length))
            pids_add(ret, snapshot.list.items[i].pid);
    vec_release(&snapshot.list);
    return ret->list.count > before;
}

void tree_find_environment(const char *bytes, size_t length, int *patience_ms, struct pids *ret) {
    while (length > 0 && !add_environment(bytes, length, ret) && *patience_ms > 0) {
        --*patience_ms;
        nanosleep(&(struct timespec){.tv_nsec = NS_PER_MS}, NULL);
    }
}
