#include "run/copies.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/map.h"
#include "base/text.h"
#include "secret/digest.h"

struct copies {
    struct map *by_path; /* absolute: the path of the copy */
    char *folder;
    struct runbook_copies files;
};

/* ---- names --------------------------------------------------------------------------------- */

static void path_cut(struct buf *out, size_t length) {
    out->length = length;
    out->data[length] = '\0';
}

/* Without `.` and `..`: what calls a file may write its name in another way. */
static void path_add(struct buf *out, const char *path) {
    while (*path) {
        size_t length = strcspn(path, "/");
        if (length == 2 && memcmp(path, "..", 2) == 0) {
            const char *slash = strrchr(buf_text(out), '/');
            if (slash)
                path_cut(out, (size_t)(slash - buf_text(out)));
        } else if (length && !(length == 1 && *path == '.')) {
            buf_puts(out, "/");
            buf_append(out, path, length);
        }
        path += length + (path[length] == '/');
    }
}

static char *path_absolute(const struct copies *copies, const char *path) {
    AUTO_BUF out = BUF_INIT(1 << 20);
    if (path[0] != '/')
        path_add(&out, copies->folder);
    path_add(&out, path);
    return mem_strdup(buf_text(&out));
}

static const char *copy_find(void *user, const char *path) {
    const struct copies *copies = user;
    AUTO_TEXT absolute = path_absolute(copies, path);
    return map_get(copies->by_path, absolute);
}

/* ---- the list ------------------------------------------------------------------------------ */

static int copy_check(const char *path, const char *sha256, struct err *err) {
    AUTO_TEXT bytes = NULL;
    size_t length;
    char found[DIGEST_TEXT_SIZE];
    struct stat info;
    if (lstat(path, &info) < 0)
        return err_sys(err, errno, "cannot read %s, which the transcript names", path);
    if (!S_ISREG(info.st_mode))
        return err_set(err, ERR_TRANSCRIPT, "%s is not a regular file", path);
    if (file_read(path, RUNBOOK_MAX_BYTES, &bytes, &length, err) < 0)
        return -1;
    digest_text(bytes, length, found);
    if (text_equal(found, sha256))
        return 0;
    err_set(err, ERR_TRANSCRIPT, "%s is not what was executed: its SHA-256 differs", path);
    return err_hint(err, "`runbook verify` tells what else was changed");
}

static bool text_of(value item, const char *key, value *ret) {
    *ret = value_get(item, key);
    return value_is(*ret, VALUE_STRING) && strlen(value_text(*ret)) == value_text_length(*ret);
}

/* The transcript may come from anywhere: it names files of its own folder only. */
static int copy_add(struct copies *copies, const char *dir, value item, struct err *err) {
    value path, copy, sha256;
    bool is_named = text_of(item, "path", &path);
    is_named &= text_of(item, "copy", &copy);
    is_named &= text_of(item, "sha256", &sha256);
    int status = 0;
    if (!is_named || !*value_text(copy) || strchr(value_text(copy), '/') ||
        value_text(copy)[0] == '.') {
        status = err_set(err, ERR_TRANSCRIPT, "the transcript does not name its files");
    } else {
        AUTO_TEXT at = mem_printf("%s/%s", dir, value_text(copy));
        AUTO_TEXT absolute = path_absolute(copies, value_text(path));
        status = copy_check(at, value_text(sha256), err);
        if (status == 0)
            mem_free(map_put(copies->by_path, absolute, mem_strdup(at)));
    }
    value_free(path);
    value_free(copy);
    value_free(sha256);
    return status;
}

int copies_open(const struct past *past, struct copies **ret, struct err *err) {
    const struct event *started = past_started(past);
    struct copies *copies = mem_zalloc(sizeof *copies);
    int status = 0;
    copies->by_path = map_new();
    copies->folder = mem_strdup(EVENT_HAS(started, cwd) ? started->cwd : "/");
    copies->files = (struct runbook_copies){copy_find, copies, copies->folder};
    for (size_t i = 0; status == 0 && i < value_count(started->files); i++) {
        AUTO_VALUE item = value_at(started->files, i);
        status = copy_add(copies, past_dir(past), item, err);
    }
    if (status < 0)
        copies_free(copies);
    else
        *ret = copies;
    return status;
}

void copies_free(struct copies *copies) {
    if (!copies)
        return;
    const char *key;
    void *copy;
    for (size_t i = 0; map_next(copies->by_path, &i, &key, &copy);)
        mem_free(copy);
    map_free(copies->by_path);
    mem_free(copies->folder);
    mem_free(copies);
}

const struct runbook_copies *copies_files(const struct copies *copies) {
    return &copies->files;
}
