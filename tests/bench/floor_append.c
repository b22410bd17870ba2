/* The least that chained records cost: lines of 200 bytes are hashed, written into a preallocated
 * file, and synced behind each group. floor_append FILE RECORDS GROUP */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "secret/digest.h"

#define RECORD ((size_t)200)
#define RESERVE ((off_t)262144) /* as the engine's */

static void must(int done) {
    if (done >= 0)
        return;
    perror("floor_append");
    exit(1);
}

int main(int argc, char **argv) {
    if (argc != 4)
        return fputs("usage: floor_append FILE RECORDS GROUP\n", stderr), 2;
    const long count = strtol(argv[2], NULL, 10), group = strtol(argv[3], NULL, 10);
    const int fd = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    must(fd);
    struct digest *digest = digest_new();
    char line[RECORD], head[DIGEST_TEXT_SIZE] = "";
    off_t length = 0, reserved = 0;
    memset(line, ' ', sizeof line);
    line[RECORD - 1] = '\n';
    for (long i = 1; i <= count; i++, length += (off_t)RECORD) {
        memcpy(line, head, sizeof head - 1);
        digest_update(digest, line, RECORD);
        digest_finish(digest, head);
        for (; length + (off_t)RECORD > reserved; reserved += RESERVE)
            must(fallocate(fd, 0, reserved, RESERVE));
        must((int)pwrite(fd, line, RECORD, length));
        if (i % group == 0)
            must(fdatasync(fd));
    }
    digest_free(digest);
    return close(fd) < 0;
}
