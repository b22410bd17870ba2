/* The least that expressions cost: all of a file's lines compiled by libjq as one program.
 * floor_jq FILE */
#include <jq.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv) {
    FILE *file = argc == 2 ? fopen(argv[1], "r") : NULL;
    if (!file)
        return fputs("usage: floor_jq FILE\n", stderr), 2;
    char *program = NULL, *line = NULL;
    size_t length = 0, room = 0;
    FILE *out = open_memstream(&program, &length);
    while (getline(&line, &room, file) > 0) {
        line[strcspn(line, "\n")] = '\0';
        fprintf(out, "%s(%s)", ftell(out) > 0 ? "," : "", line);
    }
    fclose(out);
    fclose(file);
    jq_state *jq = jq_init();
    int compiled = jq_compile(jq, program);
    jq_teardown(&jq);
    free(program);
    free(line);
    return compiled ? 0 : 1;
}
