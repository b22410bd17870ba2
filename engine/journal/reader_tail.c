#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "journal/reader.h"

/* The reserve's zeros stand behind the last line of a run that has not been closed, and a torn
 * line may stand before them. */
#define TAIL_FIRST ((size_t)TRANSCRIPT_LINE_MAX)
#define TAIL_MAX ((size_t)16 * TRANSCRIPT_LINE_MAX)

/* Where the line begins that ends at `end`. */
static size_t line_start(const char *bytes, size_t end) {
    while (end > 0 && bytes[end - 1] != '\n')
        end--;
    return end;
}

/* The first `type` of a record is its own. */
static bool is_checkpoint(const char *line, size_t length) {
    static const char key[] = "\"type\":\"", type[] = "checkpoint\"";
    const char *at = memmem(line, length, key, sizeof key - 1);
    const size_t left = at ? length - (size_t)(at - line) - (sizeof key - 1) : 0;
    return left >= sizeof type - 1 && memcmp(at + sizeof key - 1, type, sizeof type - 1) == 0;
}

/* A line with a NUL in it is torn: its pages reached the disk out of order. */
static bool line_last(const char *bytes, size_t length, bool whole_file, enum reader_last which,
                      size_t *ret_start, size_t *ret_length) {
    size_t end = line_start(bytes, length);
    if (end == 0)
        return false;
    size_t start = line_start(bytes, end - 1);
    while (which == READER_LAST_DEED && start > 0 && is_checkpoint(bytes + start, end - start)) {
        end = start;
        start = line_start(bytes, end - 1);
    }
    for (size_t i = start; i < end; i++)
        if (bytes[i] == '\0')
            return false;
    *ret_start = start;
    *ret_length = end - start;
    return start > 0 || whole_file;
}

/* 1, 0, or -1 with errno. */
static int tail_look(int fd, size_t size, size_t length, enum reader_last which, char **ret_line,
                     size_t *ret_length) {
    char *tail = mem_alloc(length + 1);
    size_t start;
    ssize_t got = pread(fd, tail, length, (off_t)(size - length));
    int found = got < 0 ? -1 : 0;
    if (got > 0 && line_last(tail, (size_t)got, length == size, which, &start, ret_length)) {
        *ret_line = mem_alloc(*ret_length + 1);
        memcpy(*ret_line, tail + start, *ret_length);
        (*ret_line)[*ret_length] = '\0';
        found = 1;
    }
    mem_free(tail);
    return found;
}

int reader_last_line(const char *path, enum reader_last which, char **ret_line, size_t *ret_length,
                     struct err *err) {
    AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    struct stat info;
    if (fd < 0 || fstat(fd, &info) < 0)
        return err_sys(err, errno, "cannot read the transcript %s", path);
    if (!S_ISREG(info.st_mode))
        return err_set(err, ERR_INVALID, "%s is not a regular file", path);
    size_t size = (size_t)info.st_size;
    for (size_t length = TAIL_FIRST;; length *= 4) {
        length = length < size ? length : size;
        int found = tail_look(fd, size, length, which, ret_line, ret_length);
        if (found < 0)
            return err_sys(err, errno, "cannot read the transcript %s", path);
        if (found > 0 || length == size || length >= TAIL_MAX)
            return found;
    }
}
