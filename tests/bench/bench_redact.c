/* How fast clean output passes the redactor with 20 secrets: megabytes a second, by kind of
 * text. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "secret/redact.h"

#define SIZE ((size_t)64 << 20)
#define PIECE ((size_t)65536)

static unsigned long long state = 88172645463325252ULL;

static unsigned random_byte(void) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)(state >> 24) & 255;
}

static void fill_log(char *text) {
    static const char *const words[] = {
        "INFO",    "connection", "from",  "postgres", "restored", "table", "2026-01-02T03:04:05Z",
        "request", "status=200", "took",  "412ms",    "for",      "user",  "/api/health",
        "the",     "checksum",   "rows:", "100000",   "\n",       "done",
    };
    for (size_t at = 0; at < SIZE;) {
        const char *word = words[random_byte() % (sizeof words / sizeof *words)];
        size_t length = strlen(word);
        if (length + 1 > SIZE - at)
            length = SIZE - at - 1;
        memcpy(text + at, word, length);
        text[at + length] = ' ';
        at += length + 1;
    }
}

static void fill_base64(char *text) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t at = 0; at < SIZE; at++)
        text[at] = at % 77 == 76 ? '\n' : digits[random_byte() & 63];
}

static void fill_hex(char *text) {
    for (size_t at = 0; at < SIZE; at++)
        text[at] = "0123456789abcdef"[random_byte() & 15];
}

static void fill_json(char *text) {
    static const char line[] =
        "{\"id\": 12345, \"name\": \"a \\\"quoted\\\" text\", \"path\": \"\\/srv\\/data\", "
        "\"note\": \"\\u00e9t\\u00e9 \\u003cb\\u003e\"}\n";
    for (size_t at = 0; at < SIZE; at++)
        text[at] = line[at % (sizeof line - 1)];
}

static void fill_bytes(char *text) {
    for (size_t at = 0; at < SIZE; at++)
        text[at] = (char)random_byte();
}

static void count_bytes(void *user, const char *bytes, size_t length) {
    (void)bytes;
    *(size_t *)user += length;
}

/* Of the processor: other programs must not slow it down. */
static double seconds_used(void) {
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

static void measure(const struct redactor *redactor, const char *name, void (*fill)(char *text)) {
    char *text = mem_alloc(SIZE);
    fill(text);
    size_t out = 0;
    struct redact_stream *stream = redact_stream_new(redactor, count_bytes, &out);
    double begin = seconds_used();
    for (size_t at = 0; at < SIZE; at += PIECE)
        redact_stream_write(stream, text + at, PIECE);
    redact_stream_end(stream);
    double seconds = seconds_used() - begin;
    printf("%-8s %7.0f MB/s (%zu bytes out)\n", name, (double)SIZE / 1e6 / seconds, out);
    redact_stream_free(stream);
    mem_free(text);
}

int main(void) {
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#%&/()=?+*";
    struct redactor *redactor = redactor_new();
    double begin = seconds_used();
    for (int i = 0; i < 20; i++) {
        char secret[32], name[16];
        for (size_t at = 0; at < sizeof secret; at++)
            secret[at] = letters[random_byte() % (sizeof letters - 1)];
        snprintf(name, sizeof name, "s%d", i);
        redactor_add_secret(redactor, name, secret, sizeof secret);
    }
    printf("20 secrets added in %.2f ms\n", (seconds_used() - begin) * 1e3);
    measure(redactor, "log", fill_log);
    measure(redactor, "json", fill_json);
    measure(redactor, "base64", fill_base64);
    measure(redactor, "hex", fill_hex);
    measure(redactor, "bytes", fill_bytes);
    redactor_free(redactor);
    return 0;
}
