/* The least that reading a transcript costs where libjq parses it: each line is hashed, held
 * against the `prev` of the next one, and parsed once. floor_records FILE */
#include <jv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "secret/digest.h"

#define PREV "\"prev\":\""

int main(int argc, char **argv) {
    FILE *file = argc == 2 ? fopen(argv[1], "r") : NULL;
    if (!file)
        return fputs("usage: floor_records FILE\n", stderr), 2;
    struct digest *digest = digest_new();
    char head[DIGEST_TEXT_SIZE], *line = NULL;
    size_t room = 0;
    ssize_t length;
    long count = 0, bad = 0;
    for (; (length = getline(&line, &room, file)) > 0; count++) {
        const char *prev = strstr(line, PREV);
        bad += !prev || (count > 0 && strncmp(prev + sizeof PREV - 1, head, 64) != 0);
        jv parsed = jv_parse_sized(line, (int)length);
        bad += !jv_is_valid(parsed);
        jv_free(parsed);
        digest_update(digest, line, (size_t)length);
        digest_finish(digest, head);
    }
    printf("%ld records, %ld bad\n", count, bad);
    digest_free(digest);
    free(line);
    fclose(file);
    return bad != 0;
}
