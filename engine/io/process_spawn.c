#include "io/process_spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define FIRST_LINE 256

/* ---- where a program is ------------------------------------------------------------------- */

static bool is_program(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode) && access(path, X_OK) == 0;
}

/* The child may change its folder first, so a relative entry of PATH is made absolute here. Into
 * `ret`, as a lookup joins a name with a dozen folders and printf made it a tenth of the engine's
 * share of a short step. False where it is too long for any file. */
static bool join(const char *folder, size_t length, const char *name, char ret[PATH_MAX]) {
    char here[PATH_MAX];
    size_t used = 0, name_length = strlen(name);
    if (length == 0 || folder[0] != '/') {
        if (!getcwd(here, sizeof here))
            return false;
        used = strlen(here);
    }
    if (used + length + name_length + 3 > PATH_MAX)
        return false;
    memcpy(ret, here, used);
    if (used > 0 && length > 0)
        ret[used++] = '/';
    memcpy(ret + used, folder, length);
    used += length;
    ret[used++] = '/';
    memcpy(ret + used, name, name_length + 1);
    return true;
}

/* The first file of that name; `any` also takes one that cannot be executed. */
static char *search(const char *name, const char *path, bool any) {
    char candidate[PATH_MAX];
    for (;;) {
        size_t length = strcspn(path, ":");
        if (join(path, length, name, candidate) &&
            (any ? file_exists(candidate) : is_program(candidate)))
            return mem_strdup(candidate);
        if (path[length] == '\0')
            return NULL;
        path += length + 1;
    }
}

char *process_which(const char *name, const char *path_variable) {
    if (name[0] == '\0')
        return NULL;
    if (strchr(name, '/'))
        return is_program(name) ? mem_strdup(name) : NULL;
    return search(name, path_variable ? path_variable : DEFAULT_PATH, false);
}

static const char *path_of(const char *const *env) {
    for (; env && *env; env++)
        if (strncmp(*env, "PATH=", 5) == 0)
            return *env + 5;
    return DEFAULT_PATH;
}

char *spawn_locate(const struct process_spec *spec, struct err *err) {
    const char *name = spec->argv[0];
    if (!name || !*name)
        return err_set(err, ERR_INVALID, "the command has no name"), NULL;
    if (strchr(name, '/'))
        return mem_strdup(name);
    const char *path = path_of(spec->env);
    char *found = process_which(name, path);
    if (found)
        return found;
    AUTO_TEXT unusable = search(name, path, true);
    struct err why = ERR_INIT;
    if (unusable) {
        err_set(&why, ERR_SYSTEM, "`%s` cannot be executed", unusable);
        err_hint(&why, "make it executable: chmod +x %s", unusable);
    } else {
        err_set(&why, ERR_SYSTEM, "command not found: `%s`", name);
        if (strchr(name, ' '))
            err_hint(&why, "a command is a list of words: [ls, -l], or a line for `shell`");
        else
            err_hint(&why, "PATH is %s", path);
    }
    why.sys = unusable ? EACCES : ENOENT;
    err_move(err, &why);
    return NULL;
}

/* ---- why a program does not start --------------------------------------------------------- */

struct spawn_asked {
    char *text; /* of the packet */
    size_t length;
    const char *program, *name, *environment;
    char *cwd; /* NULL: the engine's */
};

static const char *skip_words(const char *at, size_t count) {
    while (count-- > 0)
        at += strlen(at) + 1;
    return at;
}

struct spawn_asked *spawn_asked_new(const struct process_spec *spec, struct packet *packet) {
    struct spawn_asked *asked = mem_zalloc(sizeof *asked);
    asked->text = packet->text;
    asked->length = packet->head.length;
    packet->text = NULL;
    asked->program = skip_words(asked->text, 1); /* behind the token */
    asked->name = skip_words(asked->program, 1);
    asked->environment = skip_words(asked->name, packet->head.argc);
    asked->cwd = spec->cwd ? mem_strdup(spec->cwd) : NULL;
    return asked;
}

const char *spawn_asked_environment(const struct spawn_asked *asked, size_t *ret_length) {
    *ret_length = asked->length - (size_t)(asked->environment - asked->text);
    return asked->environment;
}

void spawn_asked_free(struct spawn_asked *asked) {
    if (!asked)
        return;
    mem_wipe_free(asked->text, asked->length); /* secrets may be in it */
    mem_free(asked->cwd);
    mem_free(asked);
}

static bool is_folder(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static int explain_folder(const char *cwd, struct err *err) {
    if (!file_exists(cwd))
        return err_set(err, ERR_SYSTEM, "the folder `%s` does not exist", cwd);
    if (!is_folder(cwd))
        return err_set(err, ERR_SYSTEM, "`%s` is not a folder", cwd);
    return err_set(err, ERR_SYSTEM, "the folder `%s` may not be entered", cwd);
}

static int explain_interpreter(const char *path, const char *shown, struct err *err) {
    char line[FIRST_LINE] = "";
    AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, line, sizeof line - 1);
    if (got > 2 && line[0] == '#' && line[1] == '!') {
        line[strcspn(line, "\r\n")] = '\0';
        err_set(err, ERR_SYSTEM, "the interpreter of `%s` does not exist: `%s`", shown, line + 2);
        return err_hint(err, "its first line names it; line ends of Windows do this too");
    }
    return err_set(err, ERR_SYSTEM, "the loader that `%s` asks for does not exist", shown);
}

static int explain_access(const char *path, const char *shown, struct err *err) {
    if (is_folder(path))
        return err_set(err, ERR_SYSTEM, "`%s` is a folder, not a command", shown);
    err_set(err, ERR_SYSTEM, "`%s` cannot be executed", shown);
    return err_hint(err, "make it executable: chmod +x %s", shown);
}

static int explain_size(const struct spawn_asked *asked, struct err *err) {
    AUTO_TEXT size = text_show_size((int64_t)(asked->length - (size_t)(asked->name - asked->text)));
    err_set(err, ERR_SYSTEM, "arguments and environment are too large: %s", size);
    return err_hint(err, "hand large values over by `stdin` or by a file");
}

static int explain_missing(const struct spawn_asked *asked, const char *path, struct err *err) {
    if (file_exists(path))
        return explain_interpreter(path, asked->name, err);
    err_set(err, ERR_SYSTEM, "command not found: `%s`", asked->name);
    if (asked->cwd && asked->name[0] != '/')
        err_hint(err, "looked for in the folder `%s`", asked->cwd);
    return -1;
}

int spawn_explain(const struct spawn_asked *asked, int sys, struct err *err) {
    const char *program = asked->program, *cwd = asked->cwd;
    AUTO_TEXT path =
        program[0] == '/' || !cwd ? mem_strdup(program) : mem_printf("%s/%s", cwd, program);
    bool cwd_fits = !cwd || (is_folder(cwd) && access(cwd, X_OK) == 0);
    struct err why = ERR_INIT;
    if (!cwd_fits)
        explain_folder(cwd, &why);
    else if (sys == ENOENT)
        explain_missing(asked, path, &why);
    else if (sys == EACCES)
        explain_access(path, asked->name, &why);
    else if (sys == E2BIG)
        explain_size(asked, &why);
    else
        err_sys(&why, sys, "cannot start `%s`", asked->name);
    if (sys == ENOEXEC)
        err_hint(&why, "it is neither a program of this machine nor a script with a `#!` line");
    if (sys == EAGAIN)
        err_hint(&why, "too many processes: `ulimit -u` is the limit");
    why.sys = sys;
    return err_move(err, &why);
}

/* ---- what the command gets ---------------------------------------------------------------- */

static int make_pipe(int *ret_read, int *ret_write, struct err *err) {
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) < 0)
        return err_sys(err, errno, "cannot make a pipe");
    (void)fcntl(fds[0], F_SETFL, O_NONBLOCK);
    *ret_read = fds[0];
    *ret_write = fds[1];
    return 0;
}

/* A file of memory, whole from the start: the command can read all of it when we are gone. */
static int make_input(const struct process_spec *spec, int *ret, struct err *err) {
    *ret = memfd_create("stdin", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (*ret < 0)
        return err_sys(err, errno, "cannot keep the input of `%s`", spec->argv[0]);
    if (file_write_all(*ret, spec->input, spec->input_length, err) < 0)
        return err_wrap(err, "the input of `%s`", spec->argv[0]);
    if (lseek(*ret, 0, SEEK_SET) < 0 ||
        fcntl(*ret, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
        return err_sys(err, errno, "cannot keep the input of `%s`", spec->argv[0]);
    return 0;
}

static int make_fds(const struct process_spec *spec, struct packet *packet, struct err *err) {
    if (spec->input && make_input(spec, &packet->fds[FD_INPUT], err) < 0)
        return -1;
    for (int i = 0; spec->output && i < 2; i++)
        if (make_pipe(&packet->fds[FD_OUT_READ + i], &packet->fds[FD_OUT + i], err) < 0)
            return -1;
    packet->fds[FD_FOLDER] = open(spec->cwd ? spec->cwd : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (packet->fds[FD_FOLDER] >= 0)
        return 0;
    if (spec->cwd)
        return explain_folder(spec->cwd, err);
    return err_sys(err, errno, "cannot use the current folder");
}

static size_t words_bytes(const char *const *words) {
    size_t bytes = 0;
    for (; words && *words; words++)
        bytes += strlen(*words) + 1;
    return bytes;
}

static uint32_t words_count(const char *const *words) {
    uint32_t count = 0;
    while (words && words[count])
        count++;
    return count;
}

static char *put_words(char *at, const char *const *words) {
    for (; words && *words; words++)
        at = stpcpy(at, *words) + 1;
    return at;
}

void spawn_text(const struct process_spec *spec, const char *program, struct packet *packet) {
    const char *token = spec->token ? spec->token : "";
    size_t length =
        strlen(token) + 1 + strlen(program) + 1 + words_bytes(spec->argv) + words_bytes(spec->env);
    packet->head.argc = words_count(spec->argv);
    packet->head.envc = words_count(spec->env);
    packet->text = mem_alloc(length);
    packet->head.length = length > UINT32_MAX ? UINT32_MAX : (uint32_t)length;
    char *at = stpcpy(packet->text, token) + 1;
    at = stpcpy(at, program) + 1;
    put_words(put_words(at, spec->argv), spec->env);
}

int spawn_describe(const struct process_spec *spec, const char *program, struct packet *ret,
                   struct err *err) {
    *ret = packet_make(PACKET_SPAWN);
    ret->head.grace_ms = spec->grace_ms;
    ret->head.keep_orphans = spec->keep_orphans;
    ret->head.is_aid = spec->is_aid;
    if (make_fds(spec, ret, err) < 0) {
        packet_release(ret);
        return -1;
    }
    spawn_text(spec, program, ret);
    return 0;
}
