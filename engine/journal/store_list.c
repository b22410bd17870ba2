#include "journal/store_list.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/vec.h"
#include "journal/reader.h"
#include "secret/digest.h"

/* ---- ids ----------------------------------------------------------------------------------- */

static bool is_stamp(const char *text) {
    static const char shape[] = "00000000T000000Z";
    for (size_t i = 0; i < RUN_STAMP_LENGTH; i++) {
        bool digit = text[i] >= '0' && text[i] <= '9';
        if (shape[i] == '0' ? !digit : text[i] != shape[i])
            return false;
    }
    return true;
}

/* "-N" at the end, or nothing: 1; anything else: 0. */
static unsigned suffix_read(const char *text) {
    if (*text == '\0')
        return 1;
    char *end;
    unsigned long number = *text == '-' ? strtoul(text + 1, &end, 10) : 0;
    return number > 1 && number <= 1000000 && *end == '\0' ? (unsigned)number : 0;
}

struct run_key run_key_of(const char *id) {
    struct run_key key = {.suffix = 1};
    memset(key.stamp, '0', RUN_STAMP_LENGTH);
    for (const char *dash = strchr(id, '-'); dash; dash = strchr(dash + 1, '-')) {
        if (strlen(dash + 1) < RUN_STAMP_LENGTH || !is_stamp(dash + 1))
            continue;
        unsigned suffix = suffix_read(dash + 1 + RUN_STAMP_LENGTH);
        if (suffix == 0)
            continue;
        memcpy(key.stamp, dash + 1, RUN_STAMP_LENGTH);
        key.suffix = suffix;
    }
    return key;
}

int run_key_compare(const struct run_key *a, const struct run_key *b) {
    int order = memcmp(a->stamp, b->stamp, RUN_STAMP_LENGTH);
    return order ? order : (a->suffix > b->suffix) - (a->suffix < b->suffix);
}

/* RFC 3339 without its punctuation and fraction. */
void run_stamp(int64_t wall_ns, char ret[RUN_STAMP_LENGTH + 1]) {
    char time[CLOCK_TEXT_SIZE];
    clock_format(wall_ns, time);
    size_t length = 0;
    for (const char *at = time; *at && *at != '.'; at++)
        if (*at != '-' && *at != ':')
            ret[length++] = *at;
    ret[length++] = 'Z';
    ret[length] = '\0';
}

/* ---- folders ------------------------------------------------------------------------------- */

int store_check_owner(const char *path, const struct stat *info, struct err *err) {
    if (info->st_uid != geteuid())
        return err_set(err, ERR_REFUSED, "%s belongs to another user (uid %u)", path,
                       (unsigned)info->st_uid);
    if (!(info->st_mode & (S_IWGRP | S_IWOTH)))
        return 0;
    err_set(err, ERR_REFUSED, "other users may write to %s", path);
    return err_hint(err, "chmod %o %s", S_ISDIR(info->st_mode) ? 0700U : 0600U, path);
}

int store_check_dir(const char *path, struct err *err) {
    AUTO_FD fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat info;
    if (fd < 0 && (errno == ENOTDIR || errno == ELOOP)) {
        bool link = lstat(path, &info) == 0 && S_ISLNK(info.st_mode);
        return err_set(err, ERR_REFUSED, "%s is %s", path,
                       link ? "a symbolic link" : "not a folder");
    }
    if (fd < 0 || fstat(fd, &info) < 0)
        return err_sys(err, errno, "cannot open %s", path);
    return store_check_owner(path, &info, err);
}

int run_names_read(const char *runs, struct run_names *ret, struct err *err) {
    DIR *dir = opendir(runs);
    if (!dir)
        return err_sys(err, errno, "cannot read %s", runs);
    const struct dirent *entry;
    while ((entry = readdir(dir)))
        if (entry->d_name[0] != '.' && (entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN))
            *vec_add(ret) = mem_strdup(entry->d_name);
    closedir(dir);
    return 0;
}

struct dated {
    struct run_key key;
    char *id;
};

static int dated_compare(const void *a, const void *b) {
    const struct dated *left = a, *right = b;
    int order = run_key_compare(&right->key, &left->key);
    return order ? order : strcmp(left->id, right->id);
}

/* Each id is read once: at each comparison that took 7 of the 18 ms in which a run began beside
 * 10,000 others. */
void run_names_sort(struct run_names *names) {
    struct dated *dated = mem_calloc(names->count + 1, sizeof *dated);
    for (size_t i = 0; i < names->count; i++)
        dated[i] = (struct dated){run_key_of(names->items[i]), names->items[i]};
    qsort(dated, names->count, sizeof *dated, dated_compare);
    for (size_t i = 0; i < names->count; i++)
        names->items[i] = dated[i].id;
    mem_free(dated);
}

void run_names_release(struct run_names *names) {
    for (size_t i = 0; i < names->count; i++)
        mem_free(names->items[i]);
    vec_release(names);
}

/* ---- heads --------------------------------------------------------------------------------- */

bool transcript_head(const char *path, char ret[65]) {
    AUTO_TEXT line = NULL;
    AUTO_ERR ignored = ERR_INIT;
    size_t length;
    if (reader_last_line(path, READER_LAST, &line, &length, &ignored) <= 0)
        return false;
    digest_text(line, length, ret);
    return true;
}
