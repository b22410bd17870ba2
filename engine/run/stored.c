#include "run/stored.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"

#define FOLDER "output/"

static int file_name(value record, const char **ret, value *ret_file, struct err *err) {
    *ret_file = value_get(record, "file");
    *ret = value_is(*ret_file, VALUE_STRING) ? value_text(*ret_file) : "";
    const char *own = text_starts_with(*ret, FOLDER) ? *ret + strlen(FOLDER) : "";
    if (!*own || strchr(own, '/') || text_equal(own, "..") ||
        strlen(*ret) != value_text_length(*ret_file))
        return err_set(err, ERR_TRANSCRIPT, "the transcript names `%s` as an output", *ret);
    return 0;
}

static int file_open(struct stored *stored, struct err *err) {
    struct stat info;
    stored->fd = open(stored->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (stored->fd < 0 || fstat(stored->fd, &info) < 0)
        return err_sys(err, errno, "cannot read %s, which the transcript names", stored->path);
    if (!S_ISREG(info.st_mode))
        return err_set(err, ERR_TRANSCRIPT, "cannot read %s: it is not a regular file",
                       stored->path);
    return 0;
}

int stored_open(struct stored *ret, const char *dir, value record, struct err *err) {
    *ret = (struct stored)STORED_INIT;
    ret->text = value_get(record, "text");
    if (value_is(ret->text, VALUE_STRING) && value_count(record) == 2)
        return 0;
    const char *name;
    AUTO_VALUE file = value_none();
    if (file_name(record, &name, &file, err) < 0)
        return -1;
    ret->path = mem_printf("%s/%s", dir, name);
    return file_open(ret, err);
}

static ssize_t text_read(struct stored *stored, char *piece, size_t size) {
    size_t left = value_text_length(stored->text) - stored->at;
    if (size > left)
        size = left;
    memcpy(piece, value_text(stored->text) + stored->at, size);
    stored->at += size;
    return (ssize_t)size;
}

ssize_t stored_read(struct stored *stored, char *piece, size_t size, struct err *err) {
    if (!stored->path)
        return text_read(stored, piece, size);
    ssize_t got;
    do
        got = read(stored->fd, piece, size);
    while (got < 0 && errno == EINTR);
    return got < 0 ? err_sys(err, errno, "cannot read %s", stored->path) : got;
}

void stored_close(struct stored *stored) {
    file_close(&stored->fd);
    value_free(stored->text);
    mem_free(stored->path);
    *stored = (struct stored)STORED_INIT;
}
