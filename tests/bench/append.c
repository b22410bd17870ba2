/* Records appended to a transcript as the engine appends them: chained, redacted, synced behind
 * each group. append FILE RECORDS GROUP */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "journal/writer.h"
#include "secret/digest.h"
#include "secret/redact.h"
#include "secret/secret.h"

static struct redactor *redactor_make(struct secrets *secrets) {
    AUTO_ERR err = ERR_INIT;
    struct redactor *redactor = redactor_new();
    for (int i = 0; i < 20; i++) {
        AUTO_TEXT name = mem_printf("secret_%d", i);
        char text[DIGEST_TEXT_SIZE];
        digest_text(&i, sizeof i, text);
        if (secrets_add(secrets, name, text, strlen(text), false, &err) < 0)
            exit(1);
    }
    redactor_add_secrets(redactor, secrets);
    return redactor;
}

static void append(struct writer *writer, long count, long group) {
    AUTO_ERR err = ERR_INIT;
    for (long i = 0; i < count; i++) {
        AUTO_TEXT step = mem_printf("step_%ld", i);
        struct event event = {.type = EVENT_STEP_FINISHED};
        EVENT_SET(&event, phase, "run");
        EVENT_SET(&event, step, step);
        EVENT_SET(&event, status, "succeeded");
        EVENT_SET(&event, attempt, 1);
        EVENT_SET(&event, duration_ms, i % 1000);
        bool failed = writer_append(writer, &event, &err) < 0 ||
                      ((i + 1) % group == 0 && writer_sync(writer, &err) < 0);
        if (!failed)
            continue;
        fprintf(stderr, "append: %s\n", err.message);
        exit(1);
    }
}

int main(int argc, char **argv) {
    AUTO_ERR err = ERR_INIT;
    struct writer *writer = NULL;
    if (argc != 4)
        return fputs("usage: append FILE RECORDS GROUP\n", stderr), 2;
    remove(argv[1]);
    struct secrets *secrets = secrets_new();
    struct redactor *redactor = redactor_make(secrets);
    if (writer_new(argv[1], redactor, &writer, &err) < 0)
        return fprintf(stderr, "append: %s\n", err.message), 1;
    append(writer, strtol(argv[2], NULL, 10), strtol(argv[3], NULL, 10));
    if (writer_close(writer, &err) < 0)
        return fprintf(stderr, "append: %s\n", err.message), 1;
    writer_free(writer);
    redactor_free(redactor);
    secrets_free(secrets);
    return 0;
}
